//! A child process.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::process::{self, ExitStatus, Output};

use crate::process::ending::Ending;
use crate::process::streams::{ChildStderr, ChildStdin, ChildStdout};
use crate::readiness::poll::{Interest, wait_any_ready};

/// A child process: `std::process::Child`, where only the greenlet waits.
///
/// Dropping it neither ends the child nor waits for it, as with std's: one that has ended stays a zombie until it is waited for.
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, ends a wait, and the child runs on: it may be waited for again, or killed.
///
/// ```
/// use std::time::Duration;
/// use greenlet::process::Command;
///
/// let mut child = Command::new("sleep").arg("3600").spawn()?;
/// assert!(greenlet::timeout(Duration::from_millis(10), || child.wait()).is_err());
/// child.kill()?;
/// assert!(!child.wait()?.success());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Child {
    /// Where the child's standard input is written, if it was asked for.
    pub stdin: Option<ChildStdin>,
    /// Where the child's standard output is read, if it was asked for.
    pub stdout: Option<ChildStdout>,
    /// Where the child's standard error is read, if it was asked for.
    pub stderr: Option<ChildStderr>,
    // Before the child: a descriptor of its end.
    ending: Ending,
    inner: process::Child,
}

impl Child {
    /// Takes over one of std's.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn from_std(mut inner: process::Child) -> io::Result<Child> {
        Ok(Child {
            stdin: inner.stdin.take().map(ChildStdin::from_std).transpose()?,
            stdout: inner.stdout.take().map(ChildStdout::from_std).transpose()?,
            stderr: inner.stderr.take().map(ChildStderr::from_std).transpose()?,
            ending: Ending::Unasked,
            inner,
        })
    }

    /// Gives std's, whose calls block the thread.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<process::Child> {
        let mut inner = self.inner;
        inner.stdin = self.stdin.map(ChildStdin::into_std).transpose()?;
        inner.stdout = self.stdout.map(ChildStdout::into_std).transpose()?;
        inner.stderr = self.stderr.map(ChildStderr::into_std).transpose()?;
        Ok(inner)
    }

    /// Ends the child, by `SIGKILL`. Does not wait for that, and does nothing if its end is known.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn kill(&mut self) -> io::Result<()> {
        self.inner.kill()
    }

    /// The system's number of the child.
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// Waits until the child has ended, and tells how. Its standard input is closed first, so that neither waits for the other.
    ///
    /// Switches unless the child has ended.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        self.ending.wait(&mut self.inner)
    }

    /// Tells how the child has ended, if it has. Never switches.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.inner.try_wait()
    }

    /// Closes the child's standard input, reads its output and its errors to their ends, both at once, and waits until it has ended.
    ///
    /// Switches. A kill, or the end of an enclosing limit, leaves the child running, with nobody to read; what was read is dropped.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenlet::process::{Command, Stdio};
    ///
    /// let child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
    /// let output = child.wait_with_output()?;
    /// assert!(output.status.success());
    /// assert_eq!(output.stdout, b"hello\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let pipes = [
            stdout.as_ref().map(ChildStdout::pipe),
            stderr.as_ref().map(ChildStderr::pipe),
        ];
        let [stdout, stderr] = read_both(pipes)?;
        let status = self.wait()?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }
}

/// Reads both to their ends, whichever has something.
#[track_caller]
fn read_both(mut pipes: [Option<&io::PipeReader>; 2]) -> io::Result<[Vec<u8>; 2]> {
    let mut read = [Vec::new(), Vec::new()];
    loop {
        let open = pipes.iter().flatten();
        let mut interests: Vec<_> = open.map(|pipe| Interest::readable(*pipe)).collect();
        if interests.is_empty() {
            return Ok(read);
        }
        wait_any_ready(&mut interests)?;
        for (pipe, into) in pipes.iter_mut().zip(&mut read) {
            if let Some(open) = *pipe
                && read_some(open, into)?
            {
                *pipe = None;
            }
        }
    }
}

/// Reads what is there, or much of it; whether that was the end.
fn read_some(mut pipe: &io::PipeReader, into: &mut Vec<u8>) -> io::Result<bool> {
    /// Others have their turns in between.
    const AT_ONCE: u64 = 64 * 1024;

    let before = into.len();
    match pipe.by_ref().take(AT_ONCE).read_to_end(into) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
        Ok(_) => Ok(into.len() == before),
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("stdin", &self.stdin)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
