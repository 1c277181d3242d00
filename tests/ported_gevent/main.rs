//! The tests of Python's gevent, carried over: same behaviours, own words. `README.md` is the table.

#[path = "../support/mod.rs"]
mod support;

mod differences;
mod event;
mod greenlet_set;
mod greenlets;
mod hub;
mod limits;
mod local;
mod locks;
mod pool;
mod queue;
mod table;
mod threadpool;
mod timeout;
mod waiting;

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::{GreenletExit, JoinHandle};

use crate::support::leak_checked;

/// Hubs count in units of 1024 ns, so that exactly so much time passes where it is simulated.
const SOON: Duration = Duration::from_nanos(1 << 20);
const LATER: Duration = Duration::from_nanos(20 << 20);
/// More than an hour.
const HOUR: Duration = Duration::from_nanos(1 << 42);

/// What a test throws; nobody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expected(u32);

/// Panics without a word from the panic hook.
fn fail(number: u32) -> ! {
    resume_unwind(Box::new(Expected(number)))
}

/// What `f` panics with, if it is [`Expected`].
#[track_caller]
fn failure<R>(f: impl FnOnce() -> R) -> Expected {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it returned"),
        Err(payload) => expected(payload),
    }
}

#[track_caller]
fn expected(payload: Box<dyn Any + Send>) -> Expected {
    match payload.downcast() {
        Ok(expected) => *expected,
        Err(another) => resume_unwind(another),
    }
}

fn is_killed<T>(handle: JoinHandle<T>) -> bool {
    let result = handle.join();
    result.is_err_and(|payload| payload.is::<GreenletExit>())
}

/// Under the leak check, on simulated time: it passes when nobody can run, and at no other time.
#[track_caller]
fn timed(test: impl FnOnce() + Send + 'static) {
    leak_checked(|| {
        greenlet::__simulate();
        test();
    });
}

/// What greenlets write down in turn.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }

    /// What was written since the last time.
    fn take(&self) -> String {
        self.0.take().join(" ")
    }
}
