//! Observers.
//!
//! Contract: "An observer may switch and may panic (items 52 to 55)".

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::rc::Rc;

use greenlet::trace::{self, Event};
use greenlet::{AnyGreenlet, Greenlet, GreenletExit, SwitchError};

use crate::support::{Token, leak_checked};

type Log = Rc<RefCell<Vec<(Event, AnyGreenlet, AnyGreenlet)>>>;

fn observed(run: impl FnOnce()) -> Vec<(Event, AnyGreenlet, AnyGreenlet)> {
    let log = Log::default();
    let seen = log.clone();
    trace::set(move |event, origin, target| {
        assert_eq!(greenlet::current(), *target, "called in the target");
        seen.borrow_mut()
            .push((event, origin.clone(), target.clone()));
    });
    run();
    trace::clear();
    log.take()
}

#[test]
fn every_way_to_move_is_an_event() {
    // Items 51 and 52.
    leak_checked(|| {
        let main = greenlet::main();
        let waits = || Greenlet::<(), ()>::new(|()| greenlet::main().switch::<(), ()>(()));
        let (g, h) = (waits(), waits());
        let (a, b) = (g.any(), h.any());
        let events = observed(|| {
            g.switch(());
            _ = g.try_throw(Box::new("error"));
            h.switch(());
            drop(h);
            main.switch::<(), ()>(());
            assert!(g.try_switch(()).is_err(), "refused, and no event");
        });
        use Event::{Switch, Throw};
        assert_eq!(
            events,
            [
                (Switch, main.clone(), a.clone()),
                (Switch, a.clone(), main.clone()),
                (Throw, main.clone(), a.clone()),
                (Throw, a, main.clone()),
                (Switch, main.clone(), b.clone()),
                (Switch, b.clone(), main.clone()),
                (Throw, main.clone(), b.clone()),
                (Switch, b, main.clone()),
                (Switch, main.clone(), main),
            ]
        );
    });
}

#[test]
fn new_ancestors_that_die_are_one_event_each() {
    leak_checked(|| {
        let p = Greenlet::<(), ()>::new(|()| unreachable!());
        let q = Greenlet::<(), ()>::with_parent(|()| unreachable!(), &p);
        let g = Greenlet::<(), ()>::with_parent(|()| resume_unwind(Box::new("error")), &q);
        let events = observed(|| assert!(g.try_switch(()).is_err()));
        let hops: Vec<_> = events.into_iter().map(|(_, from, to)| (from, to)).collect();
        let main = greenlet::main();
        assert_eq!(
            hops,
            [
                (main.clone(), g.any()),
                (g.any(), q.any()),
                (q.any(), p.any()),
                (p.any(), main),
            ]
        );
    });
}

#[test]
fn an_observer_may_switch() {
    // Item 55: what was on its way is kept for the target.
    leak_checked(|| {
        let aside = Greenlet::<(), ()>::new(|()| {
            loop {
                greenlet::current().parent().unwrap().switch::<(), ()>(());
            }
        });
        let target = Greenlet::new(|token: Token| {
            assert_eq!(Token::alive(), 1);
            drop(token);
            5
        });
        let depth = Rc::new(Cell::new(0));
        let (nested, by) = (depth.clone(), aside.clone());
        trace::set(move |_, _, to| {
            if nested.get() == 0 {
                nested.set(1);
                by.set_parent(to).unwrap();
                by.switch(());
                nested.set(0);
            }
        });
        assert_eq!(target.any().switch::<Token, i32>(Token::new()), 5);
        trace::clear();
        assert_eq!(Token::alive(), 0);
    });
}

#[test]
fn an_observer_that_panics_is_removed_and_the_target_gets_the_panic() {
    // Item 54, for a start, a resume and an end.
    leak_checked(|| {
        fn panic_next() {
            trace::set(|_, _, _| resume_unwind(Box::new("observer")));
        }
        let started = Greenlet::new(|_: Token| unreachable!("it dies instead"));
        let started: Greenlet<Token, ()> = started;
        panic_next();
        let got = started.try_switch(Token::new());
        assert!(matches!(got, Err(SwitchError::Thrown(p)) if p.is::<&str>()));
        assert!(started.is_dead() && trace::get().is_none());

        let resumed = Greenlet::new(|()| greenlet::main().try_switch::<(), Token>(()).is_err());
        resumed.any().switch::<(), ()>(());
        panic_next();
        assert!(resumed.any().switch::<Token, bool>(Token::new()));

        let ended = Greenlet::new(|()| {
            panic_next();
            Token::new()
        });
        assert!(matches!(ended.try_switch(()), Err(SwitchError::Thrown(_))));
        assert_eq!(Token::alive(), 0, "the value is dropped");
        assert!(matches!(
            ended.try_throw(Box::new(GreenletExit)),
            Err(SwitchError::Dead(_))
        ));
    });
}

#[test]
fn the_last_observer_that_was_set_is_the_one() {
    leak_checked(|| {
        let calls = Rc::new(RefCell::new(String::new()));
        let say = |c: char| {
            let calls = calls.clone();
            move |_, _: &AnyGreenlet, _: &AnyGreenlet| calls.borrow_mut().push(c)
        };
        let switch = || greenlet::main().switch::<(), ()>(());
        assert!(trace::set(say('a')).is_none());
        switch();
        let first = trace::set(say('b')).expect("the one before");
        switch();
        first.restore();
        switch();
        assert!(trace::clear().is_some());
        switch();
        assert_eq!(*calls.borrow(), "aba");
    });
}
