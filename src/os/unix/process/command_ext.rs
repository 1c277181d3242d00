//! What a command can be told on Unix only.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::io;

use crate::process::command::Command;
use crate::sys::child::CommandExt as _;

/// `std::os::unix::process::CommandExt`, for [`Command`].
///
/// ```
/// use greenlet::os::unix::process::CommandExt;
/// use greenlet::process::Command;
///
/// let output = Command::new("sh").arg0("another").args(["-c", "echo $0"]).output()?;
/// assert_eq!(output.stdout, b"another\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait CommandExt {
    /// Sets the user of the child.
    fn uid(&mut self, id: u32) -> &mut Command;

    /// Sets the group of the child.
    fn gid(&mut self, id: u32) -> &mut Command;

    /// Sets a function that runs in the child, before the program is loaded.
    ///
    /// # Safety
    ///
    /// As with std's: in a child of a process of several threads little may be done. It must not wait, and so not use what switches.
    unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Command
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static;

    /// Loads the program in the place of this one. Whoever is still here gets the error.
    ///
    /// No destructor runs, of no greenlet. As with std's, a failure may leave this process changed: its directory, its streams, and
    /// `SIGPIPE`, which ends it then.
    fn exec(&mut self) -> io::Error;

    /// Sets the first of the arguments, which is the program's name otherwise.
    fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command;

    /// Sets the process group of the child; zero is one of its own.
    fn process_group(&mut self, pgroup: i32) -> &mut Command;
}

impl CommandExt for Command {
    fn uid(&mut self, id: u32) -> &mut Command {
        self.as_std_mut().uid(id);
        self
    }

    fn gid(&mut self, id: u32) -> &mut Command {
        self.as_std_mut().gid(id);
        self
    }

    unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Command
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller promises the same.
        unsafe { self.as_std_mut().pre_exec(f) };
        self
    }

    fn exec(&mut self) -> io::Error {
        self.as_std_mut().exec()
    }

    fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.as_std_mut().arg0(arg);
        self
    }

    fn process_group(&mut self, pgroup: i32) -> &mut Command {
        self.as_std_mut().process_group(pgroup);
        self
    }
}
