//! Where deaths go, and what reaches whom.
//!
//! Contract: "The rule of delivery", "Switch and throw to the dead are refused", "A panic that escapes `run` continues in the
//! parent's pending call", "A `GreenletExit` thrown at a greenlet always unwinds it".

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::{Greenlet, GreenletExit, ParentError, State, SwitchError};

use crate::support::{Token, leak_checked};

/// A payload that no panic hook prints.
#[derive(Debug, PartialEq)]
struct Error(u32);

fn fail(n: u32) -> ! {
    resume_unwind(Box::new(Error(n)))
}

fn thrown<T: std::fmt::Debug, V>(result: Result<T, SwitchError<V>>) -> u32 {
    match result {
        Err(SwitchError::Thrown(payload)) => payload.downcast::<Error>().expect("an Error").0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_result_goes_to_the_parent_of_that_moment() {
    // Items 20 and 21.
    leak_checked(|| {
        let adopter = Greenlet::new(|n: i32| n + 100);
        let adopter_name = adopter.any();
        let g = Greenlet::new(move |n: i32| {
            greenlet::current().set_parent(&adopter_name).unwrap();
            n
        });
        assert_eq!(g.switch(1), 101);
    });
}

#[test]
fn dead_ancestors_are_passed_over() {
    // Items 22 and 25.
    leak_checked(|| {
        let a = Greenlet::new(|n: i32| n);
        let b = Greenlet::with_parent(|n: i32| n, &a);
        let c = Greenlet::with_parent(|n: i32| n, &b);
        let d = Greenlet::with_parent(|_: i32| -> i32 { fail(4) }, &b);
        b.kill();
        a.kill();
        assert_eq!(c.switch(3), 3);
        assert_eq!(thrown(d.try_switch(0)), 4);
    });
}

#[test]
fn new_ancestors_are_started_with_a_value_and_killed_by_an_error() {
    // Items 23 and 25.
    leak_checked(|| {
        let token = Token::new();
        let parent = Greenlet::new(move |n: i32| {
            drop(token);
            n + 1
        });
        let other = Greenlet::new(|_: i32| -> i32 { unreachable!("killed by an error") });
        let child = Greenlet::with_parent(|n: i32| n * 2, &parent);
        assert_eq!(child.switch(5), 11);
        let failing = Greenlet::with_parent(|_: i32| -> i32 { fail(9) }, &other);
        assert_eq!(thrown(failing.try_switch(0)), 9);
        assert!(other.is_dead());
    });
}

#[test]
fn an_exit_is_not_an_error() {
    // Item 26.
    leak_checked(|| {
        let g = Greenlet::builder().name("quitter").build(|()| {
            greenlet::current().throw::<()>(Box::new(GreenletExit));
        });
        assert!(matches!(
            g.try_switch(()),
            Err(SwitchError::Exited(GreenletExit))
        ));
        assert!(g.is_dead());
        let again = Greenlet::builder().name("quitter").build(|()| {
            greenlet::current().throw::<()>(Box::new(GreenletExit));
        });
        let payload = catch_unwind(AssertUnwindSafe(|| again.switch(()))).unwrap_err();
        let text = *payload.downcast::<String>().unwrap();
        assert!(
            text.contains("`quitter`") && text.contains("exited"),
            "{text}"
        );
    });
}

#[test]
fn an_exit_starts_a_new_parent_that_takes_one_and_passes_over_others() {
    // Item 32, where upstream crashes.
    leak_checked(|| {
        let exit = || greenlet::current().throw::<()>(Box::new(GreenletExit));
        let taker = Greenlet::new(|GreenletExit| 5);
        let child = Greenlet::with_parent(move |()| exit(), &taker);
        assert_eq!(child.any().switch::<(), i32>(()), 5);
        let other = Greenlet::new(|n: i32| n);
        let child = Greenlet::with_parent(move |()| exit(), &other);
        let end = child.any().try_switch::<(), i32>(());
        assert!(matches!(end, Err(SwitchError::Exited(_))), "{end:?}");
        assert_eq!(other.state(), State::New);
    });
}

#[test]
fn a_caught_exit_may_end_with_a_result_or_live_on() {
    // Item 27.
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            let caught = catch_unwind(|| greenlet::main().switch::<(), ()>(())).unwrap_err();
            assert!(caught.is::<GreenletExit>());
            greenlet::main().switch::<(), ()>(());
        });
        g.switch(());
        g.throw(Box::new(GreenletExit));
        assert_eq!(g.state(), State::Suspended, "it lives on");
        g.switch(());
        assert!(g.is_dead());
    });
}

#[test]
fn a_thrown_exit_unwinds_also_out_of_try_switch() {
    leak_checked(|| {
        let reached = Rc::new(RefCell::new(false));
        let after = reached.clone();
        let g = Greenlet::new(move |()| {
            _ = greenlet::main().try_switch::<(), ()>(());
            after.replace(true);
        });
        g.switch(());
        assert!(matches!(
            g.try_throw(Box::new(GreenletExit)),
            Err(SwitchError::Exited(_))
        ));
        assert!(!*reached.borrow() && g.is_dead());
    });
}

#[test]
fn anything_else_thrown_is_an_error_of_try_switch() {
    leak_checked(|| {
        let g = Greenlet::new(|()| thrown(greenlet::main().try_switch::<(), ()>(())));
        g.any().switch::<(), ()>(());
        assert_eq!(g.any().throw::<u32>(Box::new(Error(6))), 6);
        // Also thrown by oneself.
        assert_eq!(
            thrown(greenlet::main().try_throw::<()>(Box::new(Error(7)))),
            7
        );
    });
}

#[test]
fn a_throw_into_a_new_greenlet_kills_it_unrun() {
    // Item 37.
    leak_checked(|| {
        let token = Token::new();
        let g = Greenlet::new(move |()| unreachable!("{token:?}"));
        let g: Greenlet<(), ()> = g;
        assert_eq!(thrown(g.try_throw(Box::new(Error(1)))), 1);
        assert!(g.is_dead());
        assert_eq!(Token::alive(), 0);
        let g: Greenlet<(), ()> = Greenlet::new(|()| unreachable!());
        assert!(matches!(
            g.try_throw(Box::new(GreenletExit)),
            Err(SwitchError::Exited(_))
        ));
    });
}

#[test]
fn the_dead_refuse_and_nothing_is_forwarded() {
    // Item 40, where upstream answers in place of the dead.
    leak_checked(|| {
        let g = Greenlet::new(|_: Token| Token::new());
        drop(g.switch(Token::new()));
        let refused = g.try_switch(Token::new());
        assert!(matches!(refused, Err(SwitchError::Dead(_))));
        assert_eq!(Token::alive(), 1);
        drop(refused);
        let Err(SwitchError::Dead(payload)) = g.try_throw(Box::new(Error(3))) else {
            panic!("not refused");
        };
        assert_eq!(payload.downcast_ref(), Some(&Error(3)));
        g.kill();
    });
}

#[test]
fn a_panic_continues_in_the_parent_with_its_payload_and_the_hook_runs_once() {
    leak_checked(|| {
        thread_local!(static HOOKS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            HOOKS.set(HOOKS.get() + 1);
            before(info);
        }));
        let inner = Greenlet::new(|n: u32| -> () { panic!("number {n}") });
        let outer = Greenlet::new(move |()| inner.switch(3));
        // The parent of both is main: it is there that the panic continues.
        let Err(SwitchError::Thrown(payload)) = outer.try_switch(()) else {
            panic!("no panic arrived");
        };
        assert_eq!(payload.downcast_ref::<String>().unwrap(), "number 3");
        assert_eq!(HOOKS.get(), 1);
        assert_eq!(outer.state(), State::Suspended);
    });
}

#[test]
fn a_throw_goes_to_the_parent_of_the_target_not_to_the_thrower() {
    // Item 35.
    leak_checked(|| {
        let g = Greenlet::new(|()| greenlet::main().switch::<(), ()>(()));
        g.switch(());
        let target = g.any();
        let thrower = Greenlet::new(move |()| target.throw::<()>(Box::new(Error(8))));
        assert_eq!(thrown(thrower.try_switch(())), 8);
        assert_eq!(
            thrower.state(),
            State::Suspended,
            "in its throw, until somebody switches to it"
        );
        thrower.switch(());
        assert!(thrower.is_dead());
    });
}

#[test]
fn parents_can_be_changed_in_every_state_but_not_into_a_cycle() {
    // Items 42 and 43.
    leak_checked(|| {
        let a = Greenlet::new(|()| ());
        let b = Greenlet::new(|()| greenlet::main().switch::<(), ()>(()));
        let c = Greenlet::new(|()| ());
        assert_eq!(a.set_parent(&a), Err(ParentError::Cycle));
        a.set_parent(&b).unwrap();
        b.set_parent(&c).unwrap();
        assert_eq!(c.set_parent(&a), Err(ParentError::Cycle));
        assert_eq!(c.parent(), Some(greenlet::main()), "nothing has changed");
        assert_eq!(
            greenlet::main().set_parent(&a),
            Err(ParentError::MainHasNoParent)
        );
        b.set_parent(&greenlet::main()).unwrap();
        b.switch(());
        b.set_parent(&c).unwrap();
        b.set_parent(&greenlet::main()).unwrap();
        b.switch(());
        assert!(b.is_dead());
        b.set_parent(&c).unwrap();
        assert_eq!(b.parent().unwrap(), c);
    });
}

#[test]
fn a_body_can_come_later() {
    leak_checked(|| {
        let g = Greenlet::<i32>::empty();
        assert!(matches!(g.try_switch(1), Err(SwitchError::NoRun(1))));
        assert!(matches!(
            g.try_throw(Box::new(Error(1))),
            Err(SwitchError::NoRun(_))
        ));
        assert_eq!(g.state(), State::New);
        let token = Token::new();
        g.set_run(move |n| n + Token::alive() as i32 + i32::from(format!("{token:?}").is_empty()));
        g.set_run(|n| n + Token::alive() as i32);
        assert_eq!(Token::alive(), 0, "the first body is dropped");
        assert_eq!(g.switch(1), 1);
        let late = catch_unwind(AssertUnwindSafe(|| g.set_run(|n| n))).unwrap_err();
        let text = late.downcast_ref::<String>().unwrap();
        assert!(text.contains("already started"), "{text}");
    });
}

#[test]
fn a_death_into_a_parent_without_run_reaches_the_next_ancestor() {
    // Item 31.
    leak_checked(|| {
        let parent = Greenlet::<i32>::empty();
        let child = Greenlet::with_parent(|n: i32| n, &parent);
        let Err(SwitchError::Thrown(payload)) = child.try_switch(1) else {
            panic!("no error");
        };
        assert!(payload.downcast_ref::<String>().unwrap().contains("no run"));
        let failing = Greenlet::with_parent(|_: i32| -> i32 { fail(2) }, &parent);
        assert_eq!(
            thrown(failing.try_switch(1)),
            2,
            "the first error is not lost"
        );
        assert_eq!(parent.state(), State::New);
    });
}
