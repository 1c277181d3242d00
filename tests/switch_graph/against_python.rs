//! The crate against Python's greenlet, as far as no deliberate difference comes in between.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::against_model::{check, difference, for_all, number_from_env, run_real};
use crate::differences::Difference;
use crate::program::Program;

const DEFAULT_CASES: u32 = 2_000;
const CASES_FOR_ALL: u32 = 1_000;

/// What must have been compared with Python to the end of a program at least once.
const OUTCOMES: [&str; 19] = [
    "child exited",
    "cycle refused",
    "dead ancestor passed over",
    "dead refused",
    "error kills a new parent",
    "error of a child arrived",
    "error of a killed one arrived",
    "exit arrived",
    "exit caught",
    "killed",
    "killed by drop",
    "new one dropped",
    "observer panicked",
    "observer switched",
    "result arrived",
    "resurrected",
    "sent to itself",
    "started by a death",
    "thrown into a suspended one",
];

/// A Python process that runs one program after the other.
pub(crate) struct Oracle {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// `None`, said loudly, where there is no Python with greenlet and none is required.
    pub(crate) fn find() -> Option<Oracle> {
        let python = env::var_os("GREENLET_PYTHON").unwrap_or_else(|| "python3".into());
        let has_greenlet = Command::new(&python)
            .args(["-c", "import greenlet"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !has_greenlet {
            let required = env::var("GREENLET_REQUIRE_ORACLE").is_ok_and(|value| value == "1");
            assert!(!required, "no python3 with greenlet");
            eprintln!("skipped: no python3 with greenlet");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/interpreter.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It reports greenlets that refuse to die.
            .stderr(Stdio::null())
            .spawn()
            .expect("python was found");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Some(Oracle { child, answers })
    }

    /// What Python logs, at most `limit` lines; an error if it is gone.
    pub(crate) fn run(&mut self, program: &Program, limit: usize) -> Result<Vec<String>, String> {
        let pipe = self.child.stdin.as_mut().expect("piped");
        writeln!(pipe, "{limit} {program}").map_err(|error| format!("python: {error}"))?;
        let mut log = Vec::new();
        loop {
            let mut line = String::new();
            match self.answers.read_line(&mut line) {
                Ok(0) => return Err(format!("python ended after {log:?}")),
                Ok(_) if line.trim_end() == "." => return Ok(log),
                Ok(_) => log.push(line.trim_end().to_owned()),
                Err(error) => return Err(format!("python: {error}")),
            }
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // Closing its input ends it; it may also hang, in a failed test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn random_programs_do_what_python_does() {
    let Some(oracle) = Oracle::find() else { return };
    let oracle = RefCell::new(oracle);
    let cases = number_from_env("GREENLET_ORACLE_CASES", DEFAULT_CASES);
    let counts = RefCell::new(BTreeMap::<&str, u32>::new());
    let ends = RefCell::new(BTreeMap::<String, u32>::new());
    let lines = RefCell::new((0, 0));
    for_all(cases, 3, |program| {
        let prediction = check(program)?;
        let (limit, end) = match prediction.differs {
            None => (usize::MAX >> 1, "compared to the end".to_owned()),
            Some((lines, difference)) => (lines, format!("compared until {difference:?}")),
        };
        *ends.borrow_mut().entry(end).or_default() += 1;
        let crashes = matches!(prediction.differs, Some((_, Difference::ExitIntoNewParent)));
        if limit == 0 || crashes {
            return Ok(());
        }
        let log = run_real(program)?;
        let answer = oracle.borrow_mut().run(program, limit);
        if answer.is_err() {
            oracle.replace(Oracle::find().expect("it was found before"));
        }
        let python = answer?;
        let same = &log[..log.len().min(limit)];
        if same != python {
            return Err(difference("crate", same, "python", &python));
        }
        let (compared, all) = *lines.borrow();
        lines.replace((compared + same.len(), all + log.len()));
        if prediction.differs.is_none() {
            for (outcome, count) in prediction.outcomes {
                *counts.borrow_mut().entry(outcome).or_default() += count;
            }
        }
        Ok(())
    });
    println!("{:?}, lines compared: {:?}", ends.borrow(), lines.borrow());
    println!("in programs compared to the end: {:#?}", counts.borrow());
    if cases >= CASES_FOR_ALL {
        let counts = counts.borrow();
        let missing = OUTCOMES
            .iter()
            .find(|outcome| !counts.contains_key(**outcome));
        assert_eq!(missing, None, "was never compared with Python");
    }
}
