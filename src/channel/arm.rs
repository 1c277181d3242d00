//! What a select is made of: one operation that may be done.
//!
//! A select goes: [claim](Arm::claim) the first arm that is ready; if none is, [register](Arm::register) one ticket with all, and park.
//! Whoever ends the wait has claimed an arm for it, which is [won](Arm::won), and the others are [left](Arm::leave).
//! What was claimed is then completed by the end it belongs to, or [cancelled](Arm::cancel).

use std::time::Instant;

use crate::util::deadline::Deadline;
use crate::util::slot_list::Key;
use crate::wait::parker::{Token, Waiter};

/// The two ends of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Senders,
    Receivers,
}

/// What a select was granted. It has to complete it, or to give it back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Claim {
    /// The message in that slot.
    Message(Key),
    /// The message that another select is about to put into that slot.
    Promise(Key),
    /// What a timer gives.
    Tick(Instant),
    /// Room for a message.
    Room,
    /// A receiver, who waits at that slot for a message.
    Meets(Key),
    /// To be told that the other end is gone.
    Disconnected,
}

/// There is no need to wait.
#[derive(Debug)]
pub(crate) struct Ready;

/// One operation that may be done.
pub(crate) trait Arm {
    /// Claims the operation if it can be done. To be called with nothing registered.
    fn claim(&self) -> Option<Claim>;

    /// Whether it could be claimed.
    fn is_ready(&self) -> bool;

    /// When it can be claimed without anybody's doing.
    fn due(&self) -> Option<Instant>;

    /// Has `waiter` woken with `token` when the operation is claimed for it; or if it `watches`, when it could be. `None` if there is no
    /// queue.
    fn register(&self, waiter: Waiter, token: Token, watches: bool) -> Result<Option<Key>, Ready>;

    /// Takes a registration back by which nobody was woken.
    fn leave(&self, key: Key);

    /// What was claimed by whoever woke the select by this registration; `None` if it has to look again.
    fn won(&self, key: Key) -> Option<Claim>;

    /// Waits until a promise is kept; `None` if it was broken, or the deadline came first.
    fn settle(&self, claim: Claim, deadline: Deadline) -> Option<Claim>;

    /// Undoes what was claimed.
    fn cancel(&self, claim: Claim);
}
