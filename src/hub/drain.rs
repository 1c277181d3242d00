//! Waiting until nothing is left to do.

use crate::hub::awaited::Plain;
use crate::hub::park::park;
use crate::hub::state::{Drain, Hub, Place, Until};
use crate::util::deadline::Deadline;
use crate::wait::parker::Token;

/// Parks main until no greenlet runs, and nothing can make one run. False if the deadline came first.
#[track_caller]
pub(crate) fn drain(place: &Place<'_>, deadline: Deadline) -> bool {
    let own_timers = usize::from(deadline != Deadline::Never);
    wait_until(place, Until::Drained(own_timers), deadline)
}

/// Parks main until no greenlet is about to die.
#[track_caller]
pub(crate) fn settle(place: &Place<'_>) {
    wait_until(place, Until::Settled, Deadline::Never);
}

#[track_caller]
fn wait_until(place: &Place<'_>, until: Until, deadline: Deadline) -> bool {
    assert!(
        place.me.is_main(),
        "only the main greenlet can wait until nothing is left to do"
    );
    place.check();
    let waiter = place.seat.parker.arm();
    place.hub.drain.set(Some(Drain { waiter, until }));
    let _undo = Undo(place.hub);
    let awaited = Plain("the end of all other greenlets");
    park(place, waiter, deadline, &awaited) == Token::READY
}

/// Takes the registration back (W5).
struct Undo<'a>(&'a Hub);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        self.0.drain.set(None);
    }
}
