//! Random programs of row operations.

use projections::Event;
use rand::{Rng, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde::{Deserialize, Serialize};

use crate::{
    model::{Act, ActOn, Op, World},
    tables::{Account, AccountChange, Player, Sample, Seat, Subject},
};

/// What one handler does.
#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "rows")]
pub(crate) struct Step {
    pub(crate) number: u64,
    pub(crate) ops: Vec<Op>,
}

/// Events that all succeed, and what their handlers see.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    pub(crate) seen: Vec<Vec<String>>,
    /// The tables after each event.
    pub(crate) worlds: Vec<World>,
}

impl Program {
    pub(crate) fn random(seed: u64, length: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut program = Self { steps: Vec::new(), seen: Vec::new(), worlds: Vec::new() };
        while program.steps.len() < length {
            let ops = ops(&mut rng, program.world());
            program.try_push(ops);
        }
        program
    }

    pub(crate) fn of(steps: impl IntoIterator<Item = Vec<Op>>) -> Self {
        let mut program = Self { steps: Vec::new(), seen: Vec::new(), worlds: Vec::new() };
        for ops in steps {
            assert!(program.try_push(ops.clone()), "the model refuses {ops:?}");
        }
        program
    }

    /// Adds an event unless it fails.
    pub(crate) fn try_push(&mut self, ops: Vec<Op>) -> bool {
        let mut world = self.world();
        let Ok(seen) = world.event(&ops) else { return false };
        self.steps.push(Step { number: self.steps.len() as u64, ops });
        self.seen.push(seen);
        self.worlds.push(world);
        true
    }

    /// Adds an event that looks at everything.
    pub(crate) fn look(&mut self) {
        let ops = [
            look::<Player>(Op::Player),
            look::<Seat>(Op::Seat),
            look::<Account>(Op::Account),
            look::<Sample>(Op::Sample),
        ];
        assert!(self.try_push(ops.concat()));
    }

    /// The tables at the end.
    pub(crate) fn world(&self) -> World {
        self.worlds.last().cloned().unwrap_or_default()
    }
}

fn look<T: Subject>(on: impl Fn(ActOn<T>) -> Op) -> Vec<Op> {
    let gets = T::keys().into_iter().map(Act::Get);
    gets.chain(T::lookups().into_iter().map(Act::By)).map(on).collect()
}

fn ops(rng: &mut StdRng, world: World) -> Vec<Op> {
    if rng.random_bool(0.2) {
        return exchange(rng, &world);
    }
    (0..rng.random_range(1..=6)).map(|_| op(rng)).collect()
}

pub(crate) fn op(rng: &mut StdRng) -> Op {
    match rng.random_range(0..7) {
        0 => Op::Player(act::<Player>(rng)),
        1 => Op::Seat(act::<Seat>(rng)),
        2 | 3 => Op::Sample(act::<Sample>(rng)),
        _ => Op::Account(act::<Account>(rng)),
    }
}

fn act<T: Subject>(rng: &mut StdRng) -> ActOn<T> {
    let key = T::random_key(rng);
    let changes = (0..rng.random_range(0..3)).map(|_| T::random_change(rng)).collect();
    match rng.random_range(0..10) {
        0..3 => Act::Entry(key, changes),
        3 => Act::GetMut(key, changes),
        4 => Act::Get(key),
        5 => Act::Contains(key),
        6 => Act::Insert(key, changes),
        7 => Act::Remove(key),
        _ => Act::By(T::random_lookup(rng)),
    }
}

/// Unique codes change hands between rows, in one event, maybe looked up on the way.
fn exchange(rng: &mut StdRng, world: &World) -> Vec<Op> {
    let mut rows: Vec<_> = world.accounts.0.values().cloned().collect();
    rows.retain(|row| row.code.is_some());
    let Some(first) = rows.choose(rng).cloned() else {
        return vec![Op::Account(act::<Account>(rng))];
    };
    let other = Account::random_key(rng);
    let code = world.accounts.0.get(&other).and_then(|row| row.code);
    let mut ops = match rng.random_range(0..3) {
        0 => vec![Act::Remove(first.id)],
        1 => vec![Act::Remove(first.id), Act::Entry(first.id, vec![])],
        _ => vec![Act::GetMut(first.id, vec![AccountChange::Code(code)])],
    };
    if rng.random_bool(0.5) {
        ops.push(Act::By(Account::random_lookup(rng)));
    }
    if other != first.id {
        ops.push(Act::Entry(other, vec![AccountChange::Code(first.code)]));
    }
    ops.into_iter().map(Op::Account).collect()
}
