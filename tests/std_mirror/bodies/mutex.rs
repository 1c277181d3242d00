//! `Mutex`.

use super::check;
use super::sync::atomic::{AtomicUsize, Ordering};
use super::sync::mpsc::channel;
use super::sync::{Arc, LockResult, Mutex, MutexGuard, PoisonError, TryLockError, TryLockResult};
use super::thread;

fn poisoned<T: Send + 'static>(value: T) -> Arc<Mutex<T>> {
    let mutex = Arc::new(Mutex::new(value));
    let m = mutex.clone();
    let joined = thread::spawn(move || {
        let _guard = m.lock().unwrap();
        panic!("this poisons the mutex");
    })
    .join();
    assert!(joined.is_err());
    mutex
}

#[test]
fn the_last_of_ten_to_count_sends_a_message() {
    check(|| {
        const COUNT: usize = 10;
        let data = Arc::new(Mutex::new(0));
        let (sender, receiver) = channel();
        let handles: Vec<_> = (0..COUNT)
            .map(|_| {
                let (data, sender) = (data.clone(), sender.clone());
                thread::spawn(move || {
                    let mut data = data.lock().unwrap();
                    *data += 1;
                    if *data == COUNT {
                        sender.send(()).unwrap();
                    }
                })
            })
            .collect();
        receiver.recv().unwrap();
        assert_eq!(*data.lock().unwrap(), COUNT);
        for handle in handles {
            handle.join().unwrap();
        }
    });
}

#[test]
fn nobody_sees_what_a_holder_has_not_finished() {
    check(|| {
        let pair = Arc::new(Mutex::new((0, 0)));
        let handles: Vec<_> = (0..4)
            .map(|_| {
                let pair = pair.clone();
                thread::spawn(move || {
                    for _ in 0..20 {
                        let mut pair = pair.lock().unwrap();
                        assert_eq!(pair.0, pair.1);
                        pair.0 += 1;
                        thread::yield_now();
                        pair.1 += 1;
                    }
                })
            })
            .collect();
        for handle in handles {
            handle.join().unwrap();
        }
        assert_eq!(*pair.lock().unwrap(), (80, 80));
    });
}

#[test]
fn a_poisoned_value_can_be_had_all_the_same() {
    check(|| {
        let mutex = poisoned(0);
        assert!(mutex.is_poisoned());
        let mut guard = match mutex.lock() {
            Ok(guard) => guard,
            Err(error) => error.into_inner(),
        };
        *guard += 1;
        drop(guard);
        let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(*guard, 1);
        drop(guard);
        let error = mutex.lock().unwrap_err();
        assert_eq!(**error.get_ref(), 1);
        drop(error);
        assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))));
        let mutex = Arc::into_inner(mutex).unwrap();
        assert_eq!(mutex.into_inner().unwrap_err().into_inner(), 1);
    });
}

#[test]
fn poison_can_be_cleared() {
    check(|| {
        let mutex = poisoned(0);
        let recovered = mutex.lock().unwrap_or_else(|mut error| {
            **error.get_mut() = 1;
            mutex.clear_poison();
            error.into_inner()
        });
        assert_eq!(*recovered, 1);
        drop(recovered);
        assert!(!mutex.is_poisoned());
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}

#[test]
fn a_panic_that_began_before_the_lock_does_not_poison() {
    check(|| {
        struct OnDrop(Arc<Mutex<i32>>);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                *self.0.lock().unwrap() += 1;
            }
        }
        let mutex = Arc::new(Mutex::new(0));
        let on_drop = OnDrop(mutex.clone());
        let joined = thread::spawn(move || {
            let _on_drop = on_drop;
            panic!("before");
        })
        .join();
        assert!(joined.is_err());
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}

#[test]
fn a_guard_can_be_dropped_early() {
    check(|| {
        let results = Arc::new(Mutex::new(Vec::new()));
        let handles: Vec<_> = (0..3)
            .map(|n| {
                let results = results.clone();
                thread::spawn(move || {
                    let mut guard = results.lock().unwrap();
                    guard.push(n);
                    drop(guard);
                    thread::yield_now();
                    results.lock().unwrap().push(n + 10);
                })
            })
            .collect();
        for handle in handles {
            handle.join().unwrap();
        }
        let mut results = results.lock().unwrap();
        results.sort_unstable();
        assert_eq!(*results, [0, 1, 2, 10, 11, 12]);
    });
}

#[test]
fn try_lock_says_whether_it_is_held() {
    check(|| {
        let mutex = Arc::new(Mutex::new(0));
        let m = mutex.clone();
        let handle = thread::spawn(move || {
            if let Ok(mut value) = m.try_lock() {
                *value = 10;
            }
        });
        handle.join().unwrap();
        let guard = mutex.lock().unwrap();
        assert_eq!(*guard, 10);
        let m = mutex.clone();
        let handle = thread::spawn(move || matches!(m.try_lock(), Err(TryLockError::WouldBlock)));
        assert!(handle.join().unwrap());
        let error = mutex.try_lock().unwrap_err().to_string();
        assert!(error.contains("would block"), "{error}");
    });
}

#[test]
fn one_who_has_it_alone_need_not_lock() {
    check(|| {
        let mut mutex = Mutex::new(0);
        *mutex.get_mut().unwrap() = 10;
        assert_eq!(*mutex.lock().unwrap(), 10);
        assert_eq!(mutex.into_inner().unwrap(), 10);
    });
}

#[test]
fn conversions_and_formats() {
    check(|| {
        assert_eq!(*Mutex::from(5).lock().unwrap(), 5);
        assert_eq!(*Mutex::<u8>::default().lock().unwrap(), 0);
        let mutex = Mutex::new(1);
        let text = "Mutex { data: 1, poisoned: false, .. }";
        assert_eq!(format!("{mutex:?}"), text);
        let guard = mutex.lock().unwrap();
        assert_eq!(format!("{guard:?} {guard}"), "1 1");
        assert!(format!("{mutex:?}").contains("<locked>"));
        let text = "Mutex { data: 2, poisoned: true, .. }";
        assert_eq!(format!("{:?}", poisoned(2)), text);
    });
}

#[test]
fn unsized_values_and_statics() {
    check(|| {
        static COUNT: Mutex<usize> = Mutex::new(0);
        fn lock() -> LockResult<MutexGuard<'static, usize>> {
            COUNT.lock()
        }
        fn try_lock() -> TryLockResult<MutexGuard<'static, usize>> {
            COUNT.try_lock()
        }
        *lock().unwrap() += 1;
        assert_eq!(*try_lock().unwrap(), 1);
        let words: Box<Mutex<[i32]>> = Box::new(Mutex::new([1, 2, 3]));
        words.lock().unwrap()[1] = 5;
        assert_eq!(words.lock().unwrap().iter().sum::<i32>(), 9);
        let count = AtomicUsize::new(1);
        assert_eq!(count.load(Ordering::Relaxed), 1);
    });
}
