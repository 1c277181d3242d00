//! THE DOOR: the only way that a greenlet leaves for the hub because it waits.
//!
//! A wait goes: look whether it is needed, under the primitive's lock; if so, [arm](Parker::arm), register the ticket, let go of the
//! lock, and [`park`]. Whoever ends the wait hands in the ticket. [`wait_on`](crate::hub::wait_on::wait_on) packages that.
//!
//! [`Parker::arm`]: crate::wait::parker::Parker::arm

use std::panic::Location;
use std::thread::panicking;

use crate::greenlet::block::{Arrival, Thread};
use crate::greenlet::kill::arrive;
use crate::greenlet::kind::Kind;
use crate::greenlet::panicking::{Unwinding, raise_in};
use crate::greenlet::unwind::Unwound;
use crate::hub::awaited::{Awaited, Plain};
use crate::hub::interrupt::take_pending;
use crate::hub::run_loop::leave;
use crate::hub::state::{Due, Place};
use crate::util::deadline::Deadline;
use crate::wait::parker::{Token, Waiter};

/// Leaves the running greenlet until somebody hands in `waiter`, which it has just armed; says with which token. Once the deadline
/// has passed the hub does so.
///
/// A kill, or the end of a limit, is raised from here instead of being returned, so registrations have to undo themselves when
/// dropped (W5). The caller has made sure that nothing was [pending](Place::check) before it armed.
#[inline(always)]
#[track_caller]
pub(crate) fn park(
    place: &Place<'_>,
    waiter: Waiter,
    deadline: Deadline,
    awaited: &dyn Awaited,
) -> Token {
    let Place { hub, seat, .. } = *place;
    if let Deadline::At(at) = deadline {
        let timer = hub.timers.borrow_mut().arm(at, Due::Wake(waiter));
        seat.timer.set(Some(timer));
    }
    let waits = seat.wait_for(awaited);
    step_out(place, Location::caller());
    drop(waits);
    // Whatever arrives may wait itself: this wait has to be over by then.
    if let Some(timer) = seat.timer.take() {
        drop(hub.timers.borrow_mut().cancel(timer));
    }
    let token = seat.parker.token();
    let raised = match token {
        Token::INTERRUPTED => Some(take_pending(seat)),
        _ => None,
    };
    place.arrive();
    if let Some(payload) = raised {
        raise_in(place.me, payload);
    }
    token
}

/// Lets every other runnable greenlet have a turn.
#[inline(always)]
#[track_caller]
pub(crate) fn pass(place: &Place<'_>) {
    place.check();
    place.hub.make_runnable(place.thread.current());
    let waits = place.seat.wait_for(&YIELD);
    step_out(place, Location::caller());
    drop(waits);
    place.arrive();
}

const YIELD: Plain = Plain("its turn");

/// Leaves for whoever runs next.
#[inline(always)]
fn step_out(place: &Place<'_>, at: &'static Location<'static>) {
    match panicking() {
        false => step(place, at, false),
        true => step_panicking(place.thread, at),
    }
}

#[cold]
#[inline(never)]
fn step_panicking(thread: &Thread, at: &'static Location<'static>) {
    let place = Place::of(thread);
    step(&place, at, place.me.unwinding() != Unwinding::No);
}

#[inline(always)]
fn step(place: &Place<'_>, at: &'static Location<'static>, unwinds: bool) {
    let Place { me, seat, .. } = *place;
    seat.shielded.set(unwinds);
    me.expects.set(Kind::PARKED);
    // Nothing is received there: it only tells where the frame is.
    let here = 0_u8;
    me.slot.set((&raw const here).cast_mut());
    me.waits_at.set(at);
    seat.since.set(place.hub.stretch.moment());
    leave(place);
    if !unwinds {
        me.note_calm();
    }
}

impl Place<'_> {
    #[inline(always)]
    fn arrive(&self) {
        if self.thread.alert.get() != 0 {
            arrive_slowly(self.thread);
        }
    }

    /// Raises what is pending, if a wait may be interrupted now. To be called before every wait, with nothing registered and no
    /// lock held.
    #[inline]
    pub(crate) fn check(&self) {
        if self.is_interrupted() {
            self.raise_pending();
        }
    }

    /// Whether [`check`](Self::check) would raise something.
    #[inline]
    pub(crate) fn is_interrupted(&self) -> bool {
        self.seat.pending.get() && self.me.unwinding() == Unwinding::No
    }
}

/// An observer may have panicked, or a greenlet that was killed on the way have thrown something. What was granted is not to be
/// lost for it (W4), so it is raised at the next wait.
#[cold]
fn arrive_slowly(thread: &Thread) {
    match arrive(thread, &thread.current()) {
        Arrival::Value | Arrival::Exited(_) | Arrival::Misfit(_) => {}
        Arrival::Thrown(payload)
        | Arrival::Died(_, payload)
        | Arrival::Spoilt(Unwound { payload, .. }) => Place::of(thread).raise_later(payload),
    }
}
