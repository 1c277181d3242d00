//! Who waits for the end of a spawned greenlet.
//!
//! Most are joined by one, at most: its ticket lies here, and only a second one needs a queue.

use std::cell::RefCell;

use crate::util::slot_list::Key;
use crate::wait::parker::{Token, Waiter};
use crate::wait::wait_queue::WaitQueue;

/// Tickets, in the order of coming, each with the token that it is to be woken with.
#[derive(Default)]
pub(crate) struct Joiners {
    first: Option<(Waiter, Token)>,
    rest: Option<Box<WaitQueue<Token>>>,
}

impl Joiners {
    fn push(&mut self, waiter: Waiter, token: Token) -> Place {
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

    fn leave(&mut self, place: Place) {
        match (place, &mut self.rest) {
            (Place::First, _) => self.first = None,
            (Place::Rest(key), Some(rest)) => {
                rest.leave(key);
            }
            (Place::Rest(_), None) => unreachable!("the queue stays"),
        }
    }

    /// Makes all of them runnable. Nobody comes any more.
    #[inline]
    pub(crate) fn wake_all(&mut self) {
        if let Some((first, token)) = self.first.take() {
            // If something else came first, it leaves a place that is free.
            let _ = first.unpark(token);
        }
        if let Some(rest) = &mut self.rest {
            while rest.wake_one_with(|token| *token).is_some() {}
        }
    }
}

#[derive(Clone, Copy)]
enum Place {
    First,
    Rest(Key),
}

/// A place among joiners that is left when dropped (W5).
pub(crate) struct Joiner<'a> {
    joiners: &'a RefCell<Joiners>,
    place: Place,
    gone: bool,
}

impl<'a> Joiner<'a> {
    #[inline]
    pub(crate) fn register(joiners: &'a RefCell<Joiners>, waiter: Waiter, token: Token) -> Self {
        let place = joiners.borrow_mut().push(waiter, token);
        Joiner {
            joiners,
            place,
            gone: false,
        }
    }

    /// A notifier took the ticket.
    #[inline]
    pub(crate) fn was_woken(mut self) {
        self.gone = true;
    }
}

impl Drop for Joiner<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.gone {
            self.joiners.borrow_mut().leave(self.place);
        }
    }
}
