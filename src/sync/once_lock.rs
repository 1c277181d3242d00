//! A value that is set once, as std has it.
//!
//! * **O2** The value is set within the one call that completes `once`, by whoever makes that call, and not changed through a shared
//!   reference after.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::fmt;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::sync::once::Once;

/// [`std::sync::OnceLock`], for which only the greenlet waits.
///
/// Differences: the function that makes the value may switch. A greenlet that comes again while it makes the value gets a panic.
///
/// ```
/// use greenlet::sync::OnceLock;
///
/// static NAME: OnceLock<String> = OnceLock::new();
/// let handles = (0..3).map(|n| {
///     greenlet::spawn(move || {
///         NAME.get_or_init(|| {
///             greenlet::yield_now(); // the others wait for it meanwhile
///             format!("number {n}")
///         })
///     })
/// });
/// for name in greenlet::join_all(handles) {
///     assert_eq!(name.unwrap(), "number 0");
/// }
/// ```
pub struct OnceLock<T> {
    once: Once,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: one thread may set the value and another one drop it, so it has to be `Send`; and once it is set all share it (O2).
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}

impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}
impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// Not set.
    #[inline]
    pub const fn new() -> Self {
        OnceLock {
            once: Once::new(),
            value: UnsafeCell::new(None),
        }
    }

    /// The value, if it is set. Never switches.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.once.is_completed() {
            return None;
        }
        // SAFETY: it is set, and does not change any more (O2).
        unsafe { &*self.value.get() }.as_ref()
    }

    /// The value, if it is set.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// Waits until the value is set, and gives it.
    ///
    /// Switches unless it is. A kill, or the end of an enclosing limit, ends the wait.
    ///
    /// # Panics
    ///
    /// If the caller is the one that it would wait for.
    #[track_caller]
    pub fn wait(&self) -> &T {
        self.once.wait_force();
        self.get().expect("it was waited for")
    }

    /// Sets the value, if it is not set.
    ///
    /// Switches only if another greenlet is making the value, whose end it waits for. A kill, or the end of an enclosing limit, ends the wait, and the
    /// value given here is dropped.
    ///
    /// # Errors
    ///
    /// The value given here, if there is one already.
    ///
    /// # Panics
    ///
    /// If the caller is the one that it would wait for.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("called once"));
        value.map_or(Ok(()), Err)
    }

    /// The value; if there is none, sets what `f` gives.
    ///
    /// Switches only if another greenlet is making the value, whose end it waits for. A kill, or the end of an enclosing limit, ends the wait; one that ends
    /// `f` leaves it to the next one to make the value, and so does a panic.
    ///
    /// # Panics
    ///
    /// With whatever `f` panics with, and if `f` needs the value itself.
    #[inline]
    #[track_caller]
    pub fn get_or_init<F>(&self, f: F) -> &T
    where
        F: FnOnce() -> T,
    {
        if let Some(value) = self.get() {
            return value;
        }
        self.init(f);
        self.get().expect("it is set")
    }

    #[cold]
    #[track_caller]
    fn init(&self, f: impl FnOnce() -> T) {
        self.once.call_once_force(|_| {
            let value = f();
            // SAFETY: nobody else is here, and nobody looks before it is complete (O2). There is no value that would be dropped here.
            unsafe { *self.value.get() = Some(value) };
        });
    }

    /// The value, if it was set.
    #[inline]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if it is set; then it is not set.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        mem::take(self).into_inner()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        let cell = OnceLock::new();
        assert!(cell.set(value).is_ok());
        cell
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        match self.get() {
            Some(value) => OnceLock::from(value.clone()),
            None => OnceLock::new(),
        }
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => out.field(value),
            None => out.field(&format_args!("<uninit>")),
        };
        out.finish()
    }
}
