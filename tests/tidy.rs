//! The architecture as a test: who may import whom, where `unsafe` and the operating system may be, how long a file
//! may grow. Each check fails if it found nothing to look at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The source files in their one total order: a file imports only files above it. Those with a `U` may
/// contain `unsafe`, all others forbid it.
const ORDER: &[(&str, &str)] = &[
    ("util/primitive", ""),
    ("util/id", ""),
    ("util/histogram", ""),
    ("util/deadline", ""),
    ("util/slot_list", ""),
    ("sys/faults", "U"),
    ("sys/memory", "U"),
    ("sys/mapping", "U"),
    ("sys/valgrind", ""),
    ("sys/arena", "U"),
    ("sys/depth", "U"),
    ("sys/frames", "U"),
    ("sys/context", "U"),
    ("sys/os_thread", "U"),
    ("sys/fork", "U"),
    ("sys/handler", "U"),
    ("sys/probe", "U"),
    ("sys/clock", ""),
    ("sys/fd", "U"),
    ("sys/fs", ""),
    ("sys/unix_net", ""),
    ("sys/stdio", "U"),
    ("sys/child", "U"),
    ("sys/overflow", "U"),
    ("sys/prefetch", "U"),
    ("sys/poller/epoll", "U"),
    ("sys/poller/portable", "U"),
    ("sys/poller/tests", ""),
    ("sys/membarrier", "U"),
    ("util/bias", ""),
    ("util/biased", "U"),
    ("util/biased_tests", ""),
    ("greenlet/unwind", ""),
    ("greenlet/kind", "U"),
    ("greenlet/local_map", ""),
    ("greenlet/alert", ""),
    ("greenlet/measuring", ""),
    ("greenlet/spans", ""),
    ("greenlet/kills", ""),
    ("greenlet/marks", ""),
    ("greenlet/state", ""),
    ("greenlet/blueprint", ""),
    ("greenlet/block", "U"),
    ("greenlet/passage", ""),
    ("greenlet/label", ""),
    ("greenlet/panicking", ""),
    ("greenlet/switch", "U"),
    ("greenlet/kill", ""),
    ("greenlet/deliver", "U"),
    ("greenlet/annex", "U"),
    ("greenlet/body", "U"),
    ("greenlet/thread", "U"),
    ("greenlet/subscriber", ""),
    ("greenlet/error", ""),
    ("greenlet/exchange", "U"),
    ("greenlet/any", ""),
    ("greenlet/handle", ""),
    ("greenlet/builder", ""),
    ("greenlet/locals", ""),
    ("greenlet/trace", ""),
    ("greenlet/generator", ""),
    ("greenlet/census", ""),
    ("wait/sleepers", ""),
    ("wait/parker", ""),
    ("wait/wait_queue", ""),
    ("wait/run_queue", ""),
    ("wait/permits", ""),
    ("wait/rw_permits", ""),
    ("hub/roll", ""),
    ("hub/awaited", ""),
    ("hub/timers", ""),
    ("hub/reactor", ""),
    ("hub/seat", "U"),
    ("hub/stretch", ""),
    ("hub/limits", ""),
    ("hub/state", "U"),
    ("hub/interrupt", ""),
    ("hub/report", ""),
    ("hub/panic_hook", ""),
    ("hub/run_loop", ""),
    ("hub/park", ""),
    ("hub/drain", ""),
    ("hub/shut_down", ""),
    ("hub/begin", ""),
    ("hub/admission", ""),
    ("hub/wait_on", ""),
    ("hub/owner", ""),
    ("hub/sleep", ""),
    ("hub/measured", ""),
    ("hub/control", ""),
    ("lock/acquire", ""),
    ("lock/semaphore", ""),
    ("lock/bounded_semaphore", ""),
    ("lock/relock", ""),
    ("lock/plain", ""),
    ("lock/rlock", ""),
    ("lock/condition", ""),
    ("sync/poison", ""),
    ("sync/mutex", "U"),
    ("sync/rwlock", "U"),
    ("sync/condvar", ""),
    ("sync/barrier", ""),
    ("sync/once", ""),
    ("sync/once_lock", "U"),
    ("sync/lazy_lock", "U"),
    ("sync/mpsc", ""),
    ("task/joiners", ""),
    ("channel/error", ""),
    ("channel/arm", ""),
    ("channel/state", ""),
    ("channel/chan", ""),
    ("channel/timer", ""),
    ("channel/sender", ""),
    ("channel/receiver", ""),
    ("channel/iter", ""),
    ("channel/select", ""),
    ("channel/select_macro", ""),
    ("task/packet", ""),
    ("task/join_handle", ""),
    ("task/told", ""),
    ("task/spawn", ""),
    ("task/timeout", ""),
    ("task/join_all", ""),
    ("event/flag", ""),
    ("event/async_result", ""),
    ("queue/error", ""),
    ("queue/state", ""),
    ("queue/kinds", ""),
    ("queue/heap", ""),
    ("queue/basic", ""),
    ("queue/joinable", ""),
    ("readiness/wait", ""),
    ("readiness/poll", ""),
    ("readiness/modes", ""),
    ("readiness/evented", ""),
    ("readiness/async_fd", ""),
    ("task/wait_any", ""),
    ("task/members", ""),
    ("thread/parking", ""),
    ("task/scope", "U"),
    ("threadpool/packet", ""),
    ("pool/group", ""),
    ("pool/imap", ""),
    ("pool/bounded", ""),
    ("threadpool/workers", ""),
    ("threadpool/thread_pool", ""),
    ("threadpool/per_process", ""),
    ("net/resolve", ""),
    ("net/addrs", ""),
    ("fs/call", ""),
    ("fs/buffer", ""),
    ("fs/file_lock", ""),
    ("fs/file", ""),
    ("fs/open_options", ""),
    ("fs/transfer", ""),
    ("fs/descriptor", "U"),
    ("fs/dir", ""),
    ("fs/paths", ""),
    ("os/unix/fs/paths", ""),
    ("net/each", ""),
    ("net/own", ""),
    ("net/tcp_stream", ""),
    ("net/tcp_listener", ""),
    ("net/udp_socket", ""),
    ("os/unix/net/retry", ""),
    ("os/unix/net/stream", ""),
    ("os/unix/net/listener", ""),
    ("os/unix/net/datagram", ""),
    ("os/streams", ""),
    ("os/convert", "U"),
    ("io/pipe", ""),
    ("io/raw", "U"),
    ("io/stdin", ""),
    ("io/stdout", ""),
    ("io/terminal", ""),
    ("process/ending", ""),
    ("process/streams", ""),
    ("process/child", ""),
    ("process/command", ""),
    ("os/unix/process/command_ext", "U"),
    ("os/linux/net/tcp_stream_ext", ""),
    ("signal/signals", ""),
    ("signal/ctrl_c", ""),
    ("server/listener", ""),
    ("server/stream_server", ""),
    ("server/datagram_server", ""),
    ("debug/serialize", ""),
    ("debug/backtrace", ""),
    ("debug/dump", ""),
    ("debug/gather", ""),
    ("debug/text", ""),
    ("debug/everywhere", ""),
    ("debug/watchdog", ""),
    ("debug/depths", ""),
    ("thread/spawn", ""),
];

/// Front pages: documentation and `pub use` only.
const FRONT_PAGES: &[&str] = &[
    "lib",
    "util/mod",
    "sys/mod",
    "sys/poller/mod",
    "greenlet/mod",
    "wait/mod",
    "hub/mod",
    "lock/mod",
    "sync/mod",
    "channel/mod",
    "task/mod",
    "event/mod",
    "queue/mod",
    "readiness/mod",
    "pool/mod",
    "threadpool/mod",
    "io/mod",
    "net/mod",
    "fs/mod",
    "os/mod",
    "os/unix/mod",
    "os/unix/fs/mod",
    "server/mod",
    "os/fd",
    "os/raw",
    "os/linux/fs",
    "os/linux/mod",
    "os/linux/net/mod",
    "os/unix/ffi",
    "os/unix/net/mod",
    "os/unix/prelude",
    "os/unix/process/mod",
    "process/mod",
    "signal/mod",
    "debug/mod",
    "thread/mod",
    "time",
];

/// Nothing but documentation that is tested.
const DOCUMENTS: &[&str] = &["compile_fail"];

/// Who may leave for the hub in its own way, because `wait_on` does not fit: every other file waits through one of these.
const CALLERS_OF_PARK: &[&str] = &[
    "hub/drain",
    "hub/wait_on",
    "hub/sleep",
    "lock/acquire",
    "lock/condition",
    "sync/rwlock",
    "sync/condvar",
    "channel/chan",
    "channel/select",
    "channel/timer",
    "readiness/wait",
    "readiness/poll",
    "readiness/evented",
    "task/packet",
    "task/wait_any",
];

/// Lines of code, without comments, blank lines and unit tests.
const LONGEST_FILE: usize = 400;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

/// `greenlet/block` for `src/greenlet/block.rs`.
fn name_of(path: &Path) -> String {
    let relative = path.strip_prefix(root().join("src")).unwrap();
    let name = relative.with_extension("");
    name.to_str().unwrap().replace('\\', "/")
}

fn source(name: &str) -> String {
    fs::read_to_string(root().join("src").join(format!("{name}.rs"))).unwrap()
}

/// The code of a file: no comments, no unit tests, numbered from one.
fn code(name: &str) -> Vec<(usize, String)> {
    let text = source(name);
    let lines = text.lines().enumerate();
    let before_tests = lines.take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
    let code = before_tests.map(|(i, line)| {
        (
            i + 1,
            line.split("//").next().unwrap().trim_end().to_owned(),
        )
    });
    code.filter(|(_, line)| !line.trim().is_empty()).collect()
}

/// Every `crate::…` path in a line, up to its second segment: `greenlet/block`.
fn crate_paths(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        if line[..at].ends_with('$') {
            continue;
        }
        let rest = &line[at + "crate::".len()..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        let path = &rest[..end.unwrap_or(rest.len())];
        let mut segments = path.split("::").filter(|segment| !segment.is_empty());
        let first = segments.next().unwrap_or_default();
        // `use crate::greenlet::{a, b}` would hide from this check.
        let second = segments.next().unwrap_or_default();
        found.push(format!("{first}/{second}"));
    }
    found
}

#[test]
fn every_file_has_its_place_in_the_order() {
    let mut on_disk: BTreeSet<_> = rust_files(&root().join("src"))
        .iter()
        .map(|p| name_of(p))
        .collect();
    for page in FRONT_PAGES.iter().chain(DOCUMENTS) {
        assert!(on_disk.remove(*page), "{page} is gone");
    }
    let listed: BTreeSet<_> = ORDER.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(listed, on_disk);
    assert_eq!(listed.len(), ORDER.len(), "a file is listed twice");
}

#[test]
fn files_import_only_files_above_them() {
    let mut imports = 0;
    for (place, (name, _)) in ORDER.iter().enumerate() {
        for (line_number, line) in code(name) {
            assert!(
                !line.contains("super::"),
                "{name}:{line_number}: write the path from `crate`"
            );
            for path in crate_paths(&line) {
                // A folder with a front page of its own stands where its first file does.
                let within = format!("{path}/");
                let target = ORDER
                    .iter()
                    .position(|(other, _)| *other == path || other.starts_with(&within));
                let Some(target) = target else {
                    panic!(
                        "{name}:{line_number}: {path} is no file; import from the file that defines it"
                    );
                };
                assert!(
                    target < place,
                    "{name}:{line_number}: {path} is below {name}"
                );
                imports += 1;
            }
        }
    }
    assert!(imports > 50, "found only {imports} imports");
}

#[test]
fn unsafe_is_only_where_it_is_marked() {
    let mut marked = 0;
    for (name, mark) in ORDER {
        let allows = source(name).contains("#![allow(unsafe_code)]");
        assert_eq!(
            allows,
            *mark == "U",
            "{name}: the mark and the file disagree"
        );
        let uses = code(name)
            .iter()
            .any(|(_, line)| line.contains("unsafe ") && !line.contains("allow("));
        assert_eq!(uses, allows, "{name}: marked for nothing, or not marked");
        marked += usize::from(allows);
    }
    assert!(marked > 0);
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for lint in [
        "unsafe_code = \"deny\"",
        "undocumented_unsafe_blocks = \"deny\"",
    ] {
        assert!(manifest.contains(lint), "{lint} is gone from Cargo.toml");
    }
}

#[test]
fn invariants_that_are_cited_exist() {
    let mut defined = BTreeSet::new();
    let mut cited = BTreeSet::new();
    let is_label = |label: &str| {
        let mut chars = label.chars();
        chars.next().is_some_and(|c| "ABCDFHIMNOPQRSTW".contains(c))
            && label.len() > 1
            && chars.all(|c| c.is_ascii_digit())
    };
    let files = ORDER.iter().map(|(name, _)| name).chain(FRONT_PAGES);
    for name in files {
        for line in source(name).lines() {
            if let Some(rest) = line.strip_prefix("//! * **") {
                let label = rest.split("**").next().unwrap();
                assert!(
                    defined.insert(label.to_owned()),
                    "{name}: {label} is defined twice"
                );
            } else if let Some((_, comment)) = line.split_once("//") {
                let words = comment.split(|c: char| !c.is_ascii_alphanumeric());
                cited.extend(words.filter(|word| is_label(word)).map(str::to_owned));
            }
        }
    }
    assert!(defined.len() > 10, "{defined:?}");
    assert!(
        cited.is_subset(&defined),
        "cited but not defined: {:?}",
        cited.difference(&defined)
    );
}

#[test]
fn only_those_listed_go_through_the_door() {
    let callers: BTreeSet<_> = ORDER
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| {
            code(name)
                .iter()
                .any(|(_, line)| line.contains("hub::park::"))
        })
        .collect();
    let listed: BTreeSet<_> = CALLERS_OF_PARK.iter().copied().collect();
    assert_eq!(callers, listed);
}

#[test]
fn the_operating_system_stays_in_sys() {
    let mut seen = 0;
    for (name, _) in ORDER {
        for (line_number, line) in code(name) {
            let os = ["libc::", "target_os", "std::os::"]
                .iter()
                .any(|word| line.contains(word));
            assert!(
                !os || name.starts_with("sys/"),
                "{name}:{line_number}: {line}"
            );
            seen += usize::from(os);
            let names_corosensei = line.contains("corosensei");
            assert!(
                !names_corosensei || *name == "sys/context" || *name == "sys/valgrind",
                "{name}:{line_number}: {line}"
            );
        }
    }
    assert!(seen > 0, "no call of the operating system was found");
}

#[test]
fn front_pages_hold_no_code() {
    for page in FRONT_PAGES {
        let code = code(page);
        assert!(!code.is_empty());
        let mut rest = String::new();
        for (_, line) in code {
            rest.push_str(&line);
            rest.push('\n');
        }
        for item in rest.split_inclusive([';', ']']) {
            let item = item.trim();
            let allowed = [
                "pub use ",
                "pub(crate) use ",
                "pub mod ",
                "pub(crate) mod ",
                "mod ",
                "#[",
                "compile_error!",
                ");",
            ];
            let text_of_error = item.starts_with('"') || item.contains("compile_error!");
            assert!(
                item.is_empty()
                    || text_of_error
                    || allowed.iter().any(|start| item.starts_with(start)),
                "{page}: {item}"
            );
        }
    }
}

#[test]
fn files_stay_short() {
    for (name, _) in ORDER {
        let lines = code(name).len();
        assert!(
            lines > 3 && lines <= LONGEST_FILE,
            "{name} has {lines} lines of code"
        );
    }
}

#[test]
fn every_file_has_a_front_page() {
    let mut seen = 0;
    for dir in ["src", "tests", "examples", "benches"] {
        for path in rust_files(&root().join(dir)) {
            if path.components().any(|part| part.as_os_str() == "target") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let head = text.trim_start_matches("#![no_main]\n").starts_with("//!");
            assert!(head, "{} does not say what it is", path.display());
            seen += 1;
        }
    }
    assert!(seen > ORDER.len());
}

#[test]
fn the_top_level_is_what_was_agreed() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "arch-notes",
        "examples",
        "tests",
        "benches",
        "README.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        ".ci",
        ".git",
        ".gitignore",
        "target",
    ];
    let mut seen = 0;
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            allowed.contains(&name.as_str()),
            "{name} has no place at the top level"
        );
        seen += 1;
    }
    assert!(seen > 8);
}

#[test]
fn arch_notes_are_numbered_and_answer_the_same_questions() {
    let mut notes: Vec<_> = fs::read_dir(root().join("arch-notes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    notes.sort();
    assert!(notes.len() > 5, "{notes:?}");
    for (i, note) in notes.iter().enumerate() {
        let name = note.file_name().unwrap().to_str().unwrap();
        assert!(
            name.starts_with(&format!("{i:04}-")),
            "{name} is out of order"
        );
        let text = fs::read_to_string(note).unwrap();
        if i == 0 {
            for other in &notes[1..] {
                let other = other.file_name().unwrap().to_str().unwrap();
                assert!(text.contains(other), "{name} does not list {other}");
            }
            continue;
        }
        for part in [
            "## Question",
            "## Decision",
            "## Why not",
            "## Costs",
            "## How it is checked",
        ] {
            assert!(text.contains(part), "{name} has no {part}");
        }
    }
}
