//! Queues of tickets.

use loom::sync::Arc;
use loom::thread;

use crate::models::harness::{Bed, Hub};
use crate::util::primitive::{Latch, check};
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// A queue of which two notifiers each wake one; the first in it gives up at any time.
///
/// W3: a notifier that comes too late for the first wakes the second. Told that it woke somebody, it did.
#[test]
fn a_notifier_passes_by_whoever_is_late() {
    check(Some(3), || {
        let queue = Arc::new(Latch::new(WaitQueue::new()));
        let first = Hub::new(Bed::OnBell);
        let waiter = first.arm();
        let key = queue.lock().push(waiter, 'a');
        let second = {
            let queue = queue.clone();
            thread::spawn(move || {
                let hub = Hub::new(Bed::OnBell);
                let key = {
                    let mut queue = queue.lock();
                    let waiter = hub.arm();
                    let key = queue.push(waiter, 'b');
                    drop(queue);
                    waiter.unpark(Token::TIMED_OUT);
                    key
                };
                let woken = hub.park() == Token::READY;
                if !woken {
                    assert_eq!(queue.lock().leave(key), 'b');
                }
                hub.finish();
                woken
            })
        };
        let notifier = {
            let queue = queue.clone();
            thread::spawn(move || queue.lock().wake_one(Token::READY))
        };
        waiter.unpark(Token::TIMED_OUT);
        let woken = first.park() == Token::READY;
        if !woken {
            assert_eq!(queue.lock().leave(key), 'a');
        }
        first.finish();
        let expected = match (woken, second.join().unwrap()) {
            (true, true) => panic!("one notifier woke two"),
            (true, false) => Some('a'),
            (false, true) => Some('b'),
            (false, false) => None,
        };
        assert_eq!(notifier.join().unwrap(), expected);
        let queue = queue.lock();
        assert_eq!((queue.is_empty(), queue.len()), (true, 0));
    });
}

/// What two that give up left behind under a notifier's hands is theirs to take back.
#[test]
fn waking_all_wakes_those_who_are_not_late() {
    check(Some(3), || {
        let queue = Arc::new(Latch::new(WaitQueue::new()));
        let hub = Hub::new(Bed::OnBell);
        let waiter = hub.arm();
        let key = queue.lock().push(waiter, ());
        let notifier = {
            let queue = queue.clone();
            thread::spawn(move || queue.lock().wake_all(Token::READY))
        };
        waiter.unpark(Token::TIMED_OUT);
        let woken = hub.park() == Token::READY;
        if !woken {
            queue.lock().leave(key);
        }
        assert_eq!(notifier.join().unwrap(), usize::from(woken));
        assert_eq!(queue.lock().len(), 0);
        hub.finish();
    });
}
