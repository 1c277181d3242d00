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
    // SAFETY: the slot is mapped as long as its arena lives, and there is a byte for each of its pages.
    let done = unsafe { libc::mincore(floor as *mut _, usable, resident.as_mut_ptr().cast()) };
    if done != 0 {
        return 0;
    }
    let lowest = resident.iter().position(|byte| byte & 1 != 0);
    lowest.map_or(0, |lowest| top - (floor + lowest * page()))
}

/// As [`depth`], to a word, of a stack that was [cleared](crate::sys::arena::Slot::clear) before its use, and belongs to the calling thread. Memory that was
/// swapped out is not seen.
pub(crate) fn exact_depth(limit: usize, size: usize) -> usize {
    let top = limit + guard_size() + usable_size(limit, size);
    let depth = depth(limit, size);
    // AddressSanitizer objects to looks between variables.
    if depth == 0 || cfg!(feature = "sanitizer") {
        return depth;
    }
    let lowest = top - depth;
    let mut page = (lowest..top.min(lowest + page())).step_by(size_of::<usize>());
    let written = page.find(|address| {
        // SAFETY: mapped, aligned, and nobody else writes there meanwhile.
        unsafe { (*address as *const usize).read_volatile() != 0 }
    });
    // What was only probed was reserved for something that was not written.
    written.map_or(depth, |written| top - written)
}
