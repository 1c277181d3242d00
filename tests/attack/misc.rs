//! Sizes at the edge, uninhabited types, ends of threads.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use greenlet::{Greenlet, SwitchError, greenlet_local, trace};

use crate::support::{Token, leak_checked};
use crate::{OnDrop, on_drop};

enum Void {}

#[test]
fn a_call_that_can_return_nothing_is_left_by_unwinding_only() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            let _token = Token::new();
            let got = greenlet::main().try_switch::<(), Infallible>(());
            match got {
                Ok(never) => match never {},
                Err(error) => assert!(matches!(error, SwitchError::Thrown(_))),
            }
            let got = greenlet::main().try_switch::<(), (u32, Void)>(());
            match got {
                Ok((_, never)) => match never {},
                Err(error) => drop(error),
            }
        });
        g.any().switch::<(), ()>(());
        assert!(matches!(
            g.any().try_switch::<(), ()>(()),
            Err(SwitchError::Type { .. })
        ));
        g.any().throw::<()>(Box::new("out"));
        // A result that cannot be is not the unit that was sent either.
        let child = Greenlet::with_parent(|()| (), &g);
        let end = child.any().try_switch::<(), ()>(());
        println!("{end:?}");
        assert!(g.is_dead());
    });
}

#[test]
fn a_result_that_cannot_be_may_have_a_part_that_can() {
    leak_checked(|| {
        let g = Greenlet::<(), (u32, Void)>::new(|()| {
            greenlet::main().switch::<(), ()>(());
            panic!("the only end")
        });
        g.any().switch::<(), ()>(());
        match g.try_switch(()) {
            Ok((_, never)) => match never {},
            Err(error) => assert!(matches!(error, SwitchError::Thrown(_))),
        }
    });
}

#[test]
fn stacks_of_no_size_and_of_too_much() {
    leak_checked(|| {
        for size in [0, 1, 4096] {
            let g = Greenlet::builder().stack_size(size).build(|n: u8| n + 1);
            assert_eq!(g.switch(1), 2);
        }
        for size in [
            usize::MAX,
            usize::MAX - 511,
            usize::MAX / 2 + 1,
            1 << 47,
            (1 << 47) - 512,
        ] {
            let g = Greenlet::builder().stack_size(size).build(|t: Token| t);
            let refused = g.try_switch(Token::new());
            assert!(
                matches!(refused, Err(SwitchError::NoStack { .. })),
                "{size:#x}"
            );
        }
    });
}

#[test]
fn over_aligned_and_empty_together() {
    #[repr(align(4096))]
    struct Page(#[allow(dead_code)] Token);
    #[repr(align(256))]
    struct Empty;
    fn aligned<T>(t: &T) {
        assert_eq!(std::ptr::from_ref(t).addr() % align_of::<T>(), 0);
    }
    leak_checked(|| {
        let captured = (Page(Token::new()), Empty);
        let g = Greenlet::builder()
            .stack_size(1 << 18)
            .build(move |arg: (Page, Empty)| {
                aligned(&captured);
                aligned(&arg);
                let got: (Empty, Page) = greenlet::main().switch(arg);
                aligned(&got);
                captured
            });
        let back: (Page, Empty) = g.any().switch((Page(Token::new()), Empty));
        aligned(&back);
        let last: (Page, Empty) = g.any().switch((Empty, Page(Token::new())));
        aligned(&last);
    });
}

greenlet_local! {
    static LAST: RefCell<Option<OnDrop>> = RefCell::new(None);
}

/// A greenlet that a local of main leaves suspended when the thread ends is ended too.
#[test]
fn a_greenlet_made_by_the_end_of_mains_locals_is_ended_too() {
    let ended = Arc::new(AtomicBool::new(false));
    let end = ended.clone();
    std::thread::spawn(move || {
        LAST.set(Some(on_drop(move || {
            let g = Greenlet::new(move |()| {
                let _end = on_drop(move || end.store(true, Ordering::Relaxed));
                greenlet::main().switch::<(), ()>(());
            });
            g.switch(());
            std::mem::forget(g);
        })));
    })
    .join()
    .unwrap();
    assert!(ended.load(Ordering::Relaxed));
}

#[test]
fn an_observer_set_by_the_destructor_of_the_last_one_may_use_greenlets_when_dropped() {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let guard = on_drop(move || {
            let second = on_drop(move || {
                let n = Greenlet::new(|n: i32| n).switch(4);
                send.send((n, greenlet::current() == greenlet::main()))
                    .unwrap();
            });
            trace::set(move |_, _, _| {
                let _second = &second;
            });
        });
        trace::set(move |_, _, _| {
            let _guard = &guard;
        });
    })
    .join()
    .unwrap();
    assert_eq!(receive.recv(), Ok((4, true)));
}

/// Locals that are shared by main when it ends go with whoever has them.
#[test]
fn locals_shared_by_main_at_its_end_are_dropped() {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        LAST.set(Some(on_drop(move || {
            Greenlet::builder()
                .share_locals()
                .build(move |()| {
                    LAST.set(Some(on_drop(move || {
                        send.send(greenlet::current() == greenlet::main()).unwrap();
                    })));
                })
                .switch(());
        })));
    })
    .join()
    .unwrap();
    // In the child, which has them alone.
    assert_eq!(receive.recv(), Ok(false));
}

#[test]
fn weak_handles_follow_owners_not_states() {
    leak_checked(|| {
        let slot: Rc<RefCell<Option<greenlet::WeakGreenlet<(), ()>>>> = Rc::default();
        let own = slot.clone();
        let seen = Rc::new(Cell::new(false));
        let was = seen.clone();
        let g = Greenlet::new(move |()| {
            let _look = on_drop(move || {
                let weak = own.borrow().clone().unwrap();
                was.set(weak.upgrade().is_none());
            });
            greenlet::main().switch::<(), ()>(());
        });
        slot.replace(Some(g.downgrade()));
        g.switch(());
        drop(g);
        assert!(seen.get());
        slot.take();
    });
}
