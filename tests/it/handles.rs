//! Owners own, names name.
//!
//! Contract: "`Greenlet<A, B>` owns, `AnyGreenlet` names", "A parent link owns the parent, unless the parent is the
//! greenlet that set the link".

use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

use greenlet::{AnyGreenlet, Greenlet, GreenletId, State, WeakGreenlet};

use crate::support::{Token, leak_checked};

fn suspended(token: Token) -> Greenlet<(), ()> {
    let g = Greenlet::new(move |()| {
        let _token = token;
        greenlet::main().switch::<(), ()>(())
    });
    g.switch(());
    g
}

#[test]
fn dropping_the_last_owner_of_a_suspended_greenlet_kills_it() {
    leak_checked(|| {
        let g = suspended(Token::new());
        let second = g.clone();
        drop(g);
        assert_eq!(second.state(), State::Suspended);
        let name = second.any();
        drop(second);
        assert!(name.is_dead());
        assert_eq!(Token::alive(), 0);
    });
}

#[test]
fn names_keep_nothing_alive() {
    leak_checked(|| {
        let g = suspended(Token::new());
        let names: Vec<AnyGreenlet> = (0..10).map(|_| g.any()).collect();
        drop(g);
        assert!(names.iter().all(|name| name.is_dead()));
    });
}

#[test]
fn dropping_the_last_owner_of_a_new_greenlet_drops_its_body_unrun() {
    leak_checked(|| {
        let token = Token::new();
        let g = Greenlet::new(move |()| panic!("must not run: {token:?}"));
        let name = Greenlet::<(), ()>::any(&g);
        drop(g);
        assert_eq!((name.state(), Token::alive()), (State::Dead, 0));
    });
}

#[test]
fn current_main_and_parent_are_names() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            // All of these in the frame of the greenlet that they name.
            let names = [greenlet::current(), greenlet::main()];
            let parent = greenlet::current().parent();
            greenlet::main().switch::<(), ()>(());
            drop((names, parent));
        });
        g.switch(());
        let name = g.any();
        drop(g);
        assert!(name.is_dead());
    });
}

#[test]
fn frames_that_name_each_other_leak_nothing() {
    leak_checked(|| {
        let names = Rc::new(RefCell::new(Vec::<AnyGreenlet>::new()));
        let make = || {
            let names = names.clone();
            let token = Token::new();
            Greenlet::new(move |()| {
                let all = names.borrow().clone();
                greenlet::main().switch::<(), ()>(());
                drop((all, token));
            })
        };
        let (a, b) = (make(), make());
        names.borrow_mut().extend([a.any(), b.any()]);
        a.switch(());
        b.switch(());
        drop((a, b));
        assert_eq!(Token::alive(), 0);
    });
}

#[test]
fn the_default_parent_is_not_kept_alive() {
    leak_checked(|| {
        let inner = Rc::new(RefCell::new(None));
        let slot = inner.clone();
        let outer = Greenlet::new(move |()| {
            *slot.borrow_mut() = Some(suspended_child(Token::new()));
            greenlet::main().switch::<(), ()>(());
        });
        outer.switch(());
        let child = inner.take().unwrap();
        let name = outer.any();
        drop(outer);
        assert!(name.is_dead(), "its child's link does not own it");
        assert_eq!(child.parent().unwrap(), name);
        // Its end passes over the dead parent, to main.
        assert_eq!(child.switch(7), 7);
    });
}

fn suspended_child(token: Token) -> Greenlet<i32, i32> {
    let g = Greenlet::new(move |n: i32| {
        let _token = token;
        greenlet::current().parent().unwrap().switch::<i32, i32>(n)
    });
    g.switch(0);
    g
}

#[test]
fn a_parent_given_by_somebody_else_is_kept_alive() {
    leak_checked(|| {
        let parent = Greenlet::new(|n: i32| n + 1);
        let child = Greenlet::with_parent(|n: i32| n * 10, &parent);
        let name = parent.any();
        drop(parent);
        assert_eq!(name.state(), State::New, "the link owns it");
        assert_eq!(child.switch(4), 41);
        assert!(name.is_dead());
    });
}

#[test]
fn a_lineage_that_nobody_else_owns_dies_from_the_leaf_up_with_the_dropper_as_parent() {
    leak_checked(|| {
        let order = Rc::new(RefCell::new(Vec::new()));
        let make = |n: usize, parent: Option<&AnyGreenlet>| {
            let order = order.clone();
            let body = move |()| {
                struct Log(usize, Rc<RefCell<Vec<(usize, bool)>>>);
                impl Drop for Log {
                    fn drop(&mut self) {
                        let parent_is_dropper =
                            greenlet::current().parent() == Some(greenlet::main());
                        self.1.borrow_mut().push((self.0, parent_is_dropper));
                    }
                }
                let _log = Log(n, order);
                greenlet::main().switch::<(), ()>(());
            };
            match parent {
                Some(parent) => Greenlet::with_parent(body, parent),
                None => Greenlet::new(body),
            }
        };
        let a = make(0, None);
        let b = make(1, Some(&a));
        let c = make(2, Some(&b));
        for g in [&a, &b, &c] {
            g.switch(());
        }
        drop((a, b));
        assert!(order.borrow().is_empty());
        drop(c);
        assert_eq!(*order.borrow(), [(2, true), (1, true), (0, true)]);
    });
}

#[test]
fn a_parent_that_links_itself_is_not_kept_alive() {
    leak_checked(|| {
        let child = Rc::new(Greenlet::new(|()| ()));
        let adopted = child.clone();
        let adopter = Greenlet::new(move |()| {
            adopted.set_parent(&greenlet::current()).unwrap();
            greenlet::main().switch::<(), ()>(());
        });
        adopter.switch(());
        let name = adopter.any();
        assert_eq!(child.parent().unwrap(), name);
        drop(adopter);
        assert!(name.is_dead());
    });
}

#[test]
fn a_running_greenlet_without_owners_is_killed_when_it_leaves() {
    leak_checked(|| {
        let slot = Rc::new(RefCell::new(None::<Greenlet<(), ()>>));
        let own = slot.clone();
        let token = Token::new();
        let g = Greenlet::new(move |()| {
            let _token = token;
            drop(own.take());
            assert_eq!(Token::alive(), 1, "nothing happens while it runs");
            greenlet::main().switch::<i32, ()>(5);
            unreachable!("it cannot be resumed");
        });
        let name = g.any();
        slot.replace(Some(g));
        // The value that it sent survives its end.
        assert_eq!(name.switch::<(), i32>(()), 5);
        assert!(name.is_dead());
        assert_eq!(Token::alive(), 0);
    });
}

#[test]
fn an_owner_made_from_a_name_during_the_kill_saves_the_greenlet() {
    leak_checked(|| {
        let slot = Rc::new(RefCell::new(None::<Greenlet<(), ()>>));
        let rescue = slot.clone();
        let g = Greenlet::new(move |()| {
            let exit = std::panic::catch_unwind(|| greenlet::main().switch::<(), ()>(()));
            assert!(exit.is_err());
            rescue.replace(Some(Greenlet::current()));
            greenlet::main().switch::<(), ()>(());
        });
        g.switch(());
        let name = g.any();
        drop(g);
        assert_eq!(name.state(), State::Suspended);
        assert_eq!(
            name.parent(),
            Some(greenlet::main()),
            "its real parent is back"
        );
        let owner = slot.take();
        assert_eq!(owner.as_ref().unwrap(), &name);
        drop(owner);
        assert!(name.is_dead());
    });
}

#[test]
fn weak_handles_are_empty_once_nothing_owns() {
    leak_checked(|| {
        let weak_in = Rc::new(RefCell::new(WeakGreenlet::<(), ()>::new()));
        let weak = weak_in.clone();
        let seen = Rc::new(RefCell::new(None));
        let see = seen.clone();
        let g = Greenlet::new(move |()| {
            struct Look(Rc<RefCell<WeakGreenlet<(), ()>>>, Rc<RefCell<Option<bool>>>);
            impl Drop for Look {
                fn drop(&mut self) {
                    let alive = self.0.borrow().upgrade().is_some();
                    self.1.replace(Some(alive));
                }
            }
            let _look = Look(weak, see);
            greenlet::main().switch::<(), ()>(())
        });
        weak_in.replace(g.downgrade());
        g.switch(());
        assert!(weak_in.borrow().upgrade().is_some());
        drop(g);
        assert_eq!(
            *seen.borrow(),
            Some(false),
            "already empty while it is killed"
        );
        assert!(weak_in.borrow().upgrade().is_none());
    });
}

#[test]
fn handles_compare_and_hash_by_greenlet() {
    leak_checked(|| {
        let a = Greenlet::new(|n: i32| n);
        let b = Greenlet::new(|n: i32| n);
        assert_eq!(a, a.clone());
        assert_ne!(a, b);
        assert_eq!(a, a.any());
        assert_eq!(a.any(), a);
        assert_eq!(a.cast::<(), String>(), a);
        let set: HashSet<AnyGreenlet> = [a.any(), a.any(), b.any()].into();
        assert_eq!(set.len(), 2);
        let set: HashSet<Greenlet<i32>> = [a.clone(), a.clone(), b.clone()].into();
        assert_eq!(set.len(), 2);
    });
}

#[test]
fn ids_and_names_travel_and_never_repeat() {
    fn is_send<T: Send + Copy>(_: T) {}
    leak_checked(|| {
        let mut seen = HashSet::new();
        for _ in 0..3000 {
            let id: GreenletId = Greenlet::new(|()| ()).id();
            is_send(id);
            assert!(seen.insert(id));
        }
        let named = Greenlet::builder().name("worker").build(|()| ());
        assert_eq!(named.name().as_deref(), Some("worker"));
        assert_eq!(Greenlet::new(|()| ()).name(), None);
    });
}

#[test]
fn handles_are_unwind_safe() {
    fn check<T: UnwindSafe + RefUnwindSafe>() {}
    check::<Greenlet<Rc<RefCell<i32>>, i32>>();
    check::<AnyGreenlet>();
    check::<WeakGreenlet<i32>>();
    leak_checked(|| {
        let g = Greenlet::new(|n: i32| n);
        let n = std::panic::catch_unwind(|| g.switch(3)).unwrap();
        assert_eq!(n, 3);
    });
}

#[test]
fn debug_shows_id_name_and_state() {
    leak_checked(|| {
        let main = greenlet::main();
        assert_eq!(
            format!("{main:?}"),
            format!("Greenlet({} running main)", main.id())
        );
        let g = Greenlet::builder().name("g").build(move |()| {
            assert_eq!(
                format!("{main:?}"),
                format!("Greenlet({} suspended main)", main.id())
            );
            main.switch::<(), ()>(());
        });
        let id = g.id();
        assert_eq!(format!("{g:?}"), format!("Greenlet({id} \"g\" new)"));
        g.switch(());
        assert_eq!(format!("{g:?}"), format!("Greenlet({id} \"g\" suspended)"));
        assert_eq!(format!("{:?}", g.downgrade()), format!("Weak{g:?}"));
        g.kill();
        assert_eq!(format!("{g:?}"), format!("Greenlet({id} \"g\" dead)"));
    });
}

#[test]
fn states_follow_the_life_of_a_greenlet() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            let me = greenlet::current();
            assert_eq!(me.state(), State::Running);
            assert_eq!(greenlet::main().state(), State::Suspended);
            greenlet::main().switch::<(), ()>(());
        });
        assert!((g.state(), g.is_active(), g.is_dead()) == (State::New, false, false));
        g.switch(());
        assert!((g.state(), g.is_active(), g.is_dead()) == (State::Suspended, true, false));
        g.switch(());
        assert!((g.state(), g.is_active(), g.is_dead()) == (State::Dead, false, true));
    });
}

#[test]
fn the_owning_views_of_current_and_main_are_the_same_greenlets() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            let me = Greenlet::<(), ()>::current();
            assert_eq!(me, greenlet::current());
            assert_eq!(Greenlet::<(), ()>::main(), greenlet::main());
        });
        g.switch(());
    });
}

#[test]
fn no_handle_is_send() {
    /// `IS` is that of the inherent constant where `T` is `Send`, else that of the trait.
    struct Probe<T>(std::marker::PhantomData<T>);
    impl<T: Send> Probe<T> {
        const IS_SEND: bool = true;
    }
    trait Otherwise {
        const IS_SEND: bool = false;
    }
    impl<T> Otherwise for Probe<T> {}
    assert_eq!([Probe::<GreenletId>::IS_SEND], [true], "the probe can tell");
    let handles = [
        Probe::<Greenlet<(), ()>>::IS_SEND,
        Probe::<AnyGreenlet>::IS_SEND,
        Probe::<WeakGreenlet<(), ()>>::IS_SEND,
        Probe::<greenlet::Generator<(), ()>>::IS_SEND,
        Probe::<greenlet::trace::Observer>::IS_SEND,
        Probe::<greenlet::GreenletBuilder>::IS_SEND,
    ];
    assert_eq!(handles, [false; 6]);
}

#[test]
fn greenlets_left_over_are_killed_at_thread_exit() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let leaves_some = move || {
        struct Tell(std::sync::mpsc::Sender<std::thread::ThreadId>);
        impl Drop for Tell {
            fn drop(&mut self) {
                self.0.send(std::thread::current().id()).unwrap();
            }
        }
        for _ in 0..10 {
            let tell = Tell(sender.clone());
            let g = Greenlet::new(move |()| {
                let _tell = tell;
                greenlet::main().switch::<(), ()>(());
            });
            g.switch(());
            std::mem::forget(g);
        }
        std::thread::current().id()
    };
    let thread = std::thread::spawn(leaves_some).join().unwrap();
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [thread; 10]);
}
