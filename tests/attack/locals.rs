//! Locals that are used, shared and copied where greenlets end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use greenlet::{AnyGreenlet, Greenlet, greenlet_local};

use crate::support::{Token, leak_checked};
use crate::{OnDrop, on_drop};

greenlet_local! {
    static FIRST: RefCell<Option<OnDrop>> = RefCell::new(None);
    static SECOND: RefCell<Option<OnDrop>> = RefCell::new(None);
}

/// A child that shares the locals of a greenlet whose locals are being dropped has them for itself.
#[test]
fn locals_shared_by_a_dying_greenlet_are_dropped_with_the_child() {
    leak_checked(|| {
        let dropped = Rc::new(Cell::new(false));
        let seen = dropped.clone();
        let g = Greenlet::new(move |()| {
            FIRST.set(Some(on_drop(move || {
                let token = Token::new();
                Greenlet::builder()
                    .share_locals()
                    .build(move |()| {
                        SECOND.set(Some(on_drop(move || {
                            let _token = token;
                            seen.set(true);
                        })));
                    })
                    .switch(());
            })));
        });
        g.switch(());
        assert!(g.is_dead());
        assert!(dropped.get(), "dropped with the last greenlet that had it");
    });
}

/// The same, where the locals would be dropped by whoever frees the dead one's control block: the trampoline.
#[test]
fn no_destructor_runs_between_greenlets() {
    leak_checked(|| {
        let ran = Rc::new(Cell::new(false));
        let seen = ran.clone();
        let parent = Greenlet::new(move |()| {
            let owner: Rc<RefCell<Option<Greenlet<(), ()>>>> = Rc::default();
            let last = owner.clone();
            let link: Rc<RefCell<Option<AnyGreenlet>>> = Rc::default();
            let cut = link.clone();
            let g = Greenlet::new(move |()| {
                cut.take().unwrap().set_parent(&greenlet::main()).unwrap();
                FIRST.set(Some(on_drop(move || {
                    Greenlet::builder()
                        .share_locals()
                        .build(move |()| {
                            SECOND.set(Some(on_drop(move || {
                                seen.set(true);
                                // Leaves whoever is said to run.
                                let parent = greenlet::current().parent().unwrap();
                                parent.switch::<(), ()>(());
                            })));
                        })
                        .switch(());
                    last.take();
                })));
            });
            // Nothing names `g` when it ends: it is started by the end of a child.
            let child = Greenlet::with_parent(|()| (), &g);
            link.replace(Some(child.any()));
            owner.replace(Some(g));
            child.switch(());
            drop(child);
            greenlet::main().switch::<(), ()>(());
        });
        parent.switch(());
        parent.switch(());
        assert!(parent.is_dead());
        assert!(ran.get());
    });
}

greenlet_local! {
    static SLOW: Box<[u64; 4]> = {
        if let Some(overtakes) = OVERTAKES.take() {
            overtakes.switch(());
        }
        Box::new([7; 4])
    };
    static OVERTAKES: RefCell<Option<Greenlet<(), ()>>> = RefCell::new(None);
}

/// With a thread-local of std the overtaken initialiser would drop the value that the other greenlet is looking at.
#[test]
fn an_initialiser_that_leaves_may_be_overtaken_by_one_who_shares_the_locals() {
    leak_checked(|| {
        OVERTAKES.set(None);
        let g = Greenlet::builder().share_locals().build(|()| {
            SLOW.with(|value| {
                let value: &[u64; 4] = value;
                greenlet::main().switch::<(), ()>(());
                assert_eq!(*value, [7; 4]);
            });
        });
        OVERTAKES.set(Some(g.clone()));
        let mine = SLOW.with(|value| std::ptr::from_ref(&**value).addr());
        let _other = Box::new([9u64; 4]);
        g.switch(());
        assert!(g.is_dead());
        assert_eq!(SLOW.with(|value| std::ptr::from_ref(&**value).addr()), mine);
    });
}
