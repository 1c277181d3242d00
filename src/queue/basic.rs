//! Putting and getting.

use std::fmt;
use std::time::Duration;

use crate::hub::awaited::Plain;
use crate::hub::wait_on::{Waited, wait_on};
use crate::queue::error::{GetError, PutError};
use crate::queue::state::{Bounded, Core, Got, Kind, State};
use crate::sys::clock;
use crate::util::biased::Biased;
use crate::util::deadline::Deadline;
use crate::wait::parker::Token;

/// What all queues have in common. Programs name it [`Queue`](crate::queue::Queue), [`LifoQueue`](crate::queue::LifoQueue),
/// [`PriorityQueue`](crate::queue::PriorityQueue), [`JoinableQueue`](crate::queue::JoinableQueue) or
/// [`Channel`](crate::queue::Channel).
///
/// Items and room are handed over in the order of coming: an item that is put while getters wait is the first of them's, and no newcomer gets it; room that
/// a getter makes goes to the first putter that waits, whose item is in the queue from then on. Nobody switches who need not
/// wait. A getter or putter that is killed or timed out takes nothing along: neither is an item lost, nor is one put.
///
/// Any queue can be [shut down](Self::shutdown): then nothing more can be put, and getters fail once it is empty.
pub struct BasicQueue<K: Kind> {
    core: Core<K>,
}

impl<K: Kind> BasicQueue<K> {
    /// Empty, with room for any number of items; a [`Channel`](crate::queue::Channel) has room for none.
    pub const fn new() -> Self {
        Self::with_capacity(K::CAPACITY)
    }

    const fn with_capacity(capacity: usize) -> Self {
        BasicQueue {
            core: Core {
                state: Biased::new(State::new(capacity)),
                turn: K::TURN,
            },
        }
    }

    /// Puts an item in; waits as long as there is no room.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and the item is dropped.
    ///
    /// # Errors
    ///
    /// [`PutError::ShutDown`], with the item.
    #[track_caller]
    pub fn put(&self, item: K::Item) -> Result<(), PutError<K::Item>> {
        self.put_within(item, None)
    }

    /// Puts an item in if there is room. Never switches.
    ///
    /// # Errors
    ///
    /// With the item, if it was not put.
    pub fn try_put(&self, item: K::Item) -> Result<(), PutError<K::Item>> {
        self.state().lock().put(item)
    }

    /// As [`put`](Self::put), for so long at most.
    ///
    /// # Errors
    ///
    /// With the item, if it was not put.
    #[track_caller]
    pub fn put_timeout(&self, item: K::Item, limit: Duration) -> Result<(), PutError<K::Item>> {
        self.put_within(item, Some(limit))
    }

    /// Takes the next item out; waits as long as there is none.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and no item is taken.
    ///
    /// # Errors
    ///
    /// [`GetError::ShutDown`].
    #[track_caller]
    pub fn get(&self) -> Result<K::Item, GetError> {
        self.get_within(None)
    }

    /// Takes the next item out if there is one. Never switches; but see [`PriorityQueue`](crate::queue::PriorityQueue).
    ///
    /// # Errors
    ///
    /// If there is none.
    #[track_caller]
    pub fn try_get(&self) -> Result<K::Item, GetError> {
        loop {
            let got = self.state().lock().get();
            if let Some(result) = self.look_at(got) {
                return result;
            }
        }
    }

    /// As [`get`](Self::get), for so long at most.
    ///
    /// # Errors
    ///
    /// If there was no item in time.
    #[track_caller]
    pub fn get_timeout(&self, limit: Duration) -> Result<K::Item, GetError> {
        self.get_within(Some(limit))
    }

    /// The items, as they are [got](Self::get), until the queue is shut down and empty. Every step waits as long as there is none.
    pub const fn iter(&self) -> Iter<'_, K> {
        Iter(self)
    }

    /// How many items there are. What a blocked putter has to put does not count.
    pub fn len(&self) -> usize {
        self.state().lock().items.len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        let state = self.state().lock();
        state.items.len() >= state.capacity()
    }

    /// How many items there is room for in all; `None` if for any number.
    pub fn capacity(&self) -> Option<usize> {
        let capacity = self.state().lock().capacity();
        (capacity < usize::MAX).then_some(capacity)
    }

    /// From here on nothing can be put; what is in the queue can still be got, then getters fail. Whoever waits, to put or for
    /// an item, is woken and fails at once, in the order of coming. Never switches.
    ///
    /// ```
    /// use greenlet::queue::{GetError, PutError, Queue};
    ///
    /// let queue = Queue::new();
    /// queue.put(1).unwrap();
    /// queue.shutdown();
    /// assert_eq!(queue.put(2), Err(PutError::ShutDown(2)));
    /// assert_eq!(queue.get(), Ok(1));
    /// assert_eq!(queue.get(), Err(GetError::ShutDown));
    /// ```
    pub fn shutdown(&self) {
        self.state().lock().shut_down();
    }

    /// As [`shutdown`](Self::shutdown), but what is in the queue is dropped, and counts as done. What was handed to a getter that
    /// has not run since is still got.
    ///
    /// Never switches, unless the destructor of an item does.
    pub fn shutdown_now(&self) {
        let items = self.state().lock().close();
        drop(items);
    }

    pub(crate) fn state(&self) -> &Biased<State<K>> {
        &self.core.state
    }

    #[track_caller]
    fn put_within(&self, item: K::Item, limit: Option<Duration>) -> Result<(), PutError<K::Item>> {
        let put = self.state().lock().put(item);
        match put {
            Err(PutError::Full(item)) => self.put_slow(item, deadline(limit)),
            put => put,
        }
    }

    #[cold]
    #[track_caller]
    fn put_slow(&self, item: K::Item, deadline: Deadline) -> Result<(), PutError<K::Item>> {
        let look = |state: &mut State<K>| match state.put(item) {
            Err(PutError::Full(item)) => Err(item),
            put => Ok(put),
        };
        let awaited = Plain(K::AWAITED_BY_PUTTERS);
        match wait_on(self.state(), deadline, &awaited, look, |state| {
            &mut state.putters
        }) {
            Waited::Done(put) => put,
            Waited::Woken(Token::READY) => Ok(()),
            Waited::Woken(token) => Err(PutError::ShutDown(self.state().lock().receive(token))),
            Waited::TimedOut(item) => Err(PutError::Full(item)),
        }
    }

    #[track_caller]
    fn get_within(&self, limit: Option<Duration>) -> Result<K::Item, GetError> {
        if limit.is_some() {
            // Without a look at the clock, if that is not needed.
            match self.try_get() {
                Err(GetError::Empty) => {}
                got => return got,
            }
        }
        self.get_until(deadline(limit))
    }

    #[inline(always)]
    #[track_caller]
    fn get_until(&self, deadline: Deadline) -> Result<K::Item, GetError> {
        let look = |state: &mut State<K>| match state.get() {
            Got::Nothing => Err(()),
            got => Ok(got),
        };
        let awaited = Plain(K::AWAITED_BY_GETTERS);
        loop {
            match wait_on(self.state(), deadline, &awaited, look, |state| {
                &mut state.getters
            }) {
                Waited::Done(got) => {
                    if let Some(result) = self.look_at(got) {
                        return result;
                    }
                }
                Waited::Woken(Token::READY) => return Err(GetError::ShutDown),
                Waited::Woken(token) => return Ok(self.state().lock().receive(token)),
                Waited::TimedOut(()) => return Err(GetError::Empty),
            }
        }
    }

    /// What comes of it; `None` if somebody else was faster.
    #[track_caller]
    fn look_at(&self, got: Got<K::Item>) -> Option<Result<K::Item, GetError>> {
        match got {
            Got::Item(item) => Some(Ok(item)),
            Got::Pick => K::pick(&self.core).map(Ok),
            Got::Nothing => Some(Err(GetError::Empty)),
            Got::ShutDown => Some(Err(GetError::ShutDown)),
        }
    }
}

impl<K: Bounded> BasicQueue<K> {
    /// Empty, with room for so many items. If it is for none, a put waits for a get.
    pub const fn bounded(capacity: usize) -> Self {
        Self::with_capacity(capacity)
    }
}

fn deadline(limit: Option<Duration>) -> Deadline {
    limit.map_or(Deadline::Never, |limit| {
        Deadline::after(clock::now(), limit)
    })
}

impl<K: Kind> Default for BasicQueue<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Kind> fmt::Debug for BasicQueue<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state().lock();
        f.debug_struct(K::NAME)
            .field("len", &state.items.len())
            .field("getters", &state.getters.len())
            .field("putters", &state.putters.len())
            .finish_non_exhaustive()
    }
}

/// Takes items out of a queue until it is shut down and empty; from [`BasicQueue::iter`].
#[derive(Debug)]
pub struct Iter<'a, K: Kind>(&'a BasicQueue<K>);

impl<K: Kind> Iterator for Iter<'_, K> {
    type Item = K::Item;

    #[track_caller]
    fn next(&mut self) -> Option<K::Item> {
        self.0.get().ok()
    }
}
