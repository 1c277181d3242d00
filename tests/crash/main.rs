//! What may take the process down, each case in a process of its own: this test binary, started again.
//!
//! A case is a function in a table; a test starts the child that runs it and looks at how it ended and what it said.

#![cfg(unix)]

#[path = "../support/process.rs"]
mod process;

mod captures;
mod endings;
mod floods;
mod handlers;
mod overflow;
mod scopes;
mod signals;
mod thread_locals;
mod unwinding;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use process::Ended;

/// Tells a child which case it is.
const CASE: &str = "GREENLET_CRASH_CASE";

/// The kernel's numbers.
const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

/// A name and what the child does.
type Case = (&'static str, fn());

fn cases() -> impl Iterator<Item = &'static Case> {
    let tables = [
        captures::CASES,
        endings::CASES,
        floods::CASES,
        handlers::CASES,
        overflow::CASES,
        scopes::CASES,
        signals::CASES,
        thread_locals::CASES,
        unwinding::CASES,
    ];
    tables.into_iter().flatten()
}

/// The entry of a child. Without a case to run, it looks at the table and at how children are chosen.
#[test]
fn child() {
    if let Ok(wanted) = std::env::var(CASE) {
        let (_, run) = cases()
            .find(|(name, _)| *name == wanted)
            .unwrap_or_else(|| panic!("no such case: {wanted}"));
        println!();
        run();
        println!("{}", returned(&wanted));
        return;
    }
    let names: BTreeSet<_> = cases().map(|(name, _)| name).collect();
    assert!(!names.is_empty(), "there are no cases");
    assert_eq!(names.len(), cases().count(), "two cases have one name");
    let ended = start("no such thing");
    assert_eq!(ended.status.code(), Some(101), "{ended:#?}");
    let said = ended.stdout + &ended.stderr;
    assert!(said.contains("no such case: no such thing"), "{said}");
}

/// What a child says when its case has returned.
fn returned(case: &str) -> String {
    format!("case {case} has returned")
}

/// Runs a case to its end, in a child.
#[track_caller]
fn start(case: &str) -> Ended {
    let this = std::env::current_exe().expect("is known");
    let mut command = Command::new(this);
    command
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CASE, case)
        // Some cases leak what a thread that ends cannot end.
        .env("ASAN_OPTIONS", "detect_leaks=0")
        .env("RUST_BACKTRACE", "0");
    process::run(&mut command, "")
}

/// Runs a case that is to return, after which the child ends as usual. What it said.
#[track_caller]
fn succeeds(case: &str) -> Vec<String> {
    let ended = start(case);
    assert!(ended.status.success(), "{case}: {ended:#?}");
    assert!(ended.stdout.contains(&returned(case)), "{case}: {ended:#?}");
    said(&ended)
}

/// What a child said, a line each.
fn said(ended: &Ended) -> Vec<String> {
    let lines = ended.stdout.lines();
    let said = lines.filter_map(|line| line.strip_prefix("- "));
    said.map(str::to_owned).collect()
}

/// In a child: runs `run` on a thread of its own and waits until that has ended, its locals included.
#[track_caller]
fn on_a_thread(run: impl FnOnce() + Send + 'static) {
    let ended = std::thread::spawn(run).join();
    assert!(ended.is_ok(), "the thread panicked");
    say("the thread has ended");
}

/// Runs a case that is to die by this signal.
#[track_caller]
fn dies_by(signal: i32, case: &str) -> Ended {
    let ended = start(case);
    assert_eq!(ended.status.signal(), Some(signal), "{case}: {ended:#?}");
    assert!(!ended.stdout.contains(&returned(case)), "{ended:#?}");
    ended
}

/// In a child: says something that its parent will see.
fn say(line: &str) {
    println!("- {line}");
}

/// Says that it was dropped.
struct Says(&'static str);

impl Drop for Says {
    fn drop(&mut self) {
        say(self.0);
    }
}

/// A greenlet that waits for ever in a switch to main, and says so if it is dropped there.
fn suspended(says: &'static str) -> greenlet::Greenlet<()> {
    let says = Says(says);
    let g = greenlet::Greenlet::<()>::new(move |()| {
        let _says = says;
        greenlet::main().switch::<(), ()>(());
    });
    g.switch(());
    g
}
