//! Source: `test_cpp.py`. Unwinding that is not the library's own: caught inside a greenlet it stays there, and where it may
//! not pass it ends the process.
//!
//! Adapted: an exception is a panic; one that must not be let out is a panic that reaches an `extern "C"` function.
//! As the process dies of those, each is a case for a child.

use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};

use greenlet::{Greenlet, SwitchError, census, main};

use crate::child::{Case, run_child};
use crate::support::{Token, leak_checked};

pub(crate) const CASES: &[Case] = &[
    ("foreign_payload", foreign_payload),
    ("foreign_message", foreign_message),
    ("foreign_body", foreign_body),
    ("foreign_in_nested_greenlet", foreign_in_nested_greenlet),
    ("foreign_frame_killed", foreign_frame_killed),
];

const ABORTED: i32 = 6;

/// Never lets a panic out.
#[allow(improper_ctypes_definitions, reason = "called from here only")]
extern "C" fn barrier(action: fn()) {
    action();
}

/// Switches to main `left` calls down, inside a `catch_unwind`, and then throws, which must end up just there.
fn throw_at(depth: usize, left: usize) -> usize {
    if left > 0 {
        return throw_at(depth, left - 1);
    }
    let caught = catch_unwind(|| {
        main().switch::<_, ()>(None::<usize>);
        resume_unwind(Box::new(depth));
    });
    *caught.unwrap_err().downcast::<usize>().unwrap()
}

/// While it is dropped, which is because of an unwind, it switches to main.
struct Detour;

impl Drop for Detour {
    fn drop(&mut self) {
        assert!(std::thread::panicking());
        main().switch::<_, ()>(None::<usize>);
    }
}

/// Like `throw_at`, but main goes on while the unwind is under way.
fn detour_at(depth: usize, left: usize) -> usize {
    if left > 0 {
        return detour_at(depth, left - 1);
    }
    let caught = catch_unwind(|| {
        let _detour = Detour;
        resume_unwind(Box::new(depth));
    });
    *caught.unwrap_err().downcast::<usize>().unwrap()
}

/// test_exception_switch (Y)
#[test]
fn unwinds_at_several_depths_each_stay_in_their_greenlet() {
    for throws in [throw_at, detour_at] {
        leak_checked(move || {
            let make = |depth| {
                let g = Greenlet::new(move |()| Some(throws(depth, depth)));
                assert_eq!(g.switch(()), None);
                g
            };
            let greenlets: Vec<_> = (0..4).map(make).collect();
            // They began one inside the other, and end in the order in which they began.
            for (depth, g) in greenlets.iter().enumerate() {
                assert_eq!(g.switch(()), Some(depth));
                assert!(g.is_dead());
            }
            assert!(!std::thread::panicking());
        });
    }
}

/// test_leak_test_exception_switch_and_do_in_g2 (Y)
#[test]
fn a_thousand_deaths_by_panic_leak_nothing() {
    leak_checked(|| {
        for i in 0..1000 {
            let token = Token::new();
            let g = Greenlet::new(move |()| {
                let _token = token;
                resume_unwind(Box::new(i))
            });
            let end: Result<(), _> = g.try_switch(());
            let Err(SwitchError::Thrown(thrown)) = end else {
                panic!("{end:?}");
            };
            assert_eq!(thrown.downcast_ref(), Some(&i));
            assert!(g.is_dead());
        }
        assert_eq!((census().greenlets, census().stacks), (1, 0));
        assert_eq!(census().pooled_stacks, 1, "one stack did for all");
    });
}

/// Runs `body` in a greenlet. Nothing of this is to go on after its panic.
fn never_returns_from(body: impl FnOnce(()) + 'static) {
    println!("running");
    let g = Greenlet::new(body);
    let end = catch_unwind(AssertUnwindSafe(|| g.try_switch(())));
    println!("survived: {}", end.is_err());
}

/// The child ran, was aborted, and did nothing in between; what it wrote to standard error.
#[track_caller]
fn aborts(case: &str) -> String {
    let output = run_child(case);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.signal(), Some(ABORTED), "{out}{err}");
    assert!(out.contains("running"), "{out}");
    assert!(!out.contains("survived"), "{out}");
    err
}

fn foreign_payload() {
    never_returns_from(|()| {
        let caught = catch_unwind(|| barrier(|| panic_any(7_u8)));
        println!("survived: {}", caught.is_err());
    });
}

/// test_unhandled_nonstd_exception_aborts (A: a payload of any type at an `extern "C"` function)
#[test]
fn any_payload_that_reaches_a_foreign_frame_aborts() {
    aborts("foreign_payload");
}

fn foreign_message() {
    never_returns_from(|()| barrier(|| panic!("thrown below a foreign frame")));
}

/// test_unhandled_std_exception_aborts (A: a panic with a message, which is seen)
#[test]
fn a_panic_that_reaches_a_foreign_frame_aborts_with_its_message() {
    let err = aborts("foreign_message");
    assert!(err.contains("thrown below a foreign frame"), "{err}");
}

extern "C" fn foreign_entry(_: usize) -> usize {
    panic!("thrown by a foreign body");
}

fn foreign_body() {
    println!("running");
    let g = Greenlet::new(|n| foreign_entry(n));
    println!("survived: {}", g.try_switch(1).is_err());
}

/// test_unhandled_std_exception_as_greenlet_function_aborts (A: all that the body does is call an `extern "C"` function)
#[test]
fn a_foreign_function_as_body_aborts_instead_of_panicking() {
    let err = aborts("foreign_body");
    assert!(err.contains("thrown by a foreign body"), "{err}");
}

fn foreign_in_nested_greenlet() {
    println!("running");
    let outer = Greenlet::new(|()| {
        let inner = Greenlet::new(|()| barrier(|| panic_any(7_u8)));
        let caught = catch_unwind(AssertUnwindSafe(|| inner.try_switch(())));
        println!("survived: {}", caught.is_err());
    });
    println!("survived: {}", outer.try_switch(()).is_err());
}

/// Suspended inside a foreign frame, it cannot be unwound.
fn foreign_frame_killed() {
    println!("running");
    let g = Greenlet::new(|()| barrier(|| main().switch::<(), ()>(())));
    g.switch(());
    drop(g);
    println!("survived");
}

/// test_unhandled_exception_in_greenlet_aborts (A: in a greenlet of a greenlet that catches; and by a kill)
#[test]
fn no_other_greenlet_catches_what_reached_a_foreign_frame() {
    aborts("foreign_in_nested_greenlet");
    aborts("foreign_frame_killed");
}
