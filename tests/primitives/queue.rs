//! `queue::Queue`. What all queues have in common is in `tests/support/queues.rs`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::{Cell, RefCell};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::time::Duration;

use greenlet::queue::{Channel, JoinableQueue, LifoQueue, PriorityQueue, Queue};
use greenlet::{spawn, timeout, yield_now};

use crate::queues;
use crate::support::{Token, leak_checked};

fn make(room: usize) -> Queue<usize> {
    Queue::bounded(room)
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
fn items_come_in_order() {
    leak_checked(|| {
        let queue = make(3);
        for item in [3, 1, 2] {
            queue.put(item).unwrap();
        }
        queue.shutdown();
        assert_eq!(queue.iter().collect::<Vec<_>>(), [3, 1, 2]);
    });
}

/// What a producer and a consumer of four items log, with so much room.
fn turns(room: usize) -> String {
    let queue = Rc::new(make(room));
    let log = Rc::new(RefCell::new(String::new()));
    let (q, l) = (queue.clone(), log.clone());
    let producer = spawn(move || {
        for item in 0..4 {
            q.put(item).unwrap();
            *l.borrow_mut() += &format!("P{item} ");
        }
    });
    let (q, l) = (queue, log.clone());
    let consumer = spawn(move || {
        for _ in 0..4 {
            let item = q.get().unwrap();
            *l.borrow_mut() += &format!("C{item} ");
        }
    });
    producer.join().unwrap();
    consumer.join().unwrap();
    log.take()
}

#[test]
fn producer_and_consumer_take_long_turns() {
    leak_checked(|| {
        assert_eq!(turns(1), "P0 C0 C1 P1 P2 P3 C2 C3 ");
        assert_eq!(turns(2), "P0 P1 C0 C1 C2 P2 P3 C3 ");
    });
}

#[test]
fn items_of_the_dead_and_of_the_late_are_dropped() {
    leak_checked(|| {
        let queue = Rc::new(Queue::bounded(1));
        queue.put(Token::new()).unwrap();
        let q = queue.clone();
        let killed = spawn(move || q.put(Token::new()).is_ok());
        yield_now();
        assert_eq!(Token::alive(), 2);
        killed.kill();
        assert!(killed.join().is_err());
        assert!(timeout(Duration::from_millis(1), || queue.put(Token::new())).is_err());
        assert_eq!(Token::alive(), 1);
        queue.shutdown_now();
        assert_eq!(Token::alive(), 0);
    });
}

/// Of items that may move between threads, but not be shared.
#[test]
fn queues_are_shared_between_threads() {
    fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    shared::<Queue<Cell<u8>>>();
    shared::<LifoQueue<Cell<u8>>>();
    shared::<PriorityQueue<Cell<u8>>>();
    shared::<JoinableQueue<Cell<u8>>>();
    shared::<Channel<Cell<u8>>>();
}

#[test]
fn a_queue_may_be_static() {
    static QUEUE: Queue<usize> = Queue::bounded(1);
    leak_checked(|| {
        QUEUE.put(1).unwrap();
        assert_eq!(QUEUE.get(), Ok(1));
    });
}

/// Destructors of items may use the queue.
#[test]
fn nothing_of_the_users_runs_under_the_lock() {
    struct Item(Rc<Queue<Item>>, Rc<RefCell<Vec<usize>>>);
    impl Drop for Item {
        fn drop(&mut self) {
            let len = self.0.len();
            self.1.borrow_mut().push(len);
        }
    }
    leak_checked(|| {
        let queue = Rc::new(Queue::bounded(1));
        let seen = Rc::new(RefCell::new(Vec::new()));
        let item = || Item(queue.clone(), seen.clone());
        assert!(queue.put(item()).is_ok());
        assert!(queue.try_put(item()).is_err());
        assert!(timeout(Duration::from_millis(1), || queue.put(item())).is_err());
        queue.shutdown_now();
        assert_eq!(*seen.borrow(), [1, 1, 0]);
    });
}
