//! A program that runs beside a test, as a child process: an example that is a server, for the most part.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::example;

/// Far more than anything takes, also on a busy machine.
const HANGS: Duration = Duration::from_secs(120);

/// Ended when dropped.
pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    /// Where it listens.
    pub(crate) addr: String,
}

impl Program {
    /// Starts the example, and waits until it says where it listens.
    #[track_caller]
    pub(crate) fn start(example: &str, arguments: &[&str]) -> Program {
        let mut command = Command::new(example::binary(example));
        command.args(arguments).env("RUST_BACKTRACE", "0");
        Program::start_as(&mut command, "listening at ")
    }

    /// Starts a program, and waits until it says that it is ready; `addr` is what it says further.
    #[track_caller]
    pub(crate) fn start_as(command: &mut Command, ready: &str) -> Program {
        let mut program = Program::start_at_once(command);
        program.addr = program.says(ready);
        program
    }

    #[track_caller]
    pub(crate) fn start_at_once(command: &mut Command) -> Program {
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let stdout = child.stdout.take().expect("is piped");
        let stderr = child.stderr.take().expect("is piped");
        Program {
            stdin: child.stdin.take(),
            child,
            stdout: lines(stdout),
            stderr: Some(all(stderr)),
            addr: String::new(),
        }
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("is open");
        writeln!(stdin, "{line}").expect("it listens");
    }

    /// Asks no more.
    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    /// Waits for the line that has this in it: what follows there.
    #[track_caller]
    pub(crate) fn says(&self, what: &str) -> String {
        let rest = self.hears(what);
        rest.unwrap_or_else(|error| panic!("it does not say {what:?}: {error}"))
    }

    /// As [`says`](Self::says); an error if it ends or hangs before.
    pub(crate) fn hears(&self, what: &str) -> Result<String, RecvTimeoutError> {
        loop {
            let line = self.stdout.recv_timeout(HANGS)?;
            if let Some((_, rest)) = line.split_once(what) {
                return Ok(rest.to_owned());
            }
        }
    }

    /// Host and port.
    pub(crate) fn host_and_port(&self) -> (&str, &str) {
        self.addr.rsplit_once(':').expect("an address with a port")
    }

    pub(crate) fn interrupt(&self) {
        self.send("INT");
    }

    pub(crate) fn send(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.expect("there is a shell").success(), "{kill}");
    }

    /// Waits for the end: its status, and what it complained about.
    #[track_caller]
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("is our child") {
                break status;
            }
            assert!(start.elapsed() < HANGS, "it does not end");
            thread::sleep(Duration::from_millis(2));
        };
        let stderr = self.stderr.take().expect("is taken once");
        (status, stderr.join().expect("reads"))
    }

    /// Interrupts it. Nobody is connected any more, so it has to end in good order.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.interrupt();
        let (status, stderr) = self.ended();
        assert!(status.success(), "{status}: {stderr}");
        assert_eq!(stderr, "");
    }

    /// Interrupts it, and again when it waits for those that are connected.
    #[track_caller]
    pub(crate) fn stop_at_once(self) {
        self.interrupt();
        self.says("stopping");
        self.interrupt();
        let (status, stderr) = self.ended();
        assert_eq!(status.code(), Some(128 + 2), "{status}: {stderr}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended, unless the test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection on which nothing is waited for without end.
#[track_caller]
pub(crate) fn connect(addr: &str) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("it listens");
    for limited in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
        limited(&stream, Some(HANGS)).expect("is no zero");
    }
    stream
}

fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    // It has to be read, or the server would wait at some time. The test may have heard enough.
    thread::spawn(move || {
        let lines = BufReader::new(stdout).lines();
        lines
            .map_while(Result::ok)
            .for_each(|line| _ = sender.send(line));
    });
    receiver
}

fn all(mut stderr: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut all = Vec::new();
        stderr.read_to_end(&mut all).expect("is a pipe");
        String::from_utf8_lossy(&all).into_owned()
    })
}
