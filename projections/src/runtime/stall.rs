//! Rule R35: a projector that has work, and of which nothing moves, is `stalled`. Whoever asks finds
//! that out: a runner that hangs cannot say so.

use std::time::Duration;

use tokio::time::Instant;

use super::{slot::Live, status::State};
use crate::{
    GlobalPosition,
    engine::{AtWork, Progress},
};

/// Nothing moves for so long before it is said, or for as long as an attempt may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What changes whenever an event is finished, and whenever something is committed or tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Moving {
    at: Option<u64>,
    epoch: u64,
    position: GlobalPosition,
    scanned: GlobalPosition,
    state: Option<State>,
}

/// What somebody sees who looks at a projector.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Seen {
    /// It has work.
    Work(Moving),
    /// It has none, or waits for something and says so.
    Rest,
    /// Only who asks for the head can tell.
    Unknown,
}

impl Moving {
    pub(super) fn of(live: &Live, progress: &Progress, head: Option<GlobalPosition>) -> Seen {
        // What others do is told by their leases.
        if !live.running || live.stands_by || live.inline {
            return Seen::Rest;
        }
        let at = progress.now();
        let moving = Self {
            at,
            epoch: live.epoch,
            position: live.position,
            scanned: live.scanned,
            state: live.state,
        };
        match (live.state, head) {
            // Whatever it says, a handler is at work.
            _ if at.is_some() => Seen::Work(moving),
            (Some(State::CaughtUp), None) => Seen::Unknown,
            (Some(State::CaughtUp | State::CatchingUp | State::Rebuilding), Some(head))
                if live.scanned >= head && live.owns =>
            {
                Seen::Rest
            }
            (Some(State::CaughtUp | State::CatchingUp | State::Rebuilding), _) => {
                Seen::Work(moving)
            }
            _ => Seen::Rest,
        }
    }
}

/// What was seen last, and since when it is so.
#[derive(Debug)]
pub(super) struct Look {
    limit: Duration,
    last: Option<(Moving, Instant)>,
}

impl Look {
    /// An attempt may take an eighth more than its limit until it is cut off.
    pub(super) fn new(timeout: Duration, linger: Duration) -> Self {
        let longest = timeout.saturating_add(timeout / 8);
        Self { limit: PATIENCE.max(longest).saturating_add(linger), last: None }
    }

    /// Looks; says what does not move, if that has been so for the limit.
    pub(super) fn look(&mut self, seen: Seen, progress: &Progress, now: Instant) -> Option<String> {
        let moving = match seen {
            Seen::Work(moving) => moving,
            Seen::Rest => {
                self.last = None;
                return None;
            }
            Seen::Unknown => return None,
        };
        let since = match self.last {
            Some((before, since)) if before == moving => since,
            _ => {
                self.last = Some((moving, now));
                return None;
            }
        };
        let idle = now.saturating_duration_since(since);
        (idle >= self.limit).then(|| say(progress, idle))
    }
}

/// Names what does not come back.
fn say(progress: &Progress, idle: Duration) -> String {
    let idle = format!("{} s", idle.as_secs());
    match progress.at_work() {
        Some((_, Some(AtWork { method, event, name, position, stream }))) => format!(
            "handler `{method}` has not come back from event {event} `{}` at position {position} of stream `{}` for {idle}",
            name.escape_debug(),
            stream.escape_debug()
        ),
        Some((through, None)) => {
            format!("nothing was committed for {idle}, of a batch up to position {through}")
        }
        None => format!("nothing was read, handled or committed for {idle}, though there is work"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moving(at: u64) -> Seen {
        let beginning = GlobalPosition::BEGINNING;
        Seen::Work(Moving {
            at: Some(at),
            epoch: 1,
            position: beginning,
            scanned: beginning,
            state: Some(State::CatchingUp),
        })
    }

    /// The seconds at which it is said, of these looks.
    fn said(limit: Duration, looks: &[(u64, Seen)]) -> Vec<u64> {
        let (mut look, progress) = (Look::new(limit, Duration::ZERO), Progress::default());
        let began = Instant::now();
        let mut said = Vec::new();
        for (second, seen) in looks {
            if look.look(*seen, &progress, began + Duration::from_secs(*second)).is_some() {
                said.push(*second);
            }
        }
        said
    }

    #[test]
    fn it_is_said_after_half_a_minute_or_the_limit_whichever_is_longer() {
        let looks: Vec<_> = (0..=50).map(|second| (second, moving(1))).collect();
        let short = said(Duration::from_secs(2), &looks);
        assert_eq!(short, (30..=50).collect::<Vec<_>>());
        let long = said(Duration::from_secs(40), &looks);
        assert_eq!(long, (45..=50).collect::<Vec<_>>());
    }

    #[test]
    fn every_event_begins_it_anew_and_so_does_rest() {
        let second = Duration::from_secs(1);
        let events: Vec<_> = (0..100).map(|n| (n * 20, moving(n))).collect();
        assert!(said(second, &events).is_empty());
        let rest = [(0, moving(1)), (29, Seen::Rest), (31, moving(1)), (60, moving(1))];
        assert!(said(second, &rest).is_empty());
        let unknown = [(0, moving(1)), (29, Seen::Unknown), (31, moving(1))];
        assert_eq!(said(second, &unknown), [31]);
    }
}
