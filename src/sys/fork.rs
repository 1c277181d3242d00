//! Whether the process was forked off: then descriptors that the kernel shares with the parent must be left alone.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Once, OnceLock};

static FORKS: AtomicU32 = AtomicU32::new(0);

static IN_CHILD: OnceLock<fn()> = OnceLock::new();

/// A number that is another one in every process forked off after it was first asked for.
pub(crate) fn generation() -> u32 {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        // SAFETY: the handler may run at any fork: it touches an atomic, and nothing else. If there is no memory for
        // it, forks are not noticed.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
    FORKS.load(Ordering::Relaxed)
}

/// Has `f` called in every process that is forked off from now on, at once. It may touch atomics, and nothing else.
pub(crate) fn watch(f: fn()) {
    IN_CHILD.get_or_init(|| f);
    generation();
}

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    if let Some(f) = IN_CHILD.get() {
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
