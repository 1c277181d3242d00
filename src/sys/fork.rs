//! Whether the process was forked off: then descriptors that the kernel shares with the parent must be left alone.
#![allow(unsafe_code)]

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

/// A `fn()`, or null.
static IN_CHILD: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// A number that is another one in every process forked off after it was first asked for.
pub(crate) fn generation() -> u32 {
    // No `Once`: if one thread is in there when another forks, the child would wait for it for ever.
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if !WATCHED.load(Ordering::Relaxed) {
        // SAFETY: the handler may run at any fork, also twice: it loads and changes atomics, and calls what does no more than that. If there is no
        // memory for it, forks are not noticed.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        WATCHED.store(true, Ordering::Relaxed);
    }
    FORKS.load(Ordering::Relaxed)
}

/// The same, for who knows that it was asked for: in a signal handler.
pub(crate) fn known_generation() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Has `f` called in every process that is forked off from now on, at once. It may touch atomics, and nothing else. There is one for all who ask.
pub(crate) fn watch(f: fn()) {
    IN_CHILD.store(f as *mut (), Ordering::Relaxed);
    generation();
}

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    let f = IN_CHILD.load(Ordering::Relaxed);
    // SAFETY: null, or put there by `watch`.
    if let Some(f) = unsafe { mem::transmute::<*mut (), Option<fn()>>(f) } {
        f();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_has_another_number_and_its_parent_keeps_its_own() {
        let before = generation();
        // SAFETY: the child looks at an atomic, and exits without running anything of the parent's.
        let child = unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::_exit(i32::from(FORKS.load(Ordering::Relaxed) == before));
            }
            child
        };
        let mut status = -1;
        // SAFETY: the status is this frame's.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(libc::WIFEXITED(status));
        assert_eq!(libc::WEXITSTATUS(status), 0);
        assert_eq!(generation(), before);
    }
}
