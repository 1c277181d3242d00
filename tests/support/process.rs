//! Children of tests, which are run to their end, or ended when they hang.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Far more than any child needs, also on a busy machine.
const HANGS: Duration = Duration::from_secs(120);

/// What a child left.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `command` with `input` as its whole standard input.
#[track_caller]
pub fn run(command: &mut Command, input: &str) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let mut stdin = child.stdin.take().expect("is piped");
    let stdout = child.stdout.take().expect("is piped");
    let stderr = child.stderr.take().expect("is piped");
    thread::scope(|s| {
        // A child may end without having read everything.
        s.spawn(move || _ = stdin.write_all(input.as_bytes()));
        let stdout = s.spawn(|| read(stdout));
        let stderr = s.spawn(|| read(stderr));
        let start = Instant::now();
        let mut hangs = false;
        let status = loop {
            if let Some(status) = child.try_wait().expect("is our child") {
                break status;
            }
            if start.elapsed() > HANGS && !hangs {
                hangs = true;
                child.kill().expect("is our child");
            }
            thread::sleep(Duration::from_millis(2));
        };
        let ended = Ended {
            status,
            stdout: stdout.join().expect("reads"),
            stderr: stderr.join().expect("reads"),
        };
        assert!(!hangs, "{command:?} did not end: {ended:#?}");
        ended
    })
}

fn read(mut from: impl Read) -> String {
    let mut all = Vec::new();
    from.read_to_end(&mut all).expect("is a pipe");
    String::from_utf8_lossy(&all).into_owned()
}
