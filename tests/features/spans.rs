//! Spans go with the greenlet that entered them, and subscribers hear of greenlets.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use greenlet::event::Event;
use greenlet::sync::Mutex;
use greenlet::{__pass as pass, __simulate as simulate};
use greenlet::{Greenlet, hub, sleep, spawn, yield_now};
use tracing::{Span, info, info_span, trace};
use tracing_subscriber::registry::Registry;

use crate::recorder::Recorder;
use crate::support::{Token, leak_checked};

/// Records what `run` does, under the leak check; no span may be left open.
fn recorded(run: impl FnOnce(&Recorder) + Send + 'static) {
    recorded_by(Recorder::new(), run);
}

fn recorded_by(recorder: Recorder, run: impl FnOnce(&Recorder) + Send + 'static) {
    leak_checked(move || {
        recorder.record(|| run(&recorder));
        let book = recorder.book();
        assert_eq!(book.path(), "", "still entered");
        let open: Vec<_> = book.open().iter().map(|it| it.name).collect();
        assert!(open.is_empty(), "still open: {open:?}");
    });
}

#[test]
fn events_are_in_the_spans_of_the_greenlet_that_runs() {
    recorded(|recorder| {
        let main_span = info_span!("main").entered();
        let each = ["one", "two", "three"].map(|name| {
            let builder = Greenlet::builder().name(name);
            builder.spawn(move || {
                for _ in 0..3 {
                    let span = match name {
                        "one" => info_span!("first"),
                        _ => info_span!("other"),
                    };
                    let _entered = span.entered();
                    info!(name, "before");
                    yield_now();
                    info!(name, "after");
                }
                info!(name, "outside");
            })
        });
        info!("spawned them");
        for handle in each {
            handle.join().unwrap();
        }
        info!("joined them");
        drop(main_span);
        info!("done");
        for (span, times) in [("first", 3), ("other", 6)] {
            for when in ["before", "after"] {
                let line = format!("INFO {when} in greenlet > {span} (");
                assert_eq!(recorder.lines(&line).len(), times, "{line}");
            }
        }
        assert_eq!(
            recorder.lines("before").len() + recorder.lines("after").len(),
            18
        );
        assert_eq!(recorder.lines("outside in greenlet").len(), 3);
        assert_eq!(recorder.lines("INFO spawned them in main").len(), 1);
        assert_eq!(recorder.lines("INFO joined them in main").len(), 1);
        assert!(recorder.log().contains(&"INFO done in ".to_owned()));
    });
}

#[test]
fn spans_are_exited_and_entered_again_in_order() {
    recorded(|recorder| {
        let main = greenlet::main();
        let g = Greenlet::new(move |()| {
            let _inside = info_span!("inside").entered();
            main.switch::<(), ()>(());
        });
        let outer = info_span!("outer").entered();
        let inner = info_span!("inner").entered();
        g.switch(());
        info!("back");
        g.switch(());
        drop(inner);
        drop(outer);
        let expected = [
            "enter outer",
            "enter inner",
            // To the greenlet, which has none.
            "exit inner",
            "exit outer",
            "enter inside",
            // Back.
            "exit inside",
            "enter outer",
            "enter inner",
            "INFO back in outer > inner",
            // And again, to its end.
            "exit inner",
            "exit outer",
            "enter inside",
            "exit inside",
            "enter outer",
            "enter inner",
            "exit inner",
            "exit outer",
        ];
        assert_eq!(recorder.log(), expected);
    });
}

#[test]
fn a_spawned_greenlet_has_a_span_below_that_of_its_spawner() {
    recorded(|recorder| {
        let request = info_span!("request").entered();
        let handle = Greenlet::builder().name("worker").spawn(|| {
            yield_now();
            info!("works");
        });
        drop(request);
        let book = recorder.book();
        let open = book.open();
        let [span] = open.as_slice() else {
            panic!("{} are open", open.len());
        };
        assert_eq!((span.name, span.parent), ("greenlet", Some("request")));
        assert_eq!(span.level, tracing::Level::INFO);
        assert_eq!(span.fields["name"], "worker");
        assert_eq!(
            format!("#{}", span.fields["id"]),
            handle.greenlet().id().to_string()
        );
        assert!(span.fields["at"].contains("spans.rs:"));
        drop(book);
        handle.join().unwrap();
        assert_eq!(recorder.lines("works"), ["INFO works in greenlet"]);
    });
}

#[test]
fn subscribers_hear_of_beginnings_ends_kills_and_panics() {
    recorded(|recorder| {
        let returns = Greenlet::builder().name("returns").spawn(|| ());
        let dies = Greenlet::builder()
            .name("dies")
            .spawn(|| sleep(Duration::from_secs(3600)));
        let panics = Greenlet::builder()
            .name("panics")
            .spawn(|| panic!("number {}", 7));
        let unborn = Greenlet::builder().name("unborn");
        let unborn = unborn.spawn_later(Duration::from_secs(3600), || ());
        yield_now();
        dies.kill();
        unborn.kill();
        for handle in [returns, dies, unborn] {
            let _ = handle.join();
        }
        assert!(panics.join().is_err());
        let told = |name: &str| recorder.lines(&format!("({name})"));
        assert_eq!(
            told("returns"),
            [
                "DEBUG spawned in  (returns)",
                "DEBUG returned in greenlet (returns)",
            ]
        );
        assert_eq!(
            told("dies"),
            [
                "DEBUG spawned in  (dies)",
                "DEBUG is to die in  (dies)",
                "DEBUG was killed in greenlet (dies)",
            ]
        );
        assert_eq!(
            told("panics"),
            [
                "DEBUG spawned in  (panics)",
                "WARN panicked in greenlet: number 7 (panics)",
            ]
        );
        assert_eq!(
            told("unborn"),
            [
                "DEBUG spawned in  (unborn)",
                "DEBUG is to die in  (unborn)",
                "DEBUG was killed in  (unborn)",
            ]
        );
    });
}

#[test]
fn slices_that_are_too_long_are_warned_of_where_they_were_run() {
    recorded(|recorder| {
        simulate();
        hub::warn_of_slices(Duration::from_millis(10));
        let hog = Greenlet::builder().name("hog").spawn(|| {
            let _computes = info_span!("computes").entered();
            pass(Duration::from_millis(10));
            yield_now();
            pass(Duration::from_millis(11));
            yield_now();
        });
        while !hog.is_finished() {
            yield_now();
        }
        hub::measure(false);
        assert_eq!(
            recorder.lines("WARN"),
            ["WARN kept the others waiting in greenlet > computes (hog)"]
        );
    });
}

#[test]
fn a_kill_unwinds_in_the_spans_of_its_victim() {
    recorded(|recorder| {
        struct Last(Token);
        impl Drop for Last {
            fn drop(&mut self) {
                info!("unwinds");
            }
        }
        let token = Token::new();
        let victim = spawn(move || {
            let _span = info_span!("victim").entered();
            let _last = Last(token);
            sleep(Duration::from_secs(3600));
        });
        let by_hand = Greenlet::new(|()| {
            let _span = info_span!("by hand").entered();
            let _last = Last(Token::new());
            greenlet::main().switch::<(), ()>(());
        });
        by_hand.switch(());
        yield_now();
        let _killer = info_span!("killer").entered();
        victim.kill();
        assert!(victim.join().is_err());
        drop(by_hand);
        assert_eq!(
            recorder.lines("unwinds"),
            [
                "INFO unwinds in greenlet > victim",
                "INFO unwinds in by hand"
            ]
        );
    });
}

#[test]
fn what_a_dead_one_left_entered_is_nobody_elses() {
    recorded(|recorder| {
        let g = Greenlet::new(|()| {
            std::mem::forget(info_span!("left").entered());
        });
        g.switch(());
        info!("after");
        assert_eq!(recorder.lines("INFO"), ["INFO after in "]);
        assert_eq!(recorder.lines("left"), ["enter left", "exit left"]);
        // Its guard will never let go of it.
        let mut book = recorder.book();
        assert_eq!(book.open().len(), 1);
        book.forget_open();
    });
}

#[test]
fn spans_of_one_that_died_while_a_subscriber_waited_are_closed() {
    let arrivals = AtomicUsize::new(0);
    let recorder = Recorder::with(move |what| {
        // The second time it is entered by whoever arrives.
        if what == "enter waits" && arrivals.fetch_add(1, Ordering::Relaxed) == 1 {
            yield_now();
        }
    });
    recorded_by(recorder, |recorder| {
        let ended = Rc::new(Cell::new(false));
        let waits = spawn({
            let ended = ended.clone();
            move || {
                let _span = info_span!("waits").entered();
                yield_now();
                assert!(ended.get());
            }
        });
        let ends = spawn(move || {
            {
                let _span = info_span!("saved").entered();
                yield_now();
            }
            ended.set(true);
        });
        waits.join().unwrap();
        ends.join().unwrap();
        assert_eq!(recorder.lines("enter saved").len(), 1);
    });
}

#[test]
fn a_subscriber_that_panics_harms_nobody() {
    let panics = Arc::new(AtomicUsize::new(0));
    let seen = panics.clone();
    let recorder = Recorder::with(move |_| {
        if seen.fetch_add(1, Ordering::Relaxed) > 0 {
            panic!("the subscriber panics");
        }
    });
    recorded_by(recorder, move |recorder| {
        let span = info_span!("main");
        // The guard's own calls are std's business: it is entered before they panic, and exited after.
        let entered = span.entered();
        let sum = Rc::new(Cell::new(0));
        let handles = [1, 2, 3].map(|n| {
            let sum = sum.clone();
            spawn(move || {
                sum.set(sum.get() + n);
                yield_now();
                sum.set(sum.get() + n);
            })
        });
        for handle in handles {
            handle.join().unwrap();
        }
        assert_eq!(sum.get(), 12);
        info!("after");
        assert_eq!(recorder.lines("after"), ["INFO after in main"]);
        let escaped =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(entered))).is_err();
        assert!(escaped);
        assert!(panics.load(Ordering::Relaxed) > 10);
    });
}

#[test]
fn a_subscriber_that_switches_harms_nobody() {
    let recorder = Recorder::with(|_| yield_now());
    leak_checked(move || {
        let sum = Rc::new(Cell::new(0));
        recorder.record(|| {
            let handles = [1, 2, 3].map(|n| {
                let sum = sum.clone();
                spawn(move || {
                    let _span = info_span!("inside").entered();
                    for _ in 0..10 {
                        sum.set(sum.get() + n);
                        yield_now();
                    }
                })
            });
            for handle in handles {
                handle.join().unwrap();
            }
        });
        assert_eq!(sum.get(), 60);
        assert!(recorder.lines("enter inside").len() >= 3);
    });
}

#[test]
fn a_subscriber_may_use_locks_as_long_as_it_does_not_switch_with_one() {
    let counted = [Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0))];
    let [all, enters] = counted.clone();
    let recorder = Recorder::with(move |what| {
        let mut all = all.lock().unwrap();
        if what.starts_with("enter") {
            *enters.lock().unwrap() += 1;
        }
        *all += 1;
    });
    recorded_by(recorder, move |_| {
        let each = [1, 2, 3].map(|_| {
            spawn(|| {
                for _ in 0..10 {
                    let _span = info_span!("inside").entered();
                    yield_now();
                }
            })
        });
        assert!(greenlet::join_all(each).iter().all(Result::is_ok));
        let [all, enters] = counted.map(|it| *it.lock().unwrap());
        assert_eq!(all, 2 * enters);
        assert!(enters >= 3 * (1 + 10 * 2), "{enters}");
    });
}

#[test]
fn a_kill_that_hits_a_subscriber_is_raised_at_the_next_wait() {
    let waits = Arc::new(AtomicUsize::new(0));
    let seen = waits.clone();
    let recorder = Recorder::with(move |what| {
        if what == "enter own" && seen.fetch_add(1, Ordering::Relaxed) == 1 {
            sleep(Duration::from_secs(3600));
        }
    });
    leak_checked(move || {
        recorder.record(|| {
            let event = Rc::new(Event::new());
            let reached = Rc::new(Cell::new(0));
            let victim = spawn({
                let (event, reached) = (event.clone(), reached.clone());
                move || {
                    let _own = info_span!("own").entered();
                    event.wait();
                    reached.set(1);
                    sleep(Duration::from_secs(3600));
                    reached.set(2);
                }
            });
            yield_now();
            event.set();
            // It comes back, and waits in the subscriber.
            yield_now();
            assert_eq!((waits.load(Ordering::Relaxed), reached.get()), (2, 0));
            victim.kill();
            assert!(victim.join().is_err());
            assert_eq!(reached.get(), 1);
        });
    });
}

#[test]
fn the_registry_of_tracing_subscriber_keeps_up() {
    leak_checked(|| {
        let name = || Span::current().metadata().map(|it| it.name());
        tracing::subscriber::with_default(Registry::default(), || {
            let _outer = info_span!("outer").entered();
            let again = info_span!("again");
            let handles = [(); 3].map(|()| {
                spawn(move || {
                    assert_eq!(name(), Some("greenlet"));
                    let own = info_span!("own");
                    let _own = own.enter();
                    yield_now();
                    // Entered twice.
                    let twice = own.enter();
                    yield_now();
                    assert_eq!(name(), Some("own"));
                    drop(twice);
                    yield_now();
                    assert_eq!(name(), Some("own"));
                })
            });
            again.in_scope(|| {
                for handle in handles {
                    handle.join().unwrap();
                    assert_eq!(name(), Some("again"));
                }
            });
            assert_eq!(name(), Some("outer"));
        });
        assert_eq!(name(), None);
    });
}

#[test]
fn threads_do_not_see_each_others_spans() {
    recorded(|recorder| {
        let _main = info_span!("main").entered();
        let other = std::thread::spawn(|| {
            spawn(|| trace!("elsewhere")).join().unwrap();
        });
        other.join().unwrap();
        spawn(|| info!("here")).join().unwrap();
        assert_eq!(recorder.lines("where").len(), 0);
        assert_eq!(recorder.lines("INFO here"), ["INFO here in greenlet"]);
    });
}
