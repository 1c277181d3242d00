//! The tests of Python's greenlet, carried over: same behaviours, own words. `README.md` is the table.

#[path = "../support/mod.rs"]
mod support;

mod child;
mod contextvars;
mod extension;
mod gc;
mod generator;
mod greenlet_lifetime;
mod greenlet_misc;
mod greenlet_parent;
mod greenlet_switch;
mod greenlet_threads;
mod leaks;
#[cfg(target_os = "linux")]
mod memory;
mod native_exceptions;
mod shutdown;
mod stacks;
mod throw;
mod tracing;
mod weakref;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How many tests have the verdicts Y, A and N.
type Verdicts = [usize; 3];

/// The upstream files of the table, in its order.
const FILES: &[(&str, Verdicts)] = &[
    ("test_greenlet.py", [14, 39, 19]),
    ("test_throw.py", [3, 1, 3]),
    ("test_tracing.py", [2, 1, 7]),
    ("test_contextvars.py", [0, 5, 4]),
    ("test_gc.py", [0, 5, 1]),
    ("test_generator.py", [1, 0, 0]),
    ("test_generator_nested.py", [5, 0, 0]),
    ("test_weakref.py", [3, 0, 0]),
    ("test_leaks.py", [3, 6, 3]),
    ("test_stack_saved.py", [0, 1, 0]),
    ("test_greenlet_trash.py", [0, 1, 0]),
    ("test_version.py", [0, 0, 1]),
    ("test_cpp.py", [2, 4, 0]),
    ("test_extension_interface.py", [1, 0, 11]),
    ("test_interpreter_shutdown.py", [2, 10, 11]),
];

/// All of them together.
const TOTAL: Verdicts = [36, 73, 60];

/// A line of the table in `README.md`.
#[derive(Debug)]
struct Row {
    /// The heading above it.
    file: String,
    upstream: String,
    verdict: char,
    /// File and function of a test that was carried over, else why it was not.
    ours: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ported")
}

fn read_table() -> Vec<Row> {
    let text = fs::read_to_string(folder().join("README.md")).expect("the table is there");
    let mut file = "";
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            file = heading;
        }
        // Other lines of a table are its head and the rule below.
        let Some(row) = line.strip_prefix("| `test_") else {
            continue;
        };
        let cells: Vec<_> = row.trim_end_matches(" |").splitn(3, " | ").collect();
        let [upstream, verdict, ours] = cells[..] else {
            panic!("not three cells: {line}");
        };
        rows.push(Row {
            file: file.to_owned(),
            upstream: format!("test_{}", upstream.trim_end_matches('`')),
            verdict: verdict.parse().expect("a verdict is one letter"),
            ours: ours.trim_matches('`').to_owned(),
        });
    }
    rows
}

/// A test that names its upstream: `file.rs::function`, then name and verdict from the doc comment.
type Named = (String, String, char);

fn read_sources() -> BTreeSet<Named> {
    let mut tests = BTreeSet::new();
    for entry in fs::read_dir(folder()).expect("the folder is there") {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let file = path.file_name().unwrap().to_str().unwrap();
        let mut named = Vec::new();
        for line in fs::read_to_string(&path).unwrap().lines() {
            if let Some(doc) = line.strip_prefix("/// test_") {
                let (upstream, rest) = doc.split_once(" (").expect("a verdict in parentheses");
                let verdict = rest.chars().next().expect("a verdict is one letter");
                named.push((format!("test_{upstream}"), verdict));
            } else if let Some((function, _)) = line
                .strip_prefix("fn ")
                .and_then(|rest| rest.split_once('('))
            {
                let ours = format!("{file}::{function}");
                tests.extend(
                    named
                        .drain(..)
                        .map(|(name, verdict)| (ours.clone(), name, verdict)),
                );
            }
        }
        assert!(named.is_empty(), "no function follows: {named:?}");
    }
    tests
}

#[test]
fn the_table_is_complete() {
    let rows = read_table();
    let mut sources = read_sources();
    assert!(!rows.is_empty() && !sources.is_empty());

    let mut counts: Vec<(&str, Verdicts)> = Vec::new();
    let mut seen = BTreeSet::new();
    for row in &rows {
        assert!(seen.insert((&row.file, &row.upstream)), "twice: {row:?}");
        if counts.last().is_none_or(|(file, _)| *file != row.file) {
            counts.push((&row.file, [0; 3]));
        }
        let verdict = "YAN".find(row.verdict);
        let verdict = verdict.unwrap_or_else(|| panic!("no such verdict: {row:?}"));
        counts.last_mut().expect("just pushed").1[verdict] += 1;
        if row.verdict == 'N' {
            assert!(
                row.ours.contains(' ') && !row.ours.contains("::"),
                "not a reason: {row:?}"
            );
            continue;
        }
        let test = (row.ours.clone(), row.upstream.clone(), row.verdict);
        assert!(sources.remove(&test), "no such test: {row:?}");
    }
    assert!(sources.is_empty(), "not in the table: {sources:?}");
    assert_eq!(counts, FILES);
    let total = counts.iter().fold([0; 3], |sum: Verdicts, (_, count)| {
        [0, 1, 2].map(|verdict| sum[verdict] + count[verdict])
    });
    assert_eq!(total, TOTAL);
}
