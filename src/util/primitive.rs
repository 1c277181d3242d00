//! The building blocks that the wait protocol stands on, from one place: so that a model checker can put its own in their stead
//! (`tests/loom` does).

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::thread_local;

/// A short lock: never held while a greenlet leaves (W6), and never poisoned, for nothing of the user's runs under it.
#[derive(Default)]
pub(crate) struct Latch<T>(Mutex<T>);

pub(crate) type Held<'a, T> = MutexGuard<'a, T>;

impl<T> Latch<T> {
    pub(crate) const fn new(value: T) -> Self {
        Latch(Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> Held<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an OS thread sleeps while it holds nothing but a [`Latch`], which it gives up meanwhile.
pub(crate) struct Bell(Condvar);

impl Bell {
    pub(crate) const fn new() -> Self {
        Bell(Condvar::new())
    }

    /// Sleeps until the bell is rung, `limit` has passed, or for no reason.
    pub(crate) fn wait<'a, T>(&self, held: Held<'a, T>, limit: Option<Duration>) -> Held<'a, T> {
        match limit {
            None => self.0.wait(held).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                let woken = self.0.wait_timeout(held, limit);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    pub(crate) fn ring(&self) {
        self.0.notify_all();
    }
}

/// Lets other threads run, a little while after having done so that many times.
pub(crate) fn nap(naps: u32) {
    match naps {
        0..16 => std::hint::spin_loop(),
        16..32 => std::thread::yield_now(),
        // If the other one has a lower priority it would not run otherwise.
        _ => std::thread::sleep(Duration::from_micros(50)),
    }
}
