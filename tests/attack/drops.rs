//! Destructors that switch, kill, panic and reparent wherever the library drops something of the user's.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;

use greenlet::{AnyGreenlet, Greenlet, GreenletExit, State, SwitchError, greenlet_local, trace};

use crate::support::{Token, leak_checked};
use crate::{OnDrop, on_drop};

greenlet_local! {
    static KEPT: RefCell<Option<OnDrop>> = RefCell::new(None);
    static ALSO: RefCell<Option<OnDrop>> = RefCell::new(None);
}

/// Switches to main from wherever it is dropped.
fn detour() -> OnDrop {
    let token = Token::new();
    on_drop(move || {
        let _token = token;
        greenlet::main().switch::<(), ()>(());
    })
}

#[test]
fn a_body_discarded_by_set_run_may_run_the_new_one() {
    leak_checked(|| {
        let slot: Rc<RefCell<Option<AnyGreenlet>>> = Rc::default();
        let own = slot.clone();
        let first = on_drop(move || {
            let me = own.borrow().clone().unwrap();
            assert_eq!(me.switch::<i32, i32>(1), 2);
            assert!(me.is_dead());
        });
        let g = Greenlet::new(move |n: i32| {
            let _first = &first;
            n
        });
        slot.replace(Some(g.any()));
        g.set_run(|n| n + 1);
        assert!(g.is_dead());
    });
}

#[test]
fn a_body_discarded_by_set_run_may_set_another() {
    leak_checked(|| {
        let slot: Rc<RefCell<Option<AnyGreenlet>>> = Rc::default();
        let own = slot.clone();
        let first = on_drop(move || {
            own.borrow()
                .as_ref()
                .unwrap()
                .cast::<i32, i32>()
                .set_run(|n| n + 10);
        });
        let g = Greenlet::new(move |n: i32| {
            let _first = &first;
            n
        });
        slot.replace(Some(g.any()));
        let token = Token::new();
        g.set_run(move |n| {
            let _token = &token;
            n + 1
        });
        assert_eq!(g.switch(1), 11);
    });
}

#[test]
fn a_body_discarded_by_the_last_drop_may_own_its_greenlet_again() {
    leak_checked(|| {
        let slot: Rc<RefCell<Option<AnyGreenlet>>> = Rc::default();
        let own = slot.clone();
        let again = Rc::new(RefCell::new(None));
        let keep = again.clone();
        let first = on_drop(move || {
            let me = own.borrow().clone().unwrap();
            assert!(me.is_dead());
            keep.replace(Some(me.cast::<(), ()>()));
        });
        let g = Greenlet::new(move |()| drop(first));
        slot.replace(Some(g.any()));
        drop(g);
        let g = again.take().unwrap();
        assert!(matches!(g.try_switch(()), Err(SwitchError::Dead(()))));
    });
}

#[test]
fn a_body_discarded_because_something_was_thrown_at_it_may_leave() {
    leak_checked(|| {
        let detour = detour();
        let g = Greenlet::new(move |()| drop(detour));
        // Leaves amid the drop of its body.
        g.throw(Box::new("thrown"));
        assert_eq!(g.state(), State::Suspended);
        let end = g.try_switch(());
        assert!(matches!(end, Err(SwitchError::Thrown(p)) if p.is::<&str>()));
    });
}

#[test]
fn a_kill_that_finds_its_victim_dropping_its_unrun_body_gets_its_end() {
    leak_checked(|| {
        let detour = detour();
        let g = Greenlet::new(move |()| drop(detour));
        g.throw(Box::new("thrown"));
        let payload = catch_unwind(AssertUnwindSafe(|| g.kill())).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"thrown"));
        assert!(g.is_dead());
    });
}

#[test]
fn a_result_that_does_not_fit_may_leave_while_it_is_dropped() {
    leak_checked(|| {
        let g = Greenlet::new(|()| detour());
        g.any().switch::<(), ()>(());
        assert_eq!(g.state(), State::Suspended);
        let end = g.any().try_switch::<(), i32>(());
        assert!(matches!(end, Err(SwitchError::Thrown(p)) if p.is::<String>()));
        assert!(g.is_dead());
    });
}

#[test]
fn a_result_that_does_not_fit_may_end_its_parent_while_it_is_dropped() {
    leak_checked(|| {
        let parent = Greenlet::new(|()| {
            let me = greenlet::current();
            let token = Token::new();
            let g = Greenlet::new(move |()| {
                on_drop(move || {
                    let _token = token;
                    me.kill();
                    assert!(me.is_dead());
                })
            });
            // Owned elsewhere, or this frame's end would kill it.
            std::mem::forget(g.clone());
            g.any().switch::<(), i32>(());
        });
        let end = parent.any().try_switch::<(), ()>(());
        assert!(matches!(end, Err(SwitchError::Thrown(p)) if p.is::<String>()));
    });
}

#[test]
fn a_result_that_does_not_fit_may_set_another_parent_while_it_is_dropped() {
    leak_checked(|| {
        let other = Greenlet::new(|()| {
            let end = greenlet::main().try_switch::<(), i32>(());
            assert!(end.is_err());
            5
        });
        other.any().switch::<(), ()>(());
        let next = other.any();
        let g = Greenlet::new(move |()| {
            on_drop(move || greenlet::current().set_parent(&next).unwrap())
        });
        let end = g.any().try_switch::<(), i32>(());
        // The parent of that moment is the other one, whose result comes here.
        assert_eq!(end.unwrap(), 5);
        assert!(other.is_dead());
    });
}

#[test]
fn locals_may_leave_and_be_killed_while_they_are_dropped() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            KEPT.set(Some(detour()));
            ALSO.set(Some(detour()));
            Token::new()
        });
        g.any().switch::<(), ()>(());
        assert_eq!(g.state(), State::Suspended);
        g.kill();
        // The second leaves again.
        assert_eq!(g.state(), State::Suspended);
        g.kill();
        assert!(g.is_dead());
    });
}

#[test]
fn an_argument_displaced_by_an_observer_may_leave_while_it_is_dropped() {
    leak_checked(|| {
        let token = Token::new();
        let g = Greenlet::new(move |_: OnDrop| {
            let _token = &token;
        });
        trace::set(|_, _, _| panic_any("observed"));
        // The observer panics, and is removed; the argument switches here.
        g.switch(detour());
        assert_eq!(g.state(), State::Suspended);
        let end = g.any().try_switch::<(), ()>(());
        assert!(matches!(end, Err(SwitchError::Thrown(p)) if p.is::<&str>()));
    });
}

#[test]
fn a_received_value_displaced_by_an_observer_may_leave_while_it_is_dropped() {
    leak_checked(|| {
        let g = Greenlet::new(move |()| {
            let got = greenlet::main().try_switch::<(), OnDrop>(());
            assert!(matches!(got, Err(SwitchError::Thrown(p)) if p.is::<&str>()));
        });
        g.switch(());
        trace::set(|_, _, _| panic_any("observed"));
        g.any().switch::<OnDrop, ()>(detour());
        assert_eq!(g.state(), State::Suspended);
        g.switch(());
        assert!(g.is_dead());
    });
}

#[test]
fn a_received_value_displaced_by_an_observer_may_panic_while_it_is_dropped() {
    leak_checked(|| {
        let g = Greenlet::new(move |()| {
            let caught = catch_unwind(|| greenlet::main().try_switch::<(), OnDrop>(()));
            assert_eq!(caught.err().unwrap().downcast_ref(), Some(&"dropped"));
        });
        g.switch(());
        trace::set(|_, _, _| panic_any("observed"));
        let token = Token::new();
        g.any().switch::<OnDrop, ()>(on_drop(move || {
            let _token = token;
            panic_any("dropped");
        }));
        assert!(g.is_dead());
    });
}

#[test]
fn an_observer_may_kill_the_arriving_greenlet_and_its_argument_is_dropped() {
    leak_checked(|| {
        let g = Greenlet::<Token, ()>::new(|_| unreachable!());
        let target = g.any();
        trace::set(move |_, _, to| {
            if *to == target {
                to.kill();
            }
        });
        let end = g.any().try_switch::<Token, ()>(Token::new());
        assert!(matches!(end, Err(SwitchError::Exited(GreenletExit))));
        // It panicked, with an exit, and was removed.
        assert!(trace::get().is_none());
    });
}

#[test]
fn an_observer_may_leave_at_a_start_and_the_start_be_killed() {
    leak_checked(|| {
        let g = Greenlet::<Token, ()>::new(|_| unreachable!());
        let target = g.any();
        let once = Cell::new(true);
        trace::set(move |_, _, to| {
            if *to == target && once.replace(false) {
                greenlet::main().switch::<(), ()>(());
            }
        });
        g.any().switch::<Token, ()>(Token::new());
        assert_eq!(g.state(), State::Suspended);
        g.kill();
        assert!(g.is_dead());
        trace::clear();
    });
}

#[test]
fn an_observer_may_leave_at_a_death_and_the_result_still_arrives() {
    leak_checked(|| {
        let other = Greenlet::new(|()| 3);
        let g = Greenlet::new(|()| Token::new());
        let name = g.any();
        let nested = Rc::new(Cell::new(0));
        let seen = nested.clone();
        let inner = other.any();
        trace::set(move |_, from, _| {
            if *from == name && !inner.is_dead() {
                // The arriving greenlet switches, and waits for something else meanwhile.
                seen.set(inner.switch::<(), i32>(()));
            }
        });
        let _token: Token = g.switch(());
        trace::clear();
        assert_eq!(nested.get(), 3);
    });
}

#[test]
fn the_destructor_of_an_observer_may_set_another() {
    leak_checked(|| {
        let guard = on_drop(|| {
            trace::set(|_, _, _| ());
        });
        trace::set(move |_, _, _| {
            let _guard = &guard;
            panic_any("observed");
        });
        let end = Greenlet::new(|()| ()).try_switch(());
        assert!(matches!(end, Err(SwitchError::Thrown(p)) if p.is::<&str>()));
        assert!(trace::clear().is_some());
    });
}

#[test]
fn a_clone_of_an_inherited_local_may_leave_or_panic() {
    struct Odd(Option<OnDrop>, Rc<Cell<u32>>, Token);
    impl Clone for Odd {
        fn clone(&self) -> Self {
            match self.1.replace(self.1.get() + 1) {
                0 => panic_any("cloned"),
                _ => greenlet::main().switch::<(), ()>(()),
            }
            Odd(None, self.1.clone(), Token::new())
        }
    }
    greenlet_local! {
        static BEFORE: Token = Token::new();
        static ODD: Odd = Odd(None, Rc::default(), Token::new());
        static AFTER: Token = Token::new();
    }
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            BEFORE.with(|_| ());
            ODD.with(|odd| assert!(odd.0.is_none()));
            AFTER.with(|_| ());
            let token = Token::new();
            let made = catch_unwind(AssertUnwindSafe(|| {
                Greenlet::builder()
                    .inherit_locals()
                    .build(move |()| drop(token))
            }));
            assert!(made.is_err());
            let child = Greenlet::builder()
                .inherit_locals()
                .build(|()| ODD.with(|odd| odd.1.get()));
            child.switch(());
        });
        g.switch(());
        g.kill();
        assert!(g.is_dead());
    });
}

#[test]
fn payloads_may_leave_while_they_are_dropped() {
    struct Far(Token2);
    struct Token2;
    impl Drop for Token2 {
        fn drop(&mut self) {
            greenlet::main().switch::<(), ()>(());
        }
    }
    leak_checked(|| {
        // Its panic is dropped by the drop that caused it.
        let g = Greenlet::new(|()| {
            let end = Greenlet::<(), ()>::new(|()| {
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    greenlet::current().parent().unwrap().switch::<(), ()>(())
                }));
                panic_any(Far(Token2));
            });
            end.switch(());
            drop(end);
            5
        });
        g.any().switch::<(), ()>(());
        assert_eq!(g.state(), State::Suspended);
        assert_eq!(g.any().switch::<(), i32>(()), 5);
        let _ = |far: Far| far.0;
    });
}

#[test]
fn a_new_greenlet_with_inherited_locals_that_panic_when_dropped_unwinds_once() {
    struct Bad(Token);
    impl Clone for Bad {
        fn clone(&self) -> Self {
            Bad(Token::new())
        }
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            if greenlet::current() == greenlet::main() {
                let _ = &self.0;
                panic_any("local dropped");
            }
        }
    }
    greenlet_local! {
        static A: Bad = Bad(Token::new());
        static B: Token = Token::new();
    }
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            A.with(|_| ());
            B.with(|_| ());
            Greenlet::builder().inherit_locals().build(|()| ())
        });
        let child = g.switch(());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(child))).is_err());
    });
}

#[test]
fn a_body_and_an_inherited_local_that_both_panic_when_discarded_do_not_abort() {
    #[derive(Default)]
    struct Bad;
    impl Clone for Bad {
        fn clone(&self) -> Self {
            Bad
        }
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            if greenlet::current() == greenlet::main() {
                panic_any("local dropped");
            }
        }
    }
    greenlet_local! {
        static A: Bad = Bad;
    }
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            A.with(|_| ());
            let bad = on_drop(|| panic_any("body dropped"));
            Greenlet::builder()
                .inherit_locals()
                .build(move |()| drop(bad))
        });
        let child = g.switch(());
        let first = catch_unwind(AssertUnwindSafe(|| drop(child))).unwrap_err();
        assert_eq!(first.downcast_ref(), Some(&"body dropped"));
    });
}

#[test]
fn a_value_dropped_for_a_waiting_killer_may_end_it() {
    leak_checked(|| {
        let killer: Rc<RefCell<Option<Greenlet<(), ()>>>> = Rc::default();
        let own = killer.clone();
        let victim = Greenlet::new(move |()| {
            let _ = catch_unwind(AssertUnwindSafe(|| greenlet::main().switch::<(), ()>(())));
            let k = own.borrow().as_ref().unwrap().any();
            let end = k.clone();
            // The killer takes any value as nothing: but it is woken by the drop of that value.
            let sent = k.try_switch::<OnDrop, ()>(on_drop(move || {
                end.set_parent(&greenlet::current()).unwrap();
                end.switch::<(), ()>(());
                assert!(end.is_dead());
            }));
            assert!(matches!(sent, Err(SwitchError::Thrown(p)) if p.is::<String>()));
        });
        victim.switch(());
        let v = victim.any();
        killer.replace(Some(Greenlet::new(move |()| v.kill())));
        let k = killer.borrow().clone().unwrap();
        let _ = k.try_switch(());
        assert!(victim.is_dead() && k.is_dead());
        killer.take();
    });
}
