//! Threads that sleep for ever, and what tells them that all do.

use loom::sync::Arc;
use loom::thread;

use crate::models::harness::{Bed, Hub, Lost, Threads, sleepers};
use crate::util::primitive::{Latch, check};
use crate::wait::parker::{Token, Waiter};

/// One thread's mailbox for the other's ticket.
type Ticket = Arc<Latch<Option<Waiter>>>;

/// Two threads wake each other in turn; neither is ever told that nobody can wake it.
#[test]
fn nobody_is_told_too_early() {
    check(Some(3), || {
        let threads = Threads::new(2);
        let (a, b) = (Hub::new(Bed::ForEver(threads.clone())), no_ticket());
        assert_eq!(sleepers(a.home), 0);
        let first = a.arm();
        let tell = b.clone();
        let other = thread::spawn(move || {
            let b = Hub::new(Bed::ForEver(threads));
            *tell.lock() = Some(b.arm());
            assert!(first.unpark(Token(1)));
            assert_eq!(b.park(), Token(2));
            b.finish();
        });
        assert_eq!(a.park(), Token(1));
        let ticket = b.lock().take().expect("it was there before the wake-up");
        assert!(ticket.unpark(Token(2)));
        other.join().unwrap();
        assert_eq!(sleepers(a.home), 0);
        a.finish();
    });
}

/// Two threads wait for each other: the last to fall asleep is told, or both.
#[test]
fn somebody_is_told_if_all_sleep() {
    check(Some(3), || {
        let threads = Threads::new(2);
        let a = Hub::new(Bed::ForEver(threads.clone()));
        assert_eq!(sleepers(a.home), 0);
        let first = a.arm();
        let b = no_ticket();
        let tell = b.clone();
        let other = thread::spawn(move || {
            let b = Hub::new(Bed::ForEver(threads));
            *tell.lock() = Some(b.arm());
            let told = b.try_park();
            // Or the other would sleep on.
            let _ = first.unpark(Token(1));
            told
        });
        let told = a.try_park();
        if let Some(ticket) = b.lock().take() {
            let _ = ticket.unpark(Token(2));
        }
        let told = [told, other.join().unwrap()];
        assert!(told.iter().any(|told| matches!(told, Err(Lost))));
    });
}

/// A thread that wakes another and ends is not missed: the other has its wake-up.
#[test]
fn nobody_is_told_who_was_woken() {
    check(None, || {
        let threads = Threads::new(2);
        let hub = Hub::new(Bed::ForEver(threads.clone()));
        assert_eq!(sleepers(hub.home), 0);
        let waiter = hub.arm();
        let other = thread::spawn(move || {
            assert!(waiter.unpark(Token::READY));
            threads.leave();
        });
        assert_eq!(hub.park(), Token::READY);
        other.join().unwrap();
        assert_eq!(sleepers(hub.home), 0);
        hub.finish();
    });
}

fn no_ticket() -> Ticket {
    Arc::new(Latch::new(None))
}
