//! How far stacks were used.
#![allow(unsafe_code)]

use crate::sys::arena::{guard_size, usable_size};
use crate::sys::mapping::page;

/// How far a stack whose guard begins at `limit` was ever used, from its top, to a page: its memory is counted. A stack that is used again
/// has the memory that its predecessors used.
pub(crate) fn depth(limit: usize, size: usize) -> usize {
    let floor = limit + guard_size();
    let usable = usable_size(limit, size);
    let top = floor + usable;
    let mut resident = vec![0_u8; usable.div_ceil(page())];
    // SAFETY: there is a byte for each page; the system says so if something is not mapped.
    let done = unsafe { libc::mincore(floor as *mut _, usable, resident.as_mut_ptr().cast()) };
    if done != 0 {
        return 0;
    }
    let lowest = resident.iter().position(|byte| byte & 1 != 0);
    lowest.map_or(0, |lowest| top - (floor + lowest * page()))
}

/// As [`depth`], to a word, of a stack that was [cleared](crate::sys::arena::Slot::clear) before its use. Memory that was swapped out is not seen.
///
/// # Safety
///
/// The stack is of the calling thread's [`Arena`](crate::sys::arena::Arena), taken for that size.
pub(crate) unsafe fn exact_depth(limit: usize, size: usize) -> usize {
    let top = limit + guard_size() + usable_size(limit, size);
    let depth = depth(limit, size);
    // AddressSanitizer objects to looks between variables.
    if depth == 0 || cfg!(feature = "sanitizer") {
        return depth;
    }
    let lowest = top - depth;
    let mut page = (lowest..top.min(lowest + page())).step_by(size_of::<usize>());
    let written = page.find(|address| {
        // SAFETY: mapped as long as the arena lives (A3), and aligned. Nobody writes meanwhile where this looks: frames are above it, for the lowest word
        // that is not zero ends it, and only what is in frames may be lent to other threads.
        unsafe { (*address as *const usize).read_volatile() != 0 }
    });
    // What was only probed was reserved for something that was not written.
    written.map_or(depth, |written| top - written)
}
