//! [`Fingerprint`]: which code built a read model.

use std::fmt;

use crate::{Route, StartFrom};

/// A hash of what `#[handlers]` saw of a projector, with the number of the algorithm.
///
/// It is the same on every compiler and in every directory. White space, comments, docs, lint
/// attributes, trailing commas, braces round the single expression of a match arm or a closure, and
/// the order of the methods do not change it, nor do tuning options and what `#[cfg]` leaves out.
/// Each other token between the braces of the block does, and so do an event's wire name, the domain
/// that a handler takes it from, `from = "now"` and `replay = "skip"`.
///
/// Code outside the block is not seen: the same fingerprint does not prove the same read model.
/// Raise `version` where a function elsewhere changes what handlers write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a pair of numbers
pub struct Fingerprint {
    /// How the hash was made; hashes of different algorithms do not compare.
    pub algorithm: u16,
    /// The hash.
    pub hash: u64,
}

impl Fingerprint {
    /// How this version of the library makes hashes: FNV-1a with the end of splitmix64, over tokens
    /// as the macro walks them. It changes with the walk.
    pub const ALGORITHM: u16 = 1;

    /// Sums the routes and the hashes of the block's other items, so that their order is nothing.
    #[doc(hidden)]
    #[must_use]
    pub const fn of(routes: &[Route], others: &[u64]) -> Self {
        let mut hash = 0_u64;
        let mut rest = routes;
        while let [route, after @ ..] = rest {
            hash = hash.wrapping_add(of_route(route));
            rest = after;
        }
        let mut rest = others;
        while let [other, after @ ..] = rest {
            hash = hash.wrapping_add(*other);
            rest = after;
        }
        Self { algorithm: Self::ALGORITHM, hash }
    }

    /// Tells whether both are known to be of different code.
    pub(crate) fn differs(self, other: Self) -> bool {
        self.algorithm == other.algorithm && self.hash != other.hash
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:016x}", self.algorithm, self.hash)
    }
}

/// A method with what its marker says, mixed: the domains of two handlers cannot be swapped unseen.
const fn of_route(route: &Route) -> u64 {
    let mut hash = route.hash;
    hash = write(hash, route.event);
    hash = write(hash, route.domain);
    hash = write(hash, if matches!(route.from, StartFrom::Now) { "now" } else { "beginning" });
    if route.skips_replay {
        hash = write(hash, "skip");
    }
    finish(hash)
}

/// FNV-1a over a text and a byte that no text has. The compiler interprets this for every route,
/// and a call costs it more than all else: so there is none in the loop.
const fn write(mut hash: u64, text: &str) -> u64 {
    const PRIME: u128 = 0x0000_0100_0000_01b3;
    let bytes = text.as_bytes();
    let (mut next, length) = (0, bytes.len());
    while next < length {
        let byte = bytes[next] as u64; // in bounds, by the condition
        hash = ((hash ^ byte) as u128 * PRIME) as u64;
        next += 1;
    }
    ((hash ^ 0xff) as u128 * PRIME) as u64
}

const fn finish(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Json, Options, RetryPolicy};

    struct Placed;

    impl Event for Placed {
        const NAME: &'static str = "Placed";
        type Decoded<'a> = ();
        type Codec = Json;
    }

    fn route(method: u64, domain: &'static str) -> Route {
        Route::of::<Placed>(0, "placed", method, Some(domain), &Options::DEFAULT)
    }

    fn hash(routes: &[Route], others: &[u64]) -> u64 {
        Fingerprint::of(routes, others).hash
    }

    #[test]
    fn the_order_does_not_count() {
        let (a, b) = (route(1, "a"), route(2, "b"));
        assert_eq!(hash(&[a, b], &[3, 4]), hash(&[b, a], &[4, 3]));
    }

    #[test]
    fn what_a_handler_takes_counts_with_its_method() {
        let both = hash(&[route(1, "a"), route(2, "b")], &[]);
        assert_ne!(hash(&[route(1, "b"), route(2, "a")], &[]), both, "domains swapped");
        let one = hash(&[route(1, "a")], &[]);
        for (what, other) in [
            ("method", route(2, "a")),
            ("domain", route(1, "b")),
            ("wire name", Route { event: "Placed2", ..route(1, "a") }),
            ("place of a boundary", Route { event: "Place", ..route(1, "da") }),
            ("from", route(1, "a").from_now()),
            ("replay", route(1, "a").skips_replay()),
        ] {
            assert_ne!(hash(&[other], &[]), one, "{what}");
        }
        assert_ne!(hash(&[route(1, "a")], &[2]), one, "another item");
    }

    #[test]
    fn tuning_and_what_only_generated_code_needs_do_not_count() {
        let one = hash(&[route(1, "a")], &[]);
        let other = Route { id: 7, method: "on_placed", aliases: &["Old"], ..route(1, "a") };
        assert_eq!(hash(&[other.asynchronous().retry(RetryPolicy::NONE)], &[]), one);
    }

    /// Another value here is another algorithm: raise `Fingerprint::ALGORITHM` with it.
    #[test]
    fn the_sum_is_pinned() {
        let fingerprint = Fingerprint::of(&[route(1, "a"), route(2, "b").from_now()], &[3]);
        assert_eq!(fingerprint.to_string(), "1:9f41e003af0cfd98");
    }
}
