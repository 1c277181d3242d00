//! A value that is made when it is first needed, as std has it.
//!
//! * **O3** `make` is touched through a shared reference only by whoever makes the value.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::sync::once_lock::OnceLock;

/// [`std::sync::LazyLock`], for which only the greenlet waits.
///
/// Differences: the function that makes the value may switch, and a function that needs the value itself panics. It can be called only
/// once, so if the greenlet that calls it is killed, or runs out of time, that is as if it had panicked: there will be no value.
///
/// ```
/// use greenlet::sync::LazyLock;
///
/// static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| "one two".split(' ').collect());
/// assert_eq!(WORDS.len(), 2);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    value: OnceLock<T>,
    /// Until it has been called.
    make: Cell<Option<F>>,
}

// SAFETY: `make` is used by one thread at most, which may be another one (O3).
unsafe impl<T: Send + Sync, F: Send> Sync for LazyLock<T, F> {}

impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}
impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// Will call `f` when the value is needed.
    #[inline]
    pub const fn new(f: F) -> Self {
        LazyLock {
            value: OnceLock::new(),
            make: Cell::new(Some(f)),
        }
    }

    /// The value, which is made if it is not there.
    ///
    /// Switches only if another greenlet is making it, whose end it waits for. A kill, or the end of an enclosing limit, ends the wait.
    ///
    /// # Panics
    ///
    /// If the function panics, or was ended in any other way before.
    #[inline]
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        this.value.get_or_init(|| make(this.make.take()))
    }

    /// As [`force`](Self::force), for one who has it alone.
    ///
    /// # Panics
    ///
    /// As [`force`](Self::force).
    #[inline]
    #[track_caller]
    pub fn force_mut(this: &mut Self) -> &mut T {
        Self::force(this);
        this.value.get_mut().expect("it has been made")
    }
}

/// Calls the function, if it is there to be called.
#[track_caller]
fn make<T>(f: Option<impl FnOnce() -> T>) -> T {
    match f {
        Some(f) => f(),
        None => panic!("LazyLock instance has previously been poisoned"),
    }
}

impl<T, F> LazyLock<T, F> {
    /// The value, if it has been made. Never switches.
    #[inline]
    pub fn get(this: &Self) -> Option<&T> {
        this.value.get()
    }

    /// The value, if it has been made.
    #[inline]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        this.value.get_mut()
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    /// As [`force`](LazyLock::force).
    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        Self::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    /// As [`force_mut`](LazyLock::force_mut).
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        Self::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> Self {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("LazyLock");
        match Self::get(self) {
            Some(value) => out.field(value),
            None => out.field(&format_args!("<uninit>")),
        };
        out.finish()
    }
}
