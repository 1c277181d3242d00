//! `Once`.

use super::check;
use super::sync::atomic::{AtomicUsize, Ordering};
use super::sync::{Arc, Once, OnceState};
use super::thread;

fn poisoned() -> Arc<Once> {
    let once = Arc::new(Once::new());
    let o = once.clone();
    let joined = thread::spawn(move || o.call_once(|| panic!("this poisons it"))).join();
    assert!(joined.is_err());
    once
}

#[test]
fn only_the_first_call_counts() {
    check(|| {
        static INIT: Once = Once::new();
        static VALUE: AtomicUsize = AtomicUsize::new(0);
        fn cached() -> usize {
            INIT.call_once(|| {
                thread::yield_now();
                VALUE.fetch_add(7, Ordering::Relaxed);
            });
            VALUE.load(Ordering::Relaxed)
        }
        let handles: Vec<_> = (0..5).map(|_| thread::spawn(cached)).collect();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), 7);
        }
        assert!(INIT.is_completed());
    });
}

#[test]
fn a_panic_poisons_all_later_calls_but_forced_ones() {
    check(|| {
        let once = poisoned();
        assert!(!once.is_completed());
        for _ in 0..2 {
            let o = once.clone();
            assert!(thread::spawn(move || o.call_once(|| ())).join().is_err());
        }
        let o = once.clone();
        assert!(thread::spawn(move || o.wait()).join().is_err());
        once.call_once_force(|state: &OnceState| assert!(state.is_poisoned()));
        assert!(once.is_completed());
        once.call_once(|| unreachable!());
        once.call_once_force(|_| unreachable!());
        once.wait();
    });
}

#[test]
fn a_forced_call_may_be_the_first() {
    check(|| {
        let once = Once::new();
        let mut text = String::new();
        once.call_once_force(|state| text = format!("{state:?}"));
        assert_eq!(text, "OnceState { poisoned: false }");
    });
}

#[test]
fn is_completed_says_so_only_after_the_end() {
    check(|| {
        let once = Once::new();
        assert!(!once.is_completed());
        once.call_once(|| assert!(!once.is_completed()));
        assert!(once.is_completed());
    });
}

#[test]
fn others_wait_for_the_end() {
    check(|| {
        let once = Arc::new(Once::new());
        let (a, b) = (once.clone(), once.clone());
        let waiters = [
            thread::spawn(move || {
                a.wait();
                a.is_completed()
            }),
            thread::spawn(move || {
                b.wait_force();
                b.is_completed()
            }),
        ];
        once.call_once(thread::yield_now);
        for waiter in waiters {
            assert!(waiter.join().unwrap());
        }
    });
}

#[test]
fn one_may_wait_past_a_panic() {
    check(|| {
        let once = poisoned();
        let o = once.clone();
        let waiter = thread::spawn(move || {
            o.wait_force();
            o.is_completed()
        });
        thread::yield_now();
        once.call_once_force(|_| ());
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn formats() {
    check(|| assert_eq!(format!("{:?}", Once::new()), "Once { .. }"));
}
