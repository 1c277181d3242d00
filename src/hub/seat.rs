//! What the hub keeps of a greenlet that waits in it.
//!
//! A seat is taken at the first wait and given back at the end; seats are used again, so that a greenlet that waits for the
//! first time costs no allocation.
//!
//! * **S1** A block's `seat` is null or points to a seat that is boxed in nothing else, until the hub's
//!   [`vacate`](crate::hub::state) takes it back.
//! * **S2** `awaited` points to something in a frame, or borrowed by a frame, that stays until the park which put it there is over.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr::{self, NonNull};

use crate::greenlet::block::Block;
use crate::greenlet::unwind::Payload;
use crate::hub::awaited::Awaited;
use crate::hub::timers::TimerKey;
use crate::wait::parker::Parker;

/// One of the limits that a greenlet runs under.
pub(crate) struct Limit {
    pub(crate) number: u64,
    /// Until it has elapsed.
    pub(crate) timer: Option<TimerKey>,
    /// Elapsed, and not yet raised.
    pub(crate) elapsed: bool,
}

/// The limits of one greenlet, the outermost first.
#[derive(Default)]
struct Limits(Vec<Limit>);

pub(crate) struct Seat {
    pub(crate) parker: &'static Parker,
    /// Something is to be raised at the next wait.
    pub(crate) pending: Cell<bool>,
    /// The present wait is not interruptible.
    pub(crate) shielded: Cell<bool>,
    /// What it is to die of.
    pub(crate) kill: Cell<Option<Payload>>,
    /// Made for the first limit, and kept.
    limits: Cell<Option<Box<Limits>>>,
    /// The deadline of the present wait, until it has passed. Of a greenlet that has not started, and so cannot wait: its first turn,
    /// if that is to come later.
    pub(crate) timer: Cell<Option<TimerKey>>,
    /// It is the library's own, and waits for what is no work: nobody waits until it is done.
    pub(crate) is_attendant: Cell<bool>,
    awaited: Cell<Option<NonNull<dyn Awaited>>>,
    /// When the present wait began, as the hub [counts](crate::hub::stretch::Stretch::moment).
    pub(crate) since: Cell<u32>,
}

impl Seat {
    pub(crate) fn new(parker: &'static Parker) -> Box<Seat> {
        Box::new(Seat {
            parker,
            pending: Cell::new(false),
            shielded: Cell::new(false),
            kill: Cell::new(None),
            limits: Cell::new(None),
            timer: Cell::new(None),
            is_attendant: Cell::new(false),
            awaited: Cell::new(None),
            since: Cell::new(0),
        })
    }

    /// The seat of a greenlet, if it has one.
    #[inline]
    pub(crate) fn of(block: &Block) -> Option<&Seat> {
        // SAFETY: a seat for as long as it is there (S1). It is taken back when the greenlet is about to end, or has ended, by whoever
        // ends it, and is not used after that: not by the greenlet itself, nor where one that is new is discarded.
        unsafe { block.seat.get().cast::<Seat>().as_ref() }
    }

    /// Gives the seat to a greenlet that has none.
    pub(crate) fn assign(self: Box<Self>, block: &Block) {
        debug_assert!(block.seat.get().is_null());
        self.parker.adopt(block.registered.get());
        self.is_attendant.set(false);
        block.seat.set(Box::into_raw(self).cast_const().cast());
    }

    /// Takes the seat of a greenlet that will not wait again.
    pub(crate) fn reclaim(block: &Block) -> Option<Box<Seat>> {
        let seat = block.seat.replace(ptr::null());
        if seat.is_null() {
            return None;
        }
        // SAFETY: came from a box, and is in no other block (S1).
        let seat = unsafe { Box::from_raw(seat.cast_mut().cast::<Seat>()) };
        debug_assert!(!seat.parker.is_armed() && seat.with_limits(|limits| limits.is_empty()));
        Some(seat)
    }

    /// What the greenlet is to die of from here on; given back if it is to die already.
    pub(crate) fn condemn(&self, payload: Payload) -> Result<(), Payload> {
        match self.kill.take() {
            None => {
                self.kill.set(Some(payload));
                Ok(())
            }
            first => {
                self.kill.set(first);
                Err(payload)
            }
        }
    }

    /// Whether the greenlet is to die, and has not heard of it.
    pub(crate) fn is_condemned(&self) -> bool {
        let kill = self.kill.take();
        let is_condemned = kill.is_some();
        self.kill.set(kill);
        is_condemned
    }

    /// The limits that the greenlet runs under.
    pub(crate) fn with_limits<R>(&self, look: impl FnOnce(&mut [Limit]) -> R) -> R {
        let mut limits = self.limits.take();
        let seen = look(limits.as_mut().map_or(&mut [], |limits| &mut limits.0));
        self.limits.set(limits);
        seen
    }

    /// One limit more, inside the others.
    pub(crate) fn add_limit(&self, limit: Limit) {
        let mut limits = self.limits.take().unwrap_or_default();
        limits.0.push(limit);
        self.limits.set(Some(limits));
    }

    /// Marks a limit as elapsed; whether there still is one with that number. Its timer is gone.
    pub(crate) fn elapse(&self, number: u64) -> bool {
        self.with_limits(|limits| {
            let limit = limits.iter_mut().find(|limit| limit.number == number);
            limit.is_some_and(|limit| {
                limit.timer = None;
                limit.elapsed = true;
                true
            })
        })
    }

    /// Takes a limit away that was added.
    pub(crate) fn remove_limit(&self, number: u64) -> Limit {
        let mut limits = self.limits.take().unwrap_or_default();
        let at = limits.0.iter().rposition(|limit| limit.number == number);
        let limit = limits.0.remove(at.expect("ended once"));
        self.limits.set(Some(limits));
        limit
    }

    /// Whether something is to be raised, anew: a kill or a limit was taken away.
    pub(crate) fn update_pending(&self) {
        let kill = self.kill.take();
        let elapsed = self.with_limits(|limits| limits.iter().any(|limit| limit.elapsed));
        self.pending.set(kill.is_some() || elapsed);
        self.kill.set(kill);
    }

    /// Says what is waited for until the answer is dropped.
    #[inline]
    pub(crate) fn wait_for<'a>(&'a self, awaited: &'a dyn Awaited) -> Waits<'a> {
        // SAFETY: only the lifetime changes; `Waits` takes it away again before that is over (S2).
        let awaited: NonNull<dyn Awaited> =
            unsafe { std::mem::transmute::<NonNull<dyn Awaited + 'a>, _>(NonNull::from(awaited)) };
        self.awaited.set(Some(awaited));
        Waits(self)
    }

    /// What is waited for.
    pub(crate) fn with_awaited<R>(&self, look: impl FnOnce(&dyn Awaited) -> R) -> Option<R> {
        // SAFETY: there until the park is over (S2), and the greenlet does not run meanwhile.
        self.awaited
            .get()
            .map(|awaited| look(unsafe { awaited.as_ref() }))
    }
}

/// For as long as it lives, the greenlet waits for something.
pub(crate) struct Waits<'a>(&'a Seat);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.awaited.set(None);
    }
}
