//! What runs at the end of a greenlet and of a thread.

use std::cell::{Cell, RefCell};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use greenlet::event::Event;
use greenlet::hub::measure;
use greenlet::lock::Semaphore;
use greenlet::{Greenlet, GreenletId, JoinHandle, trace};

use crate::on_drop;
use crate::support::{Bell, leak_checked};

const HOUR: Duration = Duration::from_secs(3600);

thread_local! {
    static KEPT: Kept = const { Kept(RefCell::new(None)) };
}

struct Kept(RefCell<Option<JoinHandle<()>>>);

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            handle.kill();
            let _ = handle.is_finished();
        }
    }
}

/// A payload that comes for main too late, with a destructor that uses the hub which is just being freed.
#[test]
fn what_main_did_not_hear_of_is_dropped_while_there_is_a_hub() {
    thread::spawn(|| {
        KEPT.with(|_| ()); // destroyed after the library's own
        let main = greenlet::current();
        let woken = Rc::new(Event::new());
        let wake = woken.clone();
        let child = Greenlet::builder().parent(&main).build(move |()| -> () {
            wake.set(); // main is woken, and cannot be hit any more
            panic_any(on_drop(|| {
                let spawned = greenlet::spawn(|| ());
                KEPT.with(|kept| *kept.0.borrow_mut() = Some(spawned));
            }));
        });
        let name = (*child).clone();
        drop(greenlet::spawn(move || {
            let _ = name.try_switch::<(), ()>(());
        }));
        woken.wait();
        // Main does not wait any more.
    })
    .join()
    .unwrap();
}

/// The payload of an observer's panic comes to a greenlet that is about to end, so that nobody hears of it; its destructor waits.
#[test]
fn what_a_dying_greenlet_did_not_hear_of_is_dropped_on_its_own_stack() {
    leak_checked(|| {
        greenlet::__simulate();
        struct Waits;
        impl Drop for Waits {
            fn drop(&mut self) {
                let me = greenlet::current();
                trace::set(move |_, _, to| {
                    if *to == me {
                        panic_any(on_drop(|| {
                            eprintln!("dropped on {:?}", greenlet::current());
                            greenlet::yield_now();
                            greenlet::yield_now();
                        }));
                    }
                });
                greenlet::sleep(Duration::from_millis(1));
                trace::clear();
            }
        }
        let others = [0, 1].map(|_| {
            greenlet::spawn(|| {
                for _ in 0..20 {
                    greenlet::sleep(Duration::from_micros(300));
                }
            })
        });
        let dying = Greenlet::new(|()| Waits);
        let name = (*dying).clone();
        let starter = greenlet::spawn(move || {
            let _ = name.try_switch::<(), u8>(());
        });
        // Main is its parent, and is told of the result that nobody takes.
        let told = catch_unwind(AssertUnwindSafe(|| {
            starter.wait_timeout(Duration::from_millis(200))
        }));
        assert!(told.is_err_and(|payload| payload.is::<String>()));
        greenlet::join_all(others);
        starter.kill();
        starter.wait();
        drop(dying);
    });
}

/// A greenlet that survives the kill at the end of its thread gives main a result, while main waits for it to die.
#[test]
fn a_result_that_comes_at_the_end_of_the_thread_does_not_end_the_process() {
    thread::spawn(|| {
        let survivor = Greenlet::new(|()| {
            let _ = catch_unwind(|| greenlet::sleep(HOUR));
            5
        });
        let name = (*survivor).clone();
        drop(greenlet::spawn(move || {
            let _ = name.try_switch::<(), i32>(());
        }));
        greenlet::yield_now(); // it sleeps
        mem::forget(survivor);
    })
    .join()
    .unwrap();
}

/// The same, with a panic.
#[test]
fn a_panic_that_comes_at_the_end_of_the_thread_does_not_end_the_process() {
    thread::spawn(|| {
        let survivor = Greenlet::new(|()| -> i32 {
            let _ = catch_unwind(|| greenlet::sleep(HOUR));
            panic!("after the kill")
        });
        let name = (*survivor).clone();
        drop(greenlet::spawn(move || {
            let _ = name.try_switch::<(), i32>(());
        }));
        greenlet::yield_now();
        mem::forget(survivor);
    })
    .join()
    .unwrap();
}

thread_local! {
    static DETOUR: RefCell<Option<Greenlet<(), ()>>> = const { RefCell::new(None) };
}

/// From whom to whom control went.
type Steps = Rc<RefCell<Vec<(GreenletId, GreenletId)>>>;

/// Ends a greenlet that nobody owns any more, and drops what came too late for it, which switches, where main arrives. Main has to
/// see to that end all the same: the parent, which only the link keeps, is gone then.
fn end_beside_a_detour(begin: impl FnOnce(&Steps), end: impl FnOnce()) {
    let gone = Rc::new(Cell::new(0));
    let bell = Bell(gone.clone());
    let parent = Greenlet::<(), ()>::new(move |()| drop(bell));
    let gate = Rc::new(Semaphore::new(0));
    let owner: Rc<RefCell<Option<Greenlet<(), ()>>>> = Rc::default();
    let (entered, owned) = (gate.clone(), owner.clone());
    let passes = move |()| {
        entered.acquire();
        owned.take();
    };
    let g = Greenlet::with_parent(passes, &parent);
    drop(parent);
    let name = g.any();
    let main = greenlet::main();
    let back = greenlet::spawn(move || main.switch::<(), ()>(()));
    g.switch(());
    owner.replace(Some(g));
    let detour = Greenlet::new(|()| ());
    let way = [name.id(), greenlet::main().id(), detour.id()];
    DETOUR.set(Some(detour));
    let steps = Steps::default();
    gate.release();
    begin(&steps);
    // It has what it waited for, so it does not hear of this.
    let late = on_drop(|| DETOUR.take().expect("dropped once").switch(()));
    let ended = name.try_throw::<()>(Box::new(late));
    end();
    assert!(ended.is_ok() && name.is_dead());
    assert!(DETOUR.take().is_none(), "there was no detour");
    assert_eq!(gone.get(), 1, "the parent's body was not dropped");
    let [g, main, detour] = way;
    let (steps, last) = (steps.take(), [(g, main), (main, detour), (detour, main)]);
    assert!(steps.is_empty() || steps.ends_with(&last), "{steps:?}");
    back.kill();
    back.wait();
}

#[test]
fn a_forsaken_end_is_seen_to_though_what_came_too_late_switches_when_it_is_observed() {
    leak_checked(|| {
        let observe = |steps: &Steps| {
            let steps = steps.clone();
            trace::set(move |_, from, to| steps.borrow_mut().push((from.id(), to.id())));
        };
        end_beside_a_detour(observe, || drop(trace::clear()));
    });
}

#[test]
fn a_forsaken_end_is_seen_to_though_what_came_too_late_switches_when_it_is_measured() {
    leak_checked(|| end_beside_a_detour(|_| measure(true), || measure(false)));
}
