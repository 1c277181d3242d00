//! A channel under its lock: what is in it, who waits, and what is handed from whom to whom.
//!
//! Everybody who waits has a slot beside the entry in the queue. Whoever takes the entry wakes its greenlet and
//! leaves in the slot what it is woken for; the woken one looks there. A slot that is as it was says: look again (the other end is gone).
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
//! Who waits only to know that an operation is ready has no slot: it is woken on the way to somebody who has one.
//!
//! * **C4** Nobody waits to receive while there is a message in the buffer, nor to send while there is room.

use std::collections::VecDeque;
use std::mem;

use slab::Slab;

use crate::channel::arm::{Claim, Ready, Side, Wait};
use crate::channel::error::TrySendError;
use crate::wait::parker::{Token, Waiter};
use crate::wait::wait_queue::WaitQueue;

/// What an entry in a queue says to whoever takes it.
struct Said {
    token: Token,
    /// `None` if it only watches.
    slot: Option<usize>,
}

/// What is handed from one side to the other.
pub(crate) enum Slot<T> {
    /// A receiver's that has nothing yet; a sender's whose message was taken; a select's that was granted nothing.
    Empty,
    /// A sender's to be taken; a receiver's to be found.
    Message(T),
    /// A sending select's: it was granted room.
    Room,
    /// A sending select's: it was granted the receiver with that slot.
    Meets(usize),
    /// A receiver's: a select will fill it, and then wake whoever waits there.
    Promised(Option<Waiter>),
    /// It was promised, and nobody waits any more.
    Abandoned,
}

/// What there is for somebody who receives.
pub(crate) enum Look<T> {
    Message(T),
    /// A select is about to put a message into that slot.
    Promise(usize),
    Empty,
    Disconnected,
}

pub(crate) struct State<T> {
    capacity: usize,
    buffer: VecDeque<T>,
    /// How much of the room was granted to selects.
    reserved: usize,
    disconnected: bool,
    senders: WaitQueue<Said>,
    receivers: WaitQueue<Said>,
    pub(crate) slots: Slab<Slot<T>>,
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
            slots: Slab::new(),
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

    /// Sends, if that can be done now.
    #[inline]
    pub(crate) fn offer(&mut self, message: T) -> Result<(), TrySendError<T>> {
        if self.disconnected {
            return Err(TrySendError::Disconnected(message));
        }
        if !self.receivers.is_empty()
            && let Some(slot) = self.next(Side::Receivers)
        {
            self.slots[slot] = Slot::Message(message);
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
            && let Some(slot) = self.next(Side::Senders)
        {
            return self.take_from(slot);
        }
        match self.disconnected {
            true => Look::Disconnected,
            false => Look::Empty,
        }
    }

    /// Receives from a sender that has just been woken.
    #[inline]
    fn take_from(&mut self, sender: usize) -> Look<T> {
        match mem::replace(&mut self.slots[sender], Slot::Empty) {
            Slot::Message(message) => Look::Message(message),
            _ => {
                let promise = self.slots.insert(Slot::Promised(None));
                self.slots[sender] = Slot::Meets(promise);
                Look::Promise(promise)
            }
        }
    }

    /// Wakes the first on one side who can be woken, and all on the way who only watch. The slot of the first.
    #[inline]
    fn next(&mut self, side: Side) -> Option<usize> {
        loop {
            let said = self.queue(side).wake_one_with(|said| said.token)?;
            if said.slot.is_some() {
                return said.slot;
            }
        }
    }

    #[inline]
    fn queue(&mut self, side: Side) -> &mut WaitQueue<Said> {
        match side {
            Side::Senders => &mut self.senders,
            Side::Receivers => &mut self.receivers,
        }
    }

    /// There may be room: lets those in who wait to send (C4).
    fn admit(&mut self) {
        while self.has_room()
            && let Some(slot) = self.next(Side::Senders)
        {
            match mem::replace(&mut self.slots[slot], Slot::Empty) {
                Slot::Message(message) => self.put(message),
                _ => {
                    self.slots[slot] = Slot::Room;
                    self.reserved += 1;
                }
            }
        }
    }

    /// Gives a message to the first receiver, or puts it into the buffer, whether there is room or not.
    fn put(&mut self, message: T) {
        match self.next(Side::Receivers) {
            Some(slot) => self.slots[slot] = Slot::Message(message),
            None => self.buffer.push_back(message),
        }
    }

    /// As [`put`](Self::put), for one that was taken before all others.
    fn put_back(&mut self, message: T) {
        match self.next(Side::Receivers) {
            Some(slot) => self.slots[slot] = Slot::Message(message),
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
        let slot = self.next(Side::Receivers)?;
        self.slots[slot] = Slot::Promised(None);
        Some(Claim::Meets(slot))
    }

    /// Grants a select what there is to receive.
    pub(crate) fn claim_recv(&mut self) -> Option<Claim> {
        match self.take() {
            Look::Message(message) => {
                Some(Claim::Message(self.slots.insert(Slot::Message(message))))
            }
            Look::Promise(slot) => Some(Claim::Promise(slot)),
            Look::Empty => None,
            Look::Disconnected => Some(Claim::Disconnected),
        }
    }

    /// Sends what a select was granted to send; gives it back if every receiver is gone.
    pub(crate) fn complete_send(&mut self, claim: Claim, message: T) -> Result<(), T> {
        match claim {
            Claim::Room => self.reserved -= 1,
            Claim::Meets(slot) => {
                if let Slot::Promised(waiter) = self.slots[slot] {
                    self.slots[slot] = Slot::Message(message);
                    Self::wake(waiter);
                    return Ok(());
                }
                self.slots.remove(slot);
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
            Claim::Meets(slot) => match self.slots[slot] {
                Slot::Promised(waiter) => {
                    self.slots[slot] = Slot::Empty;
                    Self::wake(waiter);
                }
                _ => drop(self.slots.remove(slot)),
            },
            Claim::Tick(_) | Claim::Disconnected => {}
        }
    }

    /// A receiver will not come back for what its slot has, or will have.
    pub(crate) fn abandon(&mut self, slot: usize) {
        if let Slot::Promised(_) = self.slots[slot] {
            self.slots[slot] = Slot::Abandoned;
        } else if let Slot::Message(message) = self.slots.remove(slot) {
            self.put_back(message);
        }
    }

    /// Whether a select could be granted that side's operation. `mine` counts its own registrations on the other side.
    pub(crate) fn is_ready(&mut self, side: Side, mine: &dyn Fn() -> usize) -> bool {
        let by_itself = match side {
            Side::Senders => self.has_room(),
            Side::Receivers => !self.buffer.is_empty(),
        };
        if by_itself || self.disconnected {
            return true;
        }
        let (others, count) = match side {
            Side::Senders if self.capacity > 0 => return false,
            Side::Senders => (&self.receivers, self.receivers.len()),
            Side::Receivers => (&self.senders, self.senders.len()),
        };
        !others.is_empty() && count > mine()
    }

    /// Registers somebody who waits, with what he brings; or with nothing, if he only watches.
    #[inline]
    pub(crate) fn wait(
        &mut self,
        side: Side,
        waiter: Waiter,
        token: Token,
        brings: Option<Slot<T>>,
    ) -> Wait {
        let slot = brings.map(|brings| self.slots.insert(brings));
        let key = self.queue(side).push(waiter, Said { token, slot });
        Wait { key, slot }
    }

    /// As [`wait`](Self::wait) for a select, unless there is no need.
    pub(crate) fn register(
        &mut self,
        side: Side,
        (waiter, token): (Waiter, Token),
        watches: bool,
        mine: &dyn Fn() -> usize,
    ) -> Result<Wait, Ready> {
        match self.is_ready(side, mine) {
            true => Err(Ready),
            false => Ok(self.wait(side, waiter, token, (!watches).then_some(Slot::Empty))),
        }
    }

    /// Takes a registration back by which nobody was woken; what was brought.
    pub(crate) fn leave(&mut self, side: Side, wait: Wait) -> Option<Slot<T>> {
        self.queue(side).leave(wait.key);
        wait.slot.map(|slot| self.slots.remove(slot))
    }

    /// What a select was woken for.
    pub(crate) fn won(&mut self, wait: Wait) -> Option<Claim> {
        let slot = wait.slot?;
        let claim = match self.slots[slot] {
            Slot::Message(_) => return Some(Claim::Message(slot)),
            Slot::Promised(_) => return Some(Claim::Promise(slot)),
            Slot::Room => Some(Claim::Room),
            Slot::Meets(receiver) => Some(Claim::Meets(receiver)),
            Slot::Empty | Slot::Abandoned => None,
        };
        self.slots.remove(slot);
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
