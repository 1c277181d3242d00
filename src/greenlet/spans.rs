//! The spans of `tracing` that a greenlet has entered.

use std::cell::RefCell;

use tracing::dispatcher::Dispatch;
use tracing::span::Id;

/// What a greenlet has entered, as long as it does not run; the innermost first.
#[derive(Default)]
pub(crate) struct Spans(RefCell<Vec<Entered>>);

/// An entered span, which is kept open.
pub(crate) struct Entered {
    pub(crate) subscriber: Dispatch,
    pub(crate) id: Id,
}

impl Spans {
    pub(crate) fn push(&self, entered: Entered) {
        self.0.borrow_mut().push(entered);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Takes all that `other` has.
    pub(crate) fn take_from(&self, other: &Spans) {
        self.0.borrow_mut().append(&mut other.0.borrow_mut());
    }

    /// Takes the one that was pushed last.
    pub(crate) fn pop(&self) -> Option<Entered> {
        self.0.borrow_mut().pop()
    }
}
