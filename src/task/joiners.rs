//! Who waits for the end of a spawned greenlet.
//!
//! Most are joined by one, at most: its ticket lies here, and only a second one needs a queue.

use crate::util::slot_list::Key;
use crate::wait::parker::{Token, Waiter};
use crate::wait::wait_queue::WaitQueue;

/// Tickets that only this thread has, in the order of coming, each with the token that it is to be woken with.
#[derive(Default)]
pub(crate) struct Joiners {
    first: Option<(Waiter, Token)>,
    rest: Option<Box<WaitQueue<Token>>>,
}

impl Joiners {
    #[inline]
    pub(crate) fn push(&mut self, waiter: Waiter, token: Token) -> Place {
        match (&mut self.first, &mut self.rest) {
            (first @ None, None) => {
                *first = Some((waiter, token));
                Place::First
            }
            (_, rest) => {
                let rest = rest.get_or_insert_with(|| Box::new(WaitQueue::new()));
                Place::Rest(rest.push(waiter, token))
            }
        }
    }

    #[inline]
    pub(crate) fn leave(&mut self, place: Place) {
        match (place, &mut self.rest) {
            (Place::First, _) => self.first = None,
            (Place::Rest(key), Some(rest)) => {
                rest.leave(key);
            }
            (Place::Rest(_), None) => unreachable!("the queue stays"),
        }
    }

    /// Makes all of them runnable, the first by `run`. Nobody comes any more.
    #[inline]
    pub(crate) fn wake_all(&mut self, run: impl FnOnce(usize)) {
        if let Some((first, token)) = self.first.take() {
            // If something else came first, it leaves a place that is free.
            let _ = first.unpark_here(token, run);
        }
        if let Some(rest) = &mut self.rest {
            while rest.wake_one_with(|token| *token).is_some() {}
        }
    }
}

/// Where a ticket lies.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    First,
    Rest(Key),
}
