//! Greenlet-locals.
//!
//! Contract: "`greenlet_local!` … the shape of `thread_local!`", "A greenlet-local is dropped when its greenlet dies, before the
//! parent goes on", "fresh by default; the builder can inherit a copy or share".

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use greenlet::{Greenlet, greenlet_local};

use crate::support::{Token, leak_checked};

greenlet_local! {
    static NUMBER: Cell<u32> = const { Cell::new(1) };
    static TEXT: RefCell<String> = RefCell::new("fresh".to_owned());
    /// Not `Clone`: the body of a lock is.
    static UNIQUE: std::sync::Mutex<u32> = std::sync::Mutex::new(5);
    static HELD: RefCell<Vec<Token>> = RefCell::new(Vec::new())
}

#[test]
fn every_greenlet_starts_fresh() {
    leak_checked(|| {
        NUMBER.set(2);
        let g = Greenlet::new(|()| {
            let first = NUMBER.get();
            NUMBER.set(3);
            greenlet::main().switch::<u32, ()>(first);
            NUMBER.get()
        });
        assert_eq!(g.any().switch::<(), u32>(()), 1);
        assert_eq!(NUMBER.get(), 2);
        assert_eq!(g.any().switch::<(), u32>(()), 3);
        assert_eq!(NUMBER.get(), 2);
        NUMBER.set(1);
    });
}

#[test]
fn inherited_copies_go_their_own_way() {
    leak_checked(|| {
        TEXT.set("from main".to_owned());
        UNIQUE.with(|lock| *lock.lock().unwrap() = 6);
        let g = Greenlet::builder().inherit_locals().build(|()| {
            let seen = (TEXT.take(), UNIQUE.with(|lock| *lock.lock().unwrap()));
            TEXT.set("from g".to_owned());
            seen
        });
        // What main does after the copy was made does not matter.
        TEXT.set("later".to_owned());
        let seen = g.any().switch::<(), (String, u32)>(());
        assert_eq!(
            seen,
            ("from main".to_owned(), 5),
            "what cannot be copied starts fresh"
        );
        assert_eq!(TEXT.take(), "later");
    });
}

#[test]
fn shared_locals_are_the_same_ones() {
    leak_checked(|| {
        NUMBER.set(10);
        let g = Greenlet::builder().share_locals().build(|()| {
            assert_eq!(NUMBER.get(), 10);
            NUMBER.set(11);
            TEXT.with_borrow_mut(|text| text.push_str("er"));
        });
        g.switch(());
        assert_eq!(NUMBER.get(), 11);
        assert_eq!(TEXT.take(), "fresher", "also those first used by the other");
    });
}

#[test]
fn locals_are_dropped_at_death_before_the_parent_goes_on() {
    leak_checked(|| {
        let g = Greenlet::new(|()| HELD.with_borrow_mut(|held| held.push(Token::new())));
        g.switch(());
        assert_eq!(Token::alive(), 0);
        let killed = Greenlet::new(|()| {
            HELD.with_borrow_mut(|held| held.push(Token::new()));
            greenlet::main().switch::<(), ()>(());
        });
        killed.switch(());
        assert_eq!(Token::alive(), 1);
        killed.kill();
        assert_eq!(Token::alive(), 0);
        // Copies that a greenlet never got to use.
        HELD.with_borrow_mut(|held| held.push(Token::new()));
        let unrun = Greenlet::builder().inherit_locals().build(|()| ());
        assert_eq!(Token::alive(), 2);
        drop(unrun);
        assert_eq!(Token::alive(), 1);
        HELD.take();
    });
}

#[test]
fn a_destructor_of_a_local_may_switch_but_not_use_locals() {
    greenlet_local!(static LAST: RefCell<Option<Probe>> = RefCell::new(None));
    struct Probe(Rc<Cell<Option<bool>>>);
    impl Drop for Probe {
        fn drop(&mut self) {
            self.0.set(Some(NUMBER.try_with(Cell::get).is_ok()));
            greenlet::main().switch::<&str, ()>("from the destructor");
        }
    }
    leak_checked(|| {
        let usable = Rc::new(Cell::new(None));
        let seen = usable.clone();
        let g = Greenlet::new(move |()| {
            LAST.set(Some(Probe(seen)));
            "result"
        });
        assert_eq!(g.any().switch::<(), &str>(()), "from the destructor");
        assert!(!g.is_dead());
        assert_eq!(g.any().switch::<(), &str>(()), "result");
        assert_eq!(usable.get(), Some(false));
    });
}

#[test]
fn a_panic_in_the_destructor_of_a_local_is_the_end_of_the_greenlet() {
    greenlet_local!(static BAD: RefCell<Option<Bad>> = RefCell::new(None));
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("bad"));
        }
    }
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            HELD.with_borrow_mut(|held| held.push(Token::new()));
            BAD.set(Some(Bad));
            HELD.with_borrow_mut(|held| held.push(Token::new()));
            Token::new()
        });
        let end = g.any().try_switch::<(), Token>(());
        let Err(greenlet::SwitchError::Thrown(payload)) = end else {
            panic!("{end:?}");
        };
        assert_eq!(payload.downcast_ref(), Some(&"bad"));
        assert_eq!(Token::alive(), 0, "the others were dropped too");
    });
}

#[test]
fn a_reference_to_a_local_is_good_over_a_switch() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            TEXT.with(|text| {
                greenlet::main().switch::<(), ()>(());
                text.borrow_mut().push('!');
                text.borrow().clone()
            })
        });
        g.any().switch::<(), ()>(());
        TEXT.with_borrow_mut(|text| text.push('?'));
        assert_eq!(g.any().switch::<(), String>(()), "fresh!");
        TEXT.take();
    });
}
