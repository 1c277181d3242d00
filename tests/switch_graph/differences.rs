//! Where we differ from Python's greenlet on purpose: one table, a test a row, in `deliberate.rs`.
//!
//! | item | Python | here | compared with Python how | test |
//! |---|---|---|---|---|
//! | 26 | an exit is a value of the parent's call | `Exited`, or a panic if not tried | the interpreter tells values and exits apart | `an_exit_is_told_apart_from_a_value` |
//! | 32 | an exit starts a new parent without arguments, or crashes | a new parent stays new, the exit goes on | until then: [`ExitIntoNewParent`] | `an_exit_passes_over_a_new_parent` |
//! | 33 | a deep cascade of new parents overflows the stack | a loop of any depth | no, programs are small | `a_cascade_of_new_parents_may_be_deep` |
//! | 40 | what is sent to the dead comes to the nearest live ancestor | refused | the interpreter refuses first | `a_switch_to_the_dead_is_refused` |
//! | 47 | every parent link owns | not the default one | until then: [`Lifetimes`] | `a_default_parent_link_does_not_own` |
//! | 19, 47 | a pending call owns whom it called | it names it | until then: [`Lifetimes`] | `a_pending_call_does_not_own` |
//! | 46 | who survived its kill by drop is never freed, nor killed again but by hand | it may be owned again, and is then killed again | until then: [`Lifetimes`] | `who_refused_to_die_can_be_killed_again` |
//! | 48 | a frame that holds its own greenlet leaks it | names own nothing | no, frames hold no greenlets | `a_frame_may_name_its_own_greenlet` |
//! | 49, 50 | one left over when its thread ends is abandoned | killed | no, one thread | `what_is_left_at_the_end_of_a_thread_is_killed` |
//! | 45 | there is no kill, a throw goes to the parent | `kill` is what a drop does: the killer is the parent, one that is new never starts | emulated, until it is new or an ancestor: [`KillIsNoThrow`] | `a_kill_of_a_new_one_starts_nothing`, `a_descendant_may_kill`, `kills_may_overlap` |
//! | 45 | what is thrown at a greenlet inside a drop is reported and forgotten | raised there | until then: [`ThrownIntoDrop`] | `a_throw_reaches_who_waits_inside_a_drop` |
//! | 42, 45 | a cycle is looked for along temporary parents, and parents set during a kill do not last | along permanent ones; they last if it is dead | until then: [`TemporaryLineage`] | `a_temporary_parent_makes_no_cycle` |
//!
//! The model tells where a program first comes to such a point; the comparison with Python ends there.
//! What Python would do is worked out here from what holds references to a greenlet there.
//!
//! [`ExitIntoNewParent`]: Difference::ExitIntoNewParent
//! [`Lifetimes`]: Difference::Lifetimes
//! [`KillIsNoThrow`]: Difference::KillIsNoThrow
//! [`ThrownIntoDrop`]: Difference::ThrownIntoDrop
//! [`TemporaryLineage`]: Difference::TemporaryLineage

use std::cell::{Cell, RefCell};

use crate::model::{State, World};
use crate::program::Slot;

/// A row of the table that a random program can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Difference {
    ExitIntoNewParent,
    Lifetimes,
    KillIsNoThrow,
    ThrownIntoDrop,
    TemporaryLineage,
}

/// What Python's reference counts would be made of, beside handles and parents.
#[derive(Default)]
pub(crate) struct References {
    /// Those that it waits for in pending calls: Python's frames hold them.
    pub(crate) callees: RefCell<Vec<Slot>>,
    /// Drops that are killing it at the moment.
    pub(crate) dropping: Cell<usize>,
    /// Kills of any kind that did not return yet.
    pub(crate) killers: Cell<usize>,
    /// Survived a drop, so that nobody can ever free it.
    pub(crate) leaked: Cell<bool>,
    /// Freed: not even its parent is known any more.
    gone: Cell<bool>,
}

impl World<'_> {
    /// How many references Python would count.
    pub(crate) fn references(&self, slot: Slot) -> usize {
        let greenlet = &self.greenlets[slot];
        let mut count = greenlet.handles.get()
            + greenlet.python.dropping.get()
            + usize::from(greenlet.python.leaked.get())
            + usize::from(slot == 0)
            + usize::from(slot == self.current.get());
        for other in self
            .greenlets
            .iter()
            .filter(|other| !other.python.gone.get())
        {
            count += usize::from(other.parent.get() == Some(slot));
            count += other
                .kills
                .borrow()
                .iter()
                .filter(|kill| kill.parent == slot)
                .count();
            count += other
                .python
                .callees
                .borrow()
                .iter()
                .filter(|callee| **callee == slot)
                .count();
        }
        count
    }

    /// Frees the dead that Python would have freed by now.
    pub(crate) fn collect(&self) {
        loop {
            let gone = (0..self.greenlets.len()).find(|slot| {
                self.state(*slot) == State::Dead
                    && !self.greenlets[*slot].python.gone.get()
                    && self.references(*slot) == 0
            });
            match gone {
                Some(slot) => self.greenlets[slot].python.gone.set(true),
                None => break,
            }
        }
    }

    /// An operation needs `slot` even if it is dead; Python may have freed it.
    pub(crate) fn names(&self, slot: Slot) {
        if self.greenlets[slot].python.gone.get() {
            self.differs(Difference::Lifetimes);
        }
    }

    /// Whether `slot` is `ancestor` or descends from it, as Python would see it now.
    pub(crate) fn descends(&self, slot: Slot, ancestor: Slot) -> bool {
        let mut next = Some(slot);
        // A killer below its victim makes a circle.
        for _ in 0..=self.greenlets.len() {
            match next {
                Some(slot) if slot == ancestor => return true,
                Some(slot) => next = self.effective_parent(slot),
                None => return false,
            }
        }
        self.differs(Difference::TemporaryLineage);
        false
    }

    pub(crate) fn expect_python_to_see_a_cycle(&self, slot: Slot, parent: Slot, is_one: bool) {
        if self.descends(parent, slot) != is_one {
            self.differs(Difference::TemporaryLineage);
        }
    }
}
