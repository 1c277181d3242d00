//! `OnceLock`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::check;
use super::sync::{Arc, OnceLock};
use super::thread;

#[test]
fn another_one_makes_the_value() {
    check(|| {
        static CELL: OnceLock<usize> = OnceLock::new();
        assert_eq!(CELL.get(), None);
        thread::spawn(|| assert_eq!(CELL.get_or_init(|| 12345), &12345))
            .join()
            .unwrap();
        assert_eq!(CELL.get(), Some(&12345));
    });
}

#[test]
fn the_first_value_stays() {
    check(|| {
        let cell = OnceLock::new();
        assert_eq!(cell.set(1), Ok(()));
        assert_eq!(cell.set(2), Err(2));
        assert_eq!(cell.get_or_init(|| unreachable!()), &1);
        assert_eq!(cell.get(), Some(&1));
    });
}

#[test]
fn all_get_the_same_value() {
    check(|| {
        let cell = Arc::new(OnceLock::new());
        let handles: Vec<_> = (0..5)
            .map(|n| {
                let cell = cell.clone();
                thread::spawn(move || {
                    *cell.get_or_init(|| {
                        thread::yield_now();
                        n
                    })
                })
            })
            .collect();
        let value = *cell.wait();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), value);
        }
        assert!(value < 5);
    });
}

#[test]
fn wait_gives_what_another_one_sets() {
    check(|| {
        let cell = Arc::new(OnceLock::new());
        let c = cell.clone();
        let handle = thread::spawn(move || c.set("value"));
        assert_eq!(*cell.wait(), "value");
        assert_eq!(handle.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_panic_leaves_it_unset() {
    check(|| {
        let cell = OnceLock::new();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            cell.get_or_init(|| panic!("no value"));
        }));
        assert!(panic.is_err());
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_init(|| 2), &2);
    });
}

#[test]
fn one_who_has_it_alone_may_change_it() {
    check(|| {
        let mut cell = OnceLock::new();
        assert_eq!(cell.get_mut(), None);
        assert_eq!(cell.take(), None);
        cell.set(String::from("a")).unwrap();
        cell.get_mut().unwrap().push('b');
        assert_eq!(cell.take(), Some("ab".to_owned()));
        assert_eq!(cell.get(), None);
        cell.set("c".to_owned()).unwrap();
        assert_eq!(cell.into_inner(), Some("c".to_owned()));
        assert_eq!(OnceLock::<u8>::new().into_inner(), None);
    });
}

#[test]
fn conversions_and_formats() {
    check(|| {
        let cell = OnceLock::from(1);
        assert_eq!(cell.clone(), cell);
        assert_ne!(OnceLock::from(2), cell);
        assert_eq!(OnceLock::<u8>::default(), OnceLock::new().clone());
        assert_eq!(format!("{cell:?}"), "OnceLock(1)");
        assert_eq!(format!("{:?}", OnceLock::<u8>::new()), "OnceLock(<uninit>)");
    });
}
