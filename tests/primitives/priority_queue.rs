//! `queue::PriorityQueue`. What all queues have in common is in `tests/support/queues.rs`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::Cell;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use greenlet::queue::PriorityQueue;
use greenlet::{join_all, spawn, yield_now};

use crate::queues;
use crate::support::leak_checked;

fn make(room: usize) -> PriorityQueue<usize> {
    PriorityQueue::bounded(room)
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
fn the_smallest_comes_first() {
    leak_checked(|| {
        let queue = make(5);
        for item in [3, 1, 2] {
            queue.put(item).unwrap();
        }
        assert_eq!(queue.get(), Ok(1));
        queue.put(0).unwrap();
        queue.put(5).unwrap();
        queue.shutdown();
        assert_eq!(queue.iter().collect::<Vec<_>>(), [0, 2, 3, 5]);
    });
}

/// It has been put only once there is room.
#[test]
fn what_a_blocked_putter_has_to_put_comes_later() {
    leak_checked(|| {
        let queue = Rc::new(make(1));
        queue.put(5).unwrap();
        let q = queue.clone();
        let putter = spawn(move || q.put(1));
        yield_now();
        assert_eq!((queue.get(), queue.get()), (Ok(5), Ok(1)));
        putter.join().unwrap().unwrap();
    });
}

#[test]
fn an_item_that_is_put_while_getters_wait_is_the_first_ones() {
    leak_checked(|| {
        let queue = Rc::new(make(5));
        let getters = [(); 2].map(|()| {
            let queue = queue.clone();
            spawn(move || queue.get().unwrap())
        });
        yield_now();
        queue.put(5).unwrap();
        queue.put(1).unwrap();
        let got: Vec<_> = join_all(getters).into_iter().map(Result::unwrap).collect();
        assert_eq!(got, [5, 1]);
    });
}

/// An item whose comparison does something first.
struct Item(usize, Rc<dyn Fn()>);

impl Item {
    fn all(of: impl IntoIterator<Item = usize>, act: impl Fn() + 'static) -> Vec<Item> {
        let act: Rc<dyn Fn()> = Rc::new(act);
        of.into_iter().map(|n| Item(n, act.clone())).collect()
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.1)();
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Item {}

fn put_all(queue: &PriorityQueue<Item>, items: Vec<Item>) {
    for item in items {
        assert!(queue.put(item).is_ok());
    }
}

#[test]
fn an_ord_that_panics_loses_nothing() {
    leak_checked(|| {
        let queue = PriorityQueue::new();
        let fuse = Rc::new(Cell::new(0_u32));
        let f = fuse.clone();
        let items = Item::all((0..50).rev(), move || {
            f.set(f.get().wrapping_sub(1));
            if f.get() == 0 {
                std::panic::resume_unwind(Box::new("incomparable"));
            }
        });
        put_all(&queue, items);
        // The first get makes more comparisons than that, and each later one at least two.
        for n in 1..50 {
            fuse.set(n);
            assert!(catch_unwind(AssertUnwindSafe(|| queue.get())).is_err());
            assert_eq!(queue.len(), 50);
        }
        for next in 0..40 {
            assert_eq!(queue.get().unwrap().0, next);
            fuse.set(1 + next as u32 % 2);
            assert!(catch_unwind(AssertUnwindSafe(|| queue.get())).is_err());
            fuse.set(0);
        }
        queue.shutdown();
        let got: Vec<_> = queue.iter().map(|item| item.0).collect();
        assert_eq!(got, (40..50).collect::<Vec<_>>());
    });
}

/// Against a sorted list.
#[test]
fn puts_and_gets_in_any_order() {
    leak_checked(|| {
        let queue = PriorityQueue::new();
        let mut model = Vec::new();
        let mut random = 1_u32;
        for _ in 0..10_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if random >> 31 == 0 || model.is_empty() {
                let item = (random >> 8) as usize % 100;
                queue.put(item).unwrap();
                model.push(item);
                model.sort_unstable_by(|a, b| b.cmp(a));
            } else {
                assert_eq!(queue.get().ok(), model.pop());
            }
        }
        assert_eq!(queue.len(), model.len());
    });
}

#[test]
fn an_ord_may_switch_and_put() {
    leak_checked(|| {
        let queue = Rc::new(PriorityQueue::new());
        let q = queue.clone();
        let once = Cell::new(true);
        let items = Item::all([3, 1, 2], move || {
            if once.replace(false) {
                q.try_put(Item(0, Rc::new(|| ()))).ok().unwrap();
            }
            yield_now();
        });
        put_all(&queue, items);
        let getters: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                spawn(move || queue.get().ok().unwrap().0)
            })
            .collect();
        yield_now();
        assert_eq!(queue.len(), 4, "a getter compares, and the others wait");
        let got: Vec<_> = join_all(getters).into_iter().map(Result::unwrap).collect();
        assert_eq!(got, [1, 0, 2]);
        queue.shutdown_now();
    });
}

#[test]
fn an_ord_that_gets_panics() {
    leak_checked(|| {
        let queue = Rc::new(PriorityQueue::new());
        let q = queue.clone();
        put_all(
            &queue,
            Item::all([2, 1], move || {
                let _ = q.try_get();
            }),
        );
        let misuse = catch_unwind(AssertUnwindSafe(|| queue.get()));
        let message = *misuse.err().unwrap().downcast::<&str>().unwrap();
        assert!(message.contains("`Ord`"), "{message}");
        assert_eq!(queue.len(), 2);
        queue.shutdown_now();
    });
}

#[test]
fn a_getter_that_is_killed_while_it_compares_takes_nothing_along() {
    leak_checked(|| {
        let queue = Rc::new(PriorityQueue::bounded(3));
        put_all(&queue, Item::all([3, 1, 2], || yield_now()));
        let spawn_get = || {
            let queue = queue.clone();
            spawn(move || queue.get().ok().unwrap().0)
        };
        let (compares, waits, last) = (spawn_get(), spawn_get(), spawn_get());
        yield_now();
        waits.kill();
        compares.kill();
        assert!(waits.join().is_err() && compares.join().is_err());
        assert_eq!(last.join().unwrap(), 1);
        assert_eq!(queue.len(), 2, "one was taken");
        queue.shutdown_now();
    });
}

#[test]
fn shutdown_now_while_items_are_compared_drops_them() {
    leak_checked(|| {
        let queue = Rc::new(PriorityQueue::new());
        put_all(&queue, Item::all([3, 1, 2], || yield_now()));
        let q = queue.clone();
        let getter = spawn(move || q.get().ok().map(|item| item.0));
        yield_now();
        queue.shutdown_now();
        assert!(queue.is_empty());
        assert_eq!(getter.join().unwrap(), Some(1));
        assert!(queue.is_empty() && queue.get().is_err());
    });
}
