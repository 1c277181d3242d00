//! The common case of waiting: look under a lock, register there, park, undo.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::ops::DerefMut;

use crate::hub::awaited::Awaited;
use crate::hub::begin::place;
use crate::hub::park::park;
use crate::util::biased::Biased;
use crate::util::deadline::Deadline;
use crate::util::primitive::Latch;
use crate::util::slot_list::Key;
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// State that is looked at under a lock, or on one thread only.
pub(crate) trait Guarded {
    type State;

    /// Nothing of the user's, and no wait, is done meanwhile (W6).
    fn hold(&self) -> impl DerefMut<Target = Self::State>;
}

impl<S> Guarded for Latch<S> {
    type State = S;

    #[inline]
    fn hold(&self) -> impl DerefMut<Target = S> {
        self.lock()
    }
}

impl<S> Guarded for Biased<S> {
    type State = S;

    #[inline]
    fn hold(&self) -> impl DerefMut<Target = S> {
        self.lock()
    }
}

impl<S> Guarded for RefCell<S> {
    type State = S;

    #[inline]
    fn hold(&self) -> impl DerefMut<Target = S> {
        self.borrow_mut()
    }
}

/// How a wait ended.
pub(crate) enum Waited<R, T> {
    /// There was no need to wait.
    Done(R),
    /// A notifier took the registration, and gave this token.
    Woken(Token),
    /// The deadline passed first; what was registered.
    TimedOut(T),
}

/// Looks whether there is need to wait. If so, registers what `look` says in a queue of the same state, and parks until a notifier takes
/// it from there, or until the deadline.
///
/// A kill or the end of an enclosing limit unwinds from here, with nothing left behind: what was registered is dropped.
#[inline(always)]
#[track_caller]
pub(crate) fn wait_on<G: Guarded, R, T>(
    state: &G,
    deadline: Deadline,
    awaited: &dyn Awaited,
    look: impl FnOnce(&mut G::State) -> Result<R, T>,
    queue: fn(&mut G::State) -> &mut WaitQueue<T>,
) -> Waited<R, T> {
    let place = place();
    let interrupted = place.is_interrupted();
    let mut held = state.hold();
    let said = match look(&mut held) {
        Ok(done) => return Waited::Done(done),
        Err(said) => said,
    };
    if interrupted {
        drop(held);
        drop(said);
        place.raise_pending();
    }
    let waiter = place.seat.parker.arm();
    let key = queue(&mut held).push(waiter, said);
    drop(held);
    let registration = Registration { state, queue, key };
    match park(&place, waiter, deadline, awaited) {
        Token::TIMED_OUT => Waited::TimedOut(registration.take_back()),
        token => {
            // Gone from the queue: its notifier has taken it.
            let _ = ManuallyDrop::new(registration);
            Waited::Woken(token)
        }
    }
}

/// An entry in a queue that leaves it when dropped (W5).
struct Registration<'a, G: Guarded, T> {
    state: &'a G,
    queue: fn(&mut G::State) -> &mut WaitQueue<T>,
    key: Key,
}

impl<G: Guarded, T> Registration<'_, G, T> {
    fn take_back(self) -> T {
        ManuallyDrop::new(self).leave()
    }

    fn leave(&self) -> T {
        (self.queue)(&mut self.state.hold()).leave(self.key)
    }
}

impl<G: Guarded, T> Drop for Registration<'_, G, T> {
    fn drop(&mut self) {
        drop(self.leave());
    }
}
