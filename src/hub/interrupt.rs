//! Kills and limits: what is raised at a greenlet's wait, and when.
//!
//! Whoever interrupts puts down what is to be raised, then tries to end the present wait. If something else has ended it
//! before, that counts, and the interrupt is raised at the next wait (W4).
//!
//! A wait that is entered while its greenlet unwinds is not interruptible: a second unwind would end the process.

use std::time::Duration;

use crate::greenlet::block::{AnyGreenlet, Block, Thread};
use crate::greenlet::kill::discard;
use crate::greenlet::panicking::raise_in;
#[cfg(feature = "tracing")]
use crate::greenlet::state::Role;
use crate::greenlet::state::State;
#[cfg(feature = "tracing")]
use crate::greenlet::subscriber::quietly;
use crate::greenlet::unwind::{Elapsing, Payload, drop_quietly};
use crate::hub::seat::{Limit, Seat};
use crate::hub::state::{Due, Hub, Place};
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::wait::parker::Token;

/// Has a greenlet that is spawned, or parked, die of `payload` at its present or next wait. If it has not started, it never
/// will. A greenlet that is to die already dies of what was first.
pub(crate) fn interrupt(target: &AnyGreenlet, payload: Payload) {
    let block = target.block();
    #[cfg(feature = "tracing")]
    tell(block);
    if block.is_deaf() {
        return drop_quietly(payload);
    }
    let thread = block.thread();
    let hub = Hub::of(thread);
    let seat = hub.seat(block);
    if let Err(too_late) = seat.condemn(payload) {
        return drop_quietly(too_late);
    }
    match block.state() {
        // Takes the seat back.
        State::New => never_start(hub, target),
        State::Suspended if !block.is_parked() => strike(hub, target),
        _ if press(hub, target) => {}
        // Its next wait may be in a switch.
        _ => strike(hub, target),
    }
}

/// Tells subscribers, who may do anything, so nothing is begun yet.
#[cfg(feature = "tracing")]
fn tell(target: &Block) {
    // One that was made by hand is killed by a greenlet that is about to wait for that, and nobody may run in between.
    if !target.is_deaf() && target.role.get() == Role::Spawned {
        let (id, name) = (target.id.get(), target.name.as_deref());
        quietly(|| tracing::debug!(target: "greenlet", id, name, "is to die"));
    }
}

/// Something is to be raised: at the present wait, if that can be ended so. Whether it was.
fn press(hub: &Hub, target: &AnyGreenlet) -> bool {
    let seat = hub.seat(target.block());
    seat.pending.set(true);
    if seat.shielded.get() {
        hub.shielded.borrow_mut().push(target.clone());
        return false;
    }
    // Whoever was first is heard first (W4).
    let waiter = seat.parker.present();
    waiter.is_some_and(|waiter| waiter.unpark(Token::INTERRUPTED))
}

/// Tries again to interrupt those whose waits were not interruptible. Nobody of this thread unwinds, so they do not.
pub(crate) fn press_again(hub: &Hub) {
    for target in hub.shielded.take() {
        let block = target.block();
        if let Some(seat) = Seat::of(block)
            && block.is_parked()
            && seat.pending.get()
        {
            seat.shielded.set(false);
            press(hub, &target);
        }
    }
}

fn never_start(hub: &Hub, target: &AnyGreenlet) {
    if let Some(start) = Seat::of(target.block()).and_then(|seat| seat.timer.take()) {
        drop(hub.timers.borrow_mut().cancel(start));
    }
    discard(target);
}

/// A greenlet that waits in a switch, and not in the hub, is hit there when the hub comes round, unless it has heard of it before.
fn strike(hub: &Hub, target: &AnyGreenlet) {
    let seat = hub.seat(target.block());
    seat.pending.set(true);
    hub.strikes.borrow_mut().push_back(target.clone());
}

/// A limit has elapsed that `greenlet` runs under.
pub(crate) fn elapse(hub: &Hub, greenlet: &AnyGreenlet, number: u64) {
    if hub.seat(greenlet.block()).elapse(number) {
        press(hub, greenlet);
    }
}

/// Not a method of a place, which would then have to lie in memory wherever somebody might wait.
#[cold]
fn raise_pending(seat: &Seat, me: &Block) -> ! {
    raise_in(me, take_pending(seat))
}

/// A kill before any limit, an outer limit before those inside it.
#[cold]
pub(crate) fn take_pending(seat: &Seat) -> Payload {
    let kill = seat.kill.take();
    let payload = kill.unwrap_or_else(|| {
        let number = seat.with_limits(|limits| {
            let outermost = limits.iter_mut().find(|limit| limit.elapsed)?;
            outermost.elapsed = false;
            Some(outermost.number)
        });
        Box::new(Elapsing(number.expect("something is pending")))
    });
    seat.update_pending();
    payload
}

impl Place<'_> {
    /// Raises what is pending: what a wait that is about to begin, or was ended for it, does.
    #[inline(always)]
    pub(crate) fn raise_pending(&self) -> ! {
        raise_pending(self.seat, self.me)
    }

    /// The running greenlet is under a limit from here on.
    pub(crate) fn begin_limit(&self, length: Duration) -> u64 {
        let number = self.hub.next_limit.get();
        self.hub.next_limit.set(number + 1);
        let mut limit = Limit {
            number,
            timer: None,
            elapsed: length.is_zero(),
        };
        if limit.elapsed {
            self.seat.pending.set(true);
        } else if let Deadline::At(at) = Deadline::after(clock::now(), length) {
            let due = Due::Elapse(self.thread.current(), number);
            limit.timer = Some(self.hub.timers.borrow_mut().arm(at, due));
        }
        self.seat.add_limit(limit);
        number
    }

    /// It is no longer, whether the limit has elapsed or not.
    pub(crate) fn end_limit(&self, number: u64) {
        let limit = self.seat.remove_limit(number);
        if let Some(timer) = limit.timer {
            drop(self.hub.timers.borrow_mut().cancel(timer));
        }
        if self.seat.pending.get() {
            self.seat.update_pending();
        }
    }

    /// Remembers an error for the next wait, for it came where none may be raised.
    pub(crate) fn raise_later(&self, payload: Payload) {
        if self.me.is_deaf() {
            return drop_quietly(payload);
        }
        if let Some(&Elapsing(number)) = payload.downcast_ref() {
            // As if it had elapsed just now, if it still counts.
            if self.seat.elapse(number) {
                self.seat.pending.set(true);
            }
            return;
        }
        let condemned = self.seat.condemn(payload);
        // Its next wait may be in a switch.
        strike(self.hub, &self.thread.current());
        if let Err(too_late) = condemned {
            drop_quietly(too_late);
        }
    }
}

/// Puts down what a greenlet dies of that never runs.
pub(crate) fn leave_word(greenlet: &AnyGreenlet, payload: Payload) {
    let block = greenlet.block();
    let seat = Hub::of(block.thread()).seat(block);
    if let Err(too_late) = seat.condemn(payload) {
        drop_quietly(too_late);
    }
}

/// What a spawned greenlet that never ran died of, if it was not a plain kill.
pub(crate) fn last_words(block: &Block) -> Option<Payload> {
    Seat::of(block)?.kill.take()
}

/// What becomes of a greenlet that the hub is to hit.
pub(crate) enum Strike {
    Hit(Payload),
    /// It does not wait in a switch now, or unwinds.
    Later,
    /// It has heard of it.
    Over,
}

/// Takes what a greenlet is to die of that the hub is to hit, if it waits in a switch.
pub(crate) fn take_strike(greenlet: &AnyGreenlet) -> Strike {
    let block = greenlet.block();
    let waits_in_a_switch = block.state() == State::Suspended && !block.is_parked();
    if !waits_in_a_switch {
        return match block.is_dead() || !Seat::of(block).is_some_and(Seat::is_condemned) {
            true => Strike::Over,
            false => Strike::Later,
        };
    }
    if block.shielded.get() {
        // A second unwind would end the process.
        return Strike::Later;
    }
    match take_payload(block) {
        None => Strike::Over,
        Some(payload) => Strike::Hit(payload),
    }
}

/// Takes what the running greenlet is to die of at its next wait.
pub(crate) fn take_kill(thread: &Thread) -> Option<Payload> {
    take_payload(thread.running())
}

fn take_payload(block: &Block) -> Option<Payload> {
    let seat = Seat::of(block)?;
    let payload = seat.kill.take()?;
    seat.update_pending();
    Some(payload)
}
