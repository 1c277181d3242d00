//! Waiting until a file descriptor is ready, for code that does its own system calls: a foreign library's socket, a device, a pipe.
//!
//! The descriptor is made non-blocking by whoever owns it. One tries, and waits only if the call would have blocked:
//!
//! ```
//! use std::io::{self, ErrorKind, Read, Write};
//! use std::os::unix::net::UnixStream;
//! use greenlet::readiness::wait_readable;
//!
//! fn read(mut socket: &UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
//!     loop {
//!         match socket.read(buffer) {
//!             Err(error) if error.kind() == ErrorKind::WouldBlock => wait_readable(socket)?,
//!             done => return done,
//!         }
//!     }
//! }
//!
//! let (here, mut there) = UnixStream::pair()?;
//! here.set_nonblocking(true)?;
//! let reader = greenlet::spawn(move || {
//!     let mut buffer = [0; 16];
//!     let count = read(&here, &mut buffer).unwrap();
//!     buffer[..count].to_vec()
//! });
//! greenlet::yield_now();
//! there.write_all(b"hello")?;
//! assert_eq!(reader.join().unwrap(), b"hello");
//! # Ok::<(), io::Error>(())
//! ```
//!
//! [`Async`] makes that loop for any call on any descriptor, [`wait_any_ready`] waits for the first of several.
//!
//! What holds for all waits of this module:
//!
//! * Any number of greenlets may wait for one descriptor, in both directions at once. When it becomes ready, all who wait in that direction
//!   go on, in the order of coming. By the time one runs, another may have taken what was there: so it tries, and waits again.
//! * An error, a hang-up or the end of the other side counts as ready, in both directions where the system says so: whoever tries is told.
//! * What has no notion of readiness, as a regular file, is always ready. (On macOS and the BSDs a regular file is not, once its end is reached.)
//! * Nothing of a wait is left behind, however it ends. The descriptor is borrowed for the call, and may be closed after it.
//! * A thread whose greenlets never wait here owns no descriptor for it. The first wait makes a few, which are closed when the thread ends.

pub(crate) mod async_fd;
pub(crate) mod evented;
pub(crate) mod modes;
pub(crate) mod poll;
pub(crate) mod wait;

pub use crate::readiness::async_fd::Async;
pub use crate::readiness::poll::{Interest, wait_any_ready, wait_any_ready_timeout};
pub use crate::readiness::wait::{
    wait_readable, wait_readable_timeout, wait_writable, wait_writable_timeout,
};
