//! The end of a thread's hub: whatever is spawned or parked is killed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::greenlet::block::Thread;
use crate::greenlet::unwind;
use crate::hub::drain::settle;
use crate::hub::interrupt::interrupt;
use crate::hub::state::Place;

/// How often a greenlet is killed that lives on.
const ATTEMPTS: usize = 3;

/// Kills all that is the hub's, in the order of creation, and lets it die. Runs on main, when the thread ends.
pub(crate) fn shut_down(thread: &Thread) {
    let place = Place::of(thread);
    forget(&place);
    for _ in 0..ATTEMPTS {
        let all: Vec<_> = thread
            .registry
            .borrow()
            .iter()
            .map(|(_, greenlet)| greenlet.clone())
            .collect();
        let mut found = false;
        for greenlet in all {
            if !greenlet.is_dead() && greenlet.block().is_the_hubs() {
                found = true;
                // What it captured was dropped by somebody who is gone; the hook has seen a panic.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    interrupt(&greenlet, unwind::exit());
                }));
            }
        }
        if !found {
            return;
        }
        settle(&place);
    }
}

/// Nothing may be raised on main any more. What was pending is dropped while there still is a hub.
fn forget(place: &Place<'_>) {
    place.seat.pending.set(false);
    unwind::drop_quietly(place.seat.kill.take());
}
