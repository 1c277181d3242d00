//! Where an end goes if parents change, or end, while it is on its way.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use greenlet::{AnyGreenlet, Greenlet, State};

use crate::on_drop;
use crate::support::leak_checked;

#[test]
fn a_killer_that_is_a_child_of_its_victim_may_end_before_the_victim() {
    leak_checked(|| {
        let killer: Rc<RefCell<Option<Greenlet<(), ()>>>> = Rc::default();
        let made = killer.clone();
        let victim = Greenlet::new(move |()| {
            let me = greenlet::current();
            let own = made.clone();
            *made.borrow_mut() = Some(Greenlet::new(move |()| me.kill()));
            let _ = catch_unwind(AssertUnwindSafe(|| greenlet::main().switch::<(), ()>(())));
            // The killer does not wait for an OnDrop: it is dropped, and wakes the killer, which ends.
            on_drop(move || {
                let killer = own.borrow().as_ref().unwrap().any();
                killer.switch::<(), ()>(());
                assert!(killer.is_dead());
            })
        });
        victim.any().switch::<(), ()>(());
        let k = killer.borrow().clone().unwrap();
        let end = k.any().try_switch::<(), ()>(());
        println!("{end:?}");
        assert!(victim.is_dead() && k.is_dead());
        killer.take();
    });
}

#[test]
fn a_temporary_parent_may_become_a_child_of_the_victim() {
    leak_checked(|| {
        let p = Greenlet::<(), ()>::empty();
        let q: AnyGreenlet = p.any();
        let victim = Greenlet::new(move |()| {
            let _ = catch_unwind(AssertUnwindSafe(|| greenlet::main().switch::<(), ()>(())));
            let me = greenlet::current();
            me.set_parent(&q).unwrap();
            q.set_parent(&me).unwrap();
        });
        victim.switch(());
        let end = catch_unwind(AssertUnwindSafe(|| victim.kill()));
        println!("{end:?}");
        assert!(victim.is_dead());
    });
}

#[test]
fn a_kill_that_finds_its_victim_dropping_its_result_gets_its_end() {
    leak_checked(|| {
        // Waits for an i32, and does not get it.
        let parent = Greenlet::new(move |()| {
            let v = Greenlet::new(|()| {
                on_drop(|| {
                    greenlet::main().switch::<AnyGreenlet, ()>(greenlet::current());
                })
            });
            v.any().switch::<(), i32>(())
        });
        let v: AnyGreenlet = parent.any().switch(());
        assert_eq!(v.state(), State::Suspended);
        // The end of `v` comes here, to its killer; or the parent would die of it.
        v.kill();
        assert!(v.is_dead());
        assert_eq!(parent.state(), State::Suspended);
    });
}
