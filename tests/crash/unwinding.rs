//! Panics while a greenlet is being killed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use greenlet::{Greenlet, GreenletExit, SwitchError, trace};

use crate::{Case, SIGABRT, Says, dies_by, say, start, succeeds};

pub(crate) const CASES: &[Case] = &[
    ("destructor_panics_in_a_kill", in_a_kill),
    ("destructor_panics_in_a_drop", in_a_drop),
    ("destructor_panics_in_a_throw", in_a_throw),
    (
        "destructor_panics_at_the_end_of_a_thread",
        at_the_end_of_a_thread,
    ),
    ("cleanup_panics_in_a_kill", cleanup_panics_in_a_kill),
    ("cleanup_panics_in_a_drop", cleanup_panics_in_a_drop),
    (
        "cleanup_panics_while_the_dropper_unwinds",
        cleanup_panics_while_the_dropper_unwinds,
    ),
    (
        "observer_panics_and_so_does_its_destructor",
        observer_and_its_destructor,
    ),
    (
        "destructor_catches_its_own_panic",
        destructor_catches_its_own_panic,
    ),
    (
        "killed_while_the_dropper_unwinds",
        killed_while_the_dropper_unwinds,
    ),
];

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("the destructor panics");
    }
}

/// Suspended, with a destructor on its stack that panics.
fn fragile() -> Greenlet<()> {
    let g = Greenlet::<()>::new(|()| {
        let _panics = Panics;
        greenlet::main().switch::<(), ()>(());
    });
    g.switch(());
    g
}

fn in_a_kill() {
    // Not even this helps: it never comes so far.
    let _ = catch_unwind(|| fragile().kill());
}

fn in_a_drop() {
    let _ = catch_unwind(|| drop(fragile()));
}

fn in_a_throw() {
    let _ = fragile().try_throw(Box::new(GreenletExit));
}

fn at_the_end_of_a_thread() {
    crate::on_a_thread(|| std::mem::forget(fragile()));
}

#[test]
fn destructor_that_panics_while_its_greenlet_unwinds_aborts_and_says_so() {
    for case in [
        "destructor_panics_in_a_kill",
        "destructor_panics_in_a_drop",
        "destructor_panics_in_a_throw",
        "destructor_panics_at_the_end_of_a_thread",
    ] {
        let ended = dies_by(SIGABRT, case);
        assert!(ended.stderr.contains("the destructor panics"), "{ended:#?}");
        assert!(
            ended
                .stderr
                .contains("panic in a destructor during cleanup"),
            "{ended:#?}"
        );
    }
}

/// Suspended; panics when the exit has already been caught.
fn panics_in_cleanup() -> Greenlet<()> {
    let g = Greenlet::<()>::new(|()| {
        let _says = Says("unwound");
        if catch_unwind(|| greenlet::main().switch::<(), ()>(())).is_err() {
            let _panics = Panics;
        }
    });
    g.switch(());
    g
}

fn cleanup_panics_in_a_kill() {
    let g = panics_in_cleanup();
    let payload = catch_unwind(AssertUnwindSafe(|| g.kill())).expect_err("goes to the killer");
    say(payload.downcast_ref::<&str>().expect("is a message"));
    assert!(g.is_dead());
}

fn cleanup_panics_in_a_drop() {
    drop(panics_in_cleanup());
    say("the dropper goes on");
}

fn cleanup_panics_while_the_dropper_unwinds() {
    let unwinds = catch_unwind(|| {
        let _dropped = panics_in_cleanup();
        panic!("the dropper panics");
    });
    let payload = unwinds.expect_err("panics");
    say(payload.downcast_ref::<&str>().expect("is a message"));
}

#[test]
fn panic_after_a_kill_was_caught_goes_to_the_killer_or_to_the_hook() {
    for (case, expected) in [
        (
            "cleanup_panics_in_a_kill",
            ["unwound", "the destructor panics"],
        ),
        (
            "cleanup_panics_in_a_drop",
            ["unwound", "the dropper goes on"],
        ),
    ] {
        assert_eq!(succeeds(case), expected, "{case}");
        assert!(
            start(case).stderr.contains("the destructor panics"),
            "{case}"
        );
    }
}

#[test]
fn panic_of_a_greenlet_dropped_by_an_unwinding_one_does_not_end_the_process() {
    assert_eq!(
        succeeds("cleanup_panics_while_the_dropper_unwinds"),
        ["unwound", "the dropper panics"]
    );
}

fn destructor_catches_its_own_panic() {
    struct Careful;
    impl Drop for Careful {
        fn drop(&mut self) {
            let caught = catch_unwind(|| panic!("stays in the destructor"));
            assert!(caught.is_err());
            say("careful");
        }
    }
    let g = Greenlet::<()>::new(|()| {
        let _careful = Careful;
        greenlet::main().switch::<(), ()>(());
    });
    g.switch(());
    g.kill();
    assert!(g.is_dead());
}

#[test]
fn destructor_may_catch_a_panic_of_its_own_while_its_greenlet_is_killed() {
    assert_eq!(succeeds("destructor_catches_its_own_panic"), ["careful"]);
}

fn killed_while_the_dropper_unwinds() {
    let unwinds = catch_unwind(|| {
        let _first = crate::suspended("first");
        let _second = crate::suspended("second");
        panic!("the dropper panics");
    });
    assert!(unwinds.is_err());
    assert!(!std::thread::panicking());
}

#[test]
fn unwinding_dropper_kills_its_greenlets() {
    assert_eq!(
        succeeds("killed_while_the_dropper_unwinds"),
        ["second", "first"]
    );
}

fn observer_and_its_destructor() {
    let panics = Panics;
    trace::set(move |_, _, _| {
        let _panics = &panics;
        panic!("the observer panics");
    });
    let g = Greenlet::<()>::new(|()| say("never said"));
    match g.try_switch(()) {
        Err(SwitchError::Thrown(payload)) => {
            say(payload.downcast_ref::<&str>().expect("is a message"));
        }
        other => say(&format!("{other:?}")),
    }
    assert!(g.is_dead() && trace::get().is_none());
}

#[test]
fn observer_that_panics_and_whose_destructor_panics_does_not_end_the_process() {
    assert_eq!(
        succeeds("observer_panics_and_so_does_its_destructor"),
        ["the observer panics"]
    );
}
