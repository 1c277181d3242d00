//! No mappings are left (`vm.max_map_count`), or no address space (`ulimit -v`), or the system gives less at a time than is asked for.
#![allow(unsafe_code)]

use std::fs;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::time::Duration;

use greenlet::{Greenlet, SwitchError, spawn, yield_now};

use crate::{Case, SKIPPED, succeeds};

pub(crate) const CASES: &[Case] = &[
    ("no_mappings", no_mappings),
    ("no_addresses", no_addresses),
    ("little_at_a_time", little_at_a_time),
];

const PAGE: usize = 4096;
/// A size of stack that nothing else here has: the first one of it needs a mapping.
const SIZE: usize = 1 << 20;
/// So often stacks are asked for again meanwhile.
const A_WHILE: Duration = Duration::from_millis(50);

/// All the mappings that were left to the process, until it is dropped.
struct Mappings {
    region: *mut libc::c_void,
    len: usize,
    further: Vec<*mut libc::c_void>,
}

/// Address space without memory.
fn map(len: usize, prot: libc::c_int) -> io::Result<*mut libc::c_void> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, prot, flags, -1, 0) };
    match start {
        libc::MAP_FAILED => Err(io::Error::last_os_error()),
        start => Ok(start),
    }
}

impl Mappings {
    fn take(most: usize) -> Self {
        let len = 2 * most * PAGE;
        let region = map(len, libc::PROT_NONE).unwrap();
        let mut further = Vec::with_capacity(64);
        // Each page that may be read is a mapping of its own, and so is each between two of them.
        for page in 0..most {
            // SAFETY: in bounds of the region, where nothing is.
            let done = unsafe {
                let start = region.byte_add((2 * page + 1) * PAGE);
                libc::mprotect(start, PAGE, libc::PROT_READ)
            };
            if done != 0 {
                break;
            }
        }
        let kinds = [libc::PROT_READ, libc::PROT_NONE].into_iter().cycle();
        for prot in kinds.take(further.capacity()) {
            match map(PAGE, prot) {
                Ok(start) => further.push(start),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
                    return Mappings {
                        region,
                        len,
                        further,
                    };
                }
            }
        }
        panic!("there are still mappings");
    }
}

impl Drop for Mappings {
    fn drop(&mut self) {
        // SAFETY: mapped by this, and nothing is there.
        unsafe { libc::munmap(self.region, self.len) };
        for start in &self.further {
            // SAFETY: as above.
            unsafe { libc::munmap(*start, PAGE) };
        }
    }
}

fn small(n: u32) -> Greenlet<(), u32> {
    Greenlet::new(move |()| {
        yield_now();
        n
    })
}

/// No stack can be had: a switch by hand is refused, one that was spawned waits; when `limited` is dropped, both go on.
fn refuses_until_dropped<L>(limit: impl FnOnce() -> L) {
    let by_hand = Greenlet::builder().stack_size(SIZE).build(|n: u32| n + 1);
    let limited = limit();
    // There are stacks that were used before.
    assert_eq!(small(3).switch(()), 3);
    let refused = by_hand.try_switch(5);
    let spawned = Greenlet::builder().stack_size(SIZE).spawn(|| 7);
    let waits = spawned.join_timeout(A_WHILE);
    let panicked = catch_unwind(AssertUnwindSafe(|| by_hand.switch(5)));
    drop(limited);
    let Err(SwitchError::NoStack {
        value,
        reason,
        error,
        ..
    }) = refused
    else {
        panic!("there was a stack");
    };
    assert_eq!((value, error.kind()), (5, ErrorKind::OutOfMemory));
    assert!(reason.contains("a stack of "), "{reason}");
    let payload = panicked.unwrap_err();
    let text = payload.downcast_ref::<String>().unwrap();
    assert!(text.contains("a stack of "), "{text}");
    assert_eq!(waits.unwrap_err().join().unwrap(), 7);
    assert_eq!(by_hand.switch(5), 6);
}

fn no_mappings() {
    let limit = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    if limit > 1 << 20 {
        return println!("{SKIPPED}{limit} mappings are too many to be used up");
    }
    assert_eq!(small(1).switch(()), 1);
    refuses_until_dropped(|| Mappings::take(limit));
}

#[test]
fn without_mappings_there_are_no_new_stacks_and_everything_else_goes_on() {
    succeeds("no_mappings");
}

/// A limit of address space, until it is dropped.
struct Addresses(libc::rlimit);

impl Addresses {
    /// So many bytes more than there are now.
    fn limit(more: u64) -> Self {
        let mut before = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: writes to this frame.
        let read = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut before) };
        assert_eq!(read, 0);
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let used = status
            .lines()
            .find_map(|line| line.strip_prefix("VmSize:"))
            .and_then(|rest| rest.split_whitespace().next());
        let used: u64 = used.unwrap().parse().unwrap();
        let low = libc::rlimit {
            rlim_cur: (used << 10) + more,
            ..before
        };
        // SAFETY: reads this frame.
        let set = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const low) };
        assert_eq!(set, 0);
        Addresses(before)
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        // SAFETY: reads what is borrowed.
        unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const self.0) };
    }
}

fn no_addresses() {
    assert_eq!(small(1).switch(()), 1);
    refuses_until_dropped(|| Addresses::limit(0));
}

#[test]
fn without_address_space_there_are_no_new_stacks_and_everything_else_goes_on() {
    succeeds("no_addresses");
}

/// As under `vm.overcommit_memory=2`, where address space counts as memory.
fn little_at_a_time() {
    yield_now();
    let most = 8 << 20;
    let _limited = Addresses::limit(most);
    assert_eq!(small(1).switch(()), 1);
    let reserved = greenlet::census().reserved_bytes as u64;
    assert!((1..=most).contains(&reserved), "{reserved}");
    let all: Vec<_> = (0..4).map(|n| spawn(move || n)).collect();
    for (n, each) in all.into_iter().enumerate() {
        assert_eq!(each.join().unwrap(), n);
    }
}

#[test]
fn a_reservation_that_is_refused_is_made_smaller() {
    succeeds("little_at_a_time");
}
