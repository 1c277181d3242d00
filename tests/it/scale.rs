//! Many greenlets, long lineages.

use std::cell::Cell;
use std::rc::Rc;

use greenlet::{Greenlet, SwitchError};

use crate::support::{Token, leak_checked};

/// Suspends `n` greenlets at once, kills them in order; every destructor runs, in that order.
fn suspend_and_kill(n: usize) {
    let killed = Rc::new(Cell::new(0));
    let mut all = Vec::with_capacity(n);
    for i in 0..n {
        struct InOrder(usize, Rc<Cell<usize>>);
        impl Drop for InOrder {
            fn drop(&mut self) {
                assert_eq!(self.1.replace(self.0 + 1), self.0);
            }
        }
        let killed = killed.clone();
        let g = Greenlet::new(move |()| {
            let _in_order = InOrder(i, killed);
            greenlet::main().switch::<(), ()>(());
        });
        if let Err(refused) = g.try_switch(()) {
            // Without guard markers the number of mappings is the limit: a clear error, and what
            // there is goes on.
            if !cfg!(greenlet_mprotect) {
                panic!("{refused}");
            }
            assert!(matches!(refused, SwitchError::NoStack { .. }));
            assert!(
                refused.to_string().contains("vm.max_map_count"),
                "{refused}"
            );
            assert!(i > 10_000, "{i} are few");
            break;
        }
        all.push(g);
    }
    assert!(cfg!(greenlet_mprotect) || all.len() == n);
    let census = greenlet::census();
    assert_eq!(
        (census.greenlets, census.stacks),
        (all.len() + 1, all.len())
    );
    if !cfg!(any(
        greenlet_mprotect,
        feature = "sanitizer",
        debug_assertions
    )) {
        // A suspended greenlet takes one page: its guard takes none.
        assert_eq!(census.committed_bytes, all.len() * 4096);
    }
    let n = all.len();
    for g in &all {
        g.kill();
    }
    assert_eq!(killed.get(), n);
}

#[test]
fn a_hundred_thousand_suspended_greenlets() {
    leak_checked(|| suspend_and_kill(100_000));
}

#[test]
#[ignore = "takes 5 GB of memory"]
fn a_million_suspended_greenlets() {
    leak_checked(|| suspend_and_kill(1_000_000));
}

#[test]
fn a_result_cascades_through_a_million_new_parents() {
    // Greenlet item 33, where upstream crashes after 20 000.
    leak_checked(|| {
        let mut leaf = Greenlet::new(|n: u32| n + 1);
        for _ in 1..1_000_000 {
            leaf = Greenlet::with_parent(|n: u32| n + 1, &leaf);
        }
        assert_eq!(leaf.switch(0), 1_000_000);
    });
}

#[test]
fn an_error_cascades_through_a_million_new_parents() {
    leak_checked(|| {
        let mut leaf: Greenlet<(), ()> = Greenlet::new(|()| unreachable!());
        for _ in 1..1_000_000 {
            let token = Token::new();
            leaf = Greenlet::with_parent(move |()| unreachable!("{token:?}"), &leaf);
        }
        let Err(SwitchError::Thrown(payload)) = leaf.try_throw(Box::new("down the line")) else {
            panic!("not thrown");
        };
        assert_eq!(payload.downcast_ref(), Some(&"down the line"));
        assert_eq!(Token::alive(), 0);
    });
}

#[test]
fn dropping_the_leaf_of_a_long_lineage_kills_all_of_it() {
    leak_checked(|| {
        const N: usize = 10_000;
        let start = |g: &Greenlet<(), ()>| g.switch(());
        let body = |token: Token| {
            move |()| {
                let _token = token;
                greenlet::main().switch::<(), ()>(());
            }
        };
        let mut leaf = Greenlet::new(body(Token::new()));
        start(&leaf);
        for _ in 1..N {
            let next = Greenlet::with_parent(body(Token::new()), &leaf);
            start(&next);
            leaf = next;
        }
        assert_eq!(Token::alive(), N as isize);
        drop(leaf);
        assert_eq!(Token::alive(), 0);
        let mut never_started: Greenlet<(), ()> = Greenlet::new(|()| ());
        for _ in 1..1_000_000 {
            never_started = Greenlet::with_parent(|()| (), &never_started);
        }
    });
}

#[test]
fn creating_running_and_dying_a_million_times_takes_one_stack() {
    leak_checked(|| {
        for i in 0..1_000_000u32 {
            let g = Greenlet::new(|n: u32| n);
            assert_eq!(g.switch(i), i);
        }
        let census = greenlet::census();
        assert_eq!((census.stacks, census.pooled_stacks), (0, 1));
    });
}
