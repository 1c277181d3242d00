//! Source: `test_gc.py`. Greenlets in cycles.
//!
//! Adapted: there is no collector. A cycle through names or weak handles is none; one through owners stays until it is broken by
//! a kill, or until its thread ends.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use greenlet::{AnyGreenlet, Greenlet, State, census, greenlet_local, main};

use crate::support::{Bell, Token, leak_checked};

greenlet_local! {
    static MYSELF: RefCell<Option<Greenlet>> = RefCell::new(None);
}

/// test_dead_circular_ref (A: its result, or a local of its own, is its own handle)
#[test]
fn a_dead_greenlet_is_not_kept_by_handles_it_made_of_itself() {
    leak_checked(|| {
        let g = Greenlet::new(|()| Greenlet::<(), ()>::current());
        let result = g.switch(());
        assert_eq!(result, g);
        assert!(result.is_dead());
        let weak = result.downgrade();
        drop(g);
        assert!(weak.upgrade().is_some());
        drop(result);
        assert!(weak.upgrade().is_none());

        let g = Greenlet::new(|()| MYSELF.set(Some(Greenlet::current())));
        g.switch(());
        let weak = g.downgrade();
        drop(g);
        assert!(weak.upgrade().is_none(), "locals die with their greenlet");
    });
}

/// test_circular_greenlet (A: its body captures a handle of its own: weak, or an owner)
#[test]
fn a_new_greenlet_whose_body_captures_its_handle_goes_unrun() {
    leak_checked(|| {
        let token = Token::new();
        let g = Greenlet::<()>::empty();
        let weak = g.downgrade();
        let captured = (weak.clone(), token.clone());
        g.set_run(move |()| drop(captured));
        drop(g);
        assert!(weak.upgrade().is_none());
        assert_eq!(Token::alive(), 1, "captures are dropped");

        // An owner in its own body keeps it: a kill ends that.
        let g = Greenlet::<()>::empty();
        let name = g.any();
        let captured = (g.clone(), token);
        g.set_run(move |()| drop(captured));
        drop(g);
        assert_eq!(name.state(), State::New);
        assert_eq!((Token::alive(), census().greenlets), (1, 2));
        name.kill();
        assert!(name.is_dead());
        assert_eq!(Token::alive(), 0);
    });
}

/// test_inactive_ref (A: its body is a method of the object that owns it)
#[test]
fn an_object_can_own_the_greenlet_that_runs_its_method() {
    struct Scaler {
        greenlet: Greenlet<u32, u32>,
        factor: u32,
        _token: Token,
    }
    impl Scaler {
        fn new(factor: u32) -> Rc<Self> {
            Rc::new_cyclic(|me: &Weak<Scaler>| {
                let me = me.clone();
                Scaler {
                    greenlet: Greenlet::new(move |n| me.upgrade().expect("still there").run(n)),
                    factor,
                    _token: Token::new(),
                }
            })
        }
        fn run(&self, n: u32) -> u32 {
            n * self.factor
        }
    }
    leak_checked(|| {
        let started = Scaler::new(3);
        assert_eq!(started.greenlet.switch(2), 6);

        let inactive = Scaler::new(4);
        let weak = Rc::downgrade(&inactive);
        assert_eq!(inactive.greenlet.state(), State::New);
        drop(inactive);
        assert!(weak.upgrade().is_none());
        assert_eq!(Token::alive(), 1);
    });
}

/// test_finalizer_crash (A: a list that contains the greenlet whose frame owns the list)
#[test]
fn a_list_owned_by_the_greenlet_it_contains_is_dropped_in_its_death() {
    leak_checked(|| {
        let rung = Rc::new(Cell::new(0));
        let list = Rc::new(RefCell::new(Vec::<Greenlet>::new()));
        let bell = Bell(rung.clone());
        let captured = list.clone();
        let g = Greenlet::new(move |()| {
            let _bell = bell;
            // Dropped before the bell rings, and with it the last owner of the greenlet that runs.
            let list = captured;
            main().switch::<(), ()>(());
            drop(list);
        });
        list.borrow_mut().push(g.clone());
        g.switch(());
        let name = g.any();
        drop(g);
        drop(list);
        assert_eq!(name.state(), State::Suspended, "its own frame keeps it");
        assert_eq!(rung.get(), 0);
        name.kill();
        assert!(name.is_dead());
        assert_eq!(rung.get(), 1);
    });
    // Without the cycle's last edge, the drop of the list is the kill.
    leak_checked(|| {
        let rung = Rc::new(Cell::new(0));
        let list = Rc::new(RefCell::new(Vec::<Greenlet>::new()));
        let (bell, captured) = (Bell(rung.clone()), list.clone());
        let g = Greenlet::new(move |()| {
            let _kept = (bell, captured);
            main().switch::<(), ()>(())
        });
        g.switch(());
        list.borrow_mut().push(g);
        let taken = list.take();
        drop(taken);
        assert_eq!(rung.get(), 1);
        assert_eq!(Rc::strong_count(&list), 1);
    });
}

/// test_cycle_in_suspended_frame (A: the frames of abandoned greenlets name each other)
#[test]
fn frames_of_abandoned_greenlets_that_name_each_other_are_unwound() {
    leak_checked(|| {
        let rung = Rc::new(Cell::new(0));
        let seen = rung.clone();
        let outer = Greenlet::new(move |()| {
            let outer = greenlet::current();
            let wait = |bell: Bell| {
                let outer = outer.clone();
                Greenlet::new(move |other: AnyGreenlet| {
                    let _kept = (bell, other);
                    outer.switch::<(), ()>(())
                })
            };
            let first = wait(Bell(seen.clone()));
            let second = wait(Bell(seen.clone()));
            first.any().switch::<_, ()>(second.any());
            second.any().switch::<_, ()>(first.any());
            main().switch::<(), ()>(());
            assert_eq!(seen.get(), 0, "alive as long as the frame that owns them");
        });
        outer.switch(());
        assert_eq!((rung.get(), census().stacks), (0, 3));
        outer.switch(());
        assert!(outer.is_dead());
        assert_eq!((rung.get(), census().stacks), (2, 0));
    });
}
