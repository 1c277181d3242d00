//! What runs while a greenlet ends, and who is current then.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use greenlet::{AnyGreenlet, Greenlet, State, greenlet_local, trace};

use crate::support::{Token, leak_checked};

struct OnDrop(Option<Box<dyn FnOnce() + Send>>);

fn on_drop(run: impl FnOnce() + Send + 'static) -> OnDrop {
    OnDrop(Some(Box::new(run)))
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run();
        }
    }
}

greenlet_local! {
    static KEPT: RefCell<Option<OnDrop>> = RefCell::new(None);
}

/// The panic of a local's destructor is dropped where the body's own panic is already known: on the greenlet that dies,
/// while it is still the current one.
#[test]
fn a_second_payload_is_dropped_while_the_dying_greenlet_still_runs() {
    leak_checked(|| {
        let seen = Arc::new(Mutex::new(None));
        let out = seen.clone();
        let g = Greenlet::<(), ()>::new(move |()| {
            let mine = greenlet::current().id();
            let second = on_drop(move || {
                let now = greenlet::current().id();
                *out.lock().unwrap() = Some(now == mine);
            });
            KEPT.set(Some(on_drop(move || resume_unwind(Box::new(second)))));
            resume_unwind(Box::new("first"));
        });
        let end = catch_unwind(AssertUnwindSafe(|| g.switch(())));
        assert_eq!(end.unwrap_err().downcast_ref::<&str>(), Some(&"first"));
        assert_eq!(*seen.lock().unwrap(), Some(true));
    });
}

#[test]
fn a_second_payload_may_switch() {
    leak_checked(|| {
        let g = Greenlet::<(), i32>::new(move |()| {
            let second = on_drop(move || greenlet::main().switch::<i32, ()>(7));
            KEPT.set(Some(on_drop(move || resume_unwind(Box::new(second)))));
            resume_unwind(Box::new("first"));
        });
        assert_eq!(g.switch(()), 7);
        assert_eq!(g.state(), State::Suspended);
        let end = catch_unwind(AssertUnwindSafe(|| g.switch(())));
        assert_eq!(end.unwrap_err().downcast_ref::<&str>(), Some(&"first"));
    });
}

/// Were the receiver current already, this would use up what it was sent: `switch` would return a value that nobody wrote.
#[test]
fn a_second_payload_that_switches_takes_nothing_from_the_receiver() {
    leak_checked(|| {
        let g = Greenlet::<(), Box<u64>>::new(move |()| {
            let second = on_drop(move || {
                let parent = greenlet::main();
                let h = Greenlet::<u8, u8>::with_parent(|n| n, &greenlet::current());
                assert_eq!(h.switch(1), 1);
                drop(parent);
            });
            KEPT.set(Some(on_drop(move || resume_unwind(Box::new(second)))));
            resume_unwind(Box::new("first"));
        });
        let end = catch_unwind(AssertUnwindSafe(|| *g.switch(())));
        assert_eq!(end.unwrap_err().downcast_ref::<&str>(), Some(&"first"));
    });
}

/// A killer whose ancestor is the victim: the walk passes the running victim and ends at main.
#[test]
fn a_misfit_goes_past_the_dying_one_itself() {
    leak_checked(|| {
        let victim = Greenlet::<(), ()>::new(|()| {
            let _ = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            let killer = greenlet::current().parent().unwrap();
            // Now the killer is the victim's child, and will be dead or new on the walk.
            killer.set_parent(&greenlet::current()).unwrap();
        });
        victim.switch(());
        let v = victim.any();
        let killer = Greenlet::new(move |()| {
            v.kill();
            5
        });
        // The killer's permanent parent is the dead victim, whose parent is main.
        let end = killer.any().switch::<(), i32>(());
        assert_eq!(end, 5);
        assert!(victim.is_dead() && killer.is_dead());
    });
}

#[test]
fn a_result_whose_destructor_reparents_the_dying_one_to_a_new_greenlet() {
    leak_checked(|| {
        thread_local!(static NEXT: RefCell<Option<AnyGreenlet>> = const { RefCell::new(None) });
        struct Result(#[allow(dead_code)] Token);
        impl Drop for Result {
            fn drop(&mut self) {
                let next = NEXT.take().unwrap();
                greenlet::current().set_parent(&next).unwrap();
            }
        }
        let started = Rc::new(Cell::new(0));
        let count = started.clone();
        let next = Greenlet::<String, ()>::new(move |_| count.set(count.get() + 1));
        NEXT.set(Some(next.any()));
        let g = Greenlet::new(|()| Result(Token::new()));
        let end = catch_unwind(AssertUnwindSafe(|| g.any().switch::<(), i32>(())));
        let message = end.unwrap_err();
        assert!(message.downcast_ref::<String>().unwrap().contains("Result"));
        // A misfit starts a new ancestor only to die of it.
        assert_eq!(started.get(), 0);
        assert!(next.is_dead());
    });
}

/// Loses its last owner while it runs, gets another before it leaves, and loses that one elsewhere.
#[test]
fn a_stale_mark_kills_nobody() {
    leak_checked(|| {
        let cell: Rc<RefCell<Option<Greenlet>>> = Rc::default();
        let own = cell.clone();
        let g = Greenlet::new(move |()| {
            drop(own.take());
            let again = Greenlet::<(), ()>::current();
            own.replace(Some(again));
            greenlet::main().switch::<(), ()>(());
        });
        let name = g.any();
        cell.replace(Some(g));
        name.switch::<(), ()>(());
        assert_eq!(name.state(), State::Suspended);
        name.switch::<(), ()>(());
        assert!(name.is_dead());
    });
}

#[test]
fn an_ownerless_one_is_killed_when_it_leaves_by_a_kill_a_throw_or_a_self_switch_first() {
    leak_checked(|| {
        for way in 0..3 {
            let cell: Rc<RefCell<Option<Greenlet>>> = Rc::default();
            let own = cell.clone();
            let token = Token::new();
            let other = Greenlet::<(), ()>::new(|()| {
                let _ = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            });
            other.switch(());
            let o = other.any();
            let g = Greenlet::new(move |()| {
                let _token = token;
                drop(own.take());
                greenlet::current().switch::<(), ()>(());
                match way {
                    0 => o.kill(),
                    1 => o.throw::<()>(Box::new("x")),
                    _ => greenlet::main().switch::<(), ()>(()),
                }
                unreachable!("killed where it left");
            });
            let name = g.any();
            cell.replace(Some(g));
            let _ = name.try_switch::<(), ()>(());
            assert!(name.is_dead());
            drop(other);
            assert_eq!(Token::alive(), 0);
        }
    });
}

/// Refuses its kill, has no owner; an owning link is an owner.
#[test]
fn a_survivor_that_a_link_owns_again_is_killed_when_the_link_goes() {
    leak_checked(|| {
        let g = Greenlet::<(), ()>::new(|()| {
            let _ = catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            greenlet::main().switch::<(), ()>(());
        });
        let name = g.any();
        g.switch(());
        drop(g);
        assert_eq!(name.state(), State::Suspended);
        let child = Greenlet::<(), ()>::new(|()| ());
        child.set_parent(&name).unwrap();
        drop(child);
        let dead = name.is_dead();
        name.kill();
        assert!(dead, "hit again, as it was owned again");
    });
}

#[test]
fn the_observer_that_a_destructor_sets_at_the_threads_end_is_dropped() {
    struct Guard(Arc<Mutex<u32>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
            // Whatever thread state there is now has to work.
            assert_eq!(Greenlet::new(|n: u8| n + 1).switch(1), 2);
        }
    }
    greenlet_local! {
        static LAST: RefCell<Option<OnDrop>> = RefCell::new(None);
    }
    let count = Arc::new(Mutex::new(0));
    let c = count.clone();
    std::thread::spawn(move || {
        LAST.set(Some(on_drop(move || {
            let g = Greenlet::<(), ()>::current().downgrade();
            drop(g);
            let suspended = Greenlet::<(), ()>::new(move |()| {
                let guard = Guard(c);
                let _set = on_drop(move || {
                    let guard = Guard(guard.0.clone());
                    trace::set(move |_, _, _| {
                        let _ = &guard;
                    });
                });
                greenlet::main().switch::<(), ()>(());
            });
            suspended.switch(());
            std::mem::forget(suspended);
        })));
        greenlet::current();
    })
    .join()
    .unwrap();
    assert!(*count.lock().unwrap() >= 1);
}

/// Over-aligned and empty arguments, results and captures in bodies beside their block and in boxes.
#[test]
fn bodies_of_any_layout_are_read_in_place() {
    #[repr(align(256))]
    struct Wide(u8, #[allow(dead_code)] Token);
    struct Empty;
    impl Drop for Empty {
        fn drop(&mut self) {
            TOKENS.set(TOKENS.get() + 1);
        }
    }
    thread_local!(static TOKENS: Cell<u32> = const { Cell::new(0) });
    leak_checked(|| {
        let captured = Wide(3, Token::new());
        let g = Greenlet::new(move |w: Wide| {
            assert_eq!((&raw const w).addr() % 256, 0);
            let captured = captured;
            Wide(w.0 + captured.0, Token::new())
        });
        assert_eq!(g.switch(Wide(4, Token::new())).0, 7);
        let e = Greenlet::<Empty, Empty>::empty();
        e.set_run(|e| e);
        drop(e.switch(Empty));
        assert_eq!(TOKENS.get(), 1);
        for boxed in [false, true] {
            let captured = Wide(3, Token::new());
            let run = move |_: Wide| -> Wide { captured };
            let g = match boxed {
                false => Greenlet::new(run),
                true => {
                    let g = Greenlet::empty();
                    g.set_run(run);
                    g
                }
            };
            let end = catch_unwind(AssertUnwindSafe(|| g.throw(Box::new(1_u8))));
            assert_eq!(end.err().unwrap().downcast_ref::<u8>(), Some(&1));
            assert_eq!(Token::alive(), 0);
        }
    });
}

/// An observer that panics at a start takes the argument's place; argument and captures are dropped, in whichever way they do it.
#[test]
fn a_start_spoilt_by_the_observer_drops_all_even_if_each_panics() {
    leak_checked(|| {
        struct Loud(#[allow(dead_code)] Token);
        impl Drop for Loud {
            fn drop(&mut self) {
                panic_any("loud");
            }
        }
        let captured = Loud(Token::new());
        let g = Greenlet::<Loud, ()>::new(move |_| {
            let _captured = &captured;
        });
        trace::set(|_, _, _| panic_any("observer"));
        let end = catch_unwind(AssertUnwindSafe(|| g.switch(Loud(Token::new()))));
        trace::clear();
        assert_eq!(end.unwrap_err().downcast_ref::<&str>(), Some(&"observer"));
        assert!(g.is_dead());
    });
}
