//! What a refused switch gives back, and why a parent was refused.

use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;

use crate::greenlet::unwind::{GreenletExit, Payload};

/// Why [`try_switch`](crate::Greenlet::try_switch) or [`try_throw`](crate::Greenlet::try_throw) gave no value.
///
/// `Type`, `Dead`, `NoRun`, `Parked` and `NoStack` are refusals: control never left the caller, the target is as it was, and
/// what was to be sent is handed back. `Thrown` and `Exited` arrived later, in the pending call.
///
/// ```
/// use greenlet::{Greenlet, SwitchError};
///
/// let g = Greenlet::new(|n: i32| n + 1);
/// let Err(SwitchError::Type { value, sent, expected, .. }) = g.any().try_switch::<&str, i32>("five") else {
///     panic!("a str is no i32");
/// };
/// assert_eq!((value, sent, expected), ("five", "&str", "i32"));
/// assert_eq!(g.switch(5), 6);
/// assert!(matches!(g.try_switch(7), Err(SwitchError::Dead(7))));
/// ```
#[non_exhaustive]
pub enum SwitchError<V> {
    /// The target waits for another type.
    Type {
        /// What was to be sent.
        value: V,
        /// Its type.
        sent: &'static str,
        /// The type that the target's pending call returns, or that its body takes.
        expected: &'static str,
        /// Name and id of the target.
        target: String,
        /// Where the target waits; if it is new, where it was created.
        waits_at: &'static Location<'static>,
    },
    /// The target is dead.
    Dead(V),
    /// The target is new and was given no run yet.
    NoRun(V),
    /// The target is spawned, or waits in the hub: only what it waits for can resume it.
    #[non_exhaustive]
    Parked {
        /// What was to be sent.
        value: V,
        /// Name and id of the target.
        target: String,
        /// What it waits for, and where.
        waits_for: String,
    },
    /// The target is new, and there is no memory for its stack.
    #[non_exhaustive]
    NoStack {
        /// What was to be sent.
        value: V,
        /// Name and id of the target.
        target: String,
        /// The stack that could not be had, and what to do about it.
        reason: String,
        /// What the system said.
        error: io::Error,
    },
    /// This was thrown at the caller while it waited, or is the panic of a greenlet whose parent it is. If the
    /// result of such a greenlet was of the wrong type, it is a `String` that says so.
    Thrown(Payload),
    /// A greenlet whose parent the caller is ended by [`GreenletExit`].
    Exited(GreenletExit),
}

impl<V> SwitchError<V> {
    /// What was to be sent, if control never left the caller.
    ///
    /// ```
    /// let g = greenlet::Greenlet::new(|s: String| s.len());
    /// assert_eq!(g.switch("four".to_owned()), 4);
    /// let refused = g.try_switch("again".to_owned()).unwrap_err();
    /// assert_eq!(refused.into_value().as_deref(), Some("again"));
    /// ```
    pub fn into_value(self) -> Option<V> {
        match self {
            SwitchError::Type { value, .. }
            | SwitchError::Dead(value)
            | SwitchError::NoRun(value)
            | SwitchError::Parked { value, .. }
            | SwitchError::NoStack { value, .. } => Some(value),
            SwitchError::Thrown(_) | SwitchError::Exited(_) => None,
        }
    }
}

impl<V> fmt::Display for SwitchError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SwitchError::Type {
                sent,
                expected,
                target,
                waits_at,
                ..
            } => write!(
                f,
                "a value of type `{sent}` cannot be sent to greenlet {target}, which waits for `{expected}` at {waits_at}"
            ),
            SwitchError::Dead(_) => f.write_str("the greenlet is dead"),
            SwitchError::NoRun(_) => f.write_str("the greenlet has no run yet"),
            SwitchError::Parked {
                target, waits_for, ..
            } => write!(
                f,
                "only the hub may resume greenlet {target}, which waits for {waits_for}"
            ),
            SwitchError::NoStack { target, reason, .. } => {
                write!(f, "greenlet {target} cannot be started: {reason}")
            }
            SwitchError::Thrown(payload) => match message(payload) {
                Some(message) => write!(f, "thrown here: {message}"),
                None => f.write_str("a payload without a message was thrown here"),
            },
            SwitchError::Exited(_) => f.write_str("a child greenlet exited"),
        }
    }
}

impl<V> fmt::Debug for SwitchError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variant = match self {
            SwitchError::Type { .. } => "Type",
            SwitchError::Dead(_) => "Dead",
            SwitchError::NoRun(_) => "NoRun",
            SwitchError::Parked { .. } => "Parked",
            SwitchError::NoStack { .. } => "NoStack",
            SwitchError::Thrown(_) => "Thrown",
            SwitchError::Exited(_) => "Exited",
        };
        write!(f, "{variant}({self})")
    }
}

impl<V> Error for SwitchError<V> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SwitchError::NoStack { error, .. } => Some(error),
            SwitchError::Exited(exit) => Some(exit),
            _ => None,
        }
    }
}

/// The text of a panic's payload.
fn message(payload: &Payload) -> Option<&str> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// Why [`set_parent`](crate::AnyGreenlet::set_parent) refused; nothing has changed.
///
/// ```
/// use greenlet::{Greenlet, ParentError};
///
/// let g = Greenlet::new(|()| ());
/// assert_eq!(g.set_parent(&g), Err(ParentError::Cycle));
/// assert_eq!(greenlet::main().set_parent(&g), Err(ParentError::MainHasNoParent));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParentError {
    /// The greenlet is the parent it was to have, or one of that one's ancestors.
    Cycle,
    /// The main greenlet has no parent (greenlet item 43).
    MainHasNoParent,
    /// The hub's parent is the main greenlet.
    Hub,
}

impl fmt::Display for ParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParentError::Cycle => "a greenlet cannot be an ancestor of its own parent",
            ParentError::MainHasNoParent => "the main greenlet has no parent",
            ParentError::Hub => "the hub's parent is the main greenlet",
        })
    }
}

impl Error for ParentError {}
