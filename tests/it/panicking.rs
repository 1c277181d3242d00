//! Switching while a panic unwinds: std counts panics per OS thread, so what one greenlet does shows in others.
//! The decision is in arch-note 0007.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::panicking;

use greenlet::{AnyGreenlet, Greenlet, SwitchError};

use crate::support::leak_checked;

/// Switches to a greenlet when dropped, and again and again as often as told.
struct SwitchOnDrop(AnyGreenlet, u32);

impl Drop for SwitchOnDrop {
    fn drop(&mut self) {
        for _ in 0..self.1 {
            self.0.switch::<(), ()>(());
        }
    }
}

fn unwinds_into_main(times: u32) -> Greenlet<(), ()> {
    Greenlet::new(move |()| {
        let _switch = SwitchOnDrop(greenlet::main(), times);
        resume_unwind(Box::new("unwinding"))
    })
}

#[test]
fn a_greenlet_suspended_while_it_unwinds_shows_in_the_others_and_no_longer_than_that() {
    leak_checked(|| {
        assert!(!panicking());
        let g = unwinds_into_main(2);
        g.switch(());
        assert!(panicking(), "std counts per thread");
        g.switch(());
        assert!(panicking());
        assert!(matches!(g.try_switch(()), Err(SwitchError::Thrown(_))));
        assert!(!panicking(), "the count is back");
    });
}

#[test]
fn others_panic_and_catch_as_usual_meanwhile() {
    leak_checked(|| {
        let g = unwinds_into_main(1);
        g.switch(());
        for _ in 0..3 {
            let caught = catch_unwind(|| panic!("an ordinary one")).unwrap_err();
            assert_eq!(caught.downcast_ref(), Some(&"an ordinary one"));
            let other: Greenlet<(), ()> = Greenlet::new(|()| panic!("in another greenlet"));
            assert!(matches!(other.try_switch(()), Err(SwitchError::Thrown(_))));
        }
        assert!(panicking());
        assert!(g.try_switch(()).is_err());
        assert!(!panicking());
    });
}

#[test]
fn several_may_be_suspended_while_they_unwind_and_end_in_any_order() {
    leak_checked(|| {
        let all: Vec<_> = (0..10).map(|_| unwinds_into_main(1)).collect();
        for g in &all {
            g.switch(());
        }
        for i in [3, 1, 4, 0, 5, 9, 2, 6, 8, 7] {
            assert!(panicking());
            assert!(matches!(all[i].try_switch(()), Err(SwitchError::Thrown(_))));
        }
        assert!(!panicking());
    });
}

#[test]
fn a_greenlet_can_be_killed_while_it_is_suspended_unwinding() {
    // The exit is raised in a destructor that runs because of another unwind: such a destructor must catch
    // it, or the process ends, as for every panic in a destructor while unwinding.
    struct Careful(AnyGreenlet);
    impl Drop for Careful {
        fn drop(&mut self) {
            let exit = catch_unwind(AssertUnwindSafe(|| self.0.switch::<(), ()>(())));
            assert!(exit.is_err());
        }
    }
    leak_checked(|| {
        let g: Greenlet<(), ()> = Greenlet::new(|()| {
            let _careful = Careful(greenlet::main());
            resume_unwind(Box::new("unwinding"))
        });
        g.switch(());
        let payload = catch_unwind(AssertUnwindSafe(|| g.kill())).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"unwinding"));
        assert!(!panicking());
    });
}

#[test]
fn a_std_mutex_may_miss_or_gain_poison_meanwhile_but_never_its_data() {
    leak_checked(|| {
        let g = unwinds_into_main(1);
        let before = std::sync::Mutex::new(1);
        let guard = before.lock().unwrap();
        g.switch(());
        drop(guard);
        assert!(
            before.is_poisoned(),
            "dropped while another greenlet unwinds: falsely poisoned"
        );
        let during = std::sync::Mutex::new(2);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _guard = during.lock().unwrap();
            resume_unwind(Box::new(()))
        }));
        assert!(caught.is_err());
        assert!(
            !during.is_poisoned(),
            "taken while another greenlet unwinds: poison is missed"
        );
        assert!(g.try_switch(()).is_err());
    });
}
