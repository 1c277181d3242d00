//! Runs every example to its end and compares all that it prints with `tests/expected`.
//!
//! The examples are built by a plain `cargo test`, but not by `cargo test --test examples`, which needs a
//! `cargo build --examples` first.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

#[path = "support/example.rs"]
mod example;
#[path = "support/process.rs"]
mod process;

/// Example, its arguments, what it reads, the file that says what it prints.
type Run = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
);

const RUNS: &[Run] = &[
    ("chain", &[], "", "chain"),
    ("chain", &["1"], "", "chain_once"),
    ("connection_pool", &[], "", "connection_pool"),
    ("crawler", &[], "", "crawler"),
    ("deadlock", &[], "", "deadlock"),
    ("doc_contextvars", &[], "", "doc_contextvars"),
    ("doc_creating", &[], "", "doc_creating"),
    ("doc_gc", &[], "", "doc_gc"),
    ("doc_greenlet", &[], "", "doc_greenlet"),
    ("doc_gui", &[], "", "doc_gui"),
    ("doc_switching", &[], "", "doc_switching"),
    ("doc_threads", &[], "", "doc_threads"),
    ("doc_tracing", &[], "", "doc_tracing"),
    // Its pauses are random; only if they take no time is there one order.
    ("downloads", &["0"], "", "downloads"),
    ("gevent", &[], "one\ntwo\r\n\nlast", "gevent"),
    ("gevent", &[], "", "gevent_empty"),
    ("greenlet", &[], "one\ntwo\r\n\nlast", "greenlet"),
    ("greenlet", &[], "", "greenlet_empty"),
    ("mass_resolve", &[], "", "mass_resolve"),
    ("mutex", &[], "", "mutex"),
    ("processes", &[], "", "processes"),
    ("producer_consumer", &[], "", "producer_consumer"),
    ("semaphore", &[], "", "semaphore"),
    ("tour", &[], "1\n2\n3\n4\n5\n6\n7\n8\nleft over\n", "tour"),
    ("tour", &[], "", "tour_empty"),
    ("unix_socket", &[], "", "unix_socket"),
];

/// Those that serve others until they are interrupted, or never print the same: the file that runs them, by their names.
const ELSEWHERE: &[(&str, &str)] = &[
    ("chat", "tests/peers/chat.rs"),
    ("echo_server", "tests/peers/echo.rs"),
    ("hangs", "tests/examples.rs"),
    ("http_hello", "tests/peers/http.rs"),
    ("port_forwarder", "tests/peers/forward.rs"),
    ("million", ".ci/run"),
    ("soak", "tests/chaos.rs"),
    ("ten_thousand", ".ci/run"),
    ("tls_echo", "tests/peers/tls.rs"),
    ("udp_echo", "tests/peers/udp.rs"),
];

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "examples are not built where this feature is of use"
)]
fn examples_print_what_is_expected() {
    for (example, arguments, input, expectation) in RUNS {
        let path = Path::new("tests/expected").join(format!("{expectation}.txt"));
        let expected = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
        assert!(!expected.is_empty(), "{} says nothing", path.display());
        let mut command = Command::new(example::binary(example));
        let ended = process::run(command.args(*arguments).env("RUST_BACKTRACE", "0"), input);
        assert!(ended.status.success(), "{example} failed: {ended:#?}");
        assert_eq!(
            ended.stdout,
            expected,
            "{example} does not print what {} says",
            path.display()
        );
        let mut complaints = ended.stderr.lines();
        assert!(
            !complaints.any(|line| line.starts_with("greenlet: ")),
            "{example} made the library complain: {ended:#?}"
        );
    }
}

#[test]
fn every_example_has_an_expectation() {
    let examples = names("examples", "rs");
    assert!(!examples.is_empty(), "no example was found");
    let mut run: BTreeSet<_> = RUNS.iter().map(|run| run.0.to_owned()).collect();
    for (name, by) in ELSEWHERE {
        let text = fs::read_to_string(by).unwrap_or_else(|error| panic!("{by}: {error}"));
        assert!(text.contains(name), "{by} does not run {name}");
        assert!(run.insert(name.to_string()), "{name} is listed twice");
    }
    assert_eq!(
        run, examples,
        "the examples there are, and those that are listed"
    );

    let compared: BTreeSet<_> = RUNS.iter().map(|run| run.3.to_owned()).collect();
    assert_eq!(compared.len(), RUNS.len(), "two runs expect the same");
    assert_eq!(
        compared,
        names("tests/expected", "txt"),
        "RUNS does not list the expectations there are"
    );
}

#[test]
fn every_example_says_what_it_shows() {
    for name in names("examples", "rs") {
        let source = fs::read_to_string(format!("examples/{name}.rs")).expect("was just listed");
        assert!(
            source.starts_with("//! "),
            "the first line of example {name} is to say what it shows"
        );
    }
}

#[test]
fn readme_shows_the_report_of_the_example() {
    let read = |path| fs::read_to_string(path).expect("is there");
    let expected = read("tests/expected/deadlock.txt");
    let report = expected.find("deadlock: ").expect("a report is expected");
    assert!(read("README.md").contains(&expected[report..]));
}

/// With every number the same.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if out.ends_with('0') => {}
            '0'..='9' => out.push('0'),
            c => out.push(c),
        }
    }
    out
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "examples are not built where this feature is of use"
)]
fn readme_shows_what_is_seen_of_programs_that_hang() {
    let readme = fs::read_to_string("README.md").expect("is there");
    for (how, first) in [
        ("dump", "thread `main`"),
        ("watchdog", "greenlet `importer`"),
        ("overflow", "greenlet 'parser'"),
    ] {
        let ended = process::run(Command::new(example::binary("hangs")).arg(how), "");
        let said = without_numbers(&(ended.stdout + &ended.stderr));
        let block = readme
            .split("```text\n")
            .find(|block| block.starts_with(first));
        let block = block.unwrap_or_else(|| panic!("README does not show {how}"));
        let shown = block.split("```").next().expect("has an end");
        for line in without_numbers(shown).lines() {
            assert!(
                said.contains(line),
                "{how} does not say {line:?} but {said}"
            );
        }
    }
}

/// The files in `directory` with this extension, without it.
fn names(directory: &str, extension: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).expect("tests run in the package's directory");
    let paths = entries.map(|entry| entry.expect("is readable").path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let stem = path.file_stem().expect("has an extension");
            stem.to_str().expect("is UTF-8").to_owned()
        })
        .collect()
}
