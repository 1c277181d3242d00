//! The bare trampoline: coroutines in a ring. Each says who is next and suspends, and a loop resumes that one.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::ptr;
use std::rc::Rc;

use corosensei::{Coroutine, stack};
use measure::{Mapping, calibrate, print_ns, time};

type Node = Coroutine<(), (), (), Slot>;

const SLOT: usize = 16 << 10;

/// Prints what it takes to go from one of `n` to the next.
pub(crate) fn hop(n: usize) {
    let mut ring = Ring::new(n);
    // Everyone has begun before the clock does.
    ring.run(n as u64);
    print_ns(calibrate(1, |hops| time(1, || ring.run(hops))));
}

/// A part of a mapping, by its lowest address.
struct Slot(usize);

// SAFETY: mapped for ever, of one `Slot` only, and both its ends are aligned to a page. There is no guard page: what runs on it needs a
// few hundred bytes.
unsafe impl stack::Stack for Slot {
    #[inline]
    fn base(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.0 + SLOT).expect("not at null")
    }

    #[inline]
    fn limit(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.0).expect("not at null")
    }
}

struct Ring {
    next: Rc<Cell<*mut Node>>,
    nodes: Vec<Node>,
}

impl Ring {
    fn new(len: usize) -> Self {
        let stacks = Mapping::new(len * SLOT).start();
        let next = Rc::new(Cell::new(ptr::null_mut::<Node>()));
        let mut nodes = Vec::with_capacity(len);
        let first: *mut Node = nodes.as_mut_ptr();
        next.set(first);
        for index in 0..len {
            let stack = Slot(stacks + index * SLOT);
            let neighbour = first.wrapping_add((index + 1) % len);
            let next = Rc::as_ptr(&next);
            nodes.push(Coroutine::with_stack(stack, move |yielder, ()| {
                loop {
                    // SAFETY: runs only while its `Ring` is there.
                    unsafe { (*next).set(neighbour) };
                    yielder.suspend(());
                }
            }));
        }
        Ring { next, nodes }
    }

    /// Lets so many run in turn.
    #[inline]
    fn run(&mut self, hops: u64) {
        for _ in 0..hops {
            // SAFETY: points into `nodes`, which neither moves nor grows any more and is borrowed by this call.
            unsafe { (*self.next.get()).resume(()) };
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // SAFETY: its frames hold nothing that needs a drop.
            unsafe { node.force_reset() };
        }
    }
}
