//! `test__queue.py`. Nothing runs in the hub, so that what gevent tries from there is tried from another greenlet; items have no peeking; and
//! the end of an iteration is a shutdown.

use std::rc::Rc;
use std::time::Duration;

use greenlet::event::AsyncResult;
use greenlet::hub;
use greenlet::queue::{
    BasicQueue, Channel, GetError, JoinableQueue, Kind, LifoQueue, PriorityQueue, PutError, Queue,
};
use greenlet::{Elapsed, join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;
use crate::{HOUR, Log, SOON, timed};

/// For each kind of queue that keeps items, with room for so many.
macro_rules! for_each_kind {
    ($test:ident) => {
        timed(|| {
            $test(|room| Queue::bounded(room));
            $test(|room| LifoQueue::bounded(room));
            $test(|room| PriorityQueue::bounded(room));
            $test(|room| JoinableQueue::bounded(room));
        })
    };
}

type Make<K> = fn(usize) -> BasicQueue<K>;

/// test__queue.py UsesOnlyOneItemMixin.test_put_nowait_simple (A)
/// test__queue.py TestSimpleQueue.test_get_nowait_simple (A)
/// test__queue.py TestSimpleQueue.test_send_first (A)
#[test]
fn what_does_not_wait_is_refused() {
    fn check<K: Kind<Item = u32>>(make: Make<K>) {
        let queue = make(1);
        assert_eq!(queue.try_get(), Err(GetError::Empty));
        assert_eq!(queue.try_put(2), Ok(()));
        assert_eq!(queue.try_put(3), Err(PutError::Full(3)));
        assert_eq!(queue.try_get(), Ok(2));
        assert_eq!(queue.try_get(), Err(GetError::Empty));
    }
    for_each_kind!(check);
    leak_checked(|| {
        let channel = Channel::new();
        assert_eq!(channel.try_put(2), Err(PutError::Full(2)));
        assert_eq!(channel.try_get(), Err(GetError::Empty));
        assert!(channel.is_empty() && channel.is_full());
    });
}

/// test__queue.py UsesOnlyOneItemMixin.test_put_nowait_unlock (A)
/// test__queue.py UsesOnlyOneItemMixin.test_send_last (Y)
#[test]
fn a_put_that_does_not_wait_wakes_a_getter() {
    fn check<K: Kind<Item = u32> + 'static>(make: Make<K>) {
        let queue = Rc::new(make(1));
        let get = queue.clone();
        let getter = spawn(move || timeout(HOUR, || get.get()));
        sleep(SOON);
        assert!(queue.is_empty());
        assert_eq!(queue.try_put(10), Ok(()));
        assert!(!getter.is_finished());
        sleep(SOON);
        assert!(getter.is_finished() && queue.is_empty() && !queue.is_full());
        assert_eq!(getter.join().unwrap(), Ok(Ok(10)));
    }
    for_each_kind!(check);
    timed(|| {
        let channel = Rc::new(Channel::new());
        let get = channel.clone();
        let getter = spawn(move || get.get());
        sleep(SOON);
        assert_eq!(channel.try_put(10), Ok(()));
        assert_eq!(getter.join().unwrap(), Ok(10));
    });
}

/// test__queue.py TestSimpleQueue.test_get_nowait_unlock (A)
/// test__queue.py TestChannel.test_get_nowait_unlock_channel (A)
#[test]
fn a_get_that_does_not_wait_lets_a_putter_in() {
    fn check<K: Kind<Item = u32> + 'static>(make: Make<K>) {
        let queue = Rc::new(make(1));
        queue.put(4).unwrap();
        let put = queue.clone();
        let putter = spawn(move || put.put(5));
        yield_now();
        assert!(queue.is_full() && !putter.is_finished());
        assert_eq!(queue.try_get(), Ok(4));
        assert_eq!(putter.join().unwrap(), Ok(()));
        assert_eq!(queue.try_get(), Ok(5));
    }
    for_each_kind!(check);
    leak_checked(|| {
        let channel = Rc::new(Channel::new());
        let put = channel.clone();
        let putter = spawn(move || put.put(5));
        yield_now();
        assert!(channel.is_empty() && channel.is_full());
        assert_eq!(channel.try_get(), Ok(5));
        assert_eq!(putter.join().unwrap(), Ok(()));
        assert!(channel.is_empty());
    });
}

/// test__queue.py TestSimpleQueue.test_max_size (Y)
#[test]
fn a_putter_waits_when_there_is_no_room() {
    leak_checked(|| {
        let (queue, log) = (Rc::new(Queue::bounded(2)), Log::default());
        let (put, l) = (queue.clone(), log.clone());
        let putter = spawn(move || {
            for item in ["a", "b", "c"] {
                put.put(item).unwrap();
                l.add(item);
            }
            "OK"
        });
        yield_now();
        assert_eq!(log.take(), "a b");
        assert_eq!(queue.get(), Ok("a"));
        yield_now();
        assert_eq!(log.take(), "c");
        assert_eq!((queue.get(), queue.get()), (Ok("b"), Ok("c")));
        assert!(putter.is_finished());
        assert_eq!(putter.join().unwrap(), "OK");
    });
}

/// test__queue.py TestSimpleQueue.test_multiple_waiters (Y)
#[test]
fn each_of_several_getters_gets_an_item() {
    fn check<K: Kind<Item = u32> + 'static>(make: Make<K>) {
        let queue = Rc::new(make(10));
        let getters: Vec<_> = (0..4)
            .map(|_| {
                let queue = queue.clone();
                spawn(move || queue.get())
            })
            .collect();
        yield_now();
        let ended = |items: &[u32]| {
            items.iter().for_each(|item| queue.put(*item).unwrap());
            yield_now();
            getters.iter().filter(|getter| getter.is_finished()).count()
        };
        assert_eq!(ended(&[1]), 1);
        assert_eq!(ended(&[2]), 2);
        assert_eq!(ended(&[3, 4]), 4);
        let got = join_all(getters)
            .into_iter()
            .map(|got| got.unwrap().unwrap());
        assert!(got.eq(1..=4));
    }
    for_each_kind!(check);
}

/// Waits for an item, for no time.
fn impatient(
    queue: &Rc<Queue<&'static str>>,
    limit: Duration,
) -> Rc<AsyncResult<Result<&'static str, Elapsed>>> {
    let said = Rc::new(AsyncResult::new());
    let (queue, result) = (queue.clone(), said.clone());
    drop(spawn(move || {
        result.set(timeout(limit, || queue.get().unwrap()))
    }));
    said
}

/// test__queue.py TestSimpleQueue.test_waiters_that_cancel (Y)
/// test__queue.py TestSimpleQueue.test_two_waiters_one_dies (Y)
/// test__queue.py TestSimpleQueue.test_two_bogus_waiters (Y)
#[test]
fn getters_that_gave_up_take_nothing() {
    timed(|| {
        let zero = Duration::ZERO;
        let queue = Rc::new(Queue::new());
        assert!(impatient(&queue, zero).get().is_err());
        queue.put("hi").unwrap();
        assert_eq!(queue.get(), Ok("hi"));

        let (dying, waiting) = (impatient(&queue, zero), impatient(&queue, HOUR));
        sleep(SOON);
        queue.put("hi").unwrap();
        assert!(dying.get().is_err());
        assert_eq!(waiting.get(), Ok("hi"));

        let dying = [impatient(&queue, zero), impatient(&queue, zero)];
        sleep(SOON);
        queue.put("sent").unwrap();
        assert!(dying.iter().all(|said| said.get().is_err()));
        assert_eq!(queue.get(), Ok("sent"));
    });
}

/// test__queue.py TestChannel.test_zero_max_size (Y)
#[test]
fn a_channel_keeps_its_putter_until_somebody_gets() {
    timed(|| {
        let channel = Rc::new(Channel::new());
        let put = channel.clone();
        let putter = spawn(move || put.put("hi"));
        sleep(SOON);
        assert!(!putter.is_finished());
        let getter = spawn(move || channel.get());
        assert_eq!(getter.join().unwrap(), Ok("hi"));
        assert_eq!(putter.join().unwrap(), Ok(()));
    });
}

/// test__queue.py TestChannel.test_send (A)
/// test__queue.py TestChannel.test_wait (A)
#[test]
fn a_channel_goes_back_and_forth() {
    leak_checked(|| {
        let (channel, log) = (Rc::new(Channel::new()), Log::default());
        let (get, l) = (channel.clone(), log.clone());
        let getter = spawn(move || (0..2).for_each(|_| l.add(get.get().unwrap())));
        log.add("sending");
        channel.put("hello").unwrap();
        log.add("sent-hello");
        channel.put("world").unwrap();
        log.add("sent-world");
        getter.join().unwrap();
        // Who puts into waiting hands goes on at once.
        assert_eq!(log.take(), "sending hello sent-hello sent-world world");

        let (put, l) = (channel.clone(), log.clone());
        let putter = spawn(move || {
            for word in ["hello", "world"] {
                l.add("sending");
                put.put(word).unwrap();
            }
            l.add("sent");
        });
        log.add("waiting");
        log.add(channel.get().unwrap());
        log.add(channel.get().unwrap());
        assert_eq!(log.take(), "waiting sending sending hello world");
        yield_now();
        assert_eq!(log.take(), "sent");
        putter.join().unwrap();
    });
}

/// test__queue.py TestChannel.test_iterable (A)
#[test]
fn an_iteration_ends_with_a_shutdown() {
    leak_checked(|| {
        let channel = Rc::new(Channel::<u32>::new());
        let end = channel.clone();
        let ender = spawn(move || end.shutdown());
        assert_eq!(channel.iter().count(), 0);
        ender.join().unwrap();
    });
}

/// test__queue.py TestQueue.test_task_done (Y)
/// test__queue.py TestQueue.test_issue_45 (Y)
#[test]
fn what_was_got_is_unfinished_until_it_is_done() {
    leak_checked(|| {
        let queue = Rc::new(JoinableQueue::new());
        queue.join(); // does not wait
        let put = queue.clone();
        let putter = spawn(move || put.put("x"));
        assert_eq!(queue.get(), Ok("x"));
        assert_eq!(queue.unfinished(), 1);
        queue.task_done();
        assert_eq!(queue.unfinished(), 0);
        queue.join();
        putter.join().unwrap().unwrap();
    });
}

/// test__queue.py TestQueue.test_shutdown_all_methods_in_one_thread (Y)
/// test__queue.py TestQueue.test_shutdown_immediate_all_methods_in_one_thread (Y)
#[test]
fn after_a_shutdown_nothing_is_put_and_the_rest_is_got() {
    for immediate in [false, true] {
        leak_checked(move || {
            let queue = JoinableQueue::new();
            queue.put("L").unwrap();
            queue.try_put("O").unwrap();
            match immediate {
                true => queue.shutdown_now(),
                false => queue.shutdown(),
            }
            assert_eq!(queue.put("E"), Err(PutError::ShutDown("E")));
            assert_eq!(queue.try_put("W"), Err(PutError::ShutDown("W")));
            if !immediate {
                for item in ["L", "O"] {
                    assert_eq!(queue.get(), Ok(item));
                    queue.task_done();
                }
            }
            queue.join();
            assert_eq!(queue.get(), Err(GetError::ShutDown));
            assert_eq!(queue.try_get(), Err(GetError::ShutDown));
            assert_eq!(queue.get_timeout(HOUR), Err(GetError::ShutDown));
            hub::run();
        });
    }
}
