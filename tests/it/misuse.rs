//! Misuse is a clear error, nothing is lost, and the greenlet is still usable.
//!
//! Wrong types are in `types`, the dead in `delivery`; switching from another thread does not compile (doc tests of
//! `Greenlet` and `AnyGreenlet`).

use std::panic::{AssertUnwindSafe, catch_unwind};

use greenlet::{Greenlet, ParentError, State, SwitchError};

use crate::support::{Token, leak_checked};

/// More than a process can map.
const TOO_MUCH: usize = 1 << 46;

#[test]
fn a_stack_that_cannot_be_had_is_an_error_that_hands_the_value_back() {
    leak_checked(|| {
        let g = Greenlet::builder()
            .name("giant")
            .stack_size(TOO_MUCH)
            .build(|token: Token| drop(token));
        let Err(SwitchError::NoStack {
            value,
            target,
            reason,
            error,
            ..
        }) = g.try_switch(Token::new())
        else {
            panic!("there is no such machine");
        };
        assert_eq!(target, format!("`giant` ({})", g.id()));
        assert!(reason.contains("stack of"), "{reason}");
        assert_eq!(error.kind(), std::io::ErrorKind::OutOfMemory);
        assert_eq!((g.state(), Token::alive()), (State::New, 1));
        drop(value);
        let payload = catch_unwind(AssertUnwindSafe(|| g.switch(Token::new()))).unwrap_err();
        let text = payload.downcast_ref::<String>().unwrap();
        let main = greenlet::main().id().to_string();
        assert!(text.contains("`giant`") && text.contains(&main), "{text}");
        let thrown = g.try_throw(Box::new(7));
        assert!(
            matches!(thrown, Err(SwitchError::NoStack { .. })),
            "{thrown:?}"
        );
        assert_eq!(g.state(), State::New);
    });
}

#[test]
fn a_death_into_a_parent_without_a_stack_reaches_the_next_ancestor() {
    leak_checked(|| {
        let parent = Greenlet::builder()
            .name("giant")
            .stack_size(TOO_MUCH)
            .build(|n: i32| n);
        let child = Greenlet::with_parent(|n: i32| n, &parent);
        let Err(SwitchError::Thrown(payload)) = child.try_switch(1) else {
            panic!("no error");
        };
        let text = payload.downcast_ref::<String>().unwrap();
        assert!(
            text.contains("`giant`") && text.contains(&child.id().to_string()),
            "{text}"
        );
        assert_eq!(parent.state(), State::New);
        let failing = Greenlet::with_parent(
            |_: i32| -> i32 { std::panic::resume_unwind(Box::new("first error")) },
            &parent,
        );
        let Err(SwitchError::Thrown(payload)) = failing.try_switch(1) else {
            panic!("no error");
        };
        assert_eq!(payload.downcast_ref(), Some(&"first error"));
    });
}

#[test]
fn after_a_refusal_everything_goes_on() {
    leak_checked(|| {
        let g = Greenlet::builder().stack_size(TOO_MUCH).build(|()| ());
        assert!(g.try_switch(()).is_err());
        let h = Greenlet::new(|()| greenlet::main().switch::<(), ()>(()));
        h.switch(());
        for _ in 0..10 {
            assert!(h.any().try_switch::<u8, ()>(1).is_err());
            assert!(g.try_switch(()).is_err());
            assert_eq!(h.set_parent(&h), Err(ParentError::Cycle));
        }
        h.switch(());
        assert!(h.is_dead());
    });
}

#[test]
fn errors_of_every_type_can_be_shown_and_boxed() {
    struct Opaque;
    leak_checked(|| {
        let dead = Greenlet::new(|_: Opaque| ());
        dead.switch(Opaque);
        let error = dead.try_switch(Opaque).unwrap_err();
        assert_eq!(format!("{error}"), "the greenlet is dead");
        assert_eq!(format!("{error:?}"), "Dead(the greenlet is dead)");
        let boxed: Box<dyn std::error::Error> = Box::new(error);
        assert!(boxed.source().is_none());
        assert_eq!(
            ParentError::MainHasNoParent.to_string(),
            "the main greenlet has no parent"
        );
    });
}
