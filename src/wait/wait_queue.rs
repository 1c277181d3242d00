//! Who waits for the same thing, in order.
//!
//! A queue has no lock of its own: it lies beside the state it guards, under the primitive's one lock.
//!
//! An entry belongs to the notifier who wins its ticket, and to its greenlet otherwise: one that a notifier has found too late is
//! set aside until its greenlet [leaves](WaitQueue::leave), and what it holds is not lost.

use crate::util::slot_list::{Key, List, Slots};
use crate::wait::parker::{Token, Waiter};

/// A ticket, with what its greenlet has to say to whoever wakes it.
struct Entry<T> {
    waiter: Waiter,
    said: T,
    late: bool,
}

/// FIFO of tickets.
pub(crate) struct WaitQueue<T = ()> {
    entries: Slots<Entry<T>>,
    waiting: List,
    /// Those whose episode was over when a notifier came to them.
    late: List,
}

impl<T> WaitQueue<T> {
    pub(crate) const fn new() -> Self {
        WaitQueue {
            entries: Slots::new(),
            waiting: List::new(),
            late: List::new(),
        }
    }

    /// Whether nobody waits, as far as is known.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait, those included that are about to give up.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many wait, without those that a notifier has found too late.
    pub(crate) fn hopeful(&self) -> usize {
        self.entries.len() - self.late.keys(&self.entries).count()
    }

    /// Registers a greenlet at the end of the queue.
    #[inline]
    pub(crate) fn push(&mut self, waiter: Waiter, said: T) -> Key {
        let entry = Entry {
            waiter,
            said,
            late: false,
        };
        self.waiting.push_back(&mut self.entries, entry)
    }

    /// Takes a registration back. To be called by a greenlet that was woken by something else than this queue.
    pub(crate) fn leave(&mut self, key: Key) -> T {
        let list = match self.entries.get(key).late {
            false => &mut self.waiting,
            true => &mut self.late,
        };
        list.remove(&mut self.entries, key).said
    }

    /// Wakes the first that can still be woken (W3), and gives what it had to say.
    #[inline]
    pub(crate) fn wake_one(&mut self, token: Token) -> Option<T> {
        self.wake_one_with(|_| token)
    }

    /// As [`wake_one`](Self::wake_one), with a token made from what it has to say.
    #[inline]
    pub(crate) fn wake_one_with(&mut self, mut token: impl FnMut(&mut T) -> Token) -> Option<T> {
        while let Some(first) = self.waiting.front() {
            let entry = self.entries.get_mut(first);
            let (waiter, token) = (entry.waiter, token(&mut entry.said));
            if let Some(said) = self.wake(first, waiter, token) {
                return Some(said);
            }
        }
        None
    }

    /// As [`wake_one`](Self::wake_one), as long as `may` agrees to whoever is first.
    pub(crate) fn wake_one_if(&mut self, token: Token, may: impl Fn(&T) -> bool) -> Option<T> {
        while let Some(first) = self.waiting.front() {
            let entry = self.entries.get(first);
            if !may(&entry.said) {
                return None;
            }
            if let Some(said) = self.wake(first, entry.waiter, token) {
                return Some(said);
            }
        }
        None
    }

    /// Wakes the first, or sets it aside.
    #[inline]
    fn wake(&mut self, first: Key, waiter: Waiter, token: Token) -> Option<T> {
        if waiter.unpark(token) {
            return Some(self.waiting.remove(&mut self.entries, first).said);
        }
        self.set_aside(first);
        None
    }

    /// For the first, whose episode is over.
    #[cold]
    fn set_aside(&mut self, first: Key) {
        self.entries.get_mut(first).late = true;
        self.waiting
            .transfer(&mut self.entries, first, &mut self.late);
    }

    /// Wakes all, in order; how many there were.
    pub(crate) fn wake_all(&mut self, token: Token) -> usize {
        let mut woken = 0;
        while self.wake_one(token).is_some() {
            woken += 1;
        }
        woken
    }
}

impl<T> Drop for WaitQueue<T> {
    fn drop(&mut self) {
        debug_assert!(
            self.entries.len() == 0,
            "a greenlet waits for what is gone (W5)"
        );
    }
}
