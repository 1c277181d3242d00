//! Spawning, as `std::thread` has it.

use std::cell::OnceCell;
use std::fmt;
use std::io;
use std::thread::Result;

use crate::greenlet::builder::GreenletBuilder;
use crate::greenlet::panicking::Unwinding;
use crate::greenlet::thread::here;
use crate::task::join_handle::JoinHandle as Handle;
use crate::task::scope::{Scope, ScopedJoinHandle};
use crate::thread::parking::Thread;

/// [`std::thread::spawn`], for greenlets: as [`greenlet::spawn`](crate::spawn), with std's handle.
///
/// Nothing has to be `Send`, for the greenlet stays on the caller's thread. Does not switch.
///
/// ```
/// use greenlet::thread;
///
/// let handle = thread::spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
/// ```
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    JoinHandle::new(GreenletBuilder::new().spawn(f))
}

/// [`std::thread::Builder`], for greenlets.
///
/// ```
/// use greenlet::thread::Builder;
///
/// let handle = Builder::new().name("worker".into()).stack_size(1 << 20).spawn(|| 5)?;
/// assert_eq!(handle.thread().name(), Some("worker"));
/// assert_eq!(handle.join().unwrap(), 5);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "settings do nothing until `spawn`"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
}

impl Builder {
    /// Settings as [`spawn`] has them.
    #[allow(clippy::new_without_default, reason = "std's has no default either")]
    pub fn new() -> Self {
        Builder {
            name: None,
            stack_size: None,
        }
    }

    /// A name for messages and reports. Need not be unique.
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name);
        self
    }

    /// At least how many bytes of stack, as [`GreenletBuilder::stack_size`].
    pub fn stack_size(mut self, size: usize) -> Self {
        self.stack_size = Some(size);
        self
    }

    fn settings(self) -> GreenletBuilder {
        let mut settings = GreenletBuilder::new();
        if let Some(name) = self.name {
            settings = settings.name(name);
        }
        if let Some(size) = self.stack_size {
            settings = settings.stack_size(size);
        }
        settings
    }

    /// Spawns a greenlet with these settings.
    ///
    /// # Errors
    ///
    /// If no stack can be as large as was asked for, or this thread's [limits](crate::hub::set_limits) are reached. A greenlet takes its stack when it first runs, and
    /// waits as long as there is none.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let settings = self.settings();
        settings.admit()?;
        Ok(JoinHandle::new(settings.spawn_admitted(f)))
    }

    /// Spawns a greenlet in a [`scope`](crate::scope) with these settings.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_scoped<'scope, F, T>(
        self,
        scope: &'scope Scope<'scope, '_>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + 'scope,
        T: 'scope,
    {
        let settings = self.settings();
        settings.admit()?;
        Ok(scope.spawn_built(settings, f))
    }
}

/// Owns the permission to join a greenlet; after [`std::thread::JoinHandle`]. Dropping it detaches: the greenlet goes on.
///
/// What else can be done to a spawned greenlet, the [handle inside](Self::handle) does.
pub struct JoinHandle<T> {
    handle: Handle<T>,
    thread: OnceCell<Thread>,
}

impl<T> JoinHandle<T> {
    fn new(handle: Handle<T>) -> Self {
        JoinHandle {
            handle,
            thread: OnceCell::new(),
        }
    }

    /// Waits for the end and gives the result, as [`greenlet::JoinHandle::join`](crate::JoinHandle::join).
    ///
    /// # Errors
    ///
    /// What ended the greenlet, if it did not return.
    ///
    /// # Panics
    ///
    /// If a greenlet joins itself.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        self.handle.join()
    }

    /// The greenlet, to be named or unparked.
    pub fn thread(&self) -> &Thread {
        self.thread
            .get_or_init(|| Thread::of(&self.handle.greenlet()))
    }

    /// Whether it has ended, or was killed before it ran.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// The handle as `greenlet::spawn` gives it: to kill, to wait for a time.
    ///
    /// ```
    /// let handle = greenlet::thread::spawn(greenlet::thread::park);
    /// handle.handle().kill();
    /// assert!(handle.join().is_err());
    /// ```
    pub fn handle(&self) -> &Handle<T> {
        &self.handle
    }

    /// That handle, for good.
    pub fn into_handle(self) -> Handle<T> {
        self.handle
    }
}

impl<T> From<Handle<T>> for JoinHandle<T> {
    fn from(handle: Handle<T>) -> Self {
        JoinHandle::new(handle)
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JoinHandle")
            .field(&self.handle.greenlet())
            .finish()
    }
}

/// Whether the running greenlet unwinds, by a panic, a kill or an elapsed limit: [`std::thread::panicking`], but of this greenlet, and
/// not of another one of its thread that waits in the middle of unwinding.
pub fn panicking() -> bool {
    here().running().unwinding() != Unwinding::No
}
