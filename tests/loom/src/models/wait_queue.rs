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

/// W9: a notifier on the greenlet's own thread, which takes no exchange, against one of another thread, and a deadline that comes before.
#[test]
fn a_notifier_at_home_meets_nobody() {
    for is_late in [false, true] {
        check(None, move || {
            let queue = Arc::new(Latch::new(WaitQueue::new()));
            let hub = Hub::new(Bed::OnBell);
            let waiter = hub.arm();
            let key = queue.lock().push(waiter, 'a');
            let notifier = {
                let queue = queue.clone();
                thread::spawn(move || queue.lock().wake_one(Token(1)))
            };
            let timed_out = is_late && waiter.unpark(Token::TIMED_OUT);
            let own = queue.lock().wake_one(Token(2));
            let token = hub.park();
            if timed_out {
                assert_eq!(queue.lock().leave(key), 'a');
            }
            let other = notifier.join().unwrap();
            let expected = match token {
                Token::TIMED_OUT => (None, None),
                Token(1) => (None, Some('a')),
                _ => (Some('a'), None),
            };
            assert_eq!((own, other), expected);
            assert_eq!(timed_out, token == Token::TIMED_OUT);
            assert_eq!(queue.lock().len(), 0);
            hub.finish();
        });
    }
}

/// A ticket that lies in two queues, each in the hands of another thread, one of which is its own.
#[test]
fn a_shared_ticket_is_good_for_one_of_its_queues() {
    check(None, || {
        let queue = Arc::new(Latch::new(WaitQueue::new()));
        let mut here = WaitQueue::new();
        let hub = Hub::new(Bed::OnBell);
        let waiter = hub.arm();
        let there = queue.lock().push_shared(waiter, 'a');
        let mine = here.push_shared(waiter, 'b');
        let notifier = {
            let queue = queue.clone();
            thread::spawn(move || queue.lock().wake_one(Token(1)))
        };
        let own = here.wake_one(Token(2));
        let token = hub.park();
        match token {
            Token(1) => assert_eq!(here.leave(mine), 'b'),
            _ => assert_eq!(queue.lock().leave(there), 'a'),
        }
        let other = notifier.join().unwrap();
        assert_eq!(own.is_some(), token == Token(2));
        assert_eq!(other.is_some(), token == Token(1));
        assert_eq!((queue.lock().len(), here.len()), (0, 0));
        hub.finish();
    });
}

/// Who was woken finds what the notifier left, in an entry that is out of line.
#[test]
fn what_is_left_in_an_entry_is_found() {
    check(None, || {
        let queue = Arc::new(Latch::new(WaitQueue::new()));
        let hub = Hub::new(Bed::OnBell);
        let waiter = hub.arm();
        let key = queue.lock().push(waiter, 'a');
        let notifier = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut queue = queue.lock();
                let woken = queue.wake_keeping(|_| Token::READY)?;
                *queue.get_mut(woken) = 'b';
                Some(queue.is_empty())
            })
        };
        waiter.unpark(Token::TIMED_OUT);
        let found = match hub.park() {
            Token::READY => queue.lock().remove(key),
            _ => queue.lock().leave(key),
        };
        let expected = match notifier.join().unwrap() {
            Some(is_empty) => {
                assert!(is_empty);
                'b'
            }
            None => 'a',
        };
        assert_eq!(found, expected);
        assert_eq!(queue.lock().len(), 0);
        hub.finish();
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
