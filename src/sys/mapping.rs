//! Address space for stacks, and what guards it, as the system has them.
#![allow(unsafe_code)]

use std::io;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};

/// How large a page of memory is.
pub(crate) fn page() -> usize {
    static PAGE: OnceLock<usize> = OnceLock::new();
    *PAGE.get_or_init(|| {
        // SAFETY: reads a constant of the system.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(page).expect("the system has a page size")
    })
}

/// Guards of the process that are mappings of their own.
static MAPPED_GUARDS: AtomicUsize = AtomicUsize::new(0);

/// How many there may be: three quarters of the mappings, two a guard.
fn mapped_guards_limit() -> usize {
    static LIMIT: OnceLock<usize> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let setting = std::fs::read_to_string("/proc/sys/vm/max_map_count");
        let mappings = setting
            .ok()
            .and_then(|text| text.trim().parse::<usize>().ok());
        mappings.map_or(usize::MAX, |mappings| mappings / 8 * 3)
    })
}

/// Address space for stacks: not counted as memory before it is touched.
#[cfg(target_os = "linux")]
const FOR_STACKS: libc::c_int = libc::MAP_NORESERVE | libc::MAP_STACK;
/// The system ends a process whose stack pointer is in a mapping without it.
#[cfg(target_os = "openbsd")]
const FOR_STACKS: libc::c_int = libc::MAP_STACK;
/// No other system counts it before. FreeBSD's `MAP_STACK` is another thing, a mapping that grows, and macOS has none.
#[cfg(not(any(target_os = "linux", target_os = "openbsd")))]
const FOR_STACKS: libc::c_int = 0;

/// So many bytes of address space.
pub(crate) fn reserve(len: usize) -> io::Result<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | FOR_STACKS;
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    #[cfg(greenlet_faults)]
    faults::strike(Site::Reserve)?;
    // SAFETY: a new private mapping at an address of the kernel's choice.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, prot, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // A stack touches a page or two of its slot: huge pages would multiply that by hundreds. Refused
    // only by kernels without huge pages, where it is not needed.
    #[cfg(greenlet_faults)]
    if faults::strike(Site::Advise).is_err() {
        return Ok(NonNull::new(start.cast()).expect("mmap gives no null"));
    }
    #[cfg(target_os = "linux")]
    // SAFETY: advice about the mapping just made.
    unsafe {
        libc::madvise(start, len, libc::MADV_NOHUGEPAGE);
    }
    Ok(NonNull::new(start.cast()).expect("mmap gives no null"))
}

/// Gives memory back to the system, so that it is zero when it is used again. Whether that was done: locked memory stays.
///
/// # Safety
///
/// It belongs to a mapping from [`reserve`], is no guard, and nobody uses what is there.
#[cfg(all(target_os = "linux", not(greenlet_mprotect)))]
pub(crate) unsafe fn discard(start: NonNull<u8>, len: usize) -> bool {
    // SAFETY: as promised by the caller.
    unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_DONTNEED) == 0 }
}

/// Gives memory back to the system, so that it is zero when it is used again: other systems take `MADV_DONTNEED` for advice, so it is mapped anew. Whether that
/// was done.
///
/// # Safety
///
/// It belongs to a mapping from [`reserve`], is no guard, and nobody uses what is there.
#[cfg(any(not(target_os = "linux"), greenlet_mprotect))]
pub(crate) unsafe fn discard(start: NonNull<u8>, len: usize) -> bool {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | FOR_STACKS;
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: takes the place of a mapping of the same kind; as promised by the caller.
    unsafe { libc::mmap(start.as_ptr().cast(), len, prot, flags, -1, 0) != libc::MAP_FAILED }
}

/// Makes the page at `start` a guard; whether the kernel has that.
///
/// # Safety
///
/// It belongs to a mapping from [`reserve`], and nobody uses it.
#[cfg(target_os = "linux")]
pub(crate) unsafe fn install_marker(start: NonNull<u8>) -> bool {
    /// From the kernel's `mman-common.h`; libc does not name it yet.
    const MADV_GUARD_INSTALL: libc::c_int = 102;
    #[cfg(greenlet_faults)]
    if faults::strike(Site::Marker).is_err() {
        return false;
    }
    // SAFETY: as promised by the caller.
    unsafe { libc::madvise(start.as_ptr().cast(), page(), MADV_GUARD_INSTALL) == 0 }
}

/// Makes the page at `start` a guard; whether the kernel has that.
///
/// # Safety
///
/// None.
#[cfg(not(target_os = "linux"))]
pub(crate) unsafe fn install_marker(_start: NonNull<u8>) -> bool {
    false
}

/// Makes the page at `start` a guard by a mapping of its own, as long as enough mappings are left for the rest of the process: without
/// any, the next large allocation of whoever would fail.
///
/// # Safety
///
/// It belongs to a mapping from [`reserve`], and nobody uses it.
pub(crate) unsafe fn protect(start: NonNull<u8>) -> io::Result<()> {
    let result = if MAPPED_GUARDS.fetch_add(1, Ordering::Relaxed) >= mapped_guards_limit() {
        Err(io::Error::from_raw_os_error(libc::ENOMEM))
    } else {
        #[cfg(greenlet_faults)]
        if let Err(error) = faults::strike(Site::Protect) {
            unmapped(1);
            return Err(error);
        }
        // SAFETY: as promised by the caller.
        match unsafe { libc::mprotect(start.as_ptr().cast(), page(), libc::PROT_NONE) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    if result.is_err() {
        unmapped(1);
    }
    result
}

/// So many guards that were mappings of their own are so no longer.
pub(crate) fn unmapped(guards: usize) {
    MAPPED_GUARDS.fetch_sub(guards, Ordering::Relaxed);
}
