//! Who may run, in order: the one place that decides it.

use std::collections::VecDeque;

/// FIFO of whatever names a greenlet.
pub(crate) struct RunQueue<G> {
    ready: VecDeque<G>,
}

impl<G> RunQueue<G> {
    pub(crate) const fn new() -> Self {
        RunQueue {
            ready: VecDeque::new(),
        }
    }

    /// Appends a greenlet that is not in the queue (W7).
    #[inline]
    pub(crate) fn push(&mut self, greenlet: G) {
        self.ready.push_back(greenlet);
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<G> {
        self.ready.pop_front()
    }

    /// Undoes the last [`pop`](Self::pop).
    pub(crate) fn put_back(&mut self, greenlet: G) {
        self.ready.push_front(greenlet);
    }

    /// The one that will be popped after `ahead` others.
    #[inline]
    pub(crate) fn peek(&self, ahead: usize) -> Option<&G> {
        self.ready.get(ahead)
    }

    /// How many of them are such.
    pub(crate) fn count(&self, is_such: impl Fn(&G) -> bool) -> usize {
        self.ready
            .iter()
            .filter(|greenlet| is_such(greenlet))
            .count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }
}
