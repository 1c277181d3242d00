//! A child that is forked in the middle.
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Whether `f` returns in a child of this process.
pub fn in_a_fork(f: impl FnOnce()) -> bool {
    // SAFETY: the other threads of this binary wait for their turn meanwhile, so none holds a lock that the child may need; the child
    // ends without returning from here.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let ended = catch_unwind(AssertUnwindSafe(f));
        // SAFETY: the child is to do nothing else that the parent would do.
        unsafe { libc::_exit(i32::from(ended.is_err())) }
    }
    let mut status = 0;
    // SAFETY: it is our child, and nobody else's to wait for.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);
    status == 0
}
