//! The common case of waiting: look under a lock, register there, park, undo.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

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

    /// Nothing of the user's, and no wait, is in `f` (W6).
    fn with<R>(&self, f: impl FnOnce(&mut Self::State) -> R) -> R;
}

impl<S> Guarded for Latch<S> {
    type State = S;

    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        f(&mut self.lock())
    }
}

impl<S> Guarded for Biased<S> {
    type State = S;

    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        f(&mut self.lock())
    }
}

impl<S> Guarded for RefCell<S> {
    type State = S;

    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        f(&mut self.borrow_mut())
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
    let step = state.with(|state| match look(state) {
        Ok(done) => Step::Done(done),
        Err(said) if interrupted => Step::Interrupted(said),
        Err(said) => {
            let waiter = place.seat.parker.arm();
            Step::Registered(waiter, queue(state).push(waiter, said))
        }
    });
    let (waiter, key) = match step {
        Step::Done(done) => return Waited::Done(done),
        Step::Interrupted(said) => {
            drop(said);
            place.raise_pending();
        }
        Step::Registered(waiter, key) => (waiter, key),
    };
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

enum Step<W, R, T> {
    Done(R),
    Interrupted(T),
    Registered(W, Key),
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
        self.state.with(|state| (self.queue)(state).leave(self.key))
    }
}

impl<G: Guarded, T> Drop for Registration<'_, G, T> {
    fn drop(&mut self) {
        drop(self.leave());
    }
}
