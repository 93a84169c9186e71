//! One way to call blocking and async storages.

use std::future::ready;

use crate::{
    __private::BoxFuture, Async, AsyncStorage, Blocking, BlockingStorage, Checkpoint,
    CheckpointKey, CheckpointWrite, CommitError, Letter, LetterQuery, ParkedKey, Parking, Storage,
    StoreError,
};

type Calls<'a, T, E = StoreError> = BoxFuture<'a, Result<T, E>>;

/// How the suite calls a storage. Implemented by [`Blocking`] and [`Async`] alone; a blocking call
/// is made where it stands.
#[allow(missing_docs)] // documented on `BlockingStorage`, method by method
pub trait Drive<S: Storage> {
    fn begin(storage: &S) -> Calls<'_, S::Session>;

    fn setup<'a>(storage: &'a S, session: &'a mut S::Session) -> Calls<'a, ()>;

    fn load<'a>(
        storage: &'a S,
        session: &'a mut S::Session,
        key: &'a CheckpointKey,
    ) -> Calls<'a, Option<Checkpoint>>;

    fn reset<'a>(
        storage: &'a S,
        session: &'a mut S::Session,
        key: &'a CheckpointKey,
    ) -> Calls<'a, ()>;

    fn parked<'a>(
        storage: &'a S,
        session: &'a mut S::Session,
        key: &'a CheckpointKey,
    ) -> Calls<'a, Vec<ParkedKey>>;

    fn commit<'a>(
        storage: &'a S,
        session: S::Session,
        write: &'a CheckpointWrite,
    ) -> Calls<'a, (), CommitError>;

    fn commit_alone(storage: &S, session: S::Session) -> Calls<'_, ()>;

    fn rollback(storage: &S, session: S::Session) -> Calls<'_, ()>;

    fn savepoint<'a>(storage: &'a S, session: &'a mut S::Session) -> Calls<'a, bool>;

    fn back_to_savepoint<'a>(storage: &'a S, session: &'a mut S::Session) -> Calls<'a, ()>;

    fn checkpoints<'a>(
        storage: &'a S,
        namespace: &'a str,
    ) -> Calls<'a, Vec<(CheckpointKey, Checkpoint)>>;

    fn letters<'a>(
        storage: &'a S,
        key: &'a CheckpointKey,
        query: &'a LetterQuery,
    ) -> Calls<'a, Vec<Letter>>;

    fn parking<'a>(storage: &'a S, key: &'a CheckpointKey) -> Calls<'a, Parking>;
}

impl<S: BlockingStorage> Drive<S> for Blocking {
    fn begin(storage: &S) -> Calls<'_, S::Session> {
        Box::pin(ready(storage.begin()))
    }

    fn setup<'a>(storage: &'a S, session: &'a mut S::Session) -> Calls<'a, ()> {
        Box::pin(ready(storage.setup(session)))
    }

    fn load<'a>(
        storage: &'a S,
        session: &'a mut S::Session,
        key: &'a CheckpointKey,
    ) -> Calls<'a, Option<Checkpoint>> {
        Box::pin(ready(storage.load(session, key)))
    }

    fn reset<'a>(
        storage: &'a S,
        session: &'a mut S::Session,
        key: &'a CheckpointKey,
    ) -> Calls<'a, ()> {
        Box::pin(ready(storage.reset(session, key)))
    }

    fn parked<'a>(
        storage: &'a S,
        session: &'a mut S::Session,
        key: &'a CheckpointKey,
    ) -> Calls<'a, Vec<ParkedKey>> {
        Box::pin(ready(storage.parked(session, key)))
    }

    fn commit<'a>(
        storage: &'a S,
        session: S::Session,
        write: &'a CheckpointWrite,
    ) -> Calls<'a, (), CommitError> {
        Box::pin(ready(storage.commit(session, write)))
    }

    fn commit_alone(storage: &S, session: S::Session) -> Calls<'_, ()> {
        Box::pin(ready(storage.commit_alone(session)))
    }

    fn rollback(storage: &S, session: S::Session) -> Calls<'_, ()> {
        Box::pin(ready(storage.rollback(session)))
    }

    fn savepoint<'a>(storage: &'a S, session: &'a mut S::Session) -> Calls<'a, bool> {
        Box::pin(ready(storage.savepoint(session)))
    }

    fn back_to_savepoint<'a>(storage: &'a S, session: &'a mut S::Session) -> Calls<'a, ()> {
        Box::pin(ready(storage.back_to_savepoint(session)))
    }

    fn checkpoints<'a>(
        storage: &'a S,
        namespace: &'a str,
    ) -> Calls<'a, Vec<(CheckpointKey, Checkpoint)>> {
        Box::pin(ready(storage.checkpoints(namespace)))
    }

    fn letters<'a>(
        storage: &'a S,
        key: &'a CheckpointKey,
        query: &'a LetterQuery,
    ) -> Calls<'a, Vec<Letter>> {
        Box::pin(ready(storage.letters(key, query)))
    }

    fn parking<'a>(storage: &'a S, key: &'a CheckpointKey) -> Calls<'a, Parking> {
        Box::pin(ready(storage.parking(key)))
    }
}

impl<S: AsyncStorage> Drive<S> for Async {
    fn begin(storage: &S) -> Calls<'_, S::Session> {
        Box::pin(storage.begin())
    }

    fn setup<'a>(storage: &'a S, session: &'a mut S::Session) -> Calls<'a, ()> {
        Box::pin(storage.setup(session))
    }

    fn load<'a>(
        storage: &'a S,
        session: &'a mut S::Session,
        key: &'a CheckpointKey,
    ) -> Calls<'a, Option<Checkpoint>> {
        Box::pin(storage.load(session, key))
    }

    fn reset<'a>(
        storage: &'a S,
        session: &'a mut S::Session,
        key: &'a CheckpointKey,
    ) -> Calls<'a, ()> {
        Box::pin(storage.reset(session, key))
    }

    fn parked<'a>(
        storage: &'a S,
        session: &'a mut S::Session,
        key: &'a CheckpointKey,
    ) -> Calls<'a, Vec<ParkedKey>> {
        Box::pin(storage.parked(session, key))
    }

    fn commit<'a>(
        storage: &'a S,
        session: S::Session,
        write: &'a CheckpointWrite,
    ) -> Calls<'a, (), CommitError> {
        Box::pin(storage.commit(session, write))
    }

    fn commit_alone(storage: &S, session: S::Session) -> Calls<'_, ()> {
        Box::pin(storage.commit_alone(session))
    }

    fn rollback(storage: &S, session: S::Session) -> Calls<'_, ()> {
        Box::pin(storage.rollback(session))
    }

    fn savepoint<'a>(_: &'a S, _: &'a mut S::Session) -> Calls<'a, bool> {
        Box::pin(ready(Ok(false)))
    }

    fn back_to_savepoint<'a>(_: &'a S, _: &'a mut S::Session) -> Calls<'a, ()> {
        Box::pin(ready(Ok(())))
    }

    fn checkpoints<'a>(
        storage: &'a S,
        namespace: &'a str,
    ) -> Calls<'a, Vec<(CheckpointKey, Checkpoint)>> {
        Box::pin(storage.checkpoints(namespace))
    }

    fn letters<'a>(
        storage: &'a S,
        key: &'a CheckpointKey,
        query: &'a LetterQuery,
    ) -> Calls<'a, Vec<Letter>> {
        Box::pin(storage.letters(key, query))
    }

    fn parking<'a>(storage: &'a S, key: &'a CheckpointKey) -> Calls<'a, Parking> {
        Box::pin(storage.parking(key))
    }
}
