//! How deep greenlets go on their stacks, by the place where they were made.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::panic::Location;

/// What is known of the stacks of one place's greenlets.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mark {
    pub(crate) greenlets: usize,
    /// The largest of their depths, in bytes.
    pub(crate) deepest: usize,
    /// The largest of their stacks, in bytes.
    pub(crate) stack_size: usize,
}

impl Mark {
    pub(crate) fn add(&mut self, depth: usize, stack_size: usize) {
        self.greenlets += 1;
        self.deepest = self.deepest.max(depth);
        self.stack_size = self.stack_size.max(stack_size);
    }
}

/// One thread's marks.
#[derive(Default)]
pub(crate) struct Marks {
    /// Whether greenlets that start are to be measured.
    pub(crate) wanted: Cell<bool>,
    /// The stacks that were clear when their greenlets started, by their lowest address.
    measurable: RefCell<HashSet<usize>>,
    /// Of those that have ended.
    ended: RefCell<HashMap<&'static Location<'static>, Mark>>,
}

impl Marks {
    /// A greenlet starts on a stack that is clear.
    pub(crate) fn begin(&self, stack_limit: usize) {
        self.measurable.borrow_mut().insert(stack_limit);
    }

    /// It has ended.
    pub(crate) fn end(
        &self,
        stack_limit: usize,
        place: &'static Location<'static>,
        depth: usize,
        stack_size: usize,
    ) {
        self.measurable.borrow_mut().remove(&stack_limit);
        let mut ended = self.ended.borrow_mut();
        ended.entry(place).or_default().add(depth, stack_size);
    }

    /// Whether what is on that stack is all of the greenlet that has it.
    pub(crate) fn is_measurable(&self, stack_limit: usize) -> bool {
        self.measurable.borrow().contains(&stack_limit)
    }

    pub(crate) fn of_ended(&self) -> HashMap<&'static Location<'static>, Mark> {
        self.ended.borrow().clone()
    }

    pub(crate) fn forget(&self) {
        self.ended.take();
    }
}
