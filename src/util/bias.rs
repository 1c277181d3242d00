//! What one thread may do without an atomic exchange, until another one wants to do it as well.
//!
//! What greenlets wait with is mostly used by greenlets of one thread. So one thread is the *owner*: it only says that it is in, and looks whether
//! it is the owner still. The first other thread ends that, for good: it sees to it that the owner cannot miss that, and waits until the
//! owner is out. From then on all of them need something else.
//!
//! ```text
//!              the owner                       another thread
//!              held = true                     owner = ENDING
//!              light barrier                   heavy barrier
//!              owner is not me: get out        held: wait
//!                                              owner = OVER
//! ```
//!
//! * **M2** With the barriers one of the two sees the other: while the owner is in after [`enter`](Bias::enter), no other thread is past
//!   [`end`](Bias::end); and who is past it sees what the owner did.

use std::cell::Cell;
use std::sync::atomic::AtomicUsize as Counter;

use crate::sys::membarrier;
use crate::util::primitive::{AtomicBool, AtomicUsize, Ordering, nap, thread_local};

/// There is no owner yet.
const NOBODY: usize = usize::MAX;
/// There will be no owner any more, but the last one may be in still.
const ENDING: usize = usize::MAX - 1;
/// There is no owner any more.
const OVER: usize = usize::MAX - 2;

// The number of the thread, never used again; zero if it has none yet.
thread_local! {
    static ME: Cell<usize> = const { Cell::new(0) };
}

static NUMBERED: Counter = Counter::new(0);

/// Whether one thread has something to itself.
pub(crate) struct Bias {
    /// The number of a thread, or one of the above.
    owner: AtomicUsize,
    /// Whether the owner is in; written by it only.
    held: AtomicBool,
}

impl Bias {
    pub(crate) const fn new() -> Self {
        Bias {
            owner: AtomicUsize::new(NOBODY),
            held: AtomicBool::new(false),
        }
    }

    /// Comes in, if the calling thread is the owner.
    #[inline]
    pub(crate) fn enter(&self) -> bool {
        let me = ME.get();
        if self.owner.load(Ordering::Relaxed) != me {
            return false;
        }
        assert!(!self.held.load(Ordering::Relaxed), "a thread is in twice");
        self.held.store(true, Ordering::Relaxed);
        membarrier::light();
        if self.owner.load(Ordering::Relaxed) == me {
            return true;
        }
        self.leave();
        false
    }

    /// The owner goes out.
    #[inline]
    pub(crate) fn leave(&self) {
        // Release: who waits for it sees what the owner did.
        self.held.store(false, Ordering::Release);
    }

    /// Makes the calling thread the owner, if there was none; whether it did.
    #[cold]
    pub(crate) fn take(&self) -> bool {
        if self.owner.load(Ordering::Relaxed) != NOBODY {
            return false;
        }
        let me = match membarrier::is_supported() {
            true => number(),
            false => OVER,
        };
        // Who comes in first was handed what it is about: that is not for this exchange to do.
        let taken = self
            .owner
            .compare_exchange(NOBODY, me, Ordering::Relaxed, Ordering::Relaxed);
        taken.is_ok() && me != OVER
    }

    /// From here on there is no owner, nor will there be one. To be called by any other thread, before it does what the owner may do.
    #[inline]
    pub(crate) fn end(&self) {
        // Acquire: what the owner did was seen by whoever wrote it.
        if self.owner.load(Ordering::Acquire) != OVER {
            self.end_slow();
        }
    }

    /// Several threads may do so at once: each of them has seen the owner go.
    #[cold]
    fn end_slow(&self) {
        self.owner.store(ENDING, Ordering::Relaxed);
        membarrier::heavy();
        let mut naps = 0;
        while self.held.load(Ordering::Acquire) {
            nap(naps);
            naps += 1;
        }
        self.owner.store(OVER, Ordering::Release);
    }
}

/// The calling thread's number.
fn number() -> usize {
    if ME.get() == 0 {
        let number = NUMBERED.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(number < OVER, "too many threads");
        ME.set(number);
    }
    ME.get()
}
