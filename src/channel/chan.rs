//! A channel as both ends share it: waiting for it, and the end of it.

use std::mem::ManuallyDrop;

use crate::channel::arm::{Claim, Side};
use crate::channel::error::{
    RecvError, RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError,
};
use crate::channel::state::{Look, Slot, State};
use crate::hub::awaited::Plain;
use crate::hub::begin::place;
use crate::hub::park::park;
use crate::util::biased::Biased;
use crate::util::deadline::Deadline;
use crate::util::primitive::{AtomicUsize, Ordering};
use crate::util::slot_list::Key;
use crate::wait::parker::Token;

const MESSAGE: Plain = Plain("a message on a channel");
const ROOM: Plain = Plain("room in a channel");
const RECEIVER: Plain = Plain("a receiver on a rendezvous channel");
const PROMISE: Plain = Plain("the message that a select is about to send");

pub(crate) struct Chan<T> {
    pub(crate) state: Biased<State<T>>,
    /// [`usize::MAX`] if there is no bound.
    capacity: usize,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

impl<T> Chan<T> {
    /// With one sender and one receiver.
    pub(crate) fn new(capacity: usize) -> Self {
        Chan {
            state: Biased::new(State::new(capacity)),
            capacity,
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        }
    }

    pub(crate) fn capacity(&self) -> Option<usize> {
        (self.capacity != usize::MAX).then_some(self.capacity)
    }

    fn handles(&self, side: Side) -> &AtomicUsize {
        match side {
            Side::Senders => &self.senders,
            Side::Receivers => &self.receivers,
        }
    }

    /// There is one handle more.
    pub(crate) fn join(&self, side: Side) {
        self.handles(side).fetch_add(1, Ordering::Relaxed);
    }

    /// There is one handle less.
    pub(crate) fn part(&self, side: Side) {
        if self.handles(side).fetch_sub(1, Ordering::AcqRel) == 1 {
            let unread = self.state.lock().disconnect(side);
            drop(unread);
        }
    }

    #[inline]
    pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.state.lock().offer(message)
    }

    /// Sends if there is room, or somebody in line to receive. Watchers of a rendezvous are left to [`send`](Self::send), which queues under the lock
    /// under which it wakes them.
    #[inline]
    pub(crate) fn send_at_once(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut state = self.state.lock();
        match self.capacity == 0 && !state.is_awaited() {
            true => Err(TrySendError::Full(message)),
            false => state.offer(message),
        }
    }

    /// Sends what [could not be sent at once](Self::send_at_once).
    #[inline(never)]
    #[track_caller]
    pub(crate) fn send(
        &self,
        mut message: T,
        deadline: Deadline,
    ) -> Result<(), SendTimeoutError<T>> {
        let place = place();
        loop {
            let interrupted = place.is_interrupted();
            let mut state = self.state.lock();
            message = match state.offer(message) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(message)) => {
                    return Err(SendTimeoutError::Disconnected(message));
                }
                Err(TrySendError::Full(message)) => message,
            };
            if interrupted {
                drop(state);
                drop(message);
                place.raise_pending();
            }
            let waiter = place.seat.parker.arm();
            let key = state.wait(Side::Senders, waiter, Slot::Message(message));
            drop(state);
            let registered = self.registered(Side::Senders, key);
            let awaited = if self.capacity == 0 { &RECEIVER } else { &ROOM };
            let in_time = park(&place, waiter, deadline, awaited) != Token::TIMED_OUT;
            let left = match in_time {
                true => registered.collect(),
                false => registered.take_back(),
            };
            message = match left {
                Slot::Message(message) if in_time => message,
                Slot::Message(message) => return Err(SendTimeoutError::Timeout(message)),
                _ => return Ok(()),
            };
        }
    }

    /// Waits only if it meets a select that is about to send.
    #[inline]
    #[track_caller]
    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        let look = self.state.lock().take();
        match look {
            Look::Message(message) => Ok(message),
            Look::Empty => Err(TryRecvError::Empty),
            Look::Disconnected => Err(TryRecvError::Disconnected),
            Look::Slot(slot) => self
                .collect(slot, Deadline::Never)
                .map_err(|_| TryRecvError::Empty),
        }
    }

    /// Receives; waits if there is nothing.
    ///
    /// One function, for each frame that is entered before a switch and left after it costs something.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn recv(&self, deadline: Deadline) -> Result<T, RecvTimeoutError> {
        loop {
            let slot = match self.look_or_wait(deadline)? {
                Look::Message(message) => return Ok(message),
                Look::Disconnected => return Err(RecvTimeoutError::Disconnected),
                Look::Slot(slot) => slot,
                Look::Empty => continue,
            };
            match self.collect(slot, deadline) {
                Ok(message) => return Ok(message),
                Err(Unkept::Broken) => {}
                Err(Unkept::TimedOut) => return Err(RecvTimeoutError::Timeout),
            }
        }
    }

    /// What there is to receive. If there is nothing, waits; the slot in which there may be something then.
    #[inline(always)]
    #[track_caller]
    fn look_or_wait(&self, deadline: Deadline) -> Result<Look<T>, RecvTimeoutError> {
        let place = place();
        let interrupted = place.is_interrupted();
        let mut state = self.state.lock();
        match state.take() {
            Look::Empty => {}
            look => return Ok(look),
        }
        if interrupted {
            drop(state);
            place.raise_pending();
        }
        let waiter = place.seat.parker.arm();
        let key = state.wait(Side::Receivers, waiter, Slot::Empty);
        drop(state);
        let registered = self.registered(Side::Receivers, key);
        if park(&place, waiter, deadline, &MESSAGE) == Token::TIMED_OUT {
            drop(registered);
            return Err(RecvTimeoutError::Timeout);
        }
        // Out of line: its notifier has taken it.
        Ok(Look::Slot(ManuallyDrop::new(registered).key))
    }

    /// What a receiver was woken for.
    #[inline(always)]
    #[track_caller]
    fn collect(&self, key: Key, deadline: Deadline) -> Result<T, Unkept> {
        let mut state = self.state.lock();
        if let Slot::Promised(_) = state.receiver(key) {
            drop(state);
            self.settle(key, deadline)?;
            state = self.state.lock();
        }
        match state.collect(Side::Receivers, key) {
            Slot::Message(message) => Ok(message),
            _ => Err(Unkept::Broken),
        }
    }

    /// Waits until a promise is kept: then the slot has the message. If it is not, the slot is gone.
    #[cold]
    #[track_caller]
    pub(crate) fn settle(&self, key: Key, deadline: Deadline) -> Result<(), Unkept> {
        let place = place();
        let promise = Promise { chan: self, key };
        let mut in_time = true;
        loop {
            let interrupted = place.is_interrupted();
            let mut state = self.state.lock();
            match state.receiver(key) {
                Slot::Promised(waiting) => {
                    if !in_time {
                        return Err(Unkept::TimedOut);
                    }
                    if interrupted {
                        drop(state);
                        place.raise_pending();
                    }
                    let waiter = place.seat.parker.arm();
                    *waiting = Some(waiter);
                    drop(state);
                    in_time = park(&place, waiter, deadline, &PROMISE) != Token::TIMED_OUT;
                }
                Slot::Message(_) => {
                    let _ = ManuallyDrop::new(promise);
                    return Ok(());
                }
                _ => return Err(Unkept::Broken),
            }
        }
    }

    /// Receives what a select was granted to receive.
    pub(crate) fn complete_recv(&self, claim: Claim) -> Result<T, RecvError> {
        let Claim::Message(key) = claim else {
            return Err(RecvError);
        };
        match self.state.lock().collect(Side::Receivers, key) {
            Slot::Message(message) => Ok(message),
            _ => unreachable!("a select was granted a message that is not there"),
        }
    }

    /// Takes a registration back by which nobody was woken.
    pub(crate) fn leave(&self, side: Side, key: Key) -> Slot<T> {
        self.state.lock().leave(side, key)
    }

    #[inline]
    fn registered(&self, side: Side, key: Key) -> Registered<'_, T> {
        Registered {
            chan: self,
            side,
            key,
        }
    }
}

/// Why a promise gave no message.
pub(crate) enum Unkept {
    Broken,
    TimedOut,
}

/// A place in a queue, that is left when dropped (W5).
struct Registered<'a, T> {
    chan: &'a Chan<T>,
    side: Side,
    key: Key,
}

impl<T> Registered<'_, T> {
    /// What there is for whoever was woken: out of line, for somebody has taken it.
    fn collect(self) -> Slot<T> {
        let Registered { chan, side, key } = *ManuallyDrop::new(self);
        chan.state.lock().collect(side, key)
    }

    /// What was brought.
    fn take_back(self) -> Slot<T> {
        let Registered { chan, side, key } = *ManuallyDrop::new(self);
        chan.leave(side, key)
    }
}

impl<T> Drop for Registered<'_, T> {
    fn drop(&mut self) {
        let brought = self.chan.leave(self.side, self.key);
        drop(brought);
    }
}

/// A promise, that is abandoned when dropped (W5).
struct Promise<'a, T> {
    chan: &'a Chan<T>,
    key: Key,
}

impl<T> Drop for Promise<'_, T> {
    fn drop(&mut self) {
        self.chan.state.lock().abandon(self.key);
    }
}
