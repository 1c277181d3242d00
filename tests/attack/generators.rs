//! Generators consumed, dropped and killed in odd places.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::{AnyGreenlet, Generator, Greenlet};

use crate::support::{Token, leak_checked};

#[test]
fn a_generator_moves_from_consumer_to_consumer() {
    leak_checked(|| {
        let mut g = Generator::new(|y| {
            for n in 0..4 {
                y.give((n, Token::new()));
            }
            Token::new()
        });
        assert_eq!(g.next().unwrap().0, 0);
        let other = Greenlet::new(|mut g: Generator<(i32, Token), Token>| {
            assert_eq!(g.next().unwrap().0, 1);
            g
        });
        let mut g = other.switch(g);
        // Its parent is dead by now.
        assert_eq!(g.next().unwrap().0, 2);
        assert_eq!(g.next().unwrap().0, 3);
        assert!(g.result().is_none());
        assert!(g.next().is_none());
        assert!(g.result().is_some() && g.result().is_none());
        assert!(g.next().is_none());
    });
}

#[test]
fn a_consumer_killed_by_the_body_takes_the_generator_along() {
    leak_checked(|| {
        let died = Rc::new(Cell::new(false));
        let seen = died.clone();
        let consumer = Greenlet::new(move |()| {
            let me = greenlet::current();
            let token = Token::new();
            let mut g = Generator::new(move |y| {
                let _token = token;
                me.kill();
                // Not reached: the consumer's frame owned this.
                seen.set(true);
                y.give(1);
            });
            g.next();
        });
        let end = consumer.any().try_switch::<(), ()>(());
        println!("{end:?}");
        assert!(consumer.is_dead());
        assert!(!died.get());
    });
}

#[test]
fn a_generator_dropped_inside_its_own_body_ends_when_it_leaves() {
    leak_checked(|| {
        let slot: Rc<RefCell<Option<Generator<i32, Token>>>> = Rc::default();
        let own = slot.clone();
        let body: Rc<RefCell<Option<AnyGreenlet>>> = Rc::default();
        let name = body.clone();
        let mut g = Generator::new(move |y| {
            name.replace(Some(greenlet::current()));
            let token = Token::new();
            y.give(1);
            // Resumed by name, so that nobody borrows the generator.
            own.take();
            greenlet::main().switch::<(), ()>(());
            token
        });
        assert_eq!(g.next(), Some(1));
        slot.replace(Some(g));
        let body = body.take().unwrap();
        body.switch::<(), ()>(());
        assert!(body.is_dead() && slot.borrow().is_none());
    });
}

#[test]
fn a_generator_whose_greenlet_was_killed_is_finished() {
    leak_checked(|| {
        let name: Rc<RefCell<Option<AnyGreenlet>>> = Rc::default();
        let own = name.clone();
        let mut g = Generator::<Token>::new(move |y| {
            own.replace(Some(greenlet::current()));
            let _token = Token::new();
            loop {
                y.give(Token::new());
            }
        });
        assert!(g.next().is_some());
        name.take().unwrap().kill();
        assert!(g.next().is_none() && g.result().is_none());
    });
}

#[test]
fn a_value_given_to_a_dead_consumer_is_dropped_with_a_panic() {
    leak_checked(|| {
        let body: Rc<RefCell<Option<AnyGreenlet>>> = Rc::default();
        let own = body.clone();
        let kept: Rc<RefCell<Option<Generator<Token>>>> = Rc::default();
        let keep = kept.clone();
        let consumer = Greenlet::<(), ()>::new(move |()| {
            let mut g = Generator::new(move |y| {
                own.replace(Some(greenlet::current()));
                greenlet::main().switch::<(), ()>(());
                y.give(Token::new());
            });
            let next = catch_unwind(AssertUnwindSafe(|| g.next()));
            keep.replace(Some(g));
            resume_unwind(next.err().unwrap())
        });
        consumer.any().switch::<(), ()>(());
        consumer.kill();
        assert!(consumer.is_dead());
        let end = body.take().unwrap().try_switch::<(), ()>(());
        println!("{end:?}");
        assert!(end.is_err());
        assert!(kept.borrow_mut().as_mut().unwrap().next().is_none());
        kept.take();
    });
}
