//! A descriptor that is readable once a child process has ended, where the system has that.
#![allow(unsafe_code)]

use std::process::Child;

pub(crate) use std::os::unix::process::CommandExt;

use crate::sys::fd::OwnedFd;
use crate::util::primitive::{AtomicBool, Ordering};

/// For tests: as if the system had none.
static WITHOUT: AtomicBool = AtomicBool::new(false);

pub(crate) fn do_without(without: bool) {
    WITHOUT.store(without, Ordering::Relaxed);
}

/// The descriptor, which a process that is begun does not inherit; `None` if there is none to be had. The child must not have been waited for: its
/// number could be another's.
pub(crate) fn end_of(child: &Child) -> Option<OwnedFd> {
    if WITHOUT.load(Ordering::Relaxed) {
        return None;
    }
    pidfd(child)
}

#[cfg(target_os = "linux")]
fn pidfd(child: &Child) -> Option<OwnedFd> {
    #[cfg(greenlet_faults)]
    use crate::sys::faults::{self, Site};
    use crate::sys::fd::FromRawFd;

    #[cfg(greenlet_faults)]
    faults::strike(Site::Pidfd).ok()?;
    let pid = libc::pid_t::try_from(child.id()).ok()?;
    // SAFETY: takes no pointers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: it is new, and nobody else knows it.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(not(target_os = "linux"))]
fn pidfd(_child: &Child) -> Option<OwnedFd> {
    None
}
