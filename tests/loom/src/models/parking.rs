//! Arming, parking and waking.

use loom::thread;

use crate::models::harness::{Bed, Hub, Poller, Threads, make_runnable, sleepers, touch};
use crate::util::primitive::check;
use crate::wait::parker::{Home, Token, Waiter};

/// W2, W4: one of two notifiers wins, and it is heard.
#[test]
fn one_of_two_notifiers_wins() {
    check(None, || {
        let hub = Hub::new(Bed::OnBell);
        let waiter = hub.arm();
        let notify = |token| thread::spawn(move || waiter.unpark(Token(token)));
        let (first, second) = (notify(1), notify(2));
        let Token(token) = hub.park();
        let won = (first.join().unwrap(), second.join().unwrap());
        assert_eq!(won, (token == 1, token == 2));
        hub.finish();
    });
}

/// A timer of its own thread against a notifier from another.
#[test]
fn one_of_a_timer_and_a_notifier_wins() {
    check(None, || {
        let hub = Hub::new(Bed::OnBell);
        let waiter = hub.arm();
        let notifier = thread::spawn(move || waiter.unpark(Token(1)));
        let timed_out = waiter.unpark(Token::TIMED_OUT);
        let token = hub.park();
        assert_eq!(token == Token::TIMED_OUT, timed_out);
        assert_eq!(notifier.join().unwrap(), !timed_out);
        hub.finish();
    });
}

/// W2: a ticket of an earlier episode, in the hands of another thread, against the thread's own end of the present one.
#[test]
fn a_late_ticket_does_not_meet_an_end_at_home() {
    check(None, || {
        let hub = Hub::new(Bed::OnBell);
        let late = hub.arm();
        let notifier = thread::spawn(move || late.unpark(Token(1)));
        let timed_out = late.unpark(Token::TIMED_OUT);
        let first = hub.park();
        assert_eq!(first == Token::TIMED_OUT, timed_out);
        let own = hub.arm();
        assert!(own.unpark_here(Token(2), make_runnable));
        assert!(!own.unpark_here(Token(3), make_runnable));
        assert_eq!(hub.park(), Token(2));
        assert_eq!(notifier.join().unwrap(), !timed_out);
        hub.finish();
    });
}

/// What the notifier did before is seen by the woken one.
#[test]
fn a_wake_up_carries_what_was_done_before() {
    check(None, || {
        let hub = Hub::new(Bed::OnBell);
        let waiter = hub.arm();
        let cell = loom::sync::Arc::new(loom::cell::UnsafeCell::new(0));
        let filled = cell.clone();
        let notifier = thread::spawn(move || {
            // SAFETY: loom watches that nobody else looks at it meanwhile.
            filled.with_mut(|value| unsafe { *value = 5 });
            waiter.unpark(Token::READY)
        });
        assert_eq!(hub.park(), Token::READY);
        // SAFETY: as above.
        assert_eq!(cell.with(|value| unsafe { *value }), 5);
        assert!(notifier.join().unwrap());
        hub.finish();
    });
}

fn no_wake_up_is_lost(bed: fn() -> Bed) {
    check(Some(3), move || {
        let hub = Hub::new(bed());
        let home = hub.home;
        let _ = sleepers(home);
        for token in 0..2 {
            let waiter = hub.arm();
            let notifier = thread::spawn(move || waiter.unpark(Token(token)));
            assert_eq!(hub.park(), Token(token));
            assert!(notifier.join().unwrap());
        }
        hub.finish();
    });
}

#[test]
fn no_wake_up_of_a_thread_on_its_bell_is_lost() {
    no_wake_up_is_lost(|| Bed::OnBell);
}

#[test]
fn no_wake_up_of_a_thread_that_sleeps_for_ever_is_lost() {
    // Two threads, of which one never sleeps.
    no_wake_up_is_lost(|| Bed::ForEver(Threads::new(2)));
}

#[test]
fn no_wake_up_of_a_thread_in_its_poller_is_lost() {
    no_wake_up_is_lost(|| Bed::Poller(Poller::new()));
}

/// Two greenlets of a thread are woken by two others; the second wake-up may come while the first is being collected.
#[test]
fn mail_from_two_threads_arrives() {
    for bed in [|| Bed::OnBell, || Bed::Poller(Poller::new())] as [fn() -> Bed; 2] {
        check(Some(3), move || {
            let hub = Hub::new(bed());
            let second = hub.home.take_parker();
            second.adopt(8);
            touch(second);
            let notify =
                |waiter: Waiter| thread::spawn(move || assert!(waiter.unpark(Token::READY)));
            let notifiers = [notify(hub.arm()), notify(second.arm())];
            hub.park_both(second);
            for notifier in notifiers {
                notifier.join().unwrap();
            }
            hub.finish();
        });
    }
}

/// A ticket that is kept too long does nothing, also not to the next who has the parker, on another thread.
#[test]
fn a_late_ticket_does_nothing() {
    check(Some(3), || {
        let (send, receive) = loom::sync::mpsc::channel();
        let late = thread::spawn(move || {
            let hub = Hub::new(Bed::OnBell);
            let waiter = hub.arm();
            send.send(waiter).unwrap();
            let _ = waiter.unpark(Token::TIMED_OUT);
            let token = hub.park();
            hub.home.give_back_parker(hub.parker);
            hub.home.move_out();
            token
        });
        let waiter = receive.recv().unwrap();
        let next = thread::spawn(|| {
            let hub = Hub::new(Bed::OnBell);
            let waiter = hub.arm();
            assert!(waiter.unpark(Token(3)));
            assert_eq!(hub.park(), Token(3));
            hub.finish();
        });
        let won = waiter.unpark(Token::READY);
        let token = late.join().unwrap();
        assert_eq!(token == Token::READY, won);
        assert!(!waiter.unpark(Token::READY));
        next.join().unwrap();
        empty_vacant();
    });
}

/// Takes all homes that are without a thread, for they are of this execution; there is one at most.
fn empty_vacant() {
    let _ = Home::move_in(|_| ());
}
