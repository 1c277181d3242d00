//! Limits on how many greenlets a thread has, and on their stacks.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::hub::{self, Limits};
use greenlet::pool::{Group, Pool, PoolFull};
use greenlet::{
    Greenlet, JoinHandle, SpawnRefusal, SwitchError, sleep, spawn, spawn_later, try_spawn,
};

use crate::support::{Token, leak_checked};

const HOUR: Duration = Duration::from_secs(3600);

/// What a stack for `ASKED` bytes counts as.
const STACK: usize = 64 << 10;
const ASKED: usize = 60 << 10;

fn at_most(greenlets: usize) {
    hub::set_limits(Limits {
        greenlets: Some(greenlets),
        ..Limits::default()
    });
}

fn at_most_stacks(stacks: usize) {
    hub::set_limits(Limits {
        stack_bytes: Some(stacks * STACK),
        ..Limits::default()
    });
}

/// With a stack that counts once.
fn try_small<T: 'static>(f: impl FnOnce() -> T + 'static) -> Result<JoinHandle<T>, SpawnRefusal> {
    let small = Greenlet::builder().stack_size(ASKED);
    small.try_spawn(f).map_err(|error| error.refusal())
}

/// How many more can be spawned, which end at once.
fn room() -> usize {
    let mut handles = Vec::new();
    while handles.len() < 100
        && let Ok(handle) = try_small(|| ())
    {
        handles.push(handle);
    }
    let room = handles.len();
    greenlet::join_all(handles);
    room
}

#[test]
fn past_the_limit_a_spawn_panics_and_names_its_place() {
    leak_checked(|| {
        at_most(2);
        let handles = [spawn(|| sleep(HOUR)), spawn_later(HOUR, || ())];
        let token = Token::new();
        let line = line!() + 1;
        let refused = catch_unwind(AssertUnwindSafe(|| spawn(move || drop(token))));
        let message = *refused.unwrap_err().downcast::<String>().unwrap();
        let place = format!("cannot be spawned at tests/hub/admission.rs:{line}:");
        assert!(message.contains(&place), "{message}");
        assert!(message.contains("`Limits::greenlets` allows: 2"));
        assert_eq!(Token::alive(), 0, "what was to be spawned is dropped");
        let refused = catch_unwind(|| spawn_later(HOUR, || ()));
        assert!(refused.is_err());
        assert_eq!(hub::stats().spawned, 2);
        greenlet::kill_all(&handles);
    });
}

#[test]
fn what_is_refused_is_handed_back_and_an_end_makes_room() {
    leak_checked(|| {
        at_most(1);
        let first = spawn(|| 1);
        let token = Token::new();
        let refused = try_spawn(move || {
            let _token = token;
            2
        });
        let refused = refused.unwrap_err();
        assert_eq!(refused.refusal(), SpawnRefusal::Greenlets { limit: 1 });
        assert_eq!(first.join().unwrap(), 1);
        let second = try_spawn(refused.into_inner()).unwrap();
        assert_eq!(second.join().unwrap(), 2);
        let never_begins = spawn(|| ());
        never_begins.kill();
        assert_eq!(try_spawn(|| 3).unwrap().join().unwrap(), 3);
    });
}

#[test]
fn stacks_count_from_the_spawn_to_the_end() {
    leak_checked(|| {
        at_most_stacks(3);
        let parked = try_small(|| sleep(HOUR)).unwrap();
        assert_eq!(room(), 2);
        let new = try_small(|| sleep(HOUR)).unwrap();
        let later = Greenlet::builder()
            .stack_size(ASKED)
            .spawn_later(HOUR, || ());
        let full = SpawnRefusal::StackBytes { limit: 3 * STACK };
        assert_eq!(try_small(|| ()).unwrap_err(), full);
        greenlet::yield_now();
        assert_eq!(try_small(|| ()).unwrap_err(), full);
        for one in [parked, new, later] {
            one.kill();
            assert!(one.join().is_err());
            assert_eq!(room(), 1);
            drop(try_small(|| sleep(Duration::from_millis(1))).unwrap());
        }
        hub::run();
        assert_eq!(room(), 3);
        let large = Greenlet::builder().stack_size(2 * ASKED);
        drop(large.try_spawn(|| ()).unwrap());
        assert_eq!(room(), 1);
        hub::run();
    });
}

#[test]
fn stacks_that_were_there_before_the_limit_count() {
    leak_checked(|| {
        let parked = try_small(|| sleep(HOUR)).unwrap();
        greenlet::yield_now();
        let new = try_small(|| sleep(HOUR)).unwrap();
        let by_hand = Greenlet::builder()
            .stack_size(ASKED)
            .build(|()| greenlet::main().switch::<(), ()>(()));
        by_hand.switch(());
        at_most_stacks(5);
        assert_eq!(room(), 2);
        at_most_stacks(2);
        assert_eq!(room(), 0);
        assert_eq!(hub::limits().stack_bytes, Some(2 * STACK));
        for one in [parked, new] {
            one.kill();
            assert!(one.join().is_err());
        }
        assert_eq!(room(), 1);
        by_hand.switch(());
        assert_eq!(room(), 2);
        hub::set_limits(Limits::default());
        assert_eq!(room(), 100);
    });
}

#[test]
fn the_first_switch_to_one_made_by_hand_is_refused() {
    leak_checked(|| {
        at_most_stacks(1);
        let by_hand = |value: i32| {
            let small = Greenlet::builder().stack_size(ASKED);
            small.build(move |n: i32| {
                greenlet::main().switch::<i32, ()>(value);
                n
            })
        };
        let (first, second) = (by_hand(1), by_hand(2));
        assert_eq!(room(), 1, "they have no stacks yet");
        assert_eq!(first.switch(5), 1);
        let Err(SwitchError::NoStack { value, reason, .. }) = second.try_switch(6) else {
            panic!("there is no room");
        };
        assert_eq!(value, 6);
        assert!(reason.contains("Limits::stack_bytes"), "{reason}");
        assert_eq!(room(), 0);
        drop(first);
        assert_eq!(second.switch(7), 2);
        drop(second);
        assert_eq!(room(), 1);
    });
}

#[test]
fn calls_on_exit_are_spawned_all_the_same() {
    leak_checked(|| {
        at_most(1);
        let called = Rc::new(Cell::new(0));
        let one = spawn(|| ());
        for _ in 0..3 {
            let called = called.clone();
            one.on_exit(move |_| called.set(called.get() + 1));
        }
        hub::run();
        assert_eq!(called.get(), 3);
        assert_eq!(hub::stats().spawned, 0);
    });
}

#[test]
fn groups_pools_scopes_and_builders_say_so() {
    leak_checked(|| {
        at_most(1);
        let (group, pool) = (Group::new(), Pool::new(5));
        let one = group.try_spawn(|| sleep(HOUR)).unwrap();
        assert!(group.try_spawn(|| ()).is_err());
        assert_eq!(group.len(), 1);
        assert_eq!(pool.try_spawn(|| ()).unwrap_err(), PoolFull);
        assert_eq!(pool.free_count(), 5);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(pool.spawn(|| ())))).is_err());
        assert_eq!((pool.free_count(), pool.len()), (5, 0));
        let error = greenlet::thread::Builder::new().spawn(|| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let said = RefCell::new(Vec::new());
        greenlet::scope(|s| {
            let refused = s.try_spawn(|| said.borrow_mut().push("spawned"));
            let f = refused.unwrap_err().into_inner();
            one.kill();
            s.try_spawn(f).unwrap();
        });
        assert_eq!(*said.borrow(), ["spawned"]);
        assert!(group.is_empty());
    });
}

#[test]
fn no_stack_is_as_large_as_what_cannot_be_mapped() {
    leak_checked(|| {
        let huge = Greenlet::builder().stack_size(usize::MAX);
        let refused = huge.try_spawn(|| ()).unwrap_err().refusal();
        assert_eq!(refused, SpawnRefusal::StackSize { bytes: usize::MAX });
        assert!(
            refused
                .to_string()
                .contains("larger than the address space")
        );
    });
}

#[test]
fn a_limit_is_its_threads() {
    leak_checked(|| {
        at_most(0);
        assert!(try_spawn(|| ()).is_err());
        let other = std::thread::spawn(|| try_spawn(|| 1).unwrap().join().unwrap());
        assert_eq!(other.join().unwrap(), 1);
    });
}
