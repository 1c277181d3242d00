//! `queue::LifoQueue`. What all queues have in common is in `tests/support/queues.rs`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use greenlet::queue::LifoQueue;

use crate::queues;
use crate::support::leak_checked;

fn make(room: usize) -> LifoQueue<usize> {
    LifoQueue::bounded(room)
}

#[test]
fn smoke() {
    queues::smoke(make);
}

#[test]
fn try_x() {
    queues::try_x(make);
}

#[test]
fn fifo() {
    queues::fifo(make);
}

#[test]
fn x_timeout() {
    queues::x_timeout(make);
}

#[test]
fn kill_while_waiting() {
    queues::kill_while_waiting(make);
}

#[test]
fn kill_after_grant() {
    queues::kill_after_grant(make);
}

#[test]
fn cross_thread() {
    queues::cross_thread(make);
}

#[test]
fn stress() {
    queues::stress(make);
}

#[test]
fn shutdown_drains_and_wakes() {
    queues::shutdown_drains_and_wakes(make);
}

#[test]
fn shutdown_now_empties() {
    queues::shutdown_now_empties(make);
}

#[test]
fn senders_that_die_leave_the_queue_to_the_others() {
    queues::senders_that_die(make);
}

#[test]
fn the_last_comes_first() {
    leak_checked(|| {
        let queue = make(3);
        for item in [3, 1, 2] {
            queue.put(item).unwrap();
        }
        queue.shutdown();
        assert_eq!(queue.iter().collect::<Vec<_>>(), [2, 1, 3]);
    });
}
