//! Waiting for a permit.

use crate::hub::awaited::Awaited;
use crate::hub::begin::place;
use crate::hub::park::park;
use crate::util::deadline::Deadline;
use crate::util::slot_list::Key;
use crate::wait::parker::Token;
use crate::wait::permits::Permits;

/// Takes a permit, waiting for it if there is none; false if the deadline came first.
#[cold]
#[track_caller]
pub(crate) fn acquire_slow(permits: &Permits, deadline: Deadline, awaited: &dyn Awaited) -> bool {
    let place = place();
    place.check();
    let Some((key, waiter)) = permits.acquire_or_wait(|| place.seat.parker.arm()) else {
        return true;
    };
    let mut registration = Registration {
        permits,
        key: Some(key),
    };
    let granted = park(&place, waiter, deadline, awaited) != Token::TIMED_OUT;
    if granted {
        // Gone from the queue: the token is the permit.
        registration.key = None;
    }
    granted
}

/// A place in the queue, that is left when dropped (W5).
struct Registration<'a> {
    permits: &'a Permits,
    key: Option<Key>,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.permits.leave(key);
        }
    }
}
