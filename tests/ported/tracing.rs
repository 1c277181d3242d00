//! Source: `test_tracing.py`. What an observer sees, and what becomes of one that fails.
//!
//! Adapted: an observer is a closure that is replaced and restored by value. The tests of the interpreter's own profiler have
//! no counterpart.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::rc::Rc;

use greenlet::trace::{self, Event};
use greenlet::{AnyGreenlet, Greenlet, SwitchError, main};

use crate::support::{Token, leak_checked};

struct SomeError;

type Log = Rc<RefCell<Vec<(Event, AnyGreenlet, AnyGreenlet)>>>;

fn record(log: &Log) -> impl Fn(Event, &AnyGreenlet, &AnyGreenlet) + 'static {
    let log = log.clone();
    move |event, origin, target| {
        log.borrow_mut()
            .push((event, origin.clone(), target.clone()));
    }
}

/// test_a_greenlet_tracing (Y)
#[test]
fn a_return_is_a_switch_and_a_death_by_panic_is_a_throw() {
    leak_checked(|| {
        let log = Log::default();
        assert!(trace::set(record(&log)).is_none());
        let returns = Greenlet::new(|()| ());
        returns.switch(());
        let panics = Greenlet::new(|()| -> () { resume_unwind(Box::new(SomeError)) });
        let end = panics.try_switch(());
        assert!(matches!(end, Err(SwitchError::Thrown(thrown)) if thrown.is::<SomeError>()));
        assert!(trace::clear().is_some());
        Greenlet::new(|()| ()).switch(());
        assert_eq!(
            *log.borrow(),
            [
                (Event::Switch, main(), returns.any()),
                (Event::Switch, returns.any(), main()),
                (Event::Switch, main(), panics.any()),
                (Event::Throw, panics.any(), main()),
            ]
        );
    });
}

/// test_b_exception_disables_tracing (Y)
#[test]
fn an_observer_that_panics_is_removed_and_the_target_gets_its_panic() {
    leak_checked(|| {
        let g = Greenlet::new(|()| main().switch::<(), ()>(()));
        g.switch(());
        let log = Log::default();
        let token = Token::new();
        let write = record(&log);
        trace::set(move |event, origin, target| {
            let _token = &token;
            write(event, origin, target);
            resume_unwind(Box::new(SomeError));
        });
        // Raised in the call in which `g` waits, nobody catches it there, so it comes here.
        let end = g.try_switch(());
        assert!(matches!(end, Err(SwitchError::Thrown(thrown)) if thrown.is::<SomeError>()));
        assert!(g.is_dead());
        assert!(trace::get().is_none());
        assert_eq!(Token::alive(), 0, "the observer is gone");
        assert_eq!(*log.borrow(), [(Event::Switch, main(), g.any())]);
    });
}

/// test_set_same_tracer_twice (A: no reference counts to go wrong; it is called once an event, and dropped once)
#[test]
fn an_observer_set_again_is_called_once_an_event() {
    leak_checked(|| {
        let log = Log::default();
        let token = Token::new();
        let write = record(&log);
        trace::set(move |event, origin, target| {
            let _token = &token;
            write(event, origin, target);
        });
        let same = trace::get().unwrap();
        let replaced = same.restore();
        assert!(replaced.is_some());
        let g = Greenlet::new(|()| ());
        g.switch(());
        assert_eq!(log.borrow().len(), 2);
        assert!(trace::clear().is_some());
        assert!(trace::get().is_none());
        assert_eq!(Token::alive(), 1, "the one that was replaced is the same");
        drop(replaced);
        assert_eq!(Token::alive(), 0);
    });
}
