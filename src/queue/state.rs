//! What of a queue is under its lock.
//!
//! Items are handed over: one that is put while a getter waits is that getter's, and never lies in the queue; it waits in `handed`, under
//! the key that is the getter's token. A putter that waits has its item registered: the getter who makes room puts it into the
//! queue for it. Whoever is woken is done, so a kill that comes after it finds nothing to lose (W4).
//!
//! * **Q1** Getters wait only while the queue has no item and no putter waits; putters wait only while it is full. So no
//!   getter and putter wait at once.

use std::mem;

use slab::Slab;

use crate::queue::error::PutError;
use crate::util::biased::Biased;
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// What a queue gives first. There is no way to add another kind.
pub trait Kind: Store {}

impl<S: Store> Kind for S {}

/// The kinds of queues that can be bounded.
pub trait Bounded: Kind {}

/// Where a queue keeps its items.
pub trait Store: Sized {
    type Item;
    /// What is held while items are worked upon outside the queue's lock.
    type Turn;

    const EMPTY: Self;
    const TURN: Self::Turn;
    /// How many items there may be, if nobody says how many.
    const CAPACITY: usize = usize::MAX;
    const NAME: &'static str;
    const AWAITED_BY_GETTERS: &'static str;
    const AWAITED_BY_PUTTERS: &'static str;

    fn len(&self) -> usize;

    fn push(&mut self, item: Self::Item);

    /// Takes the next item out. `None` though there are some: they have to be [picked](Self::pick).
    fn pop(&mut self) -> Option<Self::Item>;

    /// Takes the next item out, without the lock while something of the user's runs.
    #[track_caller]
    fn pick(_core: &Core<Self>) -> Option<Self::Item> {
        None
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing more comes in.
    Draining,
    /// Nothing more comes in, and nothing out.
    Closed,
}

/// A queue's lock, what is under it, and the turn.
pub struct Core<S: Store> {
    pub(crate) state: Biased<State<S>>,
    pub(crate) turn: S::Turn,
}

pub(crate) struct State<S: Store> {
    pub(crate) items: S,
    capacity: usize,
    phase: Phase,
    pub(crate) getters: WaitQueue,
    /// With their items.
    pub(crate) putters: WaitQueue<S::Item>,
    /// Items on their way to greenlets that were woken.
    handed: Slab<S::Item>,
    /// How many items came in and are not done.
    unfinished: usize,
    /// Who waits for all to be done.
    pub(crate) joiners: WaitQueue,
}

/// What there is to get.
pub(crate) enum Got<T> {
    Item(T),
    /// There are items, which have to be picked.
    Pick,
    Nothing,
    ShutDown,
}

impl<S: Store> State<S> {
    pub(crate) const fn new(capacity: usize) -> Self {
        State {
            items: S::EMPTY,
            capacity,
            phase: Phase::Open,
            getters: WaitQueue::new(),
            putters: WaitQueue::new(),
            handed: Slab::new(),
            unfinished: 0,
            joiners: WaitQueue::new(),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Puts an item in, or hands it to the first getter; `Full` if it has to wait.
    pub(crate) fn put(&mut self, item: S::Item) -> Result<(), PutError<S::Item>> {
        if self.phase != Phase::Open {
            return Err(PutError::ShutDown(item));
        }
        let item = match self.getters.is_empty() {
            true => item,
            false => match self.hand_to_getter(item) {
                Ok(()) => return Ok(()),
                Err(item) => item,
            },
        };
        if self.items.len() >= self.capacity {
            return Err(PutError::Full(item));
        }
        self.unfinished += 1;
        self.items.push(item);
        Ok(())
    }

    fn hand_to_getter(&mut self, item: S::Item) -> Result<(), S::Item> {
        let key = self.handed.insert(item);
        match self.getters.wake_one(Token(key)) {
            Some(()) => {
                self.unfinished += 1;
                Ok(())
            }
            // All of them are about to give up.
            None => Err(self.handed.remove(key)),
        }
    }

    /// What was handed to a greenlet that was woken with this token.
    pub(crate) fn receive(&mut self, Token(key): Token) -> S::Item {
        self.handed.remove(key)
    }

    /// Takes the next item, and lets the next putter in.
    #[inline]
    pub(crate) fn get(&mut self) -> Got<S::Item> {
        if let Some(item) = self.items.pop() {
            self.refill();
            return Got::Item(item);
        }
        if self.items.len() > 0 {
            return Got::Pick;
        }
        // Putters that wait for an empty queue: it has no room at all.
        match self.admit() {
            Some(item) => Got::Item(item),
            None if self.phase == Phase::Open => Got::Nothing,
            None => Got::ShutDown,
        }
    }

    /// Puts in what the first putters have to put, as far as there is room.
    pub(crate) fn refill(&mut self) {
        while self.items.len() < self.capacity
            && let Some(item) = self.admit()
        {
            self.items.push(item);
        }
    }

    /// Takes the item of the first putter, whose wait is over.
    #[inline]
    fn admit(&mut self) -> Option<S::Item> {
        let item = self.putters.wake_one(Token::READY)?;
        self.unfinished += 1;
        Some(item)
    }

    /// Nothing more comes in: putters get their items back, getters go empty-handed.
    pub(crate) fn shut_down(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Draining;
        }
        while let Some(item) = self.putters.wake_one(Token(self.handed.vacant_key())) {
            self.handed.insert(item);
        }
        self.getters.wake_all(Token::READY);
    }

    /// As [`shut_down`](Self::shut_down); and nothing comes out any more. Gives the items that were still to come, to be
    /// dropped without the lock.
    pub(crate) fn close(&mut self) -> S {
        self.shut_down();
        self.phase = Phase::Closed;
        let items = mem::replace(&mut self.items, S::EMPTY);
        self.finish(items.len().min(self.unfinished));
        items
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    pub(crate) fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// So many items, which are no more than are [unfinished](Self::unfinished), are done.
    pub(crate) fn finish(&mut self, items: usize) {
        self.unfinished -= items;
        if self.unfinished == 0 {
            self.joiners.wake_all(Token::READY);
        }
    }
}
