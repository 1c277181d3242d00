//! `scope`, `Scope`, `ScopedJoinHandle`.

use std::panic::catch_unwind;

use super::check;
use super::sync::Mutex;
use super::sync::atomic::{AtomicU32, Ordering};
use super::thread::{self, Scope, ScopedJoinHandle};

#[test]
fn threads_borrow_what_is_outside() {
    check(|| {
        let mut list = vec![1, 2, 3];
        let mut sum = 0;
        thread::scope(|s| {
            s.spawn(|| assert_eq!(list.len(), 3));
            s.spawn(|| sum += list[0] + list[2]);
        });
        list.push(4);
        assert_eq!(sum, list.len());
    });
}

#[test]
fn a_scope_gives_what_its_function_returns() {
    check(|| {
        let words = ["borrowed".to_owned(), "twice".to_owned()];
        let lengths = thread::scope(|s| {
            let handles = words.each_ref().map(|word| s.spawn(|| word.len()));
            handles.map(|handle| handle.join().unwrap())
        });
        assert_eq!(lengths, [8, 5]);
    });
}

#[test]
fn a_scope_waits_for_who_is_not_joined() {
    check(|| {
        let done = AtomicU32::new(0);
        thread::scope(|s| {
            for _ in 0..10 {
                s.spawn(|| {
                    thread::yield_now();
                    done.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(done.into_inner(), 10);
    });
}

#[test]
fn a_scoped_thread_spawns_others() {
    fn grow<'scope>(s: &'scope Scope<'scope, '_>, depth: u32, leaves: &'scope Mutex<u32>) {
        for _ in 0..2 {
            match depth {
                0 => *leaves.lock().unwrap() += 1,
                depth => drop(s.spawn(move || grow(s, depth - 1, leaves))),
            }
        }
    }
    check(|| {
        let leaves = Mutex::new(0);
        thread::scope(|s| grow(s, 3, &leaves));
        assert_eq!(leaves.into_inner().unwrap(), 16);
    });
}

#[test]
fn a_handle_names_its_thread() {
    check(|| {
        thread::scope(|s| {
            let handle: ScopedJoinHandle<'_, _> = s.spawn(|| thread::current().id());
            let id = handle.thread().id();
            assert_ne!(id, thread::current().id());
            assert_eq!(handle.join().unwrap(), id);
        });
    });
}

#[test]
fn a_handle_tells_when_its_thread_is_finished() {
    check(|| {
        thread::scope(|s| {
            let handle = s.spawn(thread::park);
            thread::yield_now();
            assert!(!handle.is_finished());
            handle.thread().unpark();
            while !handle.is_finished() {
                thread::yield_now();
            }
        });
    });
}

#[test]
fn a_panic_that_is_joined_is_an_error() {
    check(|| {
        thread::scope(|s| {
            let handle = s.spawn(|| panic!("oh no"));
            assert!(handle.join().is_err());
        });
    });
}

#[test]
fn a_panic_that_nobody_joins_is_the_scopes() {
    check(|| {
        let done = AtomicU32::new(0);
        let result = catch_unwind(|| {
            thread::scope(|s| {
                s.spawn(|| panic!("nobody joins this"));
                s.spawn(|| done.fetch_add(1, Ordering::Relaxed));
            });
        });
        assert!(result.is_err());
        assert_eq!(done.into_inner(), 1);
    });
}

#[test]
fn a_panic_of_the_function_is_the_scopes() {
    check(|| {
        let result = catch_unwind(|| {
            thread::scope(|s| {
                s.spawn(|| ());
                panic!("with a payload");
            })
        });
        let payload: Box<dyn std::any::Any + Send> = Result::<(), _>::unwrap_err(result);
        assert_eq!(payload.downcast_ref(), Some(&"with a payload"));
    });
}

#[test]
fn scopes_nest() {
    check(|| {
        let mut list = vec![3, 1, 2];
        thread::scope(|outer| {
            outer.spawn(|| {
                thread::scope(|inner| {
                    let (low, high) = list.split_at_mut(1);
                    inner.spawn(|| low[0] *= 10);
                    inner.spawn(|| high.sort_by_key(|n| -*n));
                });
                list.push(0);
            });
        });
        assert_eq!(list, [30, 2, 1, 0]);
    });
}
