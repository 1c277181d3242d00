//! A coroutine: create, resume, suspend. The only file that names corosensei, but for what tells valgrind of stacks.
//!
//! No value passes through it: `()` each way stays in registers, whatever greenlets send to each
//! other lies in their control blocks and frames.
//!
//! Invariants:
//!
//! * **C1** A context is resumed only from the thread's native stack, never from another context: one
//!   level, so that a panic's backtrace has an end and no chain of resumers exists.
//! * **C2** The entry function returns normally; it never unwinds.
//! * **C3** A context that was started is never dropped before its entry function has returned.
#![allow(unsafe_code)]

use std::num::NonZeroUsize;

use corosensei::{Coroutine, CoroutineResult, stack};

use crate::sys::arena::Slot;

/// How the functions are called that a context has on a stack besides those of whoever uses it.
pub(crate) const OWN_FRAMES: [&str; 2] = ["corosensei::", "stack_init_trampoline"];

/// What runs on a context: `entry(link, data)`.
pub(crate) type Entry = unsafe fn(&Link, *const ());

/// The way back from a context to whoever resumed it; lies on the context's stack.
#[repr(transparent)]
pub(crate) struct Link(corosensei::Yielder<(), ()>);

impl Link {
    /// Leaves the running context; returns when it is resumed.
    ///
    /// # Safety
    ///
    /// The link belongs to that context.
    #[inline]
    pub(crate) unsafe fn suspend(&self) {
        self.0.suspend(());
    }
}

/// A suspended, running or finished computation with a stack of its own.
pub(crate) struct Context(Coroutine<(), (), (), Slot>);

// SAFETY: the usable part is as long as a class but for a colour, more than 15 KiB, of which nobody else uses anything (A1); it is
// 16-aligned at its top, has a guard below it (A2), and all of that for as long as the slot lives (A3).
unsafe impl stack::Stack for Slot {
    #[inline]
    fn base(&self) -> NonZeroUsize {
        // SAFETY: above where the slot begins, which is not null.
        unsafe { NonZeroUsize::new_unchecked(self.top()) }
    }

    #[inline]
    fn limit(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.limit()).expect("a stack is not at null")
    }
}

impl Context {
    /// A context that will call `entry(link, data)` when it is first resumed.
    ///
    /// # Safety
    ///
    /// `data` must be valid for `entry` whenever the context is resumed, and `entry` must not
    /// unwind (C2).
    #[inline]
    pub(crate) unsafe fn new(slot: Slot, entry: Entry, data: *const ()) -> Self {
        Context(Coroutine::with_stack(slot, move |yielder, ()| {
            // SAFETY: `Link` is a transparent wrapper, and lives as long as what it wraps.
            let link = unsafe { &*std::ptr::from_ref(yielder).cast::<Link>() };
            // SAFETY: promised by the caller of `new`.
            unsafe { entry(link, data) }
        }))
    }

    /// Runs the context until it suspends or ends; whether it ended.
    #[inline(always)]
    pub(crate) fn resume(&mut self) -> bool {
        matches!(self.0.resume(()), CoroutineResult::Return(()))
    }
}
