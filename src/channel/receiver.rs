//! The receiving end, and how channels are made.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::channel::arm::{Arm, Claim, Ready, Side};
use crate::channel::chan::Chan;
use crate::channel::error::{RecvError, RecvTimeoutError, TryRecvError};
use crate::channel::sender::Sender;
use crate::channel::timer::{Timer, wait_until};
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::util::slot_list::Key;
use crate::wait::parker::{Token, Waiter};

/// A channel with room for so many messages. One without room is a rendezvous channel: a message goes from hand to hand.
///
/// ```
/// use greenlet::channel::bounded;
///
/// let (s, r) = bounded(0);
/// let sender = greenlet::spawn(move || s.send("hand to hand"));
/// assert_eq!(r.recv(), Ok("hand to hand"));
/// assert_eq!(sender.join().unwrap(), Ok(()));
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    // So much room there never is.
    with_capacity(capacity.min(usize::MAX - 1))
}

/// A channel that always has room. Its memory grows with what is in it at once, and stays until the channel goes.
///
/// ```
/// let (s, r) = greenlet::channel::unbounded();
/// s.send(1).unwrap();
/// s.send(2).unwrap();
/// drop(s);
/// assert_eq!(r.iter().collect::<Vec<_>>(), [1, 2]);
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    with_capacity(usize::MAX)
}

fn with_capacity<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let chan = Arc::new(Chan::new(capacity));
    let receiver = Receiver {
        flavor: Flavor::Chan(chan.clone()),
    };
    (Sender::new(chan), receiver)
}

/// A channel on which there is one message, after so long: the moment. It is never disconnected.
///
/// ```
/// use std::time::Duration;
/// use greenlet::channel::{after, never, select};
///
/// let r = never::<i32>();
/// select! {
///     recv(r) -> _ => unreachable!(),
///     recv(after(Duration::from_millis(1))) -> _ => println!("timed out"),
/// }
/// ```
pub fn after(delay: Duration) -> Receiver<Instant> {
    timer(clock::now().checked_add(delay), None)
}

/// A channel on which there is one message, at that moment: the moment. It is never disconnected.
///
/// ```
/// let soon = std::time::Instant::now();
/// assert_eq!(greenlet::channel::at(soon).recv(), Ok(soon));
/// ```
pub fn at(moment: Instant) -> Receiver<Instant> {
    timer(Some(moment), None)
}

/// A channel on which there is a message every so often: the moment at which it was due. It holds one at most: whoever is slow misses some. It is never
/// disconnected.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let began = Instant::now();
/// let ticks = greenlet::channel::tick(Duration::from_millis(2));
/// ticks.recv().unwrap();
/// ticks.recv().unwrap();
/// assert!(began.elapsed() >= Duration::from_millis(4));
/// ```
pub fn tick(period: Duration) -> Receiver<Instant> {
    timer(clock::now().checked_add(period), Some(period))
}

fn timer(due: Option<Instant>, period: Option<Duration>) -> Receiver<Instant> {
    let timer = Timer::new(due, period, |moment| moment);
    Receiver {
        flavor: Flavor::Timer(Arc::new(timer)),
    }
}

/// A channel on which there never is a message, and which is never disconnected: to switch an operation of a select off.
///
/// ```
/// use greenlet::channel::{TryRecvError, never};
///
/// assert_eq!(never::<i32>().try_recv(), Err(TryRecvError::Empty));
/// ```
pub const fn never<T>() -> Receiver<T> {
    Receiver {
        flavor: Flavor::Never,
    }
}

enum Flavor<T> {
    Chan(Arc<Chan<T>>),
    Timer(Arc<Timer<T>>),
    Never,
}

/// The receiving end of a channel. Clones receive from the same channel, each message goes to one of them; when the last is dropped the channel is
/// disconnected, and what was in it is dropped.
///
/// ```
/// use greenlet::channel::{RecvError, bounded};
///
/// let (s, r) = bounded(1);
/// drop(greenlet::spawn(move || s.send(1)));
/// assert_eq!(r.recv(), Ok(1));
/// assert_eq!(r.recv(), Err(RecvError));
/// ```
pub struct Receiver<T> {
    flavor: Flavor<T>,
}

impl<T> Receiver<T> {
    /// Receives a message; waits for it.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and no message is taken.
    ///
    /// # Errors
    ///
    /// If the channel is empty, and every sender is gone, or goes meanwhile.
    #[inline(always)]
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.wait(Deadline::Never).map_err(|_| RecvError)
    }

    /// Receives a message if there is one.
    ///
    /// Switches only if it meets a select that is about to send, until that has evaluated its message.
    ///
    /// # Errors
    ///
    /// If the channel is empty; and whether every sender is gone.
    #[inline]
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match &self.flavor {
            Flavor::Chan(chan) => chan.try_recv(),
            Flavor::Timer(timer) => timer.try_recv(),
            Flavor::Never => Err(TryRecvError::Empty),
        }
    }

    /// As [`recv`](Self::recv), for so long at most.
    ///
    /// # Errors
    ///
    /// If the time is up; or if the channel is empty, and every sender is gone.
    #[track_caller]
    pub fn recv_timeout(&self, limit: Duration) -> Result<T, RecvTimeoutError> {
        self.wait(Deadline::after(clock::now(), limit))
    }

    /// As [`recv`](Self::recv), until that moment at most.
    ///
    /// # Errors
    ///
    /// If the time is up; or if the channel is empty, and every sender is gone.
    #[track_caller]
    pub fn recv_deadline(&self, moment: Instant) -> Result<T, RecvTimeoutError> {
        self.wait(Deadline::At(moment))
    }

    #[inline(always)]
    #[track_caller]
    fn wait(&self, deadline: Deadline) -> Result<T, RecvTimeoutError> {
        match &self.flavor {
            Flavor::Chan(chan) => chan.recv(deadline),
            Flavor::Timer(timer) => timer.recv(deadline),
            Flavor::Never => {
                wait_until(deadline);
                Err(RecvTimeoutError::Timeout)
            }
        }
    }

    /// How many messages are in the channel.
    pub fn len(&self) -> usize {
        match &self.flavor {
            Flavor::Chan(chan) => chan.state.lock().len(),
            Flavor::Timer(timer) => usize::from(timer.is_due()),
            Flavor::Never => 0,
        }
    }

    /// Whether no message is in the channel; for a rendezvous channel, always but after a receiver was ended in the middle.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room in the channel; for a rendezvous channel, always.
    pub fn is_full(&self) -> bool {
        match &self.flavor {
            Flavor::Chan(chan) => chan.state.lock().is_full(),
            Flavor::Timer(timer) => timer.is_due(),
            Flavor::Never => true,
        }
    }

    /// How many messages there is room for: `Some(0)` for a rendezvous channel, `None` if there is no bound.
    pub fn capacity(&self) -> Option<usize> {
        match &self.flavor {
            Flavor::Chan(chan) => chan.capacity(),
            Flavor::Timer(_) => Some(1),
            Flavor::Never => Some(0),
        }
    }

    /// Whether both receive from the same channel.
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.flavor, &other.flavor) {
            (Flavor::Chan(a), Flavor::Chan(b)) => Arc::ptr_eq(a, b),
            (Flavor::Timer(a), Flavor::Timer(b)) => Arc::ptr_eq(a, b),
            (Flavor::Never, Flavor::Never) => true,
            _ => false,
        }
    }

    /// Receives what a select was granted to receive.
    pub(crate) fn complete(&self, claim: Claim) -> Result<T, RecvError> {
        match (&self.flavor, claim) {
            (Flavor::Chan(chan), claim) => chan.complete_recv(claim),
            (Flavor::Timer(timer), Claim::Tick(at)) => Ok(timer.message(at)),
            _ => Err(RecvError),
        }
    }
}

impl<T> Arm for Receiver<T> {
    fn claim(&self) -> Option<Claim> {
        match &self.flavor {
            Flavor::Chan(chan) => chan.state.lock().claim_recv(),
            Flavor::Timer(timer) => timer.take().map(Claim::Tick),
            Flavor::Never => None,
        }
    }

    fn is_ready(&self) -> bool {
        match &self.flavor {
            Flavor::Chan(chan) => chan.state.lock().is_ready(Side::Receivers, None),
            Flavor::Timer(timer) => timer.is_due(),
            Flavor::Never => false,
        }
    }

    fn due(&self) -> Option<Instant> {
        match &self.flavor {
            Flavor::Timer(timer) => timer.due(),
            Flavor::Chan(_) | Flavor::Never => None,
        }
    }

    fn register(&self, waiter: Waiter, token: Token, watches: bool) -> Result<Option<Key>, Ready> {
        let Flavor::Chan(chan) = &self.flavor else {
            return Ok(None);
        };
        let mut state = chan.state.lock();
        state
            .register(Side::Receivers, waiter, token, watches)
            .map(Some)
    }

    fn leave(&self, key: Key) {
        if let Flavor::Chan(chan) = &self.flavor {
            chan.leave(Side::Receivers, key);
        }
    }

    fn won(&self, key: Key) -> Option<Claim> {
        match &self.flavor {
            Flavor::Chan(chan) => chan.state.lock().won(Side::Receivers, key),
            Flavor::Timer(_) | Flavor::Never => None,
        }
    }

    #[track_caller]
    fn settle(&self, claim: Claim, deadline: Deadline) -> Option<Claim> {
        let (Flavor::Chan(chan), Claim::Promise(slot)) = (&self.flavor, claim) else {
            return Some(claim);
        };
        let kept = chan.settle(slot, deadline);
        kept.ok().map(|()| Claim::Message(slot))
    }

    fn cancel(&self, claim: Claim) {
        match (&self.flavor, claim) {
            (Flavor::Chan(chan), claim) => chan.state.lock().cancel(claim),
            (Flavor::Timer(timer), Claim::Tick(at)) => timer.put_back(at),
            _ => {}
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        let flavor = match &self.flavor {
            Flavor::Chan(chan) => {
                chan.join(Side::Receivers);
                Flavor::Chan(chan.clone())
            }
            Flavor::Timer(timer) => Flavor::Timer(timer.clone()),
            Flavor::Never => Flavor::Never,
        };
        Receiver { flavor }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Flavor::Chan(chan) = &self.flavor {
            chan.part(Side::Receivers);
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver { .. }")
    }
}
