//! Panic hooks that switch, or panic.
//!
//! A hook must not switch, but it is safe code, so what comes of it has to be known: as long as nothing else is raised on the thread until the hook returns, it is as any wait.
//! A second panic meanwhile is one inside a hook to std, which then ends the process.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::thread::panicking;
use std::time::Duration;

use greenlet::{Greenlet, GreenletExit, JoinHandle, join_all, sleep, spawn, yield_now};

use crate::{Case, aborts, succeeds};

pub(crate) const CASES: &[Case] = &[
    ("hook_yields", yields),
    ("hook_sleeps", sleeps),
    ("hook_switches", switches),
    (
        "hook_waits_while_another_panics",
        waits_while_another_panics,
    ),
    ("hook_panics", hook_panics),
    (
        "hook_waits_while_another_is_killed",
        waits_while_another_is_killed,
    ),
];

/// What std says when it has to end the process.
const IN_A_HOOK: &str = "thread panicked while processing panic. aborting.";

thread_local! {
    static STEPS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn step(name: &'static str) {
    STEPS.with_borrow_mut(|steps| steps.push(name));
}

/// Calls `wait` in the hook of each panic, after std's own.
fn set_hook(wait: impl Fn() + Send + Sync + 'static) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        wait();
        step("the hook returns");
    }));
}

/// Two greenlets, one of which panics and waits in the hook; the other goes on meanwhile, and all is well afterwards.
fn another_goes_on(wait: impl Fn() + Send + Sync + 'static) {
    set_hook(wait);
    let one: JoinHandle<()> = spawn(|| {
        step("panics");
        panic!("in a greenlet");
    });
    let other = spawn(|| step("another goes on"));
    let payload = one.join().unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in a greenlet"));
    other.join().unwrap();
    let steps = STEPS.take();
    assert_eq!(steps, ["panics", "another goes on", "the hook returns"]);
    is_well();
}

/// The count of panics is as it was, and so are hooks.
fn is_well() {
    assert!(!panicking());
    drop(panic::take_hook());
    assert!(catch_unwind(|| panic!("as ever")).is_err());
    assert!(!panicking());
    assert_eq!(spawn(|| 5).join().unwrap(), 5);
}

fn yields() {
    another_goes_on(yield_now);
}

fn sleeps() {
    another_goes_on(|| sleep(Duration::from_millis(2)));
}

fn switches() {
    set_hook(|| {
        let inner = Greenlet::new(|n: u32| n + 1);
        assert_eq!(inner.switch(4), 5);
        greenlet::main().switch::<(), ()>(());
    });
    let g = Greenlet::<()>::new(|()| panic!("by hand"));
    g.switch(());
    assert!(panicking(), "it is in its hook");
    let payload = catch_unwind(AssertUnwindSafe(|| g.switch(()))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"by hand"));
    is_well();
}

#[test]
fn a_hook_may_switch_as_long_as_nothing_else_is_raised() {
    for case in ["hook_yields", "hook_sleeps", "hook_switches"] {
        let ended = succeeds(case);
        assert!(!ended.stderr.contains(IN_A_HOOK), "{ended:#?}");
    }
}

fn waits_while_another_panics() {
    set_hook(yield_now);
    let all = ["one", "two"].map(|name| spawn(move || panic!("{name}")));
    drop(join_all(all));
}

fn hook_panics() {
    set_hook(|| panic!("the hook panics"));
    drop(spawn(|| panic!("in a greenlet")).join());
}

#[test]
fn a_panic_inside_a_hook_ends_the_process_and_std_says_so() {
    for case in ["hook_waits_while_another_panics", "hook_panics"] {
        if let Some(ended) = aborts(case) {
            assert!(ended.stderr.contains(IN_A_HOOK), "{ended:#?}");
        }
    }
}

fn waits_while_another_is_killed() {
    set_hook(yield_now);
    let victim: JoinHandle<()> = spawn(|| sleep(Duration::from_secs(3600)));
    yield_now();
    let panics: JoinHandle<()> = spawn(|| panic!("in a greenlet"));
    let name = victim.greenlet();
    victim.kill();
    let payload = panics.join().unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in a greenlet"));
    let payload = victim.join().unwrap_err();
    assert!(payload.is::<GreenletExit>() && name.is_dead());
}

#[test]
fn a_kill_while_a_hook_waits_arrives() {
    // std does not count what is raised inside a hook, but its end: from then on it may say of that thread that it does not panic when it does.
    succeeds("hook_waits_while_another_is_killed");
}
