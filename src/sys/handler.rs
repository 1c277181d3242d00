//! Handlers of signals in front of those that were there before.
//!
//! One that was there before is called as the system would have called it, as far as that can be had: once if it was installed for one signal
//! (`SA_RESETHAND`), with the signals blocked that it wants to be blocked, and with its own signal let through if it does not block that
//! (`SA_NODEFER`); system calls that it interrupts go on, or fail, as it has chosen (`SA_RESTART`).
//!
//! What cannot be had: it runs on the thread's signal stack, also if it has not asked for that (`SA_ONSTACK`), where there is less room than on a thread's own
//! stack; and whoever asks the system for the handler of the signal is told of ours.
//!
//! Everything here but [`Front::arm`] may be called in a handler: no allocation, no lock.
//!
//! Invariants:
//!
//! * **K1** `before` is null or points to an action that the system has told of that signal, and that is never freed.
#![allow(unsafe_code)]

use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use crate::sys::fork::generation;

/// A handler that is told everything.
pub(crate) type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// A handler of ours of one signal, in front of what was there before.
pub(crate) struct Front {
    pub(crate) signal: libc::c_int,
    /// [`BEHIND`], [`IN_FRONT`], or the process, by its [`generation`], one of whose threads is about to put it there.
    state: AtomicU64,
    before: AtomicPtr<libc::sigaction>,
    /// The handler that was there before was for one signal, which has come.
    spent: AtomicBool,
}

const BEHIND: u64 = u64::MAX;
const IN_FRONT: u64 = BEHIND - 1;

/// What was done with a signal that was handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// A handler was called.
    Called,
    /// None: it is ignored.
    Ignored,
    /// None: it does what it does by default.
    Default,
}

impl Front {
    pub(crate) const fn new(signal: libc::c_int) -> Self {
        Front {
            signal,
            state: AtomicU64::new(BEHIND),
            before: AtomicPtr::new(ptr::null_mut()),
            spent: AtomicBool::new(false),
        }
    }

    /// Puts `handler` in front, the first time that this is called. If another thread is about to, it is not waited for.
    pub(crate) fn arm(&self, handler: Handler) {
        let begun = u64::from(generation());
        let state = self.state.load(Ordering::Relaxed);
        let begin = || {
            let (word, order) = (&self.state, Ordering::Relaxed);
            word.compare_exchange(state, begun, order, order)
        };
        // What a parent process has begun, one that was forked off begins again.
        if state != IN_FRONT && state != begun && begin().is_ok() {
            self.put(handler);
            self.state.store(IN_FRONT, Ordering::Relaxed);
        }
    }

    fn put(&self, handler: Handler) {
        let seen = exchange(self.signal, None);
        if seen.sa_sigaction == handler as *const () as usize {
            return;
        }
        self.keep(seen);
        let replaced = exchange(self.signal, Some(&in_front_of(&seen, handler)));
        // Somebody may have come in between.
        if replaced.sa_sigaction != seen.sa_sigaction {
            self.keep(replaced);
        }
    }

    fn keep(&self, action: libc::sigaction) {
        self.before
            .store(Box::leak(Box::new(action)), Ordering::Release);
    }

    /// Hands a signal to the handler that was there before.
    ///
    /// # Safety
    ///
    /// To be called from the handler that was put in front, with its own arguments.
    pub(crate) unsafe fn hand_on(
        &self,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) -> Handed {
        // SAFETY: K1.
        let Some(before) = (unsafe { self.before.load(Ordering::Acquire).as_ref() }) else {
            return Handed::Default;
        };
        match before.sa_sigaction {
            libc::SIG_IGN => return Handed::Ignored,
            libc::SIG_DFL => return Handed::Default,
            _ => {}
        }
        let is_for_one = before.sa_flags & libc::SA_RESETHAND != 0;
        if is_for_one && self.spent.swap(true, Ordering::Relaxed) {
            return Handed::Default;
        }
        // SAFETY: promised by the caller; the action is that signal's (K1), and has a handler, as was just seen.
        unsafe { call(before, self.signal, info, context) };
        Handed::Called
    }
}

/// Reads what is done with a signal, and sets it if there is something to set.
fn exchange(signal: libc::c_int, action: Option<&libc::sigaction>) -> libc::sigaction {
    let action = action.map_or(ptr::null(), ptr::from_ref);
    let mut before = MaybeUninit::uninit();
    // SAFETY: reads an action if there is one, and writes one, both of which live during the call. Handlers that are set here have the form that their
    // flags say.
    let done = unsafe { libc::sigaction(signal, action, before.as_mut_ptr()) };
    assert_eq!(done, 0, "sigaction");
    // SAFETY: filled in by the system.
    unsafe { before.assume_init() }
}

/// The action with `handler` in front of what is done `before`.
fn in_front_of(before: &libc::sigaction, handler: Handler) -> libc::sigaction {
    let mut action = default();
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    if matches!(before.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN) {
        // Nobody there expects to be interrupted.
        action.sa_flags |= libc::SA_RESTART;
    } else {
        action.sa_flags |= before.sa_flags & (libc::SA_RESTART | libc::SA_NODEFER);
        action.sa_mask = before.sa_mask;
    }
    action
}

/// What a signal does by default.
fn default() -> libc::sigaction {
    // SAFETY: made of numbers and an optional function, all of which may be zero: the default, without flags, and the empty set.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = libc::SIG_DFL;
    action
}

/// Lets a signal do what it does by default, instead of calling the handler that is there.
pub(crate) fn reset(signal: libc::c_int) {
    exchange(signal, Some(&default()));
}

/// Calls the handler of an action.
///
/// # Safety
///
/// To be called from a handler, with its own arguments; the action has a handler, and is of that signal, as the system has told it.
unsafe fn call(
    action: &libc::sigaction,
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let handler = action.sa_sigaction as *const ();
    if action.sa_flags & libc::SA_SIGINFO != 0 {
        // SAFETY: SA_SIGINFO says that the handler has this form.
        let handler: Handler = unsafe { mem::transmute(handler) };
        handler(signal, info, context);
    } else {
        // SAFETY: without SA_SIGINFO a handler has this form.
        let handler: extern "C" fn(libc::c_int) = unsafe { mem::transmute(handler) };
        handler(signal);
    }
}
