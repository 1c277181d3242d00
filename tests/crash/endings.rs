//! The end of a thread, and of the process, while greenlets wait.

use std::cell::RefCell;
use std::mem::forget;
use std::panic::catch_unwind;
use std::process::exit;

use greenlet::{AnyGreenlet, Greenlet};

use crate::{Case, Says, on_a_thread, say, start, succeeds, suspended};

pub(crate) const CASES: &[Case] = &[
    ("exit_with_owned_greenlets", exit_with_owned),
    ("exit_with_a_thread_local", exit_with_a_thread_local),
    ("exit_in_a_greenlet", exit_in_a_greenlet),
    ("exit_in_a_greenlet_beside_others", exit_beside_others),
    ("exit_in_a_thread_local_greenlet", exit_in_a_thread_local),
    ("exit_in_a_destructor", exit_in_a_destructor),
    ("return_with_forgotten", return_with_forgotten),
    ("thread_forgets", thread_forgets),
    ("thread_leaves_in_a_local", thread_leaves_in_a_local),
    ("thread_leaves_an_owner_of_itself", owner_of_itself),
    ("thread_leaves_new_ones", thread_leaves_new_ones),
    ("thread_leaves_a_lineage", thread_leaves_a_lineage),
    ("thread_panics", thread_panics),
    ("refuses_to_die", refuses_to_die),
    ("switches_away_when_killed", switches_away_when_killed),
    ("panics_when_killed", panics_when_killed),
    ("makes_another_when_killed", makes_another_when_killed),
];

thread_local! {
    static KEPT: RefCell<Vec<Greenlet<()>>> = const { RefCell::new(Vec::new()) };
}

fn keep(g: Greenlet<()>) {
    KEPT.with_borrow_mut(|kept| kept.push(g));
}

fn exit_with_owned() {
    let _owned = suspended("may be said");
    forget(suspended("may be said"));
    exit(0);
}

fn exit_with_a_thread_local() {
    keep(suspended("may be said"));
    exit(0);
}

fn exit_in_a_greenlet() {
    let g = Greenlet::<()>::new(|()| {
        say("leaving");
        exit(7)
    });
    g.switch(());
}

fn exit_beside_others() {
    keep(suspended("may be said"));
    forget(suspended("may be said"));
    exit_in_a_greenlet();
}

fn exit_in_a_thread_local() {
    let g = Greenlet::<()>::new(|()| {
        let _says = Says("may be said");
        greenlet::main().switch::<(), ()>(());
        exit(7)
    });
    let name = g.any();
    g.switch(());
    keep(g);
    name.switch::<(), ()>(());
}

fn exit_in_a_destructor() {
    struct Exits;
    impl Drop for Exits {
        fn drop(&mut self) {
            exit(7);
        }
    }
    let g = Greenlet::<()>::new(|()| {
        let _exits = Exits;
        greenlet::main().switch::<(), ()>(());
    });
    g.switch(());
    drop(g);
}

#[test]
fn process_exits_with_its_code_while_greenlets_wait() {
    for (case, code) in [
        ("exit_with_owned_greenlets", 0),
        ("exit_with_a_thread_local", 0),
        ("exit_in_a_greenlet", 7),
        ("exit_in_a_greenlet_beside_others", 7),
        ("exit_in_a_thread_local_greenlet", 7),
        ("exit_in_a_destructor", 7),
    ] {
        let ended = start(case);
        assert_eq!(ended.status.code(), Some(code), "{case}: {ended:#?}");
        assert_eq!(ended.stderr, "", "{case}");
        // Whether greenlets that wait are still killed is left open: `exit` promises nothing, but it destroys the
        // calling thread's locals.
    }
}

fn return_with_forgotten() {
    keep(suspended("may be said"));
    forget(suspended("may be said, too"));
}

#[test]
fn process_ends_well_after_its_greenlets_were_forgotten() {
    succeeds("return_with_forgotten");
}

fn thread_forgets() {
    on_a_thread(|| {
        forget(suspended("first"));
        forget(suspended("second"));
        say("the thread ends");
    });
}

#[test]
fn end_of_thread_kills_forgotten_greenlets_in_order() {
    assert_eq!(
        succeeds("thread_forgets"),
        ["the thread ends", "first", "second", "the thread has ended"]
    );
}

fn thread_leaves_in_a_local() {
    on_a_thread(|| {
        // The thread-local is made before the first greenlet, so it is dropped after they were ended.
        KEPT.with_borrow_mut(Vec::clear);
        keep(suspended("early local"));
    });
    on_a_thread(|| {
        // And here after, so that its owner does the killing.
        let g = suspended("late local");
        keep(g);
    });
}

#[test]
fn end_of_thread_kills_greenlets_in_thread_locals() {
    let said = succeeds("thread_leaves_in_a_local");
    let end = "the thread has ended";
    assert_eq!(said, ["early local", end, "late local", end]);
}

fn owner_of_itself() {
    on_a_thread(|| {
        let g = Greenlet::<()>::new(|()| {
            let _says = Says("owner of itself");
            let _me = Greenlet::<()>::current();
            greenlet::main().switch::<(), ()>(());
        });
        g.switch(());
        drop(g);
        say("nobody else owns it");
    });
}

#[test]
fn end_of_thread_kills_a_greenlet_that_owns_itself() {
    assert_eq!(
        succeeds("thread_leaves_an_owner_of_itself"),
        [
            "nobody else owns it",
            "owner of itself",
            "the thread has ended"
        ]
    );
}

fn thread_leaves_new_ones() {
    on_a_thread(|| {
        let says = Says("captured");
        forget(Greenlet::<()>::new(move |()| drop(says)));
        forget(Greenlet::<()>::empty());
    });
}

#[test]
fn end_of_thread_drops_bodies_that_never_ran() {
    assert_eq!(
        succeeds("thread_leaves_new_ones"),
        ["captured", "the thread has ended"]
    );
}

fn thread_leaves_a_lineage() {
    on_a_thread(|| {
        let mut parent: AnyGreenlet = greenlet::main();
        for _ in 0..1000 {
            let g = Greenlet::<()>::with_parent(|()| greenlet::main().switch(()), &parent);
            g.switch(());
            parent = g.any();
            forget(g);
        }
        assert_eq!(greenlet::census().stacks, 1000);
    });
}

#[test]
fn end_of_thread_kills_a_long_lineage() {
    assert_eq!(
        succeeds("thread_leaves_a_lineage"),
        ["the thread has ended"]
    );
}

fn thread_panics() {
    let ended = std::thread::spawn(|| {
        let _dropped = suspended("dropped while unwinding");
        forget(suspended("forgotten"));
        panic!("the thread panics");
    });
    assert!(ended.join().is_err());
}

#[test]
fn end_of_thread_by_panic_kills_greenlets_too() {
    assert_eq!(
        succeeds("thread_panics"),
        ["dropped while unwinding", "forgotten"]
    );
}

fn refuses_to_die() {
    on_a_thread(|| {
        let g = Greenlet::<()>::new(|()| {
            loop {
                if catch_unwind(|| greenlet::main().switch::<(), ()>(())).is_err() {
                    say("refuses");
                }
            }
        });
        g.switch(());
        forget(g);
        forget(suspended("dies"));
    });
}

#[test]
fn end_of_thread_goes_on_beside_a_greenlet_that_refuses_to_die() {
    assert_eq!(
        succeeds("refuses_to_die"),
        ["refuses", "dies", "the thread has ended"]
    );
}

/// Switches to main when it is dropped.
struct SwitchesAway;

impl Drop for SwitchesAway {
    fn drop(&mut self) {
        say("switches away");
        greenlet::main().switch::<(), ()>(());
    }
}

fn switches_away_when_killed() {
    on_a_thread(|| {
        let g = Greenlet::<()>::new(|()| {
            let _switches_away = SwitchesAway;
            greenlet::main().switch::<(), ()>(());
        });
        g.switch(());
        forget(g);
        forget(suspended("dies"));
    });
}

#[test]
fn end_of_thread_goes_on_beside_a_destructor_that_never_ends() {
    assert_eq!(
        succeeds("switches_away_when_killed"),
        ["switches away", "dies", "the thread has ended"]
    );
}

fn panics_when_killed() {
    on_a_thread(|| {
        let g = Greenlet::<()>::new(|()| {
            let exit = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            assert!(exit.is_ok(), "it was killed");
        });
        g.switch(());
        forget(g);
        forget(suspended("dies"));
    });
}

#[test]
fn end_of_thread_goes_on_after_a_panic_of_a_killed_greenlet() {
    assert_eq!(
        succeeds("panics_when_killed"),
        ["dies", "the thread has ended"]
    );
}

fn makes_another_when_killed() {
    struct MakesAnother;
    impl Drop for MakesAnother {
        fn drop(&mut self) {
            say("makes another");
            forget(suspended("the other"));
        }
    }
    on_a_thread(|| {
        let g = Greenlet::<()>::new(|()| {
            let _makes_another = MakesAnother;
            greenlet::main().switch::<(), ()>(());
        });
        g.switch(());
        forget(g);
    });
}

#[test]
fn end_of_thread_kills_what_its_killing_made() {
    assert_eq!(
        succeeds("makes_another_when_killed"),
        ["makes another", "the other", "the thread has ended"]
    );
}
