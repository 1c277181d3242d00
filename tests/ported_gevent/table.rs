//! The tables of `README.md` against the sources, both ways.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How many tests have the verdicts Y, A and N.
type Verdicts = [usize; 3];

/// The upstream files of the table, in its order.
const FILES: &[(&str, Verdicts)] = &[
    ("testing/timing.py", [1, 2, 2]),
    ("test__greenlet.py", [5, 38, 15]),
    ("test__greenletset.py", [6, 3, 0]),
    ("test__pool.py", [31, 10, 3]),
    ("test__event.py", [13, 6, 1]),
    ("test__semaphore.py", [9, 2, 2]),
    ("test__lock.py", [0, 0, 1]),
    ("test__thread.py", [0, 1, 0]),
    ("test__threading.py", [0, 1, 2]),
    ("test__threading_2.py", [4, 3, 9]),
    ("lock_tests.py", [31, 3, 8]),
    ("test__queue.py", [12, 9, 7]),
    ("test__timeout.py", [1, 7, 3]),
    ("test__api_timeout.py", [1, 4, 0]),
    ("test__api.py", [3, 5, 0]),
    ("test__hub.py", [1, 2, 11]),
    ("test__hub_join.py", [2, 1, 0]),
    ("test__hub_join_timeout.py", [4, 0, 2]),
    ("test__order.py", [2, 0, 0]),
    ("test__sleep0.py", [1, 0, 0]),
    ("test__loop_callback.py", [0, 1, 0]),
    ("test__core_callback.py", [0, 1, 0]),
    ("test__core_timer.py", [0, 3, 0]),
    ("test__systemerror.py", [1, 3, 1]),
    ("test__iwait.py", [0, 3, 0]),
    ("test__joinall.py", [1, 0, 0]),
    ("test__issue330.py", [2, 2, 0]),
    ("test__issue607.py", [2, 1, 0]),
    ("test__local.py", [1, 7, 13]),
    ("test__threadpool.py", [19, 11, 9]),
];

/// All of them together.
const TOTAL: Verdicts = [153, 129, 89];

/// A line of the table in `README.md`.
#[derive(Debug)]
struct Row {
    /// The heading above it.
    file: String,
    upstream: String,
    verdict: char,
    /// File and function of a test, else why there is none.
    ours: String,
}

/// A test of this folder that names its upstream: `file.rs::function`, then upstream file and test, and verdict.
type Named = (String, String, char);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ported_gevent")
}

fn readme() -> String {
    fs::read_to_string(folder().join("README.md")).expect("the tables are there")
}

/// The cells of the rows below a heading, with the heading. The head of a table and the rule below it are left out.
fn read_rows(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut heading = "";
    let mut is_head = true;
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(found) = line.strip_prefix("## ") {
            (heading, is_head) = (found, true);
        } else if line.starts_with("|---") {
            is_head = false;
        } else if let Some(row) = line.strip_prefix("| ").filter(|_| !is_head) {
            let cells = row.trim_end_matches(" |").split(" | ");
            rows.push((heading, cells.map(|cell| cell.trim_matches('`')).collect()));
        }
    }
    rows
}

fn read_table(text: &str) -> Vec<Row> {
    let rows = read_rows(text).into_iter();
    let of_files = rows.filter(|(heading, _)| heading.ends_with(".py"));
    let rows = of_files.map(|(heading, cells)| match cells[..] {
        [upstream, verdict, ours] => Row {
            file: heading.to_owned(),
            upstream: upstream.to_owned(),
            verdict: verdict.parse().expect("a verdict is one letter"),
            ours: ours.to_owned(),
        },
        _ => panic!("not three cells: {cells:?}"),
    });
    rows.collect()
}

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
            if let Some((upstream, rest)) = upstream_of(line) {
                let verdict = rest.chars().next().expect("a verdict is one letter");
                named.push((upstream.to_owned(), verdict));
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

/// Whether a doc comment names an upstream test.
fn upstream_of(line: &str) -> Option<(&str, &str)> {
    let doc = line.strip_prefix("/// ")?;
    doc.split_once(".py ")?;
    doc.split_once(" (")
}

/// Whether `folder/file.rs::function` is a function of that file of `tests`, or `file.rs::function` one of this folder.
fn is_there(test: &str) -> bool {
    let Some((file, function)) = test.split_once("::") else {
        return false;
    };
    let tests = folder().join("..");
    let path = match file.contains('/') {
        true => tests.join(file),
        false => folder().join(file),
    };
    let text = fs::read_to_string(path).unwrap_or_default();
    text.contains(&format!("\nfn {function}("))
}

#[test]
fn the_table_is_complete() {
    let text = readme();
    let rows = read_table(&text);
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
        assert!(is_there(&row.ours), "no such test: {row:?}");
        if !row.ours.contains('/') {
            let upstream = format!("{} {}", row.file, row.upstream);
            let test = (row.ours.clone(), upstream, row.verdict);
            assert!(sources.remove(&test), "it does not say so: {row:?}");
        }
    }
    assert!(sources.is_empty(), "not in the table: {sources:?}");
    assert_eq!(counts, FILES);
    let total = counts.iter().fold([0; 3], |sum: Verdicts, (_, count)| {
        [0, 1, 2].map(|verdict| sum[verdict] + count[verdict])
    });
    assert_eq!(total, TOTAL);
}

#[test]
fn every_deliberate_difference_is_shown_by_a_test() {
    let text = readme();
    let rows = read_rows(&text).into_iter();
    let differences: Vec<_> = rows
        .filter(|(heading, _)| *heading == "Deliberate differences")
        .map(|(_, cells)| cells)
        .collect();
    let mut shown = BTreeSet::new();
    for cells in &differences {
        assert_eq!(cells.len(), 3, "{cells:?}");
        assert!(is_there(cells[2]), "no such test: {cells:?}");
        shown.insert(cells[2]);
    }
    // And each test of that file is about one.
    let file = fs::read_to_string(folder().join("differences.rs")).unwrap();
    for test in file.split("#[test]\nfn ").skip(1) {
        let (function, _) = test.split_once('(').expect("a function");
        let name = format!("differences.rs::{function}");
        assert!(shown.contains(name.as_str()), "not in the table: {name}");
    }
    assert!(differences.len() > 10);
}
