//! Where the result of a spawned greenlet waits for whoever joins it.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::panic::Location;
use std::ptr;
use std::thread;

use crate::greenlet::block::AnyGreenlet;
use crate::greenlet::thread::here;
use crate::hub::awaited::{Awaited, Holder};
use crate::hub::begin::place;
use crate::hub::park::park;
use crate::task::joiners::{Joiner, Joiners};
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

/// Shared by a spawned greenlet and its handle.
pub(crate) struct Packet<T> {
    greenlet: OnceCell<AnyGreenlet>,
    end: RefCell<End<T>>,
    joiners: RefCell<Joiners>,
}

struct End<T> {
    outcome: Option<Outcome>,
    result: Option<thread::Result<T>>,
    on_exit: Option<Box<Calls>>,
}

/// Whom to call on exit. Few ask for it, so it is made for the first.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) in_order: Vec<OnExit>,
}

impl<T> Packet<T> {
    #[inline]
    pub(crate) fn new() -> Self {
        Packet {
            greenlet: OnceCell::new(),
            end: RefCell::new(End {
                outcome: None,
                result: None,
                on_exit: None,
            }),
            joiners: RefCell::default(),
        }
    }

    /// Says whose end this is about.
    #[inline]
    pub(crate) fn belong_to(&self, greenlet: AnyGreenlet) {
        let first = self.greenlet.set(greenlet);
        debug_assert!(first.is_ok());
    }

    #[inline]
    pub(crate) fn greenlet(&self) -> &AnyGreenlet {
        self.greenlet.get().expect("set when it was spawned")
    }

    #[inline]
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.end.borrow().outcome
    }

    /// Puts the result down. Whoever is to be called on exit, and was not asked to before, is given back, if there is anybody.
    #[inline]
    pub(crate) fn complete(
        &self,
        outcome: Outcome,
        result: thread::Result<T>,
    ) -> Option<Box<Calls>> {
        let mut end = self.end.borrow_mut();
        end.outcome = Some(outcome);
        end.result = Some(result);
        end.on_exit.take()
    }

    #[inline]
    pub(crate) fn wake_joiners(&self) {
        self.joiners.borrow_mut().wake_all();
    }

    /// Has `f` called with the outcome; gives it back if that is there already.
    pub(crate) fn when_it_ends(&self, f: OnExit) -> Result<(), (Outcome, OnExit)> {
        let mut end = self.end.borrow_mut();
        match end.outcome {
            Some(outcome) => Err((outcome, f)),
            None => {
                end.on_exit.get_or_insert_default().in_order.push(f);
                Ok(())
            }
        }
    }

    /// Waits for the end; false if the deadline comes first.
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

    /// Registers a ticket, to be woken with `token` at the end, which has not come yet.
    pub(crate) fn register(&self, waiter: Waiter, token: Token) -> Joiner<'_> {
        Joiner::register(&self.joiners, waiter, token)
    }

    /// Takes the result, once it is there.
    #[inline]
    pub(crate) fn take(&self) -> thread::Result<T> {
        let result = self.end.borrow_mut().result.take();
        result.expect("it ended, and is joined once")
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
