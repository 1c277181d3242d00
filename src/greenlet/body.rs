//! From first switch to death: the typed part of a greenlet's life.
//!
//! A greenlet created with its run is one allocation, control block, annex and body side by side; a run that
//! is given later lies in an allocation of its own. The argument of the first switch is written beside the run, so
//! that starting needs no frame of the sender to stay as it is.
#![allow(unsafe_code)]

use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use crate::greenlet::annex::{Annexed, Lead};
use crate::greenlet::block::{AnyGreenlet, Arrival, Block, Body, BodyVtable, Thread};
use crate::greenlet::blueprint::Blueprint;
use crate::greenlet::deliver::{Outcome, die};
use crate::greenlet::kill::{arrive, hub, vacate};
use crate::greenlet::kind::Kind;
use crate::greenlet::state::Role;
use crate::greenlet::unwind::{GreenletExit, Payload, Unwound, exit};

/// A run that was not called, and room for what it will be called with.
#[repr(C)]
struct Cell<F, A> {
    run: ManuallyDrop<F>,
    argument: MaybeUninit<A>,
}

/// A block with its annex and its body.
#[repr(C)]
struct Whole<X, F, A> {
    lead: Lead<X>,
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
    create_whole(thread, plan, (), |_| run)
}

/// As [`create`], with an annex, for the run to refer to. `run` makes the run.
#[inline]
pub(crate) fn create_with<X: 'static, F: FnOnce(A) -> B + 'static, A: 'static, B: 'static>(
    thread: &Thread,
    plan: Blueprint,
    annex: X,
    run: impl FnOnce(Annexed<X>) -> F,
) -> Annexed<X> {
    // SAFETY: it is created with an `X`, here and below, and that is written when it is named (N1).
    let annexed = |name: &AnyGreenlet| unsafe { Annexed::new(name.clone()) };
    let name = create_whole(thread, plan, annex, |name| run(annexed(name)));
    annexed(&name)
}

#[inline]
fn create_whole<X: 'static, F: FnOnce(A) -> B + 'static, A: 'static, B: 'static>(
    thread: &Thread,
    plan: Blueprint,
    annex: X,
    run: impl FnOnce(&AnyGreenlet) -> F,
) -> AnyGreenlet {
    #[cfg(feature = "tracing")]
    thread.look_for_subscriber();
    // Allocated first, so that it is made where it stays.
    let whole = NonNull::from(Box::leak(Box::<Whole<X, F, A>>::new_uninit()));
    let whole = whole.cast::<Whole<X, F, A>>();
    let lead = Lead {
        block: Block::new(thread, plan, free_whole::<X, F, A>),
        annex,
    };
    // SAFETY: in bounds of the allocation, which is this function's own.
    unsafe { (&raw mut (*whole.as_ptr()).lead).write(lead) };
    // SAFETY: the block is the first field, and the pointer is that of the whole allocation.
    let name = unsafe { AnyGreenlet::from_raw(whole.cast()) };
    let run = run(&name);
    // SAFETY: in bounds of the allocation.
    let body = unsafe { NonNull::new_unchecked(&raw mut (*whole.as_ptr()).body) };
    // SAFETY: as above; nobody knows of it yet.
    unsafe { body.write(Cell::new(run)) };
    // SAFETY: the body lies beside its block. That lives while the body is run, for it is registered (B2), and while it is discarded, for
    // whoever does so names it (B1).
    let body = unsafe { Body::new(body.cast(), const { &vtable::<F, A, B, false>() }) };
    name.block().set_body(body);
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
/// `block` is the first field of a boxed `Whole<X, F, A>`; nobody has a name for it (B1).
unsafe fn free_whole<X, F, A>(block: NonNull<Block>) {
    // SAFETY: as promised by the caller. Of the body nothing is dropped here: its run was moved out or dropped before (B7).
    drop(unsafe { Box::from_raw(block.cast::<Whole<X, F, A>>().as_ptr()) });
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

/// The parts of a body that is not used again. Frees the cell if it was boxed.
///
/// The parts are read one by one, where they are used: a debug build has a frame's worth of copies for every hand
/// they go through, and stacks are small.
struct Parts<F, A, const BOXED: bool>(NonNull<Cell<F, A>>);

impl<F, A, const BOXED: bool> Parts<F, A, BOXED> {
    /// # Safety
    ///
    /// To be called once.
    unsafe fn run(&self) -> F {
        // SAFETY: the cell is alive until this is dropped; its run is read once.
        unsafe { (&raw const (*self.0.as_ptr()).run).cast::<F>().read() }
    }

    /// # Safety
    ///
    /// To be called once, and only if the starter wrote an argument, or it is `()` (B9).
    unsafe fn argument(&self) -> A {
        // SAFETY: as above, and written, or of no size.
        unsafe { (&raw const (*self.0.as_ptr()).argument).cast::<A>().read() }
    }
}

impl<F, A, const BOXED: bool> Drop for Parts<F, A, BOXED> {
    fn drop(&mut self) {
        if BOXED {
            let cell = self.0.as_ptr().cast::<MaybeUninit<Cell<F, A>>>();
            // SAFETY: allocated by `boxed`; what was in it is moved out.
            drop(unsafe { Box::from_raw(cell) });
        }
    }
}

/// # Safety
///
/// `data` is the `Cell<F, A>` of a body that is not used again, in an allocation of its own if `BOXED`. There is
/// no argument.
unsafe fn discard<F, A, const BOXED: bool>(data: NonNull<u8>) {
    let parts = Parts::<F, A, BOXED>(data.cast());
    // SAFETY: the first and last use.
    drop(unsafe { parts.run() });
}

/// The life of a greenlet, on its own stack.
///
/// # Safety
///
/// As for [`discard`], but that the cell holds an argument, unless something else than a value has arrived (B9); `me` is
/// the running greenlet, whose body this is.
unsafe fn run<F: FnOnce(A) -> B + 'static, A: 'static, B: 'static, const BOXED: bool>(
    data: NonNull<u8>,
    me: &AnyGreenlet,
) {
    let parts = Parts::<F, A, BOXED>(data.cast());
    me.block().note_calm();
    if me.block().thread().alert.get() != 0 {
        // SAFETY: the first use, and the last if there is a payload.
        if let Some(payload) = unsafe { dead_on_arrival(&parts, me) } {
            drop(parts);
            return end::<B>(me, Err(payload));
        }
    }
    let call = AssertUnwindSafe(|| {
        // SAFETY: once each. There is an argument: it was started with a value, or by the hub, and then that is `()` (B9).
        let (run, argument) = unsafe { (parts.run(), parts.argument()) };
        drop(parts);
        run(argument)
    });
    end(me, catch_unwind(call));
}

/// What a greenlet dies of that is started with something else than a value, or whose observer panics. Its run is
/// dropped then.
///
/// # Safety
///
/// The `parts` are not used again if there is a payload.
#[cold]
unsafe fn dead_on_arrival<F, A, const BOXED: bool>(
    parts: &Parts<F, A, BOXED>,
    me: &AnyGreenlet,
) -> Option<Payload> {
    let payload = match arrive(me.block().thread(), me) {
        Arrival::Value => return None,
        Arrival::Spoilt(Unwound { payload, .. }) => {
            // SAFETY: once. Only a value is spoilt, so there is an argument, as in `run` (B9).
            drop_quietly(|| unsafe { parts.argument() });
            for_the_parent(me, payload)
        }
        Arrival::Thrown(payload) | Arrival::Died(_, payload) => payload,
        Arrival::Misfit(message) => Box::new(message),
        Arrival::Exited(_) => unreachable!("an exit starts a greenlet with a value, or not at all"),
    };
    // SAFETY: once.
    drop_quietly(|| unsafe { parts.run() });
    Some(payload)
}

/// What the parent is told of a greenlet that never runs. Of one that is spawned whoever joins it is told.
fn for_the_parent(me: &AnyGreenlet, payload: Payload) -> Payload {
    if me.block().role.get() == Role::Plain {
        return payload;
    }
    (hub(me.block().thread()).hooks.leave_word)(me, payload);
    exit()
}

/// Drops something on the way to an error that is already known; a panic meanwhile was seen by the hook.
fn drop_quietly<T>(take: impl FnOnce() -> T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(take())));
}

/// The end of a greenlet whose body returned or panicked. Once `give` or `die` has made another greenlet the current one, nothing
/// of the user's may be dropped here any more.
fn end<B: 'static>(me: &AnyGreenlet, result: Result<B, Payload>) {
    let locals_dropped = me.block().drop_locals();
    // Nothing waits after this.
    vacate(me.block().thread(), me.block());
    let result = match (result, locals_dropped) {
        (result, Ok(())) => result,
        (Ok(value), Err(payload)) => {
            drop_quietly(|| value);
            Err(payload)
        }
        (Err(first), Err(second)) => {
            drop_quietly(|| second);
            Err(first)
        }
    };
    match result {
        Ok(value) => {
            if let Some(value) = give(me, value) {
                give_slowly(me, value);
            }
        }
        Err(payload) => fail(me, payload),
    }
}

#[cold]
fn give_slowly<B: 'static>(me: &AnyGreenlet, value: B) {
    let mut value = ManuallyDrop::new(value);
    let outcome = Outcome::Value((&raw mut value).cast(), Kind::of::<B>());
    // SAFETY: the value is valid, and not touched afterwards.
    unsafe { die(me, outcome) }
}

#[cold]
fn fail(me: &AnyGreenlet, payload: Payload) {
    let outcome = match payload.downcast::<GreenletExit>() {
        Ok(_) => Outcome::Exit,
        Err(payload) => Outcome::Panic(payload),
    };
    // SAFETY: there is no value.
    unsafe { die(me, outcome) }
}

/// The usual end, in short: the parent waits for just such a value, and nothing else has to be seen to.
#[inline]
fn give<B: 'static>(me: &AnyGreenlet, value: B) -> Option<B> {
    let Some(parent) = me.block().undisturbed_parent() else {
        return Some(value);
    };
    // SAFETY: `me` has a name for it (B1).
    let block = unsafe { parent.as_ref() };
    if !block.expects.get().is::<B>() {
        return Some(value);
    }
    // SAFETY: neither new nor dead, as it expects something, and not running, as `me` is: so it is suspended, waiting
    // for a `B`, or the hub (B4).
    unsafe { block.slot.get().cast::<B>().write(value) };
    me.block().thread().current.set(parent);
    me.block().mark_dead();
    None
}
