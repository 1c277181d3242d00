//! Faults of the system, made at random, for tests: what is here is there only with `--cfg greenlet_faults`.
//!
//! Wherever the system is called something is asked before that says, now and then, what the system could say in the place of the call. All there
//! is, is in [`SITES`].
//!
//! Only what can happen is made to happen. A call that would have blocked though it need not can come true only if the descriptor becomes
//! ready after the call; so whoever waits then has it [reported again](has_pretended), if it is ready. A connection that was reset is over: it is shut
//! down. What is shortened is what is asked for, so that a short read still says that there was no more.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use libc::c_int;

/// Where the system is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    Read,
    Write,
    Length,
    Receive,
    Send,
    Accept,
    Open,
    Connect,
    Connecting,
    Duplicate,
    NewEpoll,
    NewEventfd,
    Register,
    Wait,
    Poll,
    Chunk,
    Reserve,
    Marker,
    Protect,
    Advise,
    Resident,
    Thread,
    Process,
    Pidfd,
    Child,
}

/// What is done there, in one of how many calls a fault is made, and which: the numbers of errors, one as likely as the other.
const SITES: &[(Site, &str, u64, &[c_int])] = &[
    (
        Site::Read,
        "a read of a stream",
        30,
        &[
            libc::EAGAIN,
            libc::EAGAIN,
            libc::EINTR,
            libc::ENOMEM,
            libc::ECONNRESET,
        ],
    ),
    (
        Site::Write,
        "a write to a stream",
        30,
        &[
            libc::EAGAIN,
            libc::EAGAIN,
            libc::EINTR,
            libc::ENOBUFS,
            libc::ECONNRESET,
        ],
    ),
    (Site::Length, "the length of a read or write", 6, &[0]),
    (
        Site::Receive,
        "receiving a datagram",
        10,
        &[libc::EAGAIN, libc::EINTR, libc::ENOMEM, libc::ECONNREFUSED],
    ),
    (
        Site::Send,
        "sending a datagram",
        10,
        &[libc::EAGAIN, libc::EINTR, libc::ENOBUFS, libc::ECONNREFUSED],
    ),
    (
        Site::Accept,
        "accept",
        8,
        &[
            libc::EAGAIN,
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOBUFS,
            libc::ENOMEM,
            libc::ECONNABORTED,
        ],
    ),
    (
        Site::Open,
        "socket, bind, pipe",
        30,
        &[libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM],
    ),
    (
        Site::Connect,
        "connect",
        15,
        &[libc::EINTR, libc::EADDRNOTAVAIL, libc::ECONNREFUSED],
    ),
    (
        Site::Connecting,
        "a connection being made",
        8,
        &[libc::EAGAIN, libc::EAGAIN, libc::ETIMEDOUT],
    ),
    (Site::Duplicate, "dup", 8, &[libc::EMFILE]),
    (
        Site::NewEpoll,
        "epoll_create1",
        3,
        &[libc::EMFILE, libc::ENFILE, libc::ENOMEM],
    ),
    (
        Site::NewEventfd,
        "eventfd",
        3,
        &[libc::EMFILE, libc::ENFILE, libc::ENOMEM],
    ),
    (
        Site::Register,
        "epoll_ctl, add",
        20,
        &[libc::ENOMEM, libc::ENOSPC],
    ),
    (Site::Wait, "epoll_wait", 10, &[libc::EINTR]),
    (Site::Poll, "poll", 20, &[libc::EINTR, libc::ENOMEM]),
    (Site::Chunk, "mmap, of any size", 3, &[libc::ENOMEM]),
    (Site::Reserve, "mmap, of much", 3, &[libc::ENOMEM]),
    (Site::Marker, "madvise, a guard", 100, &[libc::EINVAL]),
    (Site::Protect, "mprotect", 10, &[libc::ENOMEM]),
    (
        Site::Advise,
        "madvise, hints and trim",
        3,
        &[libc::EAGAIN, libc::ENOMEM],
    ),
    (Site::Resident, "mincore", 5, &[libc::EAGAIN]),
    (Site::Thread, "a thread of a pool", 5, &[libc::EAGAIN]),
    (
        Site::Process,
        "fork, exec",
        5,
        &[libc::EAGAIN, libc::ENOMEM, libc::EMFILE],
    ),
    (Site::Pidfd, "pidfd_open", 5, &[libc::EMFILE, libc::ENOSYS]),
    (Site::Child, "a child that is looked at", 5, &[libc::EAGAIN]),
];

/// Zero for none.
static SEED: AtomicU64 = AtomicU64::new(0);

/// Those that have asked since faults were last made: each draws for itself.
static THREADS: AtomicU64 = AtomicU64::new(0);

static MADE: [AtomicU64; SITES.len()] = [const { AtomicU64::new(0) }; SITES.len()];

thread_local! {
    /// The seed it began with, and where it has come to.
    static DRAWN: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    static HAS_PRETENDED: Cell<bool> = const { Cell::new(false) };
}

/// Has faults be made from now on, on all threads, or none any more. At first it is as the environment's `GREENLET_FAULTS` says.
#[doc(hidden)]
pub fn make(seed: Option<u64>) {
    from_environment();
    THREADS.store(0, Ordering::Relaxed);
    SEED.store(seed.map_or(0, |seed| seed.max(1)), Ordering::Relaxed);
}

/// How many faults were made, by what they were made of.
#[doc(hidden)]
pub fn made() -> Vec<(&'static str, u64)> {
    let counts = MADE.iter().map(|count| count.load(Ordering::Relaxed));
    SITES.iter().map(|site| site.1).zip(counts).collect()
}

fn from_environment() {
    static ASKED: OnceLock<()> = OnceLock::new();
    ASKED.get_or_init(|| {
        let said = std::env::var("GREENLET_FAULTS").ok();
        if let Some(seed) = said.and_then(|said| said.parse::<u64>().ok()) {
            SEED.store(seed.max(1), Ordering::Relaxed);
        }
    });
}

/// A number below `most`; `None` if no faults are made.
fn draw(most: u64) -> Option<u64> {
    from_environment();
    let seed = SEED.load(Ordering::Relaxed);
    if seed == 0 {
        return None;
    }
    let (began, mut state) = DRAWN.get();
    if began != seed {
        let thread = THREADS.fetch_add(1, Ordering::Relaxed) + 1;
        state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ thread.wrapping_mul(0xd1b5_4a32_d192_ed03)
            | 1;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    DRAWN.set((seed, state));
    Some((state >> 16) % most)
}

/// The fault that is to be made there.
fn fault(site: Site) -> Option<c_int> {
    let (_, _, one_in, errors) = SITES[site as usize];
    debug_assert_eq!(SITES[site as usize].0, site);
    (draw(one_in)? == 0).then_some(())?;
    let which = draw(errors.len() as u64)?;
    MADE[site as usize].fetch_add(1, Ordering::Relaxed);
    Some(errors[which as usize])
}

/// Fails now and then, as the system would.
pub(crate) fn strike(site: Site) -> io::Result<()> {
    match fault(site) {
        None => Ok(()),
        Some(number) => {
            if number == libc::EAGAIN {
                HAS_PRETENDED.set(true);
            }
            Err(io::Error::from_raw_os_error(number))
        }
    }
}

/// As [`strike`], for a call that is made on a descriptor.
pub(crate) fn strike_at(site: Site, fd: &impl AsFd) -> io::Result<()> {
    let struck = strike(site);
    if let Err(error) = &struck
        && error.raw_os_error() == Some(libc::ECONNRESET)
    {
        // SAFETY: takes no pointers.
        let done = unsafe { libc::shutdown(fd.as_fd().as_raw_fd(), libc::SHUT_RDWR) };
        if done != 0 {
            // A pipe, which cannot be reset.
            return Ok(());
        }
    }
    struck
}

/// Whether a call on this thread was said to block though it need not, since this was asked last. Whoever is about to wait for an edge asks.
pub(crate) fn has_pretended() -> bool {
    HAS_PRETENDED.take()
}

/// How much of so much is asked for.
pub(crate) fn shorter(length: usize) -> usize {
    match length > 1 && fault(Site::Length).is_some() {
        true => 1 + draw(length as u64 - 1).unwrap_or(0) as usize,
        false => length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_in_order() {
        for (place, site) in SITES.iter().enumerate() {
            assert_eq!(site.0 as usize, place);
            assert!(site.2 > 1 && !site.3.is_empty());
        }
    }
}
