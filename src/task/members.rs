//! A set of greenlets that can be killed together, and waited for until none is left.
//!
//! Whoever is in it holds a [`Membership`], which leaves when it is dropped. Where that is the last thing that a greenlet's
//! function drops, the greenlet leaves at its end, however it ends, also if it never runs.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::greenlet::block::AnyGreenlet;
use crate::greenlet::panicking::catch_in;
use crate::greenlet::thread::here;
use crate::greenlet::unwind::{self, Unwound};
use crate::hub::awaited::{Awaited, Holder};
use crate::hub::interrupt::interrupt;
use crate::hub::wait_on::{Waited, wait_on};
use crate::util::deadline::Deadline;
use crate::util::slot_list::{Key, List, Slots};
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// The set. It belongs to one thread, as its greenlets do.
pub(crate) struct Members {
    set: RefCell<Set>,
}

struct Set {
    /// Without a name as long as the greenlet is being made.
    greenlets: Slots<Option<AnyGreenlet>>,
    order: List,
    waiting: WaitQueue,
}

impl Members {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Members {
            set: RefCell::new(Set {
                greenlets: Slots::new(),
                order: List::new(),
                waiting: WaitQueue::new(),
            }),
        })
    }

    /// A place in the set, for a greenlet that is about to be made.
    pub(crate) fn join(self: &Rc<Self>) -> Membership {
        let mut set = self.set.borrow_mut();
        let Set {
            greenlets, order, ..
        } = &mut *set;
        let key = order.push_back(greenlets, None);
        Membership {
            members: self.clone(),
            key,
        }
    }

    /// Says whose place that is. It has not been left yet.
    pub(crate) fn belongs_to(&self, key: Key, greenlet: AnyGreenlet) {
        *self.set.borrow_mut().greenlets.get_mut(key) = Some(greenlet);
    }

    pub(crate) fn len(&self) -> usize {
        self.set.borrow().greenlets.len()
    }

    /// Those that are in it, in the order in which they came.
    pub(crate) fn all(&self) -> Vec<AnyGreenlet> {
        let set = self.set.borrow();
        let keys = set.order.keys(&set.greenlets);
        keys.filter_map(|key| set.greenlets.get(key).clone())
            .collect()
    }

    pub(crate) fn contains(&self, greenlet: &AnyGreenlet) -> bool {
        let set = self.set.borrow();
        let mut keys = set.order.keys(&set.greenlets);
        keys.any(|key| set.greenlets.get(key).as_ref() == Some(greenlet))
    }

    /// Kills all that are in it now. What is raised meanwhile goes to `raised`: one that has not run is dropped here, with what it
    /// captured.
    pub(crate) fn kill(&self, mut raised: impl FnMut(Unwound)) {
        let me = here().running();
        for greenlet in self.all() {
            let kill = || interrupt(&greenlet, unwind::exit());
            if let Err(unwound) = catch_in(me, kill) {
                raised(unwound);
            }
        }
    }

    /// Waits until none is left, or has been at a time; false if the deadline comes first.
    #[track_caller]
    pub(crate) fn wait(&self, deadline: Deadline) -> bool {
        self.wait_as(deadline, self)
    }

    /// As [`wait`](Self::wait), told by `awaited` in reports.
    #[track_caller]
    pub(crate) fn wait_as(&self, deadline: Deadline, awaited: &dyn Awaited) -> bool {
        let waited = wait_on(
            &self.set,
            deadline,
            awaited,
            |set| match set.order.is_empty() {
                true => Ok(()),
                false => Err(()),
            },
            |set| &mut set.waiting,
        );
        !matches!(waited, Waited::TimedOut(()))
    }
}

impl Awaited for Members {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.all().as_slice() {
            [only] => write!(f, "the end of {}", only.block().label()),
            all => write!(f, "the end of {} greenlets", all.len()),
        }
    }

    fn holder(&self) -> Holder {
        let all = self.all();
        all.first()
            .map_or(Holder::Nobody, |first| Holder::Itself(first.block().id))
    }
}

/// A place in the set; dropping it leaves.
pub(crate) struct Membership {
    members: Rc<Members>,
    key: Key,
}

impl Membership {
    pub(crate) fn key(&self) -> Key {
        self.key
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut set = self.members.set.borrow_mut();
        let Set {
            greenlets,
            order,
            waiting,
        } = &mut *set;
        let name = order.remove(greenlets, self.key);
        if order.is_empty() {
            waiting.wake_all(Token::READY);
        }
        drop(set);
        drop(name);
    }
}
