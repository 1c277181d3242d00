//! The greenlets of this thread: where they begin, current and main, and where they end.
//!
//! A thread's state is made by the first call that needs it and ends with the thread: a destructor of a
//! thread-local kills what is left over, in the order of creation. On the process's main thread what
//! is left over is abandoned instead, for the process ends there and takes its memory along.
//!
//! Code that runs later still, in destructors of other thread-locals, gets a state that nobody ends; it works, and
//! leaks what is left in it.
//!
//! Invariants:
//!
//! * **T1** `HERE` is null, or the pointer that a `Thread` was leaked as, which [`Departure`] has not freed. While it is there
//!   nobody has the `Thread` to themselves: all that refer to it share it.
//! * **T2** A `Thread` is freed only when all its greenlets are dead, main and the hub the last, and its registry is empty; so no block
//!   has a `thread` pointer that it may use (B2), and no stack is left with a reference on it.
//! * **T3** `HERE` may be read in a signal handler, at any instruction of its thread: it names only what is whole, and names it no longer when it is
//!   freed. `ending` is set before anything of it goes. Compiler fences keep that order; the processor shows a thread its own writes in order.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::atomic::{Ordering, compiler_fence};

use crate::greenlet::block::{self, AnyGreenlet, Block, Thread};
use crate::greenlet::blueprint::Blueprint;
use crate::greenlet::kill::kill;
use crate::greenlet::state::{Role, Stage};
use crate::greenlet::unwind::drop_quietly;
use crate::sys::arena::{DEFAULT_SIZE, guard_size, usable_size};
use crate::sys::os_thread;
use crate::sys::overflow::{self, Victim};

thread_local! {
    /// Without a destructor of its own, so it can be read at any time, also in a signal handler.
    static HERE: Cell<*mut Thread> = const { Cell::new(ptr::null_mut()) };
    static DEPARTURE: Departure = const { Departure };
}

/// This thread's state.
#[inline]
pub(crate) fn here<'a>() -> &'a Thread {
    // SAFETY: not freed while it is there (T1). `Departure` frees it, in the destructor of a thread-local: the frames below that one either
    // are std's alone, or never go on, for the process ends in them. So no reference that a caller has kept is used after.
    match unsafe { HERE.get().as_ref() } {
        Some(thread) => thread,
        None => arrive_in_thread(),
    }
}

/// This thread's state, if it has one.
pub(crate) fn if_here<'a>() -> Option<&'a Thread> {
    // SAFETY: as for `here`.
    unsafe { HERE.get().as_ref() }
}

#[cold]
fn arrive_in_thread<'a>() -> &'a Thread {
    let leaked = Box::into_raw(Thread::new());
    // SAFETY: as for `here`; the pointer itself is kept, since what a reference is turned into may not be freed (T1).
    let thread: &Thread = unsafe { &*leaked };
    let main = without_stack(thread);
    thread.current.set(main.as_ptr());
    thread.main.replace(Some(main));
    // T3.
    compiler_fence(Ordering::Release);
    HERE.set(leaked);
    overflow::install(describe_overflow);
    // Refused if this thread's locals are being destroyed already.
    thread.endless.set(DEPARTURE.try_with(|_| ()).is_err());
    thread
}

/// A greenlet that runs on the thread's own stack, and lives as long as the thread: main or the hub.
pub(crate) fn without_stack(thread: &Thread) -> AnyGreenlet {
    let plan = Blueprint {
        name: None,
        stack_size: 0,
        locals: None,
        created_at: Location::caller(),
        created_by: None,
    };
    let block = Box::new(Block::new(thread, plan, block::free_plain));
    block.stage.set(Stage::Started);
    // The thread's own code owns it.
    block.owners.set(1);
    // SAFETY: a leaked box, freed by `free_plain`.
    let name = unsafe { AnyGreenlet::from_raw(NonNull::from(Box::leak(block))) };
    name.register(thread);
    name
}

/// Ends a greenlet [without a stack](without_stack).
fn end_without_stack(thread: &Thread, greenlet: &AnyGreenlet) {
    greenlet.block().mark_dead();
    greenlet.block().unregister(thread);
}

/// Tells the overflow report who ran over its stack's end. Runs in a signal handler.
fn describe_overflow(address: usize, report: &dyn Fn(Victim<'_>)) {
    // SAFETY: whole, and not freed while it is there (T1, T3).
    let Some(thread) = (unsafe { HERE.get().as_ref() }) else {
        return;
    };
    // SAFETY: the running greenlet's block is alive (B2); that of main, which `Departure` ends, until `HERE` is null.
    let block = unsafe { thread.current.get().as_ref() };
    let limit = block.stack_limit.get();
    // Main's stack is not ours.
    if limit != 0 && (limit..limit + guard_size()).contains(&address) {
        report(Victim {
            name: block.name.as_deref(),
            id: block.id.get(),
            stack_size: usable_size(limit, block.stack_size),
        });
    }
}

/// Its destructor ends this thread's greenlets.
struct Departure;

impl Drop for Departure {
    fn drop(&mut self) {
        let leaked = HERE.get();
        // SAFETY: T1.
        let Some(thread) = (unsafe { leaked.as_ref() }) else {
            return;
        };
        let main = thread.main();
        if os_thread::is_process_main() || thread.current() != main {
            return;
        }
        thread.ending.set(true);
        // T3.
        compiler_fence(Ordering::Release);
        if !end_left_over(thread, &main) {
            return;
        }
        let _ = main.block().drop_locals();
        drop_quietly(thread.observer.take());
        // Destructors just now may have made new ones, and those leave something.
        loop {
            if !end_left_over(thread, &main) {
                return;
            }
            let graves = thread.graves.take();
            if graves.is_empty() {
                break;
            }
            drop_quietly(graves);
        }
        if let Some(hub) = thread.hub_part.get() {
            (hub.hooks.free)(thread);
            end_without_stack(thread, &hub.greenlet);
        }
        end_without_stack(thread, &main);
        thread.main.take();
        thread.origin.take();
        HERE.set(ptr::null_mut());
        // T3.
        compiler_fence(Ordering::Release);
        // SAFETY: leaked as this pointer (T1); `thread` is not used again, nor is it by blocks (T2).
        drop(unsafe { Box::from_raw(leaked) });
    }
}

/// Kills all greenlets but main; false if one refuses to die.
fn end_left_over(thread: &Thread, main: &AnyGreenlet) -> bool {
    let mut refused = Vec::new();
    loop {
        let stay = 1 + usize::from(thread.hub_part.get().is_some());
        if thread.registry.borrow().len() > stay {
            // They run on small stacks; std has taken the thread's signal stack away.
            overflow::ensure_signal_stack();
        }
        if let Some(hub) = thread.hub_part.get() {
            (hub.hooks.shut_down)(thread);
        }
        let all: Vec<_> = thread
            .registry
            .borrow()
            .iter()
            .map(|(_, greenlet)| greenlet.clone())
            .collect();
        let mut killed = false;
        for greenlet in all {
            let block = greenlet.block();
            let stays = greenlet == *main || block.role.get() == Role::Hub;
            if stays || block.is_dead() || refused.contains(&greenlet) {
                continue;
            }
            if block.is_the_hubs() {
                // It outlived the hub's end.
                refused.push(greenlet);
                continue;
            }
            // A panic that escapes was seen by the hook.
            let _ = catch_unwind(AssertUnwindSafe(|| kill(&greenlet)));
            killed = true;
            if !greenlet.block().is_dead() {
                refused.push(greenlet);
            }
        }
        if !killed {
            return refused.is_empty();
        }
    }
}

/// Names the greenlet that runs now, on this thread. It is the [`main`] greenlet until a switch.
///
/// ```
/// use greenlet::Greenlet;
///
/// let g = Greenlet::new(|()| greenlet::current());
/// assert_eq!(greenlet::current(), greenlet::main());
/// assert_eq!(g.switch(()), *g);
/// ```
#[inline]
pub fn current() -> AnyGreenlet {
    here().current()
}

/// Names this thread's main greenlet: the one that runs on the thread's own stack, has no parent, and lives as long as
/// the thread (greenlet items 28, 57, 58).
///
/// ```
/// assert!(greenlet::main().parent().is_none());
/// assert!(greenlet::main().is_active());
/// ```
pub fn main() -> AnyGreenlet {
    here().main()
}

/// The stack size of greenlets for which nothing else is asked.
pub(crate) const DEFAULT_STACK_SIZE: usize = DEFAULT_SIZE;
