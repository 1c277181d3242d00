//! `Builder`.

use std::io;

use super::check;
use super::thread::{self, Builder};

#[test]
fn spawns_without_settings() {
    check(|| {
        let handle: io::Result<thread::JoinHandle<_>> = Builder::new().spawn(|| 3);
        assert_eq!(handle.unwrap().join().unwrap(), 3);
    });
}

#[test]
fn a_name_is_known_inside_and_outside() {
    check(|| {
        let builder = Builder::new().name("a name".into());
        let handle = builder
            .spawn(|| thread::current().name().map(str::to_owned))
            .unwrap();
        assert_eq!(handle.thread().name(), Some("a name"));
        assert_eq!(handle.join().unwrap().as_deref(), Some("a name"));
    });
}

#[test]
fn nobody_has_a_name_who_was_given_none() {
    check(|| {
        let handle = Builder::new().spawn(|| thread::current().name().is_none());
        assert!(handle.unwrap().join().unwrap());
    });
}

#[test]
fn a_stack_is_at_least_as_large_as_asked_for() {
    fn deep(n: u32) -> u32 {
        let filled = std::hint::black_box([n as u8; 1 << 10]);
        match n {
            0 => 0,
            n => deep(n - 1) + u32::from(filled[usize::from(filled[0])] == n as u8),
        }
    }
    check(|| {
        let small = Builder::new().name("small".into()).stack_size(32 * 1024);
        assert_eq!(small.spawn(|| deep(3)).unwrap().join().unwrap(), 3);
        let large = Builder::new().stack_size(4 << 20);
        assert_eq!(large.spawn(|| deep(1000)).unwrap().join().unwrap(), 1000);
    });
}

#[test]
fn the_least_stack_is_enough_to_return() {
    check(|| {
        for size in [0, 1, 4095, 4097] {
            let handle = Builder::new().stack_size(size).spawn(move || size);
            assert_eq!(handle.unwrap().join().unwrap(), size);
        }
    });
}

#[test]
fn a_thread_in_a_scope_has_settings() {
    check(|| {
        let mut list = vec![1, 2, 3];
        let mut sum = 0;
        thread::scope(|s| {
            let first = Builder::new()
                .name("first".to_string())
                .spawn_scoped(s, || {
                    assert_eq!(thread::current().name(), Some("first"));
                    list.len()
                });
            let second = Builder::new()
                .name("second".to_string())
                .stack_size(256 << 10)
                .spawn_scoped(s, || {
                    sum += list[0] + list[2];
                    thread::current().name().map(str::to_owned)
                })
                .unwrap();
            assert_eq!(second.thread().name(), Some("second"));
            assert_eq!(second.join().unwrap().as_deref(), Some("second"));
            assert_eq!(first.unwrap().join().unwrap(), 3);
        });
        list.push(4);
        assert_eq!(sum, list.len());
    });
}
