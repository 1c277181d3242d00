//! Types are checked when the switch is made; values are moved.
//!
//! Contract: "Types are checked when the switch is made, before control leaves the sender", "A value moves from sender to
//! receiver without a heap allocation", "`switch` on the current greenlet returns its own value".

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use greenlet::{Greenlet, State, SwitchError};

use crate::support::{Token, leak_checked};

fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    *payload.downcast::<String>().expect("a formatted panic")
}

#[test]
fn a_wrong_type_is_refused_in_the_sender_and_handed_back() {
    leak_checked(|| {
        let g = Greenlet::builder().name("taker").build(|n: i32| n + 1);
        let token = Token::new();
        let refused = g.any().try_switch::<Token, i32>(token);
        let Err(SwitchError::Type {
            value,
            sent,
            expected,
            target,
            waits_at,
        }) = refused
        else {
            panic!("not refused");
        };
        assert!(sent.ends_with("Token") && expected == "i32");
        assert_eq!(target, format!("`taker` ({})", g.id()));
        assert_eq!(waits_at.file(), file!());
        assert_eq!(Token::alive(), 1, "nothing is lost");
        drop(value);
        assert_eq!(g.state(), State::New);
        assert_eq!(g.switch(1), 2, "and the target is as it was");
    });
}

#[test]
fn a_suspended_greenlet_expects_what_its_pending_call_returns() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            let text: String = greenlet::main().switch(());
            let number: u8 = greenlet::main().switch(text.len());
            assert_eq!(number, 8);
        });
        g.switch(());
        assert!(matches!(
            g.any().try_switch::<u8, usize>(8),
            Err(SwitchError::Type {
                expected: "alloc::string::String",
                ..
            })
        ));
        assert_eq!(g.any().switch::<String, usize>("four".into()), 4);
        assert!(matches!(
            g.any().try_switch::<String, ()>("x".into()),
            Err(SwitchError::Type { expected: "u8", .. })
        ));
        g.any().switch::<u8, ()>(8);
        assert!(g.is_dead());
    });
}

#[test]
fn the_panic_of_switch_names_both_types_the_target_and_where_it_waits() {
    leak_checked(|| {
        let g = Greenlet::builder().name("target").build(|()| {
            greenlet::main().switch::<(), i64>(());
        });
        g.switch(());
        let line = line!() - 3;
        let text = panic_text(|| g.any().switch::<&str, ()>("no number"));
        for part in [
            "&str",
            "i64",
            "`target`",
            &g.id().to_string(),
            &greenlet::main().id().to_string(),
            &format!("{}:{line}:", file!()),
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
        g.any().switch::<i64, ()>(1);
    });
}

#[test]
fn refused_on_dead_and_without_run_names_both_sides() {
    leak_checked(|| {
        let g = Greenlet::builder().name("gone").build(|()| ());
        g.switch(());
        let text = panic_text(|| g.switch(()));
        assert!(text.contains("`gone`") && text.contains("dead"), "{text}");
        let main = greenlet::main().id().to_string();
        assert!(text.contains(&main), "{text}");
        let empty = Greenlet::<()>::empty();
        let text = panic_text(|| empty.switch(()));
        assert!(text.contains("no run") && text.contains(&main), "{text}");
    });
}

#[test]
fn a_result_that_does_not_fit_is_an_error_in_the_parents_pending_call() {
    leak_checked(|| {
        let g = Greenlet::builder().name("child").build(|()| Token::new());
        let got = g.any().try_switch::<(), i32>(());
        let Err(SwitchError::Thrown(payload)) = got else {
            panic!("{got:?}");
        };
        let text = *payload.downcast::<String>().unwrap();
        for part in ["`child`", "Token", "i32", file!()] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
        assert!(g.is_dead());
        assert_eq!(Token::alive(), 0, "the result was dropped");

        let again = Greenlet::builder().name("second").build(|()| "text");
        let text = panic_text(|| _ = again.any().switch::<(), i32>(()));
        assert!(text.contains("`second`") && text.contains("&str"), "{text}");
    });
}

#[test]
fn a_new_parent_that_a_result_does_not_fit_stays_new_and_the_error_goes_on() {
    leak_checked(|| {
        let parent = Greenlet::builder().name("numbers").build(|n: i32| n);
        let child = Greenlet::with_parent(|()| "text", &parent);
        let got = child.any().try_switch::<(), i32>(());
        let Err(SwitchError::Thrown(payload)) = got else {
            panic!("{got:?}");
        };
        let text = *payload.downcast::<String>().unwrap();
        assert!(
            text.contains("`numbers`") && text.contains("&str"),
            "{text}"
        );
        assert_eq!(parent.state(), State::New);
        assert_eq!(parent.switch(3), 3);
    });
}

#[test]
fn a_switch_to_oneself_returns_the_value() {
    leak_checked(|| {
        assert_eq!(greenlet::main().switch::<_, String>("me".to_owned()), "me");
        let g = Greenlet::new(|()| greenlet::current().switch::<_, Token>(Token::new()));
        let token = g.any().switch::<(), Token>(());
        assert_eq!(Token::alive(), 1);
        drop(token);
        let (wrong, line) = (greenlet::main().try_switch::<i32, u32>(1), line!());
        assert!(
            matches!(&wrong, Err(SwitchError::Type { waits_at, .. }) if waits_at.line() == line)
        );
        assert!(
            matches!(wrong, Err(SwitchError::Type { value: 1, .. })),
            "{wrong:?}"
        );
    });
}

#[test]
fn values_of_every_size_and_alignment_arrive_whole() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(256))]
    struct Aligned(u64);
    leak_checked(|| {
        fn echo<T: Clone + PartialEq + std::fmt::Debug + 'static>(value: T) {
            let g = Greenlet::new(|first: T| {
                let second: T = greenlet::main().switch(first);
                greenlet::main().switch::<T, T>(second)
            });
            for _ in 0..3 {
                assert_eq!(g.switch(value.clone()), value);
            }
        }
        echo(());
        echo(1u8);
        echo([7u64; 100]);
        echo([1u8; 5000]);
        echo(Aligned(9));
        echo(Rc::new("shared"));
        echo((1u8, 2u64, "three".to_owned(), Some(Box::new(4))));
    });
}

#[test]
fn values_move_by_identity_and_drop_once() {
    leak_checked(|| {
        let rc = Rc::new(Token::new());
        let g = Greenlet::new(|rc: Rc<Token>| {
            let back: Rc<Token> = greenlet::main().switch(rc);
            drop(back);
        });
        let back: Rc<Token> = g.any().switch(rc.clone());
        assert!(Rc::ptr_eq(&rc, &back));
        assert_eq!(Rc::strong_count(&rc), 2);
        g.any().switch::<_, ()>(back);
        assert_eq!(Rc::strong_count(&rc), 1);
    });
}

#[test]
fn whoever_resumes_supplies_the_value() {
    // Greenlet items 17 and 18: the receiver is not told who switched to it.
    leak_checked(|| {
        let waiting = Greenlet::new(|()| greenlet::main().switch::<(), i32>(()));
        waiting.any().switch::<(), ()>(());
        let target = waiting.any();
        let other = Greenlet::new(move |()| target.switch::<i32, i32>(11));
        // The result of `waiting` goes to its parent, main; `other` stays suspended.
        assert_eq!(other.switch(()), 11);
        assert_eq!(other.state(), State::Suspended);
    });
}

#[test]
fn casts_choose_types_that_the_switch_checks() {
    leak_checked(|| {
        let g = Greenlet::new(|n: i32| n);
        let wrong = g.cast::<String, String>();
        let refused = wrong.try_switch("x".to_owned()).unwrap_err();
        assert_eq!(refused.into_value().as_deref(), Some("x"));
        assert_eq!(g.any().cast::<i32, i32>().switch(2), 2);
    });
}
