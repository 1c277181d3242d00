//! Stacks for greenlets: cut from large reservations, guarded, reused last in first out.
//!
//! One arena a thread. It holds a class for each power of two of stack size; a class owns chunks
//! of address space and cuts them into slots:
//!
//! ```text
//!   chunk: one mmap; on Linux MAP_NORESERVE, MADV_NOHUGEPAGE
//!   +-------+-----------------+-------+-----------------+-------+----
//!   | guard | usable    <- sp | guard | usable    <- sp | guard | ...
//!   +-------+-----------------+-------+-----------------+-------+----
//!   |<------- slot 0 -------->|<------- slot 1 -------->|
//! ```
//!
//! A guard is a marker in the page table (`MADV_GUARD_INSTALL`, Linux 6.13), which needs no
//! mapping of its own; where the kernel has none, a page of `PROT_NONE`, which needs two, and so ends
//! near 24 000 stacks under the default `vm.max_map_count`, a quarter of which is left to others.
//!
//! The tops of neighbouring slots are shifted against each other by a cache line (their colour),
//! or the hot ends of all stacks would fall into the same few sets of the first level cache.
//!
//! Invariants:
//!
//! * **A1** A slot is in exactly one place: not yet cut, in use (owned by a [`Slot`]), or pooled.
//! * **A2** The lowest page of every slot that was ever handed out is a guard, for as long as its
//!   chunk is mapped. `MADV_DONTNEED` keeps guards of both kinds.
//! * **A3** A chunk is unmapped only by the drop of its arena, and an arena with a slot in use is
//!   never dropped: [`Slot`] counts itself in, [`Arena::drop`] asserts.
//! * **A4** `pool` has room for every slot that was cut, so that giving one back never allocates.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The stack size a greenlet has if nothing else is asked for. How it was found: arch-note 0003.
pub(crate) const DEFAULT_SIZE: usize = DEFAULT_CLASS - COLOURS * COLOUR_STEP;
const DEFAULT_CLASS: usize = if cfg!(feature = "sanitizer") {
    512 << 10
} else if cfg!(debug_assertions) {
    256 << 10
} else {
    64 << 10
};

/// The smallest class.
const MIN_SHIFT: u32 = 14;
/// The largest class: 2^47 bytes is all that x86-64 can map.
const MAX_SHIFT: u32 = 47;
/// Address space reserved at a time, for classes that fit into it more than once.
const CHUNK: usize = 64 << 20;
/// Colours a cache line apart.
const COLOURS: usize = 8;
const COLOUR_STEP: usize = 64;

/// A stack could not be had.
#[derive(Debug)]
pub(crate) struct NoStack {
    pub(crate) size: usize,
    pub(crate) what: &'static str,
    pub(crate) error: io::Error,
}

impl fmt::Display for NoStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a stack of {} bytes {}: {}",
            self.size, self.what, self.error
        )
    }
}

/// What an arena holds at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) live: usize,
    pub(crate) pooled: usize,
    pub(crate) reserved: usize,
}

/// One stack in use. Dropping it gives the slot back to the arena that cut it.
pub(crate) struct Slot {
    class: NonNull<Class>,
    start: NonNull<u8>,
    top: usize,
}

impl Slot {
    /// The highest address: where the stack begins to grow down.
    pub(crate) fn top(&self) -> usize {
        self.top
    }

    /// The lowest address, that of the guard.
    pub(crate) fn limit(&self) -> usize {
        self.start.as_ptr() as usize
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // SAFETY: the class outlives its slots (A3).
        let class = unsafe { self.class.as_ref() };
        class.live.set(class.live.get() - 1);
        // Never allocates (A4).
        class.pool.borrow_mut().push(self.start);
    }
}

/// The stacks of one thread.
pub(crate) struct Arena {
    classes: RefCell<Vec<Option<Box<Class>>>>,
    markers: Cell<bool>,
    mapped_guards: Cell<usize>,
    default: Cell<Option<NonNull<Class>>>,
}

struct Class {
    /// Usable bytes and colours of a slot.
    size: usize,
    chunks: RefCell<Vec<Chunk>>,
    /// A1: slots given back, the hottest last.
    pool: RefCell<Vec<NonNull<u8>>>,
    /// A1: slots from here to `fresh_end` were not cut yet.
    fresh: Cell<usize>,
    fresh_end: Cell<usize>,
    cut: Cell<usize>,
    live: Cell<usize>,
}

struct Chunk {
    start: NonNull<u8>,
    len: usize,
}

fn page() -> usize {
    static PAGE: OnceLock<usize> = OnceLock::new();
    *PAGE.get_or_init(|| {
        // SAFETY: reads a constant of the system.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(page).expect("the system has a page size")
    })
}

/// How much of a slot, from its lowest address, is its guard.
pub(crate) fn guard_size() -> usize {
    page()
}

/// The class for at least `size` usable bytes: its shift.
fn shift_for(size: usize) -> Option<u32> {
    let with_colour = size.checked_add(COLOURS * COLOUR_STEP)?;
    let shift = with_colour.checked_next_power_of_two()?.trailing_zeros();
    (shift <= MAX_SHIFT).then_some(shift.max(MIN_SHIFT))
}

/// The top of the slot that ends at `end`, for its colour.
#[inline]
fn top_of(end: usize) -> usize {
    end - (end >> 12) % COLOURS * COLOUR_STEP
}

/// How many bytes a stack has above its guard that begins at `limit` and was [taken](Arena::take) for `size`. May be called in a signal
/// handler.
pub(crate) fn usable_size(limit: usize, size: usize) -> usize {
    let floor = limit + guard_size();
    shift_for(size).map_or(0, |shift| top_of(floor + (1 << shift)) - floor)
}

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

impl Arena {
    pub(crate) fn new() -> Self {
        Arena {
            classes: RefCell::new(Vec::new()),
            markers: Cell::new(!cfg!(greenlet_mprotect)),
            mapped_guards: Cell::new(0),
            default: Cell::new(None),
        }
    }

    /// A stack with at least `size` usable bytes below its guard.
    ///
    /// Asking for [`DEFAULT_SIZE`] again and again is the fast path: one load, one pop.
    #[inline(always)]
    pub(crate) fn take(&self, size: usize) -> Result<Slot, NoStack> {
        let class = match self.default.get() {
            Some(class) if size == DEFAULT_SIZE => class,
            _ => self.class(size)?,
        };
        // SAFETY: classes are boxed and live as long as the arena.
        let class_ref = unsafe { class.as_ref() };
        let pooled = class_ref.pool.borrow_mut().pop();
        let start = match pooled {
            Some(start) => start,
            None => self.cut(class_ref)?,
        };
        class_ref.live.set(class_ref.live.get() + 1);
        let end = start.as_ptr() as usize + class_ref.stride();
        Ok(Slot {
            class,
            start,
            top: top_of(end),
        })
    }

    /// Whether there can be stacks of that size at all.
    pub(crate) fn check(&self, size: usize) -> Result<(), NoStack> {
        self.class(size).map(|_| ())
    }

    /// Gives the memory of pooled stacks back to the system; how many stacks that was. Locked memory stays.
    pub(crate) fn trim(&self) -> usize {
        let mut trimmed = 0;
        for class in self.classes.borrow().iter().flatten() {
            for start in class.pool.borrow().iter() {
                // SAFETY: a pooled slot is not in use (A1), its contents are dead; guards stay (A2).
                let done = unsafe {
                    let usable = start.as_ptr().add(page());
                    libc::madvise(usable.cast(), class.size, libc::MADV_DONTNEED)
                };
                trimmed += usize::from(done == 0);
            }
        }
        trimmed
    }

    /// Whether an address is on any of the stacks; `None` if that cannot be said now. May be called in a signal handler that has interrupted this.
    pub(crate) fn contains(&self, address: usize) -> Option<bool> {
        let classes = self.classes.try_borrow().ok()?;
        for class in classes.iter().flatten() {
            let chunks = class.chunks.try_borrow().ok()?;
            let mut starts = chunks
                .iter()
                .map(|chunk| (chunk.start.as_ptr() as usize, chunk.len));
            if starts.any(|(start, len)| (start..start + len).contains(&address)) {
                return Some(true);
            }
        }
        Some(false)
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for class in self.classes.borrow().iter().flatten() {
            counts.live += class.live.get();
            counts.pooled += class.pool.borrow().len();
            let chunks = class.chunks.borrow();
            counts.reserved += chunks.iter().map(|chunk| chunk.len).sum::<usize>();
        }
        counts
    }

    /// Bytes of what it reserves that are backed by memory. The system is asked about every page.
    pub(crate) fn committed(&self) -> usize {
        let classes = self.classes.borrow();
        let each = classes.iter().flatten().map(|class| {
            let chunks = class.chunks.borrow();
            chunks.iter().map(Chunk::committed).sum::<usize>()
        });
        each.sum()
    }

    #[cold]
    fn class(&self, size: usize) -> Result<NonNull<Class>, NoStack> {
        let shift = shift_for(size).ok_or_else(|| NoStack {
            size,
            what: "is larger than the address space",
            error: io::Error::from(io::ErrorKind::OutOfMemory),
        })?;
        let index = (shift - MIN_SHIFT) as usize;
        let mut classes = self.classes.borrow_mut();
        if classes.len() <= index {
            classes.resize_with(index + 1, || None);
        }
        let class = classes[index].get_or_insert_with(|| {
            Box::new(Class {
                size: 1 << shift,
                chunks: RefCell::new(Vec::new()),
                pool: RefCell::new(Vec::new()),
                fresh: Cell::new(0),
                fresh_end: Cell::new(0),
                cut: Cell::new(0),
                live: Cell::new(0),
            })
        });
        let class = NonNull::from(&mut **class);
        if size == DEFAULT_SIZE {
            self.default.set(Some(class));
        }
        Ok(class)
    }

    /// Cuts a slot that was never used, and guards it.
    #[cold]
    fn cut(&self, class: &Class) -> Result<NonNull<u8>, NoStack> {
        if class.fresh.get() == class.fresh_end.get() {
            class.grow()?;
        }
        let start = NonNull::new(class.fresh.get() as *mut u8).expect("a slot is not at null");
        self.guard(class, start)?;
        class.fresh.set(class.fresh.get() + class.stride());
        class.cut.set(class.cut.get() + 1);
        let mut pool = class.pool.borrow_mut();
        if pool.capacity() < class.cut.get() {
            // A4; the pool is empty here, so this doubles its room.
            pool.reserve(2 * class.cut.get());
        }
        Ok(start)
    }

    fn guard(&self, class: &Class, start: NonNull<u8>) -> Result<(), NoStack> {
        if self.markers.get() {
            if install_marker(start) {
                return Ok(());
            }
            // Kernels before 6.13, and memory that is locked.
            self.markers.set(false);
        }
        if let Err(error) = self.protect(start) {
            return Err(NoStack {
                size: class.size,
                what: "cannot be guarded: this kernel has no guard markers (MADV_GUARD_INSTALL, Linux 6.13), \
                       and each guard page takes two of the mappings that sysctl vm.max_map_count allows",
                error,
            });
        }
        Ok(())
    }

    /// Guards by a mapping of its own, as long as enough mappings are left for the rest of the process: without
    /// any, the next large allocation of whoever would fail.
    fn protect(&self, start: NonNull<u8>) -> io::Result<()> {
        let result = if MAPPED_GUARDS.fetch_add(1, Ordering::Relaxed) >= mapped_guards_limit() {
            Err(io::Error::from_raw_os_error(libc::ENOMEM))
        } else {
            // SAFETY: the page belongs to a slot that nobody uses (A1).
            match unsafe { libc::mprotect(start.as_ptr().cast(), page(), libc::PROT_NONE) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        match result {
            Ok(()) => self.mapped_guards.set(self.mapped_guards.get() + 1),
            Err(_) => _ = MAPPED_GUARDS.fetch_sub(1, Ordering::Relaxed),
        }
        result
    }
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

impl Drop for Arena {
    fn drop(&mut self) {
        MAPPED_GUARDS.fetch_sub(self.mapped_guards.get(), Ordering::Relaxed);
        for class in self.classes.get_mut().drain(..).flatten() {
            assert_eq!(class.live.get(), 0, "a stack is still in use");
            for chunk in class.chunks.borrow().iter() {
                // SAFETY: no slot is in use (A3).
                let done = unsafe { libc::munmap(chunk.start.as_ptr().cast(), chunk.len) };
                debug_assert_eq!(done, 0, "munmap: {}", io::Error::last_os_error());
            }
        }
    }
}

impl Class {
    fn stride(&self) -> usize {
        self.size + page()
    }

    /// Reserves the next chunk. Under memory limits a smaller one will do, down to a single slot.
    fn grow(&self) -> Result<(), NoStack> {
        let mut slots = (CHUNK / self.stride()).max(1);
        loop {
            let len = slots * self.stride();
            match reserve(len) {
                Ok(start) => {
                    self.fresh.set(start.as_ptr() as usize);
                    self.fresh_end.set(start.as_ptr() as usize + len);
                    self.chunks.borrow_mut().push(Chunk { start, len });
                    return Ok(());
                }
                Err(_) if slots > 1 => slots /= 2,
                Err(error) => {
                    return Err(NoStack {
                        size: self.size,
                        what: "cannot be reserved",
                        error,
                    });
                }
            }
        }
    }
}

impl Chunk {
    /// Bytes of the chunk that are backed by memory at the moment.
    fn committed(&self) -> usize {
        let mut resident = vec![0u8; self.len.min(CHUNK) / page()];
        let mut count = 0;
        for offset in (0..self.len).step_by(CHUNK) {
            let len = CHUNK.min(self.len - offset);
            let pages = &mut resident[..len / page()];
            // SAFETY: this part of the chunk is mapped, and there is a byte for each of its pages.
            let done = unsafe {
                let start = self.start.as_ptr().add(offset);
                libc::mincore(start.cast(), len, pages.as_mut_ptr().cast())
            };
            assert_eq!(done, 0, "mincore: {}", io::Error::last_os_error());
            count += pages.iter().filter(|byte| **byte & 1 != 0).count();
        }
        count * page()
    }
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

fn reserve(len: usize) -> io::Result<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | FOR_STACKS;
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new private mapping at an address of the kernel's choice.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, prot, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // A stack touches a page or two of its slot: huge pages would multiply that by hundreds. Refused
    // only by kernels without huge pages, where it is not needed.
    #[cfg(target_os = "linux")]
    // SAFETY: advice about the mapping just made.
    unsafe {
        libc::madvise(start, len, libc::MADV_NOHUGEPAGE);
    }
    Ok(NonNull::new(start.cast()).expect("mmap gives no null"))
}

/// Whether the lowest page of a slot is now a guard.
#[cfg(target_os = "linux")]
fn install_marker(start: NonNull<u8>) -> bool {
    /// From the kernel's `mman-common.h`; libc does not name it yet.
    const MADV_GUARD_INSTALL: libc::c_int = 102;
    // SAFETY: the page belongs to a slot that nobody uses (A1).
    unsafe { libc::madvise(start.as_ptr().cast(), page(), MADV_GUARD_INSTALL) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn install_marker(_start: NonNull<u8>) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_round_up_and_have_limits() {
        assert_eq!(shift_for(0), Some(14));
        assert_eq!(shift_for(1 << 14), Some(15));
        assert_eq!(shift_for((1 << 14) - COLOURS * COLOUR_STEP), Some(14));
        assert_eq!(
            shift_for(DEFAULT_SIZE),
            Some(DEFAULT_CLASS.trailing_zeros())
        );
        assert_eq!(shift_for(usize::MAX), None);
        assert_eq!(shift_for(1 << 47), None);
    }

    #[test]
    fn a_stack_has_the_room_that_was_asked_for() {
        let arena = Arena::new();
        for size in [1, 4096, 16 << 10, DEFAULT_SIZE, 100_000, 1 << 20] {
            let slot = arena.take(size).unwrap();
            let usable = slot.top() - slot.limit() - guard_size();
            assert!(usable >= size);
            assert_eq!(usable_size(slot.limit(), size), usable);
            assert_eq!(slot.top() % 16, 0);
        }
    }

    #[test]
    fn reuse_is_last_in_first_out() {
        let arena = Arena::new();
        let (a, b) = (arena.take(1).unwrap(), arena.take(1).unwrap());
        let (first, second) = (a.limit(), b.limit());
        drop(a);
        drop(b);
        assert_eq!(arena.take(1).unwrap().limit(), second);
        let held = arena.take(1).unwrap();
        assert_eq!(arena.take(1).unwrap().limit(), first);
        assert_eq!(held.limit(), second);
    }

    #[test]
    fn tops_of_neighbours_have_different_colours() {
        let arena = Arena::new();
        let slots: Vec<_> = (0..COLOURS).map(|_| arena.take(1).unwrap()).collect();
        let sets: std::collections::HashSet<_> =
            slots.iter().map(|slot| slot.top() / 64 % 64).collect();
        assert_eq!(sets.len(), COLOURS);
    }

    #[test]
    fn trim_returns_the_memory_and_the_census_sees_it() {
        let arena = Arena::new();
        let slots: Vec<_> = (0..10).map(|_| arena.take(1).unwrap()).collect();
        for slot in &slots {
            // SAFETY: the last byte of a stack that nothing runs on.
            unsafe { ((slot.top() - 1) as *mut u8).write_volatile(1) };
        }
        let counts = arena.counts();
        assert_eq!((counts.live, counts.pooled), (10, 0));
        assert_eq!(arena.committed(), 10 * page());
        assert!(counts.reserved >= 10 * (16 << 10));
        drop(slots);
        assert_eq!(arena.trim(), 10);
        let counts = arena.counts();
        assert_eq!((counts.live, counts.pooled), (0, 10));
        assert_eq!(arena.committed(), 0);
    }

    #[test]
    fn giving_back_never_allocates() {
        let arena = Arena::new();
        let slots: Vec<_> = (0..1000).map(|_| arena.take(1).unwrap()).collect();
        let room = slots[0].class;
        // SAFETY: the arena is alive.
        let capacity = unsafe { room.as_ref() }.pool.borrow().capacity();
        assert!(capacity >= 1000);
        drop(slots);
        // SAFETY: as above.
        assert_eq!(unsafe { room.as_ref() }.pool.borrow().capacity(), capacity);
    }

    #[test]
    fn more_than_the_address_space_is_an_error() {
        let arena = Arena::new();
        assert!(arena.take(usize::MAX).is_err());
        let error = arena.take(1 << 46).err().expect("no machine has so much");
        assert_eq!(error.error.raw_os_error(), Some(libc::ENOMEM));
        assert!(arena.take(1).is_ok(), "and the arena goes on");
    }
}
