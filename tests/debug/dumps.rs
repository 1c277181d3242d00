//! What a dump tells of the calling thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::channel::bounded;
use greenlet::debug::{Activity, Dump, GreenletDump, dump};
use greenlet::event::Event;
use greenlet::net::{TcpListener, TcpStream};
use greenlet::sync::Mutex;
use greenlet::{Greenlet, GreenletId, JoinHandle, sleep, spawn, spawn_later, timeout, yield_now};

use crate::support::{Token, world_checked};

const HOUR: Duration = Duration::from_secs(3600);

/// The only greenlet of that name.
#[track_caller]
fn named<'a>(dump: &'a Dump, name: &str) -> &'a GreenletDump {
    let greenlets = dump.threads[0].greenlets.iter();
    let mut found = greenlets.filter(|greenlet| greenlet.name.as_deref() == Some(name));
    let first = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "two are called {name}");
    first
}

fn main_of(dump: &Dump) -> &GreenletDump {
    let first = &dump.threads[0].greenlets[0];
    assert!(first.is_main);
    first
}

/// Has a greenlet die, and sees it dead.
fn end<T>(handle: JoinHandle<T>) {
    handle.kill();
    _ = handle.join();
}

/// Whether a frame of such a name is there.
fn is_in(greenlet: &GreenletDump, function: &str) -> bool {
    let frames = greenlet.backtrace.frames();
    let mut names = frames.iter().filter_map(|frame| frame.function.as_deref());
    names.any(|name| name.contains(function))
}

fn build(name: &str) -> greenlet::GreenletBuilder {
    Greenlet::builder().name(name)
}

/// A call that is not inlined, as deep as asked.
#[inline(never)]
fn descend(depth: usize, f: &dyn Fn()) {
    let room = black_box([0_u8; 64]);
    match depth {
        0 => f(),
        _ => descend(depth - 1, f),
    }
    black_box(room);
}

#[test]
fn a_thread_without_others_has_main() {
    world_checked(|| {
        let dump = dump();
        assert_eq!(dump.threads.len(), 1);
        assert!(dump.silent.is_empty());
        assert_eq!(dump.threads[0].greenlets.len(), 1);
        assert!(dump.threads[0].stats.is_none(), "there is no hub yet");
        let main = main_of(&dump);
        assert_eq!(main.activity, Activity::Running);
        assert!(main.stack.is_none() && main.created_at.is_none());
        assert!(is_in(main, "a_thread_without_others_has_main"));
    });
}

#[test]
fn one_that_waits_for_a_lock_names_the_holder_and_both_their_calls() {
    world_checked(|| {
        let lock = Rc::new(Mutex::new(()));
        let go = Rc::new(Event::new());
        let holder = build("holder").spawn({
            let (lock, go) = (lock.clone(), go.clone());
            move || {
                let _held = lock.lock().unwrap();
                descend(3, &|| go.wait());
            }
        });
        let waiter = build("waiter").spawn(move || drop(lock.lock().unwrap()));
        yield_now();
        let dump = dump();
        let parked = named(&dump, "waiter");
        assert_eq!(parked.activity, Activity::Parked);
        assert_eq!(parked.waits_for.as_deref(), Some("a `Mutex`"));
        assert_eq!(parked.held_by, Some(named(&dump, "holder").id));
        assert!(parked.waits_at.unwrap().file().ends_with("dumps.rs"));
        assert!(parked.waited.unwrap() < HOUR && parked.time_left.is_none());
        let held = named(&dump, "holder");
        assert_eq!(held.waits_for.as_deref(), Some("an `Event`"));
        let frames = held.backtrace.frames();
        let descended = |function: &Option<String>| {
            function
                .as_deref()
                .is_some_and(|name| name.contains("descend"))
        };
        let deep = frames.iter().filter(|frame| descended(&frame.function));
        assert!(deep.count() >= 4, "{frames:?}");
        go.set();
        holder.join().unwrap();
        waiter.join().unwrap();
    });
}

#[test]
fn every_state_has_a_name() {
    world_checked(|| {
        let (send, receive) = bounded::<()>(0);
        let parked = build("parked").spawn(move || receive.recv());
        let later = build("later").spawn(|| ());
        let new = build("new").build::<(), ()>(|()| ());
        let suspended = build("suspended").build(|()| {
            greenlet::main().switch::<(), ()>(());
        });
        suspended.switch(());
        let timed = spawn_later(HOUR, || ());
        let asked = build("asked").spawn(|| {
            let dump = dump();
            assert_eq!(named(&dump, "asked").activity, Activity::Running);
            assert_eq!(main_of(&dump).activity, Activity::Runnable);
            dump
        });
        let before = dump();
        assert_eq!(main_of(&before).activity, Activity::Running);
        assert_eq!(named(&before, "parked").activity, Activity::Runnable);
        assert_eq!(named(&before, "new").activity, Activity::New);
        assert_eq!(named(&before, "suspended").activity, Activity::Suspended);
        assert_eq!(
            named(&before, "suspended").waits_for.as_deref(),
            Some("a switch back")
        );
        yield_now();
        let after = dump();
        assert_eq!(named(&after, "parked").activity, Activity::Parked);
        let timed_one = after.threads[0]
            .greenlets
            .iter()
            .find(|g| g.time_left.is_some())
            .unwrap();
        assert_eq!(timed_one.activity, Activity::New);
        assert!(timed_one.time_left.unwrap() > HOUR / 2);
        assert!(
            after.threads[0]
                .greenlets
                .iter()
                .all(|g| g.name.as_deref() != Some("later"))
        );
        drop((send, new, suspended));
        end(timed);
        _ = parked.join();
        later.join().unwrap();
        asked.join().unwrap();
    });
}

#[test]
fn a_limit_tells_how_long_is_left() {
    world_checked(|| {
        let sleeper = build("sleeper").spawn(|| sleep(HOUR));
        let limited = build("limited").spawn(|| {
            let event = Event::new();
            event.wait_timeout(HOUR)
        });
        let outer = build("outer").spawn(|| timeout(HOUR, || Event::new().wait()));
        yield_now();
        let dump = dump();
        for name in ["sleeper", "limited"] {
            let left = named(&dump, name).time_left.unwrap();
            assert!(left <= HOUR && left > HOUR / 2, "{name}: {left:?}");
        }
        assert_eq!(
            named(&dump, "outer").time_left,
            None,
            "the wait itself has no end"
        );
        end(sleeper);
        end(limited);
        end(outer);
    });
}

#[test]
fn a_socket_is_named_with_both_its_ends() {
    world_checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(at).unwrap();
        let (mut server, peer) = listener.accept().unwrap();
        let reader = build("reader").spawn(move || server.read(&mut [0]));
        let acceptor = build("acceptor").spawn(move || listener.accept().map(|_| ()));
        yield_now();
        let dump = dump();
        let words = named(&dump, "reader").waits_for.clone().unwrap();
        assert!(words.starts_with("a read from file descriptor "), "{words}");
        assert!(words.ends_with(&format!(" ({at} <-> {peer})")), "{words}");
        let words = named(&dump, "acceptor").waits_for.clone().unwrap();
        assert!(words.ends_with(&format!(" ({at})")), "{words}");
        std::io::Write::write_all(&mut client, b"x").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 1);
        end(acceptor);
    });
}

#[test]
fn a_stack_tells_what_is_in_use_and_what_was() {
    world_checked(|| {
        let deep = build("deep").stack_size(1 << 20).spawn(|| {
            descend(200, &|| ());
            Event::new().wait();
        });
        let shallow = build("shallow").spawn(|| Event::new().wait());
        yield_now();
        let dump = dump();
        let stack = named(&dump, "deep").stack.unwrap();
        assert!(stack.size >= 1 << 20);
        assert!(stack.high_water > 200 * 64 && stack.high_water <= stack.size);
        assert!(stack.in_use.unwrap() > 0 && stack.in_use.unwrap() < stack.high_water);
        let shallow_one = named(&dump, "shallow").stack.unwrap();
        assert!(shallow_one.high_water < stack.high_water);
        end(deep);
        end(shallow);
    });
}

#[test]
#[cfg_attr(feature = "sanitizer", ignore = "its frames are much larger")]
fn one_with_too_little_stack_left_is_not_asked_for_its_frames() {
    world_checked(|| {
        /// Goes down until so much is left, and waits there.
        fn fill(floor: usize, event: &Event) {
            let room = black_box([0_u8; 256]);
            if (&raw const room as usize) < floor {
                event.wait();
            } else {
                fill(floor, event);
            }
            black_box(room);
        }
        let event = Rc::new(Event::new());
        let mut full = Vec::new();
        // Ever nearer to the end, until it is too near.
        let refused = (0..64).find_map(|step| {
            let name = format!("full {step}");
            full.push(build(&name).spawn({
                let (name, event) = (name.clone(), event.clone());
                move || {
                    // What a first wait needs is more than is left in the end.
                    greenlet::sleep(Duration::ZERO);
                    let top = 0_u8;
                    let size = named(&dump(), &name).stack.unwrap().size;
                    fill(
                        &raw const top as usize - size + (20 << 10) - 256 * step,
                        &event,
                    );
                }
            }));
            while named(&dump(), &name).activity != Activity::Parked {
                yield_now();
            }
            let dump = dump();
            let backtrace = &named(&dump, &name).backtrace;
            let too_little = backtrace.remark().filter(|remark| *remark != "and more");
            assert_eq!(backtrace.frames().is_empty(), too_little.is_some());
            too_little
        });
        assert_eq!(
            refused,
            Some("too little of its stack is left to look at it")
        );
        // A kill would need room to unwind.
        event.set();
        greenlet::wait_all(&full);
    });
}

#[test]
fn a_ring_of_switches_that_never_visits_the_hub_may_be_looked_at() {
    use std::sync::mpsc::channel;

    world_checked(|| {
        let (tell, told) = channel();
        let watchdog = greenlet::debug::Watchdog::with(Duration::from_millis(2), move |hogged| {
            _ = tell.send(hogged);
        });
        let waits = spawn(|| ());
        let ring = Greenlet::new(|mut n: u64| -> u64 {
            loop {
                n = greenlet::main().switch::<u64, u64>(n + 1);
            }
        });
        let began = std::time::Instant::now();
        let mut n = 0;
        // It is looked at wherever it is just then, also between two stacks.
        while told.try_recv().is_err() && began.elapsed() < HOUR {
            for _ in 0..1000 {
                n = ring.switch(n);
            }
        }
        assert!(n > 0);
        waits.join().unwrap();
        drop((ring, watchdog));
    });
}

#[test]
fn frames_beyond_a_limit_are_left_out_and_it_says_so() {
    world_checked(|| {
        let deep = build("deep")
            .stack_size(4 << 20)
            .spawn(|| descend(1000, &|| Event::new().wait()));
        yield_now();
        let dump = dump();
        assert_eq!(named(&dump, "deep").backtrace.remark(), Some("and more"));
        end(deep);
    });
}

#[test]
fn a_dump_disturbs_nobody() {
    world_checked(|| {
        let seen = Rc::new(RefCell::new(Vec::new()));
        greenlet::trace::set({
            let seen = seen.clone();
            move |_, from, to| seen.borrow_mut().push((from.id(), to.id()))
        });
        let (send, receive) = bounded(1);
        let counter = build("counter").spawn(move || receive.iter().sum::<u32>());
        let partner = Greenlet::new(|mut n: u32| -> u32 {
            loop {
                n = greenlet::main().switch::<u32, u32>(n + 1);
            }
        });
        assert_eq!(partner.switch(1), 2);
        for n in 0..10 {
            send.send(n).unwrap();
            let before = seen.borrow().len();
            let runnable = dump();
            yield_now();
            let parked = dump();
            assert_eq!(runnable.threads[0].greenlets.len(), 3);
            assert_eq!(named(&parked, "counter").activity, Activity::Parked);
            assert_eq!(
                seen.borrow().len() - before,
                4,
                "only main's turn and the counter's"
            );
            assert_eq!(partner.switch(n), n + 1);
        }
        drop(send);
        assert_eq!(counter.join().unwrap(), 45);
        greenlet::trace::clear();
    });
}

#[test]
fn a_dump_may_be_made_anywhere() {
    world_checked(|| {
        struct OnDrop(Rc<RefCell<Vec<Dump>>>);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.borrow_mut().push(dump());
            }
        }
        let dumps = Rc::new(RefCell::new(Vec::new()));
        let token = Token::new();
        let parked = build("parked").spawn({
            let on_drop = OnDrop(dumps.clone());
            move || {
                let _kept = (on_drop, token);
                Event::new().wait();
            }
        });
        yield_now();
        // In a destructor, while a kill unwinds.
        end(parked);
        // In a greenlet that was switched to by hand, below main and below a spawned one.
        let inner = {
            let dumps = dumps.clone();
            Greenlet::new(move |()| dumps.borrow_mut().push(dump()))
        };
        inner.switch(());
        let outer = {
            let dumps = dumps.clone();
            build("outer").spawn(move || {
                let inner = Greenlet::new(move |()| dumps.borrow_mut().push(dump()));
                inner.switch(());
            })
        };
        outer.join().unwrap();
        // While a panic unwinds, with one that waits mid-unwind.
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _on_drop = OnDrop(dumps.clone());
            resume_unwind(Box::new(1));
        }));
        assert!(panicked.is_err());
        assert_eq!(dumps.borrow().len(), 4);
        for dump in dumps.borrow().iter() {
            let text = dump.to_string();
            assert!(text.contains("main (#"), "{text}");
        }
    });
}

#[test]
#[cfg_attr(feature = "sanitizer", ignore = "it has frames of its own in between")]
fn main_is_seen_from_below() {
    world_checked(|| {
        #[inline(never)]
        fn where_main_waits(event: &Event) {
            event.wait();
            black_box(event);
        }
        let event = Rc::new(Event::new());
        let asked = build("asked").spawn({
            let event = event.clone();
            move || {
                let dump = dump();
                event.set();
                dump
            }
        });
        where_main_waits(&event);
        let dump = asked.join().unwrap();
        let main = main_of(&dump);
        assert_eq!(main.activity, Activity::Parked);
        assert!(
            is_in(main, "where_main_waits"),
            "{:?}",
            main.backtrace.frames()
        );
        assert!(!is_in(main, "corosensei"), "{:?}", main.backtrace.frames());
        assert!(!is_in(named(&dump, "asked"), "where_main_waits"));
    });
}

#[test]
fn whom_each_has_spawned_stands_below_it() {
    world_checked(|| {
        let event = Rc::new(Event::new());
        let root = build("root").spawn({
            let event = event.clone();
            move || {
                let child = build("child").spawn(|| {
                    let grandchild = build("grandchild").spawn(move || event.wait());
                    grandchild.join()
                });
                child.join()
            }
        });
        yield_now();
        yield_now();
        yield_now();
        let dump = dump();
        let by: HashMap<GreenletId, Option<GreenletId>> = dump.threads[0]
            .greenlets
            .iter()
            .map(|g| (g.id, g.created_by))
            .collect();
        let [root_id, child, grandchild] =
            ["root", "child", "grandchild"].map(|name| named(&dump, name).id);
        assert_eq!(by[&grandchild], Some(child));
        assert_eq!(by[&child], Some(root_id));
        assert_eq!(by[&root_id], Some(main_of(&dump).id));
        let text = dump.to_string();
        let indent = |name: &str| {
            let line = text
                .lines()
                .find(|line| line.trim_start().starts_with(&format!("`{name}`")));
            let line = line.unwrap_or_else(|| panic!("{text}"));
            line.len() - line.trim_start().len()
        };
        assert!(indent("root") < indent("child"), "{text}");
        assert!(indent("child") < indent("grandchild"), "{text}");
        assert!(text.contains("waits for the end of `grandchild`"), "{text}");
        event.set();
        root.join().unwrap().unwrap().unwrap();
    });
}

#[test]
fn ten_thousand_are_told_of() {
    world_checked(|| {
        let event = Rc::new(Event::new());
        let waiters: Vec<_> = (0..10_000)
            .map(|_| {
                let event = event.clone();
                spawn(move || event.wait())
            })
            .collect();
        yield_now();
        let dump = dump();
        let greenlets = &dump.threads[0].greenlets;
        assert_eq!(greenlets.len(), 10_001);
        let parked = greenlets.iter().filter(|g| g.activity == Activity::Parked);
        assert_eq!(parked.count(), 10_000);
        assert!(
            greenlets[1..]
                .iter()
                .all(|g| g.waits_for.as_deref() == Some("an `Event`"))
        );
        event.set();
        greenlet::wait_all(&waiters);
    });
}
