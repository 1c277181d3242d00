//! How many instructions an operation takes, beside how many it took when `instructions.txt` was written: a gate, for counts
//! can be trusted where times cannot.
//!
//! `cargo bench --bench instructions` counts under callgrind, prints a table, and fails if an operation is further than
//! [`TOLERANCE`] from its baseline: either way, for who makes something cheaper is to say so, or the next may make it dearer again
//! unseen. `-- --bless` writes the baseline anew. `-- --quick` only runs every operation once or twice, and counts nothing.
//!
//! The program runs itself as `instructions run OPERATION COUNT`, twice for each operation. What starts and ends a process is the same
//! in both runs, so the difference in instructions by the difference in counts is what one operation takes. Nothing in there
//! depends on the time, for that is simulated, nor on the environment, for there is none.
//!
//! What is not seen: waiting for memory, wrong predictions, and the system's part of calls. The other benches have those. With another compiler
//! or libc there are other counts: to bless those is a change of its own.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::process::{Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::Duration;

use greenlet::event::Event;
use greenlet::lock::Semaphore;
use greenlet::queue::Queue;
use greenlet::sync::{Mutex, RwLock};
use greenlet::{Greenlet, channel, spawn, timeout, yield_now};

/// How far from its baseline an operation may be. Runs of one build do not differ at all.
const TOLERANCE: f64 = 0.03;

/// How often an operation is run. The fewer are enough for the hub to settle: it looks around more seldom the quicker greenlets
/// hand over to each other.
const FEW: u64 = 5_000;
const MANY: u64 = 25_000;

/// Cargo runs benches in the package's directory.
const BASELINE: &str = "benches/instructions.txt";

const HEAD: &str =
    "# Instructions an operation, x86_64, by `cargo bench --bench instructions -- --bless`; with ";

/// Is run as often as it is told.
type Operation = fn(u64);

const OPERATIONS: &[(&str, Operation)] = &[
    ("switch", switch),
    ("yield", yields),
    ("mutex", mutex),
    ("channel", channel),
    ("queue", queue),
    ("spawn_join", spawn_join),
    ("timer", timer),
    ("event", event),
    ("rwlock", rwlock),
    ("semaphore", semaphore),
];

/// To one greenlet, and back.
fn switch(count: u64) {
    let main = greenlet::main();
    let other = Greenlet::<u64, u64>::new(move |mut value| {
        loop {
            value = main.switch(value + 1);
        }
    });
    let mut value = 0;
    for _ in 0..count {
        value = other.switch(value);
    }
    assert_eq!(value, count);
}

/// Of two, each once.
fn yields(count: u64) {
    for_ever(yield_now);
    for _ in 0..count {
        yield_now();
    }
}

/// Free: lock and unlock.
fn mutex(count: u64) {
    let mutex = Mutex::new(0);
    for _ in 0..count {
        *black_box(&mutex).lock().expect("well") += 1;
    }
    assert_eq!(mutex.into_inner().expect("well"), count);
}

/// A message there and one back, each of which is waited for.
fn channel(count: u64) {
    let ((there, t), (back, b)) = (channel::bounded(1), channel::bounded(1));
    for_ever(move || {
        back.send(t.recv().expect("somebody sends"))
            .expect("somebody receives");
    });
    for n in 0..count {
        there.send(n).expect("somebody receives");
        assert_eq!(b.recv(), Ok(n));
    }
}

/// As `channel`, with queues.
fn queue(count: u64) {
    let (there, back) = (Rc::new(Queue::new()), Rc::new(Queue::new()));
    let (t, b) = (there.clone(), back.clone());
    for_ever(move || b.put(t.get().expect("is open")).expect("is open"));
    for n in 0..count {
        there.put(n).expect("is open");
        assert_eq!(back.get(), Ok(n));
    }
}

/// On a stack from the pool.
fn spawn_join(count: u64) {
    for n in 0..count {
        assert_eq!(spawn(move || n).join().expect("returns"), n);
    }
}

/// A limit that does not elapse: armed and cancelled.
fn timer(count: u64) {
    for _ in 0..count {
        timeout(Duration::from_secs(30), || black_box(())).expect("is quick");
    }
}

/// Two: each is set by the one who does not wait for it, waited for and cleared.
fn event(count: u64) {
    let events = Rc::new((Event::new(), Event::new()));
    let theirs = events.clone();
    for_ever(move || {
        theirs.0.wait();
        theirs.0.clear();
        theirs.1.set();
    });
    for _ in 0..count {
        events.0.set();
        events.1.wait();
        events.1.clear();
    }
}

/// Free: read and unlock, write and unlock.
fn rwlock(count: u64) {
    let lock = RwLock::new(0);
    for n in 0..count {
        assert_eq!(*black_box(&lock).read().expect("well"), n);
        *black_box(&lock).write().expect("well") += 1;
    }
}

/// A unit handed over to another one who waits for it, and one back.
fn semaphore(count: u64) {
    let units = Rc::new((Semaphore::new(0), Semaphore::new(0)));
    let theirs = units.clone();
    for_ever(move || {
        theirs.0.acquire();
        theirs.1.release();
    });
    for _ in 0..count {
        units.0.release();
        units.1.acquire();
    }
}

/// Runs `body` again and again in a greenlet of its own, until the process ends.
fn for_ever(mut body: impl FnMut() + 'static) {
    drop(spawn(move || {
        loop {
            body();
        }
    }));
    // It runs, and waits.
    yield_now();
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let asks = |flag| arguments.iter().any(|argument| argument == flag);
    if let [run, operation, count] = &arguments[..]
        && run == "run"
    {
        run_one(operation, count.parse()?);
        return Ok(ExitCode::SUCCESS);
    }
    if asks("--quick") {
        return run_all();
    }
    let counted = count_all()?;
    if asks("--bless") {
        fs::write(BASELINE, written(&counted)?)?;
        println!("{BASELINE} is written anew");
    }
    let baseline = fs::read_to_string(BASELINE)
        .map_err(|error| format!("{BASELINE}: {error}; `-- --bless` writes it"))?;
    compare(&baseline, &counted)
}

fn run_one(name: &str, count: u64) {
    let found = OPERATIONS.iter().find(|(known, _)| *known == name);
    let (_, operation) = found.expect("one of those that there are");
    greenlet::__simulate();
    operation(count);
}

/// Each in a process of its own, as when it is counted.
fn run_all() -> Result<ExitCode, Box<dyn Error>> {
    for (name, _) in OPERATIONS {
        let status = Command::new(env::current_exe()?)
            .args(["run", name, "2"])
            .status()?;
        if !status.success() {
            return Err(format!("{name} fails: {status}").into());
        }
    }
    println!(
        "instructions: {} operations run; the count is skipped, as asked by --quick",
        OPERATIONS.len()
    );
    Ok(ExitCode::SUCCESS)
}

fn count_all() -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let mut counted = BTreeMap::new();
    for (name, _) in OPERATIONS {
        let extra = count(name, MANY)?.saturating_sub(count(name, FEW)?);
        counted.insert(name.to_string(), extra as f64 / (MANY - FEW) as f64);
    }
    Ok(counted)
}

/// The instructions of the whole process.
fn count(operation: &str, times: u64) -> Result<u64, Box<dyn Error>> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["run", operation, &times.to_string()])
        .env_clear()
        .env("PATH", path)
        .stdin(Stdio::null());
    let output = valgrind.output().map_err(|error| {
        format!("valgrind, which counts the instructions, cannot be started: {error}")
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{valgrind:?} fails: {}\n{said}", output.status).into());
    }
    // `==pid== Collected : 123456`
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let (_, number) = collected.ok_or_else(|| format!("{valgrind:?} counts nothing:\n{said}"))?;
    Ok(number.trim().parse()?)
}

/// A line each, below one that says what built it.
fn written(counted: &BTreeMap<String, f64>) -> Result<String, Box<dyn Error>> {
    let mut text = format!("{HEAD}{}\n", compiler()?);
    for (name, now) in counted {
        writeln!(text, "{name} {now:.1}")?;
    }
    Ok(text)
}

fn compiler() -> Result<String, Box<dyn Error>> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Prints the table. Fails if an operation is not what it was, or is in one of the two only.
fn compare(baseline: &str, counted: &BTreeMap<String, f64>) -> Result<ExitCode, Box<dyn Error>> {
    let mut expected = BTreeMap::new();
    for line in baseline.lines().filter(|line| !line.starts_with('#')) {
        let (name, count) = line.split_once(' ').ok_or("a baseline without a number")?;
        expected.insert(name, count.parse::<f64>()?);
    }
    let mut outside = 0;
    println!(
        "{:<12} {:>10} {:>10} {:>9}",
        "instructions", "baseline", "now", "change"
    );
    for (name, now) in counted {
        let Some(before) = expected.remove(name.as_str()) else {
            println!("{name:<12} {:>10} {now:>10.1}   has no baseline", "");
            outside += 1;
            continue;
        };
        let change = now / before - 1.0;
        let is_outside = change.abs() > TOLERANCE;
        let verdict = match is_outside {
            true if change > 0.0 => "   dearer",
            true => "   cheaper",
            false => "",
        };
        let percent = 100.0 * change;
        println!("{name:<12} {before:>10.1} {now:>10.1} {percent:>+8.2}%{verdict}");
        outside += usize::from(is_outside);
    }
    for (name, before) in &expected {
        println!(
            "{name:<12} {before:>10.1} {:>10}   is no operation any more",
            ""
        );
        outside += 1;
    }
    if outside == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let percent = 100.0 * TOLERANCE;
    eprintln!("instructions: {outside} of them not within {percent} % of the baseline.");
    eprintln!("If that is meant: cargo bench --bench instructions -- --bless");
    let (then, now) = (baseline.lines().next().unwrap_or_default(), compiler()?);
    if !then.ends_with(&now) {
        eprintln!("The baseline was made by another compiler than {now}: {then}");
    }
    Ok(ExitCode::FAILURE)
}
