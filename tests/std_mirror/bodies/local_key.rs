//! `thread_local!`, `LocalKey`, `AccessError`.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::panic::catch_unwind;

use super::check;
use super::sync::Arc;
use super::sync::atomic::{AtomicU32, Ordering};
use super::sync::mpsc::{Sender, channel};
use super::thread::{self, AccessError, LocalKey};
use super::thread_local;

#[test]
fn every_thread_has_its_own() {
    thread_local!(static NUMBER: Cell<u32> = const { Cell::new(1) });
    check(|| {
        assert_eq!(NUMBER.get(), 1);
        NUMBER.set(2);
        let handle = thread::spawn(|| {
            assert_eq!(NUMBER.get(), 1);
            NUMBER.set(3);
            thread::yield_now();
            assert_eq!(NUMBER.get(), 3);
        });
        thread::yield_now();
        handle.join().unwrap();
        assert_eq!(NUMBER.get(), 2);
    });
}

mod declared {
    //! Every form that the macro takes.

    use super::super::thread_local;
    use super::{Cell, RefCell};

    thread_local! {}

    thread_local! {
        /// With documentation.
        pub static CONST: Cell<u32> = const { Cell::new(1) };

        static LAZY: RefCell<Vec<f32>> = RefCell::new(vec![1.0, 2.0]);

        #[allow(dead_code)]
        pub(crate) static EMPTY: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) }
    }

    thread_local! {
        pub(super) static FROM: String = {
            let mut text = String::from("I am");
            text.push('.');
            text
        };
    }

    pub(super) fn second() -> f32 {
        LAZY.with_borrow(|list| list[1])
    }
}

#[test]
fn several_in_one_declaration() {
    check(|| {
        assert_eq!(declared::CONST.get(), 1);
        assert_eq!(declared::second(), 2.0);
        declared::EMPTY.with_borrow(|list| assert!(list.is_empty()));
        declared::FROM.with(|text| assert_eq!(text, "I am."));
    });
}

#[test]
fn with_gives_a_reference() {
    thread_local! {
        static TEXT: String = String::from("I am");
    }
    check(|| {
        let long = TEXT.with(|text| format!("{text} initialized"));
        assert_eq!(long, "I am initialized");
        let long = TEXT.try_with(|text| format!("{text} initialized"));
        assert_eq!(long, Ok(String::from("I am initialized")));
        let key: &'static LocalKey<String> = &TEXT;
        assert_eq!(key.with(String::len), 4);
        assert_eq!(format!("{key:?}"), "LocalKey { .. }");
    });
}

#[test]
fn set_of_a_cell_skips_the_initial_value() {
    thread_local! {
        static NUMBER: Cell<i32> = panic!("this must not be made");
    }
    check(|| {
        NUMBER.set(123);
        assert_eq!(NUMBER.get(), 123);
        let other = thread::spawn(|| catch_unwind(|| NUMBER.get()).is_err());
        assert!(other.join().unwrap());
    });
}

#[test]
fn set_of_a_ref_cell_skips_the_initial_value() {
    thread_local! {
        static LIST: RefCell<Vec<i32>> = panic!("this must not be made");
    }
    check(|| {
        LIST.set(vec![1, 2, 3]);
        LIST.with_borrow(|list| assert_eq!(*list, [1, 2, 3]));
    });
}

#[test]
fn take_and_replace_of_a_cell() {
    thread_local! {
        static SOME: Cell<Option<i32>> = const { Cell::new(Some(1)) };
        static NUMBER: Cell<i32> = const { Cell::new(1) };
    }
    check(|| {
        assert_eq!(SOME.take(), Some(1));
        assert_eq!(SOME.take(), None);
        assert_eq!(NUMBER.replace(2), 1);
        assert_eq!(NUMBER.replace(3), 2);
    });
}

#[test]
fn borrows_take_and_replace_of_a_ref_cell() {
    thread_local! {
        static LIST: RefCell<Vec<i32>> = const { RefCell::new(Vec::new()) };
    }
    check(|| {
        LIST.with_borrow(|list| assert!(list.is_empty()));
        LIST.with_borrow_mut(|list| list.push(1));
        assert_eq!(LIST.take(), [1]);
        assert_eq!(LIST.replace(vec![1, 2, 3]), []);
        LIST.with_borrow(|list| assert_eq!(*list, [1, 2, 3]));
        let nested = catch_unwind(|| LIST.with_borrow(|_| LIST.with_borrow_mut(Vec::clear)));
        assert!(nested.is_err(), "it is borrowed");
    });
}

#[test]
fn a_value_is_dropped_with_its_thread() {
    struct Counts(Arc<AtomicU32>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local! {
        static KEPT: RefCell<Option<Counts>> = const { RefCell::new(None) };
    }
    check(|| {
        let dropped = Arc::new(AtomicU32::new(0));
        for n in 0..3 {
            let counts = Counts(dropped.clone());
            let handle = thread::spawn(move || KEPT.set(Some(counts)));
            handle.join().unwrap();
            assert_eq!(dropped.load(Ordering::Relaxed), n + 1);
        }
    });
}

#[test]
fn a_destructor_finds_its_own_key_gone() {
    struct Asks(Sender<Result<(), AccessError>>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.send(ASKS.try_with(|_| ())).unwrap();
        }
    }
    thread_local! {
        static ASKS: RefCell<Option<Asks>> = const { RefCell::new(None) };
    }
    check(|| {
        let (tx, rx) = channel();
        let handle = thread::spawn(move || ASKS.set(Some(Asks(tx))));
        handle.join().unwrap();
        let error = rx.recv().unwrap().unwrap_err();
        let as_error: &dyn Error = &error;
        assert!(!as_error.to_string().is_empty());
        assert_eq!(error, error.clone());
    });
}

#[test]
fn a_function_can_take_any_key() {
    fn count(key: &'static LocalKey<Cell<u32>>) -> u32 {
        key.set(key.get() + 1);
        key.with(Cell::get)
    }
    thread_local! {
        static A: Cell<u32> = const { Cell::new(0) };
        static B: Cell<u32> = const { Cell::new(10) };
    }
    check(|| {
        assert_eq!([count(&A), count(&A), count(&B)], [1, 2, 11]);
    });
}
