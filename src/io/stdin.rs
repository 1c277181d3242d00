//! The standard input of the process.
//!
//! Its descriptor is shared with whoever has begun the process, and others it has begun, so it is left in the mode in which it is: a read
//! is made when the system says that there is something, by whoever holds the one buffer.

use std::fmt;
use std::io::{self, BufRead, ErrorKind, Lines, Read};
use std::mem;
use std::str;
use std::sync::PoisonError;

use crate::hub::sleep::yield_now;
use crate::readiness::wait::wait_readable;
use crate::sync::mutex::{Mutex, MutexGuard};
use crate::sys::fd::{AsFd, AsRawFd, BorrowedFd, Direction, RawFd, is_ready};
use crate::sys::stdio;

/// How much is asked for at once.
const CHUNK: usize = 8 * 1024;

static BUFFER: Mutex<Buffer> = Mutex::new(Buffer {
    bytes: Vec::new(),
    start: 0,
});

/// What was read and not yet consumed.
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn consume(&mut self, count: usize) {
        self.start = self.bytes.len().min(self.start + count);
        if self.start == self.bytes.len() {
            self.start = 0;
            self.bytes.clear();
            self.bytes.shrink_to(8 * CHUNK);
        }
    }

    /// Appends what is there, or waits for some; how much, which is nothing at the end.
    #[track_caller]
    fn fill(&mut self) -> io::Result<usize> {
        loop {
            wait()?;
            self.bytes.drain(..mem::take(&mut self.start));
            let length = self.bytes.len();
            self.bytes.resize(length + CHUNK, 0);
            let read = stdio::read_stdin(&mut self.bytes[length..]);
            let count = *read.as_ref().unwrap_or(&0);
            self.bytes.truncate(length + count);
            match read {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Somebody has made it non-blocking, and somebody has read.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    /// How long the rest is up to the first such byte, or to the end of the input. It stays here until it is consumed, however the wait for it ends.
    #[track_caller]
    fn find(&mut self, byte: u8) -> io::Result<usize> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.rest()[looked..].iter().position(|&b| b == byte) {
                return Ok(looked + at + 1);
            }
            looked = self.rest().len();
            if self.fill()? == 0 {
                return Ok(looked);
            }
        }
    }

    #[track_caller]
    fn find_end(&mut self) -> io::Result<usize> {
        while self.fill()? > 0 {}
        Ok(self.rest().len())
    }

    fn move_to(&mut self, count: usize, into: &mut Vec<u8>) -> usize {
        into.extend_from_slice(&self.rest()[..count]);
        self.consume(count);
        count
    }

    fn move_to_string(&mut self, count: usize, into: &mut String) -> io::Result<usize> {
        let text = str::from_utf8(&self.rest()[..count]).map(|text| into.push_str(text));
        self.consume(count);
        text.map(|()| count).map_err(|_| {
            let what = "stream did not contain valid UTF-8";
            io::Error::new(ErrorKind::InvalidData, what)
        })
    }
}

/// Waits until a read would not block. Others have a turn in any case.
#[track_caller]
fn wait() -> io::Result<()> {
    yield_now();
    while !is_ready(stdio::stdin(), Direction::Read) {
        wait_readable(&stdio::stdin())?;
    }
    Ok(())
}

/// The standard input of the process: `std::io::stdin`, where only the greenlet waits.
///
/// It is buffered, and the buffer is shared by all handles. It is another buffer than std's: what was read by one is not seen by the other.
///
/// # Examples
///
/// ```
/// // Whoever runs this decides what comes, and others run until it does.
/// let mut line = String::new();
/// greenlet::io::stdin().read_line(&mut line)?;
/// print!("{line}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn stdin() -> Stdin {
    Stdin(())
}

/// A handle to the standard input of the process.
///
/// The descriptor's mode is left as it is. Should another process that shares it read at the same moment, what this one was to read is gone, and its thread
/// waits for more.
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, ends a wait, and what has come meanwhile stays in the buffer for the next call: a line or a text
/// that has come in part is not lost. Only calls that fill a buffer of the caller's, as `read_exact`, may have done a part.
pub struct Stdin(());

impl Stdin {
    /// Locks the buffer for as long as the guard lives. Switches if another greenlet has it.
    #[track_caller]
    pub fn lock(&self) -> StdinLock<'static> {
        StdinLock(BUFFER.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Appends a line, with its end if it has one; how many bytes, of which there are none at the end of the input.
    ///
    /// Switches.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidData` if the line is no UTF-8.
    #[track_caller]
    pub fn read_line(&self, line: &mut String) -> io::Result<usize> {
        self.lock().read_line(line)
    }

    /// Iterates over the lines, without their ends. Locks the buffer for as long as it lives.
    #[track_caller]
    pub fn lines(self) -> Lines<StdinLock<'static>> {
        self.lock().lines()
    }
}

impl Read for Stdin {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buffer)
    }

    #[track_caller]
    fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        self.lock().read_to_end(into)
    }

    #[track_caller]
    fn read_to_string(&mut self, into: &mut String) -> io::Result<usize> {
        self.lock().read_to_string(into)
    }

    #[track_caller]
    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.lock().read_exact(buffer)
    }
}

impl Read for &Stdin {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buffer)
    }

    #[track_caller]
    fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        self.lock().read_to_end(into)
    }

    #[track_caller]
    fn read_to_string(&mut self, into: &mut String) -> io::Result<usize> {
        self.lock().read_to_string(into)
    }

    #[track_caller]
    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.lock().read_exact(buffer)
    }
}

/// The standard input, while others wait for it.
pub struct StdinLock<'a>(MutexGuard<'a, Buffer>);

impl Read for StdinLock<'_> {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }

    #[track_caller]
    fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let count = self.0.find_end()?;
        Ok(self.0.move_to(count, into))
    }

    #[track_caller]
    fn read_to_string(&mut self, into: &mut String) -> io::Result<usize> {
        let count = self.0.find_end()?;
        self.0.move_to_string(count, into)
    }
}

impl BufRead for StdinLock<'_> {
    #[track_caller]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.0.rest().is_empty() {
            self.0.fill()?;
        }
        Ok(self.0.rest())
    }

    fn consume(&mut self, count: usize) {
        self.0.consume(count);
    }

    #[track_caller]
    fn read_until(&mut self, byte: u8, into: &mut Vec<u8>) -> io::Result<usize> {
        let count = self.0.find(byte)?;
        Ok(self.0.move_to(count, into))
    }

    #[track_caller]
    fn read_line(&mut self, line: &mut String) -> io::Result<usize> {
        let count = self.0.find(b'\n')?;
        self.0.move_to_string(count, line)
    }
}

impl AsFd for Stdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        stdio::stdin()
    }
}

impl AsRawFd for Stdin {
    fn as_raw_fd(&self) -> RawFd {
        stdio::stdin().as_raw_fd()
    }
}

impl AsFd for StdinLock<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        stdio::stdin()
    }
}

impl AsRawFd for StdinLock<'_> {
    fn as_raw_fd(&self) -> RawFd {
        stdio::stdin().as_raw_fd()
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdin").finish_non_exhaustive()
    }
}

impl fmt::Debug for StdinLock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdinLock").finish_non_exhaustive()
    }
}
