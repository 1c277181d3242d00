//! Source: `test_interpreter_shutdown.py`. What becomes of greenlets at the end of a thread and of the process.
//!
//! Adapted: the interpreter's end is the end of the thread and then of the process, or an `exit` in the midst of it; each case
//! runs both ways in a child. What runs at exit is the destructor of a thread-local, from where the library works as ever,
//! whether its own state of the thread is already gone or not. The tests of the interpreter's finalization have no
//! counterpart.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use greenlet::{Greenlet, GreenletExit, State, SwitchError, current, main};

use crate::child::{Case, EXITING, run_well};

pub(crate) const CASES: &[Case] = &[
    ("one_active", one_active),
    ("ten_active", ten_active),
    ("nested", nested),
    ("of_ended_threads", of_ended_threads),
    ("many_with_cleanup", many_with_cleanup),
    ("deeply_nested", deeply_nested),
    ("amid_unwinding", amid_unwinding),
];

thread_local! {
    static KEPT: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// Until the thread ends, or longer.
fn keep(value: impl Any) {
    KEPT.with_borrow_mut(|kept| kept.push(Box::new(value)));
}

/// Runs a case that ends well, both ways; it must have come to its last line.
#[track_caller]
fn ends_well(case: &str, last_line: &str) {
    for case in [case.to_owned(), format!("{case}{EXITING}")] {
        let out = run_well(&case);
        assert!(out.contains(last_line), "{case}:\n{out}");
    }
}

fn one_active() {
    let g = Greenlet::new(|()| {
        main().switch::<_, ()>("from the worker");
        "done"
    });
    assert_eq!(g.switch(()), "from the worker");
    keep(g);
    println!("leaving 1");
}

/// test_active_greenlet_at_shutdown_no_crash (A)
#[test]
fn a_process_ends_well_with_a_suspended_greenlet() {
    ends_well("one_active", "leaving 1");
}

fn ten_active() {
    for i in 0..10 {
        let g = Greenlet::new(|i: u32| main().switch::<u32, u32>(i));
        assert_eq!(g.switch(i), i);
        keep(g);
    }
    println!("leaving 10");
}

/// test_multiple_active_greenlets_at_shutdown (A)
#[test]
fn a_process_ends_well_with_ten_suspended_greenlets() {
    ends_well("ten_active", "leaving 10");
}

fn nested() {
    let outer = Greenlet::new(|()| {
        let me = current();
        let inner = Greenlet::new(move |()| {
            me.switch::<_, ()>("inner waits");
            "inner done"
        });
        assert_eq!(inner.switch(()), "inner waits");
        main().switch::<_, ()>("outer waits");
        "outer done"
    });
    assert_eq!(outer.switch(()), "outer waits");
    keep(outer);
    println!("leaving nested");
}

/// test_nested_greenlets_at_shutdown (A)
#[test]
fn a_process_ends_well_with_a_greenlet_inside_a_greenlet() {
    ends_well("nested", "leaving nested");
}

fn of_ended_threads() {
    let worker = || {
        one_active();
        let left = Greenlet::new(|()| main().switch::<(), ()>(()));
        left.switch(());
        let id = left.id();
        std::mem::forget(left);
        id
    };
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(worker)).collect();
    let ids: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    keep(ids);
    println!("leaving what 3 threads left");
}

/// test_threaded_greenlets_at_shutdown (A: what another thread can hold is their ids)
#[test]
fn a_process_ends_well_after_threads_that_left_suspended_greenlets() {
    ends_well("of_ended_threads", "leaving what 3 threads left");
}

/// Tells when it is dropped.
struct Tell(Sender<&'static str>, &'static str);

impl Drop for Tell {
    fn drop(&mut self) {
        // The receiver may be gone: it is then of no interest.
        let _ = self.0.send(self.1);
    }
}

/// Everything that was sent until all senders were gone.
fn all(received: &Receiver<&'static str>) -> Vec<&'static str> {
    received.iter().collect()
}

/// How a greenlet comes to be there when its thread ends.
#[derive(Clone, Copy)]
enum Left {
    /// Owned by a thread-local that was there before the first greenlet, so it is destroyed on the other side of the
    /// library's own state than one that came later.
    KeptFromBefore,
    KeptFromLater,
    /// Owned by nobody who would ever drop it.
    Forgotten,
}

/// test_greenlet_cleanup_during_thread_exit (Y)
#[test]
fn a_greenlet_left_at_the_end_of_its_thread_sees_the_exit() {
    let ways = [Left::KeptFromBefore, Left::KeptFromLater, Left::Forgotten];
    for left in ways {
        let (said, heard) = channel();
        let worker = move || {
            if matches!(left, Left::KeptFromBefore) {
                keep(());
            }
            let g = Greenlet::new(move |()| {
                let end = catch_unwind(|| main().switch::<(), ()>(()));
                if let Err(thrown) = end {
                    let exits = thrown.is::<GreenletExit>();
                    said.send(if exits { "exit" } else { "error" }).unwrap();
                    resume_unwind(thrown);
                }
            });
            g.switch(());
            match left {
                Left::KeptFromBefore | Left::KeptFromLater => keep(g),
                Left::Forgotten => std::mem::forget(g),
            }
        };
        thread::spawn(worker).join().unwrap();
        assert_eq!(all(&heard), ["exit"]);
    }
}

/// test_finally_block_during_thread_exit (Y)
#[test]
fn the_locals_of_a_greenlet_kept_to_the_end_of_its_thread_are_dropped() {
    let (said, heard) = channel();
    let worker = move || {
        let g = Greenlet::new(move |()| {
            let _outer = Tell(said.clone(), "outer");
            let _inner = Tell(said, "inner");
            main().switch::<(), ()>(())
        });
        g.switch(());
        keep(g);
    };
    thread::spawn(worker).join().unwrap();
    assert_eq!(all(&heard), ["inner", "outer"]);
}

fn many_with_cleanup() {
    struct Cleanup;
    impl Drop for Cleanup {
        fn drop(&mut self) {
            // Uses the library, and a stack of its own.
            let g = Greenlet::new(|n: u32| n + 1);
            assert_eq!(g.switch(1), 2);
        }
    }
    for i in 0..50 {
        let g = Greenlet::new(|i: u32| {
            let _cleanup = Cleanup;
            main().switch::<u32, u32>(i)
        });
        assert_eq!(g.switch(i), i);
        keep(g);
    }
    println!("leaving 50");
}

/// test_many_greenlets_with_cleanup_at_shutdown (A)
#[test]
fn a_process_ends_well_with_many_greenlets_that_clean_up() {
    ends_well("many_with_cleanup", "leaving 50");
}

fn level(depth: u32) -> u32 {
    let inner = (depth < 10).then(|| {
        let g = Greenlet::new(level);
        assert_eq!(g.switch(depth + 1), depth + 1);
        g
    });
    let parent = current().parent().unwrap();
    parent.switch::<u32, u32>(depth);
    drop(inner);
    depth
}

fn deeply_nested() {
    let g = Greenlet::new(level);
    assert_eq!(g.switch(0), 0);
    keep(g);
    println!("leaving 11 levels");
}

/// test_deeply_nested_greenlets_at_shutdown (A)
#[test]
fn a_process_ends_well_with_deeply_nested_greenlets() {
    ends_well("deeply_nested", "leaving 11 levels");
}

fn amid_unwinding() {
    struct Detour;
    impl Drop for Detour {
        fn drop(&mut self) {
            // Killed here: to unwind out of this drop would be one panic too many.
            let end = catch_unwind(|| main().switch::<(), ()>(()));
            assert!(end.is_err());
        }
    }
    let caught = Greenlet::new(|()| {
        let error = catch_unwind(|| resume_unwind(Box::new("test error"))).unwrap_err();
        main().switch::<(), ()>(());
        drop(error);
    });
    caught.switch(());
    keep(caught);
    let under_way = Greenlet::<()>::new(|()| {
        let _detour = Detour;
        resume_unwind(Box::new("test error"));
    });
    under_way.any().switch::<(), ()>(());
    keep(under_way);
    println!("leaving unwinds");
}

/// test_greenlet_with_traceback_at_shutdown (A: with a caught panic at hand, and in the middle of one)
#[test]
fn a_process_ends_well_with_greenlets_suspended_amid_unwinding() {
    ends_well("amid_unwinding", "leaving unwinds");
}

/// Something to do in the destructor of a thread-local, and whom to tell what came of it.
type AtExit = (fn() -> &'static str, Sender<&'static str>);

struct RunAtExit(RefCell<Option<AtExit>>);

impl Drop for RunAtExit {
    fn drop(&mut self) {
        if let Some((action, said)) = self.0.take() {
            said.send(action()).unwrap();
        }
    }
}

thread_local! {
    static FIRST: RunAtExit = const { RunAtExit(RefCell::new(None)) };
    static LAST: RunAtExit = const { RunAtExit(RefCell::new(None)) };
}

/// Runs `action` at the end of a thread twice: from a thread-local that was there before the thread's first greenlet, and from one
/// that came after. One of them is destroyed before the library's own state, the other after it.
fn at_exit(prepare: fn(), action: fn() -> &'static str) -> Vec<&'static str> {
    let (said, heard) = channel();
    let worker = move || {
        FIRST.with(|slot| slot.0.replace(Some((action, said.clone()))));
        prepare();
        assert_eq!(current(), main());
        LAST.with(|slot| slot.0.replace(Some((action, said))));
    };
    thread::spawn(worker).join().unwrap();
    all(&heard)
}

fn look_around() -> &'static str {
    let me = current();
    assert_eq!(me, main());
    assert_eq!(me.state(), State::Running);
    assert!(me.parent().is_none());
    "current is main"
}

/// test_getcurrent_during_atexit_no_crash (A: from destructors of thread-locals)
#[test]
fn current_works_in_destructors_of_thread_locals() {
    assert_eq!(at_exit(|| (), look_around), ["current is main"; 2]);
}

/// test_getcurrent_with_active_greenlets_during_atexit (A: with five suspended)
#[test]
fn current_works_in_destructors_while_greenlets_are_suspended() {
    fn prepare() {
        for _ in 0..5 {
            let g = Greenlet::new(|()| main().switch::<(), ()>(()));
            g.switch(());
            std::mem::forget(g);
        }
    }
    assert_eq!(at_exit(prepare, look_around), ["current is main"; 2]);
}

/// test_greenlet_construction_during_atexit_no_crash (A: also run, dropped suspended, and refused when dead)
#[test]
fn greenlets_can_be_made_and_run_in_destructors_of_thread_locals() {
    fn make() -> &'static str {
        let finishes = Greenlet::new(|n: u32| n + 1);
        assert_eq!(finishes.switch(1), 2);
        assert!(matches!(finishes.try_switch(1), Err(SwitchError::Dead(1))));
        let waits = Greenlet::new(|()| main().switch::<(), ()>(()));
        waits.switch(());
        let name = waits.any();
        drop(waits);
        assert!(name.is_dead());
        "made"
    }
    assert_eq!(at_exit(|| (), make), ["made"; 2]);
}
