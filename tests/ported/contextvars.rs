//! Source: `test_contextvars.py`. State that follows a greenlet, not the thread.
//!
//! Adapted: context variables are greenlet-locals, and instead of assigning a context object to a greenlet, its builder
//! says whether it starts fresh, with copies, or shares. A context that is entered and left like a function, access
//! from another thread (handles cannot leave theirs) and wrong types have no counterpart.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use greenlet::{Greenlet, GreenletBuilder, greenlet_local, main};

use crate::support::leak_checked;

greenlet_local! {
    static ID: Cell<Option<usize>> = Cell::new(None);
    static SLOT: RefCell<Slot> = RefCell::new(None);
}

type Slot = Option<Rc<u32>>;

/// Counts under the number that this greenlet's local holds.
fn count(counts: &Cell<[u32; 5]>) {
    let mut all = counts.get();
    all[ID.get().expect("set before counting")] += 1;
    counts.set(all);
}

/// Four greenlets set and use the same local in turns, and end in the order in which they began.
fn counts_with(
    settings: fn(GreenletBuilder) -> GreenletBuilder,
    finds: fn(usize) -> Option<usize>,
) -> [u32; 5] {
    ID.set(Some(0));
    let counts = Rc::new(Cell::new([0; 5]));
    let make = |id| {
        let counts = counts.clone();
        settings(Greenlet::builder()).build(move |()| {
            assert_eq!(ID.get(), finds(id), "what greenlet {id} begins with");
            ID.set(Some(id));
            for _ in 0..2 {
                count(&counts);
                main().switch::<(), ()>(());
            }
        })
    };
    let greenlets: Vec<Greenlet> = (1..5).map(make).collect();
    for _ in 0..2 {
        count(&counts);
        greenlets.iter().for_each(|g| g.switch(()));
    }
    for g in &greenlets {
        g.switch(());
        assert!(g.is_dead());
    }
    counts.get()
}

/// test_context_propagated_by_setting_attribute (A: inherited copies)
#[test]
fn inherited_locals_are_copies_isolated_from_each_other() {
    leak_checked(|| {
        let counts = counts_with(GreenletBuilder::inherit_locals, |_| Some(0));
        assert_eq!(counts, [2; 5]);
        assert_eq!(ID.get(), Some(0));
    });
}

/// test_context_not_propagated (A: fresh locals)
#[test]
fn locals_start_fresh_by_default() {
    leak_checked(|| {
        let counts = counts_with(|settings| settings, |_| None);
        assert_eq!(counts, [2; 5]);
        assert_eq!(ID.get(), Some(0));
    });
}

/// test_context_shared (A: shared locals)
#[test]
fn each_sharer_sees_what_the_one_before_it_set() {
    leak_checked(|| {
        let counts = counts_with(GreenletBuilder::share_locals, |id| Some(id - 1));
        assert_eq!(counts, [1, 1, 1, 1, 6]);
        assert_eq!(ID.get(), Some(4));
    });
}

/// test_not_broken_if_using_attribute_instead_of_context_run (A: inherited copies)
#[test]
fn inheriting_greenlets_may_end_in_any_order() {
    leak_checked(|| {
        ID.set(Some(0));
        let make = |id| {
            Greenlet::builder().inherit_locals().build(move |()| {
                let inherited = ID.replace(Some(id));
                main().switch::<_, ()>(inherited);
                ID.get()
            })
        };
        let first = make(1);
        let second = make(2);
        assert_eq!(first.switch(()), Some(0));
        assert_eq!(second.switch(()), Some(0));
        // Not in the reverse order of their starts.
        assert_eq!(first.switch(()), Some(1));
        assert_eq!(second.switch(()), Some(2));
        assert!(first.is_dead() && second.is_dead());
        assert_eq!(ID.get(), Some(0));
    });
}

/// test_context_assignment_while_running (A: values are swapped, by the greenlet itself and, while it waits, by one that
/// shares its locals)
#[test]
fn locals_can_be_exchanged_while_running_while_waiting_and_after_death() {
    type Peer = Greenlet<Slot, Slot>;
    leak_checked(|| {
        let old = Rc::new(1);
        let new = Rc::new(2);
        let target =
            {
                let (old, new) = (old.clone(), new.clone());
                Greenlet::new(move |()| {
                    assert_eq!(SLOT.with_borrow(Slot::clone), None);
                    SLOT.set(Some(old.clone()));
                    assert_eq!(SLOT.with_borrow(Slot::clone), Some(old.clone()));
                    assert_eq!(SLOT.take(), Some(old.clone()));
                    assert_eq!(SLOT.with_borrow(Slot::clone), None);
                    SLOT.set(Some(new.clone()));

                    let peer = Greenlet::builder().share_locals().build::<Slot, Slot>(
                        |mut value: Slot| loop {
                            let before = SLOT.replace(value);
                            value = main().switch(before);
                        },
                    );
                    main().switch::<Peer, ()>(peer);
                    assert_eq!(SLOT.with_borrow(Slot::clone), Some(old.clone()));
                    SLOT.set(Some(new));
                    main().switch::<(), ()>(());
                    assert_eq!(SLOT.with_borrow(Slot::clone), None);
                    SLOT.set(Some(old));
                })
            };
        let peer: Peer = target.any().switch(());
        assert_eq!(peer.switch(Some(old.clone())), Some(new.clone()));
        target.switch(());
        assert_eq!(peer.switch(None), Some(new.clone()));
        target.switch(());
        assert!(target.is_dead());
        // Locals that are shared outlive the first that dies.
        assert_eq!(peer.switch(Some(new.clone())), Some(old.clone()));
        assert_eq!(SLOT.with_borrow(Slot::clone), None, "main has its own");
        assert_eq!((Rc::strong_count(&old), Rc::strong_count(&new)), (1, 2));
        drop(peer);
        assert_eq!((Rc::strong_count(&old), Rc::strong_count(&new)), (1, 1));
    });
}
