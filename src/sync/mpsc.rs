//! Channels with many senders and one receiver: [`std::sync::mpsc`], for which only the greenlet waits.
//!
//! Names, signatures and errors are std's. Differences: whoever waits is served in the order of coming, and a message for a
//! receiver that waits is its own at once. A receiver may be shared by greenlets of its thread, through an [`Rc`](std::rc::Rc).
//!
//! ```
//! use greenlet::sync::mpsc;
//!
//! let (sender, receiver) = mpsc::sync_channel(2);
//! let producer = greenlet::spawn(move || {
//!     for n in 0..5 {
//!         sender.send(n).unwrap(); // waits while there are two that nobody has taken
//!     }
//! });
//! assert_eq!(receiver.iter().sum::<i32>(), 10);
//! producer.join().unwrap();
//! ```

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use crate::hub::awaited::Plain;
use crate::hub::wait_on::{Waited, wait_on};
use crate::sys::clock;
use crate::util::biased::Biased;
use crate::util::deadline::Deadline;
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

/// Both sides of a channel.
struct Channel<T> {
    state: Biased<State<T>>,
}

struct State<T> {
    messages: VecDeque<T>,
    /// How many messages may lie in wait; none of them if it is zero: each goes from hand to hand.
    capacity: usize,
    senders: usize,
    /// Whether the receiver is there.
    receives: bool,
    /// Those who wait for a message. Their token is the key of one in `handed`, or [`READY`](Token::READY) if none will come.
    receiving: WaitQueue,
    /// Those who wait for room, with what they have. Their token is [`READY`](Token::READY) once that was taken, or the key of it in `handed`
    /// if nobody will take it.
    sending: WaitQueue<T>,
    /// What is on its way to somebody who was woken for it.
    handed: Slab<T>,
}

impl<T> State<T> {
    /// Hands a message on or puts it down, without waiting.
    fn put(&mut self, message: T) -> Result<(), TrySendError<T>> {
        if !self.receives {
            return Err(TrySendError::Disconnected(message));
        }
        let key = self.handed.vacant_key();
        if self.receiving.wake_one(Token(key)).is_some() {
            self.handed.insert(message);
            return Ok(());
        }
        if self.messages.len() >= self.capacity {
            return Err(TrySendError::Full(message));
        }
        self.messages.push_back(message);
        Ok(())
    }

    /// Takes the first message, without waiting. Makes room for the first who waits for it.
    fn take(&mut self) -> Result<T, TryRecvError> {
        if let Some(message) = self.messages.pop_front() {
            if let Some(next) = self.sending.wake_one(Token::READY) {
                self.messages.push_back(next);
            }
            return Ok(message);
        }
        match self.sending.wake_one(Token::READY) {
            Some(message) => Ok(message),
            None if self.senders == 0 => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Gives all who wait for room their messages back.
    fn refuse_all(&mut self) {
        loop {
            let key = self.handed.vacant_key();
            let Some(message) = self.sending.wake_one(Token(key)) else {
                return;
            };
            self.handed.insert(message);
        }
    }
}

impl<T> Channel<T> {
    fn with_capacity(capacity: usize) -> Arc<Self> {
        Arc::new(Channel {
            state: Biased::new(State {
                messages: VecDeque::new(),
                capacity,
                senders: 1,
                receives: true,
                receiving: WaitQueue::new(),
                sending: WaitQueue::new(),
                handed: Slab::new(),
            }),
        })
    }

    #[track_caller]
    fn send(&self, message: T) -> Result<(), SendError<T>> {
        let waited = wait_on(
            &self.state,
            Deadline::Never,
            &Plain("room in an `mpsc` channel"),
            |state| match state.put(message) {
                Ok(()) => Ok(Ok(())),
                Err(TrySendError::Disconnected(message)) => Ok(Err(SendError(message))),
                Err(TrySendError::Full(message)) => Err(message),
            },
            |state| &mut state.sending,
        );
        match waited {
            Waited::Done(result) => result,
            Waited::Woken(Token::READY) => Ok(()),
            Waited::Woken(Token(key)) => Err(SendError(self.state.lock().handed.remove(key))),
            Waited::TimedOut(message) => Err(SendError(message)),
        }
    }

    #[track_caller]
    fn receive(&self, deadline: Deadline) -> Result<T, RecvTimeoutError> {
        let waited = wait_on(
            &self.state,
            deadline,
            &Plain("a message of an `mpsc` channel"),
            |state| match state.take() {
                Ok(message) => Ok(Ok(message)),
                Err(TryRecvError::Disconnected) => Ok(Err(RecvTimeoutError::Disconnected)),
                Err(TryRecvError::Empty) => Err(()),
            },
            |state| &mut state.receiving,
        );
        match waited {
            Waited::Done(result) => result,
            Waited::Woken(Token::READY) => Err(RecvTimeoutError::Disconnected),
            Waited::Woken(Token(key)) => Ok(self.state.lock().handed.remove(key)),
            Waited::TimedOut(()) => Err(RecvTimeoutError::Timeout),
        }
    }

    fn add_sender(&self) {
        self.state.lock().senders += 1;
    }

    fn remove_sender(&self) {
        let mut state = self.state.lock();
        state.senders -= 1;
        if state.senders == 0 {
            state.receiving.wake_all(Token::READY);
        }
    }

    fn remove_receiver(&self) {
        let mut state = self.state.lock();
        state.receives = false;
        state.refuse_all();
        let unread = mem::take(&mut state.messages);
        drop(state);
        // What is dropped here may use the channel.
        drop(unread);
    }
}

/// A channel without a limit: sending never waits.
///
/// ```
/// use greenlet::sync::mpsc::channel;
///
/// let (sender, receiver) = channel();
/// greenlet::spawn(move || sender.send("hello").unwrap());
/// assert_eq!(receiver.recv(), Ok("hello"));
/// assert!(receiver.recv().is_err()); // the only sender is gone
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Channel::with_capacity(usize::MAX);
    (Sender(channel.clone()), Receiver::new(channel))
}

/// A channel in which at most `bound` messages lie in wait. If that is zero, every message goes from hand to hand: sending waits until it is received.
///
/// ```
/// use greenlet::sync::mpsc::{TrySendError, sync_channel};
///
/// let (sender, receiver) = sync_channel(1);
/// sender.send(1).unwrap();
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(receiver.recv(), Ok(1));
/// ```
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let channel = Channel::with_capacity(bound);
    (SyncSender(channel.clone()), Receiver::new(channel))
}

/// Sends to a [`channel`]. When the last one is dropped, the receiver is told once it has received everything.
pub struct Sender<T>(Arc<Channel<T>>);

impl<T> Sender<T> {
    /// Sends. Never switches.
    ///
    /// # Errors
    ///
    /// The message, if the receiver is gone. If it goes later, the message is dropped with it.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        let sent = self.0.state.lock().put(message);
        sent.map_err(|error| match error {
            TrySendError::Full(message) | TrySendError::Disconnected(message) => SendError(message),
        })
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.add_sender();
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.remove_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// Sends to a [`sync_channel`]. When the last one is dropped, the receiver is told once it has received everything.
pub struct SyncSender<T>(Arc<Channel<T>>);

impl<T> SyncSender<T> {
    /// Sends; waits for room, or without room for a receiver.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and the message is dropped: nobody
    /// receives it.
    ///
    /// # Errors
    ///
    /// The message, if the receiver is gone, or goes meanwhile.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0.send(message)
    }

    /// Sends, if there is room, or without room a receiver that waits. Never switches.
    ///
    /// # Errors
    ///
    /// The message, if there is neither, or if the receiver is gone.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.0.state.lock().put(message)
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> Self {
        self.0.add_sender();
        SyncSender(self.0.clone())
    }
}

impl<T> Drop for SyncSender<T> {
    fn drop(&mut self) {
        self.0.remove_sender();
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncSender").finish_non_exhaustive()
    }
}

/// Receives from a [`channel`] or a [`sync_channel`]. When it is dropped, all messages that it has not received are.
///
/// It may be moved to another thread, but not be shared with one:
///
/// ```compile_fail,E0277
/// let (_sender, receiver) = greenlet::sync::mpsc::channel::<i32>();
/// std::thread::scope(|s| s.spawn(|| receiver.recv()));
/// ```
pub struct Receiver<T> {
    channel: Arc<Channel<T>>,
    not_sync: PhantomData<Cell<()>>,
}

impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    fn new(channel: Arc<Channel<T>>) -> Self {
        Receiver {
            channel,
            not_sync: PhantomData,
        }
    }

    /// Receives, if there is a message, or a sender that waits. Never switches.
    ///
    /// # Errors
    ///
    /// If there is none, and whether one may still come.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.channel.state.lock().take()
    }

    /// Receives; waits for a message.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and no message is taken along.
    ///
    /// # Errors
    ///
    /// If there is no message, and no sender any more.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.channel.receive(Deadline::Never).map_err(|_| RecvError)
    }

    /// As [`recv`](Self::recv), for so long at most. A message that comes before the limit counts.
    ///
    /// # Errors
    ///
    /// If there is no message until then, or no sender any more.
    #[track_caller]
    pub fn recv_timeout(&self, limit: Duration) -> Result<T, RecvTimeoutError> {
        self.channel.receive(Deadline::after(clock::now(), limit))
    }

    /// Receives until there is no sender any more; waits as [`recv`](Self::recv) does.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// Receives what is there. Never switches.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.channel.remove_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// What [`Receiver::iter`] gives.
#[derive(Debug)]
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

/// What [`Receiver::try_iter`] gives.
#[derive(Debug)]
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

/// What a [`Receiver`] is as an iterator.
#[derive(Debug)]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}
