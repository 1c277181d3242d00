//! The crate against the model.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::panic;
use std::str::FromStr;
use std::sync::{Arc, Mutex, Once};
use std::thread;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::generate::programs;
use crate::model;
use crate::program::{Act, Program};
use crate::real;
use crate::support::leak_checked;

const DEFAULT_CASES: u32 = 20_000;
/// With fewer programs not every outcome has to occur.
const CASES_FOR_ALL: u32 = 10_000;

/// What a run of many programs must have come to, beside every operation.
const OUTCOMES: [&str; 46] = [
    "ancestor dropped by its child's end",
    "child exited",
    "cycle refused",
    "dead ancestor passed over",
    "dead one killed",
    "dead refused",
    "died without running",
    "end passed over itself",
    "error arrived",
    "error caught",
    "error kills a new parent",
    "error of a child arrived",
    "error of a dropped one discarded",
    "error of a killed one arrived",
    "exit arrived",
    "exit caught",
    "exit passed over a new parent",
    "killed",
    "killed by drop",
    "killed itself",
    "killed when it left",
    "lives on after a kill",
    "lost, thrown into a drop while the thread unwinds",
    "new one dropped",
    "new one killed",
    "observer panicked",
    "observer switched",
    "observer was ended",
    "out of steps",
    "parent of main refused",
    "refused to die",
    "reparented",
    "result arrived",
    "resumed by a switch",
    "resurrected",
    "sent to itself",
    "started by a death",
    "started by a switch",
    "temporary parent changed",
    "thrown into a drop",
    "thrown into a new one",
    "thrown into a suspended one",
    "value arrived",
    "guard dropped",
    "guard dropped in an unwind",
    "kill outlived by a later one",
];

pub(crate) fn number_from_env<T: FromStr>(name: &str, default: T) -> T {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        Err(_) => default,
    }
}

/// A runner whose programs follow from one number; failures are told with it instead of being persisted.
pub(crate) fn runner(cases: u32, stream: u8) -> (TestRunner, u64) {
    let seed: u64 = number_from_env("GREENLET_GRAPH_SEED", 1);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let mut bytes = [stream; 16];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    // Ten times as fast as the default in a debug build.
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, &bytes);
    (TestRunner::new_with_rng(config, rng), seed)
}

/// What the crate does with a program, on a fresh thread that is checked for leaks; or how it failed.
pub(crate) fn run_real(program: &Program) -> Result<Vec<String>, String> {
    silence_quiet_threads();
    let log = Arc::new(Mutex::new(Vec::new()));
    let checked = {
        let (log, program) = (log.clone(), program.clone());
        move || {
            real::be_quiet();
            *log.lock().unwrap() = real::run(&program);
        }
    };
    match panic::catch_unwind(|| leak_checked(checked)) {
        Ok(()) => Ok(Arc::into_inner(log).unwrap().into_inner().unwrap()),
        Err(payload) => Err(match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => payload.downcast_ref::<&str>().unwrap_or(&"?").to_string(),
        }),
    }
}

/// Refusals and exits that are not tried panic by design, and their reports would drown the rest.
fn silence_quiet_threads() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !real::is_quiet() {
                before(info);
            }
        }));
    });
}

pub(crate) fn check(program: &Program) -> Result<model::Prediction, String> {
    let prediction = model::run(program);
    let log = run_real(program).map_err(|failure| format!("the crate failed: {failure}"))?;
    match prediction.log == log {
        true => Ok(prediction),
        false => Err(difference("model", &prediction.log, "crate", &log)),
    }
}

/// Two logs side by side, from just before the first line that differs.
pub(crate) fn difference(left: &str, one: &[String], right: &str, other: &[String]) -> String {
    let same = one
        .iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count();
    let mut text = format!("line {same} differs:\n{left:>34}   {right}\n");
    let line = |log: &[String], at: usize| log.get(at).cloned().unwrap_or_else(|| "-".to_owned());
    for at in 0..one.len().max(other.len()).min(same + 3) {
        text += &format!("{:>34}   {}\n", line(one, at), line(other, at));
    }
    text
}

/// Runs `property` on random programs, each of which must be kept small by it for shrinking to be quick.
pub(crate) fn for_all(cases: u32, stream: u8, property: impl Fn(&Program) -> Result<(), String>) {
    let (mut runner, seed) = runner(cases, stream);
    let outcome = runner.run(&programs(), |program| {
        if env::var_os("GREENLET_GRAPH_VERBOSE").is_some() {
            eprintln!("{program}");
        }
        property(&program).map_err(TestCaseError::fail)
    });
    if let Err(failure) = outcome {
        panic!("GREENLET_GRAPH_SEED={seed}: {failure}");
    }
}

#[test]
fn random_programs_do_what_the_model_says() {
    let cases = number_from_env("GREENLET_GRAPH_CASES", DEFAULT_CASES);
    let counts = RefCell::new(BTreeMap::new());
    for_all(cases, 0, |program| {
        let prediction = check(program)?;
        let mut counts = counts.borrow_mut();
        for (outcome, count) in prediction.outcomes {
            *counts.entry(outcome).or_insert(0) += count;
        }
        Ok(())
    });
    let counts = counts.into_inner();
    println!("{cases} programs:");
    for (outcome, count) in &counts {
        println!("{count:>9} {outcome}");
    }
    if cases >= CASES_FOR_ALL {
        let mut expected = Act::NAMES.iter().chain(&OUTCOMES);
        let missing = expected.find(|outcome| !counts.contains_key(*outcome));
        assert_eq!(missing, None, "never occurred");
    }
}

#[test]
fn the_program_asked_for_does_what_the_model_says() {
    let text = env::var("GREENLET_GRAPH_PROGRAM");
    let program = text
        .as_deref()
        .unwrap_or("t | -create:1:- -switch:1:5:t | -return:6");
    let program: Program = program.parse().expect("a program");
    let prediction = model::run(&program);
    println!("{}", prediction.log.join("\n"));
    println!("Python differs: {:?}", prediction.differs);
    if let Err(failure) = check(&program) {
        panic!("{failure}");
    }
}

/// Shrunk programs on which the crate or the model once went wrong.
#[test]
fn programs_that_failed_once_do_what_the_model_says() {
    let programs = [
        "- | -create:1:- -create:2:- -switch:1:1:t -drop:1 -state:1 -guard:reparent:1:2 \
           | xswitch:0:0:- xswitch:2:0:- -switch:0:0:- | -kill:1 |",
        "- | -create:1:- -create:3:- xswitch:1:1:t -switch:1:2:t -switch:0:3:t \
           | -drop:3 -drop:1 xswitch:0:0:- -reparent:1:3 -reparent:3:1 -switch:1:1:t | |",
        "- | -create:1:- -create:2:- -kill:2 -switch:1:0:t -kill:1 -state:1 -switch:1:1:t \
           | xswitch:0:0:t -reparent:1:2 -reparent:2:1 |",
    ];
    for program in programs {
        let program: Program = program.parse().expect("a program");
        if let Err(failure) = check(&program) {
            panic!("{program}: {failure}");
        }
    }
}

#[test]
fn programs_survive_being_written_and_read() {
    for_all(200, 1, |program| {
        let read: Program = program.to_string().parse()?;
        match read == *program {
            true => Ok(()),
            false => Err(format!("read as {read}")),
        }
    });
}

#[test]
fn a_wrong_log_is_noticed() {
    let log = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| line.to_string())
            .collect::<Vec<_>>()
    };
    let text = difference("one", &log(&["a", "b"]), "two", &log(&["a", "c"]));
    assert!(text.starts_with("line 1 differs"), "{text}");
    let failed = thread::spawn(|| {
        for_all(50, 2, |program| match program.scripts.len() {
            0..=2 => Ok(()),
            _ => Err("more than two".to_owned()),
        });
    });
    let payload = failed.join().expect_err("most programs are longer");
    let message = payload.downcast_ref::<String>().expect("a message");
    assert!(message.contains("GREENLET_GRAPH_SEED="), "{message}");
    assert!(message.contains("minimal failing input"), "{message}");
}
