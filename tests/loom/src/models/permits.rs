//! Locks and semaphores.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::models::harness::{Bed, Hub};
use crate::util::primitive::check;
use crate::util::slot_list::Key;
use crate::wait::parker::Token;
use crate::wait::permits::Permits;

/// A value behind a lock; loom watches that nobody touches it while another does.
struct Shared {
    permits: Permits,
    value: UnsafeCell<usize>,
}

// SAFETY: it is what is checked here.
unsafe impl Sync for Shared {}
// SAFETY: a number.
unsafe impl Send for Shared {}

impl Shared {
    fn new(permits: usize) -> Arc<Self> {
        let shared = Arc::new(Shared {
            permits: Permits::new(permits),
            value: UnsafeCell::new(0),
        });
        assert_eq!((shared.permits.available(), shared.waiting()), (permits, 0));
        shared
    }

    fn waiting(&self) -> usize {
        self.permits.waiting()
    }

    fn add(&self) {
        // SAFETY: only with the only permit.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }

    /// With all permits back, and nobody left.
    fn check(&self, permits: usize, value: usize) {
        assert_eq!((self.permits.available(), self.waiting()), (permits, 0));
        // SAFETY: all others have ended.
        assert_eq!(self.value.with(|value| unsafe { *value }), value);
        // Not as if somebody waited: the short ways go.
        for _ in 0..permits {
            assert!(self.permits.try_acquire());
        }
        assert!(!self.permits.try_acquire());
    }
}

fn lock(shared: &Shared, hub: &Hub) {
    if shared.permits.try_lock() {
        return;
    }
    if shared.permits.acquire_or_wait(|| hub.arm()).is_some() {
        assert_eq!(hub.park(), Token::READY);
    }
}

/// Waits, but not if the timer is first; whether there was a permit.
fn lock_until_timer(shared: &Shared, hub: &Hub) -> bool {
    if shared.permits.try_lock() {
        return true;
    }
    let Some((key, waiter)) = shared.permits.acquire_or_wait(|| hub.arm()) else {
        return true;
    };
    let _ = waiter.unpark(Token::TIMED_OUT);
    granted(shared, hub, key)
}

fn granted(shared: &Shared, hub: &Hub, key: Key) -> bool {
    let granted = hub.park() != Token::TIMED_OUT;
    if !granted {
        shared.permits.leave(key);
    }
    granted
}

fn one_at_a_time(threads: usize, preemptions: Option<usize>) {
    check(preemptions, move || {
        let shared = Shared::new(1);
        let work = |shared: &Shared| {
            let hub = Hub::new(Bed::OnBell);
            lock(shared, &hub);
            shared.add();
            shared.permits.unlock();
            hub.finish();
        };
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || work(&shared))
            })
            .collect();
        work(&shared);
        for other in others {
            other.join().unwrap();
        }
        shared.check(1, threads);
    });
}

#[test]
fn two_threads_lock_one_at_a_time() {
    one_at_a_time(2, None);
}

#[test]
fn three_threads_lock_one_at_a_time() {
    one_at_a_time(3, Some(3));
}

/// The permit of an unlock goes to a waiter or is there for all, however late the waiter gives up.
#[test]
fn an_unlock_that_meets_a_timer_loses_no_permit() {
    check(None, || {
        let shared = Shared::new(1);
        assert!(shared.permits.try_lock());
        let other = {
            let shared = shared.clone();
            thread::spawn(move || {
                let hub = Hub::new(Bed::OnBell);
                let locked = lock_until_timer(&shared, &hub);
                if locked {
                    shared.add();
                    shared.permits.unlock();
                }
                hub.finish();
                locked
            })
        };
        shared.permits.unlock();
        let locked = other.join().unwrap();
        shared.check(1, usize::from(locked));
    });
}

/// One gives up, one waits on: the permit comes to the latter.
#[test]
fn a_permit_passes_by_whoever_gives_up() {
    check(Some(3), || {
        let shared = Shared::new(1);
        assert!(shared.permits.try_lock());
        let gives_up = {
            let shared = shared.clone();
            thread::spawn(move || {
                let hub = Hub::new(Bed::OnBell);
                let locked = lock_until_timer(&shared, &hub);
                if locked {
                    shared.add();
                    shared.permits.unlock();
                }
                hub.finish();
                locked
            })
        };
        let stays = {
            let shared = shared.clone();
            thread::spawn(move || {
                let hub = Hub::new(Bed::OnBell);
                lock(&shared, &hub);
                shared.add();
                shared.permits.unlock();
                hub.finish();
            })
        };
        shared.permits.unlock();
        let locked = gives_up.join().unwrap();
        stays.join().unwrap();
        shared.check(1, 1 + usize::from(locked));
    });
}

/// What is unlocked for somebody who gives up is seen by a newcomer, who had nothing to do with either.
#[test]
fn a_newcomer_sees_what_was_unlocked_for_another() {
    check(Some(3), || {
        let shared = Shared::new(1);
        assert!(shared.permits.try_lock());
        let gives_up = {
            let shared = shared.clone();
            thread::spawn(move || {
                let hub = Hub::new(Bed::OnBell);
                let locked = lock_until_timer(&shared, &hub);
                if locked {
                    shared.permits.unlock();
                }
                hub.finish();
            })
        };
        let newcomer = {
            let shared = shared.clone();
            thread::spawn(move || {
                let locked = shared.permits.try_lock();
                if locked {
                    shared.add();
                    shared.permits.unlock();
                }
                usize::from(locked)
            })
        };
        shared.add();
        shared.permits.unlock();
        gives_up.join().unwrap();
        shared.check(1, 1 + newcomer.join().unwrap());
    });
}

/// The last waiter leaves while permits are given back.
#[test]
fn units_that_meet_a_timer_are_all_there() {
    check(Some(4), || {
        let shared = Shared::new(0);
        let other = {
            let shared = shared.clone();
            thread::spawn(move || {
                let hub = Hub::new(Bed::OnBell);
                let taken = match shared.permits.acquire_or_wait(|| hub.arm()) {
                    None => true,
                    Some((key, waiter)) => {
                        let _ = waiter.unpark(Token::TIMED_OUT);
                        granted(&shared, &hub, key)
                    }
                };
                hub.finish();
                taken
            })
        };
        let releases = {
            let shared = shared.clone();
            thread::spawn(move || shared.permits.release())
        };
        shared.permits.release();
        releases.join().unwrap();
        let taken = other.join().unwrap();
        shared.check(2 - usize::from(taken), 0);
    });
}

/// Two wait, two units come from two threads.
#[test]
fn each_unit_finds_its_waiter() {
    check(Some(3), || {
        let shared = Shared::new(0);
        let wait = |shared: Arc<Shared>| {
            thread::spawn(move || {
                let hub = Hub::new(Bed::OnBell);
                if shared.permits.acquire_or_wait(|| hub.arm()).is_some() {
                    assert_eq!(hub.park(), Token::READY);
                }
                hub.finish();
            })
        };
        let release = |shared: Arc<Shared>| thread::spawn(move || shared.permits.release());
        let waits = wait(shared.clone());
        let releases = release(shared.clone());
        shared.permits.release();
        let hub = Hub::new(Bed::OnBell);
        if shared.permits.acquire_or_wait(|| hub.arm()).is_some() {
            assert_eq!(hub.park(), Token::READY);
        }
        hub.finish();
        waits.join().unwrap();
        releases.join().unwrap();
        shared.check(0, 0);
    });
}
