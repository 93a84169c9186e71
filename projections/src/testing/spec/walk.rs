//! How each [`Way`] is walked.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Given, Spec, Subject, Way,
    faults::Plan,
    probe::Probe,
    world::{Ending, Process, World},
};
use crate::{GlobalPosition, Mode, OnFailure, Registration, StartFrom};

/// All events in one batch.
const ALL: u32 = u32::MAX;
/// A long specification is not interrupted after each of its events, but this often.
const STEPS: usize = 24;
/// So many of its events are made to fail, each by itself.
const FAILING: usize = 12;

/// What differs, and how the events were delivered, where the way does not say it all.
type Walked = Result<(), String>;

impl<P: Subject> Spec<P> {
    /// Walks one way; the events that handlers are called for are known from the first.
    pub(super) fn walk(&self, way: Way, handled: &mut BTreeSet<GlobalPosition>) -> Walked {
        match way {
            Way::OneBatch => *handled = self.in_one_batch()?,
            Way::SmallBatches => self.in_small_batches()?,
            Way::Restarts => self.with_restarts()?,
            Way::Twice => self.twice(handled)?,
            Way::Crashes => self.with_crashes(handled)?,
            Way::Redrive => self.with_redrives(handled)?,
            Way::Rebuild => self.with_rebuilds()?,
        }
        Ok(())
    }

    /// Whether a way leads anywhere for this projector.
    pub(super) fn has(&self, way: Way) -> bool {
        let registration = Registration::of::<Probe<P>>();
        let begins_now = registration.options.from == StartFrom::Now
            || registration.routes.iter().any(|route| route.from == StartFrom::Now);
        // What it has seen is gone with its process.
        let lives_once =
            registration.options.mode == Mode::Live || (registration.is_in_process() && begins_now);
        let goes_on = self.halts.is_none();
        match way {
            Way::OneBatch | Way::SmallBatches | Way::Twice => true,
            Way::Restarts | Way::Crashes => !lives_once,
            Way::Redrive => {
                goes_on
                    && registration.on_failure() == OnFailure::Park
                    && registration.options.mode != Mode::Live
            }
            Way::Rebuild => goes_on && registration.can_reset() && !registration.is_per_process(),
        }
    }

    fn in_one_batch(&self) -> Result<BTreeSet<GlobalPosition>, String> {
        let world = World::new(self, false)?;
        let process = self.all_at_once(&world, Plan::Nothing, ALL)?;
        self.compare(&process)?;
        Ok(process.handled())
    }

    fn in_small_batches(&self) -> Walked {
        for batch in [1, 2, 3, 7].into_iter().filter(|batch| *batch < self.events.len()) {
            let world = World::new(self, false)?;
            let batch = u32::try_from(batch).unwrap_or(ALL);
            let process = self.all_at_once(&world, Plan::Nothing, batch)?;
            let events = if batch == 1 { "event" } else { "events" };
            self.compare(&process).map_err(told(format!("in batches of {batch} {events}")))?;
        }
        Ok(())
    }

    fn with_restarts(&self) -> Walked {
        let world = World::new(self, false)?;
        started(&world)?;
        for some in self.events.chunks(self.events.len().div_ceil(STEPS).max(1)) {
            world.append(some)?;
            world.process(Plan::Nothing, ALL)?.run();
        }
        self.compare(&self.last(&world)?).map_err(told("a process for each event"))
    }

    fn twice(&self, handled: &BTreeSet<GlobalPosition>) -> Walked {
        let world = World::new(self, true)?;
        let plan = match Registration::of::<Probe<P>>().is_per_process() {
            // It has no transaction that could be lost.
            true => Plan::FailOnce(spread(handled, STEPS).into_iter().collect()),
            false => Plan::LoseCommits,
        };
        let process = self.all_at_once(&world, plan, self.few())?;
        self.compare(&process)
    }

    fn with_crashes(&self, handled: &BTreeSet<GlobalPosition>) -> Walked {
        if !Registration::of::<Probe<P>>().is_in_process() {
            self.crashing_at_commits("crashed before each commit", Plan::CrashBeforeCommit, 3)?;
            self.crashing_at_commits("crashed after each commit", Plan::CrashAfterCommit, 2)?;
        }
        let world = World::new(self, false)?;
        started(&world)?;
        world.append(&self.events)?;
        for position in spread(handled, STEPS) {
            world.process(Plan::CrashInHandler(position), self.few())?.run();
        }
        let last = self.last(&world)?;
        self.compare(&last).map_err(told("crashed when each handler had done its work"))
    }

    /// Processes that each die at a commit. The first is of a process' start; `usual` is the one by
    /// which each process comes further than the one before it.
    fn crashing_at_commits(&self, how: &str, plan: impl Fn(u64) -> Plan, usual: u64) -> Walked {
        let world = World::new(self, false)?;
        for nth in 1..usual {
            world.process(plan(nth), self.few())?.run();
        }
        started(&world)?;
        world.append(&self.events)?;
        for nth in 1..usual {
            world.process(plan(nth), self.few())?.run();
        }
        for _ in 0..self.events.len() {
            if world.process(plan(usual), self.few())?.run() == Ending::Ended {
                break;
            }
        }
        self.compare(&self.last(&world)?).map_err(told(how))
    }

    fn with_redrives(&self, handled: &BTreeSet<GlobalPosition>) -> Walked {
        for position in spread(handled, FAILING) {
            let Some(given) = self.given_at(position) else { continue };
            let (name, stream) = (&given.event.name, &given.stream);
            let how = format!("`{name}` of stream `{stream}`, event {position}, failed at first");
            self.redriven([position].into()).map_err(told(how))?;
        }
        let mut firsts = BTreeMap::new();
        for position in handled {
            let stream = self.given_at(*position).map(|given| &given.stream);
            firsts.entry(stream).or_insert(*position);
        }
        match firsts.len() {
            0 | 1 => Ok(()),
            _ => self
                .redriven(firsts.into_values().collect())
                .map_err(told("the first event of each stream failed at first")),
        }
    }

    fn redriven(&self, failing: BTreeSet<GlobalPosition>) -> Walked {
        let world = World::new(self, false)?;
        let mut process = self.all_at_once(&world, Plan::Fail(failing), ALL)?;
        process.faults.heal();
        // In process all is replayed in the order of the log anyway.
        let is_stored = !Registration::of::<Probe<P>>().is_in_process();
        match self.keys_commute || !is_stored {
            true => process.redrive()?,
            false if self.has(Way::Rebuild) => process.rebuild()?,
            false => return Ok(()),
        }
        process.run();
        self.compare(&process)
    }

    fn with_rebuilds(&self) -> Walked {
        let world = World::new(self, false)?;
        let (first, second) = self.events.split_at(self.events.len() / 2);
        let mut process = started(&world)?;
        world.append(first)?;
        process.run();
        process.rebuild()?;
        world.append(second)?;
        process.run();
        self.compare(&process).map_err(told("rebuilt half-way"))?;
        process.rebuild()?;
        self.compare(&process).map_err(told("rebuilt at the end"))
    }

    /// Runs one process over all events, with a start behind it, so that what begins `from = "now"`
    /// begins with them.
    fn all_at_once<'a>(
        &self,
        world: &'a World<P>,
        plan: Plan,
        batch: u32,
    ) -> Result<Process<'a, P>, String> {
        let mut process = world.process(plan, batch)?;
        process.run();
        world.append(&self.events)?;
        process.run();
        Ok(process)
    }

    /// A last process, in which nothing goes wrong.
    fn last<'a>(&self, world: &'a World<P>) -> Result<Process<'a, P>, String> {
        let mut process = world.process(Plan::Nothing, ALL)?;
        process.run();
        Ok(process)
    }

    /// Batches of a few events, so that the log is some of them long.
    fn few(&self) -> u32 {
        u32::try_from(self.events.len().div_ceil(STEPS).max(2)).unwrap_or(ALL)
    }

    /// The log holds the events at the positions from 1.
    fn given_at(&self, position: GlobalPosition) -> Option<&Given> {
        let index = usize::try_from(position.get()).ok()?.checked_sub(1)?;
        self.events.get(index)
    }
}

/// A process that has run over the empty log.
fn started<'a, P: Subject>(world: &'a World<P>) -> Result<Process<'a, P>, String> {
    let mut process = world.process(Plan::Nothing, ALL)?;
    process.run();
    Ok(process)
}

/// Adds how the events were delivered to what differs.
fn told(how: impl Into<String>) -> impl FnOnce(String) -> String {
    let how = how.into();
    move |difference| format!("{how}: {difference}")
}

/// Some positions, evenly among all.
fn spread(all: &BTreeSet<GlobalPosition>, at_most: usize) -> Vec<GlobalPosition> {
    let all: Vec<_> = all.iter().copied().collect();
    if all.len() <= at_most {
        return all;
    }
    let last = all.len() - 1;
    (0..at_most).filter_map(|nth| all.get(nth * last / (at_most - 1)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_of_many_positions_are_evenly_among_them() {
        let of = |count: u64| (1..=count).map(GlobalPosition::new).collect();
        assert_eq!(spread(&of(3), 4), [1, 2, 3].map(GlobalPosition::new));
        assert_eq!(spread(&of(10), 4), [1, 4, 7, 10].map(GlobalPosition::new));
    }
}
