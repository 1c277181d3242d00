//! Where queues keep their items whose order is that of coming.

use std::collections::VecDeque;
use std::marker::PhantomData;

use crate::queue::state::{Bounded, Store};

/// Gives what was put first.
pub struct Fifo<T>(VecDeque<T>);

impl<T> Bounded for Fifo<T> {}

impl<T> Store for Fifo<T> {
    type Item = T;
    type Turn = ();

    const EMPTY: Self = Fifo(VecDeque::new());
    const TURN: () = ();
    const NAME: &'static str = "Queue";
    const AWAITED_BY_GETTERS: &'static str = "an item of a `Queue`";
    const AWAITED_BY_PUTTERS: &'static str = "room in a `Queue`";

    fn len(&self) -> usize {
        self.0.len()
    }

    fn push(&mut self, item: T) {
        self.0.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }
}

/// Gives what was put last.
pub struct Lifo<T>(Vec<T>);

impl<T> Bounded for Lifo<T> {}

impl<T> Store for Lifo<T> {
    type Item = T;
    type Turn = ();

    const EMPTY: Self = Lifo(Vec::new());
    const TURN: () = ();
    const NAME: &'static str = "LifoQueue";
    const AWAITED_BY_GETTERS: &'static str = "an item of a `LifoQueue`";
    const AWAITED_BY_PUTTERS: &'static str = "room in a `LifoQueue`";

    fn len(&self) -> usize {
        self.0.len()
    }

    fn push(&mut self, item: T) {
        self.0.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }
}

/// Gives what was put first, and can be joined.
pub struct Joinable<T>(Fifo<T>);

impl<T> Bounded for Joinable<T> {}

impl<T> Store for Joinable<T> {
    type Item = T;
    type Turn = ();

    const EMPTY: Self = Joinable(Fifo::EMPTY);
    const TURN: () = ();
    const NAME: &'static str = "JoinableQueue";
    const AWAITED_BY_GETTERS: &'static str = "an item of a `JoinableQueue`";
    const AWAITED_BY_PUTTERS: &'static str = "room in a `JoinableQueue`";

    fn len(&self) -> usize {
        self.0.len()
    }

    fn push(&mut self, item: T) {
        self.0.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }
}

/// Keeps nothing: items go from putter to getter.
pub struct Rendezvous<T>(PhantomData<T>);

impl<T> Store for Rendezvous<T> {
    type Item = T;
    type Turn = ();

    const EMPTY: Self = Rendezvous(PhantomData);
    const TURN: () = ();
    const CAPACITY: usize = 0;
    const NAME: &'static str = "Channel";
    const AWAITED_BY_GETTERS: &'static str = "an item of a `Channel`";
    const AWAITED_BY_PUTTERS: &'static str = "a getter of a `Channel`";

    fn len(&self) -> usize {
        0
    }

    fn push(&mut self, _: T) {
        unreachable!("there is no room");
    }

    fn pop(&mut self) -> Option<T> {
        None
    }
}
