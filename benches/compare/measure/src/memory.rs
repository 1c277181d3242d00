//! Memory: what the process has, and address space for those who lay out stacks themselves.
#![allow(unsafe_code)]

use std::fs;
use std::ptr;
use std::sync::OnceLock;

/// What the system gives at once.
pub const PAGE: usize = 4096;

static AT_START: OnceLock<usize> = OnceLock::new();

/// Remembers how much of the process is in memory before it has done anything.
pub(crate) fn note_start() {
    AT_START.get_or_init(resident);
}

/// How many bytes more are in memory now than at the start of the process, before any runtime was made.
pub fn grown() -> usize {
    resident().saturating_sub(*AT_START.get_or_init(resident))
}

/// How much of this process is in memory, in bytes.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("there is /proc");
    let pages = statm.split(' ').nth(1).expect("the second is of pages");
    PAGE * pages.parse::<usize>().expect("is a number")
}

/// Address space of its own, without huge pages, which would back what nobody touches. Never given back.
pub struct Mapping {
    start: *mut u8,
    bytes: usize,
}

impl Mapping {
    /// So many bytes, none of them backed by a page.
    ///
    /// # Panics
    ///
    /// If there is no such address space.
    pub fn new(bytes: usize) -> Self {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new private mapping at an address of the system's choice.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED, "no address space");
        // SAFETY: advice about the mapping just made.
        let advised = unsafe { libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE) };
        assert_eq!(advised, 0, "madvise");
        let start = start.cast();
        Mapping { start, bytes }
    }

    /// Its lowest address.
    pub fn start(&self) -> usize {
        self.start.addr()
    }

    /// Writes to every page.
    pub fn touch(&mut self) {
        for offset in (0..self.bytes).step_by(PAGE) {
            // SAFETY: in bounds of the mapping, which is borrowed for as long.
            unsafe { self.start.add(offset).write_volatile(1) };
        }
    }
}
