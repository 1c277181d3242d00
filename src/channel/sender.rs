//! The sending end.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::channel::arm::{Arm, Claim, Ready, Side};
use crate::channel::chan::Chan;
use crate::channel::error::{SendError, SendTimeoutError, TrySendError};
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::util::slot_list::Key;
use crate::wait::parker::{Token, Waiter};

/// The sending end of a channel. Clones send on the same channel; when the last is dropped the channel is disconnected.
///
/// ```
/// use greenlet::channel::{TrySendError, bounded};
///
/// let (s, r) = bounded(1);
/// s.send(1).unwrap();
/// assert_eq!(s.try_send(2), Err(TrySendError::Full(2)));
/// drop(r);
/// assert!(s.send(3).is_err());
/// ```
pub struct Sender<T> {
    chan: Arc<Chan<T>>,
}

impl<T> Sender<T> {
    pub(crate) fn new(chan: Arc<Chan<T>>) -> Self {
        Sender { chan }
    }

    /// Sends a message; waits while the channel is full, or, if it is a rendezvous channel, until somebody receives it.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and the message is dropped.
    ///
    /// # Errors
    ///
    /// The message, if every receiver is gone, or goes meanwhile.
    #[inline]
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        match self.chan.send_at_once(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(message)) => Err(SendError(message)),
            Err(TrySendError::Full(message)) => self
                .chan
                .send(message, Deadline::Never)
                .map_err(|error| SendError(error.into_inner())),
        }
    }

    /// Sends a message if there is room, or somebody waits for it. Never switches.
    ///
    /// # Errors
    ///
    /// The message, if there is no room, or every receiver is gone.
    #[inline]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.chan.try_send(message)
    }

    /// As [`send`](Self::send), for so long at most.
    ///
    /// # Errors
    ///
    /// The message, if the time is up, or every receiver is gone.
    #[track_caller]
    pub fn send_timeout(&self, message: T, limit: Duration) -> Result<(), SendTimeoutError<T>> {
        match self.chan.send_at_once(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(message)) => {
                Err(SendTimeoutError::Disconnected(message))
            }
            Err(TrySendError::Full(message)) => self
                .chan
                .send(message, Deadline::after(clock::now(), limit)),
        }
    }

    /// As [`send`](Self::send), until that moment at most.
    ///
    /// # Errors
    ///
    /// The message, if the time is up, or every receiver is gone.
    #[track_caller]
    pub fn send_deadline(&self, message: T, moment: Instant) -> Result<(), SendTimeoutError<T>> {
        self.chan.send(message, Deadline::At(moment))
    }

    /// How many messages are in the channel.
    pub fn len(&self) -> usize {
        self.chan.state.lock().len()
    }

    /// Whether no message is in the channel; for a rendezvous channel, always but after a receiver was ended in the middle.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room in the channel; for a rendezvous channel, always.
    pub fn is_full(&self) -> bool {
        self.chan.state.lock().is_full()
    }

    /// How many messages there is room for: `Some(0)` for a rendezvous channel, `None` if there is no bound.
    pub fn capacity(&self) -> Option<usize> {
        self.chan.capacity()
    }

    /// Whether both send on the same channel.
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.chan, &other.chan)
    }

    /// Sends what a select was granted to send.
    pub(crate) fn complete(&self, claim: Claim, message: T) -> Result<(), SendError<T>> {
        let sent = self.chan.state.lock().complete_send(claim, message);
        sent.map_err(SendError)
    }
}

impl<T> Arm for Sender<T> {
    fn claim(&self) -> Option<Claim> {
        self.chan.state.lock().claim_send()
    }

    fn is_ready(&self) -> bool {
        self.chan.state.lock().is_ready(Side::Senders, None)
    }

    fn due(&self) -> Option<Instant> {
        None
    }

    fn register(&self, waiter: Waiter, token: Token, watches: bool) -> Result<Option<Key>, Ready> {
        let mut state = self.chan.state.lock();
        state
            .register(Side::Senders, waiter, token, watches)
            .map(Some)
    }

    fn leave(&self, key: Key) {
        self.chan.leave(Side::Senders, key);
    }

    fn won(&self, key: Key) -> Option<Claim> {
        self.chan.state.lock().won(Side::Senders, key)
    }

    fn settle(&self, claim: Claim, _deadline: Deadline) -> Option<Claim> {
        Some(claim)
    }

    fn cancel(&self, claim: Claim) {
        self.chan.state.lock().cancel(claim);
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.chan.join(Side::Senders);
        Sender {
            chan: self.chan.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.chan.part(Side::Senders);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender { .. }")
    }
}
