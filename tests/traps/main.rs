//! Traps of coroutine libraries. `README.md` is the table.
//!
//! What may take the process down runs in a process of its own: this test binary, started again.

#![cfg(unix)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::mem;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

use greenlet::event::Event;
use greenlet::{Greenlet, yield_now};

use process::Ended;

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/process.rs"]
mod process;

mod clock;
#[cfg(target_os = "linux")]
mod descriptors;
mod hooks;
#[cfg(target_os = "linux")]
mod mappings;
#[cfg(target_os = "linux")]
mod memory;
mod valgrind;

/// A name and what the child does.
type Case = (&'static str, fn());

/// Tells a child which case it is.
const CASE: &str = "GREENLET_TRAPS_CASE";

/// The kernel's number.
const SIGABRT: i32 = 6;

/// What a child begins a line with that says why it does nothing.
const SKIPPED: &str = "skipped: ";

fn cases() -> impl Iterator<Item = &'static Case> {
    let tables = [
        CASES,
        hooks::CASES,
        #[cfg(target_os = "linux")]
        mappings::CASES,
        #[cfg(target_os = "linux")]
        memory::CASES,
        valgrind::CASES,
    ];
    tables.into_iter().flatten()
}

/// The entry of a child. Without a case to run, it looks at the table.
#[test]
fn child() {
    if let Ok(wanted) = env::var(CASE) {
        let (_, run) = cases()
            .find(|(name, _)| *name == wanted)
            .unwrap_or_else(|| panic!("no such case: {wanted}"));
        println!();
        run();
        println!("{}", returned(&wanted));
        return;
    }
    let names: BTreeSet<_> = cases().map(|(name, _)| name).collect();
    assert_eq!(names.len(), cases().count(), "two cases have one name");
    let ended = process::run(&mut command("no such thing"), "");
    assert_eq!(ended.status.code(), Some(101), "{ended:#?}");
}

/// What a child says when its case has returned.
fn returned(case: &str) -> String {
    format!("case {case} has returned")
}

/// What runs a case.
fn command(case: &str) -> Command {
    let this = env::current_exe().expect("is known");
    let mut command = Command::new(this);
    command.args(["child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(CASE, case).env("RUST_BACKTRACE", "0");
    command
}

/// Runs a case that is to return, after which the child ends as usual. If it has done nothing, this test says so.
#[track_caller]
fn succeeds(case: &str) -> Ended {
    let ended = process::run(&mut command(case), "");
    assert!(ended.status.success(), "{case}: {ended:#?}");
    assert!(ended.stdout.contains(&returned(case)), "{case}: {ended:#?}");
    tell_if_skipped(&ended);
    ended
}

/// Runs a case that is to abort. `None` if it has done nothing.
#[track_caller]
fn aborts(case: &str) -> Option<Ended> {
    let ended = process::run(&mut command(case), "");
    if tell_if_skipped(&ended) {
        return None;
    }
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{case}: {ended:#?}");
    Some(ended)
}

fn tell_if_skipped(ended: &Ended) -> bool {
    let mut lines = ended.stdout.lines();
    let why = lines.find_map(|line| line.strip_prefix(SKIPPED));
    if let Some(why) = why {
        skip(why);
    }
    why.is_some()
}

/// Says that the test does less than it should.
fn skip(why: &str) {
    let test = thread::current();
    let test = test.name().unwrap_or("a test");
    // Not by `eprintln!`, which is not heard of a test that succeeds.
    let _ = writeln!(io::stderr(), "{SKIPPED}{test}, {why}");
}

const CASES: &[Case] = &[("prints", prints), ("exits_beside_many", exits_beside_many)];

thread_local! {
    static NUMBER: Cell<u32> = const { Cell::new(0) };
}

struct Slow(&'static str);

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        yield_now();
        f.write_str(self.0)
    }
}

/// What std does around a call of ours is on the stack of the greenlet, and stays as it is.
fn switches_everywhere(mine: u32) -> String {
    let borrowed = RefCell::new(mine);
    let lazy = OnceLock::new();
    let guard = borrowed.borrow_mut();
    NUMBER.with(|number| {
        yield_now();
        number.set(number.get() + 1);
    });
    lazy.get_or_init(yield_now);
    let mut sorted = vec![3, 1, 2];
    sorted.sort_by(|one, other| {
        yield_now();
        one.cmp(other)
    });
    let sum: u32 = sorted.iter().inspect(|_| yield_now()).sum();
    format!("{} {} {sorted:?} {sum}", Slow("greenlet"), *guard)
}

#[test]
fn a_switch_may_come_from_inside_std() {
    support::leak_checked(|| {
        let handles: Vec<_> = (0..3)
            .map(|mine| greenlet::spawn(move || switches_everywhere(mine)))
            .collect();
        for (mine, text) in greenlet::join_all(handles).into_iter().enumerate() {
            assert_eq!(text.unwrap(), format!("greenlet {mine} [1, 2, 3] 6"));
        }
        assert_eq!(NUMBER.get(), 3);
    });
}

/// std's lock of standard output is held by the thread, so its other greenlets get it.
fn prints() {
    let all = ["a", "b"].map(|name| greenlet::spawn(move || println!("<{}|{}>", Slow(name), 1)));
    for each in greenlet::join_all(all) {
        each.unwrap();
    }
}

#[test]
fn a_switch_in_a_print_lets_others_print_between() {
    let said = succeeds("prints").stdout;
    assert!(said.contains("<<a|1>\nb|1>\n"), "{said}");
}

/// Half of them wait in a switch, and nobody owns those.
fn exits_beside_many() {
    const MANY: usize = 20_000;
    let handles: Vec<_> = (0..MANY / 2)
        .map(|_| greenlet::spawn(|| Event::new().wait()))
        .collect();
    yield_now();
    for _ in 0..MANY / 2 {
        let g = Greenlet::<()>::new(|()| greenlet::main().switch::<(), ()>(()));
        g.switch(());
        mem::forget(g);
    }
    assert!(handles.iter().all(|handle| !handle.is_finished()));
    assert_eq!(greenlet::census().stacks, MANY);
    std::process::exit(7);
}

#[test]
fn a_process_exits_beside_many_that_wait() {
    let ended = process::run(&mut command("exits_beside_many"), "");
    assert_eq!(ended.status.code(), Some(7), "{ended:#?}");
    assert_eq!(ended.stderr, "");
}

/// Whether there is such a test: of a folder of `tests` or of `src`, `folder::file::function`.
fn is_test(name: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (file, function) = name.rsplit_once("::").expect("folder::file::function");
    let file = file.replace("::", "/");
    // Unit tests are in a module of their own, which may have no file.
    let unit = file.trim_end_matches("/tests");
    let sources = [("tests", &*file), ("src", &*file), ("src", unit)].map(|(top, file)| {
        let path = root.join(top).join(file).with_extension("rs");
        fs::read_to_string(path).unwrap_or_default()
    });
    let head = format!("fn {function}() {{");
    sources.iter().any(|source| {
        let before = source.split_once(&head).map(|(before, _)| before);
        let own = before.and_then(|before| before.rsplit("\n\n").next());
        own.is_some_and(|attributes| attributes.contains("#[test]"))
    })
}

#[test]
fn every_trap_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("tests/traps/README.md")).expect("the table is there");
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut seen = 0;
    for row in rows {
        let (trap, shown) = row.trim_matches('|').split_once('|').expect("two cells");
        assert!(shown.trim().len() > 20, "nothing is said of: {trap}");
        for part in shown.split('`') {
            if part.matches("::").count() >= 2 {
                assert!(is_test(part), "{part} is gone, which shows: {trap}");
            } else if part.contains('/') && !part.contains(' ') {
                assert!(root.join(part).exists(), "{part} is gone: {trap}");
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 51, "rows of the table");
}
