//! `LazyLock`.

use super::check;
use super::sync::atomic::{AtomicUsize, Ordering};
use super::sync::{Arc, LazyLock, Mutex};
use super::thread;

#[test]
fn a_static_is_made_at_the_first_use() {
    check(|| {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        static ANSWER: LazyLock<String> = LazyLock::new(|| {
            CALLS.fetch_add(1, Ordering::Relaxed);
            thread::yield_now();
            "42".to_owned()
        });
        assert_eq!(CALLS.load(Ordering::Relaxed), 0);
        let handles: Vec<_> = (0..4).map(|_| thread::spawn(|| ANSWER.len())).collect();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), 2);
        }
        assert_eq!(&*ANSWER, "42");
        assert_eq!(CALLS.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_field_is_made_at_the_first_use() {
    check(|| {
        struct Holds {
            number: LazyLock<u32>,
        }
        let holds = Holds {
            number: LazyLock::new(|| 5),
        };
        assert_eq!(*holds.number, 5);
    });
}

#[test]
fn the_function_may_own_what_it_needs() {
    check(|| {
        let hello = "hello".to_owned();
        let lazy = LazyLock::new(|| hello.to_uppercase());
        assert_eq!(LazyLock::force(&lazy), "HELLO");
        assert_eq!(&*lazy, "HELLO");
    });
}

#[test]
fn what_is_not_made_can_be_told() {
    check(|| {
        let mut lazy = LazyLock::new(|| 92);
        assert_eq!(LazyLock::get(&lazy), None);
        assert_eq!(LazyLock::get_mut(&mut lazy), None);
        assert_eq!(*LazyLock::force_mut(&mut lazy), 92);
        *LazyLock::get_mut(&mut lazy).unwrap() = 44;
        *lazy += 1;
        assert_eq!(LazyLock::get(&lazy), Some(&45));
    });
}

#[test]
fn a_panic_poisons_for_good() {
    check(|| {
        let lazy: Arc<LazyLock<u8>> = Arc::new(LazyLock::new(|| panic!("no value")));
        for _ in 0..2 {
            let l = lazy.clone();
            assert!(thread::spawn(move || **l).join().is_err());
        }
        assert_eq!(LazyLock::get(&lazy), None);
    });
}

#[test]
fn what_was_never_made_is_dropped_as_the_function() {
    check(|| {
        let shared = Arc::new(());
        let s = shared.clone();
        let unused = LazyLock::new(move || drop(s));
        assert_eq!(Arc::strong_count(&shared), 2);
        drop(unused);
        assert_eq!(Arc::strong_count(&shared), 1);
        let used = LazyLock::new(|| shared.clone());
        assert_eq!(Arc::strong_count(&used), 2);
        drop(used);
        assert_eq!(Arc::strong_count(&shared), 1);
    });
}

#[test]
fn conversions_and_formats() {
    check(|| {
        static LIST: LazyLock<Mutex<Vec<i32>>> = LazyLock::new(Mutex::default);
        LIST.lock().unwrap().push(1);
        let lazy = LazyLock::<u8>::default();
        assert_eq!(format!("{lazy:?}"), "LazyLock(<uninit>)");
        assert_eq!(*lazy, 0);
        assert_eq!(format!("{lazy:?}"), "LazyLock(0)");
    });
}
