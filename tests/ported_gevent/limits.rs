//! The two mix-ins of `gevent.testing.timing`, over every call that waits with a limit: it waits for so long, no shorter and no longer, and
//! says that it waited in vain; and the limit of somebody further out is not taken for its own.

use std::rc::Rc;
use std::time::Duration;

use greenlet::event::{AsyncResult, Event};
use greenlet::lock::{BoundedSemaphore, Condition, Lock, RLock, Semaphore};
use greenlet::pool::{Group, Pool};
use greenlet::queue::{Channel, JoinableQueue, LifoQueue, PriorityQueue, Queue};
use greenlet::{
    AnyGreenlet, JoinHandle, join_all, sleep, spawn, timeout, wait_all, wait_any_timeout,
};

use crate::{HOUR, SOON, timed};

/// Whether it was in vain.
type Wait = fn(Duration) -> bool;

/// Kills at the end of its scope, however that is left.
struct Killed(AnyGreenlet);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// One that is waited for in vain, until the end of the scope.
fn sleeper() -> (JoinHandle<()>, Killed) {
    guarded(spawn(|| sleep(HOUR * 2)))
}

fn guarded(handle: JoinHandle<()>) -> (JoinHandle<()>, Killed) {
    let killed = Killed(handle.greenlet());
    (handle, killed)
}

const WAITS: &[(&str, Wait)] = &[
    ("Event", |limit| !Event::new().wait_timeout(limit)),
    ("AsyncResult", |limit| {
        !AsyncResult::<u32>::new().wait_timeout(limit)
    }),
    ("AsyncResult::get", |limit| {
        AsyncResult::<u32>::new().get_timeout(limit).is_err()
    }),
    ("Semaphore", |limit| {
        !Semaphore::new(0).acquire_timeout(limit)
    }),
    ("BoundedSemaphore", |limit| {
        let semaphore = BoundedSemaphore::new(1);
        semaphore.acquire();
        !semaphore.acquire_timeout(limit)
    }),
    ("Lock", |limit| {
        let lock = Lock::new();
        lock.acquire();
        !lock.acquire_timeout(limit)
    }),
    ("Condition", |limit| {
        let condition = Condition::new();
        let _held = condition.hold();
        !condition.wait_timeout(limit)
    }),
    ("Queue::get", |limit| {
        Queue::<u32>::new().get_timeout(limit).is_err()
    }),
    ("LifoQueue::get", |limit| {
        LifoQueue::<u32>::new().get_timeout(limit).is_err()
    }),
    ("PriorityQueue::get", |limit| {
        PriorityQueue::<u32>::new().get_timeout(limit).is_err()
    }),
    ("JoinableQueue::get", |limit| {
        JoinableQueue::<u32>::new().get_timeout(limit).is_err()
    }),
    ("Channel::get", |limit| {
        Channel::<u32>::new().get_timeout(limit).is_err()
    }),
    ("Queue::put", |limit| {
        let queue = Queue::bounded(1);
        queue.put(1).unwrap();
        queue.put_timeout(2, limit).is_err()
    }),
    ("LifoQueue::put", |limit| {
        let queue = LifoQueue::bounded(1);
        queue.put(1).unwrap();
        queue.put_timeout(2, limit).is_err()
    }),
    ("PriorityQueue::put", |limit| {
        let queue = PriorityQueue::bounded(1);
        queue.put(1).unwrap();
        queue.put_timeout(2, limit).is_err()
    }),
    ("JoinableQueue::put", |limit| {
        let queue = JoinableQueue::bounded(1);
        queue.put(1).unwrap();
        queue.put_timeout(2, limit).is_err()
    }),
    ("Channel::put", |limit| {
        Channel::new().put_timeout(2, limit).is_err()
    }),
    ("JoinableQueue::join", |limit| {
        let queue = JoinableQueue::new();
        queue.put(1).unwrap();
        !queue.join_timeout(limit)
    }),
    ("JoinHandle::wait", |limit| {
        let (sleeper, _killed) = sleeper();
        !sleeper.wait_timeout(limit)
    }),
    ("JoinHandle::join", |limit| {
        let (sleeper, _killed) = sleeper();
        sleeper.join_timeout(limit).is_err()
    }),
    ("wait_any", |limit| {
        let (sleeper, _killed) = sleeper();
        wait_any_timeout(&[&sleeper], limit).is_none()
    }),
    ("wait_all", |limit| {
        let (sleeper, _killed) = sleeper();
        timeout(limit, || wait_all([&sleeper])).is_err()
    }),
    ("join_all", |limit| {
        let (sleeper, _killed) = sleeper();
        timeout(limit, || join_all([sleeper])).is_err()
    }),
    ("Group::join", |limit| {
        let group = Group::new();
        let _member = guarded(group.spawn(|| sleep(HOUR * 2)));
        !group.join_timeout(limit)
    }),
    ("Pool::join", |limit| {
        let pool = Pool::new(1);
        let _member = guarded(pool.spawn(|| sleep(HOUR * 2)));
        !pool.join_timeout(limit)
    }),
    ("Pool::spawn", |limit| {
        let pool = Pool::new(1);
        let _member = guarded(pool.spawn(|| sleep(HOUR * 2)));
        timeout(limit, || pool.spawn(|| ())).is_err()
    }),
    ("sleep", |limit| timeout(limit, || sleep(HOUR * 2)).is_err()),
    ("hub::run", |limit| {
        let _waits = sleeper();
        !greenlet::hub::run_timeout(limit)
    }),
];

/// How long it took.
fn measured<R>(f: impl FnOnce() -> R) -> (R, Duration) {
    let before = greenlet::__moment();
    let result = f();
    (result, greenlet::__moment() - before)
}

/// testing/timing.py AbstractGenericWaitTestCase.test_returns_none_after_timeout (A)
/// testing/timing.py AbstractGenericGetTestCase.test_raises_timeout_number (A)
#[test]
fn every_wait_with_a_limit_says_in_time_that_it_was_in_vain() {
    timed(|| {
        for (name, wait) in WAITS {
            for limit in [SOON, 7 * SOON, HOUR] {
                assert_eq!(measured(|| wait(limit)), (true, limit), "{name}");
                greenlet::hub::run();
            }
        }
    });
}

/// testing/timing.py _DelayWaitMixin.test_outer_timeout_is_not_lost (Y)
#[test]
fn no_wait_takes_an_outer_limit_for_its_own() {
    timed(|| {
        for (name, wait) in WAITS {
            let found = measured(|| timeout(SOON, || wait(HOUR)).is_err());
            assert_eq!(found, (true, SOON), "{name}");
            let found = measured(|| timeout(HOUR, || wait(SOON)));
            assert_eq!(found, (Ok(true), SOON), "{name}");
            greenlet::hub::run();
        }
    });
}

/// An RLock that somebody else holds: the mix-ins again, for the one lock that its holder takes again at once.
#[test]
fn a_held_rlock_is_waited_for_in_vain() {
    timed(|| {
        let lock = Rc::new(RLock::new());
        let held = lock.clone();
        let (holder, killed) = guarded(spawn(move || {
            let _held = held.hold();
            sleep(HOUR * 2);
        }));
        greenlet::yield_now();
        assert_eq!(measured(|| lock.acquire_timeout(SOON)), (false, SOON));
        let found = measured(|| timeout(SOON, || lock.acquire_timeout(HOUR)).is_err());
        assert_eq!(found, (true, SOON));
        drop(killed);
        holder.wait();
        assert!(lock.acquire_timeout(SOON));
        lock.release();
    });
}
