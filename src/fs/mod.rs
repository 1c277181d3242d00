//! `std::fs`, cooperatively: a program moves over by changing `use std::fs` to `use greenlet::fs`.
//!
//! Names, signatures and errors are std's. The system has no file calls that do not block, so threads make them, and only the caller's greenlet
//! waits:
//!
//! ```
//! use greenlet::fs;
//!
//! let dir = std::env::temp_dir().join(format!("greenlet-doc-fs-{}", std::process::id()));
//! fs::create_dir(&dir)?;
//! let handles: Vec<_> = ["one", "two", "three"]
//!     .into_iter()
//!     .map(|name| {
//!         let path = dir.join(name);
//!         greenlet::spawn(move || {
//!             fs::write(&path, name)?;
//!             fs::read_to_string(&path)
//!         })
//!     })
//!     .collect();
//! let texts: Result<Vec<_>, _> = handles.into_iter().map(|h| h.join().unwrap()).collect();
//! assert_eq!(texts?, ["one", "two", "three"]);
//! fs::remove_dir_all(&dir)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What holds for every call, unless it is said to be made at once:
//!
//! * The threads are the process's: 16 of them at most, started when they are needed, ended when they have had nothing to do for some seconds. They
//!   do nothing else. A further call waits for its turn, in the order of coming.
//! * It switches, unless it is over before the caller could wait.
//! * It cannot be interrupted. If the caller is killed, or its limit elapses, before the call has its turn, it is not made. Later the caller ends its
//!   wait, and the call goes on by itself, to its end; its result is dropped. [`File`] says what that means for its position.
//! * What never ends has a turn for ever: opening a FIFO that nobody opens at the other end, a read from a terminal. So wait for these by
//!   [`readiness`](crate::readiness), or on a [`ThreadPool`](crate::threadpool::ThreadPool) of their own.
//! * What it needs is copied for it: paths, and the bytes of reads and writes.
//! * It panics if the system refuses the pool its only thread.
//! * In a fork the child has threads of its own. What was going on in the parent's is not going on there.
//!
//! The methods of [`Path`](std::path::Path) that ask the file system, as `Path::exists`, are std's and block the thread: use [`exists`], [`metadata`] and so on instead. There is no
//! `soft_link`, which std has deprecated.
//!
//! In reading order:
//!
//! * `call` has a thread make a call.
//! * `buffer` the bytes on their way.
//! * `file_lock` waits for the lock of a file.
//! * `open_options`, `file`, `transfer`, `descriptor` files.
//! * `dir` directories.
//! * `paths` calls by path.

pub(crate) mod call;

pub(crate) mod buffer;

pub(crate) mod file_lock;

pub(crate) mod file;

pub(crate) mod open_options;

pub(crate) mod transfer;

pub(crate) mod descriptor;

pub(crate) mod dir;

pub(crate) mod paths;

pub use std::fs::{FileTimes, FileType, Metadata, Permissions, TryLockError};

pub use crate::fs::dir::{DirBuilder, DirEntry, ReadDir, read_dir};
pub use crate::fs::file::File;
pub use crate::fs::open_options::OpenOptions;
pub use crate::fs::paths::{
    canonicalize, copy, create_dir, create_dir_all, exists, hard_link, metadata, read, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions,
    symlink_metadata, write,
};
