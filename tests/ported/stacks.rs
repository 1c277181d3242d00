//! Source: `test_stack_saved.py` and `test_greenlet_trash.py`. What a suspended greenlet's stack costs, and switching in
//! the middle of a deeply nested destruction.
//!
//! Adapted: stacks are not copied away, so what counts is the stack in use and the memory behind it; the nested destruction is
//! that of boxes in boxes.

use std::cell::{Cell, RefCell};
use std::panic::catch_unwind;
use std::rc::Rc;

use greenlet::{AnyGreenlet, Greenlet, GreenletExit, census, current, main, trim_stacks};

use crate::support::leak_checked;

/// test_stack_saved (A: stacks and committed bytes of the census)
#[test]
fn a_stack_is_held_from_the_start_to_the_death() {
    leak_checked(|| {
        let g = Greenlet::new(|()| main().switch::<_, ()>(census().stacks));
        assert_eq!((census().stacks, census().committed_bytes), (0, 0));
        let inside: usize = g.any().switch(());
        assert_eq!(inside, 1);
        assert_eq!(census().stacks, 1);
        assert!(census().committed_bytes > 0);
        g.switch(());
        assert!(g.is_dead());
        assert_eq!((census().stacks, census().pooled_stacks), (0, 1));
        assert_eq!(trim_stacks(), 1);
        assert_eq!(census().committed_bytes, 0);
    });
}

const NESTED: u32 = 1000;
/// At which depth main's destruction starts the other greenlet.
const SPAWNS_AT: u32 = 500;
/// At which depth the other greenlet's destruction is left.
const LEAVES_AT: u32 = 40;

#[derive(Default)]
struct Tally {
    created: Cell<u32>,
    destroyed: Cell<u32>,
    destroyed_elsewhere: Cell<u32>,
    spawned_by: RefCell<Option<AnyGreenlet>>,
    background: RefCell<Option<Greenlet>>,
    left: Cell<bool>,
    left_by_exit: Cell<bool>,
}

/// Destroyed inside the destruction of the one around it.
struct Nested {
    depth: u32,
    tally: Rc<Tally>,
    _inner: Option<Box<Nested>>,
}

fn nest(tally: &Rc<Tally>) -> Option<Box<Nested>> {
    (0..NESTED).rev().fold(None, |inner, depth| {
        tally.created.set(tally.created.get() + 1);
        Some(Box::new(Nested {
            depth,
            tally: tally.clone(),
            _inner: inner,
        }))
    })
}

impl Drop for Nested {
    fn drop(&mut self) {
        let tally = &self.tally;
        let in_main = current() == main();
        if in_main && self.depth == SPAWNS_AT && tally.background.borrow().is_none() {
            tally.spawned_by.replace(Some(current()));
            let other = tally.clone();
            let background = Greenlet::builder()
                .stack_size(8 << 20)
                .build(move |()| drop(nest(&other)));
            tally.background.replace(Some(background.clone()));
            // Left hanging in the midst of its own destruction.
            assert_eq!(background.any().switch::<(), u32>(()), 42);
        }
        if !in_main && self.depth == LEAVES_AT {
            tally.left.set(true);
            let end = catch_unwind(|| main().switch::<u32, ()>(42));
            let exit = end.is_err_and(|thrown| thrown.is::<GreenletExit>());
            tally.left_by_exit.set(exit);
        }
        tally.destroyed.set(tally.destroyed.get() + 1);
        if !in_main {
            let elsewhere = &tally.destroyed_elsewhere;
            elsewhere.set(elsewhere.get() + 1);
        }
    }
}

/// test_it (A: a thousand nested boxes, thirty rounds)
#[test]
fn a_deeply_nested_destruction_can_be_left_and_finished_by_a_kill() {
    leak_checked(|| {
        for _ in 0..30 {
            let tally = Rc::new(Tally::default());
            let some = nest(&tally);
            assert_eq!((tally.created.get(), tally.destroyed.get()), (NESTED, 0));
            drop(some);
            assert_eq!(*tally.spawned_by.borrow(), Some(main()));
            assert_eq!(tally.created.get(), 2 * NESTED);
            assert_eq!(tally.destroyed.get(), NESTED + LEAVES_AT);
            assert!(tally.left.get() && !tally.left_by_exit.get());

            let background = tally.background.take().unwrap();
            let name = background.any();
            drop(background);
            assert!(tally.left_by_exit.get());
            assert!(name.is_dead());
            assert_eq!(tally.destroyed.get(), 2 * NESTED);
            assert_eq!(tally.destroyed_elsewhere.get(), NESTED);
        }
    });
}
