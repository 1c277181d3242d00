//! Source: `test_weakref.py`. Weak handles to greenlets in each state.
//!
//! Nothing had to be adapted but the spelling.

use std::cell::RefCell;
use std::rc::Rc;

use greenlet::{Greenlet, WeakGreenlet, main};

use crate::support::leak_checked;

/// test_dead_weakref (Y)
#[test]
fn a_weak_handle_to_a_dead_greenlet_is_empty_once_its_owners_are_gone() {
    leak_checked(|| {
        let g = Greenlet::new(|()| ());
        g.switch(());
        let weak = g.downgrade();
        assert!(weak.upgrade().is_some_and(|g| g.is_dead()));
        drop(g);
        assert!(weak.upgrade().is_none());
    });
}

/// test_inactive_weakref (Y)
#[test]
fn a_weak_handle_to_a_new_greenlet_keeps_nothing() {
    leak_checked(|| {
        let weak = Greenlet::new(|()| ()).downgrade();
        assert!(weak.upgrade().is_none());
        let weak = Greenlet::<()>::empty().downgrade();
        assert!(weak.upgrade().is_none());
    });
}

/// test_dealloc_weakref (Y)
#[test]
fn a_child_that_kept_its_parent_is_gone_before_the_parent_cleans_up() {
    struct Look {
        child: Rc<RefCell<WeakGreenlet>>,
        seen: Rc<RefCell<Vec<bool>>>,
    }
    impl Drop for Look {
        fn drop(&mut self) {
            let there = self.child.borrow().upgrade().is_some();
            self.seen.borrow_mut().push(there);
        }
    }
    leak_checked(|| {
        let weak = Rc::new(RefCell::new(WeakGreenlet::new()));
        let seen = Rc::default();
        let look = Look {
            child: weak.clone(),
            seen: Rc::clone(&seen),
        };
        let parent = Greenlet::new(move |()| {
            let _look = look;
            main().switch::<(), ()>(())
        });
        parent.switch(());
        let child = Greenlet::with_parent(|()| (), &parent);
        weak.replace(child.downgrade());
        drop(parent);
        assert!(seen.borrow().is_empty(), "the child's link owns its parent");
        assert!(weak.borrow().upgrade().is_some());
        drop(child);
        assert_eq!(*seen.borrow(), [false]);
    });
}
