//! Channels, after the crate crossbeam-channel: its names, its shape, its `select!`.
//!
//! [`bounded`] and [`unbounded`] make a [`Sender`] and a [`Receiver`], of which there may be any number, on any threads; plain OS threads may
//! use them as well. Only the greenlet waits.
//!
//! ```
//! use greenlet::channel::{bounded, select};
//!
//! let (numbers, squares) = (bounded(4), bounded(0));
//! let (requests, answers) = (numbers.1, squares.0);
//! let squarer = greenlet::spawn(move || {
//!     for n in requests {
//!         answers.send(n * n).unwrap();
//!     }
//! });
//! numbers.0.send(7).unwrap();
//! select! {
//!     recv(squares.1) -> square => assert_eq!(square, Ok(49)),
//!     default(std::time::Duration::from_secs(3600)) => panic!("an hour has passed"),
//! }
//! drop(numbers.0);
//! squarer.join().unwrap();
//! ```
//!
//! * A message that is sent while receivers wait belongs to the first of them: no newcomer gets it. Waiting senders are served in order as well.
//! * When the last sender is gone, what is left can still be received; then receivers are told. When the last receiver is gone
//!   senders are told at once, and get their messages back.
//! * A kill, or the end of an enclosing [`timeout`](crate::timeout), ends a wait as if it had not begun: nothing was received; a message that was to be sent
//!   is dropped. A message that was handed over before counts as received.
//!
//! Differences from crossbeam-channel: a wait blocks the greenlet instead of the thread; a
//! [`SelectedOperation`] that is dropped is undone instead of panicking; and `try_recv` may switch in one case, which it names.
//!
//! In reading order:
//!
//! * `error` what can go wrong.
//! * `arm` what a select is made of.
//! * `state` a channel under its lock: the protocol.
//! * `chan` waiting for it.
//! * `timer` channels that are made of time.
//! * `sender`, `receiver`, `iter` the two ends.
//! * `select`, `select_macro` waiting for several.

pub(crate) mod error;

pub(crate) mod arm;

pub(crate) mod state;

pub(crate) mod chan;

pub(crate) mod timer;

pub(crate) mod sender;

pub(crate) mod receiver;

pub(crate) mod iter;

pub(crate) mod select;

pub(crate) mod select_macro;

pub use crate::channel::error::{
    ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError,
    SendTimeoutError, TryReadyError, TryRecvError, TrySelectError, TrySendError,
};
pub use crate::channel::iter::{IntoIter, Iter, TryIter};
pub use crate::channel::receiver::{Receiver, after, at, bounded, never, tick, unbounded};
pub use crate::channel::select::{Select, SelectedOperation};
pub use crate::channel::sender::Sender;
pub use crate::select;
