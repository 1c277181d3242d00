//! From first switch to death: the typed part of a greenlet's life.
//!
//! A greenlet created with its run is one allocation, control block and body side by side; a run that
//! is given later lies in an allocation of its own. The argument of the first switch is written beside the run, so
//! that starting needs no frame of the sender to stay as it is.
#![allow(unsafe_code)]

use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use crate::GreenletExit;
use crate::greenlet::block::{AnyGreenlet, Arrival, Block, Blueprint, Body, BodyVtable, Thread};
use crate::greenlet::deliver::{Outcome, die};
use crate::greenlet::kill::arrive;
use crate::greenlet::kind::Kind;
use crate::greenlet::unwind::Payload;

/// A run that was not called, and room for what it will be called with.
#[repr(C)]
struct Cell<F, A> {
    run: ManuallyDrop<F>,
    argument: MaybeUninit<A>,
}

/// A block with its body.
#[repr(C)]
struct Whole<F, A> {
    block: Block,
    body: Cell<F, A>,
}

impl<F, A> Cell<F, A> {
    fn new(run: F) -> Self {
        Cell {
            run: ManuallyDrop::new(run),
            argument: MaybeUninit::uninit(),
        }
    }
}

/// A greenlet that is New, registered, and has no owner and no parent yet.
pub(crate) fn create<A: 'static, B: 'static>(
    thread: &Thread,
    plan: Blueprint,
    run: impl FnOnce(A) -> B + 'static,
) -> AnyGreenlet {
    create_whole(thread, plan, run)
}

fn create_whole<F: FnOnce(A) -> B + 'static, A: 'static, B: 'static>(
    thread: &Thread,
    plan: Blueprint,
    run: F,
) -> AnyGreenlet {
    let whole = NonNull::from(Box::leak(Box::new(Whole {
        block: Block::new(thread, plan, free_whole::<F, A>),
        body: Cell::<F, A>::new(run),
    })));
    // SAFETY: the block is the first field, and the pointer is that of the whole allocation.
    let name = unsafe { AnyGreenlet::from_raw(whole.cast()) };
    // SAFETY: in bounds of the allocation.
    let body = unsafe { NonNull::new_unchecked(&raw mut (*whole.as_ptr()).body) };
    // SAFETY: the body lies beside its block, which lives until the greenlet is dead (B2).
    let body = unsafe { Body::new(body.cast(), const { &vtable::<F, A, B, false>() }) };
    name.block().body.set(Some(body));
    name.register(thread);
    name
}

/// A body in an allocation of its own.
pub(crate) fn boxed<A: 'static, B: 'static>(run: impl FnOnce(A) -> B + 'static) -> Body {
    fn make<F: FnOnce(A) -> B + 'static, A: 'static, B: 'static>(run: F) -> Body {
        let body = NonNull::from(Box::leak(Box::new(Cell::<F, A>::new(run))));
        // SAFETY: a leaked box, freed by whatever consumes the body.
        unsafe { Body::new(body.cast(), const { &vtable::<F, A, B, true>() }) }
    }
    make(run)
}

/// # Safety
///
/// `block` is the first field of a boxed `Whole<F, A>`; nobody has a name for it (B1).
unsafe fn free_whole<F, A>(block: NonNull<Block>) {
    // SAFETY: as promised by the caller. The run was moved out or dropped before (B7).
    drop(unsafe { Box::from_raw(block.cast::<Whole<F, A>>().as_ptr()) });
}

const fn vtable<F: FnOnce(A) -> B + 'static, A: 'static, B: 'static, const BOXED: bool>()
-> BodyVtable {
    BodyVtable {
        takes: Kind::of::<A>(),
        slot: slot::<F, A>,
        run: run::<F, A, B, BOXED>,
        discard: discard::<F, A, BOXED>,
    }
}

/// # Safety
///
/// `data` is the `Cell<F, A>` of a body.
unsafe fn slot<F, A>(data: NonNull<u8>) -> *mut u8 {
    // SAFETY: in bounds, says the caller.
    unsafe { (&raw mut (*data.cast::<Cell<F, A>>().as_ptr()).argument).cast() }
}

/// Moves the run out of its cell, and frees the cell if it was boxed. What the argument's room holds is
/// moved along.
///
/// # Safety
///
/// `data` is the `Cell<F, A>` of a body that is not used again; `BOXED` if it has an allocation of its own.
unsafe fn take<F, A, const BOXED: bool>(data: NonNull<u8>) -> (F, MaybeUninit<A>) {
    let cell = data.cast::<Cell<F, A>>().as_ptr();
    // SAFETY: valid, says the caller; the copy left behind is not used.
    let Cell { run, argument } = unsafe { ptr::read(cell) };
    if BOXED {
        // SAFETY: allocated by `boxed`.
        drop(unsafe { Box::from_raw(cell.cast::<MaybeUninit<Cell<F, A>>>()) });
    }
    (ManuallyDrop::into_inner(run), argument)
}

/// # Safety
///
/// As for [`take`].
unsafe fn discard<F, A, const BOXED: bool>(data: NonNull<u8>) {
    // SAFETY: as promised by the caller. There is no argument: the body was not started.
    drop(unsafe { take::<F, A, BOXED>(data) });
}

/// The life of a greenlet, on its own stack.
///
/// # Safety
///
/// As for [`take`]; `me` is the running greenlet, whose body this is. If it was started with a value, the value lies
/// in the cell.
unsafe fn run<F: FnOnce(A) -> B + 'static, A: 'static, B: 'static, const BOXED: bool>(
    data: NonNull<u8>,
    me: &AnyGreenlet,
) {
    // SAFETY: as promised by the caller.
    let (run, argument) = unsafe { take::<F, A, BOXED>(data) };
    let thread = me.block().thread();
    // Before anything else may run: an observer could switch.
    let arrival = match thread.alert.get() {
        0 => Arrival::Value,
        _ => arrive(thread, me),
    };
    let argument = match arrival {
        // SAFETY: the starter wrote it.
        Arrival::Value => Ok(unsafe { argument.assume_init() }),
        Arrival::Spoilt(payload) => {
            // SAFETY: the starter wrote it.
            drop_quietly(unsafe { argument.assume_init() });
            Err(payload)
        }
        Arrival::Thrown(payload) | Arrival::Died(_, payload) => Err(payload),
        Arrival::Misfit(message) => Err(Box::new(message) as Payload),
        Arrival::Exited(_) => unreachable!("an exit starts a greenlet with a value, or not at all"),
    };
    let result = match argument {
        Ok(argument) => catch_unwind(AssertUnwindSafe(|| run(argument))),
        Err(payload) => {
            drop_quietly(run);
            Err(payload)
        }
    };
    end(me, result);
}

/// Drops something on the way to an error that is already known; a panic meanwhile was seen by the hook.
fn drop_quietly<T>(value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}

fn end<B: 'static>(me: &AnyGreenlet, result: Result<B, Payload>) {
    let result = match drop_locals(me) {
        Ok(()) => result,
        Err(payload) => match result {
            Ok(value) => {
                drop_quietly(value);
                Err(payload)
            }
            Err(first) => Err(first),
        },
    };
    let mut value = MaybeUninit::<B>::uninit();
    let outcome = match result {
        Ok(result) => Outcome::Value(ptr::from_mut(value.write(result)).cast(), Kind::of::<B>()),
        Err(payload) if payload.is::<GreenletExit>() => Outcome::Exit,
        Err(payload) => Outcome::Panic(payload),
    };
    // SAFETY: the value is valid, and not touched afterwards.
    unsafe { die(me, outcome) }
}

/// A greenlet-local is dropped when its greenlet dies, before the parent goes on.
pub(crate) fn drop_locals(me: &AnyGreenlet) -> Result<(), Payload> {
    let block = me.block();
    block.locals_gone.set(true);
    let Some(map) = block.locals.take() else {
        return Ok(());
    };
    let Some(map) = std::rc::Rc::into_inner(map) else {
        return Ok(());
    };
    let mut result = Ok(());
    while let Some(value) = map.pop_first() {
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(value)));
        result = result.and(dropped);
    }
    result
}
