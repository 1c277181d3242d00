//! Arriving, and killing: what a greenlet finds when control comes back to it, and how it ends others.
//!
//! The two are one file because an arrival may have to kill: a greenlet that lost its last owner while it
//! ran is killed as soon as it has left, by whoever arrives.
//!
//! A kill throws [`GreenletExit`](crate::GreenletExit) through the trampoline, with the killer as
//! temporary parent: never is a suspended greenlet unwound from the stack of whoever drops it.

use std::io::{self, Write};
use std::panic::Location;
use std::ptr;
use std::thread;

use crate::greenlet::alert;
use crate::greenlet::block::{AnyGreenlet, Arrival, Block, Body, HubPart, Thread};
use crate::greenlet::kind::Kind;
use crate::greenlet::panicking::{Unwinding, catch_in, raise_in};
use crate::greenlet::state::{Role, State};
use crate::greenlet::switch::transfer_by_hand;
use crate::greenlet::unwind::{self, GreenletExit, Payload, Unwound};

/// What `me`, which has just arrived, finds. Observers run here, and a forsaken origin is killed here.
#[cold]
pub(crate) fn arrive(thread: &Thread, me: &AnyGreenlet) -> Arrival {
    arrive_from(thread, me, None)
}

/// As [`arrive`], but what the death of `victim` leaves to do is left to the caller.
fn arrive_from(thread: &Thread, me: &AnyGreenlet, victim: Option<&AnyGreenlet>) -> Arrival {
    let alerts = thread.alert.get();
    if alerts & alert::MEASURED != 0 {
        thread.begin_slice(me);
    }
    thread
        .alert
        .lower(alert::FORSAKEN | alert::ARRIVAL | alert::GRAVES);
    let announced = me.block().arrival.take();
    let mut arrival = announced.map_or(Arrival::Value, |arrival| *arrival);
    // Taken before anything of the user's runs, which may switch.
    if let Some(origin) = thread.origin.take() {
        #[cfg(feature = "tracing")]
        thread.tell(&origin, me);
        if alerts & alert::TRACED != 0 {
            arrival = observe_way(thread, &origin, me, arrival);
        }
        let left_to_caller = victim == Some(&origin) && origin.block().is_dead();
        if alerts & alert::FORSAKEN != 0
            && !left_to_caller
            && let Some((_, unwound)) = reap(origin)
        {
            arrival = displace(thread, arrival, unwound);
        }
    }
    // Last, for it may switch, which is a way of its own: observers are to see the way here first.
    if alerts & alert::GRAVES != 0 {
        unwind::drop_quietly(thread.graves.take());
    }
    arrival
}

/// Has the observer see the way to `me`: a greenlet that waits in the hub, or was spawned by it, is reached through it.
fn observe_way(
    thread: &Thread,
    origin: &AnyGreenlet,
    me: &AnyGreenlet,
    arrival: Arrival,
) -> Arrival {
    let block = me.block();
    let starts = block.role.get() == Role::Spawned && block.expects.get().is_nothing();
    if !starts && !block.expects.get().is_parked() {
        return observe(thread, origin, me, arrival);
    }
    let hub = hub(thread).greenlet.clone();
    let arrival = observe(thread, origin, &hub, arrival);
    observe(thread, &hub, me, arrival)
}

/// Calls the observer. If it panics, it is removed, and its panic takes the arrival's place (item 54).
fn observe(thread: &Thread, origin: &AnyGreenlet, me: &AnyGreenlet, arrival: Arrival) -> Arrival {
    let Some(observer) = thread.observer.borrow().clone() else {
        return arrival;
    };
    let is_throw = matches!(
        arrival,
        Arrival::Thrown(_) | Arrival::Died(..) | Arrival::Misfit(_)
    );
    match catch_in(thread.running(), || observer(is_throw, origin, me)) {
        Ok(()) => arrival,
        Err(unwound) => {
            thread.alert.lower(alert::TRACED);
            unwind::drop_quietly((observer, thread.observer.take()));
            match arrival {
                Arrival::Value | Arrival::Spoilt(_) => Arrival::Spoilt(unwound),
                _ => Arrival::Thrown(unwound.payload),
            }
        }
    }
}

/// What remains if the greenlet was unwound while `arrival` was waiting to be seen: an error that was first
/// stays, unless it would hide a kill.
fn displace(thread: &Thread, arrival: Arrival, unwound: Unwound) -> Arrival {
    match arrival {
        Arrival::Value => Arrival::Spoilt(unwound),
        Arrival::Thrown(_) | Arrival::Died(..) | Arrival::Spoilt(_)
            if !unwound.payload.is::<GreenletExit>() =>
        {
            put_off(thread, unwound);
            arrival
        }
        Arrival::Spoilt(_) => Arrival::Spoilt(unwound),
        _ => Arrival::Thrown(unwound.payload),
    }
}

/// For what unwound the running greenlet, where it cannot go on with that: what was raised in it is raised at its next wait. Of a panic the
/// panic hook has told.
#[cold]
pub(crate) fn put_off(thread: &Thread, unwound: Unwound) {
    if let Err(lost) = raise_later(thread, unwound) {
        unwind::drop_quietly(lost.payload);
    }
}

/// Has what was raised in the running greenlet raised at its next wait; gives back a panic, and what no wait will come for.
fn raise_later(thread: &Thread, unwound: Unwound) -> Result<(), Unwound> {
    if !unwound.raised || thread.hub_part.get().is_none() {
        return Err(unwound);
    }
    (hub(thread).hooks.raise_later)(unwound.payload);
    Ok(())
}

/// What an observer of its own switch to itself leaves of a greenlet's value or throw.
pub(crate) fn observe_self(thread: &Thread, me: &AnyGreenlet, arrival: Arrival) -> Arrival {
    if thread.alert.get() & alert::TRACED == 0 {
        return arrival;
    }
    observe(thread, me, me, arrival)
}

/// Kills `target`, whatever state it is in; a panic that escapes it is raised here.
#[track_caller]
pub(crate) fn kill(target: &AnyGreenlet) {
    let block = target.block();
    match block.state() {
        State::Dead => {}
        _ if block.role.get() == Role::Spawned => interrupt(target, unwind::exit()),
        _ if block.role.get() == Role::Hub => {
            panic!("the hub lives as long as its thread, and cannot be killed")
        }
        State::New => discard(target),
        State::Running => raise_in(block, unwind::exit()),
        State::Suspended => {
            let thread = block.thread();
            let arrival = execute(target);
            let raised = match target.block().is_dead() {
                true => reap(target.clone()),
                false => None,
            };
            let raised = raised.map(|(_, unwound)| unwound);
            if let Some(unwound) = first_of(thread, arrival.into_unwound(), raised) {
                unwound.go_on(thread.running());
            }
        }
    }
}

impl Arrival {
    /// What of it unwinds a killer.
    fn into_unwound(self) -> Option<Unwound> {
        let (payload, raised) = match self {
            Arrival::Thrown(payload) => (payload, true),
            Arrival::Died(_, payload) => (payload, false),
            Arrival::Spoilt(unwound) => return Some(unwound),
            Arrival::Value | Arrival::Exited(_) | Arrival::Misfit(_) => return None,
        };
        Some(Unwound { payload, raised })
    }
}

/// What unwinds the running greenlet, of two that would; the second is [put off](put_off).
fn first_of(thread: &Thread, first: Option<Unwound>, second: Option<Unwound>) -> Option<Unwound> {
    match (first, second) {
        (Some(first), Some(second)) => {
            put_off(thread, second);
            Some(first)
        }
        (first, second) => first.or(second),
    }
}

/// Throws an exit into a suspended greenlet and waits until control comes back, usually because it died. If it did and
/// nobody owns it, the caller has to see to its parent link.
#[track_caller]
fn execute(victim: &AnyGreenlet) -> Arrival {
    let thread = victim.block().thread();
    let me = thread.current();
    let temporary = TemporaryParent::set(victim, &me);
    let block = me.block();
    block.slot.set(ptr::null_mut());
    block.expects.set(Kind::ANYTHING);
    block.waits_at.set(Location::caller());
    match victim.block().is_parked() {
        // Nobody but the hub can resume it: it dies when its turn comes.
        true => {
            interrupt(victim, unwind::exit());
            let hub = hub(thread).greenlet.clone();
            transfer_by_hand(thread, block, &hub);
        }
        false => {
            thread.announce(victim, Arrival::Thrown(unwind::exit()));
            transfer_by_hand(thread, block, victim);
        }
    }
    drop(temporary);
    match thread.alert.get() {
        0 => Arrival::Value,
        _ => arrive_from(thread, &me, Some(victim)),
    }
}

/// The hub that a greenlet is parked in, or was spawned by.
pub(crate) fn hub(thread: &Thread) -> &HubPart {
    thread.hub_part.get().expect("it has greenlets")
}

/// Has a greenlet that is the hub's die of `payload`, at its present or next wait.
pub(crate) fn interrupt(target: &AnyGreenlet, payload: Payload) {
    (hub(target.block().thread()).hooks.interrupt)(target, payload);
}

/// Makes the killer the parent of its victim for as long as it waits for its end.
pub(crate) struct TemporaryParent<'a> {
    victim: &'a AnyGreenlet,
    killer: &'a AnyGreenlet,
}

impl<'a> TemporaryParent<'a> {
    pub(crate) fn set(victim: &'a AnyGreenlet, killer: &'a AnyGreenlet) -> Self {
        // Main never dies.
        if !victim.block().is_main() {
            victim.block().kills.borrow_mut().begin(killer);
        }
        TemporaryParent { victim, killer }
    }
}

impl Drop for TemporaryParent<'_> {
    fn drop(&mut self) {
        self.victim.block().kills.borrow_mut().end(self.killer);
        if self.victim.is_dead() {
            let mut bereaved = self.killer.block().thread().bereaved.borrow_mut();
            bereaved.retain(|(killer, victim)| (killer, victim) != (self.killer, self.victim));
        }
    }
}

/// Ends a greenlet that has not started: it will never run, and what its body captured is dropped here.
pub(crate) fn discard(new: &AnyGreenlet) {
    let block = new.block();
    let thread = block.thread();
    block.mark_dead();
    block.unregister(thread);
    let body = block.take_body();
    let me = thread.running();
    let discarded = catch_in(me, || body.map_or((), Body::discard));
    vacate(thread, block);
    let locals = || {
        block
            .drop_locals()
            .unwrap_or_else(|payload| unwind::raise(payload))
    };
    // Each is dropped whatever the others do; what is raised first counts.
    let dropped = catch_in(me, locals);
    if let Some(unwound) = first_of(thread, discarded.err(), dropped.err()) {
        unwound.go_on(me);
    }
}

/// Gives the hub back what it keeps of a greenlet that is about to end.
#[inline]
pub(crate) fn vacate(thread: &Thread, block: &Block) {
    if !block.seat.get().is_null() {
        (hub(thread).hooks.vacate)(thread, block);
    }
}

/// Takes what the running greenlet is to die of at its next wait, unless it unwinds already.
#[cold]
pub(crate) fn take_kill(thread: &Thread) -> Option<Payload> {
    let block = thread.running();
    let may = !block.seat.get().is_null() && block.unwinding() == Unwinding::No;
    may.then(|| (hub(thread).hooks.take_kill)(thread)).flatten()
}

/// One owner fewer. Called by the drop of an owner.
#[inline]
pub(crate) fn disown(greenlet: &AnyGreenlet) {
    greenlet.remove_owner();
    if greenlet.is_forsaken() {
        forsake(greenlet);
    }
}

#[cold]
fn forsake(greenlet: &AnyGreenlet) {
    let Some((me, unwound)) = reap(greenlet.clone()) else {
        return;
    };
    if !thread::panicking() {
        unwound.go_on(me.block());
    }
    // Unwinding out of this drop would end the process, if it is this greenlet that unwinds.
    if raise_later(me.block().thread(), unwound).is_err() {
        complain(
            greenlet,
            "was dropped while its dropper unwound, and what was thrown at the dropper meanwhile is lost",
        );
    }
}

/// For what a drop cannot give back to anybody.
fn complain(greenlet: &AnyGreenlet, what: &str) {
    // Not `eprintln`, which panics if standard error is gone.
    let _ = writeln!(io::stderr(), "greenlet {} {what}", greenlet.block().label());
}

/// Kills a greenlet without owners, then every ancestor that only its link kept; a loop, so that a
/// lineage may be of any length. Gives back what was thrown at the running greenlet meanwhile, and that greenlet.
///
/// A panic that escapes a victim is not given back: the panic hook has seen it.
pub(crate) fn reap(greenlet: AnyGreenlet) -> Option<(AnyGreenlet, Unwound)> {
    let mut next = Some(greenlet);
    let mut raised = None;
    while let Some(greenlet) = next.take() {
        let block = greenlet.block();
        if block.owners.get() == 0 {
            match (end(&greenlet), &raised) {
                (found, None) => raised = found,
                (Some((me, unwound)), _) => put_off(me.block().thread(), unwound),
                (None, _) => {}
            }
        }
        if block.owners.get() > 0 || !block.is_dead() {
            break;
        }
        next = block.parent.borrow_mut().disown();
        if let Some(parent) = &next {
            parent.remove_owner();
        }
    }
    raised
}

/// Ends a greenlet without owners, unless it runs: then it is looked at again when it leaves.
fn end(greenlet: &AnyGreenlet) -> Option<(AnyGreenlet, Unwound)> {
    let block = greenlet.block();
    match block.state() {
        State::Dead => None,
        State::Running => {
            block.thread().alert.raise(alert::FORSAKEN);
            None
        }
        State::New => {
            let me = block.thread().current();
            let unwound = catch_in(me.block(), || discard(greenlet)).err()?;
            Some((me, unwound))
        }
        State::Suspended if block.condemned.replace(true) => None,
        State::Suspended => {
            let me = block.thread().current();
            let raised = match execute(greenlet) {
                Arrival::Died(who, _) if who == *greenlet => None,
                arrival => arrival.into_unwound(),
            };
            if !block.is_dead() && block.owners.get() == 0 {
                complain(
                    greenlet,
                    "has no owner, did not die of GreenletExit, and stays suspended",
                );
            }
            raised.map(|unwound| (me, unwound))
        }
    }
}
