//! `event::AsyncResult`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use greenlet::event::AsyncResult;
use greenlet::{JoinHandle, join_all, sleep, spawn, timeout, yield_now};

use crate::support::{Token, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn spawn_get(result: &Rc<AsyncResult<usize>>) -> JoinHandle<usize> {
    let result = result.clone();
    spawn(move || result.get())
}

#[test]
fn smoke() {
    leak_checked(|| {
        let result = Rc::new(AsyncResult::new());
        let getters: Vec<_> = (0..10).map(|_| spawn_get(&result)).collect();
        yield_now();
        assert!(getters.iter().all(|getter| !getter.is_finished()));
        result.set(5);
        for got in join_all(getters) {
            assert_eq!(got.unwrap(), 5);
        }
        assert_eq!(result.get(), 5);
        result.wait();
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let result = AsyncResult::new();
        assert_eq!((result.try_get(), result.is_set()), (None, false));
        result.set(1);
        let other = spawn(|| ());
        assert_eq!((result.try_get(), result.is_set()), (Some(1), true));
        assert_eq!((result.get(), result.get_timeout(HOUR)), (1, Ok(1)));
        assert!(result.wait_timeout(HOUR));
        assert!(!other.is_finished(), "a wait for what is set switched");
        other.join().unwrap();
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let result = Rc::new(AsyncResult::new());
        let order = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..5)
            .map(|n| {
                let (result, order) = (result.clone(), order.clone());
                spawn(move || {
                    result.wait();
                    order.borrow_mut().push(n);
                })
            })
            .collect();
        yield_now();
        result.set(());
        join_all(handles);
        assert_eq!(*order.borrow(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let result = Rc::new(AsyncResult::new());
        assert!(result.get_timeout(SOON).is_err());
        assert!(result.get_timeout(Duration::ZERO).is_err());
        assert!(!result.wait_timeout(SOON));
        assert!(timeout(SOON, || result.get()).is_err());
        let r = result.clone();
        let setter = spawn(move || r.set(1));
        assert_eq!(result.get_timeout(HOUR), Ok(1));
        setter.join().unwrap();
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let result = Rc::new(AsyncResult::new());
        let (killed, next) = (spawn_get(&result), spawn_get(&result));
        yield_now();
        killed.kill();
        result.set(1);
        assert!(killed.join().is_err());
        assert_eq!(next.join().unwrap(), 1);
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let result = Rc::new(AsyncResult::new());
        let got = Rc::new(Cell::new(0));
        let (r, g) = (result.clone(), got.clone());
        let victim = spawn(move || {
            g.set(r.get());
            sleep(HOUR);
        });
        yield_now();
        result.set(1);
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(got.get(), 1);
    });
}

#[test]
fn a_second_set_replaces_the_value() {
    leak_checked(|| {
        let result = Rc::new(AsyncResult::new());
        let getter = spawn_get(&result);
        yield_now();
        result.set(1);
        result.set(2);
        assert_eq!(result.get(), 2);
        assert_eq!(getter.join().unwrap(), 2, "it has not run since");

        let result = AsyncResult::new();
        result.set(Token::new());
        result.set(Token::new());
        assert_eq!(Token::alive(), 1);
        drop(result.get());
    });
}

/// Neither a clone nor a destructor does.
#[test]
fn nothing_of_the_users_runs_under_the_lock() {
    struct Value(Weak<AsyncResult<Value>>, usize);
    impl Clone for Value {
        fn clone(&self) -> Self {
            if self.1 == 0 {
                self.0.upgrade().unwrap().set(Value(self.0.clone(), 10));
            }
            Value(self.0.clone(), self.1 + 1)
        }
    }
    impl Drop for Value {
        fn drop(&mut self) {
            if self.1 == 0 {
                assert_eq!(self.0.upgrade().unwrap().get().1, 11);
            }
        }
    }
    leak_checked(|| {
        let result = Rc::new(AsyncResult::new());
        result.set(Value(Rc::downgrade(&result), 0));
        assert_eq!(result.get().1, 1);
        assert_eq!(result.get().1, 11);
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        for spawns in [false, true] {
            let results: Arc<Vec<_>> = Arc::new((0..200).map(|_| AsyncResult::new()).collect());
            let theirs = results.clone();
            let work = move || {
                for pair in theirs.chunks(2) {
                    pair[1].set(pair[0].get() + 1);
                }
            };
            let thread = thread::spawn(move || match spawns {
                true => spawn(work).join().unwrap(),
                false => work(),
            });
            for (n, pair) in results.chunks(2).enumerate() {
                pair[0].set(n);
                assert_eq!(pair[1].get(), n + 1);
            }
            thread.join().unwrap();
        }
    });
}

/// One thread sets, three of ten greenlets each get every value; a million operations.
#[test]
fn stress() {
    leak_checked(|| {
        const RESULTS: usize = 33_000;
        let results: Arc<Vec<_>> = Arc::new((0..RESULTS).map(|_| AsyncResult::new()).collect());
        let threads = [(); 3].map(|()| {
            let results = results.clone();
            thread::spawn(move || {
                let work = move || results.iter().map(AsyncResult::get).sum::<usize>();
                let handles: Vec<_> = (0..10).map(|_| spawn(work.clone())).collect();
                let sums = join_all(handles).into_iter().map(Result::unwrap);
                sums.sum::<usize>()
            })
        });
        for (n, result) in results.iter().enumerate() {
            result.set(n);
            if n % 16 == 0 {
                thread::yield_now();
            }
        }
        let sum: usize = threads.map(|thread| thread.join().unwrap()).iter().sum();
        assert_eq!(sum, 30 * (RESULTS * (RESULTS - 1) / 2));
    });
}
