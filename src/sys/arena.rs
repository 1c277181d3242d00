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
//! A guard is markers in the page table (`MADV_GUARD_INSTALL`, Linux 6.13), which needs no
//! mapping of its own; where the kernel has none, pages of `PROT_NONE`, which needs two, and so ends
//! near 24 000 stacks under the default `vm.max_map_count`, a quarter of which is left to others.
//!
//! The tops of neighbouring slots are shifted against each other by a cache line (their colour),
//! or the hot ends of all stacks would fall into the same few sets of the first level cache.
//!
//! Invariants:
//!
//! * **A1** A slot is in exactly one place: not yet cut, in use (owned by a [`Slot`]), or pooled.
//! * **A2** The lowest [`guard_size`] bytes of every slot that was ever handed out are a guard, for as long as its
//!   chunk is mapped.
//! * **A3** A chunk is unmapped only by the drop of its arena, and an arena with a slot in use is
//!   never dropped: [`Slot`] counts itself in, [`Arena::drop`] asserts.
//! * **A4** `pool` has room for every slot that was cut, so that giving one back never allocates.
//! * **A5** Slots and their guards are whole pages: sizes of classes and of guards are multiples of a page, and so is where a chunk begins.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{Ordering, compiler_fence};
use std::time::{Duration, Instant};

#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::sys::mapping::{Chunk, discard, install_marker, page, protect, unmapped};
use crate::sys::memory::affordable;
use crate::sys::valgrind::Registration;

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
/// How soon memory is asked for again when there was too little.
const PATIENCE: Duration = Duration::from_millis(10);
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

impl NoStack {
    fn new(size: usize, what: &'static str) -> Self {
        let error = io::Error::from(io::ErrorKind::OutOfMemory);
        NoStack { size, what, error }
    }
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

/// Whether address space is reserved if there is none left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    /// It takes kilobytes of the stack that this is done on, for a look at how much memory there is.
    MayBeReserved,
    IsNotReserved,
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

    /// Gives its memory back to the system, so that it is zero. Whether that was done: locked memory stays.
    ///
    /// # Safety
    ///
    /// Nobody uses what is on it.
    pub(crate) unsafe fn clear(&self) -> bool {
        // SAFETY: the class outlives its slots (A3).
        let size = unsafe { self.class.as_ref() }.size;
        // SAFETY: in use by the caller (A1), who promises the rest.
        unsafe { clear(self.start, size) }
    }
}

/// Gives the memory of a slot back to the system, but for its guard (A2). Whether that was done: locked memory stays.
///
/// # Safety
///
/// It was cut, at `start`, for a class of that size, and nobody uses what is on it.
unsafe fn clear(start: NonNull<u8>, size: usize) -> bool {
    // SAFETY: whole pages (A5) of a chunk, without the guard, as far as the slot goes; as promised by the caller.
    unsafe { discard(start.add(guard_size()), size) }
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
    /// The class of [`DEFAULT_SIZE`], once there is one; none as long as [`watched`](Self::watch).
    default: Cell<Option<NonNull<Class>>>,
    watched: Cell<bool>,
    /// How many bytes of stacks there may be, in use and promised.
    most: Cell<Option<usize>>,
    /// Bytes of the stacks that are to be taken by those who were [promised](Arena::promise) one.
    promised: Cell<usize>,
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
    /// Of what was cut.
    registered: RefCell<Vec<Registration>>,
    live: Cell<usize>,
    /// When there was too little memory for a further chunk.
    refused: Cell<Option<Instant>>,
}

/// How much of a slot, from its lowest address, is its guard: more than the frames of most C functions, which may go past a page without touching
/// it. An odd number of the smallest pages, or neighbouring slots would have few colours.
pub(crate) fn guard_size() -> usize {
    const GUARD: usize = 5 << 12;
    GUARD.next_multiple_of(page())
}

/// The class for at least `size` usable bytes: its shift.
fn shift_for(size: usize) -> Option<u32> {
    let with_colour = size.checked_add(COLOURS * COLOUR_STEP)?;
    let shift = with_colour.checked_next_power_of_two()?.trailing_zeros();
    (shift <= MAX_SHIFT).then_some(shift.max(MIN_SHIFT).max(page().trailing_zeros()))
}

/// What a stack for `size` bytes counts as, with the colour.
fn whole_size(size: usize) -> usize {
    shift_for(size).map_or(usize::MAX, |shift| 1 << shift)
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

/// The smallest size to ask for that has the same room as `size` bytes.
pub(crate) fn rounded(size: usize) -> usize {
    shift_for(size).map_or(size, |shift| (1 << shift) - COLOURS * COLOUR_STEP)
}

impl Arena {
    pub(crate) fn new() -> Self {
        Arena {
            classes: RefCell::new(Vec::new()),
            markers: Cell::new(!cfg!(greenlet_mprotect)),
            mapped_guards: Cell::new(0),
            default: Cell::new(None),
            watched: Cell::new(false),
            most: Cell::new(None),
            promised: Cell::new(0),
        }
    }

    /// A stack with at least `size` usable bytes below its guard, unless something about that is unusual; it is to be [taken](Self::take) then.
    ///
    /// Asking for [`DEFAULT_SIZE`] again and again is usual, and the fast path: one load, one pop.
    #[inline(always)]
    pub(crate) fn take_usual(&self, size: usize, more: More) -> Option<Result<Slot, NoStack>> {
        match self.default.get() {
            // SAFETY: a class of this arena.
            Some(class) if size == DEFAULT_SIZE => Some(unsafe { self.take_from(class, more) }),
            _ => None,
        }
    }

    /// A stack with at least `size` usable bytes below its guard.
    pub(crate) fn take(&self, size: usize, more: More) -> Result<Slot, NoStack> {
        let class = self.class(size)?;
        // SAFETY: a class of this arena.
        unsafe { self.take_from(class, more) }
    }

    /// Whether every stack is to be looked at that is taken, so that none is [usual](Self::take_usual).
    pub(crate) fn watch(&self, watched: bool) {
        self.watched.set(watched);
        self.default.set(None);
    }

    /// Limits the bytes of stacks. These sizes are promised already.
    pub(crate) fn limit(&self, most: Option<usize>, promised: impl IntoIterator<Item = usize>) {
        self.most.set(most);
        self.promised
            .set(promised.into_iter().map(whole_size).sum());
        self.default.set(None);
    }

    /// Whether a stack of that size is not more than is allowed, with those that are in use or promised.
    pub(crate) fn has_room(&self, size: usize) -> bool {
        let Some(most) = self.most.get() else {
            return true;
        };
        let classes = self.classes.borrow();
        let live = classes.iter().flatten();
        let in_use: usize = live.map(|class| class.live.get() * class.size).sum();
        let all = in_use.saturating_add(self.promised.get());
        all.saturating_add(whole_size(size)) <= most
    }

    /// Counts a stack before it is taken, by whoever has made sure that there is room.
    pub(crate) fn promise(&self, size: usize) {
        let promised = self.promised.get().saturating_add(whole_size(size));
        self.promised.set(promised);
    }

    /// Whoever was promised a stack has taken it, or will not.
    pub(crate) fn redeem(&self, size: usize) {
        let promised = self.promised.get().saturating_sub(whole_size(size));
        self.promised.set(promised);
    }

    /// A stack for somebody who was not promised any.
    pub(crate) fn take_unpromised(&self, size: usize) -> Result<Slot, NoStack> {
        if self.has_room(size) {
            return self.take(size, More::MayBeReserved);
        }
        let what = "would be more than `hub::Limits::stack_bytes` allows this thread";
        Err(NoStack::new(size, what))
    }

    /// # Safety
    ///
    /// It is a class of this arena.
    #[inline(always)]
    unsafe fn take_from(&self, class: NonNull<Class>, more: More) -> Result<Slot, NoStack> {
        // SAFETY: boxed, and dropped with the arena only. While there are pointers to it there are only shared ones, from `class`.
        let class_ref = unsafe { class.as_ref() };
        let pooled = class_ref.pool.borrow_mut().pop();
        let start = match pooled {
            Some(start) => start,
            None => self.cut(class_ref, more)?,
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
                #[cfg(greenlet_faults)]
                if faults::strike(Site::Advise).is_err() {
                    continue;
                }
                // SAFETY: a pooled slot of that class is not in use (A1).
                let cleared = unsafe { clear(*start, class.size) };
                trimmed += usize::from(cleared);
            }
        }
        trimmed
    }

    /// Whether an address is on any of the stacks; `None` if that cannot be said now. May be called in a signal handler that has interrupted this.
    pub(crate) fn contains(&self, address: usize) -> Option<bool> {
        let classes = self.classes.try_borrow().ok()?;
        for class in classes.iter().flatten() {
            let chunks = class.chunks.try_borrow().ok()?;
            if chunks.iter().any(|chunk| chunk.range().contains(&address)) {
                return Some(true);
            }
        }
        Some(false)
    }

    /// How many stacks can be taken without asking the system for address space.
    pub(crate) fn at_hand(&self) -> usize {
        let classes = self.classes.borrow();
        classes.iter().flatten().map(|class| class.at_hand()).sum()
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for class in self.classes.borrow().iter().flatten() {
            counts.live += class.live.get();
            counts.pooled += class.pool.borrow().len();
            let chunks = class.chunks.borrow();
            counts.reserved += chunks
                .iter()
                .map(|chunk| chunk.range().len())
                .sum::<usize>();
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
        let too_large = || NoStack::new(size, "is larger than the address space");
        let shift = shift_for(size).ok_or_else(too_large)?;
        let index = (shift - MIN_SHIFT) as usize;
        let mut classes = self.classes.borrow_mut();
        // Before anything changes, it is seen to be borrowed: `contains` may look, in a signal handler.
        compiler_fence(Ordering::SeqCst);
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
                registered: RefCell::new(Vec::new()),
                live: Cell::new(0),
                refused: Cell::new(None),
            })
        });
        // Shared: there may be others, in the slots of that class.
        let class = NonNull::from(&**class);
        compiler_fence(Ordering::SeqCst);
        if size == DEFAULT_SIZE && !self.watched.get() && self.most.get().is_none() {
            self.default.set(Some(class));
        }
        Ok(class)
    }

    /// Cuts a slot that was never used, and guards it.
    #[cold]
    fn cut(&self, class: &Class, more: More) -> Result<NonNull<u8>, NoStack> {
        if class.fresh.get() == class.fresh_end.get() {
            if more == More::IsNotReserved {
                return Err(NoStack::new(class.size, "is still to be reserved"));
            }
            class.grow()?;
        }
        let start = NonNull::new(class.fresh.get() as *mut u8).expect("a slot is not at null");
        self.guard(class, start)?;
        let registered = Registration::new(start, class.stride());
        class.registered.borrow_mut().push(registered);
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
            // SAFETY: whole pages (A5) of a slot that is being cut, so that nobody uses it (A1).
            if unsafe { install_marker(start, guard_size()) } {
                return Ok(());
            }
            // Kernels before 6.13, and memory that is locked.
            self.markers.set(false);
        }
        // SAFETY: as above.
        if let Err(error) = unsafe { protect(start, guard_size()) } {
            return Err(NoStack {
                size: class.size,
                what: "cannot be guarded: this kernel has no guard markers (MADV_GUARD_INSTALL, Linux 6.13), \
                       and each guard page takes two of the mappings that sysctl vm.max_map_count allows",
                error,
            });
        }
        self.mapped_guards.set(self.mapped_guards.get() + 1);
        Ok(())
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let classes = self.classes.get_mut();
        let live: usize = classes.iter().flatten().map(|class| class.live.get()).sum();
        assert_eq!(live, 0, "stacks that are still in use");
        unmapped(self.mapped_guards.get());
        for class in classes.drain(..).flatten() {
            class.registered.take();
            for chunk in class.chunks.borrow().iter() {
                // SAFETY: no slot is in use (A3).
                unsafe { chunk.unmap() };
            }
        }
    }
}

impl Class {
    fn stride(&self) -> usize {
        self.size + guard_size()
    }

    fn at_hand(&self) -> usize {
        let fresh = self.fresh_end.get() - self.fresh.get();
        self.pool.borrow().len() + fresh / self.stride()
    }

    fn too_little_memory(&self) -> NoStack {
        NoStack::new(
            self.size,
            "would leave too little memory to everything else",
        )
    }

    /// Reserves the next chunk. Under memory limits a smaller one will do, down to a single slot.
    fn grow(&self) -> Result<(), NoStack> {
        #[cfg(greenlet_faults)]
        faults::strike(Site::Chunk).map_err(|error| NoStack {
            size: self.size,
            what: "cannot be reserved",
            error,
        })?;
        if self.refused.get().is_some_and(|at| at.elapsed() < PATIENCE) {
            return Err(self.too_little_memory());
        }
        let wanted = (CHUNK / self.stride()).max(1);
        let mut slots = affordable(wanted, self.size, self.stride());
        if slots == 0 && self.cut.get() > 0 {
            self.refused.set(Some(Instant::now()));
            return Err(self.too_little_memory());
        }
        slots = slots.max(1);
        loop {
            let len = slots * self.stride();
            match Chunk::reserve(len) {
                Ok(chunk) => {
                    self.fresh.set(chunk.range().start);
                    self.fresh_end.set(chunk.range().end);
                    let mut chunks = self.chunks.borrow_mut();
                    // As in `Arena::class`.
                    compiler_fence(Ordering::SeqCst);
                    chunks.push(chunk);
                    compiler_fence(Ordering::SeqCst);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn take(arena: &Arena, size: usize) -> Result<Slot, NoStack> {
        arena.take(size, More::MayBeReserved)
    }

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
            let slot = take(&arena, size).unwrap();
            let usable = slot.top() - slot.limit() - guard_size();
            assert!(usable >= size);
            assert_eq!(usable_size(slot.limit(), size), usable);
            assert_eq!(slot.top() % 16, 0);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_guard_is_of_several_pages_and_ends_where_the_room_begins() {
        use crate::sys::mapping::is_guarded;
        let arena = Arena::new();
        let slots: Vec<_> = (0..3).map(|_| take(&arena, 1).unwrap()).collect();
        assert!(guard_size() >= 20 << 10);
        for slot in slots {
            let at = |offset: usize| NonNull::new((slot.limit() + offset) as *mut u8).unwrap();
            assert!(
                (0..guard_size())
                    .step_by(page())
                    .all(|offset| is_guarded(at(offset)))
            );
            assert!(!is_guarded(at(guard_size())));
        }
    }

    #[test]
    fn reuse_is_last_in_first_out() {
        let arena = Arena::new();
        let (a, b) = (take(&arena, 1).unwrap(), take(&arena, 1).unwrap());
        let (first, second) = (a.limit(), b.limit());
        drop(a);
        drop(b);
        assert_eq!(take(&arena, 1).unwrap().limit(), second);
        let held = take(&arena, 1).unwrap();
        assert_eq!(take(&arena, 1).unwrap().limit(), first);
        assert_eq!(held.limit(), second);
    }

    #[test]
    fn tops_of_neighbours_have_different_colours() {
        let arena = Arena::new();
        let slots: Vec<_> = (0..COLOURS).map(|_| take(&arena, 1).unwrap()).collect();
        let sets: std::collections::HashSet<_> =
            slots.iter().map(|slot| slot.top() / 64 % 64).collect();
        assert_eq!(sets.len(), COLOURS);
    }

    #[test]
    fn a_stack_that_is_cleared_is_zero_and_not_in_memory() {
        let arena = Arena::new();
        let slot = take(&arena, 1).unwrap();
        let lowest = (slot.limit() + guard_size()) as *mut usize;
        // SAFETY: the lowest word of a stack that nothing runs on.
        unsafe { lowest.write_volatile(1) };
        assert_eq!(arena.committed(), page());
        // SAFETY: nothing runs on it.
        assert!(unsafe { slot.clear() });
        assert_eq!(arena.committed(), 0);
        // SAFETY: as above.
        assert_eq!(unsafe { lowest.read_volatile() }, 0);
    }

    #[test]
    fn trim_returns_the_memory_and_the_census_sees_it() {
        let arena = Arena::new();
        let slots: Vec<_> = (0..10).map(|_| take(&arena, 1).unwrap()).collect();
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
        let slots: Vec<_> = (0..1000).map(|_| take(&arena, 1).unwrap()).collect();
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
        assert!(take(&arena, usize::MAX).is_err());
        let error = take(&arena, 1 << 46).err().expect("no machine has so much");
        assert_eq!(error.error.raw_os_error(), Some(libc::ENOMEM));
        assert!(take(&arena, 1).is_ok(), "and the arena goes on");
    }
}
