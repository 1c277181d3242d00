//! Carried over from greenlet's `tests/test_greenlet.py`: greenlets in several threads. Behaviours only, in own words.
//!
//! Adapted: handles cannot leave their thread, which upstream finds out at run time. So the tests in which a thread
//! misuses another's greenlet assert that no handle is `Send` or `Sync` (the errors themselves are `compile_fail` doc
//! tests beside the handles), and that greenlets are not disturbed by what other threads do. What upstream does to
//! greenlets of a thread that has ended is done here by a destructor of a thread-local, which comes after that end.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use greenlet::{
    AnyGreenlet, Greenlet, GreenletExit, GreenletId, State, SwitchError, WeakGreenlet, current,
    main,
};

use crate::support::leak_checked;

/// Its constants are inherent where `T` is `Send` or `Sync`, and those of the traits elsewhere.
struct Probe<T>(T);

trait SendsNot {
    const IS_SEND: bool = false;
}

trait SharesNot {
    const IS_SYNC: bool = false;
}

impl<T> SendsNot for Probe<T> {}
impl<T> SharesNot for Probe<T> {}

impl<T: Send> Probe<T> {
    const IS_SEND: bool = true;
}

impl<T: Sync> Probe<T> {
    const IS_SYNC: bool = true;
}

/// Neither a handle nor a reference to one gets out of its thread; an id does.
#[track_caller]
fn assert_handles_stay() {
    let sent = [
        Probe::<Greenlet>::IS_SEND,
        Probe::<AnyGreenlet>::IS_SEND,
        Probe::<WeakGreenlet>::IS_SEND,
    ];
    let shared = [
        Probe::<Greenlet>::IS_SYNC,
        Probe::<AnyGreenlet>::IS_SYNC,
        Probe::<WeakGreenlet>::IS_SYNC,
    ];
    assert_eq!((sent, shared), ([false; 3], [false; 3]));
    assert_eq!(
        (Probe::<GreenletId>::IS_SEND, Probe::<GreenletId>::IS_SYNC),
        (true, true)
    );
}

/// Leaves for main and comes back with how often that was, for ever.
fn counter() -> Greenlet<(), u32> {
    Greenlet::new(|()| {
        for count in 1.. {
            main().switch::<u32, ()>(count);
        }
        unreachable!("it does not count that far")
    })
}

/// Counts its drops, on whatever thread.
struct Drops(Arc<AtomicUsize>);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// test_switching_many_threads (A: others get ids, and each thread switches to its own at the same time)
#[test]
fn many_threads_switch_at_once_and_none_disturbs_another() {
    const THREADS: usize = 16;
    const ROUNDS: usize = 20;

    assert_handles_stay();
    leak_checked(|| {
        let ready = Arc::new(Barrier::new(THREADS));
        let work = || {
            let ready = ready.clone();
            thread::spawn(move || {
                let (mut ids, mut counts) = (vec![main().id()], Vec::new());
                for _ in 0..ROUNDS {
                    let g = counter();
                    ids.push(g.id());
                    let first = g.switch(());
                    ready.wait();
                    counts.push((first, g.switch(())));
                }
                (ids, counts)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(|_| work()).collect();
        let mut ids = BTreeSet::new();
        for thread in threads {
            let (its_ids, counts) = thread.join().unwrap();
            assert_eq!(counts, [(1, 2); ROUNDS]);
            ids.extend(its_ids.iter().map(|id| id.to_string()));
        }
        assert_eq!(ids.len(), THREADS * (1 + ROUNDS));
    });
}

/// test_dealloc_other_thread (A: another thread can only ask the owner to drop)
#[test]
fn a_drop_asked_for_by_another_thread_happens_in_the_owners() {
    assert_handles_stay();
    leak_checked(|| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (ask, asked) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let notes = seen.clone();
        let owner = thread::spawn(move || {
            let g = Greenlet::<(), ()>::new(move |()| {
                let main = main();
                let payload = catch_unwind(|| main.switch::<(), ()>(())).unwrap_err();
                let note = (thread::current().id(), payload.is::<GreenletExit>());
                notes.lock().unwrap().push(note);
                resume_unwind(payload)
            });
            g.switch(());
            tell.send(thread::current().id()).unwrap();
            asked.recv().unwrap();
            let name = g.any();
            drop(g);
            assert!(name.is_dead());
            tell.send(thread::current().id()).unwrap();
        });
        let owners_id = told.recv().unwrap();
        assert!(seen.lock().unwrap().is_empty());
        ask.send(()).unwrap();
        told.recv().unwrap();
        assert_eq!(*seen.lock().unwrap(), [(owners_id, true)]);
        owner.join().unwrap();
    });
}

/// test_thread_bug (Y)
#[test]
fn greenlets_of_two_threads_block_at_once() {
    leak_checked(|| {
        let both = Arc::new(Barrier::new(2));
        let threads = [20, 30].map(|milliseconds| {
            let both = both.clone();
            thread::spawn(move || {
                let g = Greenlet::new(move |nap| {
                    // Inside a greenlet in both threads.
                    both.wait();
                    thread::sleep(nap);
                    current()
                });
                let slept = g.switch(Duration::from_millis(milliseconds));
                slept == g && g.is_dead()
            })
        });
        assert_eq!(threads.map(|thread| thread.join().unwrap()), [true; 2]);
    });
}

/// test_switch_to_another_thread (A: by type; the other thread's new greenlet stays new)
#[test]
fn only_its_own_thread_can_start_a_greenlet() {
    assert_handles_stay();
    leak_checked(|| {
        let (tell, told) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let owner = thread::spawn(move || {
            let g = Greenlet::new(|()| thread::current().id());
            tell.send(g.id()).unwrap();
            released.recv().unwrap();
            let before = g.state();
            (before, g.switch(()) == thread::current().id())
        });
        let id = told.recv().unwrap();
        let mine = Greenlet::new(|()| current().id());
        assert_ne!(mine.switch(()), id);
        release.send(()).unwrap();
        assert_eq!(owner.join().unwrap(), (State::New, true));
    });
}

/// test_threaded_reparent (A: by type; every lineage ends in the main greenlet of its own thread)
#[test]
fn no_lineage_leads_into_another_thread() {
    fn root(greenlet: &AnyGreenlet) -> AnyGreenlet {
        match greenlet.parent() {
            Some(parent) => root(&parent),
            None => greenlet.clone(),
        }
    }

    /// With a greenlet suspended between its old and its new parent.
    fn lineages() -> GreenletId {
        let adopts = Greenlet::new(|()| ());
        let g = counter();
        g.switch(());
        assert_eq!(root(&g), main());
        g.set_parent(&adopts).unwrap();
        assert_eq!((g.parent().unwrap(), root(&g)), (adopts.any(), main()));
        main().id()
    }

    assert_handles_stay();
    leak_checked(|| {
        let other = thread::spawn(lineages).join().unwrap();
        assert_ne!(lineages(), other);
    });
}

/// test_threaded_updatecurrent (A: the destructor runs in a kill by drop, which is never deferred)
#[test]
fn a_destructor_may_wait_for_a_thread_that_kills_its_own() {
    /// Hands over to the other thread when dropped, and waits for it. Says who ran before and after.
    struct HandsOver(
        Sender<()>,
        mpsc::Receiver<()>,
        Rc<RefCell<Vec<AnyGreenlet>>>,
    );

    impl Drop for HandsOver {
        fn drop(&mut self) {
            self.2.borrow_mut().push(current());
            let waited = self.0.send(()).is_ok() && self.1.recv().is_ok();
            if waited {
                self.2.borrow_mut().push(current());
            }
        }
    }

    leak_checked(|| {
        let (go, gone) = mpsc::channel();
        let (back, come) = mpsc::channel();
        let other = thread::spawn(move || {
            gone.recv().unwrap();
            let g = counter();
            g.switch(());
            let name = g.any();
            drop(g);
            let is_current = current() == main();
            back.send(()).unwrap();
            name.is_dead() && is_current
        });
        let ran = Rc::new(RefCell::new(Vec::new()));
        let finalized = HandsOver(go, come, ran.clone());
        let g = Greenlet::new(move |()| {
            let _finalized = finalized;
            main().switch::<(), ()>(());
        });
        g.switch(());
        let name = g.any();
        drop(g);
        assert_eq!(current(), main());
        assert!(name.is_dead());
        assert_eq!(*ran.borrow(), [name.clone(), name]);
        assert!(other.join().unwrap());
    });
}

/// Has a function called when the greenlets of this thread have ended: the thread-local used first is destroyed last.
fn after_the_end(call: impl FnOnce() + 'static) {
    struct Late(Option<Box<dyn FnOnce()>>);

    impl Drop for Late {
        fn drop(&mut self) {
            if let Some(call) = self.0.take() {
                call();
            }
        }
    }

    thread_local! {
        static LATE: RefCell<Late> = const { RefCell::new(Late(None)) };
    }
    LATE.with_borrow_mut(|late| late.0 = Some(Box::new(call)));
}

/// Throws at a worker when its thread has ended; the worker was left suspended or had ended before. Gives what came
/// of the throw, how often the worker's local was dropped before, and the `Debug` of the worker.
fn throw_after_the_end(finish: bool) -> (bool, usize, String) {
    let (tell, told) = mpsc::channel();
    let creator = thread::spawn(move || {
        let slot = Rc::new(RefCell::new(None));
        let drops = Arc::new(AtomicUsize::new(0));
        let (late_slot, late_drops) = (slot.clone(), drops.clone());
        after_the_end(move || {
            let worker: Greenlet<(), ()> = late_slot.take().expect("the thread left it");
            let refused = worker.try_throw(Box::new("late"));
            let is_refused = match &refused {
                Err(SwitchError::Dead(payload)) => payload.downcast_ref() == Some(&"late"),
                _ => false,
            };
            let dropped = late_drops.load(Ordering::SeqCst);
            tell.send((is_refused, dropped, format!("{worker:?}")))
                .unwrap();
        });
        let local = Drops(drops.clone());
        let worker = Greenlet::new(move |()| {
            let _local = local;
            main().switch::<(), ()>(());
        });
        worker.switch(());
        if finish {
            worker.switch(());
        }
        let state = worker.state();
        slot.replace(Some(worker));
        (state, drops.load(Ordering::SeqCst))
    });
    let expected = match finish {
        true => (State::Dead, 1),
        false => (State::Suspended, 0),
    };
    assert_eq!(creator.join().unwrap(), expected);
    told.recv().expect("the destructor ran")
}

/// test_throw_to_dead_thread_doesnt_crash (A: left suspended, it was killed at the end of the thread)
#[test]
fn a_throw_at_a_greenlet_that_its_thread_left_behind_is_refused() {
    leak_checked(|| {
        let (is_refused, dropped, text) = throw_after_the_end(false);
        assert!(is_refused);
        assert_eq!(dropped, 1);
        assert!(text.ends_with(" dead)"), "{text}");
    });
}

/// test_throw_to_dead_thread_doesnt_crash_wait (A: it had ended; nothing of it is left)
#[test]
fn a_throw_at_a_greenlet_that_ended_before_its_thread_is_refused() {
    leak_checked(|| {
        let (is_refused, dropped, text) = throw_after_the_end(true);
        assert!(is_refused);
        assert_eq!(dropped, 1);
        assert!(text.ends_with(" dead)"), "{text}");
    });
}

/// test_main_from_other_thread (A: its own thread prints it, before and after the end)
#[test]
fn the_main_of_a_thread_is_dead_after_its_end() {
    leak_checked(|| {
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            let slot = Rc::new(RefCell::new(None::<AnyGreenlet>));
            let late = slot.clone();
            after_the_end(move || {
                let main = late.take().expect("the thread left it");
                for _ in 0..3 {
                    tell.send((main.is_dead(), format!("{main:?}"))).unwrap();
                }
            });
            slot.replace(Some(main()));
            (main().is_dead(), format!("{:?}", main()), main().id())
        });
        let (was_dead, before, id) = thread.join().unwrap();
        assert_eq!(
            (was_dead, before),
            (false, format!("Greenlet({id} running main)"))
        );
        let after: Vec<_> = told.iter().collect();
        assert_eq!(after, vec![(true, format!("Greenlet({id} dead main)")); 3]);
        assert_ne!(id, main().id());
    });
}
