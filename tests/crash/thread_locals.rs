//! Destructors of thread-locals that use greenlets while their thread ends.
//!
//! A thread's greenlets are ended by a destructor of a thread-local, too; the cases run before it, after it, and
//! on threads that had no greenlets before.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use greenlet::{AnyGreenlet, Generator, Greenlet, State, SwitchError, greenlet_local, trace};

use crate::{Case, Says, on_a_thread, say, succeeds, suspended};

pub(crate) const CASES: &[Case] = &[
    ("uses_greenlets_before", before_they_end),
    ("uses_greenlets_after", after_they_ended),
    ("uses_greenlets_for_the_first_time", for_the_first_time),
    ("names_outlive_the_threads_greenlets", names_outlive),
    ("dead_main_is_made_a_parent", dead_main_as_parent),
    (
        "dead_greenlet_of_before_is_made_a_parent",
        dead_greenlet_as_parent,
    ),
    ("local_first_used_in_a_greenlet", first_used_in_a_greenlet),
    ("observer_at_the_end", observer_at_the_end),
    (
        "greenlet_local_uses_greenlets",
        greenlet_local_uses_greenlets,
    ),
    ("every_thread_uses_greenlets_after", many_threads),
];

/// Calls what it holds when its thread ends.
struct AtEnd(RefCell<Option<Box<dyn FnOnce()>>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run();
        }
    }
}

thread_local! {
    static AT_END: AtEnd = const { AtEnd(RefCell::new(None)) };
}

/// Runs `run` in the destructor of a thread-local of this thread, whose place in the order of destruction is that of the first
/// call.
fn at_end(run: impl FnOnce() + 'static) {
    AT_END.with(|at_end| at_end.0.replace(Some(Box::new(run))));
}

/// Makes this thread's greenlets begin.
fn begin() {
    assert!(greenlet::main().is_active());
}

greenlet_local! {
    static LOCAL: Cell<u32> = Cell::new(1);
}

/// Something of everything.
fn use_everything() {
    assert_eq!(greenlet::current(), greenlet::main());
    assert!(greenlet::main().is_active());
    let greenlets = greenlet::census().greenlets;

    let g = Greenlet::new(|n: i32| {
        let m: i32 = greenlet::main().switch(n + 1);
        m * 2
    });
    assert_eq!(g.state(), State::New);
    assert_eq!(g.switch(1), 2);
    assert_eq!(g.switch(5), 10);
    assert!(matches!(g.try_switch(1), Err(SwitchError::Dead(1))));

    let inner = Greenlet::new(|()| {
        let deep = Greenlet::new(|()| greenlet::current().parent());
        deep.switch(())
    });
    assert_eq!(inner.switch(()), Some(inner.any()));

    let panics = Greenlet::<()>::new(|()| panic!("in a greenlet"));
    let payload = catch_unwind(AssertUnwindSafe(|| panics.switch(()))).expect_err("panics");
    assert_eq!(payload.downcast_ref(), Some(&"in a greenlet"));

    suspended("killed").kill();
    drop(suspended("dropped"));

    let numbers: Vec<_> = Generator::<u32>::new(|y| (0..3).for_each(|n| y.give(n))).collect();
    assert_eq!(numbers, [0, 1, 2]);
    let fresh = Greenlet::new(|()| LOCAL.replace(7));
    assert_eq!(fresh.switch(()), 1);

    trace::set(|_, _, _| say("observed"));
    Greenlet::<()>::new(|()| ()).switch(());
    trace::clear();
    assert_eq!(greenlet::census().greenlets, greenlets);
    say("everything was used");
}

const EVERYTHING: [&str; 5] = [
    "killed",
    "dropped",
    "observed",
    "observed",
    "everything was used",
];

fn before_they_end() {
    on_a_thread(|| {
        begin();
        at_end(use_everything);
        std::mem::forget(suspended("left over"));
    });
}

#[test]
fn destructor_before_the_end_of_the_threads_greenlets_uses_them() {
    let mut expected = EVERYTHING.to_vec();
    expected.extend(["left over", "the thread has ended"]);
    assert_eq!(succeeds("uses_greenlets_before"), expected);
}

fn after_they_ended() {
    on_a_thread(|| {
        at_end(use_everything);
        begin();
        std::mem::forget(suspended("left over"));
    });
}

#[test]
fn destructor_after_the_end_of_the_threads_greenlets_uses_new_ones() {
    let mut expected = vec!["left over"];
    expected.extend(EVERYTHING);
    expected.push("the thread has ended");
    assert_eq!(succeeds("uses_greenlets_after"), expected);
}

fn for_the_first_time() {
    on_a_thread(|| at_end(use_everything));
}

#[test]
fn destructor_may_use_greenlets_for_the_first_time() {
    let mut expected = EVERYTHING.to_vec();
    expected.push("the thread has ended");
    assert_eq!(succeeds("uses_greenlets_for_the_first_time"), expected);
}

fn names_outlive() {
    on_a_thread(|| {
        let kept: RefCell<Vec<(AnyGreenlet, Greenlet<()>)>> = RefCell::default();
        let names = Rc::new(kept);
        let later = names.clone();
        at_end(move || {
            let kept = later.take();
            assert_eq!(kept.len(), 3);
            for (name, owner) in kept {
                assert!(name.is_dead() && !name.is_active());
                assert_eq!(name, owner);
                assert!(format!("{name:?}").contains("dead"));
                assert!(matches!(owner.try_switch(()), Err(SwitchError::Dead(()))));
                let thrown = owner.try_throw(Box::new("to the dead"));
                assert!(matches!(thrown, Err(SwitchError::Dead(_))));
                owner.kill();
                let again = owner.downgrade().upgrade().expect("is owned");
                drop(owner);
                drop(again);
            }
            say("all are dead");
        });
        begin();
        let main = Greenlet::<()>::main();
        names.borrow_mut().push((main.any(), main));
        for g in [suspended("suspended"), Greenlet::<()>::new(|()| ())] {
            names.borrow_mut().push((g.any(), g));
        }
    });
}

#[test]
fn handles_that_outlive_the_threads_greenlets_name_the_dead() {
    assert_eq!(
        succeeds("names_outlive_the_threads_greenlets"),
        ["suspended", "all are dead", "the thread has ended"]
    );
}

/// Adopts a greenlet by what `find` named before the thread's greenlets were ended.
fn adopted_by(find: fn() -> AnyGreenlet) {
    on_a_thread(move || {
        let kept = Rc::new(Cell::new(None));
        let later = kept.clone();
        at_end(move || {
            let parent: AnyGreenlet = later.take().expect("is named");
            assert!(parent.is_dead());
            let g = Greenlet::<()>::with_parent(|()| say("runs"), &parent);
            g.switch(());
            say("main goes on");
        });
        kept.set(Some(find()));
    });
}

fn dead_main_as_parent() {
    adopted_by(greenlet::main);
}

fn dead_greenlet_as_parent() {
    adopted_by(|| Greenlet::<()>::new(|()| ()).any());
}

#[test]
fn end_of_a_greenlet_whose_ancestors_are_all_dead_goes_to_main() {
    for case in [
        "dead_main_is_made_a_parent",
        "dead_greenlet_of_before_is_made_a_parent",
    ] {
        let expected = ["runs", "main goes on", "the thread has ended"];
        assert_eq!(succeeds(case), expected, "{case}");
    }
}

fn first_used_in_a_greenlet() {
    on_a_thread(|| {
        let g = Greenlet::<()>::new(|()| {
            at_end(use_everything);
            greenlet::main().switch::<(), ()>(());
        });
        g.switch(());
        std::mem::forget(g);
    });
}

#[test]
fn destructor_of_a_thread_local_first_used_in_a_greenlet_runs_on_main() {
    let mut expected = EVERYTHING.to_vec();
    expected.push("the thread has ended");
    assert_eq!(succeeds("local_first_used_in_a_greenlet"), expected);
}

fn observer_at_the_end() {
    on_a_thread(|| {
        let says = Says("the observer is dropped");
        trace::set(move |event, _, _| {
            let _says = &says;
            say(&format!("observed: {event:?}"));
        });
        std::mem::forget(suspended("left over"));
    });
}

#[test]
fn observer_sees_the_end_of_the_thread_and_is_dropped() {
    let start = ["observed: Switch"; 2];
    let mut expected = start.to_vec();
    expected.extend(["observed: Throw", "left over", "observed: Switch"]);
    expected.extend(["the observer is dropped", "the thread has ended"]);
    assert_eq!(succeeds("observer_at_the_end"), expected);
}

/// Uses greenlets when it is dropped.
struct UsesThem;

impl Drop for UsesThem {
    fn drop(&mut self) {
        let g = Greenlet::new(|n: i32| n + 1);
        assert_eq!(g.switch(1), 2);
        say("the local of main is dropped");
        // One more, which nobody owns any more.
        std::mem::forget(suspended("made at the very end"));
    }
}

fn greenlet_local_uses_greenlets() {
    greenlet_local! {
        static USES_THEM: UsesThem = UsesThem;
    }
    on_a_thread(|| USES_THEM.with(|_| ()));
}

#[test]
fn greenlet_local_of_main_is_dropped_at_the_end_of_the_thread_and_may_use_greenlets() {
    let said = succeeds("greenlet_local_uses_greenlets");
    assert_eq!(
        said.first().map(String::as_str),
        Some("the local of main is dropped")
    );
    assert_eq!(
        said.last().map(String::as_str),
        Some("the thread has ended")
    );
}

fn many_threads() {
    for _ in 0..50 {
        let run = || {
            at_end(|| {
                let g = Greenlet::new(|n: i32| n + 1);
                assert_eq!(g.switch(1), 2);
            });
            begin();
        };
        assert!(std::thread::spawn(run).join().is_ok());
    }
}

#[test]
fn threads_that_use_greenlets_at_their_very_end_may_be_many() {
    assert!(succeeds("every_thread_uses_greenlets_after").is_empty());
}
