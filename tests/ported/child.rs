//! Cases that end their process, or measure it: each is run alone in a process of its own, this test binary started anew.

use std::env;
use std::io::Write;
use std::process::{Command, Output, exit};

#[cfg(target_os = "linux")]
use crate::memory;
use crate::{native_exceptions, shutdown};

/// Names the case to a child.
const VARIABLE: &str = "GREENLET_CHILD";

/// Appended to a case's name, makes the child leave by `exit` while the case's thread, with all that it holds, is still there.
/// Without it the thread ends first.
pub(crate) const EXITING: &str = "+exit";

/// What a child runs, by name.
pub(crate) type Case = (&'static str, fn());

fn cases() -> impl Iterator<Item = Case> {
    let all = [
        native_exceptions::CASES,
        shutdown::CASES,
        #[cfg(target_os = "linux")]
        memory::CASES,
    ];
    all.into_iter().flatten().copied()
}

fn find(name: &str) -> Option<fn()> {
    cases().find(|case| case.0 == name).map(|case| case.1)
}

/// Runs a case in a child, to its end.
pub(crate) fn run_child(case: &str) -> Output {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "child::child_entry", "--nocapture"]);
    child.env(VARIABLE, case).env("RUST_BACKTRACE", "0");
    child.output().unwrap()
}

/// Runs a case in a child, which must succeed; what it wrote.
#[track_caller]
pub(crate) fn run_well(case: &str) -> String {
    let output = run_child(case);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{case}: {}\n{out}{err}",
        output.status
    );
    assert!(!err.contains("panicked"), "{case}:\n{err}");
    out
}

/// Where children begin. In the parent, a test of the cases' names.
#[test]
fn child_entry() {
    if let Ok(wanted) = env::var(VARIABLE) {
        let (name, exiting) = match wanted.strip_suffix(EXITING) {
            Some(name) => (name, true),
            None => (&*wanted, false),
        };
        find(name).unwrap_or_else(|| panic!("no case is called {name}"))();
        if exiting {
            std::io::stdout().flush().unwrap();
            exit(0);
        }
        return;
    }
    let mut names: Vec<_> = cases().map(|case| case.0).collect();
    assert!(names.iter().all(|name| !name.contains(EXITING)));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(!names.is_empty() && names.len() == count, "{names:?}");
    // A name that is none fails, so a child that succeeds ran its case.
    assert!(!run_child("no such case").status.success());
}
