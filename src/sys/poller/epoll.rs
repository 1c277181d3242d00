//! Readiness of file descriptors by Linux's epoll.
//!
//! The poke is an eventfd, registered edge-triggered and never read: every write to it is an edge of its own, and
//! its counter has room for centuries of them. A flag spares all writes but the first before a wait:
//!
//! ```text
//!   poke                                   wait
//!   swap poked := true                     epoll returns the eventfd
//!   if it was false: write the eventfd     swap poked := false
//! ```
//!
//! A poke that finds the flag set comes before the swap that clears it, and so before the return of a wait. That swap
//! acquires what every such poke released: what its thread wrote before the poke is visible after the wait. A poke
//! that comes after the swap finds the flag clear and writes.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use libc::{c_int, epoll_event};

#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};

/// The key of the eventfd, which no descriptor may have.
const POKE_KEY: usize = usize::MAX;

/// The events that one wait can take; what is more comes with the next.
const AT_ONCE: usize = 256;

/// Half an end, and urgent data.
const NOT_PLAIN: c_int = libc::EPOLLRDHUP | libc::EPOLLPRI;

type Buffer = [MaybeUninit<epoll_event>; AT_ONCE];

/// What became ready. An error or a hang-up sets both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) key: usize,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// There is nothing to it but data or room for data: no end of it, no error, nothing urgent.
    pub(crate) plain: bool,
}

/// Waits for file descriptors; one per thread that does I/O.
pub(crate) struct Poller {
    epoll: OwnedFd,
    eventfd: File,
    /// Somebody wrote to the eventfd, or is about to, and no wait has seen it yet.
    poked: AtomicBool,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Poller> {
        #[cfg(greenlet_faults)]
        faults::strike(Site::NewEpoll)?;
        // SAFETY: takes no pointers; what it gives is new.
        let epoll = unsafe { owned(libc::epoll_create1(libc::EPOLL_CLOEXEC)) }?;
        #[cfg(greenlet_faults)]
        faults::strike(Site::NewEventfd)?;
        // SAFETY: takes no pointers; what it gives is new.
        let eventfd = unsafe { owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)) }?;
        let poller = Poller {
            epoll,
            eventfd: File::from(eventfd),
            poked: AtomicBool::new(false),
        };
        #[cfg(greenlet_faults)]
        faults::strike(Site::Register)?;
        let eventfd = poller.eventfd.as_raw_fd();
        poller.control(libc::EPOLL_CTL_ADD, eventfd, libc::EPOLLIN, POKE_KEY)?;
        Ok(poller)
    }

    /// Registers `fd` for both directions under `key`. The caller removes it before it is closed.
    ///
    /// # Errors
    ///
    /// What the system says, `EPERM` for a regular file; `InvalidInput` if the key is `usize::MAX`.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: usize) -> io::Result<()> {
        if key == POKE_KEY {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // EPOLLERR and EPOLLHUP are always reported.
        #[cfg(greenlet_faults)]
        faults::strike(Site::Register)?;
        self.control(
            libc::EPOLL_CTL_ADD,
            fd.as_raw_fd(),
            libc::EPOLLIN | libc::EPOLLOUT | NOT_PLAIN,
            key,
        )
    }

    /// Ends the reports of `fd`, those not yet picked up included. From any thread.
    pub(crate) fn remove(&self, fd: RawFd) -> io::Result<()> {
        // SAFETY: a deletion reads no event.
        let status = unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_DEL,
                fd,
                ptr::null_mut(),
            )
        };
        non_negative(status).map(drop)
    }

    /// Appends what is ready to `ready`; waits for it if there is nothing, not longer than `timeout`.
    ///
    /// Returns with nothing at the end of the time-out, never before it because of rounding, and after a poke or a
    /// signal.
    pub(crate) fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        let mut buffer = [const { MaybeUninit::uninit() }; AT_ONCE];
        let count = match self.next_events(timeout, &mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            count => count?,
        };
        // SAFETY: the kernel wrote as many events as it says, from the start of the buffer on.
        let events: &[epoll_event] =
            unsafe { slice::from_raw_parts(buffer.as_ptr().cast(), count) };
        for event in events {
            // Copied: the event is packed on some machines.
            let (key, flags) = (event.u64 as usize, event.events as c_int);
            if key == POKE_KEY {
                self.poked.swap(false, Ordering::Acquire);
                continue;
            }
            let ended = flags & (libc::EPOLLERR | libc::EPOLLHUP) != 0;
            let plain = !ended && flags & NOT_PLAIN == 0;
            ready.push(Ready {
                key,
                readable: ended || flags & libc::EPOLLIN != 0,
                writable: ended || flags & libc::EPOLLOUT != 0,
                plain,
            });
        }
        Ok(())
    }

    /// Makes the present wait return, or the next if there is none. From any thread; many pokes before a wait are one.
    pub(crate) fn poke(&self) {
        if !self.poked.swap(true, Ordering::Release) {
            (&self.eventfd)
                .write_all(&1u64.to_ne_bytes())
                .expect("an eventfd can be counted up");
        }
    }

    /// Reports once more what the descriptor is ready for, if it is.
    #[cfg(greenlet_faults)]
    pub(crate) fn report_again(&self, fd: RawFd, key: usize) -> io::Result<()> {
        let both = libc::EPOLLIN | libc::EPOLLOUT | NOT_PLAIN;
        self.control(libc::EPOLL_CTL_MOD, fd, both, key)
    }

    fn control(&self, what: c_int, fd: RawFd, directions: c_int, key: usize) -> io::Result<()> {
        let mut event = epoll_event {
            events: (directions | libc::EPOLLET) as u32,
            u64: key as u64,
        };
        // SAFETY: the event lives during the call.
        let status = unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), what, fd, &mut event) };
        non_negative(status).map(drop)
    }

    /// How many events the kernel wrote to `buffer`.
    fn next_events(&self, timeout: Option<Duration>, buffer: &mut Buffer) -> io::Result<usize> {
        #[cfg(greenlet_faults)]
        faults::strike(Site::Wait)?;
        static NO_NANOSECONDS: AtomicBool = AtomicBool::new(false);
        if !NO_NANOSECONDS.load(Ordering::Relaxed) {
            match wait_nanoseconds(&self.epoll, timeout, buffer) {
                Err(error) if is_missing(&error) => NO_NANOSECONDS.store(true, Ordering::Relaxed),
                count => return count,
            }
        }
        wait_milliseconds(&self.epoll, timeout, buffer)
    }
}

/// The kernel has no such call (Linux before 5.11), or a sandbox that does not know it forbids it.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}

/// `struct __kernel_timespec`: 64 bits everywhere, unlike `libc::timespec`.
#[repr(C)]
struct KernelTimespec {
    seconds: i64,
    nanoseconds: i64,
}

/// `epoll_pwait2`.
fn wait_nanoseconds(
    epoll: &OwnedFd,
    timeout: Option<Duration>,
    buffer: &mut Buffer,
) -> io::Result<usize> {
    let timeout = timeout.map(|timeout| KernelTimespec {
        seconds: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: timeout.subsec_nanos().into(),
    });
    let no_mask = ptr::null::<libc::sigset_t>();
    // SAFETY: the buffer has room for the count given, the timeout is null or lives during the call,
    // and without a mask its size is not looked at.
    let count = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            epoll.as_raw_fd(),
            buffer.as_mut_ptr(),
            AT_ONCE as c_int,
            timeout.as_ref().map_or(ptr::null(), ptr::from_ref),
            no_mask,
            0usize,
        )
    };
    non_negative(count)
}

/// `epoll_wait`.
fn wait_milliseconds(
    epoll: &OwnedFd,
    timeout: Option<Duration>,
    buffer: &mut Buffer,
) -> io::Result<usize> {
    // SAFETY: the buffer has room for the count given.
    let count = unsafe {
        libc::epoll_wait(
            epoll.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            AT_ONCE as c_int,
            timeout.map_or(-1, milliseconds_up),
        )
    };
    non_negative(count)
}

/// Rounded up; cut off after 24 days.
fn milliseconds_up(timeout: Duration) -> c_int {
    let milliseconds = timeout.as_nanos().div_ceil(1_000_000);
    milliseconds.try_into().unwrap_or(c_int::MAX)
}

/// The result of a system call, or its error.
fn non_negative(result: impl TryInto<usize>) -> io::Result<usize> {
    result.try_into().map_err(|_| io::Error::last_os_error())
}

/// # Safety
///
/// `fd` must be negative, or a descriptor that nobody else closes.
unsafe fn owned(fd: c_int) -> io::Result<OwnedFd> {
    non_negative(fd)?;
    // SAFETY: handed on to the caller.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::os::unix::thread::JoinHandleExt;
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_regular_file_is_refused() {
        let poller = Poller::new().unwrap();
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        let error = poller.add(file.as_fd(), 1).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
    }

    #[test]
    fn adding_twice_is_refused() {
        let poller = Poller::new().unwrap();
        let (socket, _other) = UnixStream::pair().unwrap();
        poller.add(socket.as_fd(), 1).unwrap();
        let error = poller.add(socket.as_fd(), 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    }

    #[test]
    fn the_end_of_all_readers_sets_both_directions_of_the_writing_end() {
        let poller = Poller::new().unwrap();
        let (reader, writer) = io::pipe().unwrap();
        poller.add(writer.as_fd(), 1).unwrap();
        let mut ready = Vec::new();
        poller.wait(Some(Duration::ZERO), &mut ready).unwrap();
        ready.clear();
        drop(reader);
        poller.wait(None, &mut ready).unwrap();
        let both = Ready {
            key: 1,
            readable: true,
            writable: true,
            plain: false,
        };
        assert_eq!(ready, [both]);
    }

    #[test]
    fn pokes_before_a_wait_write_once() {
        let poller = Poller::new().unwrap();
        for _ in 0..3 {
            poller.poke();
            poller.poke();
            poller.wait(None, &mut Vec::new()).unwrap();
        }
        let mut writes = [0; 8];
        (&poller.eventfd).read_exact(&mut writes).unwrap();
        assert_eq!(u64::from_ne_bytes(writes), 3);
    }

    #[test]
    fn a_signal_ends_a_wait_with_nothing() {
        extern "C" fn nothing(_: c_int) {}
        // SAFETY: a zeroed action is a valid start, and the handler does nothing.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as *const () as usize;
            assert_eq!(libc::sigaction(libc::SIGUSR2, &action, ptr::null_mut()), 0);
        }
        let waiting = thread::spawn(|| {
            let mut ready = Vec::new();
            let result = Poller::new().unwrap().wait(None, &mut ready);
            (result, ready)
        });
        // The first may come before the wait.
        while !waiting.is_finished() {
            // SAFETY: the thread was not joined.
            unsafe { libc::pthread_kill(waiting.as_pthread_t(), libc::SIGUSR2) };
            thread::sleep(Duration::from_millis(1));
        }
        let (result, ready) = waiting.join().unwrap();
        result.unwrap();
        assert_eq!(ready, []);
    }

    #[test]
    fn milliseconds_are_rounded_up() {
        let cases = [
            (0, 0),
            (1, 1),
            (999_999, 1),
            (1_000_000, 1),
            (1_000_001, 2),
            (2_000_000, 2),
        ];
        for (nanoseconds, milliseconds) in cases {
            let rounded = milliseconds_up(Duration::from_nanos(nanoseconds));
            assert_eq!(rounded, milliseconds, "{nanoseconds} ns");
        }
        assert_eq!(milliseconds_up(Duration::MAX), c_int::MAX);
    }

    #[test]
    fn the_call_of_old_kernels_reports_and_is_not_early() {
        let poller = Poller::new().unwrap();
        let mut buffer = [const { MaybeUninit::uninit() }; AT_ONCE];
        let timeout = Duration::from_micros(1_500);
        let start = Instant::now();
        let count = wait_milliseconds(&poller.epoll, Some(timeout), &mut buffer).unwrap();
        assert!(start.elapsed() >= timeout);
        assert_eq!(count, 0);

        let (socket, _other) = UnixStream::pair().unwrap();
        poller.add(socket.as_fd(), 7).unwrap();
        let count = wait_milliseconds(&poller.epoll, None, &mut buffer).unwrap();
        assert_eq!(count, 1);
        // SAFETY: the kernel has just written it.
        let event = unsafe { buffer[0].assume_init() };
        assert_eq!({ event.u64 }, 7);
    }

    #[test]
    fn a_missing_call_is_told_from_a_failing_one() {
        let error = io::Error::from_raw_os_error;
        assert!(is_missing(&error(libc::ENOSYS)));
        assert!(is_missing(&error(libc::EPERM)));
        assert!(!is_missing(&error(libc::EINTR)));
        assert!(!is_missing(&error(libc::EBADF)));
    }
}
