//! The rule of delivery: where a death goes.
//!
//! A greenlet's end goes to its parent as it is at that moment. Walking up from there:
//!
//! | ancestor | a result | an exit | a panic |
//! |---|---|---|---|
//! | dead | next ancestor | next ancestor | next ancestor |
//! | suspended, the result fits | its pending call returns it | [`Exited`] there | raised there |
//! | suspended, it does not fit | an error is raised there | | |
//! | new, the result fits | started with it | started with it, if it takes a `GreenletExit` | started to die of it |
//! | new, it does not fit | stays new; an error goes on | stays new; goes on | |
//! | new, without a run | stays new; an error goes on | stays new; goes on | stays new; goes on |
//! | new, no stack to be had | stays new; an error goes on | stays new; goes on | stays new; goes on |
//! | parked in the hub | an error is raised at its wait, unless it is `()`; the hub goes on | the hub goes on | raised at its wait; the hub goes on |
//!
//! Main is suspended whenever another greenlet runs, so the walk ends there at the latest. It is a loop: a
//! lineage may be of any length.
//!
//! [`Exited`]: crate::SwitchError::Exited
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use crate::greenlet::block::{AnyGreenlet, Arrival, Block};
use crate::greenlet::kill::{hub, interrupt};
use crate::greenlet::kind::Kind;
use crate::greenlet::state::{Role, State};
use crate::greenlet::switch::{prepare, set_current};
use crate::greenlet::unwind::{GreenletExit, Payload, drop_quietly};
use crate::sys::arena::More;

/// How a greenlet ended.
pub(crate) enum Outcome {
    /// With a result, which lies at this address and is moved from there or dropped.
    Value(*mut u8, &'static Kind),
    /// By an exit that nobody caught.
    Exit,
    /// By a panic.
    Panic(Payload),
}

/// What is on its way to an ancestor.
enum Parcel {
    Value(*mut u8, &'static Kind),
    Exit,
    Panic(Payload),
    Misfit(String),
    /// The result was discarded, for a killer.
    Discarded,
}

/// Ends `me`, the running greenlet, and makes the receiver of its `outcome` the current one. The caller
/// must return to the trampoline at once.
///
/// # Safety
///
/// The value of `outcome`, if there is one, is valid and of its kind; it is gone afterwards.
pub(crate) unsafe fn die(me: &AnyGreenlet, outcome: Outcome) {
    let thread = me.block().thread();
    let mut parcel = match outcome {
        Outcome::Value(at, kind) => Parcel::Value(at, kind),
        Outcome::Exit => Parcel::Exit,
        Outcome::Panic(payload) => Parcel::Panic(payload),
    };
    let mut first = me.effective_parent().expect("main does not die");
    let mut target = first.clone();
    let arrival = loop {
        let block = target.block();
        let state = block.state();
        if is_in_hub(block, state) {
            tell_later(me, &target, parcel);
            target = hub(thread).greenlet.clone();
            break Arrival::Value;
        }
        let refused = match state {
            State::Suspended => offer_suspended(me, &target, parcel),
            State::New => offer_new(me, &target, parcel),
            // A temporary parent may have the dying one for an ancestor: it is as good as dead.
            State::Dead | State::Running => Err(parcel),
        };
        parcel = match refused {
            Ok(arrival) => break arrival,
            Err(parcel) => parcel,
        };
        let now = me.effective_parent().expect("main does not die");
        target = if state == State::Suspended || now != first {
            // The result was dropped, which may have changed anything.
            first = now.clone();
            now
        } else {
            // A lineage from before the thread's end has a main that is dead.
            let next = block.parent.borrow().to.clone();
            next.unwrap_or_else(|| thread.main())
        };
    };
    let block = me.block();
    for killer in block.kills.borrow().killers_but(&target) {
        thread.bereaved.borrow_mut().push((killer, me.clone()));
    }
    block.mark_dead();
    match arrival {
        Arrival::Value => {}
        arrival => thread.announce(&target, arrival),
    }
    if thread.alert.get() != 0 || me.is_forsaken() {
        thread.note_origin();
    }
    set_current(thread, &target);
}

/// Whether only the hub may resume or start it.
fn is_in_hub(block: &Block, state: State) -> bool {
    block.is_parked() || (state == State::New && block.role.get() == Role::Spawned)
}

/// An ancestor that is parked cannot be given anything now: what is an error is raised at its wait, and the hub goes on.
fn tell_later(me: &AnyGreenlet, target: &AnyGreenlet, parcel: Parcel) {
    let error: Payload = match parcel {
        Parcel::Exit | Parcel::Discarded => return,
        Parcel::Panic(payload) => payload,
        Parcel::Misfit(message) => Box::new(message),
        Parcel::Value(at, kind) => {
            drop_result(at, kind);
            if kind.is::<()>() {
                return;
            }
            Box::new(format!(
                "the result of greenlet {}, of type `{}`, came while its parent {} was parked",
                me.block().label(),
                (kind.name)(),
                target.block().label()
            ))
        }
    };
    if target.block().state() == State::New {
        // It did not ask for the child, and is not to die of it before it runs.
        return drop_quietly(error);
    }
    interrupt(target, error);
}

/// What a suspended ancestor will find, or what to offer next.
fn offer_suspended(
    me: &AnyGreenlet,
    target: &AnyGreenlet,
    parcel: Parcel,
) -> Result<Arrival, Parcel> {
    let expects = target.block().expects.get();
    Ok(match parcel {
        Parcel::Value(at, kind) if expects.id == kind.id => {
            // SAFETY: a valid value of the kind that the slot has room for (B4): also the hub's, for `()`.
            unsafe { ptr::copy_nonoverlapping(at, target.block().slot.get(), kind.size) };
            Arrival::Value
        }
        Parcel::Value(at, kind) => {
            let discards = expects.is_anything();
            let misfit = misfit(me, target, kind, expects);
            drop_result(at, kind);
            return Err(match discards {
                true => Parcel::Discarded,
                false => Parcel::Misfit(misfit),
            });
        }
        Parcel::Discarded if expects.is_anything() => Arrival::Value,
        Parcel::Discarded => Arrival::Misfit(format!(
            "the result of greenlet {} was discarded for a killer that no longer waits for it",
            me.block().label()
        )),
        Parcel::Exit => Arrival::Exited(me.clone()),
        Parcel::Panic(payload) => Arrival::Died(me.clone(), payload),
        Parcel::Misfit(message) => Arrival::Misfit(message),
    })
}

/// Starts a new ancestor, or says what to offer next.
fn offer_new(me: &AnyGreenlet, target: &AnyGreenlet, parcel: Parcel) -> Result<Arrival, Parcel> {
    let Some((takes, slot)) = target.block().argument() else {
        return Err(match parcel {
            Parcel::Value(at, kind) => {
                drop_result(at, kind);
                Parcel::Misfit(format!(
                    "the result of greenlet {} ({}) cannot start its parent {}, which has no run",
                    me.block().label(),
                    (kind.name)(),
                    target.block().label()
                ))
            }
            parcel => parcel,
        });
    };
    match parcel {
        Parcel::Value(at, kind) if takes.id != kind.id => {
            let misfit = misfit(me, target, kind, takes);
            drop_result(at, kind);
            return Err(Parcel::Misfit(misfit));
        }
        Parcel::Exit if !takes.is::<GreenletExit>() => return Err(Parcel::Exit),
        _ => {}
    }
    if let Err(none) = prepare(target, More::MayBeReserved) {
        return Err(match parcel {
            Parcel::Value(at, kind) => {
                drop_result(at, kind);
                Parcel::Misfit(format!(
                    "the result of greenlet {} cannot start its parent {}: {none}",
                    me.block().label(),
                    target.block().label()
                ))
            }
            parcel => parcel,
        });
    }
    Ok(match parcel {
        Parcel::Value(at, kind) => {
            // SAFETY: a valid value of the kind that the slot is for. It still is the slot of the target's body: nothing of the user's
            // has run since it was asked for.
            unsafe { ptr::copy_nonoverlapping(at, slot, kind.size) };
            Arrival::Value
        }
        Parcel::Exit => {
            // SAFETY: the body takes a GreenletExit; the slot is its own, as above.
            unsafe { slot.cast::<GreenletExit>().write(GreenletExit) };
            Arrival::Value
        }
        Parcel::Panic(payload) => Arrival::Died(me.clone(), payload),
        Parcel::Misfit(message) => Arrival::Misfit(message),
        Parcel::Discarded => Arrival::Misfit("the result was discarded for a killer".to_owned()),
    })
}

fn misfit(me: &AnyGreenlet, target: &AnyGreenlet, sent: &Kind, expected: &Kind) -> String {
    let target = target.block();
    format!(
        "the result of greenlet {} is of type `{}`, but its parent {} waits for `{}` at {}",
        me.block().label(),
        (sent.name)(),
        target.label(),
        (expected.name)(),
        target.waits_at.get()
    )
}

/// Drops a result that nobody takes, on the dying greenlet's stack. A panic meanwhile was seen by the hook.
fn drop_result(at: *mut u8, kind: &Kind) {
    // SAFETY: `die` was given a valid value of this kind, and it is not used again.
    let _ = catch_unwind(AssertUnwindSafe(|| unsafe { (kind.drop)(at) }));
}
