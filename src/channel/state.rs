//! A channel under its lock: what is in it, who waits, and what is handed from whom to whom.
//!
//! Everybody who waits has a slot in his entry in the queue. Whoever takes the entry out of line wakes its greenlet and
//! leaves in the slot what it is woken for; the woken one looks there. A slot that is as it was says: look again (the other end is gone).
//! What is on its way to a receiver of whom nobody had to wake is kept in such a slot as well.
//!
//! A select evaluates its message only when it is to be sent, so it waits without one, and sends in two steps: first it is granted something, and then it
//! completes that, or cancels it if it has no message after all.
//!
//! | arrives \ waits | sender, with a message | select that would send | receiver | select that would receive |
//! |---|---|---|---|---|
//! | **sender** | queues, if there is no room | queues, if there is no room | message into its slot | the same |
//! | **select that would send** | the same | the same | is granted its slot (`Meets`), which says `Promised`; with a buffer: `Room` | the same |
//! | **receiver** | takes the message, wakes it | wakes it with `Meets`, waits for the promise | queues | queues |
//! | **select that would receive** | the same, keeps it in a slot | the same | queues | queues |
//!
//! | granted | completed | cancelled |
//! |---|---|---|
//! | `Message`, to a receiving select | taken out | given to the next receiver, or put back to the front |
//! | `Room`, to a sending select: counted in `reserved` | sent as by any sender, which finds room | the next sender gets it |
//! | `Meets`, to a sending select: the slot of a receiver | message into the slot, receiver woken | slot empty, receiver woken: it looks again |
//!
//! A receiver that cannot wait for a promise, for it is killed or its time is up, marks its slot `Abandoned`: then the message goes to the next receiver, or
//! stays in the channel for the next that comes, even if the channel has no buffer.
//!
//! Who only watches waits to know that an operation is ready, and gets nothing: it is woken on the way to somebody who does.
//!
//! * **C4** Nobody waits to receive while there is a message in the buffer, nor to send while there is room.

use std::collections::VecDeque;
use std::mem;

use crate::channel::arm::{Claim, Ready, Side};
use crate::channel::error::TrySendError;
use crate::util::slot_list::Key;
use crate::wait::parker::{Token, Waiter};
use crate::wait::wait_queue::WaitQueue;

/// What an entry in a queue says to whoever takes it, and what that one leaves there.
struct Said<T> {
    token: Token,
    slot: Slot<T>,
}

/// What is handed from one side to the other.
pub(crate) enum Slot<T> {
    /// Of somebody who only watches.
    Watches,
    /// A receiver's that has nothing yet; a sender's whose message was taken; a select's that was granted nothing.
    Empty,
    /// A sender's to be taken; a receiver's to be found.
    Message(T),
    /// A sending select's: it was granted room.
    Room,
    /// A sending select's: it was granted the receiver with that slot.
    Meets(Key),
    /// A receiver's: a select will fill it, and then wake whoever waits there.
    Promised(Option<Waiter>),
    /// It was promised, and nobody waits any more.
    Abandoned,
}

/// What there is for somebody who receives.
pub(crate) enum Look<T> {
    Message(T),
    /// A message is in that slot, or a select is about to put one there.
    Slot(Key),
    Empty,
    Disconnected,
}

pub(crate) struct State<T> {
    capacity: usize,
    buffer: VecDeque<T>,
    /// How much of the room was granted to selects.
    reserved: usize,
    disconnected: bool,
    senders: WaitQueue<Said<T>>,
    receivers: WaitQueue<Said<T>>,
}

impl<T> State<T> {
    pub(crate) const fn new(capacity: usize) -> Self {
        State {
            capacity,
            buffer: VecDeque::new(),
            reserved: 0,
            disconnected: false,
            senders: WaitQueue::new(),
            receivers: WaitQueue::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        !self.has_room()
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.buffer.len() + self.reserved < self.capacity
    }

    /// Whether the first in line to receive does so, and not only watches.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        let first = self.receivers.first();
        first.is_some_and(|said| !matches!(said.slot, Slot::Watches))
    }

    /// Sends, if that can be done now.
    #[inline]
    pub(crate) fn offer(&mut self, message: T) -> Result<(), TrySendError<T>> {
        if self.disconnected {
            return Err(TrySendError::Disconnected(message));
        }
        if !self.receivers.is_empty()
            && let Some(receiver) = self.next(Side::Receivers)
        {
            *self.receiver(receiver) = Slot::Message(message);
            return Ok(());
        }
        if !self.has_room() {
            return Err(TrySendError::Full(message));
        }
        self.buffer.push_back(message);
        Ok(())
    }

    /// Receives, if that can be done now.
    #[inline]
    pub(crate) fn take(&mut self) -> Look<T> {
        if let Some(message) = self.buffer.pop_front() {
            if !self.senders.is_empty() {
                self.admit();
            }
            return Look::Message(message);
        }
        if !self.senders.is_empty()
            && let Some(sender) = self.next(Side::Senders)
        {
            return self.take_from(sender);
        }
        match self.disconnected {
            true => Look::Disconnected,
            false => Look::Empty,
        }
    }

    /// Receives from a sender that has just been woken.
    #[inline]
    fn take_from(&mut self, sender: Key) -> Look<T> {
        match mem::replace(self.sender(sender), Slot::Empty) {
            Slot::Message(message) => Look::Message(message),
            _ => {
                let promise = self.keep(Slot::Promised(None));
                *self.sender(sender) = Slot::Meets(promise);
                Look::Slot(promise)
            }
        }
    }

    /// Wakes the first on one side who can be woken, and all on the way who only watch. Where the first has its slot.
    #[inline]
    fn next(&mut self, side: Side) -> Option<Key> {
        let queue = self.queue(side);
        loop {
            let woken = queue.wake_keeping(|said| said.token)?;
            match queue.get_mut(woken).slot {
                Slot::Watches => drop(queue.remove(woken)),
                _ => return Some(woken),
            }
        }
    }

    #[inline]
    fn queue(&mut self, side: Side) -> &mut WaitQueue<Said<T>> {
        match side {
            Side::Senders => &mut self.senders,
            Side::Receivers => &mut self.receivers,
        }
    }

    #[inline]
    fn sender(&mut self, key: Key) -> &mut Slot<T> {
        &mut self.senders.get_mut(key).slot
    }

    #[inline]
    pub(crate) fn receiver(&mut self, key: Key) -> &mut Slot<T> {
        &mut self.receivers.get_mut(key).slot
    }

    /// A slot of a receiver who does not wait, or not yet.
    fn keep(&mut self, slot: Slot<T>) -> Key {
        let token = Token::READY;
        self.receivers.keep(Said { token, slot })
    }

    /// Takes out the slot of somebody who was woken.
    #[inline]
    pub(crate) fn collect(&mut self, side: Side, key: Key) -> Slot<T> {
        self.queue(side).remove(key).slot
    }

    /// There may be room: lets those in who wait to send (C4).
    fn admit(&mut self) {
        while self.has_room()
            && let Some(sender) = self.next(Side::Senders)
        {
            match mem::replace(self.sender(sender), Slot::Empty) {
                Slot::Message(message) => self.put(message),
                _ => {
                    *self.sender(sender) = Slot::Room;
                    self.reserved += 1;
                }
            }
        }
    }

    /// Gives a message to the first receiver, or puts it into the buffer, whether there is room or not.
    fn put(&mut self, message: T) {
        match self.next(Side::Receivers) {
            Some(receiver) => *self.receiver(receiver) = Slot::Message(message),
            None => self.buffer.push_back(message),
        }
    }

    /// As [`put`](Self::put), for one that was taken before all others.
    fn put_back(&mut self, message: T) {
        match self.next(Side::Receivers) {
            Some(receiver) => *self.receiver(receiver) = Slot::Message(message),
            None => self.buffer.push_front(message),
        }
    }

    /// Grants a select to send, if that can be done now.
    pub(crate) fn claim_send(&mut self) -> Option<Claim> {
        if self.disconnected {
            return Some(Claim::Disconnected);
        }
        if self.has_room() {
            self.reserved += 1;
            return Some(Claim::Room);
        }
        if self.capacity > 0 {
            return None;
        }
        let receiver = self.next(Side::Receivers)?;
        *self.receiver(receiver) = Slot::Promised(None);
        Some(Claim::Meets(receiver))
    }

    /// Grants a select what there is to receive.
    pub(crate) fn claim_recv(&mut self) -> Option<Claim> {
        match self.take() {
            Look::Message(message) => Some(Claim::Message(self.keep(Slot::Message(message)))),
            Look::Slot(slot) => Some(Claim::Promise(slot)),
            Look::Empty => None,
            Look::Disconnected => Some(Claim::Disconnected),
        }
    }

    /// Sends what a select was granted to send; gives it back if every receiver is gone.
    pub(crate) fn complete_send(&mut self, claim: Claim, message: T) -> Result<(), T> {
        match claim {
            Claim::Room => self.reserved -= 1,
            Claim::Meets(receiver) => {
                let slot = self.receiver(receiver);
                if let Slot::Promised(waiter) = *slot {
                    *slot = Slot::Message(message);
                    Self::wake(waiter);
                    return Ok(());
                }
                self.receivers.remove(receiver);
            }
            _ => {}
        }
        if self.disconnected {
            return Err(message);
        }
        self.put(message);
        Ok(())
    }

    /// Ends the wait for a promise. If something else has ended it, that one looks at its slot as well.
    fn wake(waiter: Option<Waiter>) {
        if let Some(waiter) = waiter {
            let _ = waiter.unpark(Token::READY);
        }
    }

    /// Undoes what a select was granted.
    pub(crate) fn cancel(&mut self, claim: Claim) {
        match claim {
            Claim::Message(slot) | Claim::Promise(slot) => self.abandon(slot),
            Claim::Room => {
                self.reserved -= 1;
                self.admit();
            }
            Claim::Meets(receiver) => {
                let slot = self.receiver(receiver);
                if let Slot::Promised(waiter) = *slot {
                    *slot = Slot::Empty;
                    Self::wake(waiter);
                } else {
                    self.receivers.remove(receiver);
                }
            }
            Claim::Tick(_) | Claim::Disconnected => {}
        }
    }

    /// A receiver will not come back for what its slot has, or will have.
    pub(crate) fn abandon(&mut self, receiver: Key) {
        let slot = self.receiver(receiver);
        if let Slot::Promised(_) = slot {
            *slot = Slot::Abandoned;
        } else if let Slot::Message(message) = self.collect(Side::Receivers, receiver) {
            self.put_back(message);
        }
    }

    /// Whether a select could be granted that side's operation. With its `own` registrations on the other side there is nothing to be done.
    pub(crate) fn is_ready(&self, side: Side, own: Option<Waiter>) -> bool {
        let by_itself = match side {
            Side::Senders => self.has_room(),
            Side::Receivers => !self.buffer.is_empty(),
        };
        if by_itself || self.disconnected {
            return true;
        }
        match side {
            Side::Senders => self.capacity == 0 && self.receivers.has_other_than(own),
            Side::Receivers => self.senders.has_other_than(own),
        }
    }

    /// Registers somebody who waits, with what he brings.
    #[inline]
    pub(crate) fn wait(&mut self, side: Side, waiter: Waiter, slot: Slot<T>) -> Key {
        let token = Token::READY;
        self.queue(side).push(waiter, Said { token, slot })
    }

    /// As [`wait`](Self::wait) for a select, unless there is no need.
    pub(crate) fn register(
        &mut self,
        side: Side,
        waiter: Waiter,
        token: Token,
        watches: bool,
    ) -> Result<Key, Ready> {
        if self.is_ready(side, Some(waiter)) {
            return Err(Ready);
        }
        let slot = match watches {
            true => Slot::Watches,
            false => Slot::Empty,
        };
        Ok(self.queue(side).push_shared(waiter, Said { token, slot }))
    }

    /// Takes a registration back by which nobody was woken; what was brought.
    pub(crate) fn leave(&mut self, side: Side, key: Key) -> Slot<T> {
        self.queue(side).leave(key).slot
    }

    /// What a select was woken for.
    pub(crate) fn won(&mut self, side: Side, key: Key) -> Option<Claim> {
        let claim = match self.queue(side).get_mut(key).slot {
            Slot::Message(_) => return Some(Claim::Message(key)),
            Slot::Promised(_) => return Some(Claim::Promise(key)),
            Slot::Room => Some(Claim::Room),
            Slot::Meets(receiver) => Some(Claim::Meets(receiver)),
            Slot::Watches | Slot::Empty | Slot::Abandoned => None,
        };
        self.queue(side).remove(key);
        claim
    }

    /// One end is gone: tells everybody at the other. The messages that nobody will receive.
    pub(crate) fn disconnect(&mut self, gone: Side) -> VecDeque<T> {
        self.disconnected = true;
        match gone {
            Side::Senders => {
                while self.next(Side::Receivers).is_some() {}
                VecDeque::new()
            }
            Side::Receivers => {
                while self.next(Side::Senders).is_some() {}
                mem::take(&mut self.buffer)
            }
        }
    }
}
