//! Calls by path, and of whole files.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use crate::fs::call::call;

/// [`std::fs::read`]: a whole file, in one call.
///
/// # Examples
///
/// ```
/// use greenlet::fs;
///
/// let bytes = fs::read("Cargo.toml")?;
/// assert!(bytes.starts_with(b"["));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn read<P: AsRef<Path>>(path: P) -> io::Result<Vec<u8>> {
    let path = path.as_ref().to_owned();
    call(move || fs::read(path))
}

/// [`std::fs::read_to_string`]: a whole file, in one call.
///
/// # Examples
///
/// ```
/// use greenlet::fs;
///
/// let text = fs::read_to_string("Cargo.toml")?;
/// assert!(text.contains("greenlet"));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn read_to_string<P: AsRef<Path>>(path: P) -> io::Result<String> {
    let path = path.as_ref().to_owned();
    call(move || fs::read_to_string(path))
}

/// [`std::fs::write`]: a whole file, in one call, which gets a copy of `contents`.
///
/// If the caller is killed while it waits, the file is written all the same.
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, contents: C) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    let contents = contents.as_ref().to_owned();
    call(move || fs::write(path, contents))
}

/// [`std::fs::copy`], in one call.
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn copy<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<u64> {
    let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
    call(move || fs::copy(from, to))
}

/// [`std::fs::rename`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<()> {
    let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
    call(move || fs::rename(from, to))
}

/// [`std::fs::remove_file`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn remove_file<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    call(move || fs::remove_file(path))
}

/// [`std::fs::remove_dir`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn remove_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    call(move || fs::remove_dir(path))
}

/// [`std::fs::remove_dir_all`], in one call.
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn remove_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    call(move || fs::remove_dir_all(path))
}

/// [`std::fs::create_dir`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn create_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    call(move || fs::create_dir(path))
}

/// [`std::fs::create_dir_all`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn create_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    call(move || fs::create_dir_all(path))
}

/// [`std::fs::metadata`].
///
/// # Examples
///
/// ```
/// use greenlet::fs;
///
/// assert!(fs::metadata("src")?.is_dir());
/// assert!(fs::metadata("src/nothing").is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    let path = path.as_ref().to_owned();
    call(move || fs::metadata(path))
}

/// [`std::fs::symlink_metadata`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn symlink_metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    let path = path.as_ref().to_owned();
    call(move || fs::symlink_metadata(path))
}

/// [`std::fs::set_permissions`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn set_permissions<P: AsRef<Path>>(path: P, perm: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    call(move || fs::set_permissions(path, perm))
}

/// [`std::fs::canonicalize`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn canonicalize<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    call(move || fs::canonicalize(path))
}

/// [`std::fs::hard_link`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn hard_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let (original, link) = (original.as_ref().to_owned(), link.as_ref().to_owned());
    call(move || fs::hard_link(original, link))
}

/// [`std::fs::read_link`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn read_link<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    call(move || fs::read_link(path))
}

/// [`std::fs::exists`].
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn exists<P: AsRef<Path>>(path: P) -> io::Result<bool> {
    let path = path.as_ref().to_owned();
    call(move || fs::exists(path))
}
