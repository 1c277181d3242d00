//! `src/debug/gdb.py` shows greenlets in gdb: of a process that runs, and in a core of it.
//!
//! Where gdb is missing the tests are skipped aloud; with `GREENLET_REQUIRE_PEERS=1` it has to be there.
#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    debug_assertions,
    not(feature = "sanitizer")
))]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/process.rs"]
mod process;

mod program;

use std::env;
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use support::TempDir;

/// Whether gdb is there; says so if it is not.
fn has_gdb() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|dir| dir.join("gdb").is_file()) {
        return true;
    }
    let required = env::var_os("GREENLET_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "gdb is not there");
    let test = thread::current();
    let test = test.name().unwrap_or("a test");
    // Not by `eprintln!`, which is not heard of a test that succeeds.
    let _ = writeln!(io::stderr(), "skipped: {test}, gdb is not there");
    false
}

/// The entry of the program that is looked at; otherwise it does nothing.
#[test]
fn child() {
    if let Ok(how) = env::var(program::ROLE) {
        program::run(&how);
    }
}

#[test]
fn greenlets_are_listed_with_state_and_places() {
    if !has_gdb() {
        return;
    }
    let said = look(&["greenlets", "thread 1", "greenlets", "greenlets all"]);
    let lines: Vec<_> = said[0].lines().collect();
    let is = |name: &str, words: &[&str]| {
        let line = lines.iter().find(|line| line.contains(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in {said:#?}"));
        for word in words {
            assert!(line.contains(word), "no {word} in {line}");
        }
    };
    is("main", &["#1 ", "parked", " at tests/gdb/program.rs:"]);
    is("`waiter`", &["parked", " at tests/gdb/program.rs:"]);
    is("`waiter`", &[", created at tests/gdb/program.rs:"]);
    is("`switches`", &["suspended", " at tests/gdb/program.rs:"]);
    is(
        "`new`",
        &["not started", "created at tests/gdb/program.rs:"],
    );
    is("`looker`", &["running", "created at tests/gdb/program.rs:"]);
    is("runnable", &["created at tests/gdb/program.rs:"]);
    assert_eq!(lines.iter().filter(|line| line.starts_with('#')).count(), 6);
    // libtest's own thread.
    assert!(
        said[2].contains("this thread has no greenlets"),
        "{said:#?}"
    );
    assert!(said[3].contains("thread 2:\n#1 main"), "{said:#?}");
}

#[test]
fn frames_of_greenlets_that_do_not_run_are_shown_and_the_process_goes_on() {
    if !has_gdb() {
        return;
    }
    let said = look(&[
        "greenlet 3",
        "bt",
        "info locals",
        "up",
        "greenlet #4",
        "bt",
        "info args",
        "greenlet 1",
        "bt",
        "greenlet -",
        "bt",
        "greenlet 5",
        "greenlet 999",
        "greenlet 6",
        "greenlet 3",
        "continue",
    ]);
    assert!(said[0].contains("#3 `waiter`, parked"), "{said:#?}");
    assert!(said[0].contains("in gdb::program::fetches"), "{said:#?}");
    is_the_waiters(&said[1]);
    assert!(said[2].contains("answer = 42"), "{said:#?}");
    assert!(said[3].contains("gdb::program::run::{closure"), "{said:#?}");
    assert!(said[5].contains("in gdb::program::gives_back"), "{said:#?}");
    assert!(!said[5].contains("main_waits"), "{said:#?}");
    assert!(said[6].contains("n = 7"), "{said:#?}");
    assert!(said[7].contains("#1 main, parked"), "{said:#?}");
    assert!(said[8].contains("in gdb::program::main_waits"), "{said:#?}");
    assert!(!said[8].contains("look_at_me"), "{said:#?}");
    assert!(
        said[9].contains("#0  gdb::program::look_at_me"),
        "{said:#?}"
    );
    assert!(
        said[10].contains("#0  gdb::program::look_at_me"),
        "{said:#?}"
    );
    assert!(said[11].contains("#5 `new` has not started"), "{said:#?}");
    assert!(said[12].contains("there is no greenlet #999"), "{said:#?}");
    assert!(
        said[13].contains("#0  gdb::program::look_at_me"),
        "{said:#?}"
    );
    assert!(said[15].contains("1 passed"), "{said:#?}");
    assert!(said[15].contains("exited normally"), "{said:#?}");
}

#[test]
fn a_core_has_it_all() {
    if !has_gdb() {
        return;
    }
    let dir = TempDir::new();
    let Some(core) = core_of_a_child(&dir) else {
        let _ = writeln!(
            io::stderr(),
            "skipped: a_core_has_it_all, no cores are left there: see /proc/sys/kernel/core_pattern and `ulimit -Hc`"
        );
        return;
    };
    let said = look_at_core(
        &core,
        &["greenlets", "greenlet 3", "bt", "info locals", "greenlet -"],
    );
    for name in ["main", "`waiter`", "`switches`", "`new`", "`looker`"] {
        assert!(said[0].contains(name), "{said:#?}");
    }
    assert!(said[1].contains("in gdb::program::fetches"), "{said:#?}");
    is_the_waiters(&said[2]);
    assert!(said[3].contains("answer = 42"), "{said:#?}");
    assert!(!said[4].contains("fetches"), "{said:#?}");
}

/// All of its frames, and none but them.
#[track_caller]
fn is_the_waiters(backtrace: &str) {
    for function in [
        "greenlet::event::flag::Event::wait ",
        "gdb::program::fetches ",
        "gdb::program::run::{closure",
        "greenlet::greenlet::switch::enter ",
    ] {
        assert!(
            backtrace.contains(function),
            "no {function} in {backtrace:#?}"
        );
    }
    for function in [
        "look_at_me",
        "main_waits",
        "trampoline",
        "Backtrace stopped",
    ] {
        assert!(
            !backtrace.contains(function),
            "{function} in {backtrace:#?}"
        );
    }
}

/// Has gdb stop a child where its greenlets wait, and carry out `commands`: what it says to each.
#[track_caller]
fn look(commands: &[&str]) -> Vec<String> {
    let mut gdb = quiet_gdb();
    gdb.env(program::ROLE, program::GOES_ON);
    gdb.args(["-ex", "break gdb::program::look_at_me", "-ex", "run"]);
    let said = carry_out(&mut gdb, commands, |gdb| {
        gdb.arg("--args").arg(this()).args(CHILD);
    });
    assert!(said[0].contains("Breakpoint 1, "), "{said:#?}");
    said[1..].to_vec()
}

/// The same of a core.
#[track_caller]
fn look_at_core(core: &Path, commands: &[&str]) -> Vec<String> {
    let said = carry_out(&mut quiet_gdb(), commands, |gdb| {
        gdb.arg(this()).arg(core);
    });
    said[1..].to_vec()
}

/// How a child ends that may leave none.
const NO_CORES: i32 = 77;

/// Has a child abort where its greenlets wait; `None` if the system does not leave cores there.
#[track_caller]
fn core_of_a_child(dir: &TempDir) -> Option<PathBuf> {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").expect("is Linux");
    if !pattern.starts_with("core") {
        return None;
    }
    let mut child = Command::new("sh");
    let script = format!("ulimit -c unlimited || exit {NO_CORES}; exec \"$0\" \"$@\"");
    child.args(["-c", &script]);
    child.arg(this()).args(CHILD).current_dir(dir.path());
    child.env(program::ROLE, program::ABORTS);
    let ended = process::run(&mut child, "");
    if ended.status.code() == Some(NO_CORES) {
        return None;
    }
    assert!(ended.status.core_dumped(), "{ended:#?}");
    let mut left = fs::read_dir(dir.path()).expect("is there");
    let core = left.next().expect("a core was left").expect("is readable");
    Some(core.path())
}

const CHILD: [&str; 4] = ["child", "--exact", "--nocapture", "--test-threads=1"];

fn this() -> PathBuf {
    env::current_exe().expect("is known")
}

/// It has one way to say something.
fn quiet_gdb() -> Command {
    let mut gdb = Command::new("sh");
    gdb.args(["-c", "exec gdb \"$@\" 2>&1", "gdb"]);
    gdb.args(["--batch", "-nx", "-q"]);
    gdb.args(["-iex", "set debuginfod enabled off"]);
    gdb.env("RUST_BACKTRACE", "0");
    gdb
}

#[track_caller]
fn carry_out(gdb: &mut Command, commands: &[&str], whom: impl FnOnce(&mut Command)) -> Vec<String> {
    const END: &str = "-- end of command --";

    let end = format!("echo {END}\\n");
    for command in ["source src/debug/gdb.py"].iter().chain(commands) {
        gdb.args(["-ex", command, "-ex", &end]);
    }
    whom(gdb);
    let ended = process::run(gdb, "");
    let mut said: Vec<_> = ended.stdout.split(END).map(str::to_owned).collect();
    said.pop();
    assert_eq!(said.len(), commands.len() + 1, "{ended:#?}");
    said
}
