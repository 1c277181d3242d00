//! Address space for stacks, and what guards it, as the system has them.
#![allow(unsafe_code)]

use std::io;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};

/// What is found out once, and is not zero; by several threads if they ask at the same time. (Nothing is held meanwhile: a process that is forked off would wait
/// for ever.)
fn once(answer: &AtomicUsize, find_out: impl FnOnce() -> usize) -> usize {
    match answer.load(Ordering::Relaxed) {
        0 => {
            let found = find_out();
            answer.store(found, Ordering::Relaxed);
            found
        }
        known => known,
    }
}

/// How large a page of memory is.
pub(crate) fn page() -> usize {
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    once(&PAGE, || {
        // SAFETY: reads a constant of the system.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(page).expect("the system has a page size")
    })
}

/// Guards of the process that are mappings of their own.
static MAPPED_GUARDS: AtomicUsize = AtomicUsize::new(0);

/// How many there may be: three quarters of the mappings, two a guard.
fn mapped_guards_limit() -> usize {
    static LIMIT: AtomicUsize = AtomicUsize::new(0);
    once(&LIMIT, || {
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

/// Address space, reserved at once. It stays until it is [unmapped](Chunk::unmap).
pub(crate) struct Chunk {
    start: NonNull<u8>,
    len: usize,
}

impl Chunk {
    /// So many bytes, of whole pages.
    pub(crate) fn reserve(len: usize) -> io::Result<Chunk> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | FOR_STACKS;
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        #[cfg(greenlet_faults)]
        faults::strike(Site::Reserve)?;
        // SAFETY: a new private mapping at an address of the kernel's choice.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, prot, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start: NonNull<u8> = NonNull::new(start.cast()).expect("mmap gives no null");
        let chunk = Chunk { start, len };
        // A stack touches a page or two of its slot: huge pages would multiply that by hundreds. Refused
        // only by kernels without huge pages, where it is not needed.
        #[cfg(greenlet_faults)]
        if faults::strike(Site::Advise).is_err() {
            return Ok(chunk);
        }
        #[cfg(target_os = "linux")]
        // SAFETY: advice about the mapping just made.
        unsafe {
            libc::madvise(start.as_ptr().cast(), len, libc::MADV_NOHUGEPAGE);
        }
        Ok(chunk)
    }

    pub(crate) fn range(&self) -> Range<usize> {
        let start = self.start.as_ptr() as usize;
        start..start + self.len
    }

    /// Bytes of the chunk that are backed by memory at the moment; those of which the system cannot tell are left out.
    pub(crate) fn committed(&self) -> usize {
        /// The answer takes a byte a page.
        const AT_ONCE: usize = 64 << 20;
        let mut resident = vec![0u8; self.len.min(AT_ONCE) / page()];
        let mut count = 0;
        for offset in (0..self.len).step_by(AT_ONCE) {
            let len = AT_ONCE.min(self.len - offset);
            let pages = &mut resident[..len / page()];
            // SAFETY: this part of the chunk is mapped, and there is a byte for each of its pages, which are whole.
            let done = unsafe {
                let start = self.start.as_ptr().add(offset);
                libc::mincore(start.cast(), len, pages.as_mut_ptr().cast())
            };
            #[cfg(greenlet_faults)]
            let done = faults::strike(Site::Resident).map_or(-1, |()| done);
            // The kernel may be short of the page that it answers in.
            if done != 0 {
                continue;
            }
            count += pages.iter().filter(|byte| **byte & 1 != 0).count();
        }
        count * page()
    }

    /// Gives it back to the system.
    ///
    /// # Safety
    ///
    /// Nobody uses anything of it, or ever will.
    pub(crate) unsafe fn unmap(&self) {
        // SAFETY: as promised by the caller.
        let done = unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert_eq!(done, 0, "munmap: {}", io::Error::last_os_error());
    }
}

/// Gives memory back to the system, so that it is zero when it is used again. Whether that was done: locked memory stays.
///
/// # Safety
///
/// It belongs to a mapping from [`Chunk::reserve`], is no guard, and nobody uses what is there.
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
/// It belongs to a mapping from [`Chunk::reserve`], is no guard, and nobody uses what is there.
#[cfg(any(not(target_os = "linux"), greenlet_mprotect))]
pub(crate) unsafe fn discard(start: NonNull<u8>, len: usize) -> bool {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | FOR_STACKS;
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: takes the place of a mapping of the same kind; as promised by the caller.
    unsafe { libc::mmap(start.as_ptr().cast(), len, prot, flags, -1, 0) != libc::MAP_FAILED }
}

/// Makes the pages from `start` a guard; whether the kernel has that.
///
/// # Safety
///
/// They belong to a mapping from [`Chunk::reserve`], and nobody uses them.
#[cfg(target_os = "linux")]
pub(crate) unsafe fn install_marker(start: NonNull<u8>, len: usize) -> bool {
    /// From the kernel's `mman-common.h`; libc does not name it yet.
    const MADV_GUARD_INSTALL: libc::c_int = 102;
    #[cfg(greenlet_faults)]
    if faults::strike(Site::Marker).is_err() {
        return false;
    }
    // SAFETY: as promised by the caller.
    let done = unsafe { libc::madvise(start.as_ptr().cast(), len, MADV_GUARD_INSTALL) };
    // Emulators of the system say yes to advice that they do not know.
    static GUARDS: AtomicUsize = AtomicUsize::new(0);
    done == 0 && once(&GUARDS, || 1 + usize::from(is_guarded(start))) == 2
}

/// Whether nobody can read at `start`, where there are zeros, or a guard.
#[cfg(target_os = "linux")]
pub(crate) fn is_guarded(start: NonNull<u8>) -> bool {
    // SAFETY: the system is to read for how long to sleep; if it can, it finds zeros.
    let slept = unsafe { libc::nanosleep(start.as_ptr().cast(), ptr::null_mut()) };
    slept != 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}

/// Makes the pages from `start` a guard; whether the kernel has that.
///
/// # Safety
///
/// None.
#[cfg(not(target_os = "linux"))]
pub(crate) unsafe fn install_marker(_start: NonNull<u8>, _len: usize) -> bool {
    false
}

/// Makes the pages from `start` a guard by a mapping of its own, as long as enough mappings are left for the rest of the process: without
/// any, the next large allocation of whoever would fail.
///
/// # Safety
///
/// They belong to a mapping from [`Chunk::reserve`], and nobody uses them.
pub(crate) unsafe fn protect(start: NonNull<u8>, len: usize) -> io::Result<()> {
    let result = if MAPPED_GUARDS.fetch_add(1, Ordering::Relaxed) >= mapped_guards_limit() {
        Err(io::Error::from_raw_os_error(libc::ENOMEM))
    } else {
        #[cfg(greenlet_faults)]
        if let Err(error) = faults::strike(Site::Protect) {
            unmapped(1);
            return Err(error);
        }
        // SAFETY: as promised by the caller.
        match unsafe { libc::mprotect(start.as_ptr().cast(), len, libc::PROT_NONE) } {
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
