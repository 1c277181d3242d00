//! Who waits for the same thing, in order.
//!
//! A queue has no lock of its own: it lies beside the state it guards, under the primitive's one lock.
//!
//! An entry belongs to the notifier who wins its ticket, and to its greenlet otherwise: one that a notifier has found too late is
//! set aside until its greenlet [leaves](WaitQueue::leave), and what it holds is not lost.
//!
//! A notifier may leave something for whom it wakes: then the entry [stays](WaitQueue::wake_keeping), though no longer in line, until it is
//! [taken out](WaitQueue::remove).

use crate::util::slot_list::{Key, List, Slots};
use crate::wait::parker::{Token, Waiter};

/// A ticket, with what its greenlet has to say to whoever wakes it.
struct Entry<T> {
    standing: Standing,
    said: T,
}

enum Standing {
    /// In line, with a ticket that is in no other queue.
    Alone(Waiter),
    /// In line, with a ticket that lies in other queues as well.
    Shared(Waiter),
    /// Found too late.
    Late,
    /// Never in line.
    Kept,
}

impl Standing {
    fn ticket(&self) -> Option<Waiter> {
        match self {
            Standing::Alone(waiter) | Standing::Shared(waiter) => Some(*waiter),
            Standing::Late | Standing::Kept => None,
        }
    }

    /// Hands in the ticket. If that is in no other queue, no other thread can do so meanwhile: it would need this one (W9).
    #[inline]
    fn unpark(&self, token: Token) -> bool {
        match self {
            Standing::Alone(waiter) => waiter.unpark_alone(token),
            Standing::Shared(waiter) => waiter.unpark(token),
            Standing::Late | Standing::Kept => false,
        }
    }
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

    /// What the first in line has to say.
    #[inline]
    pub(crate) fn first(&self) -> Option<&T> {
        let first = self.waiting.front()?;
        Some(&self.entries.get(first).said)
    }

    /// Whether anybody waits by another ticket than this one, as far as is known.
    pub(crate) fn has_other_than(&self, own: Option<Waiter>) -> bool {
        let mut waiting = self.waiting.keys(&self.entries);
        waiting.any(|key| self.entries.get(key).standing.ticket() != own)
    }

    /// How many entries there are: who waits, those included that are about to give up, and what was kept.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many wait, without those that a notifier has found too late.
    pub(crate) fn hopeful(&self) -> usize {
        self.entries.len() - self.late.keys(&self.entries).count()
    }

    /// Registers a greenlet at the end of the queue, with a ticket that is in no other (W9).
    #[inline(always)]
    pub(crate) fn push(&mut self, waiter: Waiter, said: T) -> Key {
        self.append(Standing::Alone(waiter), said)
    }

    /// As [`push`](Self::push), with a ticket that lies in other queues as well.
    pub(crate) fn push_shared(&mut self, waiter: Waiter, said: T) -> Key {
        self.append(Standing::Shared(waiter), said)
    }

    #[inline(always)]
    fn append(&mut self, standing: Standing, said: T) -> Key {
        let entry = Entry { standing, said };
        self.waiting.push_back(&mut self.entries, entry)
    }

    /// An entry that nobody is woken by.
    pub(crate) fn keep(&mut self, said: T) -> Key {
        let standing = Standing::Kept;
        self.entries.insert(Entry { standing, said })
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> &mut T {
        &mut self.entries.get_mut(key).said
    }

    /// Takes out what was kept.
    #[inline]
    pub(crate) fn remove(&mut self, key: Key) -> T {
        self.entries.remove(key).said
    }

    /// Takes a registration back. To be called by a greenlet that was woken by something else than this queue.
    pub(crate) fn leave(&mut self, key: Key) -> T {
        let list = match self.entries.get(key).standing {
            Standing::Late => &mut self.late,
            _ => &mut self.waiting,
        };
        list.remove(&mut self.entries, key).said
    }

    /// Wakes the first that can still be woken (W3), and gives what it had to say.
    #[inline(always)]
    pub(crate) fn wake_one(&mut self, token: Token) -> Option<T> {
        self.wake_one_with(|_| token)
    }

    /// As [`wake_one`](Self::wake_one), with a token made from what it has to say.
    #[inline(always)]
    pub(crate) fn wake_one_with(&mut self, token: impl FnMut(&mut T) -> Token) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let woken = self.wake_keeping(token)?;
        Some(self.remove(woken))
    }

    /// As [`wake_one_with`](Self::wake_one_with), but the entry is kept.
    #[inline(always)]
    pub(crate) fn wake_keeping(&mut self, mut token: impl FnMut(&mut T) -> Token) -> Option<Key> {
        while let Some(first) = self.waiting.front() {
            let token = token(self.get_mut(first));
            if self.wake(first, token) {
                return Some(first);
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
            if self.wake(first, token) {
                return Some(self.remove(first));
            }
        }
        None
    }

    /// Wakes the first, who leaves the line but not the entries; or sets it aside.
    #[inline(always)]
    fn wake(&mut self, first: Key, token: Token) -> bool {
        let next = self.entries.next(first);
        if self.entries.get(first).standing.unpark(token) {
            self.waiting.detach_front(next);
            return true;
        }
        self.set_aside(first);
        false
    }

    /// For the first, whose episode is over.
    #[cold]
    fn set_aside(&mut self, first: Key) {
        self.entries.get_mut(first).standing = Standing::Late;
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
            self.waiting.is_empty() && self.late.is_empty(),
            "a greenlet waits for what is gone (W5)"
        );
    }
}
