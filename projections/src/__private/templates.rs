//! The text that every `#[handlers]` block has in common. The compiler fills it in faster than a
//! procedural macro, which is compiled without optimisation unless the user asks for it, could
//! write it: there each token is a call.
//!
//! Nothing here is ever reported. What can be wrong in a user's eyes is written by the procedural
//! macro, at the user's tokens, and only handed through: the call of a method, an assertion, the
//! header of the `impl`. A type keeps its place wherever it is put.
//!
//! An entry of a list of handlers is
//! `{ (cfg) id name hash (domain) (more) (event) (argument) (shared) (views) (values) call }`.

/// The implementation of `Handlers`, but for its header. All handlers are of one kind: `plain`, or
/// `asynchronous`. Where they are not, the macro calls the parts.
#[doc(hidden)]
#[macro_export]
macro_rules! __handlers {
    (plain $locals:tt $handlers:tt $types:tt) => {
        $crate::__private::routes!($handlers);
        $crate::__private::types!($handlers $types);
        $crate::__private::handle!($locals (fn handle) $handlers ());
    };
    (asynchronous $locals:tt $handlers:tt $types:tt) => {
        $crate::__private::routes!($handlers);
        $crate::__private::types!($handlers $types);
        $crate::__private::handle!($locals (fn handle) {} ());
        $crate::__private::handle!($locals (async fn handle_async) $handlers ());
    };
}

/// The table of the routes.
#[doc(hidden)]
#[macro_export]
macro_rules! __routes {
    ({ $({
        ($(#$cfg:tt)*) $id:literal $name:literal $hash:literal
        ($some:ident $($domain:literal)?) ($($more:tt)*)
        ($event:ty) ($argument:ty) $shared:tt $views:tt $values:tt $($call:tt)*
    })* }) => {
        const ROUTES: &'static [$crate::Route] = &[$(
            $(#$cfg)*
            $crate::Route::of::<$event>(
                $id,
                $name,
                $hash,
                ::core::option::Option::$some $(($domain))?,
                &<Self as $crate::Projector>::OPTIONS,
            ) $($more)*,
        )*];
    };
}

/// A function that is never called: the assertions on the types of the events, and `more` on others.
#[doc(hidden)]
#[macro_export]
macro_rules! __types {
    ({ $({
        ($(#$cfg:tt)*) $id:literal $name:literal $hash:literal $domain:tt $more:tt
        ($event:ty) ($argument:ty) $shared:tt $views:tt $values:tt $($call:tt)*
    })* } { $($others:tt)* }) => {
        fn check_types() {
            use $crate::__private::{
                Argument as __Argument, ArgumentCheck as _, ArgumentCheckFallback as _,
                ResultFallback as _, check_fallback_argument as __check_fallback_argument,
                check_return as __check_return,
            };
            $(
                $(#$cfg)*
                __Argument::<$event, ()>::STEP.check::<$argument>();
            )*
            $($others)*
        }
    };
}

/// `handle` or `handle_async`, with the arm of the fallback in the last brackets.
#[doc(hidden)]
#[macro_export]
macro_rules! __handle {
    (
        ($this:ident $envelope:ident $session:ident $event_local:ident)
        ($($head:tt)*)
        { $({
            ($(#$cfg:tt)*) $id:literal $name:literal $hash:literal $domain:tt $more:tt
            ($event:ty) ($argument:ty)
            ($($shared:ident $shared_ty:ty,)*)
            ($($view:ident $view_ty:ty,)*)
            ($($value:ident $value_ty:ty,)*)
            $($call:tt)*
        })* }
        ($(
            ($(#$fallback_cfg:tt)*) $fallback_id:literal $fallback_name:literal ($raw:ty)
            ($($fallback_shared:ident $fallback_shared_ty:ty,)*)
            ($($fallback_view:ident $fallback_view_ty:ty,)*)
            ($($fallback_value:ident $fallback_value_ty:ty,)*)
            $($fallback_call:tt)*
        )?)
    ) => {
        #[inline]
        $($head)* (
            &mut self,
            route: ::core::primitive::u32,
            $envelope: &$crate::Envelope,
            $session: &mut $crate::__private::SessionOf<Self>,
        ) -> ::core::result::Result<(), $crate::HandleError> {
            use $crate::__private::{
                Argument as __Argument, Decoder as _, DecoderFallback as _,
                OutcomeFallback as _, RawDecoder as _, RawDecoderFallback as _, Shared as _,
                SharedFallback as _, View as _, ViewFallback as _,
            };
            let $this = self;
            match route {
                $(
                    $(#$cfg)*
                    $id => {
                        let $event_local =
                            __Argument::<$event, $argument>::STEP.decode($envelope)?;
                        $(
                            let $shared = __Argument::<$crate::Envelope, $shared_ty>::STEP
                                .shared($envelope);
                        )*
                        $(
                            let mut $view = __Argument::<Self::Storage, $view_ty>::STEP
                                .view($session);
                        )*
                        $(let $value = $crate::__private::refused::<$value_ty>();)*
                        $crate::__private::Outcome($($call)*).of_handler($name)
                    }
                )*
                $(
                    $(#$fallback_cfg)*
                    $fallback_id => {
                        let $event_local = __Argument::<(), $raw>::STEP.raw($envelope);
                        $(
                            let $fallback_shared =
                                __Argument::<$crate::Envelope, $fallback_shared_ty>::STEP
                                    .shared($envelope);
                        )*
                        $(
                            let mut $fallback_view =
                                __Argument::<Self::Storage, $fallback_view_ty>::STEP
                                    .view($session);
                        )*
                        $(
                            let $fallback_value =
                                $crate::__private::refused::<$fallback_value_ty>();
                        )*
                        $crate::__private::Outcome($($fallback_call)*)
                            .of_handler($fallback_name)
                    }
                )?
                _ => $crate::__private::no_route(route),
            }
        }
        }
    };
}
