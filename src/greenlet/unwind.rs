//! What an unwinding greenlet carries.

use std::any::Any;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process;

/// What a panic carries, and what can be thrown into a greenlet.
pub type Payload = Box<dyn Any + Send>;

/// The payload that ends a greenlet without being an error.
///
/// Thrown by [`kill`](crate::AnyGreenlet::kill), by the drop of a greenlet's last owner, and by
/// `throw(Box::new(GreenletExit))`. It unwinds the greenlet, running destructors; no panic hook runs. If it
/// escapes the body, the greenlet is dead and its parent goes on, with
/// [`SwitchError::Exited`](crate::SwitchError::Exited) (greenlet item 26: an exit is not an error).
///
/// A body that catches it with [`std::panic::catch_unwind`] may return a result as usual, or go on living.
///
/// ```
/// use greenlet::{Greenlet, GreenletExit, SwitchError};
///
/// let g = Greenlet::new(|()| greenlet::main().switch::<(), ()>(()));
/// g.switch(());
/// let end = g.try_throw(Box::new(GreenletExit));
/// assert!(matches!(end, Err(SwitchError::Exited(GreenletExit))));
/// assert!(g.is_dead());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GreenletExit;

impl std::fmt::Display for GreenletExit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the greenlet was asked to exit")
    }
}

impl std::error::Error for GreenletExit {}

/// What unwinds a greenlet whose limit has elapsed; caught by the call of `timeout` with that number.
pub(crate) struct Elapsing(pub(crate) u64);

/// What a greenlet knows of who unwinds, if its thread panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// If the thread panics, it is this greenlet.
    Nothing,
    /// It panicked. Out of date once the thread does not panic.
    Panics,
    /// The thread panicked before.
    Others,
    /// Something was raised here. Out of date once the thread does not panic.
    Raised,
}

/// What has unwound a greenlet and was caught, to be gone on with later.
pub(crate) struct Unwound {
    pub(crate) payload: Payload,
    /// By a kill, a limit, or a throw: no panic.
    pub(crate) raised: bool,
}

pub(crate) fn exit() -> Payload {
    Box::new(GreenletExit)
}

/// Drops what nobody wants any more. A panic meanwhile was seen by the hook.
pub(crate) fn drop_quietly<T>(value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}

/// Unwinds the running greenlet from here; the panic hook does not run.
#[cold]
pub(crate) fn raise(payload: Payload) -> ! {
    resume_unwind(payload)
}

/// Ends the process when it is dropped, and says why: to be forgotten where nothing may unwind.
pub(crate) struct AbortOnUnwind(pub(crate) &'static str);

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        let _ = writeln!(io::stderr(), "fatal runtime error: {}, aborting", self.0);
        process::abort();
    }
}
