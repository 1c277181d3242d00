//! Directories.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fs::call::{Gate, call};
use crate::sys::fs::{DirBuilderExt, DirEntryExt};
use crate::util::primitive::Latch;

/// How many entries one call reads at most.
const BATCH: usize = 128;

/// [`std::fs::read_dir`].
///
/// # Examples
///
/// ```
/// use greenlet::fs;
///
/// let mut names = Vec::new();
/// for entry in fs::read_dir("src")? {
///     names.push(entry?.file_name());
/// }
/// assert!(names.contains(&"lib.rs".into()));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// As std's.
#[track_caller]
pub fn read_dir<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
    let path = path.as_ref().to_owned();
    call(move || {
        let listing = Listing {
            dir: Some(fs::read_dir(&path)?),
            read: VecDeque::new(),
        };
        let listing = Arc::new(Latch::new(listing));
        fill(&listing);
        Ok(ReadDir {
            path,
            listing,
            gate: Gate::new(),
        })
    })
}

/// [`std::fs::ReadDir`]. One call reads up to 128 entries; the iterator switches only when it needs more.
///
/// If the caller is killed while it waits, no entry is lost.
pub struct ReadDir {
    path: PathBuf,
    listing: Arc<Latch<Listing>>,
    gate: Arc<Gate>,
}

struct Listing {
    /// Until the last entry was read, and while no call has it.
    dir: Option<fs::ReadDir>,
    read: VecDeque<io::Result<DirEntry>>,
}

/// Reads more entries, on a thread.
fn fill(listing: &Latch<Listing>) {
    let Some(mut dir) = listing.lock().dir.take() else {
        return;
    };
    let entries = dir
        .by_ref()
        .take(BATCH)
        .map(|entry| entry.map(DirEntry::new));
    let entries: Vec<_> = entries.collect();
    let more = entries.len() == BATCH;
    let mut listing = listing.lock();
    listing.read.extend(entries);
    listing.dir = more.then_some(dir);
}

impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    #[track_caller]
    fn next(&mut self) -> Option<io::Result<DirEntry>> {
        loop {
            if let Some(entry) = self.listing.lock().read.pop_front() {
                return Some(entry);
            }
            // The end of a call that was given up brings what it has read.
            self.gate.pass();
            let listing = self.listing.lock();
            if listing.read.is_empty() {
                listing.dir.as_ref()?;
                drop(listing);
                let listing = self.listing.clone();
                self.gate.call(move || fill(&listing));
            }
        }
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadDir").field(&self.path).finish()
    }
}

/// [`std::fs::DirEntry`].
pub struct DirEntry {
    entry: Arc<fs::DirEntry>,
    /// If the directory tells.
    file_type: Option<FileType>,
}

impl DirEntry {
    /// On a thread, where it may have to ask for the type.
    fn new(entry: fs::DirEntry) -> Self {
        DirEntry {
            file_type: entry.file_type().ok(),
            entry: Arc::new(entry),
        }
    }

    /// [`std::fs::DirEntry::path`]. At once.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.entry.path()
    }

    /// [`std::fs::DirEntry::file_name`]. At once.
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.entry.file_name()
    }

    /// [`std::fs::DirEntry::metadata`].
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn metadata(&self) -> io::Result<Metadata> {
        let entry = self.entry.clone();
        call(move || entry.metadata())
    }

    /// [`std::fs::DirEntry::file_type`]. At once, as it was found out when the entry was read; only if that failed it is asked for again.
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn file_type(&self) -> io::Result<FileType> {
        if let Some(file_type) = self.file_type {
            return Ok(file_type);
        }
        let entry = self.entry.clone();
        call(move || entry.file_type())
    }
}

impl DirEntryExt for DirEntry {
    fn ino(&self) -> u64 {
        self.entry.ino()
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}

/// [`std::fs::DirBuilder`]. std's own `DirBuilderExt` is there for it, also as
/// [`os::unix::fs::DirBuilderExt`](crate::os::unix::fs::DirBuilderExt).
///
/// # Examples
///
/// ```
/// use greenlet::fs::{self, DirBuilder};
///
/// let path = std::env::temp_dir().join(format!("greenlet-doc-dir-{}", std::process::id()));
/// DirBuilder::new().recursive(true).create(path.join("a/b"))?;
/// assert!(fs::metadata(path.join("a/b"))?.is_dir());
/// # fs::remove_dir_all(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct DirBuilder {
    recursive: bool,
    mode: Option<u32>,
}

impl DirBuilder {
    /// As [`create_dir`](crate::fs::create_dir) does it.
    #[allow(clippy::new_without_default, reason = "std's has no default either")]
    #[must_use]
    pub fn new() -> Self {
        DirBuilder {
            recursive: false,
            mode: None,
        }
    }

    /// [`std::fs::DirBuilder::recursive`].
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.recursive = recursive;
        self
    }

    /// [`std::fs::DirBuilder::create`].
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn create<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(self.recursive);
        if let Some(mode) = self.mode {
            builder.mode(mode);
        }
        let path = path.as_ref().to_owned();
        call(move || builder.create(path))
    }
}

impl DirBuilderExt for DirBuilder {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }
}
