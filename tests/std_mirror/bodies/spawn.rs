//! `spawn`, `JoinHandle`, `current`, `Thread`, `ThreadId`, and the functions around them.

use std::any::Any;
use std::io;
use std::panic::{catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use super::check;
use super::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use super::sync::mpsc::channel;
use super::sync::{Arc, Mutex};
use super::thread::{self, JoinHandle, Thread, ThreadId};

#[test]
fn joins_a_thread() {
    check(|| {
        let ran = Arc::new(AtomicBool::new(false));
        let r = ran.clone();
        let handle = thread::spawn(move || r.store(true, Ordering::Relaxed));
        handle.join().unwrap();
        assert!(ran.load(Ordering::Relaxed));
    });
}

#[test]
fn two_threads_and_a_channel() {
    check(|| {
        let (tx, rx) = channel();
        let sender = thread::spawn(move || {
            tx.send("hello".to_owned()).expect("there is a receiver");
        });
        let receiver = thread::spawn(move || rx.recv().expect("there is a sender"));
        sender.join().expect("the sender has panicked");
        let heard = receiver.join().expect("the receiver has panicked");
        assert_eq!(heard, "hello");
    });
}

#[test]
fn join_gives_the_result() {
    check(|| {
        let handle: JoinHandle<_> = thread::spawn(|| (1..=6).product::<u32>());
        assert_eq!(handle.join().unwrap(), 720);
    });
}

#[test]
fn join_gives_the_payload_of_a_panic() {
    check(|| {
        let number = 41;
        let handle = thread::spawn(move || panic!("{number} is no answer"));
        let payload: Box<dyn Any + Send> = handle.join().unwrap_err();
        assert_eq!(*payload.downcast::<String>().unwrap(), "41 is no answer");
    });
}

#[test]
fn a_panic_can_be_resumed_by_whoever_joins() {
    fn in_a_thread(fails: bool) -> thread::Result<()> {
        thread::spawn(move || assert!(!fails)).join()
    }
    check(|| {
        in_a_thread(false).unwrap();
        let resumed = catch_unwind(|| match in_a_thread(true) {
            Ok(()) => 1,
            Err(payload) => resume_unwind(payload),
        });
        let payload = resumed.unwrap_err();
        assert_eq!(
            payload.downcast_ref(),
            Some(&"assertion failed: !fails"),
            "the payload of the thread"
        );
    });
}

#[test]
fn a_detached_thread_outlives_who_spawned_it() {
    check(|| {
        let (tx, rx) = channel();
        let outer = thread::spawn(move || {
            let _detached = thread::spawn(move || {
                thread::sleep(Duration::from_millis(3));
                tx.send("still alive").unwrap();
            });
        });
        outer.join().unwrap();
        assert_eq!(rx.recv(), Ok("still alive"));
        // The sender's end.
        assert!(rx.recv().is_err());
    });
}

#[test]
fn a_handle_tells_when_its_thread_is_finished() {
    check(|| {
        let gate = Arc::new(Mutex::new(()));
        let shut = gate.lock().unwrap();
        let g = gate.clone();
        let handle = thread::spawn(move || drop(g.lock()));
        thread::yield_now();
        assert!(!handle.is_finished());
        drop(shut);
        while !handle.is_finished() {
            thread::yield_now();
        }
        handle.join().unwrap();
    });
}

#[test]
#[allow(
    clippy::arc_with_non_send_sync,
    reason = "a handle of a greenlet is neither, and need not be"
)]
fn a_handle_can_be_joined_by_another_thread() {
    check(|| {
        let first = thread::spawn(|| 20);
        let second = thread::spawn(move || first.join().unwrap() + 1);
        let handles = Arc::new(Mutex::new(vec![second]));
        let h = handles.clone();
        let third = thread::spawn(move || {
            let second = h.lock().unwrap().pop().unwrap();
            second.join().unwrap() * 2
        });
        assert_eq!(third.join().unwrap(), 42);
    });
}

#[test]
fn threads_have_ids_of_their_own() {
    check(|| {
        let other = thread::spawn(|| thread::current().id());
        let named: ThreadId = other.thread().id();
        let other = other.join().unwrap();
        assert_eq!(named, other);
        assert_ne!(thread::current().id(), other);
        assert_eq!(thread::current().id(), thread::current().id());
        let text = format!("{other:?}");
        assert!(
            text.starts_with("ThreadId(") && text.ends_with(')'),
            "{text}"
        );
    });
}

#[test]
fn the_handle_and_the_thread_name_the_same() {
    check(|| {
        let (tx, rx) = channel::<Thread>();
        let handle = thread::spawn(move || tx.send(thread::current()).unwrap());
        let told = rx.recv().unwrap();
        assert_eq!(told.id(), handle.thread().id());
        assert_eq!(told.name(), None);
        let text = format!("{told:?}");
        let expected = format!("Thread {{ id: {:?}, name: None, .. }}", told.id());
        assert_eq!(text, expected);
        handle.join().unwrap();
        // It can be named for ever.
        assert_eq!(told.clone().id(), told.id());
        told.unpark();
    });
}

#[test]
fn yields() {
    check(|| {
        thread::yield_now();
        let turns = Arc::new(AtomicU32::new(0));
        let t = turns.clone();
        let handle = thread::spawn(move || t.fetch_add(1, Ordering::Relaxed));
        while turns.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        handle.join().unwrap();
    });
}

#[test]
fn sleeps_at_least_so_long() {
    check(|| {
        let limit = Duration::from_millis(3);
        let start = Instant::now();
        thread::sleep(limit);
        assert!(start.elapsed() >= limit);
        thread::sleep(Duration::ZERO);
    });
}

#[test]
fn a_destructor_sees_whether_its_thread_panics() {
    struct Dropped(&'static str, Arc<Mutex<Vec<(&'static str, bool)>>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.1.lock().unwrap().push((self.0, thread::panicking()));
        }
    }
    check(|| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let s = seen.clone();
        let handle = thread::spawn(move || {
            drop(Dropped("a", s.clone()));
            let _b = Dropped("b", s);
            panic!("so that one is dropped by unwinding");
        });
        assert!(handle.join().is_err());
        assert!(!thread::panicking());
        assert_eq!(*seen.lock().unwrap(), [("a", false), ("b", true)]);
    });
}

#[test]
fn what_a_thread_captured_is_gone_when_it_is_joined() {
    check(|| {
        let shared = Arc::new(());
        let handles = [0, 1].map(|fails| {
            let shared = shared.clone();
            thread::spawn(move || assert!(fails == 0, "{shared:?}"))
        });
        let ends = handles.map(|handle| handle.join().is_ok());
        assert_eq!(ends, [true, false]);
        assert_eq!(Arc::strong_count(&shared), 1);
    });
}

#[test]
fn there_is_at_least_one_cpu() {
    fn count() -> io::Result<usize> {
        Ok(thread::available_parallelism()?.get())
    }
    check(|| assert!(count().unwrap() >= 1));
}
