//! Files.

use std::fmt;
use std::fs::{self, FileTimes, Metadata, Permissions, TryLockError};
use std::io::{self, SeekFrom};
use std::sync::Arc;
use std::time::SystemTime;

use crate::fs::buffer::{LONGEST, Spare};
use crate::fs::call::Gate;
use crate::fs::file_lock::wait_for_lock;

/// [`std::fs::File`], of which only the caller's greenlet waits: an open file.
///
/// Every call that is not said to be made at once is made by a thread of the [module](crate::fs)'s pool. `Read`, `Write` and `Seek` are there for `File` and for
/// `&File`; for an `Arc<File>` write `&*file`, as only std can implement them for that. One call reads or writes a MiB at most,
/// [`read_to_end`](std::io::Read::read_to_end) and [`read_to_string`](std::io::Read::read_to_string) all there is.
///
/// The descriptor is closed at once when the file is dropped; while a call goes on that was given up, at its end.
///
/// # Cancel safety
///
/// A greenlet that is killed, or whose limit elapses, before a thread has been told of its call has done nothing. Later the call is made all the
/// same, and its result is lost: the data of a read is, and the position may have moved; what a write was given may have been
/// written in whole, in part, or not at all. The next call through this file, or through a [clone](Self::try_clone), waits for the
/// end of that one, so it finds the position settled, and calls take effect in the order of coming.
///
/// # Examples
///
/// ```
/// use greenlet::fs::File;
/// use std::io::{Read, Seek, Write};
///
/// let dir = std::env::temp_dir().join(format!("greenlet-doc-file-{}", std::process::id()));
/// greenlet::fs::create_dir_all(&dir)?;
/// let mut file = File::options().read(true).write(true).create(true).open(dir.join("greeting"))?;
/// file.write_all(b"hello")?;
/// file.rewind()?;
/// let mut text = String::new();
/// file.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # drop(file);
/// # greenlet::fs::remove_dir_all(&dir)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct File {
    file: Arc<fs::File>,
    gate: Arc<Gate>,
    spare: Spare,
}

impl File {
    /// The same open file, from std's. At once.
    pub fn from_std(file: fs::File) -> File {
        File::with_gate(file, Gate::new())
    }

    fn with_gate(file: fs::File, gate: Arc<Gate>) -> File {
        File {
            file: Arc::new(file),
            gate,
            spare: Spare::new(),
        }
    }

    /// The same open file, as std's.
    ///
    /// Switches only while a call goes on that was given up; so do the conversions into descriptors and into a `Stdio`. A kill, or the end of an
    /// enclosing limit, ends that wait and drops the file.
    #[track_caller]
    pub fn into_std(self) -> fs::File {
        self.gate.pass();
        Arc::into_inner(self.file).expect("no call goes on")
    }

    /// What is to be done to the descriptor itself, at once.
    pub(crate) fn as_std(&self) -> &fs::File {
        &self.file
    }

    #[track_caller]
    pub(crate) fn call<R: Send + 'static>(
        &self,
        f: impl FnOnce(&fs::File) -> R + Send + 'static,
    ) -> R {
        let file = self.file.clone();
        self.gate.call(move || {
            let result = f(&file);
            // Gone before anybody hears of the end.
            drop(file);
            result
        })
    }

    /// Reads so many bytes at most, and hands them to `take`.
    #[track_caller]
    pub(crate) fn read_into(
        &self,
        length: usize,
        read: impl FnOnce(&fs::File, &mut [u8]) -> io::Result<usize> + Send + 'static,
        take: impl FnOnce(&[u8]),
    ) -> io::Result<usize> {
        let length = length.min(LONGEST);
        let mut buffer = self.spare.of_length(length);
        let (buffer, result) = self.call(move |file| {
            let result = read(file, &mut buffer[..length]);
            (buffer, result)
        });
        if let Ok(count) = result {
            take(&buffer[..count]);
        }
        self.spare.give_back(buffer);
        result
    }

    /// Writes as much of these as one call does.
    #[track_caller]
    pub(crate) fn write_from(
        &self,
        slices: &[io::IoSlice<'_>],
        write: impl FnOnce(&fs::File, &[u8]) -> io::Result<usize> + Send + 'static,
    ) -> io::Result<usize> {
        let buffer = self.spare.filled(slices);
        let (buffer, result) = self.call(move |file| {
            let result = write(file, &buffer);
            (buffer, result)
        });
        self.spare.give_back(buffer);
        result
    }

    /// [`std::fs::File::sync_all`].
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn sync_all(&self) -> io::Result<()> {
        self.call(fs::File::sync_all)
    }

    /// [`std::fs::File::sync_data`].
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn sync_data(&self) -> io::Result<()> {
        self.call(fs::File::sync_data)
    }

    /// [`std::fs::File::lock`]: waits as long as somebody else holds a lock.
    ///
    /// It is asked for time and again, at first after a millisecond, later after 50, for a thread that waited in the system could not be called
    /// back. So locks are not given in the order of coming. A kill, or the end of an enclosing limit, ends the wait, and nothing is locked.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenlet::fs::File;
    ///
    /// let path = std::env::temp_dir().join(format!("greenlet-doc-lock-{}", std::process::id()));
    /// let file = File::create(&path)?;
    /// file.lock()?;
    /// let other = File::open(&path)?;
    /// let waits = greenlet::spawn(move || other.lock_shared());
    /// greenlet::yield_now();
    /// file.unlock()?;
    /// waits.join().unwrap()?;
    /// # greenlet::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn lock(&self) -> io::Result<()> {
        wait_for_lock(|| self.file.try_lock())
    }

    /// [`std::fs::File::lock_shared`], as [`lock`](Self::lock).
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn lock_shared(&self) -> io::Result<()> {
        wait_for_lock(|| self.file.try_lock_shared())
    }

    /// [`std::fs::File::try_lock`]. Made at once: a lock that was taken for somebody who is killed meanwhile would stay locked.
    ///
    /// # Errors
    ///
    /// As std's.
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        self.file.try_lock()
    }

    /// [`std::fs::File::try_lock_shared`], as [`try_lock`](Self::try_lock).
    ///
    /// # Errors
    ///
    /// As std's.
    pub fn try_lock_shared(&self) -> Result<(), TryLockError> {
        self.file.try_lock_shared()
    }

    /// [`std::fs::File::unlock`]. Made at once.
    ///
    /// # Errors
    ///
    /// As std's.
    pub fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }

    /// [`std::fs::File::set_len`].
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        self.call(move |file| file.set_len(size))
    }

    /// [`std::fs::File::metadata`].
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.call(fs::File::metadata)
    }

    /// [`std::fs::File::try_clone`]: the same open file, with the same position. Made at once.
    ///
    /// # Errors
    ///
    /// As std's.
    pub fn try_clone(&self) -> io::Result<File> {
        Ok(File::with_gate(self.file.try_clone()?, self.gate.clone()))
    }

    /// [`std::fs::File::set_permissions`].
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        self.call(move |file| file.set_permissions(perm))
    }

    /// [`std::fs::File::set_times`].
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn set_times(&self, times: FileTimes) -> io::Result<()> {
        self.call(move |file| file.set_times(times))
    }

    /// [`std::fs::File::set_modified`].
    ///
    /// # Errors
    ///
    /// As std's.
    #[track_caller]
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.call(move |file| file.set_modified(time))
    }

    #[track_caller]
    pub(crate) fn seek_to(&self, to: SeekFrom) -> io::Result<u64> {
        self.call(move |mut file| io::Seek::seek(&mut file, to))
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.fmt(f)
    }
}

impl From<fs::File> for File {
    fn from(file: fs::File) -> Self {
        File::from_std(file)
    }
}
