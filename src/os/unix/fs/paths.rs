//! Calls by path that only Unix has.

use std::io;
use std::path::Path;

use crate::fs::call::call;
use crate::sys::fd::AsFd;
use crate::sys::fs;

/// [`std::os::unix::fs::symlink`].
///
/// # Examples
///
/// ```
/// use greenlet::fs;
/// use greenlet::os::unix::fs::symlink;
///
/// let link = std::env::temp_dir().join(format!("greenlet-doc-symlink-{}", std::process::id()));
/// symlink("elsewhere", &link)?;
/// assert_eq!(fs::read_link(&link)?.to_str(), Some("elsewhere"));
/// # fs::remove_file(&link)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn symlink<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let (original, link) = (original.as_ref().to_owned(), link.as_ref().to_owned());
    call(move || fs::symlink(original, link))
}

/// [`std::os::unix::fs::chown`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn chown<P: AsRef<Path>>(dir: P, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let dir = dir.as_ref().to_owned();
    call(move || fs::chown(dir, uid, gid))
}

/// [`std::os::unix::fs::lchown`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn lchown<P: AsRef<Path>>(dir: P, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let dir = dir.as_ref().to_owned();
    call(move || fs::lchown(dir, uid, gid))
}

/// [`std::os::unix::fs::fchown`].
///
/// The call has a duplicate of the descriptor.
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn fchown<F: AsFd>(fd: F, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    // One of its own, as the caller may close the other one meanwhile.
    let fd = fd.as_fd().try_clone_to_owned()?;
    call(move || fs::fchown(fd, uid, gid))
}

/// [`std::os::unix::fs::chroot`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn chroot<P: AsRef<Path>>(dir: P) -> io::Result<()> {
    let dir = dir.as_ref().to_owned();
    call(move || fs::chroot(dir))
}
