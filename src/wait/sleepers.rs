//! Whether anybody in the process could still do something.
//!
//! A thread that sleeps until another wakes it counts itself. If all threads of the process do so at one moment, none will ever be woken.
//! The moment is found as with a sequence lock: nobody was woken between two looks, and the threads were counted in between.

use crate::util::primitive::{AtomicUsize, Ordering};

/// How many threads sleep until another one wakes them.
static ASLEEP: AtomicUsize = AtomicUsize::new(0);

/// How many of them were woken so far.
static WOKEN: AtomicUsize = AtomicUsize::new(0);

/// How often the process was forked off.
static FORKED: AtomicUsize = AtomicUsize::new(0);

/// The calling thread does nothing from here on until it is woken.
pub(crate) fn fall_asleep() {
    ASLEEP.fetch_add(1, Ordering::SeqCst);
}

/// One of those who sleep will act. To be called by whoever wakes it, before it could be taken for one that sleeps on; by itself if nobody
/// did.
pub(crate) fn wake() {
    WOKEN.fetch_add(1, Ordering::SeqCst);
    ASLEEP.fetch_sub(1, Ordering::SeqCst);
}

/// Whether all threads sleep, of which `count` tells how many there are. If that is not known, they do not.
pub(crate) fn all_asleep(count: impl Fn() -> Option<usize>) -> bool {
    all_asleep_but(0, count)
}

/// As [`all_asleep`], but for so many of whom that is known.
pub(crate) fn all_asleep_but(awake: usize, count: impl Fn() -> Option<usize>) -> bool {
    let woken = WOKEN.load(Ordering::SeqCst);
    let asleep = ASLEEP.load(Ordering::SeqCst);
    let threads = count();
    threads.is_some_and(|threads| threads <= asleep + awake)
        && woken == WOKEN.load(Ordering::SeqCst)
}

/// The process was forked off just now: only the calling thread came along, which does not sleep.
pub(crate) fn forget_all() {
    ASLEEP.store(0, Ordering::SeqCst);
    FORKED.fetch_add(1, Ordering::SeqCst);
}

/// For as long as it lives, a thread of the library's own does nothing unless it is told to. To be dropped by whoever tells it.
pub(crate) struct IdleHelper {
    forked: usize,
}

impl IdleHelper {
    pub(crate) fn begin() -> Self {
        fall_asleep();
        IdleHelper {
            forked: FORKED.load(Ordering::SeqCst),
        }
    }
}

impl Drop for IdleHelper {
    fn drop(&mut self) {
        // The threads of a parent are not there, and not counted.
        if self.forked == FORKED.load(Ordering::SeqCst) {
            wake();
        }
    }
}
