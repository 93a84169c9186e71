//! Projectors that do what events say, and what they have seen.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use projections::{Rows, handlers, projector, sqlite::Sqlite};

use crate::{
    double::Double,
    model::{Act, ActOn, Op, built},
    programs::Step,
    tables::{Account, Player, Sample, Seat, Subject},
};

/// What happens to a handler.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    Error,
    Panic,
}

/// What handlers have seen, and what is to happen to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Arc<Mutex<Watched>>);

#[derive(Debug, Default)]
struct Watched {
    /// Of each event, as its last handler saw it.
    seen: BTreeMap<u64, Vec<String>>,
    calls: u64,
    /// Before an operation of an event: each as often as it stands there.
    troubles: HashMap<(u64, usize), Vec<Trouble>>,
}

impl Watch {
    pub(crate) fn seen(&self) -> BTreeMap<u64, Vec<String>> {
        self.0.lock().unwrap().seen.clone()
    }

    /// How often handlers were called.
    pub(crate) fn calls(&self) -> u64 {
        self.0.lock().unwrap().calls
    }

    pub(crate) fn trouble(&self, event: u64, op: usize, troubles: Vec<Trouble>) {
        self.0.lock().unwrap().troubles.insert((event, op), troubles);
    }

    fn before(&self, event: u64, op: usize) -> Result<(), String> {
        let trouble = self.0.lock().unwrap().troubles.get_mut(&(event, op)).and_then(Vec::pop);
        match trouble {
            None => Ok(()),
            Some(Trouble::Error) => Err("trouble".to_owned()),
            Some(Trouble::Panic) => panic!("trouble"),
        }
    }

    pub(crate) fn step(&self, step: &Step, tables: &mut Tables<'_>) -> Result<(), String> {
        self.0.lock().unwrap().calls += 1;
        let mut seen = Vec::new();
        for (index, op) in step.ops.iter().enumerate() {
            self.before(step.number, index)?;
            seen.push(tables.act(op));
        }
        self.before(step.number, step.ops.len())?;
        self.0.lock().unwrap().seen.insert(step.number, seen);
        Ok(())
    }
}

/// The tables of a handler.
pub(crate) struct Tables<'a> {
    pub(crate) players: &'a mut Rows<Player>,
    pub(crate) seats: &'a mut Rows<Seat>,
    pub(crate) accounts: &'a mut Rows<Account>,
    pub(crate) samples: &'a mut Rows<Sample>,
}

impl Tables<'_> {
    fn act(&mut self, op: &Op) -> String {
        match op {
            Op::Player(op) => act(self.players, op),
            Op::Seat(op) => act(self.seats, op),
            Op::Account(op) => act(self.accounts, op),
            Op::Sample(op) => act(self.samples, op),
        }
    }
}

fn act<T: Subject>(rows: &mut Rows<T>, act: &ActOn<T>) -> String {
    match act {
        Act::Entry(key, changes) => {
            let row = rows.entry::<T::Key>(key);
            changes.iter().for_each(|change| row.change(change));
            format!("{row:?}")
        }
        Act::GetMut(key, changes) => {
            let mut row = rows.get_mut::<T::Key>(key);
            if let Some(row) = &mut row {
                changes.iter().for_each(|change| row.change(change));
            }
            format!("{row:?}")
        }
        Act::Get(key) => format!("{:?}", rows.get::<T::Key>(key)),
        Act::Contains(key) => rows.contains::<T::Key>(key).to_string(),
        Act::Insert(key, changes) => format!("{:?}", rows.insert(built::<T>(key, changes))),
        Act::Remove(key) => format!("{:?}", rows.remove::<T::Key>(key)),
        Act::By(lookup) => format!("{:?}", T::find(rows, lookup)),
    }
}

macro_rules! projectors {
    ($($name:ident = $text:literal, [$($options:tt)*];)+) => {$(
        #[projector($text, $($options)* register = false, on_failure = "halt", retry(none))]
        #[derive(Clone)]
        pub(crate) struct $name {
            #[resource]
            pub(crate) watch: Watch,
        }

        #[handlers]
        impl $name {
            #[handles(Step)]
            fn step(
                &self,
                step: &Step,
                players: &mut Rows<Player>,
                seats: &mut Rows<Seat>,
                accounts: &mut Rows<Account>,
                samples: &mut Rows<Sample>,
            ) -> Result<(), String> {
                self.watch.step(step, &mut Tables { players, seats, accounts, samples })
            }
        }
    )+};
}

projectors! {
    Tiny = "tiny", [storage = Sqlite, row_bytes = 1,];
    Small = "small", [storage = Sqlite, row_bytes = 3000,];
    Usual = "usual", [storage = Sqlite,];
    InMemory = "in-memory", [];
    DoubleTiny = "double-tiny", [storage = Double, row_bytes = 1,];
    DoubleSmall = "double-small", [storage = Double, row_bytes = 3000,];
    DoubleUsual = "double-usual", [storage = Double,];
}

/// In process, with state beside its rows.
#[projector("with-state", register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
pub(crate) struct WithState {
    #[resource]
    pub(crate) watch: Watch,
    pub(crate) steps: u64,
}

#[handlers]
impl WithState {
    #[handles(Step)]
    fn step(
        &mut self,
        step: &Step,
        players: &mut Rows<Player>,
        seats: &mut Rows<Seat>,
        accounts: &mut Rows<Account>,
        samples: &mut Rows<Sample>,
    ) -> Result<(), String> {
        self.steps += 1;
        self.watch.step(step, &mut Tables { players, seats, accounts, samples })
    }
}
