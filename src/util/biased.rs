//! A short lock that costs the thread which used it first no atomic exchange.
//!
//! * **M3** The value is touched only by the owner while it is [in](Bias::enter), or by whoever holds the latch, after it has seen to it that there
//!   is no owner any more. So one thread at a time does (M2), and since neither can be had twice, it does so once.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::util::bias::Bias;
use crate::util::primitive::{Held, Latch};

/// As [`Latch`]: never held while a greenlet leaves (W6), and nothing of the user's runs under it.
pub(crate) struct Biased<T> {
    bias: Bias,
    latch: Latch<()>,
    value: UnsafeCell<T>,
}

// SAFETY: one thread at a time touches the value (M3), and sees what the one before has done to it: by the end of the bias, or by the latch.
unsafe impl<T: Send> Sync for Biased<T> {}

// Nothing unwinds while it is held, as with a latch.
impl<T> UnwindSafe for Biased<T> {}
impl<T> RefUnwindSafe for Biased<T> {}

impl<T> Biased<T> {
    pub(crate) const fn new(value: T) -> Self {
        Biased {
            bias: Bias::new(),
            latch: Latch::new(()),
            value: UnsafeCell::new(value),
        }
    }

    #[inline]
    pub(crate) fn lock(&self) -> BiasedHeld<'_, T> {
        // Nothing that has to be put together in memory: this is the guard's most part.
        let shared = match self.bias.enter() {
            true => None,
            false => self.lock_slow(),
        };
        BiasedHeld {
            lock: self,
            shared,
            value: PhantomData,
        }
    }

    /// The latch, or `None` for a thread that has become the owner, and is in.
    #[inline(never)]
    fn lock_slow(&self) -> Option<Held<'_, ()>> {
        if self.bias.take() && self.bias.enter() {
            return None;
        }
        let shared = self.latch.lock();
        self.bias.end();
        Some(shared)
    }
}

/// Lets go of a [`Biased`] when dropped.
pub(crate) struct BiasedHeld<'a, T> {
    lock: &'a Biased<T>,
    /// `None` if the owner holds it. No guard of a latch goes to another thread, and so none of these does.
    shared: Option<Held<'a, ()>>,
    value: PhantomData<&'a mut T>,
}

impl<T> Deref for BiasedHeld<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this thread may touch the value, by this guard only (M3).
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for BiasedHeld<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this thread may touch the value, by this guard only (M3), which is borrowed for as long.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for BiasedHeld<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.shared.is_none() {
            self.lock.bias.leave();
        }
    }
}
