//! Killing.
//!
//! Contract: "`kill` and the drop of the last owner are one thing".

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::{AnyGreenlet, Greenlet, GreenletExit, State, SwitchError};

use crate::support::{Bell, Token, leak_checked};

/// Switches to a greenlet when dropped.
struct SwitchOnDrop(AnyGreenlet);

impl Drop for SwitchOnDrop {
    fn drop(&mut self) {
        self.0.switch::<(), ()>(());
    }
}

#[test]
fn a_kill_runs_destructors_and_comes_back_to_the_killer() {
    leak_checked(|| {
        let rung = Rc::new(Cell::new(0));
        let bell = Bell(rung.clone());
        let g = Greenlet::new(move |()| {
            let _bell = bell;
            greenlet::main().switch::<(), ()>(());
        });
        g.switch(());
        let victim = g.any();
        let killer = Greenlet::new(move |()| {
            victim.kill();
            "back in the killer"
        });
        assert_eq!(killer.any().switch::<(), &str>(()), "back in the killer");
        assert!(g.is_dead());
        assert_eq!(rung.get(), 1);
    });
}

#[test]
fn the_result_of_a_victim_that_catches_the_exit_is_discarded() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            _ = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            Token::new()
        });
        g.any().switch::<(), ()>(());
        g.kill();
        assert!(g.is_dead());
        assert_eq!(Token::alive(), 0);
    });
}

#[test]
fn a_panic_during_the_kill_goes_to_the_killer() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            _ = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            resume_unwind(Box::new("while dying"))
        });
        let g: Greenlet<(), ()> = g;
        g.switch(());
        let payload = catch_unwind(AssertUnwindSafe(|| g.kill())).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"while dying"));
        assert!(g.is_dead());
    });
}

#[test]
fn a_panic_during_a_drop_goes_to_the_hook_only() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            _ = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            panic!("seen by the hook only");
        });
        let g: Greenlet<(), ()> = g;
        g.switch(());
        let name = g.any();
        drop(g);
        assert!(name.is_dead());
    });
}

#[test]
fn destructors_may_switch_and_the_killer_waits_until_somebody_returns() {
    leak_checked(|| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let helper_log = log.clone();
        let helper = Greenlet::new(move |()| {
            helper_log.borrow_mut().push("helper");
            let victim = greenlet::current().parent().unwrap();
            victim.switch::<(), ()>(());
        });
        let helper_name = helper.any();
        let inner_log = log.clone();
        let victim = Greenlet::new(move |()| {
            helper_name.set_parent(&greenlet::current()).unwrap();
            let _switch = SwitchOnDrop(helper_name);
            let _exit = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            inner_log.borrow_mut().push("victim");
        });
        victim.switch(());
        victim.kill();
        log.borrow_mut().push("killer");
        assert_eq!(*log.borrow(), ["victim", "helper", "killer"]);
        assert!(victim.is_dead());
    });
}

#[test]
fn a_victim_that_switches_to_its_killer_lives_on() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            let _switch = SwitchOnDrop(greenlet::main());
            greenlet::main().switch::<(), ()>(())
        });
        g.switch(());
        g.kill();
        assert_eq!(g.state(), State::Suspended, "in its destructor");
        assert_eq!(g.parent(), Some(greenlet::main()));
        assert!(
            matches!(g.try_switch(()), Err(SwitchError::Exited(_))),
            "goes on dying"
        );
        assert!(g.is_dead());
    });
}

#[test]
fn an_exit_that_is_caught_again_and_again_does_not_hang_the_killer() {
    leak_checked(|| {
        let stop = Rc::new(Cell::new(false));
        let stopped = stop.clone();
        let g = Greenlet::new(move |()| {
            while !stopped.get() {
                _ = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            }
        });
        g.switch(());
        for _ in 0..3 {
            g.kill();
            assert_eq!(g.state(), State::Suspended);
        }
        let name = g.any();
        drop(g);
        assert_eq!(
            name.state(),
            State::Suspended,
            "nobody owns it, but it refused"
        );
        stop.set(true);
        name.kill();
        assert!(name.is_dead());
    });
}

#[test]
fn killing_the_new_the_dead_and_oneself() {
    leak_checked(|| {
        let token = Token::new();
        let new = Greenlet::new(move |()| unreachable!("{token:?}"));
        let new: Greenlet<(), ()> = new;
        new.kill();
        assert!(new.is_dead());
        assert_eq!(Token::alive(), 0);
        new.kill();
        let suicide = Greenlet::new(|()| {
            let _token = Token::new();
            greenlet::current().kill();
        });
        assert!(matches!(
            suicide.try_switch(()),
            Err(SwitchError::Exited(GreenletExit))
        ));
        assert!(suicide.is_dead());
    });
}

#[test]
fn a_greenlet_may_kill_its_ancestors() {
    leak_checked(|| {
        let slot = Rc::new(RefCell::new(None));
        let keep = slot.clone();
        let parent = Greenlet::new(move |()| {
            let me = greenlet::current();
            let child = Greenlet::new(move |()| {
                me.kill();
                assert!(me.is_dead());
                "the child goes on"
            });
            keep.replace(Some(child.clone()));
            child.any().switch::<(), ()>(());
        });
        // The child's own parent is dead when it ends; its result comes here.
        assert_eq!(parent.any().switch::<(), &str>(()), "the child goes on");
    });
}

#[test]
fn a_killer_that_its_victim_owns_dies_with_it() {
    leak_checked(|| {
        let parent = Greenlet::new(move |()| {
            let me = greenlet::current();
            let child = Greenlet::<(), ()>::new(move |()| {
                let _token = Token::new();
                me.kill();
                unreachable!("the kill drops the only owner of this greenlet");
            });
            child.switch(());
        });
        assert!(matches!(parent.try_switch(()), Err(SwitchError::Exited(_))));
        assert!(parent.is_dead());
        assert_eq!(Token::alive(), 0);
    });
}

#[test]
fn a_value_sent_to_a_killer_that_waits_is_dropped_and_wakes_it() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            let caught = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            assert!(caught.is_err());
            // Whatever type: the killer takes it as nothing.
            greenlet::main().switch::<Token, ()>(Token::new());
        });
        g.switch(());
        g.kill();
        assert_eq!(Token::alive(), 0);
        assert_eq!(g.state(), State::Suspended);
        g.switch(());
        assert!(g.is_dead());
    });
}

#[test]
fn something_thrown_at_a_greenlet_that_waits_in_a_kill_is_raised_there() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            _ = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            greenlet::main().throw::<()>(Box::new("for the killer"));
        });
        g.switch(());
        let payload = catch_unwind(AssertUnwindSafe(|| g.kill())).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"for the killer"));
        // And out of a drop, if nothing unwinds.
        let h = Greenlet::new(|()| {
            _ = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            _ = catch_unwind(|| greenlet::main().throw::<()>(Box::new("for the dropper")));
        });
        h.switch(());
        let name = h.any();
        let payload = catch_unwind(AssertUnwindSafe(|| drop(h))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"for the dropper"));
        assert_eq!(name.state(), State::Suspended);
        name.kill();
        assert!(name.is_dead());
    });
}

#[test]
fn kills_nest() {
    leak_checked(|| {
        fn nest(depth: u32) -> Greenlet<(), ()> {
            let g = Greenlet::new(move |()| {
                let _token = Token::new();
                let _inner = (depth > 0).then(|| nest(depth - 1));
                greenlet::current().parent().unwrap().switch::<(), ()>(())
            });
            g.switch(());
            g
        }
        let outer = nest(200);
        assert_eq!(Token::alive(), 201);
        drop(outer);
        assert_eq!(Token::alive(), 0);
    });
}

#[test]
fn a_value_that_something_thrown_displaces_is_dropped() {
    leak_checked(|| {
        let slot = Rc::new(RefCell::new(None::<Greenlet<(), ()>>));
        let own = slot.clone();
        let g = Greenlet::<(), ()>::new(move |()| {
            drop(own.take());
            // Without an owner it is killed once its value is under way; dying, it throws at the receiver.
            _ = catch_unwind(|| greenlet::main().switch::<Token, ()>(Token::new()));
            greenlet::main().throw::<()>(Box::new("instead of the value"));
        });
        let name = g.any();
        slot.replace(Some(g));
        let got = name.try_switch::<(), Token>(());
        let Err(SwitchError::Thrown(payload)) = got else {
            panic!("{got:?}");
        };
        assert_eq!(payload.downcast_ref(), Some(&"instead of the value"));
        assert_eq!(Token::alive(), 0);
        name.kill();
        assert!(name.is_dead());
    });
}

#[test]
fn a_victim_that_makes_itself_an_ancestor_of_its_temporary_parent_ends_all_the_same() {
    leak_checked(|| {
        let dead = Greenlet::new(|()| ());
        dead.kill();
        let other = dead.any();
        let victim = Greenlet::new(move |()| {
            _ = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            let me = greenlet::current();
            me.set_parent(&other).unwrap();
            other.set_parent(&me).unwrap();
        });
        victim.switch(());
        victim.kill();
        assert!(victim.is_dead());
        assert_eq!(victim.parent(), Some(greenlet::main()));
    });
}

#[test]
fn kills_of_one_victim_may_end_in_any_order() {
    leak_checked(|| {
        let victim = Greenlet::new(|()| {
            for _ in 0..2 {
                _ = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            }
            greenlet::main().switch::<(), ()>(());
        });
        victim.switch(());
        let name = victim.any();
        let second = Greenlet::new(move |()| name.kill());
        // The first exit is caught and main goes on; the second kill begins and is still under way when main goes on again.
        victim.kill();
        assert_eq!(victim.parent(), Some(greenlet::main()));
        second.switch(());
        assert_eq!(victim.parent().unwrap(), second, "its kill is under way");
        second.switch(());
        assert!(second.is_dead());
        assert_eq!(victim.parent(), Some(greenlet::main()), "none is under way");
        victim.kill();
        assert!(victim.is_dead());
    });
}
