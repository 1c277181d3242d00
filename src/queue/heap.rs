//! Where a priority queue keeps its items.
//!
//! `Ord` is the user's, and may panic, switch, or use the queue. So items are compared only by a getter, who takes all of them out of the
//! state for that, and not under the queue's lock; meanwhile putters put their items in the state as ever, and other getters wait for
//! their turn. Items only ever change places while they are compared: an unwind out of `Ord` loses none, and the next getter begins
//! from nothing.
//!
//! * **Q2** `out` is not zero only while somebody has the turn.

use std::mem;

use crate::lock::relock::Relock;
use crate::lock::rlock::RLock;
use crate::queue::state::{Bounded, Core, State, Store};
use crate::util::biased::Biased;

/// Gives the smallest.
pub struct Heap<T> {
    tree: Tree<T>,
    /// How many items a getter has taken out, to compare them.
    out: usize,
}

impl<T: Ord> Bounded for Heap<T> {}

impl<T: Ord> Store for Heap<T> {
    type Item = T;
    type Turn = RLock;

    const EMPTY: Self = Heap {
        tree: Tree {
            items: Vec::new(),
            ordered: 0,
        },
        out: 0,
    };
    const TURN: RLock = RLock::new();
    const NAME: &'static str = "PriorityQueue";
    const AWAITED_BY_GETTERS: &'static str = "an item of a `PriorityQueue`";
    const AWAITED_BY_PUTTERS: &'static str = "room in a `PriorityQueue`";

    fn len(&self) -> usize {
        self.tree.items.len() + self.out
    }

    fn push(&mut self, item: T) {
        self.tree.items.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        None
    }

    fn pick(core: &Core<Self>) -> Option<T> {
        assert!(
            !core.turn.is_held(),
            "`Ord` of an item of a `PriorityQueue` gets an item of it"
        );
        let _turn = core.turn.hold();
        let mut taken = Taken::out_of(&core.state)?;
        taken.tree.pop()
    }
}

/// All items, taken out of the state; back there when dropped, whatever `Ord` did.
struct Taken<'a, T: Ord> {
    tree: Tree<T>,
    state: &'a Biased<State<Heap<T>>>,
}

impl<'a, T: Ord> Taken<'a, T> {
    fn out_of(state: &'a Biased<State<Heap<T>>>) -> Option<Self> {
        let mut held = state.lock();
        let heap = &mut held.items;
        if heap.len() == 0 {
            return None;
        }
        heap.out = heap.len();
        let tree = Tree {
            items: mem::take(&mut heap.tree.items),
            ordered: mem::take(&mut heap.tree.ordered),
        };
        Some(Taken { tree, state })
    }
}

impl<T: Ord> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        let mut held = self.state.lock();
        held.items.out = 0;
        if held.is_closed() {
            // What is left is dropped with `self`, after the lock is let go.
            return;
        }
        let tree = &mut held.items.tree;
        self.tree.items.append(&mut tree.items);
        mem::swap(tree, &mut self.tree);
        held.refill();
    }
}

/// A binary heap in an array: the children of the item at `i` are at `2 i + 1` and `2 i + 2`, and none of the first `ordered` items is smaller
/// than its parent.
struct Tree<T> {
    items: Vec<T>,
    ordered: usize,
}

impl<T: Ord> Tree<T> {
    /// Takes the smallest.
    fn pop(&mut self) -> Option<T> {
        // Nothing is known of the order if `Ord` unwinds.
        let ordered = mem::take(&mut self.ordered);
        for at in ordered..self.items.len() {
            self.sift_up(at);
        }
        let last = self.items.len().checked_sub(1)?;
        self.items.swap(0, last);
        self.sift_down(last);
        self.ordered = last;
        self.items.pop()
    }

    /// Moves an item towards the root, past those that are greater.
    fn sift_up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.items[at] >= self.items[parent] {
                return;
            }
            self.items.swap(at, parent);
            at = parent;
        }
    }

    /// Moves the root away from there, past those that are smaller, within the first `end` items.
    fn sift_down(&mut self, end: usize) {
        let mut at = 0;
        loop {
            let left = 2 * at + 1;
            if left >= end {
                return;
            }
            let right = left + 1;
            let child = match right < end && self.items[right] < self.items[left] {
                true => right,
                false => left,
            };
            if self.items[at] <= self.items[child] {
                return;
            }
            self.items.swap(at, child);
            at = child;
        }
    }
}
