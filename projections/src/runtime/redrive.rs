//! What a runner does about dead letters on somebody's word: apply them late, or let go of them.

use std::sync::{Arc, atomic::AtomicU64};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::{sync::oneshot, time::Instant};

use super::{
    dead_letters::Handled,
    end::End,
    owned::Owned,
    requests::Command,
    runner::{Runner, Stop},
};
use crate::{
    Checkpoint, CheckpointWrite, Filter, GlobalPosition, HandleError, Letter, LetterChanges,
    LetterFailure, LetterQuery, Passed, Previous, ReadRequest,
    engine::{Applied, Batch},
    error::chain,
};

/// Letters are read in chunks of so many.
const CHUNK: usize = 500;

/// What is asked of a runner about letters.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Order {
    /// What is done with them.
    #[serde(skip)]
    pub(super) verb: Verb,
    /// Of which key; all, where it says none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    /// Which one of the key; all, where it says none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<GlobalPosition>,
}

/// What is done with letters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Verb {
    #[default]
    Redrive,
    Discard,
}

impl Order {
    /// What it says beside its verb, for a request.
    pub(super) fn arguments(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned()) // texts and numbers encode
    }

    /// The order of a request; none where its arguments are not understood.
    pub(super) fn read(command: Command, arguments: &str) -> Option<Self> {
        let verb = match command {
            Command::Discard => Verb::Discard,
            _ => Verb::Redrive,
        };
        serde_json::from_str::<Self>(arguments).ok().map(|order| Self { verb, ..order })
    }
}

/// An order, and whoever waits for its answer.
pub(crate) struct Asked {
    pub(crate) order: Order,
    pub(crate) answer: oneshot::Sender<Handled>,
}

impl Runner {
    /// Carries out what was asked for about letters that no other process has, between two batches;
    /// tells whether anything was.
    pub(super) async fn letters_if_asked(&mut self, stop: &Stop) -> Result<bool, End> {
        let asked = self.shared.take_orders();
        let any = !asked.is_empty();
        for Asked { order, answer } in asked {
            // Where it fails, whoever asked is told by the lost answer; what is done is done, letter
            // by letter.
            let Some(handled) = self.carry_out(&order, stop).await? else { break };
            let _ = answer.send(handled);
        }
        Ok(any)
    }

    /// Does what is asked for, letter by letter; `None` where it was stopped before its end. Done once
    /// more, after somebody died or was stopped half-way, it does what is left.
    pub(super) async fn carry_out(
        &mut self,
        order: &Order,
        stop: &Stop,
    ) -> Result<Option<Handled>, End> {
        let keys = match &order.key {
            Some(key) => vec![key.clone()],
            None => self.parked.keys(),
        };
        let mut handled = Handled::default();
        match (order.verb, order.event) {
            (Verb::Redrive, _) => self.redrive(&keys, &mut handled, stop).await?,
            (Verb::Discard, None) => self.discard(&keys, &mut handled).await?,
            (Verb::Discard, Some(position)) => {
                self.discard_event(position, &keys, &mut handled, stop).await?;
            }
        }
        self.show_parked();
        handled.left = self.parked.counts().1;
        Ok((!*stop.borrow()).then_some(handled))
    }

    /// Applies the letters of keys in order, each key until one fails again.
    async fn redrive(
        &mut self,
        keys: &[String],
        handled: &mut Handled,
        stop: &Stop,
    ) -> Result<(), End> {
        if self.registration.is_in_process() {
            return self.replay_without(keys, handled).await;
        }
        for key in keys {
            self.redrive_key(key, handled, stop).await?;
        }
        Ok(())
    }

    async fn redrive_key(
        &mut self,
        key: &str,
        handled: &mut Handled,
        stop: &Stop,
    ) -> Result<(), End> {
        loop {
            let query = LetterQuery::first(CHUNK).of_key(key);
            let letters = self.engine.letters(&self.key, query).await?;
            if letters.is_empty() {
                return Ok(());
            }
            for letter in letters {
                if *stop.borrow() {
                    return Ok(());
                }
                match self.redrive_letter(&letter).await? {
                    Ok(()) => handled.applied += 1,
                    Err(error) => {
                        handled.failed.push(self.park_again(letter, error).await?);
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Applies a parked event, late, in one transaction with the removal of its letter.
    async fn redrive_letter(&mut self, letter: &Letter) -> Result<Result<(), String>, End> {
        let everything = Filter::all();
        let request = ReadRequest::new(before(letter.position), &everything);
        let page = self.source.read(request.at_most(1, usize::MAX)).await?;
        let is_it = |event: &crate::Envelope| event.id() == letter.event;
        if !page.events().next().is_some_and(|event| is_it(&event)) {
            return Ok(Err("the log no longer holds the event; discard its letter".to_owned()));
        }
        let mark = if letter.replay { letter.position } else { GlobalPosition::BEGINNING };
        let targets = self.routing.targets(&page, mark);
        let (stored, next) = self.in_place()?;
        let mut write = CheckpointWrite::new(self.key.clone(), Some(stored), next.clone());
        write.letters.remove.push(letter.position);
        let batch = Batch {
            page: page.clone(),
            targets: Arc::clone(&targets),
            events: 0..1,
            effects_mark: mark,
            write,
            values: None,
            left_out: Vec::new(),
            erased: AtomicU64::default(),
            triage: None,
            redriven: true,
            progress: Arc::clone(&self.shared.progress),
        };
        let began = Instant::now();
        let error = match self.apply_seen(batch).await {
            Applied::Committed(_) => {
                self.goes_on_at(next, began);
                self.parked.remove(letter);
                return Ok(Ok(()));
            }
            Applied::Conflict => return Err(End::Reload),
            Applied::Event(_, error) => error,
            Applied::Refused(source) => HandleError::Refused { source },
            Applied::Stalled(index) => return Err(self.stalled(&page, &targets, index).into()),
            Applied::Store(error) => return Err(End::Outage(error)),
        };
        Ok(Err(chain(&error)))
    }

    /// Keeps a letter that failed once more, with its new error.
    async fn park_again(&mut self, letter: Letter, error: String) -> Result<Letter, End> {
        let now = Timestamp::now();
        let (attempts, first_at) = letter
            .failure
            .as_ref()
            .map_or((0, now), |failure| (failure.attempts, failure.first_at));
        let failure = LetterFailure {
            attempts: attempts.saturating_add(1),
            error: LetterFailure::cut(error),
            first_at,
            last_at: now,
        };
        let letter = Letter { failure: Some(failure), ..letter };
        let put = vec![letter.clone()];
        self.change(LetterChanges { put, ..LetterChanges::default() }).await?;
        Ok(letter)
    }

    /// Lets go of one event, and applies what waited behind it, if it was the first of its key.
    async fn discard_event(
        &mut self,
        position: GlobalPosition,
        keys: &[String],
        handled: &mut Handled,
        stop: &Stop,
    ) -> Result<(), End> {
        for key in keys {
            let query = LetterQuery::first(1).of_key(key).after(before(position));
            let mut letters = self.engine.letters(&self.key, query).await?;
            letters.retain(|letter| letter.position == position);
            self.let_go(&letters, handled).await?;
            let first = self.engine.letters(&self.key, LetterQuery::first(1).of_key(key)).await?;
            // One that has not failed waited for what is gone now.
            if first.iter().any(|first| first.failure.is_none()) {
                self.redrive(std::slice::from_ref(key), handled, stop).await?;
            }
        }
        Ok(())
    }

    /// Lets go of all letters of keys.
    async fn discard(&mut self, keys: &[String], handled: &mut Handled) -> Result<(), End> {
        for key in keys {
            loop {
                let query = LetterQuery::first(CHUNK).of_key(key);
                let letters = self.engine.letters(&self.key, query).await?;
                if letters.is_empty() {
                    break;
                }
                self.let_go(&letters, handled).await?;
            }
        }
        Ok(())
    }

    async fn let_go(&mut self, letters: &[Letter], handled: &mut Handled) -> Result<(), End> {
        if letters.is_empty() {
            return Ok(());
        }
        let discarded = letters.len() as u64;
        let changes = LetterChanges {
            put: Vec::new(),
            remove: letters.iter().map(|letter| letter.position).collect(),
            passed: Passed { discarded, ..Passed::default() },
        };
        self.change(changes).await?;
        for letter in letters {
            self.parked.remove(letter);
            if self.registration.is_in_process() {
                self.dropped.insert(letter.position);
            }
            let Letter { position, stream, .. } = letter;
            let (projector, position) = (&*self.name, position.get());
            tracing::warn!(projector, position, stream, "a parked event was discarded");
        }
        handled.discarded += discarded;
        Ok(())
    }

    /// Writes letters, and nothing else.
    async fn change(&mut self, letters: LetterChanges) -> Result<(), End> {
        let (stored, next) = self.in_place()?;
        let mut write = CheckpointWrite::new(self.key.clone(), Some(stored), next.clone());
        write.letters = letters;
        let began = Instant::now();
        self.engine.save(write).await?;
        self.goes_on_at(next, began);
        Ok(())
    }

    /// Takes in a checkpoint of another epoch, which others must not take for somebody else's.
    fn goes_on_at(&mut self, next: Checkpoint, began: Instant) {
        self.shared.live.send_modify(|live| live.epoch = next.epoch);
        self.own = Some(Owned::new(next, began));
    }

    /// A checkpoint that moves no position. It raises the epoch, so that the next commit notices if
    /// this one was lost although the storage said otherwise.
    fn in_place(&mut self) -> Result<(Previous, Checkpoint), End> {
        let own = self.owned()?;
        let mut next = own.next.clone();
        next.renew();
        next.epoch = next.epoch.saturating_add(1);
        let stored = own.stored;
        // Also where the answer is lost: it is this runner's own.
        self.epoch = next.epoch;
        Ok((stored, next))
    }

    /// The effects mark for the event at a position: what was parked live is no history when it is
    /// redriven.
    pub(super) fn mark_at(&self, position: GlobalPosition) -> Result<GlobalPosition, End> {
        match self.live_again.contains(&position) {
            true => Ok(before(position)),
            false => Ok(self.owned()?.next.effects_mark),
        }
    }

    /// State in process has no place for late events: it is replayed, with all of them in order.
    async fn replay_without(&mut self, keys: &[String], handled: &mut Handled) -> Result<(), End> {
        let Some(first) = self.parked.first() else { return Ok(()) };
        for key in keys {
            let query = LetterQuery::first(usize::MAX).of_key(key);
            let letters = self.engine.letters(&self.key, query).await?;
            let remove = letters.iter().map(|letter| letter.position).collect();
            self.change(LetterChanges { remove, ..LetterChanges::default() }).await?;
            let live = letters.iter().filter(|letter| !letter.replay);
            self.live_again.extend(live.map(|letter| letter.position));
            handled.applied += letters.len() as u64;
            letters.iter().for_each(|letter| self.parked.remove(letter));
        }
        self.engine.throw_away(before(first)).await;
        self.disown();
        let stored = self.engine.load(&self.key).await?;
        // Nobody else can have what is in process.
        self.start(stored, false, Instant::now()).await.map(drop)
    }
}

pub(super) fn before(position: GlobalPosition) -> GlobalPosition {
    position.get().saturating_sub(1).into()
}
