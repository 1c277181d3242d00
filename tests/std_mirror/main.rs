//! `greenlet::{fs, io, net, os, process, sync, thread}` are std's to the letter: every body in `bodies/` is compiled twice, and has to hold on both.
//!
//! `on_std` and `on_greenlet` differ in what they name so, and in nothing else. The bodies follow the examples in std's documentation.
#![allow(
    clippy::duplicate_mod,
    reason = "a body that is compiled twice is a module twice"
)]

use std::collections::BTreeSet;
use std::env;
use std::process::Command;
use std::sync::{PoisonError, RwLock};

#[path = "../support/mod.rs"]
mod support;

mod on_greenlet;
mod on_std;

/// Until a new process has become another program it has copies of all descriptors: what others close meanwhile is not closed.
static STARTS: RwLock<()> = RwLock::new(());

fn beside_others<R>(f: impl FnOnce() -> R) -> R {
    let _starts = STARTS.read().unwrap_or_else(PoisonError::into_inner);
    f()
}

/// For what starts processes.
fn alone<R>(f: impl FnOnce() -> R) -> R {
    let _starts = STARTS.write().unwrap_or_else(PoisonError::into_inner);
    f()
}

/// The tests in this binary whose names begin with `side`, without that.
fn tests_of(side: &str) -> BTreeSet<String> {
    let mut command = Command::new(env::current_exe().unwrap());
    let listed = alone(|| command.args(["--list", "--format", "terse"]).output());
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let names = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    let names = names.filter_map(|name| name.strip_prefix(side)?.strip_prefix("::"));
    names.map(str::to_owned).collect()
}

#[test]
fn both_sides_run_the_same_bodies() {
    let (std, greenlet) = (tests_of("on_std"), tests_of("on_greenlet"));
    assert_eq!(std, greenlet);
    assert!(std.len() > 50, "only {} were found", std.len());
    for file in std::fs::read_dir("tests/std_mirror/bodies").unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        // Those that bear the name of what they are about would hide it.
        let names = [format!("{name}::"), format!("{name}_bodies::")];
        let runs = std
            .iter()
            .any(|test| names.iter().any(|name| test.starts_with(name)));
        assert!(runs, "{} is not run", path.display());
    }
}

#[test]
fn types_have_the_same_traits() {
    let (std, greenlet) = (on_std::traits::table(), on_greenlet::traits::table());
    assert!(std.len() > 30);
    let pairs = std.into_iter().zip(greenlet);
    let differ: Vec<_> = pairs.filter(|(std, greenlet)| std != greenlet).collect();
    assert!(differ.is_empty(), "{differ:#?}");
}
