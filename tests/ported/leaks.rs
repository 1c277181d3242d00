//! Source: `test_leaks.py`. Nothing is left: of values, of threads, of killed greenlets. Memory is in
//! `memory.rs`.
//!
//! Adapted: a greenlet cannot be dropped by another thread, so the other thread asks for it. What stays when a thread ends is
//! killed there, whoever held it, so the upstream leaks that depend on a later call do not exist.

use std::cell::RefCell;
use std::mem::forget;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use greenlet::{Greenlet, greenlet_local, main};

use crate::support::leak_checked;

/// Counts its drops, on whatever thread.
#[derive(Clone, Default)]
pub(crate) struct Drops(Arc<AtomicU32>);

pub(crate) struct Counted(Drops);

impl Drops {
    pub(crate) fn counted(&self) -> Counted {
        Counted(self.clone())
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// test_arg_refs (Y)
#[test]
fn switches_keep_nothing_of_what_they_carry() {
    leak_checked(|| {
        let value = Rc::new(["a", "b", "c"]);
        let g = Greenlet::<Rc<[&'static str; 3]>>::new(|mut value| {
            loop {
                value = main().switch(value);
            }
        });
        for _ in 0..100 {
            let back = g.switch(value.clone());
            assert!(Rc::ptr_eq(&back, &value));
            assert_eq!(Rc::strong_count(&value), 2);
        }
        assert_eq!(Rc::strong_count(&value), 1);
    });
}

greenlet_local! {
    static OF_MAIN: RefCell<Option<Counted>> = RefCell::new(None);
    static FINISHED: RefCell<Vec<(Greenlet, Counted)>> = RefCell::new(Vec::new());
}

/// test_threaded_leak (A: the locals of a thread's main greenlet)
#[test]
fn the_main_greenlet_ends_with_its_thread() {
    let drops = Drops::default();
    for ended in 1..=2 {
        let counted = drops.counted();
        let worker = move || {
            OF_MAIN.set(Some(counted));
            assert!(main().is_active());
        };
        thread::spawn(worker).join().unwrap();
        assert_eq!(drops.count(), ended);
    }
}

/// test_threaded_adv_leak (A: main's locals own finished greenlets, which share them)
#[test]
fn finished_greenlets_in_a_cycle_with_main_end_with_its_thread() {
    let drops = Drops::default();
    for ended in 1..=2 {
        let given = drops.clone();
        let worker = move || {
            for _ in 0..2 {
                let counted = given.counted();
                let additional = Greenlet::builder().share_locals().build(move |()| {
                    let entry = (Greenlet::current(), counted);
                    FINISHED.with_borrow_mut(|all| all.push(entry));
                });
                additional.switch(());
                assert!(additional.is_dead());
            }
            assert_eq!(FINISHED.with_borrow(Vec::len), 2);
            assert_eq!(given.count(), 2 * (ended - 1));
        };
        thread::spawn(worker).join().unwrap();
        assert_eq!(drops.count(), 2 * ended);
    }
}

thread_local! {
    static OF_THREAD: RefCell<Option<Counted>> = const { RefCell::new(None) };
    static KEPT: RefCell<Option<Greenlet>> = const { RefCell::new(None) };
}

/// A suspended greenlet in a thread that ends after it was asked to do `at_end` with it. One value in its frame and one of its
/// thread are dropped exactly once by then.
#[track_caller]
fn abandon_in_thread(body: fn(), at_end: fn(Greenlet)) {
    let drops = Drops::default();
    let (running, is_running) = mpsc::channel();
    let (ask, asked) = mpsc::channel();
    let worker = {
        let drops = drops.clone();
        move || {
            let of_frame = drops.counted();
            let g = Greenlet::new(move |()| {
                let _of_frame = of_frame;
                OF_THREAD.set(Some(drops.counted()));
                body();
            });
            g.switch(());
            running.send(g.is_active()).unwrap();
            asked.recv().unwrap();
            at_end(g);
        }
    };
    let worker = thread::spawn(worker);
    assert!(is_running.recv().unwrap());
    assert_eq!(drops.count(), 0);
    ask.send(()).unwrap();
    worker.join().unwrap();
    assert_eq!(drops.count(), 2);
}

fn wait() {
    main().switch::<(), ()>(());
}

/// test_issue251_killing_cross_thread_leaks_list (A: the other thread asks the owner to drop it)
#[test]
fn a_drop_asked_for_by_another_thread_ends_the_greenlet() {
    abandon_in_thread(wait, drop);
}

/// test_issue251_issue252_need_to_collect_in_background (A: the thread ends without another call)
#[test]
fn a_thread_that_ends_without_another_call_ends_its_greenlets() {
    // The owner is destroyed with the thread.
    abandon_in_thread(wait, |g| KEPT.set(Some(g)));
    // The owner is never destroyed.
    abandon_in_thread(wait, forget);
}

/// test_issue251_issue252_explicit_reference_not_collectable (A: its frame owns itself and main)
#[test]
fn a_frame_that_owns_its_own_greenlet_and_main_ends_with_its_thread() {
    fn wait_owning() {
        let _myself = Greenlet::<(), ()>::current();
        let main = Greenlet::<(), ()>::main();
        main.switch(());
    }
    abandon_in_thread(wait_owning, drop);
}
