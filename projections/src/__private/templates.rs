//! The text that every `#[handlers]` block has in common. The compiler fills it in faster than a
//! procedural macro, which is compiled without optimisation unless the user asks for it, could
//! write it: there each token is a call.
//!
//! Nothing here is ever reported. What can be wrong in a user's eyes is written by the procedural
//! macro, at the user's tokens, and only handed through: the call of a method, an assertion, the
//! header of the `impl`. A type keeps its place wherever it is put.
//!
//! An entry of a list of handlers is
//! `{ (cfg) id name hash (domain) (more) (event) decode (argument) (shared) (views) (values) outcome call }`.

/// The routes and what runs them, where all handlers are plain, or all are `async`, which the
/// beginning of `handle_async` behind that of `handle` tells. Where a block has both, the procedural
/// macro calls the parts.
#[doc(hidden)]
#[macro_export]
macro_rules! __handlers {
    ($locals:tt $plain:tt { $($handlers:tt)* } $types:tt) => {
        $crate::__private::routes!({ $($handlers)* });
        $crate::__private::types!($types);
        $crate::__private::handle!($locals $plain { $($handlers)* } ());
    };
    ($locals:tt $plain:tt $asynchronous:tt $handlers:tt $types:tt) => {
        $crate::__private::routes!($handlers);
        $crate::__private::types!($types);
        $crate::__private::handle!($locals $plain {} ());
        $crate::__private::handle!($locals $asynchronous $handlers ());
    };
}

/// The table of the routes.
#[doc(hidden)]
#[macro_export]
macro_rules! __routes {
    ({ $({
        ($(#$cfg:tt)*) $id:literal $name:literal $hash:literal
        ($some:ident $($domain:literal)?) ($($more:tt)*)
        ($event:ty) $decode:ident ($argument:ty) $shared:tt $views:tt $values:tt $($call:tt)*
    })* }) => {
        const ROUTES: &'static [$crate::Route] = {
            // What follows a branch is no constant of its own, which the compiler's lint for panics
            // would evaluate for each projector anew, with all constants of its events.
            if $crate::__private::ALWAYS {}
            use $crate::__private::LookupFallback as _;
            let options = $crate::__private::Lookup::<Self>::OPTIONS;
            &[$(
                $(#$cfg)*
                $crate::Route::of::<$event>(
                    $id,
                    $name,
                    $hash,
                    ::core::option::Option::$some $(($domain))?,
                    options,
                ) $($more)*,
            )*]
        };
    };
}

/// A function that is never called: assertions on types that are in no arm.
#[doc(hidden)]
#[macro_export]
macro_rules! __types {
    ({}) => {};
    ({ $($checks:tt)* }) => {
        fn check_types() {
            use $crate::__private::{
                Argument as __Argument, ResultFallback as _,
                check_fallback_argument as __check_fallback_argument,
                check_return as __check_return,
            };
            $($checks)*
        }
    };
}

/// `handle` or `handle_async`, with the arm of the fallback in the last brackets.
#[doc(hidden)]
#[macro_export]
macro_rules! __handle {
    (
        ($this:ident $envelope:ident $session:ident $event_local:ident ($session_ty:ty))
        ($($head:tt)*)
        { $({
            ($(#$cfg:tt)*) $id:literal $name:literal $hash:literal $domain:tt $more:tt
            ($event:ty) $decode:ident ($argument:ty)
            ($($shared:ident $shared_ty:ty,)*)
            ($($view:ident $view_ty:ty,)*)
            ($($value:ident $value_ty:ty,)*)
            $outcome:ident $($call:tt)*
        })* }
        ($(
            ($(#$fallback_cfg:tt)*) $fallback_id:literal $fallback_name:literal ($raw:ty)
            ($($fallback_shared:ident $fallback_shared_ty:ty,)*)
            ($($fallback_view:ident $fallback_view_ty:ty,)*)
            ($($fallback_value:ident $fallback_value_ty:ty,)*)
            $fallback_outcome:ident $($fallback_call:tt)*
        )?)
    ) => {
        #[inline]
        $($head)* (
            &mut self,
            route: ::core::primitive::u32,
            $envelope: &$crate::Envelope,
            $session: $session_ty,
        ) -> ::core::result::Result<(), $crate::HandleError> {
            use $crate::__private::{
                DecoderFallback as _, OutcomeFallback as _, RawDecoder as _,
                RawDecoderFallback as _, SharedFallback as _, ViewFallback as _, step as __step,
            };
            let $this = self;
            match route {
                $(
                    $(#$cfg)*
                    $id => {
                        let $event_local =
                            $crate::__private::Argument::<$event>::$decode::<$argument>($envelope)?;
                        $(
                            let $shared = $crate::__private::Argument::<$crate::Envelope, $shared_ty>::shared($envelope);
                        )*
                        $(
                            let mut $view = $crate::__private::Argument::<Self, $view_ty>::view($session);
                        )*
                        $(let $value = $crate::__private::refused::<$value_ty>();)*
                        $crate::__private::$outcome($($call)*).of_handler($name, $envelope)
                    }
                )*
                $(
                    $(#$fallback_cfg)*
                    $fallback_id => {
                        let $event_local = __step::<(), $raw>().raw($envelope);
                        $(
                            let $fallback_shared =
                                $crate::__private::Argument::<$crate::Envelope, $fallback_shared_ty>::shared($envelope);
                        )*
                        $(
                            let mut $fallback_view =
                                $crate::__private::Argument::<Self, $fallback_view_ty>::view($session);
                        )*
                        $(
                            let $fallback_value =
                                $crate::__private::refused::<$fallback_value_ty>();
                        )*
                        $crate::__private::$fallback_outcome($($fallback_call)*)
                            .of_handler($fallback_name, $envelope)
                    }
                )?
                _ => $crate::__private::no_route(route),
            }
        }
    };
}

/// `hook` or `hook_async`.
#[doc(hidden)]
#[macro_export]
macro_rules! __hook {
    (
        ($this:ident $envelope:ident $session:ident $event_local:ident ($session_ty:ty))
        ($($head:tt)*)
        $({
            ($(#$cfg:tt)*) $variant:ident
            ($($shared:ident $shared_ty:ty,)*)
            ($($view:ident $view_ty:ty,)*)
            ($($value:ident $value_ty:ty,)*)
            $outcome:ident $($call:tt)*
        })*
    ) => {
        $($head)* (
            &mut self,
            hook: $crate::__private::HookCall,
            $session: $session_ty,
        ) -> ::core::result::Result<(), $crate::BoxError> {
            use $crate::__private::{OutcomeFallback as _, ViewFallback as _};
            let $this = self;
            match hook {
                $(
                    $(#$cfg)*
                    $crate::__private::HookCall::$variant => {
                        $(
                            let mut $view = $crate::__private::Argument::<Self, $view_ty>::view($session);
                        )*
                        $crate::__private::$outcome($($call)*).of_hook()
                    }
                )*
                #[allow(unreachable_patterns)]
                _ => ::core::result::Result::Ok(()),
            }
        }
    };
}

/// What is constant beside the routes: the kinds of `#[setup]` and `#[reset]`, and the hashes of all
/// that is no handler.
#[doc(hidden)]
#[macro_export]
macro_rules! __tables {
    // Most blocks have no `#[cfg]` and no fallback. An array costs a look at its bounds.
    ([] [] [$($others:tt)*] ()) => {
        const FALLBACK: ::core::option::Option<$crate::Fallback> = ::core::option::Option::None;
        const SETUP: $crate::Hook = $crate::Hook::None;
        const RESET: $crate::Hook = $crate::Hook::None;
        const FINGERPRINT: $crate::Fingerprint =
            $crate::__private::fingerprint::<Self>(&[$($others)*]);
    };
    ([$setup:ident] [] [$($others:tt)*] ()) => {
        const FALLBACK: ::core::option::Option<$crate::Fallback> = ::core::option::Option::None;
        const SETUP: $crate::Hook = $crate::Hook::$setup;
        const RESET: $crate::Hook = $crate::Hook::None;
        const FINGERPRINT: $crate::Fingerprint =
            $crate::__private::fingerprint::<Self>(&[$($others)*]);
    };
    (
        [$($(#$setup_cfg:tt)* $setup:ident)?]
        [$($(#$reset_cfg:tt)* $reset:ident)?]
        [$($others:tt)*]
        ($(
            $(#$cfg:tt)* $id:literal $name:literal $is_async:literal
            $scope:ident $(($($domains:tt)*))? [$($more:tt)*]
        )?)
    ) => {
        const FALLBACK: ::core::option::Option<$crate::Fallback> = [
            $(
                $(#$cfg)*
                ::core::option::Option::Some($crate::Fallback::new(
                    $id,
                    $name,
                    $is_async,
                    $crate::FallbackScope::$scope $((&[$($domains)*]))?,
                ) $($more)*),
            )?
            ::core::option::Option::None,
        ][0];
        const SETUP: $crate::Hook = [
            $($(#$setup_cfg)* $crate::Hook::$setup,)?
            $crate::Hook::None,
        ][0];
        const RESET: $crate::Hook = [
            $($(#$reset_cfg)* $crate::Hook::$reset,)?
            $crate::Hook::None,
        ][0];
        const FINGERPRINT: $crate::Fingerprint =
            $crate::__private::fingerprint::<Self>(&[$($others)*]);
    };
}

/// What stands before the implementation of `Handlers`.
#[doc(hidden)]
#[macro_export]
macro_rules! __implementation {
    ($($item:tt)*) => {
        #[automatically_derived]
        #[allow(
            clippy::all,
            clippy::nursery,
            clippy::pedantic,
            deprecated,
            elided_lifetimes_in_paths,
            trivial_bounds,
            unused_imports,
            unused_qualifications,
            unused_variables
        )]
        $($item)*
    };
}

/// The constants of the assertions on a projector's facts, which each of them calls `$facts`.
#[doc(hidden)]
#[macro_export]
macro_rules! __assertions {
    ($facts:ident ($projector:ty) $($(#$cfg:tt)* { $($checks:tt)* })*) => {
        $(
            $(#$cfg)*
            #[allow(deprecated, elided_lifetimes_in_paths, unused_imports, unused_qualifications)]
            const _: () = {
                use $crate::__private::{Lookup as __Lookup, LookupFallback as _};
                let $facts = __Lookup::<$projector>::FACTS;
                $($checks)*
            };
        )*
    };
    (routes $facts:ident ($projector:ty) $($checks:tt)*) => {
        #[allow(deprecated, elided_lifetimes_in_paths, unused_imports, unused_qualifications)]
        const _: () = {
            use $crate::__private::{
                Lookup as __Lookup, LookupFallback as _, no_domain_fault as __no_domain_fault,
                no_keys_fault as __no_keys_fault, no_route_fault as __no_route_fault,
            };
            let $facts = __Lookup::<$projector>::FACTS;
            if $facts.has_faulty_routes() {
                $($checks)*
            }
        };
    };
}
