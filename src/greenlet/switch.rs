//! Leaving one greenlet for another.
//!
//! corosensei resumes and suspends; it knows no symmetric switch. So every greenlet is resumed from one place, the
//! *trampoline*, a loop on the thread's native stack, below which the main greenlet waits:
//!
//! ```text
//!    native stack            A's stack        B's stack
//!    main ... switch(A)
//!      trampoline --resume--> A runs
//!                             switch(B): current = B
//!                 <--suspend--
//!      trampoline -----------resume---------> B runs
//!                                             switch(main): current = main
//!                 <----------suspend---------
//!    main goes on
//! ```
//!
//! To go from A to B, A makes B the current greenlet and suspends; the trampoline resumes whoever is current. That is one
//! suspend and one resume a switch, as few machine switches as hand-written assembly needs calls and returns.
//!
//! The hub is a greenlet whose code is the trampoline's: when it is current, the trampoline has it choose who runs next.
//!
//! Invariants used here: B2, B3, B5, B10 of `block`; C1 to C3 of `sys/context`.
#![allow(unsafe_code)]

use std::mem::{self, ManuallyDrop};
use std::ptr::{self, NonNull};
use std::thread::panicking;

use crate::greenlet::alert;
use crate::greenlet::block::{AnyGreenlet, Block, Question, Thread};
use crate::greenlet::panicking::Unwinding;
use crate::greenlet::state::{Role, Stage};
use crate::greenlet::unwind::AbortOnUnwind;
use crate::sys::arena::{More, NoStack, Slot, usable_size};
use crate::sys::context::{Context, Entry, Link};
use crate::sys::depth::exact_depth;

/// Gives a new greenlet its stack. It must be started next.
pub(crate) fn prepare(target: &AnyGreenlet, more: More) -> Result<(), NoStack> {
    let block = target.block();
    debug_assert_eq!(block.stage.get(), Stage::New);
    match block.thread().arena.take_usual(block.stack_size, more) {
        // SAFETY: it is what begins a greenlet.
        Some(slot) => unsafe { give(target, slot?, enter) },
        None => prepare_with_care(target, more)?,
    }
    Ok(())
}

/// The same, where the stack's size is its own, or something is to be done about it.
#[cold]
fn prepare_with_care(target: &AnyGreenlet, more: More) -> Result<(), NoStack> {
    let block = target.block();
    let Thread { arena, marks, .. } = block.thread();
    let slot = match block.role.get() {
        Role::Spawned => {
            let slot = arena.take(block.stack_size, more)?;
            arena.redeem(block.stack_size);
            slot
        }
        _ => arena.take_unpromised(block.stack_size)?,
    };
    // SAFETY: it was just taken, and nothing was put on it.
    let measured = marks.wanted.get() && unsafe { slot.clear() };
    if measured {
        marks.begin(slot.limit());
    }
    let entry = if measured { enter_measured } else { enter };
    // SAFETY: both begin a greenlet.
    unsafe { give(target, slot, entry) };
    Ok(())
}

/// # Safety
///
/// `entry` takes the block of `target`, and does not unwind.
#[inline(always)]
unsafe fn give(target: &AnyGreenlet, slot: Slot, entry: Entry) {
    let block = target.block();
    block.stack_limit.set(slot.limit());
    // SAFETY: the block is not dead, so it lives until the trampoline has seen its end (B2); the entry is one
    // for blocks and does not unwind (C2), says the caller.
    let context = unsafe { Context::new(slot, entry, target.as_ptr().as_ptr().cast()) };
    // SAFETY: a new greenlet has no context that anybody could be using (B5).
    unsafe { *block.context.get() = Some(context) };
    block.stage.set(Stage::Started);
}

/// The first thing that runs on a new stack. Does not unwind.
///
/// # Safety
///
/// `data` is the block whose context this is.
#[inline(never)]
unsafe fn enter(link: &Link, data: *const ()) {
    let guard = NOWHERE;
    let block = NonNull::new(data.cast_mut().cast::<Block>()).expect("set by prepare");
    // SAFETY: `data` came from a name. The registry keeps the block until the trampoline has seen its end (B2): not counting this
    // name either way is right.
    let me = ManuallyDrop::new(unsafe { AnyGreenlet::uncounted(block) });
    me.block().link.set(link);
    let body = me.block().take_body().expect("a new greenlet has a body");
    body.run(&me);
    mem::forget(guard);
}

/// As [`enter`], on a stack that was clear. Does not unwind either.
///
/// # Safety
///
/// As for [`enter`].
unsafe fn enter_measured(link: &Link, data: *const ()) {
    let guard = NOWHERE;
    // SAFETY: the registry keeps the block until the trampoline has seen its end (B2).
    let block = unsafe { &*data.cast::<Block>() };
    let marks = &block.thread().marks;
    // SAFETY: as promised by the caller.
    unsafe { enter(link, data) };
    let limit = block.stack_limit.get();
    let depth = gone_down(block);
    let size = usable_size(limit, block.stack_size);
    marks.end(limit, block.created_at, depth, size);
    mem::forget(guard);
}

/// How far a greenlet that still has its stack has gone down, to a word if that was clear when it started.
pub(crate) fn gone_down(block: &Block) -> usize {
    match block.stack_limit.get() {
        0 => 0,
        // SAFETY: its stack is of this thread's arena: only this thread has its block (B3), which was given that with the stack, for that size.
        limit => unsafe { exact_depth(limit, block.stack_size) },
    }
}

/// The functions in which the stack of a greenlet, and what runs greenlets on the native stack, begin.
pub(crate) fn beginnings() -> [usize; 2] {
    [
        enter as *const () as usize,
        trampoline as *const () as usize,
    ]
}

/// Where nothing may unwind.
///
/// At a greenlet's end: what it runs is caught, and so is each destructor that it is told to run. What is left is a panic payload whose own
/// destructor panics, where std aborts as well (C2). And between two greenlets, where only the library's own code runs: below it are
/// the frames of main, which is not the current one then, and must not go on (B3).
const NOWHERE: AbortOnUnwind =
    AbortOnUnwind("a panic left where greenlets are run, end or are asked");

/// Leaves `me`, the running greenlet, for `target`; returns when somebody leaves for `me`.
///
/// `target` is another one: suspended, or new and [prepared](prepare).
#[inline]
pub(crate) fn transfer(thread: &Thread, me: &Block, target: &AnyGreenlet) {
    if thread.alert.get() != 0 {
        thread.note_origin();
    }
    set_current(thread, target);
    // SAFETY: main and the hub have none; that of others was set when their context was entered, and lies on its stack, which runs.
    match unsafe { me.link.get().as_ref() } {
        Some(link) => {
            // SAFETY: it is that of `me`, which runs until here.
            unsafe { link.suspend() };
            if thread.alert.get() != 0 {
                stop_over(thread);
            }
        }
        None => {
            if !is_hub(thread, thread.current.get()) {
                // SAFETY: not the hub, nor main, for that is `me`, which leaves for another; so this is the native stack.
                unsafe { resume_current(thread) };
            }
            if !ptr::eq(thread.current.get().as_ptr(), me) {
                trampoline(thread, me);
            }
        }
    }
}

/// As [`transfer`], for one that waits for whoever leaves for it, and may be hit meanwhile unless it unwinds.
#[inline(always)]
pub(crate) fn transfer_by_hand(thread: &Thread, me: &Block, target: &AnyGreenlet) {
    match panicking() {
        false => {
            transfer(thread, me, target);
            me.note_calm();
        }
        true => transfer_panicking(thread, me, target),
    }
}

#[cold]
#[inline(never)]
fn transfer_panicking(thread: &Thread, me: &Block, target: &AnyGreenlet) {
    let unwinds = me.unwinding() != Unwinding::No;
    me.shielded.set(unwinds);
    transfer(thread, me, target);
    me.shielded.set(false);
    if !unwinds {
        me.note_calm();
    }
}

/// Answers as long as the greenlet that arrived was only asked something.
#[cold]
#[inline(never)]
fn stop_over(thread: &Thread) {
    while thread.alert.get() & alert::STOPOVER != 0 {
        thread.alert.lower(alert::STOPOVER);
        let Question { put, by } = thread.question.take().expect("it was put");
        // SAFETY: whoever asked waits in `ask`, by which it is borrowed.
        let put = unsafe { put.as_ref() };
        let guard = NOWHERE;
        put();
        mem::forget(guard);
        // SAFETY: the running greenlet, whose block is alive (B2), has had its link since it was entered, on this very stack.
        let link = unsafe { &*thread.running().link.get() };
        thread.current.set(by);
        // SAFETY: it is that of the one that runs until here.
        unsafe { link.suspend() };
    }
}

/// Resumes `target`, which is suspended on a stack of its own, for as long as it takes to call `question` there. To be called by the current
/// greenlet, which may be the hub.
///
/// `question` neither switches nor unwinds, nor does it change anything of the target's. It has as much stack as the target has left.
pub(crate) fn ask(thread: &Thread, target: &AnyGreenlet, question: &dyn Fn()) {
    let by = thread.current.get();
    // SAFETY: only the lifetime changes; it is called before this returns.
    let put = unsafe {
        mem::transmute::<NonNull<dyn Fn() + '_>, NonNull<dyn Fn()>>(NonNull::from(question))
    };
    thread.question.set(Some(Question { put, by }));
    thread.alert.raise(alert::STOPOVER);
    set_current(thread, target);
    // SAFETY: the running greenlet's block is alive (B2); its link, if it has one, lies on the stack of its context, which runs.
    match unsafe { by.as_ref().link.get().as_ref() } {
        // SAFETY: it is that of the one that runs until here.
        Some(link) => unsafe { link.suspend() },
        // SAFETY: main and the hub run on the native stack (C1); the target is suspended, and on a stack of its own.
        None => unsafe { resume_current(thread) },
    }
    debug_assert!(thread.question.take().is_none(), "nobody has answered");
}

#[inline(always)]
fn is_hub(thread: &Thread, greenlet: NonNull<Block>) -> bool {
    ptr::eq(thread.hub.get(), greenlet.as_ptr())
}

/// Makes `target`, which has started and not ended, the greenlet that runs next (B3).
#[inline]
pub(crate) fn set_current(thread: &Thread, target: &AnyGreenlet) {
    debug_assert_eq!(target.block().stage.get(), Stage::Started, "B3");
    thread.current.set(target.as_ptr());
}

/// Resumes whoever is current, until it is `main`, on whose stack this runs. At first it is another.
#[inline(never)]
fn trampoline(thread: &Thread, main: &Block) {
    loop {
        if is_hub(thread, thread.current.get()) {
            let guard = NOWHERE;
            let hub = thread.hub_part.get().expect("it is current");
            (hub.hooks.turn)(thread);
            mem::forget(guard);
        } else {
            // SAFETY: neither the hub nor main, which has left; and here it is main's stack.
            unsafe { resume_current(thread) };
        }
        if ptr::eq(thread.current.get().as_ptr(), main) {
            return;
        }
    }
}

/// Runs the current greenlet until another one is current.
///
/// # Safety
///
/// The current greenlet is neither main nor the hub. To be called on the native stack (C1).
#[inline(always)]
unsafe fn resume_current(thread: &Thread) {
    let current = thread.current.get();
    // SAFETY: the current greenlet is registered, so its block is alive (B2). It has a context, as it has started and is neither main nor
    // the hub, says the caller (B3, B5); nobody else touches that while it runs: `&mut` is unique.
    let ended = unsafe {
        let context = &mut *current.as_ref().context.get();
        context.as_mut().unwrap_unchecked().resume()
    };
    if ended {
        // SAFETY: it has just ended.
        unsafe { clear_away(thread, current) };
    }
}

/// Gives back the stack of a greenlet.
///
/// # Safety
///
/// Its entry function has returned just now: it is dead, and registered still (B2).
#[inline(never)]
unsafe fn clear_away(thread: &Thread, dead: NonNull<Block>) {
    // SAFETY: the registry keeps it.
    let block = unsafe { dead.as_ref() };
    let guard = NOWHERE;
    // SAFETY: the context has ended; nobody runs on it any more (B5).
    let context = unsafe { (*block.context.get()).take() };
    drop(context);
    if !block.seat.get().is_null() {
        // It waited once more while its result was dropped.
        let hub = thread.hub_part.get().expect("it gave the seat");
        (hub.hooks.vacate)(thread, block);
    }
    block.unregister(thread);
    mem::forget(guard);
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::process::Command;

    use super::transfer;
    use crate::greenlet::handle::Greenlet;
    use crate::greenlet::thread::here;
    use crate::hub::begin::place;

    const CASE: &str = "GREENLET_SWITCH_CASE";

    /// What the library could do wrong: it panics where main has left, and another greenlet or the hub has not arrived.
    #[test]
    fn child() {
        let Ok(case) = env::var(CASE) else {
            return;
        };
        let went_on = catch_unwind(AssertUnwindSafe(|| match case.as_str() {
            "turn" => {
                let place = place();
                let _in_use = place.hub.run_queue.borrow_mut();
                transfer(place.thread, place.me, &place.hub.greenlet);
            }
            "end" => {
                let greenlet = Greenlet::new(|()| ());
                let _in_use = here().registry.borrow();
                greenlet.switch(());
            }
            _ => (),
        }));
        println!("main went on: {}", went_on.is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_panic_between_two_greenlets_does_not_unwind_main() {
        for case in ["turn", "end"] {
            let mut command = Command::new(env::current_exe().unwrap());
            command.args(["--exact", "--nocapture", "greenlet::switch::tests::child"]);
            let ended = command.env(CASE, case).output().unwrap();
            let said = String::from_utf8_lossy(&ended.stdout);
            let told = String::from_utf8_lossy(&ended.stderr);
            assert!(!ended.status.success(), "{case}: {said}{told}");
            assert!(!said.contains("main went on"), "{case}: {said}");
            assert!(
                told.contains("a panic left where greenlets are run"),
                "{told}"
            );
        }
    }
}
