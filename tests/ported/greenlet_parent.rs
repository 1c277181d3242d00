//! Carried over from greenlet's `tests/test_greenlet.py`: parents, and where a death goes. Behaviours only, in own words.
//!
//! Adapted: a parent is a reference to a greenlet, so no parent can be of another type or be taken away; errors are
//! panics; a dead greenlet refuses switches instead of passing them to its ancestors, so what upstream shows by poking
//! the dead is shown here by a child that dies below it. A parent whose run cannot be looked up is one that has none,
//! or that gets no stack.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, panic_any, resume_unwind};
use std::rc::Rc;

use greenlet::{
    AnyGreenlet, Greenlet, GreenletExit, ParentError, State, SwitchError, current, main,
};

use crate::support::leak_checked;

#[derive(Debug, PartialEq)]
struct SomeError;

#[derive(Debug, PartialEq)]
struct KeyError;

/// What a greenlet saw thrown at it, in words.
type Seen = Rc<RefCell<Vec<&'static str>>>;

fn describe(payload: &(dyn Any + Send)) -> &'static str {
    if payload.is::<SomeError>() {
        "SomeError"
    } else if payload.is::<KeyError>() {
        "KeyError"
    } else if payload.is::<GreenletExit>() {
        "GreenletExit"
    } else {
        "something else"
    }
}

/// Waits once; passes on what is thrown there, after taking note; if nothing is, fails by itself.
fn waits_then_fails(seen: &Seen) -> Greenlet<(), ()> {
    let seen = seen.clone();
    Greenlet::new(move |()| {
        let parent = current().parent().expect("not main");
        match catch_unwind(|| parent.switch::<(), ()>(())) {
            Ok(()) => panic_any(SomeError),
            Err(payload) => {
                seen.borrow_mut().push(describe(&*payload));
                resume_unwind(payload)
            }
        }
    })
}

#[track_caller]
fn thrown<T, V>(result: Result<T, SwitchError<V>>) -> Box<dyn Any + Send> {
    match result {
        Err(SwitchError::Thrown(payload)) => payload,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("nothing was thrown"),
    }
}

/// test_parent_equals_None (A: a builder that is given no parent)
#[test]
fn without_a_parent_given_the_creator_is_it() {
    leak_checked(|| {
        let g = Greenlet::builder().build(|()| ());
        assert_eq!(g.parent(), Some(current()));
        let maker = Greenlet::new(|()| Greenlet::builder().build(|()| ()));
        let made = maker.switch(());
        assert_eq!(made.parent().unwrap(), maker);
    });
}

/// test_exception (Y; a switch to the dead gives the value back instead of passing it on)
#[test]
fn an_error_goes_to_the_parent_set_last() {
    leak_checked(|| {
        let seen = Seen::default();
        let g1 = waits_then_fails(&seen);
        let g2 = waits_then_fails(&seen);
        g1.switch(());
        g2.switch(());
        g2.set_parent(&g1).unwrap();
        assert!(seen.borrow().is_empty());

        let error = thrown(g2.try_switch(()));
        assert_eq!(error.downcast_ref(), Some(&SomeError));
        assert_eq!(*seen.borrow(), ["SomeError"]);
        assert!(g1.is_dead() && g2.is_dead());

        assert!(matches!(g2.try_switch(()), Err(SwitchError::Dead(()))));
        let poked = g2.any().try_switch::<i32, i32>(25);
        assert!(matches!(poked, Err(SwitchError::Dead(25))));
        assert_eq!(*seen.borrow(), ["SomeError"]);
    });
}

/// test_send_exception (Y)
#[test]
fn a_child_that_fails_at_once_injects_its_error() {
    leak_checked(|| {
        let seen = Seen::default();
        let g = waits_then_fails(&seen);
        g.switch(());
        let crasher = Greenlet::<(), ()>::with_parent(|()| panic_any(KeyError), &g);
        let error = thrown(crasher.try_switch(()));
        assert_eq!(error.downcast_ref(), Some(&KeyError));
        assert_eq!(*seen.borrow(), ["KeyError"]);
        assert!(g.is_dead());
    });
}

/// test_parent_return_failure (A: the error is a message, and the parent is none the worse)
#[test]
fn a_result_for_a_parent_without_a_run_fails_further_up() {
    leak_checked(|| {
        let parent = Greenlet::<u8>::empty();
        let child = Greenlet::with_parent(|()| 5_u8, &parent);
        let error = thrown(child.any().try_switch::<(), u8>(()));
        let message = error.downcast_ref::<String>().unwrap();
        assert!(message.contains("no run"), "{message}");
        assert!(child.is_dead());
        assert_eq!(parent.state(), State::New);
    });
}

/// test_falling_off_end_switches_to_unstarted_parent_raises_error (A: by type, and the parent stays new)
#[test]
fn a_result_that_does_not_fit_a_new_parent_is_an_error_further_up() {
    leak_checked(|| {
        let parent = Greenlet::new(|()| 13);
        let child = Greenlet::with_parent(|()| 42_i32, &parent);
        let error = thrown(child.any().try_switch::<(), i32>(()));
        let message = error.downcast_ref::<String>().unwrap();
        assert!(
            message.contains("i32") && message.contains("()"),
            "{message}"
        );
        assert_eq!(parent.state(), State::New);
        assert_eq!(parent.switch(()), 13);
    });
}

/// test_falling_off_end_switches_to_unstarted_parent_works (Y)
#[test]
fn a_result_starts_a_new_parent() {
    leak_checked(|| {
        let parent = Greenlet::new(|n: i32| (n, 24));
        let child = Greenlet::with_parent(|()| 42, &parent);
        assert_eq!(child.any().switch::<(), (i32, i32)>(()), (42, 24));
        assert!(child.is_dead() && parent.is_dead());
    });
}

/// test_switch_to_dead_greenlet_with_unstarted_perverse_parent (A: the parent gets no stack; the dead refuse)
#[test]
fn a_parent_that_cannot_start_fails_each_time_and_runs_nothing_twice() {
    leak_checked(|| {
        let parent = Greenlet::builder()
            .stack_size(1 << 60)
            .build(|value: u8| value);
        let runs = Rc::new(Cell::new(0));
        let inner = runs.clone();
        let child = Greenlet::with_parent(
            move |()| {
                inner.set(inner.get() + 1);
                42_u8
            },
            &parent,
        );
        let error = thrown(child.any().try_switch::<(), u8>(()));
        let message = error.downcast_ref::<String>().unwrap();
        assert!(message.contains("cannot start its parent"), "{message}");
        for _ in 0..2 {
            assert!(matches!(child.try_switch(()), Err(SwitchError::Dead(()))));
            let poked = parent.try_switch(1);
            assert!(matches!(poked, Err(SwitchError::NoStack { value: 1, .. })));
        }
        assert_eq!((runs.get(), parent.state()), (1, State::New));
    });
}

/// test_switch_to_dead_greenlet_reparent (Y; the dead one passes on what dies below it, not what is switched to it)
#[test]
fn a_dead_greenlet_can_get_a_new_parent_which_then_starts() {
    leak_checked(|| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let logs = |n: u32| {
            let log = log.clone();
            move |()| log.borrow_mut().push(n)
        };
        let never_started = Greenlet::new(logs(24));
        let child = Greenlet::new(logs(42));
        child.switch(());
        assert_eq!(*log.borrow(), [42]);

        child.set_parent(&never_started).unwrap();
        assert_eq!(child.parent().unwrap(), never_started);
        assert!(matches!(child.try_switch(()), Err(SwitchError::Dead(()))));
        assert_eq!(*log.borrow(), [42]);

        let grandchild = Greenlet::with_parent(|()| (), &child);
        grandchild.switch(());
        assert_eq!(*log.borrow(), [42, 24]);
        assert!(never_started.is_dead());
    });
}

/// test_cannot_delete_parent (A: a parent can only be replaced; the type says so)
#[test]
fn every_greenlet_but_main_has_a_parent_at_all_times() {
    // Not an `Option`: there is no way to ask for "none".
    let set: fn(&AnyGreenlet, &AnyGreenlet) -> Result<(), ParentError> = AnyGreenlet::set_parent;

    leak_checked(move || {
        let me = current();
        let worker = Greenlet::new(|()| {
            let parent = current().parent().expect("not main");
            parent.switch::<(), ()>(());
        });
        let mut states = Vec::new();
        for _ in 0..3 {
            states.push(worker.state());
            assert_eq!(worker.parent(), Some(me.clone()));
            let _ = worker.try_switch(());
        }
        assert_eq!(states, [State::New, State::Suspended, State::Dead]);

        let other = Greenlet::new(|()| ());
        assert_eq!(set(&worker, &other), Ok(()));
        other.switch(());
        assert_eq!(worker.parent().unwrap(), other);
        assert!(other.is_dead());
    });
}

/// test_cannot_delete_parent_of_main (A: main has no parent to lose, and gets none, not even from a killer)
#[test]
fn main_gets_no_parent_from_its_killer() {
    leak_checked(|| {
        let killer = Greenlet::new(|()| main().kill());
        let kill = catch_unwind(|| killer.switch(())).unwrap_err();
        assert!(kill.is::<GreenletExit>());
        assert_eq!(current().parent(), None);
        assert_eq!(
            main().set_parent(&killer),
            Err(ParentError::MainHasNoParent)
        );
        assert_eq!(current().parent(), None);
        assert!(!current().is_dead());
    });
}

/// test_main_greenlet_parent_is_none (Y)
#[test]
fn main_has_no_parent() {
    leak_checked(|| {
        assert_eq!(current(), main());
        assert_eq!(current().parent(), None);
        let seen = Greenlet::new(|()| main().parent()).switch(());
        assert_eq!(seen, None);
    });
}

/// test_trivial_cycle (Y)
#[test]
fn a_greenlet_cannot_be_its_own_parent() {
    leak_checked(|| {
        let g = Greenlet::new(|()| ());
        assert_eq!(g.set_parent(&g), Err(ParentError::Cycle));
        assert_eq!(g.parent(), Some(current()));
    });
}

/// test_trivial_cycle_main (Y)
#[test]
fn the_parent_of_main_cannot_be_set_to_main() {
    leak_checked(|| {
        let refused = current().set_parent(&current());
        assert_eq!(refused, Err(ParentError::MainHasNoParent));
        assert_eq!(current().parent(), None);
    });
}

/// test_deeper_cycle (Y)
#[test]
fn a_longer_cycle_of_parents_is_refused() {
    leak_checked(|| {
        let [g1, g2, g3] = [(); 3].map(|()| Greenlet::new(|()| ()));
        g1.set_parent(&g2).unwrap();
        g2.set_parent(&g3).unwrap();
        assert_eq!(g3.set_parent(&g1), Err(ParentError::Cycle));
        assert_eq!(g3.parent(), Some(current()));
        assert_eq!(g2.parent().unwrap(), g3);
    });
}
