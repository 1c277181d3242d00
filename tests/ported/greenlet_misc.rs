//! Carried over from greenlet's `tests/test_greenlet.py`: what greenlets carry and how they print, and observers that
//! switch. Behaviours only, in own words.
//!
//! Adapted: attributes are greenlet-locals, which each greenlet has for itself unless they are shared; `repr` is
//! `Debug`; the programs about observers, which upstream runs as scripts, are functions here, with their logs compared
//! in full.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use greenlet::trace::{self, Event};
use greenlet::{AnyGreenlet, Greenlet, State, SwitchError, current, greenlet_local, main};

use crate::support::leak_checked;

type Log<T> = Rc<RefCell<Vec<T>>>;

greenlet_local! {
    static TEST: Cell<u32> = Cell::new(0);
    static BELL: RefCell<Option<Rc<()>>> = RefCell::new(None);
}

/// test_instance_dict (A: greenlet-locals)
#[test]
fn a_local_belongs_to_its_greenlet_or_is_shared() {
    leak_checked(|| {
        let counted = Rc::new(());
        let inner = counted.clone();
        let g = Greenlet::new(move |()| {
            assert_eq!(TEST.get(), 0);
            TEST.set(42);
            BELL.set(Some(inner));
            main().switch::<u32, ()>(TEST.get());
            TEST.get()
        });
        TEST.set(1);
        assert_eq!(g.switch(()), 42);
        assert_eq!((TEST.get(), Rc::strong_count(&counted)), (1, 2));
        TEST.set(2);
        assert_eq!(g.switch(()), 42);
        assert_eq!((TEST.get(), Rc::strong_count(&counted)), (2, 1));

        let shares = Greenlet::builder().share_locals();
        let g = shares.build(|()| TEST.replace(43));
        assert_eq!(g.switch(()), 2);
        assert_eq!(TEST.get(), 43);
    });
}

#[track_caller]
fn assert_ends_with(text: &str, end: &str) {
    assert!(text.ends_with(end), "{text} does not end with {end}");
}

/// test_main_while_running (A: `Debug`)
#[test]
fn main_prints_as_running_while_it_runs() {
    leak_checked(|| assert_ends_with(&format!("{:?}", current()), " running main)"));
}

/// test_main_in_background (A: `Debug`)
#[test]
fn main_prints_as_suspended_while_another_runs() {
    leak_checked(|| {
        let me = current();
        let text = Greenlet::new(move |()| format!("{me:?}")).switch(());
        assert_ends_with(&text, " suspended main)");
    });
}

/// test_initial (A: `Debug`)
#[test]
fn a_greenlet_prints_as_new_before_it_starts() {
    leak_checked(|| {
        assert_ends_with(&format!("{:?}", Greenlet::<()>::empty()), " new)");
        assert_ends_with(&format!("{:?}", Greenlet::new(|()| ())), " new)");
    });
}

/// test_dead (A: `Debug`)
#[test]
fn a_greenlet_prints_as_dead_after_its_end() {
    leak_checked(|| {
        let g = Greenlet::builder().name("short").build(|()| ());
        g.switch(());
        let text = format!("{g:?}");
        assert_ends_with(&text, " dead)");
        assert!(text.contains("\"short\""), "{text}");
        for state in ["new", "suspended", "running", "main"] {
            assert!(!text.contains(state), "{text}");
        }
    });
}

/// test_main_greenlet_is_greenlet (A: `current` gives the same type for main as for any other)
#[test]
fn main_is_a_greenlet_like_any_other() {
    leak_checked(|| {
        let here: AnyGreenlet = current();
        let other: AnyGreenlet = Greenlet::new(|()| current()).switch(());
        assert_ne!(here, other);
        assert_eq!(Greenlet::<(), u8>::main(), here);
        // Switched to, it gives back the value, as every greenlet does to itself.
        assert_eq!(Greenlet::<u8>::main().switch(5), 5);
        assert!(here.is_active() && here.id() != other.id());
    });
}

/// test_reentrant_switch_two_greenlets (A: the log in full)
#[test]
fn an_observer_may_switch_and_both_bodies_complete() {
    leak_checked(|| {
        let log = Log::<String>::default();
        let divert = Rc::new(Cell::new(false));
        let (g1, g2) = (Greenlet::<()>::empty(), Greenlet::<()>::empty());
        let names = [(main(), "main"), (g1.any(), "g1"), (g2.any(), "g2")];
        let name = move |g: &AnyGreenlet| {
            let found = names.iter().find(|(greenlet, _)| greenlet == g);
            found.expect("all are known").1
        };

        let (seen, flag) = (log.clone(), divert.clone());
        g1.set_run(move |()| {
            seen.borrow_mut().push("g1 runs".to_owned());
            flag.set(true);
            main().switch::<(), ()>(());
            seen.borrow_mut().push("g1 ends".to_owned());
        });
        let (seen, to) = (log.clone(), g1.any());
        g2.set_run(move |()| {
            to.switch::<(), ()>(());
            seen.borrow_mut().push("g2 ends".to_owned());
        });
        let (seen, to) = (log.clone(), g2.any());
        trace::set(move |event, origin, target| {
            assert_eq!((event, target), (Event::Switch, &current()));
            let hop = format!("{} to {}", name(origin), name(target));
            seen.borrow_mut().push(hop.clone());
            if divert.replace(false) {
                to.switch::<(), ()>(());
                seen.borrow_mut().push(format!("{hop}, later"));
            }
        });
        g1.switch(());
        log.borrow_mut().push("main goes on".to_owned());
        g2.switch(());
        trace::clear();

        let expected = [
            "main to g1",
            "g1 runs",
            "g1 to main",
            "main to g2",
            "g2 to g1",
            "g1 ends",
            "g1 to main",
            "g1 to main, later",
            "main goes on",
            "main to g2",
            "g2 ends",
            "g2 to main",
        ];
        assert_eq!(*log.borrow(), expected);
        assert!(g1.is_dead() && g2.is_dead());
    });
}

/// test_reentrant_switch_three_greenlets (A: the wrong arguments are a wrong type, and the diverted start goes on)
#[test]
fn a_start_that_an_observer_diverted_refuses_other_arguments() {
    leak_checked(|| {
        let started_with = Rc::new(Cell::new(None));
        let divert = Cell::new(true);
        let inner = started_with.clone();
        let g1 = Greenlet::<u32, ()>::new(move |n| inner.set(Some(n)));
        let g2 = Greenlet::new(|()| main().switch::<(), ()>(()));
        let to = g2.any();
        trace::set(move |_, _, _| {
            if divert.replace(false) {
                to.switch::<(), ()>(());
            }
        });
        // It is started, but its observer goes to `g2`, which comes back here.
        g1.switch(1);
        assert_eq!((g1.state(), started_with.get()), (State::Suspended, None));

        let refused = g1.try_switch(2).unwrap_err();
        assert!(matches!(refused, SwitchError::Type { value: 2, .. }));
        assert_eq!((g1.state(), started_with.get()), (State::Suspended, None));

        g1.any().switch::<(), ()>(());
        assert_eq!(started_with.get(), Some(1));
        assert!(g1.is_dead());
        trace::clear();
    });
}

/// test_reentrant_switch_three_greenlets2 (A: an empty string for no arguments)
#[test]
fn a_start_that_an_observer_diverted_keeps_its_argument() {
    type Entry = (&'static str, &'static str);

    /// What the bodies do with a value that they get, and what they send back for it.
    fn exchange(log: &Log<Entry>, who: &'static str, send: &'static str) {
        let parent = current().parent().expect("not main");
        let got = parent.switch(send);
        log.borrow_mut().push((who, got));
    }

    leak_checked(|| {
        let log = Log::<Entry>::default();
        let seen = log.clone();
        let g1 = Greenlet::new(move |argument: &'static str| {
            seen.borrow_mut().push(("g1 arg", argument));
            exchange(&seen, "g1 from parent", "from g1_run");
            "g1 done"
        });
        let seen = log.clone();
        let g2 = Greenlet::new(move |argument: &'static str| {
            seen.borrow_mut().push(("g2 arg", argument));
            exchange(&seen, "g2 from parent", "from g2_run");
            "g2 done"
        });
        let (seen, to, divert) = (log.clone(), g2.any(), Cell::new(true));
        trace::set(move |event, _, _| {
            let kind = match event {
                Event::Switch => "switch",
                _ => "throw",
            };
            seen.borrow_mut().push(("trace", kind));
            if divert.replace(false) {
                to.switch::<&str, &str>("g2 from tracefunc");
            }
        });
        let sends = [
            ("main g1", &g1, "g1 from main"),
            ("main g2", &g1, "g2 from main"),
            ("main g1.2", &g1, "g1 from main 2"),
            ("main g2.2", &g2, ""),
        ];
        for (name, target, value) in sends {
            let got = target.switch(value);
            log.borrow_mut().push((name, got));
        }
        trace::clear();

        let expected = [
            ("trace", "switch"),
            ("trace", "switch"),
            ("g2 arg", "g2 from tracefunc"),
            ("trace", "switch"),
            ("main g1", "from g2_run"),
            ("trace", "switch"),
            ("g1 arg", "g1 from main"),
            ("trace", "switch"),
            ("main g2", "from g1_run"),
            ("trace", "switch"),
            ("g1 from parent", "g1 from main 2"),
            ("trace", "switch"),
            ("main g1.2", "g1 done"),
            ("trace", "switch"),
            ("g2 from parent", ""),
            ("trace", "switch"),
            ("main g2.2", "g2 done"),
        ];
        assert_eq!(*log.borrow(), expected);
    });
}
