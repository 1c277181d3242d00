//! Dumps of all threads, and on a signal.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use greenlet::debug::{Activity, Dump, dump_all, dump_on_signal};
use greenlet::event::Event;
use greenlet::{Greenlet, sleep, spawn};

use crate::support::world_checked;

const LONG: Duration = Duration::from_secs(60);
const CHILD: &str = "GREENLET_DEBUG_CHILD";

fn is_there(dump: &Dump, name: &str) -> bool {
    let greenlets = dump.threads.iter().flat_map(|thread| &thread.greenlets);
    let mut named = greenlets.filter(|greenlet| greenlet.name.as_deref() == Some(name));
    named.any(|greenlet| greenlet.activity == Activity::Parked)
}

/// A destructor that uses the hub when its thread's greenlets are at their end.
struct Late;

impl Drop for Late {
    fn drop(&mut self) {
        spawn(|| ()).join().unwrap();
    }
}

#[test]
fn a_thread_is_not_asked_that_has_used_its_hub_as_it_ended() {
    thread_local! {
        static LATE: Late = const { Late };
    }
    world_checked(|| {
        let thread = thread::Builder::new().name("late".into()).spawn(|| {
            // Destroyed after what is first used later.
            LATE.with(|_| ());
            spawn(|| ()).join().unwrap();
        });
        thread.unwrap().join().unwrap();
        let dump = dump_all(Duration::from_millis(100));
        let late = |name: &String| name.contains("late");
        assert!(!dump.silent.iter().any(late), "{:?}", dump.silent);
    });
}

#[test]
fn every_thread_is_asked_whether_it_sleeps_or_works() {
    world_checked(|| {
        let (end, ended) = channel::<()>();
        let event = Arc::new(Event::new());
        let asleep = thread::Builder::new().name("asleep".into()).spawn({
            let event = event.clone();
            move || {
                let waiter = Greenlet::builder()
                    .name("waiter")
                    .spawn(move || event.wait());
                waiter.join().unwrap();
            }
        });
        let busy = thread::spawn(move || {
            let parked = Greenlet::builder().name("beside").spawn(|| sleep(LONG));
            while ended.try_recv().is_err() {
                greenlet::yield_now();
            }
            parked.kill();
            parked.wait();
        });
        let own = Greenlet::builder().name("own").spawn(|| sleep(LONG));
        sleep(Duration::from_millis(1));
        let began = Instant::now();
        let dump = loop {
            let dump = dump_all(LONG);
            if is_there(&dump, "waiter") && is_there(&dump, "beside") {
                break dump;
            }
            assert!(began.elapsed() < LONG, "{dump}");
        };
        assert!(is_there(&dump, "own"));
        assert!(
            dump.threads[0]
                .greenlets
                .iter()
                .any(|g| g.activity == Activity::Running)
        );
        assert!(
            dump.threads
                .iter()
                .any(|thread| thread.thread == "`asleep`")
        );
        end.send(()).unwrap();
        event.set();
        asleep.unwrap().join().unwrap();
        busy.join().unwrap();
        own.kill();
        own.wait();
    });
}

#[test]
fn a_thread_that_does_not_answer_is_named() {
    world_checked(|| {
        let (end, ended) = channel::<()>();
        let (begun, begins) = channel();
        let stuck = thread::Builder::new().name("stuck".into()).spawn(move || {
            let hog = spawn(move || {
                begun.send(()).unwrap();
                ended.recv()
            });
            _ = hog.join();
        });
        begins.recv().unwrap();
        let dump = dump_all(Duration::from_millis(20));
        assert!(
            dump.silent.iter().any(|thread| thread == "`stuck`"),
            "{dump}"
        );
        assert!(
            dump.to_string().contains("thread `stuck`: does not answer"),
            "{dump}"
        );
        drop(end);
        stuck.unwrap().join().unwrap();
    });
}

#[test]
fn two_threads_may_ask_each_other() {
    world_checked(|| {
        let together = Arc::new(Barrier::new(2));
        let done = Arc::new(AtomicUsize::new(0));
        let askers = ["one", "other"].map(|name| {
            let (together, done) = (together.clone(), done.clone());
            let ask = move || {
                greenlet::yield_now();
                together.wait();
                let dump = dump_all(LONG);
                done.fetch_add(1, Ordering::Relaxed);
                while done.load(Ordering::Relaxed) < 2 {
                    greenlet::yield_now();
                }
                dump
            };
            thread::Builder::new().name(name.into()).spawn(ask).unwrap()
        });
        for asker in askers {
            let dump = asker.join().unwrap();
            for name in ["`one`", "`other`"] {
                assert!(!dump.silent.iter().any(|it| it == name), "{dump}");
            }
        }
    });
}

#[test]
fn a_plain_thread_may_ask() {
    world_checked(|| {
        let sleeper = Greenlet::builder().name("sleeper").spawn(|| sleep(LONG));
        greenlet::yield_now();
        let asker = greenlet::threadpool::ThreadPool::new(1);
        let dump = asker.apply(|| dump_all(LONG));
        assert!(is_there(&dump, "sleeper"), "{dump}");
        sleeper.kill();
        sleeper.wait();
    });
}

#[test]
fn a_signal_that_cannot_be_received_is_an_error() {
    let kill = 9;
    let refused = dump_on_signal(kill).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("SIGKILL"), "{refused}");
}

/// The entry of the children below.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_some() {
        on_a_signal();
    }
}

const SIGUSR1: i32 = 10;

/// Waits until its input ends.
fn on_a_signal() {
    dump_on_signal(SIGUSR1).unwrap();
    let sleeper = Greenlet::builder().name("sleeper").spawn(|| sleep(LONG));
    println!("\nready");
    _ = std::io::Read::read(&mut greenlet::io::stdin(), &mut [0]);
    sleeper.kill();
    sleeper.wait();
}

#[test]
#[cfg(target_os = "linux")]
fn a_dump_is_written_whenever_the_signal_comes() {
    use std::io::{BufRead, BufReader};

    world_checked(|| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "elsewhere::child",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.env(CHILD, "1").spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap() == "ready"));
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
        for _ in 0..2 {
            let kill = format!("kill -USR1 {}", child.id());
            let kill = Command::new("sh").args(["-c", &kill]).status();
            assert!(kill.unwrap().success());
            let mut about = told
                .by_ref()
                .skip_while(|line| !line.as_ref().unwrap().contains("`sleeper` (#"));
            assert!(about.next().is_some());
            assert!(
                about
                    .next()
                    .unwrap()
                    .unwrap()
                    .contains("waits for a moment to come")
            );
        }
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    });
}
