//! `RwLock`.

use super::check;
use super::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use super::thread;

fn poisoned<T: Send + Sync + 'static>(value: T) -> Arc<RwLock<T>> {
    let lock = Arc::new(RwLock::new(value));
    let l = lock.clone();
    let joined = thread::spawn(move || {
        let _guard = l.write().unwrap();
        panic!("this poisons the lock");
    })
    .join();
    assert!(joined.is_err());
    lock
}

#[test]
fn many_read_and_one_writes() {
    check(|| {
        let lock = RwLock::new(5);
        {
            let one = lock.read().unwrap();
            let two = lock.read().unwrap();
            assert_eq!((*one, *two), (5, 5));
        }
        {
            let mut writer = lock.write().unwrap();
            *writer += 1;
            assert_eq!(*writer, 6);
        }
        assert_eq!(lock.into_inner().unwrap(), 6);
    });
}

#[test]
fn another_one_reads_at_the_same_time() {
    check(|| {
        let lock = Arc::new(RwLock::new(1));
        let l = lock.clone();
        let here = lock.read().unwrap();
        assert_eq!(*here, 1);
        let handle = thread::spawn(move || l.read().is_ok());
        assert!(handle.join().unwrap());
    });
}

#[test]
fn a_writer_waits_for_readers_and_readers_for_it() {
    check(|| {
        let lock = Arc::new(RwLock::new((0, 0)));
        let handles: Vec<_> = (0..6)
            .map(|n| {
                let lock = lock.clone();
                thread::spawn(move || {
                    for _ in 0..20 {
                        if n % 3 == 0 {
                            let mut pair = lock.write().unwrap();
                            pair.0 += 1;
                            thread::yield_now();
                            pair.1 += 1;
                        } else {
                            let pair = lock.read().unwrap();
                            assert_eq!(pair.0, pair.1);
                            let before = *pair;
                            thread::yield_now();
                            assert_eq!(*pair, before);
                        }
                    }
                })
            })
            .collect();
        for handle in handles {
            handle.join().unwrap();
        }
        assert_eq!(*lock.read().unwrap(), (40, 40));
    });
}

#[test]
fn tries_do_not_wait() {
    check(|| {
        let lock = RwLock::new(1);
        let reader = lock.try_read().unwrap();
        assert_eq!(*reader, 1);
        assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
        drop(reader);
        let mut writer = lock.try_write().unwrap();
        *writer = 2;
        assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
        drop(writer);
        assert_eq!(*lock.try_read().unwrap(), 2);
    });
}

#[test]
fn a_writer_that_panics_poisons() {
    check(|| {
        let lock = poisoned(1);
        assert!(lock.is_poisoned());
        assert!(lock.read().is_err() && lock.write().is_err());
        assert!(matches!(lock.try_read(), Err(TryLockError::Poisoned(_))));
        let mut value = lock.write().unwrap_or_else(|error| {
            lock.clear_poison();
            error.into_inner()
        });
        *value = 2;
        drop(value);
        assert!(!lock.is_poisoned());
        assert_eq!(*lock.read().unwrap(), 2);
        let mut lock = Arc::into_inner(poisoned(3)).unwrap();
        assert_eq!(**lock.get_mut().unwrap_err().get_ref(), 3);
        assert_eq!(lock.into_inner().unwrap_err().into_inner(), 3);
    });
}

#[test]
fn a_reader_that_panics_does_not_poison() {
    check(|| {
        let lock = Arc::new(RwLock::new(1));
        let l = lock.clone();
        let joined = thread::spawn(move || {
            let _guard = l.read().unwrap();
            panic!("nothing was changed");
        })
        .join();
        assert!(joined.is_err() && !lock.is_poisoned());
        assert_eq!(*lock.write().unwrap(), 1);
    });
}

#[test]
fn a_writer_becomes_a_reader() {
    check(|| {
        let lock = Arc::new(RwLock::new(1));
        let mut writer = lock.write().unwrap();
        let handles: Vec<_> = (0..3)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || *lock.read().unwrap())
            })
            .collect();
        *writer = 42;
        let reader: RwLockReadGuard<'_, i32> = RwLockWriteGuard::downgrade(writer);
        for handle in handles {
            assert_eq!(handle.join().unwrap(), 42);
        }
        assert_eq!(*reader, 42);
        assert!(lock.try_write().is_err());
    });
}

#[test]
fn one_who_has_it_alone_need_not_lock() {
    check(|| {
        let mut lock = RwLock::new(String::new());
        lock.get_mut().unwrap().push('a');
        lock.write().unwrap().push('b');
        assert_eq!(lock.into_inner().unwrap(), "ab");
    });
}

#[test]
fn conversions_and_formats() {
    check(|| {
        assert_eq!(*RwLock::from(5).read().unwrap(), 5);
        assert_eq!(*RwLock::<u8>::default().read().unwrap(), 0);
        let lock = RwLock::new(1);
        let reader = lock.read().unwrap();
        let text = "RwLock { data: 1, poisoned: false, .. }";
        assert_eq!(format!("{lock:?}"), text);
        assert_eq!(format!("{reader:?} {reader}"), "1 1");
        drop(reader);
        let mut writer = lock.write().unwrap();
        *writer += 1;
        assert_eq!(format!("{writer:?} {writer}"), "2 2");
        let text = "RwLock { data: <locked>, poisoned: false, .. }";
        assert_eq!(format!("{lock:?}"), text);
        let text = "RwLock { data: 2, poisoned: true, .. }";
        assert_eq!(format!("{:?}", poisoned(2)), text);
    });
}

#[test]
fn unsized_values_and_statics() {
    check(|| {
        static WORDS: RwLock<Vec<&str>> = RwLock::new(Vec::new());
        WORDS.write().unwrap().push("one");
        assert_eq!(*WORDS.read().unwrap(), ["one"]);
        let numbers: &RwLock<[i32]> = &RwLock::new([1, 2, 3]);
        numbers.write().unwrap()[0] = 4;
        assert_eq!(numbers.read().unwrap().iter().sum::<i32>(), 9);
    });
}
