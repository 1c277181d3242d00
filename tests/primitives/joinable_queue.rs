//! `queue::JoinableQueue`. What all queues have in common is in `tests/support/queues.rs`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::queue::JoinableQueue;
use greenlet::{join_all, spawn, timeout, yield_now};

use crate::queues;
use crate::support::leak_checked;

fn make(room: usize) -> JoinableQueue<usize> {
    JoinableQueue::bounded(room)
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
fn join_waits_for_what_was_put_to_be_done() {
    leak_checked(|| {
        let queue = Rc::new(make(10));
        queue.join(); // nothing was put
        let q = queue.clone();
        let worker = spawn(move || {
            for _ in q.iter() {
                yield_now();
                q.task_done();
            }
        });
        for item in 0..10 {
            queue.put(item).unwrap();
        }
        assert_eq!(queue.unfinished(), 10);
        let joiners = [(); 3].map(|()| {
            let queue = queue.clone();
            spawn(move || {
                queue.join();
                queue.unfinished()
            })
        });
        for left in join_all(joiners) {
            assert_eq!(left.unwrap(), 0);
        }
        queue.shutdown();
        worker.join().unwrap();
    });
}

#[test]
fn a_join_that_times_out_leaves_nothing_behind() {
    leak_checked(|| {
        let soon = Duration::from_millis(1);
        let queue = make(1);
        queue.put(1).unwrap();
        assert!(!queue.join_timeout(soon));
        assert!(timeout(soon, || queue.join()).is_err());
        queue.get().unwrap();
        assert!(!queue.join_timeout(soon), "it was got, but is not done");
        queue.task_done();
        assert!(queue.join_timeout(Duration::ZERO));
    });
}

#[test]
fn what_a_blocked_putter_has_to_put_does_not_count() {
    leak_checked(|| {
        let queue = Rc::new(make(1));
        queue.put(1).unwrap();
        let q = queue.clone();
        let putter = spawn(move || q.put(2));
        yield_now();
        assert_eq!(queue.unfinished(), 1);
        queue.get().unwrap();
        assert_eq!(queue.unfinished(), 2);
        putter.join().unwrap().unwrap();
        queue.task_done();
        queue.task_done();
        queue.join();
    });
}

#[test]
fn an_item_that_is_handed_over_counts() {
    leak_checked(|| {
        let queue = Rc::new(make(1));
        let q = queue.clone();
        let getter = spawn(move || q.get());
        yield_now();
        queue.put(1).unwrap();
        assert_eq!((queue.len(), queue.unfinished()), (0, 1));
        getter.join().unwrap().unwrap();
        queue.task_done();
        assert_eq!(queue.unfinished(), 0);
    });
}

#[test]
fn more_done_than_put_panics() {
    leak_checked(|| {
        let queue = make(1);
        let misuse = catch_unwind(AssertUnwindSafe(|| queue.task_done()));
        let message = *misuse.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(
            message,
            "`task_done` was called more often than items were put"
        );
        queue.put(1).unwrap();
        queue.task_done();
        assert_eq!(queue.unfinished(), 0);
    });
}

#[test]
fn what_shutdown_now_drops_is_done() {
    leak_checked(|| {
        let queue = Rc::new(make(3));
        for item in 0..3 {
            queue.put(item).unwrap();
        }
        queue.get().unwrap();
        let q = queue.clone();
        let joiner = spawn(move || q.join());
        yield_now();
        queue.shutdown_now();
        assert_eq!(queue.unfinished(), 1, "what was got is not done");
        assert!(!joiner.is_finished());
        queue.task_done();
        joiner.join().unwrap();
    });
}
