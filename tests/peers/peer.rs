//! The programs on the other side.

use std::env;
use std::io::{self, Write};
use std::process::Command;
use std::thread;

use crate::process;

/// Whether the program of that name is there; says so if it is not.
pub(crate) fn is_there(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|dir| dir.join(tool).is_file()) {
        return true;
    }
    let required = env::var_os("GREENLET_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{tool} is not there");
    let test = thread::current();
    let test = test.name().unwrap_or("a test");
    // Not by `eprintln!`, which is not heard of a test that succeeds.
    let _ = writeln!(io::stderr(), "skipped: {test}, {tool} is not there");
    false
}

/// Runs a program to its end, which has to be a good one: what it printed.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let ended = process::run(Command::new(program).args(arguments), input);
    assert!(
        ended.status.success(),
        "{program} {arguments:?}: {ended:#?}"
    );
    ended.stdout
}

/// Runs a script, which has to print `done` and nothing else; it gets the arguments.
#[track_caller]
pub(crate) fn python(script: &str, arguments: &[&str]) {
    let whole = [&["-c", script], arguments].concat();
    assert_eq!(run("python3", &whole, ""), "done\n");
}
