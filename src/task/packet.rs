//! Where the result of a spawned greenlet waits for whoever joins it.

use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::ptr;
use std::thread;

use crate::greenlet::annex::Annexed;
use crate::greenlet::block::AnyGreenlet;
use crate::greenlet::thread::here;
use crate::greenlet::unwind::Payload;
use crate::hub::awaited::{Awaited, Holder};
use crate::hub::begin::place;
use crate::hub::park::park;
use crate::task::joiners::{Joiners, Place};
use crate::util::deadline::Deadline;
use crate::wait::parker::{Token, Waiter};

/// How a spawned greenlet ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Its function returned.
    Returned,
    /// A panic escaped its function.
    Panicked,
    /// It was killed: it died of a [`GreenletExit`](crate::GreenletExit), or of what was
    /// [thrown](crate::JoinHandle::throw) at it, or it never ran.
    Killed,
}

/// Something to be called at the end, and who asked for it.
pub(crate) struct OnExit {
    pub(crate) f: Box<dyn FnOnce(Outcome)>,
    pub(crate) at: &'static Location<'static>,
}

/// Shared by a spawned greenlet and its handle: lies beside the control block. Counts as a name of the greenlet.
pub(crate) struct Packet<T>(Annexed<Shared<T>>);

/// What they share.
pub(crate) struct Shared<T>(RefCell<State<T>>);

struct State<T> {
    end: End<T>,
    on_exit: Option<Box<Calls>>,
    joiners: Joiners,
}

/// What became of a spawned greenlet.
enum End<T> {
    /// It has not ended. Nobody will take the result of one that is detached.
    ToCome {
        detached: bool,
    },
    Returned(T),
    Failed(Outcome, Payload),
    /// The result was taken.
    Taken(Outcome),
}

/// Whom to call on exit. Few ask for it, so it is made for the first.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) in_order: Vec<OnExit>,
}

/// What has to be done at an end.
pub(crate) struct Left<T> {
    /// Whoever is to be called, and was not asked to before.
    pub(crate) on_exit: Option<Box<Calls>>,
    /// The result, if nobody will take it.
    pub(crate) unwanted: Option<thread::Result<T>>,
}

impl<T> Shared<T> {
    #[inline]
    pub(crate) fn new() -> Self {
        Shared(RefCell::new(State {
            end: End::ToCome { detached: false },
            on_exit: None,
            joiners: Joiners::default(),
        }))
    }
}

impl<T> Drop for Shared<T> {
    /// Frees memory, and nothing of the user's (N1).
    fn drop(&mut self) {
        let state = self.0.get_mut();
        debug_assert!(!matches!(state.end, End::Returned(_) | End::Failed(..)));
        debug_assert!(state.on_exit.is_none());
    }
}

impl<T> End<T> {
    /// Takes the result, if it is there.
    #[inline]
    fn take(&mut self) -> Option<thread::Result<T>> {
        let outcome = match self {
            End::Returned(_) => Outcome::Returned,
            End::Failed(outcome, _) => *outcome,
            End::ToCome { .. } | End::Taken(_) => return None,
        };
        match mem::replace(self, End::Taken(outcome)) {
            End::Returned(value) => Some(Ok(value)),
            End::Failed(_, payload) => Some(Err(payload)),
            End::ToCome { .. } | End::Taken(_) => None,
        }
    }
}

impl<T> Packet<T> {
    #[inline]
    pub(crate) fn new(shared: Annexed<Shared<T>>) -> Self {
        Packet(shared)
    }

    /// Whose end this is about.
    #[inline]
    pub(crate) fn greenlet(&self) -> &AnyGreenlet {
        self.0.greenlet()
    }

    fn state(&self) -> &RefCell<State<T>> {
        &self.0.0
    }

    #[inline]
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match self.state().borrow().end {
            End::ToCome { .. } => None,
            End::Returned(_) => Some(Outcome::Returned),
            End::Failed(outcome, _) | End::Taken(outcome) => Some(outcome),
        }
    }

    /// Puts the result down. It is the first, and of `Returned` if it is one.
    #[inline]
    pub(crate) fn complete(&self, outcome: Outcome, result: thread::Result<T>) -> Left<T> {
        let mut state = self.state().borrow_mut();
        let detached = matches!(state.end, End::ToCome { detached: true });
        let (end, unwanted) = match result {
            result if detached => (End::Taken(outcome), Some(result)),
            Ok(value) => (End::Returned(value), None),
            Err(payload) => (End::Failed(outcome, payload), None),
        };
        state.end = end;
        Left {
            on_exit: state.on_exit.take(),
            unwanted,
        }
    }

    /// Makes all who wait for the end runnable.
    #[inline]
    pub(crate) fn wake_joiners(&self, run: impl FnOnce(usize)) {
        self.state().borrow_mut().joiners.wake_all(run);
    }

    /// Has `f` called with the outcome; gives it back if that is there already.
    pub(crate) fn when_it_ends(&self, f: OnExit) -> Result<(), (Outcome, OnExit)> {
        if let Some(outcome) = self.outcome() {
            return Err((outcome, f));
        }
        let mut state = self.state().borrow_mut();
        state.on_exit.get_or_insert_default().in_order.push(f);
        Ok(())
    }

    /// Waits for the end; false if the deadline comes first.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn wait(&self, deadline: Deadline) -> bool {
        if self.outcome().is_some() {
            return true;
        }
        self.refuse_itself();
        let place = place();
        place.check();
        let waiter = place.seat.parker.arm();
        let joiner = self.register(waiter, Token::READY);
        let woken = park(&place, waiter, deadline, self) != Token::TIMED_OUT;
        if woken {
            joiner.was_woken();
        }
        woken
    }

    #[inline]
    #[track_caller]
    pub(crate) fn refuse_itself(&self) {
        assert!(
            !ptr::eq(self.greenlet().block(), here().running()),
            "greenlet {} waits for its own end",
            self.greenlet().block().label()
        );
    }

    /// Registers a ticket that only this thread has, to be woken with `token` at the end, which has not come yet.
    #[inline]
    pub(crate) fn register(&self, waiter: Waiter, token: Token) -> Joiner<'_, T> {
        let place = self.state().borrow_mut().joiners.push(waiter, token);
        Joiner {
            packet: self,
            place,
            gone: false,
        }
    }

    /// Takes the result, once it is there.
    #[inline]
    pub(crate) fn take(&self) -> thread::Result<T> {
        let result = self.state().borrow_mut().end.take();
        result.expect("it ended, and is joined once")
    }

    /// Nobody will take the result: it is dropped now, if it is there.
    #[inline]
    pub(crate) fn detach(&self) {
        let mut state = self.state().borrow_mut();
        if let End::ToCome { detached } = &mut state.end {
            *detached = true;
            return;
        }
        let result = state.end.take();
        drop(state);
        drop(result);
    }
}

/// A place among joiners that is left when dropped (W5).
pub(crate) struct Joiner<'a, T> {
    packet: &'a Packet<T>,
    place: Place,
    gone: bool,
}

impl<T> Joiner<'_, T> {
    /// A notifier took the ticket.
    #[inline]
    pub(crate) fn was_woken(mut self) {
        self.gone = true;
    }
}

impl<T> Drop for Joiner<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.gone {
            self.packet.state().borrow_mut().joiners.leave(self.place);
        }
    }
}

impl<T> Clone for Packet<T> {
    fn clone(&self) -> Self {
        Packet(self.0.clone())
    }
}

impl<T> Awaited for Packet<T> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the end of {}", self.greenlet().block().label())
    }

    fn holder(&self) -> Holder {
        Holder::Itself(self.greenlet().block().id)
    }
}
