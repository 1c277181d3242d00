//! `test__local.py`. A local is declared, not made; it has one value of one type, and no attributes.

use std::cell::{Cell, RefCell};

use greenlet::{greenlet_local, join_all, sleep, spawn, yield_now};

use crate::support::{Token, leak_checked};
use crate::{SOON, timed};

thread_local! {
    static MADE: Cell<usize> = const { Cell::new(0) };
}

fn sentinel() -> Token {
    MADE.set(MADE.get() + 1);
    Token::new()
}

greenlet_local! {
    static SENTINEL: Token = sentinel();
    static PATH: RefCell<Option<String>> = RefCell::new(None);
    static NUMBER: Cell<u32> = Cell::new(42);
}

/// test__local.py TestGeventLocal.test_attribute_error (A)
/// test__local.py TestGeventLocal.test_objects (A)
#[test]
fn what_one_sets_another_does_not_see() {
    leak_checked(|| {
        let setter = spawn(|| PATH.set(Some("321".to_owned())));
        setter.join().unwrap();
        assert_eq!(PATH.take(), None);
        PATH.set(Some("123".to_owned()));
        let other = spawn(|| {
            let before = PATH.take();
            PATH.set(Some("321".to_owned()));
            yield_now();
            (before, PATH.take())
        });
        yield_now();
        assert_eq!(PATH.take().as_deref(), Some("123"));
        assert_eq!(other.join().unwrap(), (None, Some("321".to_owned())));
    });
}

/// test__local.py TestGeventLocal.test_create_local_subclass_init_args (A)
/// test__local.py TestGeventLocal.test_class_attr (A)
/// test__local.py TestGeventLocal.test_class_attr_subclass (A)
#[test]
fn a_value_begins_as_its_initializer_says_in_each() {
    leak_checked(|| {
        assert_eq!(NUMBER.get(), 42);
        NUMBER.set(1);
        assert_eq!(NUMBER.get(), 1);
        assert_eq!(spawn(|| NUMBER.get()).join().unwrap(), 42);
        NUMBER.set(42);
    });
}

/// test__local.py TestGeventLocal.test_locals_collected_when_greenlet_dead_but_still_referenced (Y)
#[test]
fn the_value_of_a_dead_one_is_dropped_though_its_handle_is_kept() {
    leak_checked(|| {
        let before = MADE.get();
        let handles: Vec<_> = (0..5).map(|_| spawn(|| SENTINEL.with(|_| ()))).collect();
        yield_now();
        assert!(handles.iter().all(|handle| handle.is_finished()));
        assert_eq!(MADE.get() - before, 5);
        assert_eq!(Token::alive(), 0);
        assert!(join_all(handles).iter().all(Result::is_ok));
    });
}

/// test__local.py TestGeventLocal.test_copy (A)
/// test__local.py TestGeventLocal.test_copy_no_subclass (A)
#[test]
fn what_is_shared_by_locals_is_shared() {
    use std::rc::Rc;
    greenlet_local! {
        static SHARED: RefCell<Option<Rc<Cell<u32>>>> = RefCell::new(None);
    }
    timed(|| {
        let echo = Rc::new(Cell::new(0));
        let both = [echo.clone(), echo.clone()].map(|mine| {
            spawn(move || {
                SHARED.set(Some(mine));
                sleep(SOON);
                SHARED.with_borrow(|mine| mine.as_ref().unwrap().get())
            })
        });
        yield_now();
        echo.set(7);
        assert!(join_all(both).into_iter().all(|found| found.unwrap() == 7));
        assert_eq!(Rc::strong_count(&echo), 1);
    });
}
