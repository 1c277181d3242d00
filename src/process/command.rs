//! How a child process is begun.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::{self, CommandArgs, CommandEnvs, ExitStatus, Output, Stdio};

use crate::process::child::Child;
#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};

/// How a child process is begun: `std::process::Command`, where only the greenlet waits for what the child does.
///
/// What is particular to Unix is in [`CommandExt`](crate::os::unix::process::CommandExt); what else std's has is done on [`as_std_mut`](Self::as_std_mut).
///
/// # Examples
///
/// ```
/// use greenlet::process::Command;
///
/// let output = Command::new("sh").args(["-c", "echo hello"]).output()?;
/// assert_eq!(output.stdout, b"hello\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Command {
    inner: process::Command,
    /// Which of the standard streams the caller has set.
    is_set: [bool; 3],
}

impl Command {
    /// Of this program, without arguments.
    pub fn new<S: AsRef<OsStr>>(program: S) -> Command {
        process::Command::new(program).into()
    }

    /// Adds an argument.
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.inner.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<I, S>(&mut self, args: I) -> &mut Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.inner.args(args);
        self
    }

    /// Sets a variable of the child's environment.
    pub fn env<K, V>(&mut self, key: K, val: V) -> &mut Command
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.inner.env(key, val);
        self
    }

    /// Sets variables of the child's environment.
    pub fn envs<I, K, V>(&mut self, vars: I) -> &mut Command
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.inner.envs(vars);
        self
    }

    /// Takes a variable from the child's environment.
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Command {
        self.inner.env_remove(key);
        self
    }

    /// Empties the child's environment.
    pub fn env_clear(&mut self) -> &mut Command {
        self.inner.env_clear();
        self
    }

    /// Sets the child's working directory.
    pub fn current_dir<P: AsRef<Path>>(&mut self, dir: P) -> &mut Command {
        self.inner.current_dir(dir);
        self
    }

    /// Sets the child's standard input. As long as it is not set, it is this process's, or nothing with [`output`](Self::output).
    pub fn stdin<T: Into<Stdio>>(&mut self, stdin: T) -> &mut Command {
        self.inner.stdin(stdin);
        self.is_set[0] = true;
        self
    }

    /// Sets the child's standard output. As long as it is not set, it is this process's, or a pipe with [`output`](Self::output).
    pub fn stdout<T: Into<Stdio>>(&mut self, stdout: T) -> &mut Command {
        self.inner.stdout(stdout);
        self.is_set[1] = true;
        self
    }

    /// Sets the child's standard error. As long as it is not set, it is this process's, or a pipe with [`output`](Self::output).
    pub fn stderr<T: Into<Stdio>>(&mut self, stderr: T) -> &mut Command {
        self.inner.stderr(stderr);
        self.is_set[2] = true;
        self
    }

    /// Begins the child. The thread waits until the system has loaded the program, which others cannot make take long.
    ///
    /// # Errors
    ///
    /// What the system says: that there is no such program.
    pub fn spawn(&mut self) -> io::Result<Child> {
        #[cfg(greenlet_faults)]
        faults::strike(Site::Process)?;
        Child::from_std(self.inner.spawn()?)
    }

    /// Begins the child, waits until it has ended, and tells how.
    ///
    /// Switches. A kill, or the end of an enclosing limit, leaves the child running.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenlet::process::Command;
    ///
    /// assert_eq!(Command::new("sh").args(["-c", "exit 3"]).status()?.code(), Some(3));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    /// Begins the child, reads its output and its errors to their ends, and waits until it has ended.
    ///
    /// Switches. A kill, or the end of an enclosing limit, leaves the child running, with nobody to read.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn output(&mut self) -> io::Result<Output> {
        self.spawn_for_output()?.wait_with_output()
    }

    /// Streams that are not set go into pipes, this time.
    fn spawn_for_output(&mut self) -> io::Result<Child> {
        self.set_unset([Stdio::null(), Stdio::piped(), Stdio::piped()]);
        let child = self.spawn();
        self.set_unset([Stdio::inherit(), Stdio::inherit(), Stdio::inherit()]);
        child
    }

    fn set_unset(&mut self, [stdin, stdout, stderr]: [Stdio; 3]) {
        let [is_in, is_out, is_err] = self.is_set;
        if !is_in {
            self.inner.stdin(stdin);
        }
        if !is_out {
            self.inner.stdout(stdout);
        }
        if !is_err {
            self.inner.stderr(stderr);
        }
    }

    /// The program that it was made with.
    pub fn get_program(&self) -> &OsStr {
        self.inner.get_program()
    }

    /// The arguments that were added.
    pub fn get_args(&self) -> CommandArgs<'_> {
        self.inner.get_args()
    }

    /// The variables that were set or taken away.
    pub fn get_envs(&self) -> CommandEnvs<'_> {
        self.inner.get_envs()
    }

    /// The working directory that was set.
    pub fn get_current_dir(&self) -> Option<&Path> {
        self.inner.get_current_dir()
    }

    /// std's, for what is particular to a system. Streams that are set there are not known to be set to [`output`](Self::output), which goes its own way with
    /// them, and leaves them this process's.
    ///
    /// ```
    /// use std::os::unix::process::CommandExt;
    /// use greenlet::process::Command;
    ///
    /// let mut command = Command::new("sh");
    /// command.as_std_mut().arg0("another").process_group(0);
    /// assert_eq!(command.args(["-c", "echo $0"]).output()?.stdout, b"another\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn as_std_mut(&mut self) -> &mut process::Command {
        &mut self.inner
    }

    /// std's, with all that was set. After a call of [`output`](Self::output) streams that were not set count as set to this process's.
    pub fn into_std(self) -> process::Command {
        self.inner
    }
}

/// Streams that are set are not known to be set to [`Command::output`].
impl From<process::Command> for Command {
    fn from(inner: process::Command) -> Self {
        Command {
            inner,
            is_set: [false; 3],
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
