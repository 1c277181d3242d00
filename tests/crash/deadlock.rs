//! Reports of deadlocks: when there is one, what it says, and how it ends.
//!
//! Each case runs in a process of its own: this program, started again. It is not part of the `crash` binary, and brings its
//! own `main`, for libtest runs every test beside a thread that waits for it, and as long as there is such a thread nothing is hopeless.

#[path = "../support/process.rs"]
mod process;

#[path = "deadlock_words.rs"]
mod words;

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use greenlet::hub::{self, Deadlock};
use greenlet::lock::{Lock, Semaphore};
use greenlet::pool::Pool;
use greenlet::sync::Mutex;
use greenlet::threadpool::ThreadPool;
use greenlet::{Greenlet, JoinHandle, SwitchError, sleep, spawn, spawn_later, timeout, yield_now};

use process::Ended;

/// Tells a child which case it is.
const CASE: &str = "GREENLET_DEADLOCK_CASE";

/// A name, what the child does, and how it is to end.
type Case = (&'static str, fn(), fn(&Ended));

const CASES: &[Case] = &[
    (
        "main joins a greenlet that waits for ever",
        joins,
        |ended| {
            reports(
                ended,
                "main (#1) waits for the end of `waits` (#3), at [join().unwrap();]
                 `waits` (#3) waits for a unit of a `Semaphore`, at [acquire());]; spawned at [spawn(move || never.acquire());]",
            )
        },
    ),
    ("main waits with nobody else there", waits_alone, |ended| {
        reports(
            ended,
            "main (#1) waits for a unit of a `Semaphore`, at [acquire(); // alone]",
        )
    }),
    (
        "the library's own threads, which look on, wake nobody",
        is_looked_at,
        |ended| {
            reports(
                ended,
                "main (#1) waits for a unit of a `Semaphore`, at [acquire(); // looked at]",
            )
        },
    ),
    (
        "two greenlets take two locks in opposite order",
        opposite_order,
        |ended| {
            reports(
                ended,
                "main (#1) waits for the end of `left` (#3), at [join().unwrap(); // of left]
                 `left` (#3) waits for a `Mutex`, held by `right` (#4), at [lock().unwrap(); // the second]; spawned at [spawn(move || {]
                 `right` (#4) waits for a `Mutex`, held by `left` (#3), at [lock().unwrap(); // the second]; spawned at [spawn(move || {]
                 #5 waits for a unit of a `Semaphore`, at [acquire());]; spawned at [spawn(move || never().acquire());]
                 the cycle: `left` (#3) -> `right` (#4) -> `left` (#3)",
            )
        },
    ),
    (
        "two greenlets take two locks that anybody may release",
        anybody_may_release,
        |ended| {
            reports(
                ended,
                "main (#1) waits for the end of #3, at [join().unwrap(); // of the first]
                 #3 waits for a `Lock`, last taken by #4, at [acquire(); // the second]; spawned at [spawn(move || {]
                 #4 waits for a `Lock`, last taken by #3, at [acquire(); // the second]; spawned at [spawn(move || {]
                 the cycle: #3 -> #4 -> #3",
            )
        },
    ),
    (
        "main holds what the greenlet that it joins waits for",
        main_in_a_cycle,
        |ended| {
            reports(
                ended,
                "main (#1) waits for the end of #3, at [join().unwrap(); // holds it]
                 #3 waits for a `Mutex`, held by main (#1), at [lock().unwrap()); // held by main]; spawned at [spawn(move || *mutex2.lock().unwrap()); // held by main]
                 the cycle: main (#1) -> #3 -> main (#1)",
            )
        },
    ),
    ("a lock is taken twice", twice, |ended| {
        reports(
            ended,
            "main (#1) waits for a `Mutex`, held by main (#1), at [lock(); // again]
             the cycle: main (#1) -> main (#1)",
        )
    }),
    ("a lock's holder is gone", forgotten_guard, |ended| {
        reports(
            ended,
            "main (#1) waits for a `Mutex`, held by #3, which is dead or on another thread, at [lock(); // forgotten]",
        )
    }),
    ("main waits in a switch", in_a_switch, |ended| {
        reports(
            ended,
            "main (#1) waits for a switch back, at [switch(()); // to one that parks]
             #2 waits for a unit of a `Semaphore`, at [acquire()); // in a switch]; created at [Greenlet::<()>::new(|()| never().acquire()); // in a switch]",
        )
    }),
    (
        "main waits in a switch that gives errors as values",
        in_a_try_switch,
        |ended| goes_on(ended, &["main is thrown it", "1 parked"]),
    ),
    (
        "a spawned greenlet waits in a switch",
        spawned_in_a_switch,
        |ended| {
            reports(
                ended,
                "main (#1) waits for the end of #4, at [join().unwrap(); // of one in a switch]
                 #3 waits for a unit of a `Semaphore`, at [acquire()); // below]; created at [Greenlet::<()>::new(|()| never().acquire()); // below]
                 #4 waits for a switch back, at [switch(()); // from a spawned one]; spawned at [spawn(move || {]",
            )
        },
    ),
    (
        "main waits until nothing is left while others wait for ever",
        runs_the_hub,
        |ended| goes_on_quietly(ended, &["run returns", "run_timeout returns true"]),
    ),
    (
        "the calls of an iteration over a pool wait for ever",
        iterates,
        |ended| {
            reports(
                ended,
                "main (#1) waits for the end of #3, at [next(); // in order]
                 #3 waits for a unit of a `Semaphore`, at [acquire(), [()]);]; spawned at [imap(|()| never().acquire(), [()]);]",
            )
        },
    ),
    (
        "the calls of an iteration without an order wait for ever",
        iterates_unordered,
        |ended| {
            reports(
                ended,
                "main (#1) waits for the next result of a pool, at [next(); // in any order]
                 #3 waits for a unit of a `Semaphore`, at [acquire(), [()]);]; spawned at [imap_unordered(|()| never().acquire(), [()]);]",
            )
        },
    ),
    ("the report is the payload", payload, |ended| {
        goes_on(ended, &["the payload is right"])
    }),
    (
        "main catches the report, and waits again",
        catches_and_goes_on,
        |ended| {
            assert_eq!(said(ended), ["caught", "woken", "caught again"]);
            assert!(ended.status.success(), "{ended:#?}");
            assert_eq!(count_reports(ended), 2, "{ended:#?}");
        },
    ),
    (
        "main waits for ever while it unwinds",
        while_it_unwinds,
        |ended| {
            assert_eq!(ended.status.signal(), Some(6), "no abort: {ended:#?}");
            assert!(ended.stderr.contains("the first panic"), "{ended:#?}");
            let at = ended.stderr.find("deadlock: ").expect("a report");
            assert_eq!(
                with_code(&ended.stderr[at..]),
                "deadlock: nothing can wake the greenlets that wait\n  \
                 main (#1) waits for a unit of a `Semaphore`, at [acquire(); // in a destructor]\n\
                 fatal runtime error: the main greenlet waits for ever while it unwinds, aborting\n"
            );
        },
    ),
    (
        "main waits for ever in a switch while it unwinds",
        in_a_switch_while_it_unwinds,
        |ended| {
            assert_eq!(ended.status.signal(), Some(6), "no abort: {ended:#?}");
            let at = ended.stderr.find("deadlock: ").expect("a report");
            assert_eq!(
                with_code(&ended.stderr[at..]),
                "deadlock: nothing can wake the greenlets that wait\n  \
                 main (#1) waits for a switch back, at [switch(()); // in a destructor, too]\n  \
                 #2 waits for a unit of a `Semaphore`, at [acquire()); // beside a panic]; created at [Greenlet::<()>::new(|()| never().acquire()); // beside a panic]\n\
                 fatal runtime error: the main greenlet waits for ever while it unwinds, aborting\n"
            );
        },
    ),
    (
        "main switches to one that switches to one that parks",
        along_switches,
        |ended| {
            reports(
                ended,
                "main (#1) waits for a switch back, at [switch(()); // to the upper one]
                 #2 waits for a switch back, at [switch(()); // to the lower one]; created at [Greenlet::<()>::new(|()| {]
                 #3 waits for a unit of a `Semaphore`, at [acquire()); // the lower one]; created at [Greenlet::<()>::new(|()| never().acquire()); // the lower one]",
            )
        },
    ),
    (
        "the last other thread ends while main waits until nothing is left",
        drains_when_alone,
        |ended| goes_on_quietly(ended, &["run returns", "run_timeout returns true"]),
    ),
    ("a plain thread can still act", plain_thread, |ended| {
        goes_on_quietly(ended, &["woken"])
    }),
    (
        "a thread that runs another hub can still act",
        busy_hub_thread,
        |ended| goes_on_quietly(ended, &["woken"]),
    ),
    (
        "a thread whose hub sleeps can still act",
        sleeping_hub_thread,
        |ended| goes_on_quietly(ended, &["woken"]),
    ),
    (
        "two hubs wake each other again and again",
        ping_pong,
        |ended| goes_on_quietly(ended, &["woken"]),
    ),
    (
        "a thread wakes the one that will act, and ends",
        relay,
        |ended| goes_on_quietly(ended, &["woken"]),
    ),
    ("a job of a thread pool can still act", jobs, |ended| {
        goes_on_quietly(ended, &["first", "second"])
    }),
    (
        "a thread pool that has nothing to do cannot act",
        idle_pool,
        |ended| {
            reports(
                ended,
                "main (#1) waits for a unit of a `Semaphore`, at [acquire(); // beside an idle pool]",
            )
        },
    ),
    ("a timer can still act", timers, |ended| {
        goes_on_quietly(
            ended,
            &["after a sleep", "after a late start", "after a limit"],
        )
    }),
    ("two hubs wait for each other for ever", two_hubs, |ended| {
        assert_eq!(ended.status.code(), Some(101), "{ended:#?}");
        assert!(
            with_code(&ended.stderr).contains(
                ") waits for a unit of a `Semaphore`, at [acquire(); // of the other thread]\n"
            ),
            "{ended:#?}"
        );
    }),
    (
        "two hubs hold each other's locks",
        two_hubs_with_locks,
        |ended| {
            assert_eq!(ended.status.code(), Some(101), "{ended:#?}");
            assert!(
                ended
                    .stderr
                    .contains("\n  main (#1) waits for a `Mutex`, held by #")
                    && ended
                        .stderr
                        .contains(", which is dead or on another thread, at "),
                "{ended:#?}"
            );
        },
    ),
    (
        "the last thread that could act ends",
        thread_ends_later,
        |ended| {
            reports(
                ended,
                "main (#1) waits for a unit of a `Semaphore`, at [acquire(); // in vain]",
            )
        },
    ),
    (
        "every wait is named, at its call",
        words::wait_in_all_ways,
        |ended| {
            assert_eq!(said(ended), ["all are named"], "{ended:#?}");
            assert!(ended.status.success(), "{ended:#?}");
        },
    ),
    (
        "cycles of locks are found while others run",
        found_while_others_run,
        |ended| goes_on_quietly(ended, &["none", "found", "none again"]),
    ),
];

fn main() {
    if let Ok(wanted) = env::var(CASE) {
        let case = CASES.iter().find(|(name, ..)| *name == wanted);
        let (_, run, _) = case.unwrap_or_else(|| panic!("no such case: {wanted}"));
        return run();
    }
    if !cfg!(target_os = "linux") {
        return println!("skipped: threads cannot be counted here, so nothing is ever hopeless");
    }
    let mut failed = 0;
    for (name, _, check) in CASES {
        let this = env::current_exe().expect("is known");
        let mut command = Command::new(this);
        command.env(CASE, name).env("RUST_BACKTRACE", "0");
        let ended = process::run(&mut command, "");
        let holds = catch_unwind(|| check(&ended)).is_ok();
        println!("test {name} ... {}", if holds { "ok" } else { "FAILED" });
        failed += usize::from(!holds);
    }
    assert_eq!(failed, 0, "some failed");
    println!("\ntest result: ok. {} passed", CASES.len());
}

/// The child ended by this report, and said nothing else.
#[track_caller]
fn reports(ended: &Ended, lines: &str) {
    let mut expected = "deadlock: nothing can wake the greenlets that wait\n".to_owned();
    for line in lines.lines() {
        expected += &format!("  {}\n", line.trim());
    }
    assert_eq!(with_code(&ended.stderr), expected, "{ended:#?}");
    assert_eq!(ended.stdout, "", "{ended:#?}");
    assert_eq!(ended.status.code(), Some(101), "{ended:#?}");
}

/// The child said this, and there was one report.
#[track_caller]
fn goes_on(ended: &Ended, lines: &[&str]) {
    assert_eq!(said(ended), lines, "{ended:#?}");
    assert!(ended.status.success(), "{ended:#?}");
    assert_eq!(count_reports(ended), 1, "{ended:#?}");
}

/// The child said this, and there was no report.
#[track_caller]
fn goes_on_quietly(ended: &Ended, lines: &[&str]) {
    assert_eq!(said(ended), lines, "{ended:#?}");
    assert!(ended.status.success(), "{ended:#?}");
    assert_eq!(ended.stderr, "", "{ended:#?}");
}

fn said(ended: &Ended) -> Vec<&str> {
    ended.stdout.lines().collect()
}

fn count_reports(ended: &Ended) -> usize {
    ended.stderr.matches("deadlock: nothing can wake").count()
}

/// The text with the code at each place in this file, up to the end of its line, instead of the place: `[join().unwrap();]`.
fn with_code(text: &str) -> String {
    let source: Vec<_> = include_str!("deadlock.rs").lines().collect();
    let mut pieces = text.split(concat!(file!(), ":"));
    let mut out = pieces.next().expect("there is a first").to_owned();
    for piece in pieces {
        let (line, rest) = number(piece);
        let (column, rest) = number(rest.strip_prefix(':').expect("a column"));
        out += &format!("[{}]{rest}", &source[line - 1][column - 1..]);
    }
    out
}

fn number(text: &str) -> (usize, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (number, rest) = text.split_at(end.unwrap_or(text.len()));
    (number.parse().expect("is a number"), rest)
}

/// What nobody will ever release.
fn never() -> Semaphore {
    Semaphore::new(0)
}

/// Long enough for the hub to look about several times.
const SOME_LOOKS: Duration = Duration::from_millis(50);

fn joins() {
    let never = never();
    let handle = Greenlet::builder()
        .name("waits")
        .spawn(move || never.acquire());
    handle.join().unwrap();
}

fn is_looked_at() {
    const SIGUSR1: i32 = 10;
    greenlet::debug::dump_on_signal(SIGUSR1).unwrap();
    let _watchdog = greenlet::debug::Watchdog::new(Duration::from_millis(1)).unwrap();
    let never = Semaphore::new(0);
    never.acquire(); // looked at
}

fn waits_alone() {
    never().acquire(); // alone
}

type Shared = Rc<Mutex<()>>;

fn take(name: &str, first: Shared, second: Shared) -> JoinHandle<()> {
    let builder = Greenlet::builder().name(name);
    builder.spawn(move || {
        let _first = first.lock().unwrap();
        yield_now();
        let _second = second.lock().unwrap(); // the second
    })
}

fn opposite_order() {
    let (one, other) = (Shared::default(), Shared::default());
    let left = take("left", one.clone(), other.clone());
    let right = take("right", other, one);
    let beside = spawn(move || never().acquire());
    left.join().unwrap(); // of left
    drop((right, beside));
}

fn anybody_may_release() {
    let locks = [(); 2].map(|()| Rc::new(Lock::new()));
    let take = |first: usize, second: usize| {
        let (first, second) = (locks[first].clone(), locks[second].clone());
        spawn(move || {
            first.acquire();
            yield_now();
            second.acquire(); // the second
        })
    };
    let handles = [take(0, 1), take(1, 0)];
    (0..3).for_each(|_| yield_now());
    // Somebody else could still release one.
    assert_eq!(hub::deadlocks(), []);
    let [first, _second] = handles;
    first.join().unwrap(); // of the first
}

fn main_in_a_cycle() {
    let mutex = Shared::default();
    let mutex2 = mutex.clone();
    let _guard = mutex.lock().unwrap();
    let handle = spawn(move || *mutex2.lock().unwrap()); // held by main
    handle.join().unwrap(); // holds it
}

fn twice() {
    let mutex = Mutex::new(());
    let _first = mutex.lock();
    let _second = mutex.lock(); // again
}

fn forgotten_guard() {
    let mutex = Shared::default();
    let mutex2 = mutex.clone();
    let handle = spawn(move || std::mem::forget(mutex2.lock()));
    handle.join().unwrap();
    let _guard = mutex.lock(); // forgotten
}

fn in_a_switch() {
    let g = Greenlet::<()>::new(|()| never().acquire()); // in a switch
    g.switch(()); // to one that parks
}

fn in_a_try_switch() {
    let g = Greenlet::<()>::new(|()| never().acquire());
    match g.try_switch(()) {
        Err(SwitchError::Thrown(payload)) => {
            println!("main is thrown it");
            let deadlock = payload.downcast::<Deadlock>().unwrap();
            println!("{} parked", deadlock.parked().len());
        }
        other => println!("{other:?}"),
    }
}

fn spawned_in_a_switch() {
    yield_now();
    let inner = Greenlet::<()>::new(|()| never().acquire()); // below
    let handle = spawn(move || {
        inner.switch(()); // from a spawned one
    });
    handle.join().unwrap(); // of one in a switch
}

fn runs_the_hub() {
    let first = spawn(|| never().acquire());
    let second = spawn(|| {
        sleep(Duration::from_millis(1));
        never().acquire();
    });
    hub::run();
    assert!(!first.is_finished() && !second.is_finished());
    assert_eq!(hub::stats().timers, 0);
    println!("run returns");
    let hour = Duration::from_secs(3600);
    println!("run_timeout returns {}", hub::run_timeout(hour));
}

fn iterates() {
    let pool = Pool::new(1);
    let mut calls = pool.imap(|()| never().acquire(), [()]);
    let _ = calls.next(); // in order
}

fn iterates_unordered() {
    let pool = Pool::new(1);
    let mut calls = pool.imap_unordered(|()| never().acquire(), [()]);
    let _ = calls.next(); // in any order
}

fn payload() {
    let (one, other) = (Shared::default(), Shared::default());
    let left = take("left", one.clone(), other.clone());
    let right = take("right", other, one);
    let beside = spawn(|| never().acquire());
    let ids = [&left, &right].map(|handle| handle.greenlet().id());

    let deadlock = caught(|| left.wait());
    let parked: Vec<_> = deadlock.parked().iter().map(|parked| parked.id()).collect();
    let main = greenlet::main().id();
    assert_eq!(parked, [main, ids[0], ids[1], beside.greenlet().id()]);

    let of_main = &deadlock.parked()[0];
    assert!(of_main.spawned_at().is_none());
    assert_eq!(of_main.held_by(), Some(ids[0]));

    let [first, second] = deadlock.cycle() else {
        panic!("{:?}", deadlock.cycle());
    };
    assert_eq!([first.id(), second.id()], ids);
    assert_eq!(first.held_by(), Some(ids[1]));
    assert_eq!(second.held_by(), Some(ids[0]));
    assert_eq!(first.waits_for(), "a `Mutex`");
    assert_eq!(first.parked_at().file(), file!());
    assert!(first.spawned_at().unwrap().line() < first.parked_at().line());
    assert_eq!(deadlock.parked()[3].held_by(), None);

    assert_eq!(hub::deadlocks().len(), 1);
    greenlet::kill_all([&left, &right]);
    assert_eq!(hub::deadlocks(), []);
    println!("the payload is right");
}

/// What `waits` is thrown.
fn caught(waits: impl FnOnce()) -> Deadlock {
    let payload = catch_unwind(AssertUnwindSafe(waits)).expect_err("waits for ever");
    *payload.downcast::<Deadlock>().expect("is a deadlock")
}

fn catches_and_goes_on() {
    let semaphore = Rc::new(never());
    let deadlock = caught(|| semaphore.acquire());
    assert_eq!(deadlock.parked().len(), 1);
    assert_eq!(deadlock.cycle(), []);
    println!("caught");
    let releases = semaphore.clone();
    let handle = spawn(move || releases.release());
    semaphore.acquire();
    println!("woken");
    handle.join().unwrap();
    assert_eq!(caught(|| semaphore.acquire()).parked().len(), 1);
    println!("caught again");
}

fn while_it_unwinds() {
    struct Waits;
    impl Drop for Waits {
        fn drop(&mut self) {
            never().acquire(); // in a destructor
        }
    }
    let _waits = Waits;
    panic_any("the first panic");
}

fn in_a_switch_while_it_unwinds() {
    struct Switches;
    impl Drop for Switches {
        fn drop(&mut self) {
            let g = Greenlet::<()>::new(|()| never().acquire()); // beside a panic
            g.switch(()); // in a destructor, too
        }
    }
    let _switches = Switches;
    panic_any("the first panic");
}

fn along_switches() {
    let upper = Greenlet::<()>::new(|()| {
        let lower = Greenlet::<()>::new(|()| never().acquire()); // the lower one
        lower.switch(()); // to the lower one
    });
    upper.switch(()); // to the upper one
}

fn drains_when_alone() {
    let waits = spawn(|| never().acquire());
    let ends_later = || thread::spawn(|| thread::sleep(SOME_LOOKS));
    let first = ends_later();
    hub::run();
    println!("run returns");
    let second = ends_later();
    let hour = Duration::from_secs(3600);
    println!("run_timeout returns {}", hub::run_timeout(hour));
    assert!(!waits.is_finished());
    for thread in [first, second] {
        thread.join().unwrap();
    }
}

/// Waits for a unit that `release` releases on another thread.
fn woken_by_a_thread(release: impl FnOnce(Arc<Semaphore>) + Send + 'static) {
    let semaphore = Arc::new(never());
    let releases = semaphore.clone();
    let thread = thread::spawn(move || release(releases));
    semaphore.acquire();
    println!("woken");
    thread.join().unwrap();
}

fn plain_thread() {
    woken_by_a_thread(|semaphore| {
        thread::sleep(SOME_LOOKS);
        semaphore.release();
    });
}

fn busy_hub_thread() {
    woken_by_a_thread(|semaphore| {
        let busy = spawn(|| (0..10).for_each(|_| thread::sleep(SOME_LOOKS / 10)));
        busy.join().unwrap();
        semaphore.release();
    });
}

fn sleeping_hub_thread() {
    woken_by_a_thread(|semaphore| {
        sleep(SOME_LOOKS);
        semaphore.release();
    });
}

fn ping_pong() {
    let [ping, pong] = [(); 2].map(|()| Arc::new(never()));
    let (ping2, pong2) = (ping.clone(), pong.clone());
    let rounds = 5_000;
    let thread = thread::spawn(move || {
        for _ in 0..rounds {
            ping2.acquire();
            pong2.release();
        }
    });
    for _ in 0..rounds {
        ping.release();
        pong.acquire();
    }
    println!("woken");
    thread.join().unwrap();
}

fn relay() {
    for _ in 0..200 {
        let [ours, theirs] = [(); 2].map(|()| Arc::new(never()));
        let (ours2, theirs2) = (ours.clone(), theirs.clone());
        let acts = thread::spawn(move || {
            theirs2.acquire();
            thread::yield_now();
            ours2.release();
        });
        let wakes = thread::spawn(move || theirs.release());
        ours.acquire();
        acts.join().unwrap();
        wakes.join().unwrap();
    }
    println!("woken");
}

fn jobs() {
    let pool = ThreadPool::new(1);
    let semaphore = Arc::new(never());
    // The second job is given to a thread that idles.
    for which in ["first", "second"] {
        let releases = semaphore.clone();
        let job = pool.spawn(move || {
            thread::sleep(SOME_LOOKS);
            releases.release();
        });
        semaphore.acquire();
        println!("{which}");
        job.join().unwrap();
    }
    (0..1000).for_each(|n| assert_eq!(pool.apply(move || n), n));
}

fn idle_pool() {
    let pool = ThreadPool::new(2);
    pool.apply(|| ());
    never().acquire(); // beside an idle pool
}

fn timers() {
    let semaphore = Rc::new(never());
    let releases = semaphore.clone();
    let handle = spawn(move || {
        sleep(SOME_LOOKS);
        releases.release();
    });
    semaphore.acquire();
    println!("after a sleep");
    handle.join().unwrap();
    let releases = semaphore.clone();
    let handle = spawn_later(SOME_LOOKS, move || releases.release());
    semaphore.acquire();
    println!("after a late start");
    handle.join().unwrap();
    assert!(timeout(SOME_LOOKS, || semaphore.acquire()).is_err());
    assert!(!semaphore.acquire_timeout(SOME_LOOKS));
    println!("after a limit");
}

fn two_hubs() {
    let [ours, theirs] = [(); 2].map(|()| Arc::new(never()));
    let (ours2, theirs2) = (ours.clone(), theirs.clone());
    let thread = thread::spawn(move || {
        theirs2.acquire();
        ours2.release();
    });
    ours.acquire(); // of the other thread
    theirs.release();
    thread.join().unwrap();
}

fn two_hubs_with_locks() {
    let [ours, theirs] = [(); 2].map(|()| Arc::new(Mutex::new(())));
    let _ours = ours.lock().unwrap();
    let (ours2, theirs2) = (ours.clone(), theirs.clone());
    let (says, hears) = std::sync::mpsc::channel();
    // Keeps what it holds, also when it is told of the deadlock first.
    let thread = thread::spawn(move || {
        std::mem::forget(theirs2.lock());
        says.send(()).unwrap();
        drop(ours2.lock());
    });
    hears.recv().unwrap();
    drop(theirs.lock());
    thread.join().unwrap();
}

fn thread_ends_later() {
    let thread = thread::spawn(|| thread::sleep(SOME_LOOKS));
    never().acquire(); // in vain
    thread.join().unwrap();
}

fn found_while_others_run() {
    let (one, other) = (Shared::default(), Shared::default());
    let guard = one.lock().unwrap();
    let waits = spawn({
        let one = one.clone();
        move || drop(one.lock())
    });
    let never_ends = spawn(|| never().acquire());
    yield_now();
    assert_eq!(hub::deadlocks(), []);
    println!("none");
    drop(guard);
    waits.join().unwrap();

    let left = take("left", one.clone(), other.clone());
    let right = take("right", other, one);
    let runs = spawn(|| (0..100).for_each(|_| yield_now()));
    (0..5).for_each(|_| yield_now());
    assert!(!runs.is_finished());
    let found = hub::deadlocks();
    let [deadlock] = &found[..] else {
        panic!("{found:?}");
    };
    let cycle: Vec<_> = deadlock.cycle().iter().map(|parked| parked.id()).collect();
    assert_eq!(cycle, [left.greenlet().id(), right.greenlet().id()]);
    assert_eq!(deadlock.parked(), deadlock.cycle());
    println!("found");

    left.kill();
    left.wait();
    assert_eq!(hub::deadlocks(), []);
    right.join().unwrap();
    runs.join().unwrap();
    drop(never_ends);
    println!("none again");
}
