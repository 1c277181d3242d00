//! Source: `test_throw.py`. Throwing into a greenlet, and where it goes from there.
//!
//! Adapted: there is one form of `throw`, with a payload; the forms with class, value and traceback, and the errors of
//! calling them wrongly, have no counterpart. The dead refuse a throw instead of passing it on.

use std::panic::catch_unwind;

use greenlet::{Greenlet, GreenletExit, SwitchError, main};

use crate::support::{Token, leak_checked};

/// A payload of its own type.
#[derive(Debug, PartialEq)]
struct IndexError;

/// test_class (Y)
#[test]
fn a_caught_throw_lets_the_target_answer_the_thrower() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            match main().try_switch::<_, ()>("waiting") {
                Err(SwitchError::Thrown(thrown)) if thrown.is::<IndexError>() => {}
                other => panic!("expected the throw, got {other:?}"),
            }
            main().switch::<_, ()>("caught");
            "end"
        });
        assert_eq!(g.switch(()), "waiting");
        assert_eq!(g.throw(Box::new(IndexError)), "caught");
        assert!(g.is_active());
        assert_eq!(g.switch(()), "end");
    });
}

/// test_val (A: one form of throw)
#[test]
fn a_payload_arrives_intact() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            let thrown = catch_unwind(|| main().switch::<_, ()>("waiting")).unwrap_err();
            *thrown.downcast::<(String, Vec<u8>)>().unwrap()
        });
        assert_eq!(g.any().switch::<(), &str>(()), "waiting");
        let bytes = vec![1, 2, 3];
        let address = bytes.as_ptr();
        let (text, bytes) = g.throw(Box::new(("ciao".to_owned(), bytes)));
        assert_eq!((text.as_str(), &*bytes), ("ciao", &[1, 2, 3][..]));
        assert_eq!(bytes.as_ptr(), address, "the very same bytes");
    });
}

/// test_kill (Y)
#[test]
fn a_thrown_exit_ends_the_target_and_is_no_error() {
    leak_checked(|| {
        let token = Token::new();
        let g = Greenlet::new(move |()| {
            let _token = token;
            main().switch::<_, ()>("waiting");
            "not reached"
        });
        assert_eq!(g.switch(()), "waiting");
        let end = g.try_throw(Box::new(GreenletExit));
        assert!(matches!(end, Err(SwitchError::Exited(GreenletExit))));
        assert!(g.is_dead());
        assert_eq!(Token::alive(), 0);
        // The dead do not echo.
        let again = g.try_throw(Box::new(GreenletExit));
        let Err(SwitchError::Dead(refused)) = again else {
            panic!("a dead greenlet took {again:?}");
        };
        assert!(refused.is::<GreenletExit>());
    });
}

/// Waits for something thrown, and tells whether it came.
fn catcher() -> Greenlet<(), &'static str> {
    Greenlet::new(|()| match main().try_switch::<_, ()>("ready to catch") {
        Err(SwitchError::Thrown(thrown)) if thrown.is::<IndexError>() => "caught",
        _ => "normal end",
    })
}

/// Waits once. Its result is what `catcher` waits for.
fn child_of(parent: &Greenlet<(), &'static str>) -> Greenlet<(), ()> {
    Greenlet::with_parent(|()| main().switch::<_, ()>("from the child"), parent)
}

/// test_throw_goes_to_original_parent (Y)
#[test]
fn an_uncaught_throw_goes_to_the_parent_whatever_its_state() {
    leak_checked(|| {
        // Neither has started: both die of it.
        let parent = catcher();
        let child = child_of(&parent);
        let end = child.try_throw(Box::new(IndexError));
        assert!(matches!(end, Err(SwitchError::Thrown(thrown)) if thrown.is::<IndexError>()));
        assert!(child.is_dead() && parent.is_dead());

        // The parent waits: it catches, and its end comes here.
        let parent = catcher();
        let child = child_of(&parent);
        assert_eq!(parent.switch(()), "ready to catch");
        let end: &str = child.any().throw(Box::new(IndexError));
        assert_eq!(end, "caught");
        assert!(child.is_dead() && parent.is_dead());

        // Both wait.
        let parent = catcher();
        let child = child_of(&parent);
        assert_eq!(parent.switch(()), "ready to catch");
        assert_eq!(child.any().switch::<(), &str>(()), "from the child");
        let end: &str = child.any().throw(Box::new(IndexError));
        assert_eq!(end, "caught");
        assert!(child.is_dead() && parent.is_dead());
    });
}
