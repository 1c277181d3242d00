//! One typed switch or throw: check, send, wait, receive.
//!
//! The fast path is [`send`] to a greenlet that waits for just the type that is sent: compare the
//! types, write the value into the receiver's frame, leave. Everything else is cold.
//!
//! Invariants used here: B3, B4, B7, B10 of `block`.
#![allow(unsafe_code)]

use std::any::TypeId;
use std::mem::MaybeUninit;
use std::panic::Location;

use crate::greenlet::block::{AnyGreenlet, Arrival, Thread};
use crate::greenlet::error::SwitchError;
use crate::greenlet::kill::{TemporaryParent, arrive, hub, interrupt, observe_self, take_kill};
use crate::greenlet::kind::Kind;
use crate::greenlet::panicking::{panic_in, raise_in};
use crate::greenlet::state::{Role, State};
use crate::greenlet::switch::{prepare, transfer_by_hand};
use crate::greenlet::thread;
use crate::greenlet::unwind::{Elapsing, GreenletExit, Payload, Unwound};
use crate::sys::arena::{More, NoStack};

type Place = &'static Location<'static>;

/// Why no value came back.
pub(crate) enum Failure<V> {
    /// Control never left.
    Refused(SwitchError<V>),
    /// This came instead.
    Arrived(Arrival),
}

/// Sends `value` to `target` and waits for a `B`.
#[inline(always)]
pub(crate) fn send<A: 'static, B: 'static>(
    target: &AnyGreenlet,
    value: A,
    at: Place,
) -> Result<B, Failure<A>> {
    let mut slot = MaybeUninit::uninit();
    match send_into(target, value, at, &mut slot) {
        // SAFETY: no failure: a value was written to the slot (B10).
        None => Ok(unsafe { slot.assume_init() }),
        Some(failure) => Err(failure),
    }
}

/// As [`send`], for the calls that panic. Apart from it, because a value that is never part of a `Result` is
/// copied once, and whole.
#[inline(always)]
#[track_caller]
pub(crate) fn send_loudly<A: 'static, B: 'static>(target: &AnyGreenlet, value: A) -> B {
    let mut slot = MaybeUninit::uninit();
    if let Some(failure) = send_into(target, value, Location::caller(), &mut slot) {
        fail_loudly(failure, target);
    }
    // SAFETY: no failure: a value was written to the slot (B10).
    unsafe { slot.assume_init() }
}

/// Sends `value` to `target` and waits for a `B`, which lies in `slot` unless there is a failure.
#[inline(always)]
fn send_into<A: 'static, B: 'static>(
    target: &AnyGreenlet,
    value: A,
    at: Place,
    slot: &mut MaybeUninit<B>,
) -> Option<Failure<A>> {
    let block = target.block();
    if !block.expects.get().is::<A>() || block.is_current() {
        return send_slow(target, value, at, slot);
    }
    // SAFETY: the target waits in a typed call, for an `A` (B4).
    unsafe { block.slot.get().cast::<A>().write(value) };
    exchange(target, at, slot)
}

/// Leaves for `target` and waits for a `B`, which lies in `slot` unless there is a failure.
#[inline(always)]
fn exchange<V, B: 'static>(
    target: &AnyGreenlet,
    at: Place,
    slot: &mut MaybeUninit<B>,
) -> Option<Failure<V>> {
    let thread = target.block().thread();
    // SAFETY: the running greenlet's block is alive, and stays so as long as its code runs (B2, B3).
    let me = unsafe { thread.current.get().as_ref() };
    me.slot.set(slot.as_mut_ptr().cast());
    me.expects.set(Kind::of::<B>());
    me.waits_at.set(at);
    transfer_by_hand(thread, me, target);
    // If nothing else arrives, a `B` was written to the slot (B4, B10).
    match thread.alert.get() {
        0 => None,
        _ => receive_slow(thread, slot),
    }
}

#[cold]
fn receive_slow<V, B>(thread: &Thread, slot: &mut MaybeUninit<B>) -> Option<Failure<V>> {
    let me = thread.current();
    match arrive(thread, &me) {
        Arrival::Value => None,
        Arrival::Spoilt(unwound) => {
            // SAFETY: only a value is spoilt: it was written to the slot (B10), and is not used again.
            unsafe { slot.assume_init_drop() };
            Some(Failure::Arrived(Arrival::Spoilt(unwound)))
        }
        arrival => Some(Failure::Arrived(arrival)),
    }
}

#[cold]
fn send_slow<A: 'static, B: 'static>(
    target: &AnyGreenlet,
    value: A,
    at: Place,
    slot: &mut MaybeUninit<B>,
) -> Option<Failure<A>> {
    let block = target.block();
    match block.state() {
        State::Dead => Some(Failure::Refused(SwitchError::Dead(value))),
        State::Running => return_to_self(target, value, at, slot),
        _ if block.is_the_hubs() => Some(Failure::Refused(SwitchError::Parked {
            value,
            target: block.label(),
            waits_for: (hub(block.thread()).hooks.waits_for)(target),
        })),
        State::Suspended if block.expects.get().is_anything() => {
            // It waits for a death, and takes whatever comes instead as nothing.
            drop(value);
            send_nothing(target, at, slot)
        }
        State::Suspended => Some(refuse(target, value, block.expects.get())),
        State::New => {
            let Some((takes, argument)) = block.argument() else {
                return Some(Failure::Refused(SwitchError::NoRun(value)));
            };
            if !takes.is::<A>() {
                return Some(refuse(target, value, takes));
            }
            if let Err(none) = prepare(target, More::MayBeReserved) {
                return Some(no_stack(target, value, none));
            }
            // SAFETY: the body takes an `A`, and still is there (B7): nothing of the user's has run since it was asked.
            unsafe { argument.cast::<A>().write(value) };
            exchange(target, at, slot)
        }
    }
}

/// Wakes a greenlet that waits for a death. Dropping the value may have changed its state.
fn send_nothing<V, B: 'static>(
    target: &AnyGreenlet,
    at: Place,
    slot: &mut MaybeUninit<B>,
) -> Option<Failure<V>> {
    let block = target.block();
    if block.state() == State::Suspended && block.expects.get().is_anything() {
        return exchange(target, at, slot);
    }
    Some(Failure::Arrived(Arrival::Misfit(format!(
        "greenlet {} no longer waits for the end of another",
        block.label()
    ))))
}

/// A switch to oneself returns what was sent (item 16).
fn return_to_self<A: 'static, B: 'static>(
    me: &AnyGreenlet,
    value: A,
    at: Place,
    slot: &mut MaybeUninit<B>,
) -> Option<Failure<A>> {
    if TypeId::of::<A>() != TypeId::of::<B>() {
        // This very call is where it waits.
        me.block().waits_at.set(at);
        return Some(refuse(me, value, Kind::of::<B>()));
    }
    match observe_self(me.block().thread(), me, Arrival::Value) {
        Arrival::Value => {
            // SAFETY: `A` is `B`.
            unsafe { slot.as_mut_ptr().cast::<A>().write(value) };
            None
        }
        arrival => Some(Failure::Arrived(arrival)),
    }
}

/// Throws `payload` at `target` and waits for a `B`.
pub(crate) fn throw<B: 'static>(
    target: &AnyGreenlet,
    payload: Payload,
    at: Place,
) -> Result<B, Failure<Payload>> {
    let block = target.block();
    match block.state() {
        State::Dead => return Err(Failure::Refused(SwitchError::Dead(payload))),
        State::Running => {
            let thrown = Arrival::Thrown(payload);
            return Err(Failure::Arrived(observe_self(
                block.thread(),
                target,
                thrown,
            )));
        }
        _ if block.role.get() == Role::Hub => {
            return Err(Failure::Refused(SwitchError::Parked {
                value: payload,
                target: block.label(),
                waits_for: "a greenlet that may run".to_owned(),
            }));
        }
        _ if block.is_the_hubs() => return throw_queued(target, payload, at),
        State::Suspended => {}
        State::New => {
            if block.argument().is_none() {
                return Err(Failure::Refused(SwitchError::NoRun(payload)));
            }
            if let Err(none) = prepare(target, More::MayBeReserved) {
                return Err(no_stack(target, payload, none));
            }
        }
    }
    block.thread().announce(target, Arrival::Thrown(payload));
    let mut slot = MaybeUninit::uninit();
    match exchange(target, at, &mut slot) {
        // SAFETY: no failure: a value was written to the slot (B10).
        None => Ok(unsafe { slot.assume_init() }),
        Some(failure) => Err(failure),
    }
}

/// Throws at a greenlet that only the hub may resume, and waits for its end.
fn throw_queued<B: 'static>(
    target: &AnyGreenlet,
    payload: Payload,
    at: Place,
) -> Result<B, Failure<Payload>> {
    let thread = target.block().thread();
    let me = thread.current();
    let hub = hub(thread).greenlet.clone();
    let temporary = TemporaryParent::set(target, &me);
    interrupt(target, payload);
    if target.is_dead() {
        return Err(Failure::Arrived(Arrival::Exited(target.clone())));
    }
    let mut slot = MaybeUninit::uninit();
    let failure = exchange(&hub, at, &mut slot);
    drop(temporary);
    match failure {
        // SAFETY: no failure: a value was written to the slot (B10).
        None => Ok(unsafe { slot.assume_init() }),
        Some(failure) => Err(failure),
    }
}

fn refuse<V>(target: &AnyGreenlet, value: V, expected: &Kind) -> Failure<V> {
    let block = target.block();
    Failure::Refused(SwitchError::Type {
        value,
        sent: std::any::type_name::<V>(),
        expected: (expected.name)(),
        target: block.label(),
        waits_at: block.waits_at.get(),
    })
}

fn no_stack<V>(target: &AnyGreenlet, value: V, none: NoStack) -> Failure<V> {
    Failure::Refused(SwitchError::NoStack {
        value,
        target: target.block().label(),
        reason: none.to_string(),
        error: none.error,
    })
}

/// What the `try_` calls make of a failure: an exit and a limit that has elapsed unwind the caller, everything else is an error.
#[cold]
pub(crate) fn fail<V>(failure: Failure<V>) -> SwitchError<V> {
    match failure {
        Failure::Refused(refused) => refused,
        Failure::Arrived(Arrival::Thrown(payload) | Arrival::Spoilt(Unwound { payload, .. }))
            if payload.is::<GreenletExit>() || payload.is::<Elapsing>() =>
        {
            raise_in(thread::here().running(), payload)
        }
        Failure::Arrived(Arrival::Misfit(message)) => SwitchError::Thrown(Box::new(message)),
        Failure::Arrived(Arrival::Exited(_)) => SwitchError::Exited(GreenletExit),
        Failure::Arrived(
            Arrival::Thrown(payload)
            | Arrival::Died(_, payload)
            | Arrival::Spoilt(Unwound { payload, .. }),
        ) => SwitchError::Thrown(payload),
        Failure::Arrived(Arrival::Value) => unreachable!("a value is no failure"),
    }
}

/// What the other calls make of it: a panic here, which names both sides.
#[cold]
#[track_caller]
pub(crate) fn fail_loudly<V>(failure: Failure<V>, target: &AnyGreenlet) -> ! {
    let me = thread::current().block().label();
    let is_for_a_kill = matches!(
        failure,
        Failure::Refused(SwitchError::Parked { .. }) | Failure::Arrived(Arrival::Exited(_))
    );
    if is_for_a_kill && let Some(payload) = take_kill(thread::here()) {
        // Its last wait was over when it was killed. Now whoever has killed it waits for its end, not for a switch; or whoever it
        // has waited for was killed at the same time.
        raise_in(thread::here().running(), payload);
    }
    match failure {
        Failure::Refused(refused) => panic!(
            "greenlet {me} cannot switch to {}: {refused}",
            target.block().label()
        ),
        Failure::Arrived(Arrival::Exited(dead)) => panic!(
            "greenlet {me} waited for a value, but greenlet {}, whose parent it is, exited",
            dead.block().label()
        ),
        Failure::Arrived(Arrival::Misfit(message)) => panic!("{message}"),
        Failure::Arrived(Arrival::Thrown(payload)) => raise_in(thread::here().running(), payload),
        Failure::Arrived(Arrival::Died(_, payload)) => panic_in(thread::here().running(), payload),
        Failure::Arrived(Arrival::Spoilt(unwound)) => unwound.go_on(thread::here().running()),
        Failure::Arrived(Arrival::Value) => unreachable!("a value is no failure"),
    }
}
