//! A memory barrier of which one side pays for both: for what one thread does all the time, and others once.
//!
//! Where one thread has called [`light`] between two of its steps and another one [`heavy`] between two of its, it is as if both were a
//! [`SeqCst`](std::sync::atomic::Ordering::SeqCst) fence: at least one of them sees what the other did before.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
use std::sync::atomic::AtomicU8;
use std::sync::atomic::{Ordering, compiler_fence};

/// Costs nothing: it only keeps the compiler from moving memory accesses past it.
#[inline(always)]
pub(crate) fn light() {
    compiler_fence(Ordering::SeqCst);
}

/// Whether there is such a thing as [`heavy`].
#[cfg(target_os = "linux")]
pub(crate) fn is_supported() -> bool {
    /// 0 before it is known; registering takes milliseconds, and a process that is forked off meanwhile does not wait for that.
    static SUPPORTED: AtomicU8 = AtomicU8::new(0);
    match SUPPORTED.load(Ordering::Relaxed) {
        0 => {
            let it_is = call(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) && interrupt_all();
            SUPPORTED.store(1 + u8::from(it_is), Ordering::Relaxed);
            it_is
        }
        known => known == 2,
    }
}

/// Whether there is such a thing as [`heavy`].
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_supported() -> bool {
    false
}

/// Has every thread of the process that runs now pass a barrier.
///
/// # Panics
///
/// If it is not [supported](is_supported).
#[cfg(target_os = "linux")]
pub(crate) fn heavy() {
    assert!(
        interrupt_all() || call(libc::MEMBARRIER_CMD_GLOBAL),
        "the system takes `membarrier` back: {}",
        std::io::Error::last_os_error()
    );
}

/// Has every thread of the process that runs now pass a barrier.
///
/// # Panics
///
/// If it is not [supported](is_supported).
#[cfg(not(target_os = "linux"))]
pub(crate) fn heavy() {
    unreachable!("nobody was told that it is supported");
}

#[cfg(target_os = "linux")]
fn interrupt_all() -> bool {
    call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
}

#[cfg(target_os = "linux")]
fn call(command: libc::c_int) -> bool {
    // SAFETY: touches no memory of the process.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    #[test]
    fn of_two_one_sees_the_other() {
        if !super::is_supported() {
            return;
        }
        for _ in 0..200 {
            let (left, right) = (AtomicBool::new(false), AtomicBool::new(false));
            let (saw_right, saw_left) = thread::scope(|s| {
                let one = s.spawn(|| {
                    left.store(true, Ordering::Relaxed);
                    super::light();
                    right.load(Ordering::Relaxed)
                });
                right.store(true, Ordering::Relaxed);
                super::heavy();
                let saw_left = left.load(Ordering::Relaxed);
                (one.join().unwrap(), saw_left)
            });
            assert!(saw_right || saw_left);
        }
    }
}
