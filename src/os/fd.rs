//! `std::os::fd`: the traits and types are std's own, which everything of this crate has that owns a descriptor.
//!
//! What a descriptor is made of by `From` or [`FromRawFd`] is made non-blocking, and waits cooperatively; what cannot be made so says so when it is
//! used. What gives its descriptor away, by [`IntoRawFd`] or as an [`OwnedFd`], makes it block again, unless it was told not to
//! (`set_nonblocking`), and gives the time-outs along that were set. Duplicates of a descriptor share these modes: a clone that stays here
//! may block its thread from then on. A descriptor that is only borrowed, by [`AsFd`] or [`AsRawFd`], is non-blocking.
//!
//! ```
//! use std::io::{Read, Write};
//! use greenlet::os::fd::OwnedFd;
//! use greenlet::os::unix::net::UnixStream;
//!
//! // It comes from elsewhere: from another process, or from C.
//! let (inherited, mut other) = std::os::unix::net::UnixStream::pair()?;
//! let mut stream = UnixStream::from(OwnedFd::from(inherited));
//! let reader = greenlet::spawn(move || {
//!     stream.read_exact(&mut [0; 5])?; // only the greenlet waits
//!     std::io::Result::Ok(stream)
//! });
//! greenlet::yield_now();
//! other.write_all(b"hello")?;
//! let theirs: std::os::unix::net::UnixStream = reader.join().unwrap()?.into(); // blocks again
//! # drop(theirs);
//! # Ok::<(), std::io::Error>(())
//! ```

pub use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
