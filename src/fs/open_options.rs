//! How files are opened.

use std::fs;
use std::io;
use std::path::Path;

use crate::fs::call::call;
use crate::fs::file::File;
use crate::sys::fs::OpenOptionsExt;

/// [`std::fs::OpenOptions`], for a [`File`] of this module.
///
/// std's own `OpenOptionsExt` is there for it, also as [`os::unix::fs::OpenOptionsExt`](crate::os::unix::fs::OpenOptionsExt).
///
/// # Examples
///
/// ```
/// use greenlet::fs::OpenOptions;
/// use greenlet::os::unix::fs::OpenOptionsExt;
/// use std::io::Write;
///
/// let path = std::env::temp_dir().join(format!("greenlet-doc-options-{}", std::process::id()));
/// let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
/// file.write_all(b"one more line\n")?;
/// # greenlet::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions(fs::OpenOptions);

impl OpenOptions {
    /// Everything is false.
    #[allow(clippy::new_without_default, reason = "std's has no default either")]
    #[must_use]
    pub fn new() -> Self {
        OpenOptions(fs::OpenOptions::new())
    }

    /// [`std::fs::OpenOptions::read`].
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.0.read(read);
        self
    }

    /// [`std::fs::OpenOptions::write`].
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.0.write(write);
        self
    }

    /// [`std::fs::OpenOptions::append`].
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.0.append(append);
        self
    }

    /// [`std::fs::OpenOptions::truncate`].
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.0.truncate(truncate);
        self
    }

    /// [`std::fs::OpenOptions::create`].
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.0.create(create);
        self
    }

    /// [`std::fs::OpenOptions::create_new`].
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.0.create_new(create_new);
        self
    }

    /// [`std::fs::OpenOptions::open`].
    ///
    /// If the caller is killed while it waits, the file is opened all the same, which may create or empty it, and closed.
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn open<P: AsRef<Path>>(&self, path: P) -> io::Result<File> {
        let (options, path) = (self.0.clone(), path.as_ref().to_owned());
        call(move || options.open(path)).map(File::from_std)
    }
}

impl OpenOptionsExt for OpenOptions {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.0.mode(mode);
        self
    }

    fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.0.custom_flags(flags);
        self
    }
}

impl File {
    /// [`std::fs::File::open`]: for reading.
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn open<P: AsRef<Path>>(path: P) -> io::Result<File> {
        OpenOptions::new().read(true).open(path)
    }

    /// [`std::fs::File::create`]: for writing, and empty.
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn create<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).open(path)
    }

    /// [`std::fs::File::create_new`]: for reading and writing, and not there before.
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).open(path)
    }

    /// As [`OpenOptions::new`].
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }
}
