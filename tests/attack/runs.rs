//! Runs that are set from outside, where the one that is there is going to be called with something else.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::pool::{Group, Pool};
use greenlet::{
    AnyGreenlet, Generator, Greenlet, GreenletBuilder, SwitchError, Yielder, join_all, scope,
    sleep, spawn, spawn_later, trace, try_spawn, yield_now,
};

use crate::support::{Token, leak_checked};

const SOON: Duration = Duration::from_millis(2);

/// What is said to who gives that greenlet a run which takes an `A`.
#[track_caller]
fn refusal<A: 'static>(target: &AnyGreenlet) -> String {
    let handle = target.cast::<A, ()>();
    let token = Token::new();
    let alive = Token::alive();
    let run = move |_| drop(token);
    let payload = catch_unwind(AssertUnwindSafe(|| handle.set_run(run)));
    assert_eq!(
        Token::alive(),
        alive - 1,
        "a run that is refused is dropped"
    );
    *payload
        .expect_err("it has that run now")
        .downcast()
        .unwrap()
}

/// The hub is going to call its run with nothing, so it gets no other, not even of the same type.
#[track_caller]
fn keeps_its_run(target: &AnyGreenlet) {
    for refusal in [
        refusal::<Vec<u64>>(target),
        refusal::<Token>(target),
        refusal::<()>(target),
    ] {
        assert!(refusal.contains("spawned"), "{refusal}");
    }
}

fn named() -> GreenletBuilder {
    Greenlet::builder().name("spawned")
}

#[test]
fn a_spawned_greenlet_keeps_its_run_in_whatever_way_it_was_spawned() {
    leak_checked(|| {
        let (group, pool) = (Group::new(), Pool::new(8));
        let (token, runs) = (Token::new(), Rc::new(Cell::new(0)));
        let work = {
            let runs = runs.clone();
            move || {
                runs.set(runs.get() + 1);
                drop(token);
            }
        };
        let handles = [
            spawn(work.clone()),
            try_spawn(work.clone()).unwrap(),
            spawn_later(SOON, work.clone()),
            named().spawn(work.clone()),
            named().try_spawn(work.clone()).unwrap(),
            named().spawn_later(SOON, work.clone()),
            group.spawn(work.clone()),
            group.try_spawn(work.clone()).unwrap(),
            pool.spawn(work.clone()),
            pool.try_spawn(work.clone()).unwrap(),
            pool.apply_async(work, |()| ()),
        ];
        for handle in &handles {
            keeps_its_run(&handle.greenlet());
        }
        let count = handles.len();
        assert!(join_all(handles).iter().all(Result::is_ok));
        assert_eq!(runs.get(), count);
    });
}

#[test]
fn a_child_of_a_scope_keeps_its_run() {
    leak_checked(|| {
        let mut sum = 0;
        let tried = scope(|s| {
            let child = s.spawn(|| sum += 1);
            keeps_its_run(&child.greenlet());
            let tried = s.try_spawn(|| 2).unwrap();
            keeps_its_run(&tried.greenlet());
            child.join().unwrap();
            tried.join().unwrap()
        });
        assert_eq!((sum, tried), (1, 2));
    });
}

#[test]
fn a_spawned_greenlet_starts_with_nothing_though_an_observer_panics_on_the_way() {
    leak_checked(|| {
        let handle = spawn(|| ());
        trace::set(|_, _, _| std::panic::panic_any("the observer's"));
        keeps_its_run(&handle.greenlet());
        yield_now();
        trace::clear();
        // It never ran.
        let payload = handle.join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"the observer's"));
    });
}

#[test]
fn a_run_comes_too_late_for_a_spawned_greenlet_that_has_begun_or_ended() {
    leak_checked(|| {
        let begun = spawn(|| sleep(SOON));
        let (ran, killed) = (spawn(|| ()), spawn(|| ()));
        killed.kill();
        yield_now();
        for handle in [begun, ran, killed] {
            let refusal = refusal::<String>(&handle.greenlet());
            assert!(refusal.contains("already started"), "{refusal}");
            handle.wait();
        }
    });
}

#[test]
fn the_hub_and_main_take_no_run() {
    leak_checked(|| {
        let handle = spawn(|| ());
        let hub = handle.greenlet().parent().unwrap();
        let main = greenlet::main();
        assert_eq!(hub.parent().as_ref(), Some(&main));
        for target in [hub, main] {
            let refusal = refusal::<String>(&target);
            assert!(refusal.contains("already started"), "{refusal}");
        }
        handle.join().unwrap();
    });
}

#[test]
fn a_run_of_another_type_is_called_by_switches_of_that_type_only() {
    leak_checked(|| {
        let g = Greenlet::new(|n: i32| n);
        g.cast::<String, i32>().set_run(|text| text.len() as i32);
        let wrong = g.try_switch(7);
        assert!(matches!(wrong, Err(SwitchError::Type { value: 7, .. })));
        assert_eq!(g.any().switch::<String, i32>("four".to_owned()), 4);
        // As a parent, it is started by a result of that type only.
        let parent = Greenlet::new(|n: i32| n);
        parent
            .cast::<String, i32>()
            .set_run(|text| text.len() as i32);
        let child = Greenlet::with_parent(|()| 7, &parent);
        assert!(matches!(child.try_switch(()), Err(SwitchError::Thrown(_))));
        assert!(!parent.is_dead());
    });
}

#[test]
fn a_generator_that_has_begun_takes_no_run() {
    leak_checked(|| {
        let body = Rc::new(RefCell::new(None));
        let name = body.clone();
        let mut generator = Generator::new(move |y: &Yielder<i32>| {
            name.replace(Some(greenlet::current()));
            y.give(1);
        });
        assert_eq!(generator.next(), Some(1));
        let refusal = refusal::<String>(body.borrow().as_ref().unwrap());
        assert!(refusal.contains("already started"), "{refusal}");
        assert_eq!(generator.next(), None);
        body.take();
    });
}
