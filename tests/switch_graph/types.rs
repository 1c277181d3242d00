//! Types that do not fit, against a model of their own: a lineage of new and dead ancestors, and an end below it.

use greenlet::{Greenlet, GreenletExit, ParentError, SwitchError};
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::RefCell;
use std::panic::resume_unwind;
use std::rc::Rc;

use crate::against_model::{number_from_env, runner};
use crate::support::leak_checked;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Number,
    Text,
    Exit,
}

/// How a greenlet ends, and what is on its way up afterwards.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Returns(Kind),
    Panics,
    Exits,
}

#[derive(Clone, Copy, Debug)]
enum Ancestor {
    Dead,
    /// Given no run.
    Empty,
    /// New, takes a value of this kind.
    New(Kind, End),
}

/// What happened, from the leaf up: who ran or was ended, and what main got.
#[derive(Debug, PartialEq)]
struct Story {
    ran: Vec<usize>,
    dead: Vec<bool>,
    main: &'static str,
}

/// Items 22 to 26 and 31, for a main that waits for a number.
fn predict(leaf: End, ancestors: &[Ancestor]) -> Story {
    let mut ran = vec![];
    let mut dead: Vec<bool> = ancestors
        .iter()
        .map(|ancestor| matches!(ancestor, Ancestor::Dead))
        .collect();
    let mut parcel = leaf;
    let mut misfit = false;
    for (at, ancestor) in ancestors.iter().enumerate() {
        let Ancestor::New(takes, end) = *ancestor else {
            // A result cannot start who has no run; an error takes its place (31).
            if matches!((ancestor, parcel), (Ancestor::Empty, End::Returns(_))) {
                (parcel, misfit) = (End::Panics, true);
            }
            continue;
        };
        let fits = match parcel {
            End::Returns(kind) => kind == takes,
            // One that takes an exit is started with it; others stay new (32).
            End::Exits => takes == Kind::Exit,
            End::Panics => {
                dead[at] = true;
                continue;
            }
        };
        if fits {
            ran.push(at);
            dead[at] = true;
            (parcel, misfit) = (end, false);
        } else if parcel != End::Exits {
            (parcel, misfit) = (End::Panics, true);
        }
    }
    let main = match parcel {
        End::Returns(Kind::Number) => "number",
        End::Returns(_) => "misfit",
        End::Panics if misfit => "misfit",
        End::Panics => "panic",
        End::Exits => "exit",
    };
    Story { ran, dead, main }
}

struct Oops;

fn finish<B: 'static>(end: End, value: B) -> B {
    match end {
        End::Returns(_) => value,
        End::Panics => resume_unwind(Box::new(Oops)),
        End::Exits => resume_unwind(Box::new(GreenletExit)),
    }
}

type Ran = Rc<RefCell<Vec<usize>>>;

/// A new greenlet that takes an `A`, and its owner as one of any type.
fn new<A: 'static>(at: usize, end: End, ran: &Ran) -> Greenlet {
    fn with<A: 'static, B: 'static>(at: usize, end: End, ran: &Ran, value: B) -> Greenlet {
        let ran = ran.clone();
        let body = move |_: A| {
            ran.borrow_mut().push(at);
            finish(end, value)
        };
        Greenlet::new(body).cast()
    }
    match end {
        End::Returns(Kind::Text) => with::<A, _>(at, end, ran, "text".to_owned()),
        End::Returns(Kind::Exit) => with::<A, _>(at, end, ran, GreenletExit),
        _ => with::<A, _>(at, end, ran, 1_i64),
    }
}

fn run(leaf: End, ancestors: &[Ancestor]) -> Story {
    const LEAF: usize = usize::MAX;
    let ran = Ran::default();
    let lineage: Vec<Greenlet> = ancestors
        .iter()
        .enumerate()
        .map(|(at, ancestor)| match *ancestor {
            Ancestor::Dead => {
                let dead = Greenlet::<(), ()>::new(|()| ());
                dead.switch(());
                dead
            }
            Ancestor::Empty => Greenlet::<(), ()>::empty(),
            Ancestor::New(Kind::Number, end) => new::<i64>(at, end, &ran),
            Ancestor::New(Kind::Text, end) => new::<String>(at, end, &ran),
            Ancestor::New(Kind::Exit, end) => new::<GreenletExit>(at, end, &ran),
        })
        .collect();
    let start = new::<()>(LEAF, leaf, &ran);
    let mut child = &start;
    for parent in &lineage {
        assert_eq!(child.set_parent(parent), Ok::<_, ParentError>(()));
        child = parent;
    }
    let main = match start.any().try_switch::<(), i64>(()) {
        Ok(_) => "number",
        Err(SwitchError::Exited(GreenletExit)) => "exit",
        Err(SwitchError::Thrown(payload)) if payload.is::<Oops>() => "panic",
        Err(SwitchError::Thrown(payload)) if payload.is::<String>() => "misfit",
        Err(_) => "something else",
    };
    assert_eq!(ran.borrow_mut().remove(0), LEAF);
    Story {
        ran: ran.take(),
        dead: lineage.iter().map(|greenlet| greenlet.is_dead()).collect(),
        main,
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![3 => Just(Kind::Number), 2 => Just(Kind::Text), 1 => Just(Kind::Exit)]
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![4 => kinds().prop_map(End::Returns), 1 => Just(End::Panics), 1 => Just(End::Exits)]
}

fn ancestors() -> impl Strategy<Value = Ancestor> {
    let new = (kinds(), ends()).prop_map(|(takes, end)| Ancestor::New(takes, end));
    prop_oneof![6 => new, 1 => Just(Ancestor::Dead), 1 => Just(Ancestor::Empty)]
}

#[test]
fn a_result_that_does_not_fit_becomes_an_error_of_the_next_ancestor() {
    let cases = number_from_env("GREENLET_TYPES_CASES", 3_000);
    leak_checked(move || {
        let (mut runner, seed) = runner(cases, 4);
        let seen = RefCell::new(std::collections::BTreeMap::<_, u32>::new());
        let outcome = runner.run(&(ends(), vec(ancestors(), 0..7)), |(leaf, ancestors)| {
            let expected = predict(leaf, &ancestors);
            *seen.borrow_mut().entry(expected.main).or_default() += 1;
            prop_assert_eq!(run(leaf, &ancestors), expected);
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("GREENLET_GRAPH_SEED={seed}: {failure}");
        }
        let seen: Vec<_> = seen.into_inner().into_keys().collect();
        assert_eq!(seen, ["exit", "misfit", "number", "panic"]);
    });
}

#[test]
fn a_value_of_the_wrong_type_is_handed_back_by_every_target() {
    leak_checked(|| {
        let new = Greenlet::new(|n: i64| n);
        let suspended = Greenlet::<i64, i64>::new(|n| greenlet::main().switch(n));
        assert_eq!(suspended.switch(1), 1);
        for target in [new.any(), suspended.any(), greenlet::current()] {
            match target.try_switch::<String, i64>("back".to_owned()) {
                Err(SwitchError::Type {
                    value,
                    sent,
                    expected,
                    ..
                }) => {
                    assert_eq!(value, "back");
                    assert!(
                        sent.ends_with("String") && expected == "i64",
                        "{sent} {expected}"
                    );
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(new.switch(2), 2, "nothing was lost");
        assert_eq!(suspended.switch(3), 3);
    });
}
