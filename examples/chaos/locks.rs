//! Acts: locks of all kinds, and what else greenlets wait for each other with.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{LockResult, TryLockError, TryLockResult};

use greenlet::event::AsyncResult;
use greenlet::scope;
use greenlet::sync::{Arc, Barrier, MutexGuard, OnceLock, RwLockWriteGuard};

use crate::chaos::world::{Actor, Guarded, UNITS};

/// In, until it is dropped: by unwinding as well.
struct In<'a>(&'a AtomicI64, i64);

impl<'a> In<'a> {
    /// Beside so many at most.
    fn come(count: &'a AtomicI64, weight: i64, beside: std::ops::RangeInclusive<i64>) -> Self {
        let others = count.fetch_add(weight, Ordering::SeqCst);
        assert!(beside.contains(&others), "beside {others}");
        In(count, weight)
    }
}

impl Drop for In<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::SeqCst);
    }
}

fn recover<G>(locked: LockResult<G>) -> G {
    locked.unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn try_recover<G>(locked: TryLockResult<G>) -> Option<G> {
    match locked {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

pub(crate) fn mutex(a: &Actor) {
    let w = &a.world;
    let locked = match a.random.one_in(3) {
        true => try_recover(w.mutex.try_lock()),
        false => Some(recover(w.mutex.lock())),
    };
    let Some(mut held) = locked else { return };
    let _in = In::come(&w.in_mutex, 1, 0..=0);
    assert!(held.explains(w.mutex.is_poisoned()), "{held:?}");
    if a.random.one_in(4) {
        w.mutex.clear_poison();
        *held = Guarded::Whole;
    }
    a.stumble_in(&mut held);
}

const READERS: i64 = 1_000_000;

pub(crate) fn rwlock_read(a: &Actor) {
    let w = &a.world;
    let locked = match a.random.one_in(3) {
        true => try_recover(w.rwlock.try_read()),
        false => Some(recover(w.rwlock.read())),
    };
    let Some(held) = locked else { return };
    let _in = In::come(&w.in_rwlock, 1, 0..=READERS - 1);
    assert!(held.explains(w.rwlock.is_poisoned()), "{held:?}");
    a.stumble();
}

pub(crate) fn rwlock_write(a: &Actor) {
    let w = &a.world;
    let locked = match a.random.one_in(3) {
        true => try_recover(w.rwlock.try_write()),
        false => Some(recover(w.rwlock.write())),
    };
    let Some(mut held) = locked else { return };
    let alone = In::come(&w.in_rwlock, READERS, 0..=0);
    assert!(held.explains(w.rwlock.is_poisoned()), "{held:?}");
    if a.random.one_in(4) {
        w.rwlock.clear_poison();
        *held = Guarded::Whole;
    }
    a.stumble_in(&mut held);
    drop(alone);
    if a.random.one_in(2) {
        let _held = RwLockWriteGuard::downgrade(held);
        let _in = In::come(&w.in_rwlock, 1, 0..=READERS - 1);
        a.stumble();
    }
}

pub(crate) fn rlock(a: &Actor) {
    let w = &a.world;
    if a.random.one_in(3) {
        if !w.rlock.acquire_timeout(a.limit_of_time()) {
            return;
        }
    } else {
        w.rlock.acquire();
    }
    struct Release<'a>(&'a Actor);
    impl Drop for Release<'_> {
        fn drop(&mut self) {
            self.0.world.rlock.release();
        }
    }
    let _release = Release(a);
    let _in = In::come(&w.in_rlock, 1, 0..=0);
    let _again = w.rlock.hold();
    a.stumble();
}

pub(crate) fn semaphore(a: &Actor) {
    let w = &a.world;
    let most = UNITS as i64 - 1;
    match a.random.below(3) {
        0 => {
            let _held = w.units.hold();
            let _in = In::come(&w.in_units, 1, 0..=most);
            a.stumble();
        }
        1 => {
            if w.units.acquire_timeout(a.limit_of_time()) {
                let entered = In::come(&w.in_units, 1, 0..=most);
                drop(entered);
                w.units.release();
            }
        }
        _ => {
            let _held = w.places.hold();
            let _in = In::come(&w.in_places, 1, 0..=most);
            a.stumble();
        }
    }
}

pub(crate) fn condvar(a: &Actor) {
    let w = &a.world;
    let lock = || recover(w.tokens.lock());
    let take = |mut tokens: MutexGuard<'_, u64>| {
        assert!(*tokens > 0, "woken for nothing");
        *tokens -= 1;
        w.tokens_taken.fetch_add(1, Ordering::SeqCst);
    };
    match a.random.below(4) {
        0 | 1 => {
            *lock() += 1;
            w.tokens_made.fetch_add(1, Ordering::SeqCst);
            w.token.notify_one();
        }
        2 => take(recover(w.token.wait_while(lock(), |tokens| *tokens == 0))),
        _ => {
            let limit = a.limit_of_time();
            let waited = w
                .token
                .wait_timeout_while(lock(), limit, |tokens| *tokens == 0);
            let (tokens, said) = recover(waited);
            assert!(said.timed_out() || *tokens > 0);
            if *tokens > 0 {
                take(tokens);
            }
        }
    }
}

pub(crate) fn event(a: &Actor) {
    match a.random.below(5) {
        0 => a.world.event.set(),
        1 => a.world.event.clear(),
        2 => a.world.event.wait(),
        _ => drop(a.world.event.wait_timeout(a.limit_of_time())),
    }
}

pub(crate) fn barrier(a: &Actor) {
    let size = a.random.below(4) + 1;
    let rounds = a.random.below(4) + 1;
    let barrier = Barrier::new(size as usize);
    let leaders = AtomicI64::new(0);
    scope(|s| {
        for _ in 0..size {
            let a = a.child();
            let (barrier, leaders) = (&barrier, &leaders);
            s.spawn(move || {
                for _ in 0..rounds {
                    a.pause();
                    let leads = barrier.wait().is_leader();
                    leaders.fetch_add(i64::from(leads), Ordering::SeqCst);
                }
            });
        }
    });
    a.assert(leaders.into_inner() == rounds as i64, "one leads each time");
}

pub(crate) fn results(a: &Actor) {
    let result = Arc::new(AsyncResult::new());
    let once = OnceLock::new();
    let expected = a.random.next();
    scope(|s| {
        for _ in 0..a.random.below(4) {
            let (a, result, once) = (a.child(), result.clone(), &once);
            s.spawn(move || {
                a.pause();
                let value = once.get_or_init(|| {
                    a.pause();
                    expected
                });
                assert_eq!(*value, expected);
                assert_eq!(result.get(), expected);
            });
        }
        a.pause();
        result.set(expected);
    });
}
