//! Waiting for the first of several operations.
//!
//! Nothing is done, and nothing registered, while an operation is ready: they are looked at in an order drawn anew each time, and the first one that is ready is claimed.
//! Otherwise one ticket is registered with all of them, in the same order; if one turns out to be ready on the way, the select wakes itself and looks again from the start.

use std::cell::Cell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr;
use std::time::{Duration, Instant};

use crate::channel::arm::{Arm, Claim, Ready};
use crate::channel::error::{
    ReadyTimeoutError, RecvError, SelectTimeoutError, SendError, TryReadyError, TrySelectError,
};
use crate::channel::receiver::Receiver;
use crate::channel::sender::Sender;
use crate::channel::timer::earlier;
use crate::hub::awaited::Plain;
use crate::hub::begin::place;
use crate::hub::park::park;
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::util::primitive::thread_local;
use crate::util::slot_list::Key;
use crate::wait::parker::{Token, Waiter};

/// Look again.
const RETRY: Token = Token(Token::INTERRUPTED.0 - 1);

const FIRST: Plain = Plain("the first of the operations of a select");

/// An operation of a select, and its registration while it waits.
#[derive(Clone)]
pub(crate) struct Operation<'a> {
    arm: &'a dyn Arm,
    index: usize,
    wait: Option<Key>,
}

impl<'a> Operation<'a> {
    pub(crate) fn new(arm: &'a dyn Arm, index: usize) -> Self {
        Operation {
            arm,
            index,
            wait: None,
        }
    }
}

/// How long a select waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    None,
    Until(Deadline),
}

impl Patience {
    pub(crate) fn limit(limit: Duration) -> Self {
        Patience::Until(Deadline::after(clock::now(), limit))
    }
}

/// What is looked for: an operation to be claimed, or one that is ready.
trait Search<'a> {
    type Found;
    const WATCHES: bool;

    /// An operation that can be done now.
    fn look(operation: &Operation<'a>, deadline: Deadline) -> Option<Self::Found>;

    /// The operation by whose registration the select was woken.
    fn woken(operation: &Operation<'a>, wait: Key, deadline: Deadline) -> Option<Self::Found>;
}

struct ToClaim;

impl<'a> Search<'a> for ToClaim {
    type Found = SelectedOperation<'a>;
    const WATCHES: bool = false;

    #[track_caller]
    fn look(operation: &Operation<'a>, deadline: Deadline) -> Option<SelectedOperation<'a>> {
        let claim = operation.arm.claim()?;
        settled(operation, claim, deadline)
    }

    #[track_caller]
    fn woken(
        operation: &Operation<'a>,
        wait: Key,
        deadline: Deadline,
    ) -> Option<SelectedOperation<'a>> {
        let claim = operation.arm.won(wait)?;
        settled(operation, claim, deadline)
    }
}

#[track_caller]
fn settled<'a>(
    operation: &Operation<'a>,
    claim: Claim,
    deadline: Deadline,
) -> Option<SelectedOperation<'a>> {
    let claim = match claim {
        Claim::Promise(_) => operation.arm.settle(claim, deadline)?,
        claim => claim,
    };
    Some(SelectedOperation {
        arm: operation.arm,
        index: operation.index,
        claim,
    })
}

struct ToWatch;

impl<'a> Search<'a> for ToWatch {
    type Found = usize;
    const WATCHES: bool = true;

    fn look(operation: &Operation<'a>, _deadline: Deadline) -> Option<usize> {
        operation.arm.is_ready().then_some(operation.index)
    }

    fn woken(operation: &Operation<'a>, _wait: Key, _deadline: Deadline) -> Option<usize> {
        Some(operation.index)
    }
}

/// Selects among `operations`; `None` if the patience is at its end.
#[track_caller]
pub(crate) fn select<'a>(
    operations: &mut [Operation<'a>],
    fair: bool,
    patience: Patience,
) -> Option<SelectedOperation<'a>> {
    search::<ToClaim>(operations, fair, patience)
}

#[track_caller]
fn search<'a, S: Search<'a>>(
    operations: &mut [Operation<'a>],
    fair: bool,
    patience: Patience,
) -> Option<S::Found> {
    let deadline = match patience {
        Patience::None => Deadline::Never,
        Patience::Until(deadline) => deadline,
    };
    loop {
        let found = look::<S>(operations, fair, deadline);
        if found.is_some() || patience == Patience::None {
            return found;
        }
        match wait::<S>(operations, deadline) {
            Ok(found) => return Some(found),
            Err(Token::TIMED_OUT) if deadline.has_passed(clock::now()) => {
                return look::<S>(operations, fair, deadline);
            }
            Err(_) => {}
        }
    }
}

/// The first that can be done now; if it is to be `fair`, each of those that can be is as likely.
#[track_caller]
fn look<'a, S: Search<'a>>(
    operations: &mut [Operation<'a>],
    fair: bool,
    deadline: Deadline,
) -> Option<S::Found> {
    for at in 0..operations.len() {
        if fair {
            // A shuffle that ends where the search does.
            operations.swap(at, at + draw(operations.len() - at));
        }
        let found = S::look(&operations[at], deadline);
        if found.is_some() {
            return found;
        }
    }
    None
}

thread_local! {
    static DRAWN: Cell<u64> = const { Cell::new(1) };
}

/// A number below `count`: the upper bits of a linear congruential generator.
fn draw(count: usize) -> usize {
    if count == 1 {
        return 0;
    }
    let next = DRAWN
        .get()
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    DRAWN.set(next);
    (((next >> 32) * count as u64) >> 32) as usize
}

/// Waits until one can be done; otherwise the token says why there is nothing.
#[track_caller]
fn wait<'a, S: Search<'a>>(
    operations: &mut [Operation<'a>],
    deadline: Deadline,
) -> Result<S::Found, Token> {
    let place = place();
    place.check();
    let mut registered = Registered { operations };
    let waiter = place.seat.parker.arm();
    let token = match registered.register(waiter, S::WATCHES) {
        Ok(due) => park(&place, waiter, earlier(deadline, due), &FIRST),
        Err(Ready) => {
            // Somebody may have been faster: that counts.
            let _ = waiter.unpark(RETRY);
            park(&place, waiter, Deadline::Never, &FIRST)
        }
    };
    if token == RETRY || token == Token::TIMED_OUT {
        return Err(token);
    }
    let won = registered.operations[token.0].wait.take();
    registered.leave();
    let wait = won.expect("whoever woke it took a registration");
    S::woken(&registered.operations[token.0], wait, deadline).ok_or(token)
}

/// Registrations, that are undone when dropped (W5).
struct Registered<'s, 'a> {
    operations: &'s mut [Operation<'a>],
}

impl Registered<'_, '_> {
    /// Registers with all; when one is ready by itself.
    fn register(&mut self, waiter: Waiter, watches: bool) -> Result<Deadline, Ready> {
        let mut due = Deadline::Never;
        for at in 0..self.operations.len() {
            let arm = self.operations[at].arm;
            if let Some(at) = arm.due() {
                due = earlier(due, Deadline::At(at));
            }
            self.operations[at].wait = arm.register(waiter, Token(at), watches)?;
        }
        Ok(due)
    }

    fn leave(&mut self) {
        for operation in &mut *self.operations {
            if let Some(wait) = operation.wait.take() {
                operation.arm.leave(wait);
            }
        }
    }
}

impl Drop for Registered<'_, '_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Several operations on channels, of which one is to be done: what [`select!`](crate::channel::select!) is made of, for when they are not known in advance.
///
/// If several are ready, an arbitrary one is chosen, by pseudo-random numbers, each as likely as the others: none is starved. While none is, the greenlet waits for all at once; the first that
/// can be done then is the one. Operations on disconnected channels are ready, and say so.
///
/// ```
/// use greenlet::channel::{Select, unbounded};
///
/// let channels: Vec<_> = (0..3).map(|_| unbounded()).collect();
/// channels[1].0.send("here").unwrap();
/// let mut select = Select::new();
/// for (_, receiver) in &channels {
///     select.recv(receiver);
/// }
/// let operation = select.select();
/// let index = operation.index();
/// assert_eq!((index, operation.recv(&channels[index].1)), (1, Ok("here")));
/// ```
///
/// Selecting again with the same `Select` costs no allocation. It stays on its thread.
#[derive(Clone, Default)]
pub struct Select<'a> {
    operations: Vec<Operation<'a>>,
    added: usize,
    biased: bool,
}

impl<'a> Select<'a> {
    /// Without operations.
    pub const fn new() -> Self {
        Select {
            operations: Vec::new(),
            added: 0,
            biased: false,
        }
    }

    /// As [`new`](Self::new), but of several that are ready the one added first is chosen.
    pub const fn new_biased() -> Self {
        Select {
            operations: Vec::new(),
            added: 0,
            biased: true,
        }
    }

    /// Adds an operation; its index: they are counted from zero.
    pub fn send<T>(&mut self, sender: &'a Sender<T>) -> usize {
        self.add(sender)
    }

    /// Adds an operation; its index: they are counted from zero.
    pub fn recv<T>(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.add(receiver)
    }

    fn add(&mut self, arm: &'a dyn Arm) -> usize {
        let index = self.added;
        self.added += 1;
        self.operations.push(Operation::new(arm, index));
        index
    }

    /// Removes the operation of that index, for example because its channel is disconnected. The others keep their indices.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn remove(&mut self, index: usize) {
        let found = self.operations.iter().position(|o| o.index == index);
        self.operations
            .remove(found.expect("no operation with this index"));
    }

    /// Waits until one of the operations can be done, and claims it: it has to be completed.
    ///
    /// Switches only if none can be done now. A kill, or the end of an enclosing limit, ends the wait, and nothing is done.
    ///
    /// # Panics
    ///
    /// If there are no operations.
    #[track_caller]
    pub fn select(&mut self) -> SelectedOperation<'a> {
        assert!(
            !self.operations.is_empty(),
            "no operations have been added to `Select`"
        );
        let selected = self.claim(Patience::Until(Deadline::Never));
        selected.expect("there is no deadline")
    }

    /// Claims one that can be done now. Switches only where [`Receiver::try_recv`] does.
    ///
    /// # Errors
    ///
    /// If there is none.
    #[track_caller]
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.claim(Patience::None).ok_or(TrySelectError)
    }

    /// As [`select`](Self::select), for so long at most.
    ///
    /// # Errors
    ///
    /// If the time is up.
    #[track_caller]
    pub fn select_timeout(
        &mut self,
        limit: Duration,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.claim(Patience::limit(limit)).ok_or(SelectTimeoutError)
    }

    /// As [`select`](Self::select), until that moment at most.
    ///
    /// # Errors
    ///
    /// If the time is up.
    #[track_caller]
    pub fn select_deadline(
        &mut self,
        moment: Instant,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.claim(Patience::Until(Deadline::At(moment)))
            .ok_or(SelectTimeoutError)
    }

    #[track_caller]
    fn claim(&mut self, patience: Patience) -> Option<SelectedOperation<'a>> {
        search::<ToClaim>(&mut self.operations, !self.biased, patience)
    }

    /// Waits until one of the operations could be done, and does nothing; its index. Somebody else may be faster to do it: look, and try again.
    ///
    /// Switches only if none could be done now.
    ///
    /// # Panics
    ///
    /// If there are no operations.
    #[track_caller]
    pub fn ready(&mut self) -> usize {
        assert!(
            !self.operations.is_empty(),
            "no operations have been added to `Select`"
        );
        let index = self.watch(Patience::Until(Deadline::Never));
        index.expect("there is no deadline")
    }

    /// The index of one that could be done now. Never switches.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        self.watch(Patience::None).ok_or(TryReadyError)
    }

    /// As [`ready`](Self::ready), for so long at most.
    ///
    /// # Errors
    ///
    /// If the time is up.
    #[track_caller]
    pub fn ready_timeout(&mut self, limit: Duration) -> Result<usize, ReadyTimeoutError> {
        self.watch(Patience::limit(limit)).ok_or(ReadyTimeoutError)
    }

    #[track_caller]
    fn watch(&mut self, patience: Patience) -> Option<usize> {
        search::<ToWatch>(&mut self.operations, !self.biased, patience)
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Select { .. }")
    }
}

/// An operation that a select has chosen, and that has to be completed, by the end that was selected.
///
/// It is claimed: nobody else gets the message, or the room. If it is dropped that is undone.
#[must_use = "it is undone when this is dropped"]
pub struct SelectedOperation<'a> {
    arm: &'a dyn Arm,
    index: usize,
    claim: Claim,
}

impl SelectedOperation<'_> {
    /// Which operation it is.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Completes it by sending. Never switches.
    ///
    /// # Errors
    ///
    /// The message, if every receiver is gone.
    ///
    /// # Panics
    ///
    /// If it is not this sender that was selected.
    #[track_caller]
    pub fn send<T>(self, sender: &Sender<T>, message: T) -> Result<(), SendError<T>> {
        assert!(
            ptr::addr_eq(self.arm, sender),
            "passed a sender that wasn't selected"
        );
        sender.complete(ManuallyDrop::new(self).claim, message)
    }

    /// Completes it by receiving. Never switches.
    ///
    /// # Errors
    ///
    /// If the channel is empty, and every sender is gone.
    ///
    /// # Panics
    ///
    /// If it is not this receiver that was selected.
    #[track_caller]
    pub fn recv<T>(self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        assert!(
            ptr::addr_eq(self.arm, receiver),
            "passed a receiver that wasn't selected"
        );
        receiver.complete(ManuallyDrop::new(self).claim)
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        self.arm.cancel(self.claim);
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SelectedOperation { .. }")
    }
}
