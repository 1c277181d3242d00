//! The tests that all queues have in common. `make` gives a queue with room for as many items.
//!
//! A queue is filled before putters are to wait; one without room is full from the beginning.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use greenlet::queue::{BasicQueue, GetError, Kind, PutError};
use greenlet::{JoinHandle, join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

type Make<K> = fn(usize) -> BasicQueue<K>;
type Got = Result<usize, GetError>;
type Put = Result<(), PutError<usize>>;

/// Puts until there is no room; how many items that were. They are greater than all that tests put.
fn fill<K: Kind<Item = usize>>(queue: &BasicQueue<K>) -> usize {
    (0..)
        .take_while(|n| queue.try_put(1000 + n).is_ok())
        .count()
}

/// Everything there is to get, with what putters have waited to put.
fn drain<K: Kind<Item = usize>>(queue: &BasicQueue<K>) -> Vec<usize> {
    let mut items = Vec::new();
    while let Ok(item) = queue.try_get() {
        items.push(item);
    }
    items.sort_unstable();
    items
}

fn spawn_get<K: Kind<Item = usize> + 'static>(queue: &Rc<BasicQueue<K>>) -> JoinHandle<Got> {
    let queue = queue.clone();
    spawn(move || queue.get())
}

fn spawn_put<K: Kind<Item = usize> + 'static>(
    queue: &Rc<BasicQueue<K>>,
    item: usize,
) -> JoinHandle<Put> {
    let queue = queue.clone();
    spawn(move || queue.put(item))
}

/// Everything that is put is got, for every amount of room; `iter` ends after a shut-down.
pub fn smoke<K: Kind<Item = usize> + 'static>(make: Make<K>) {
    leak_checked(move || {
        for room in [0, 1, 2, 100] {
            let queue = Rc::new(make(room));
            let consumers = [(); 3].map(|()| {
                let queue = queue.clone();
                spawn(move || queue.iter().collect::<Vec<_>>())
            });
            let producers: Vec<_> = (0..30).map(|item| spawn_put(&queue, item)).collect();
            for put in join_all(producers) {
                assert_eq!(put.unwrap(), Ok(()));
            }
            queue.shutdown();
            let got = join_all(consumers).into_iter().flat_map(Result::unwrap);
            let mut got: Vec<_> = got.collect();
            got.sort_unstable();
            assert_eq!(got, (0..30).collect::<Vec<_>>(), "room for {room}");
        }
    });
}

/// Of queues that can hold something.
pub fn try_x<K: Kind<Item = usize> + 'static>(make: Make<K>) {
    leak_checked(move || {
        let queue = make(2);
        assert_eq!(queue.try_get(), Err(GetError::Empty));
        assert!(queue.is_empty() && !queue.is_full());
        assert_eq!(queue.capacity(), Some(2));
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        assert_eq!(queue.try_put(3), Err(PutError::Full(3)));
        assert!(queue.is_full() && queue.len() == 2);
        assert_eq!(drain(&queue), [1, 2]);
        queue.shutdown();
        assert_eq!(queue.try_get(), Err(GetError::ShutDown));
        assert_eq!(queue.try_put(4), Err(PutError::ShutDown(4)));
        assert_eq!(BasicQueue::<K>::default().capacity(), None);
    });
}

pub fn fifo<K: Kind<Item = usize> + 'static>(make: Make<K>) {
    leak_checked(move || {
        let queue = Rc::new(make(1));
        let getters: Vec<_> = (0..5).map(|_| spawn_get(&queue)).collect();
        yield_now();
        for item in 0..5 {
            queue.try_put(item).unwrap();
            assert_eq!(queue.try_get(), Err(GetError::Empty), "a newcomer overtook");
        }
        for (item, got) in join_all(getters).into_iter().enumerate() {
            assert_eq!(got.unwrap(), Ok(item));
        }

        let full = fill(&queue);
        let done = Rc::new(RefCell::new(Vec::new()));
        let putters: Vec<_> = (0..5)
            .map(|n| {
                let (queue, done) = (queue.clone(), done.clone());
                spawn(move || {
                    queue.put(n).unwrap();
                    done.borrow_mut().push(n);
                })
            })
            .collect();
        yield_now();
        for taken in 1..=5 {
            queue.try_get().unwrap();
            assert_eq!(
                queue.try_put(9),
                Err(PutError::Full(9)),
                "a newcomer overtook"
            );
            yield_now();
            assert_eq!(done.borrow().len(), taken);
        }
        join_all(putters);
        assert_eq!(*done.borrow(), [0, 1, 2, 3, 4]);
        assert_eq!(drain(&queue).len(), full);
    });
}

pub fn x_timeout<K: Kind<Item = usize> + 'static>(make: Make<K>) {
    leak_checked(move || {
        let queue = Rc::new(make(1));
        assert_eq!(queue.get_timeout(SOON), Err(GetError::Empty));
        assert_eq!(queue.get_timeout(Duration::ZERO), Err(GetError::Empty));
        assert!(timeout(SOON, || queue.get()).is_err());
        // Those who have given up eat nothing.
        let putter = spawn_put(&queue, 1);
        assert_eq!(queue.get_timeout(HOUR), Ok(1));
        assert_eq!(putter.join().unwrap(), Ok(()));

        let full = fill(&queue);
        assert_eq!(queue.put_timeout(2, SOON), Err(PutError::Full(2)));
        assert_eq!(queue.put_timeout(2, Duration::ZERO), Err(PutError::Full(2)));
        assert!(timeout(SOON, || queue.put(2)).is_err());
        assert_eq!(drain(&queue).len(), full, "an item of one who has given up");
        let getter = spawn_get(&queue);
        assert_eq!(queue.put_timeout(3, HOUR), Ok(()));
        assert_eq!(getter.join().unwrap(), Ok(3));
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

/// Two wait, one dies; both ways.
pub fn kill_while_waiting<K: Kind<Item = usize> + 'static>(make: Make<K>) {
    leak_checked(move || {
        let queue = Rc::new(make(1));
        let (killed, next) = (spawn_get(&queue), spawn_get(&queue));
        yield_now();
        killed.kill();
        queue.try_put(1).unwrap();
        assert!(killed.join().is_err());
        assert_eq!(next.join().unwrap(), Ok(1));

        let full = fill(&queue);
        let (killed, next) = (spawn_put(&queue, 2), spawn_put(&queue, 3));
        yield_now();
        killed.kill();
        let mut got = vec![queue.try_get().unwrap()];
        assert!(killed.join().is_err());
        assert_eq!(next.join().unwrap(), Ok(()));
        got.extend(drain(&queue));
        assert!(got.contains(&3) && !got.contains(&2) && got.len() == full + 1);
    });
}

pub fn kill_after_grant<K: Kind<Item = usize> + 'static>(make: Make<K>) {
    leak_checked(move || {
        let queue = Rc::new(make(1));
        let log = Rc::new(RefCell::new(Vec::new()));
        let (q, l) = (queue.clone(), log.clone());
        let victim = spawn(move || {
            let item = q.get().unwrap();
            l.borrow_mut().push(item);
            sleep(HOUR);
        });
        yield_now();
        queue.try_put(1).unwrap();
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(*log.borrow(), [1], "the item was lost");

        let full = fill(&queue);
        let (q, l) = (queue.clone(), log.clone());
        let victim = spawn(move || {
            q.put(2).unwrap();
            l.borrow_mut().push(2);
            sleep(HOUR);
        });
        yield_now();
        let mut got = vec![queue.try_get().unwrap()];
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(
            *log.borrow(),
            [1, 2],
            "it was put, and the putter does not know"
        );
        got.extend(drain(&queue));
        assert!(got.contains(&2) && got.len() == full + 1);
    });
}

pub fn cross_thread<K: Kind<Item = usize> + 'static>(make: Make<K>)
where
    BasicQueue<K>: Send + Sync,
{
    leak_checked(move || {
        for spawns in [false, true] {
            let (there, back) = (Arc::new(make(1)), Arc::new(make(1)));
            let (t, b) = (there.clone(), back.clone());
            let work = move || {
                for item in t.iter() {
                    b.put(item + 1).unwrap();
                }
            };
            let thread = thread::spawn(move || match spawns {
                true => spawn(work).join().unwrap(),
                false => work(),
            });
            for item in 0..100 {
                there.put(item).unwrap();
                assert_eq!(back.get(), Ok(item + 1));
            }
            there.shutdown();
            thread.join().unwrap();
        }
    });
}

/// Two threads that put and two that get; half a million items.
pub fn stress<K: Kind<Item = usize> + 'static>(make: Make<K>)
where
    BasicQueue<K>: Send + Sync,
{
    leak_checked(move || {
        const ITEMS: usize = 500_000;
        const PUTTERS: usize = 10;
        let queue = Arc::new(make(16));
        let q = queue.clone();
        let put = move |first: usize| {
            let handles = (first..first + PUTTERS).map(|first| {
                let queue = q.clone();
                spawn(move || {
                    for item in (first..ITEMS).step_by(2 * PUTTERS) {
                        queue.put(item).unwrap();
                    }
                })
            });
            join_all(handles.collect::<Vec<_>>());
        };
        let q = queue.clone();
        let get = move || {
            let handles = (0..10).map(|_| {
                let queue = q.clone();
                spawn(move || {
                    queue
                        .iter()
                        .fold((0, 0), |(n, sum), item| (n + 1, sum + item))
                })
            });
            let got = join_all(handles.collect::<Vec<_>>()).into_iter();
            got.map(Result::unwrap).collect::<Vec<_>>()
        };
        let getters = [get.clone(), get].map(thread::spawn);
        let putters = [0, PUTTERS].map(|first| {
            let put = put.clone();
            thread::spawn(move || put(first))
        });
        for putter in putters {
            putter.join().unwrap();
        }
        queue.shutdown();
        let got = getters
            .into_iter()
            .flat_map(|getter| getter.join().unwrap());
        let got = got.fold((0, 0), |(n, sum), (m, add)| (n + m, sum + add));
        assert_eq!(got, (ITEMS, ITEMS * (ITEMS - 1) / 2));
    });
}

/// Waiters are woken, what is in the queue is still got, what was not put comes back.
pub fn shutdown_drains_and_wakes<K: Kind<Item = usize> + 'static>(make: Make<K>) {
    leak_checked(move || {
        let queue = Rc::new(make(1));
        let getters: Vec<_> = (0..3).map(|_| spawn_get(&queue)).collect();
        yield_now();
        queue.try_put(0).unwrap();
        queue.shutdown();
        let got: Vec<_> = join_all(getters).into_iter().map(Result::unwrap).collect();
        let shut = Err(GetError::ShutDown);
        assert_eq!(
            got,
            [Ok(0), shut, shut],
            "what was handed over before counts"
        );
        assert_eq!((queue.get(), queue.get_timeout(HOUR)), (shut, shut));

        let queue = Rc::new(make(1));
        let full = fill(&queue);
        let putters: Vec<_> = (0..3).map(|item| spawn_put(&queue, item)).collect();
        yield_now();
        queue.shutdown();
        queue.shutdown();
        for (item, put) in join_all(putters).into_iter().enumerate() {
            assert_eq!(put.unwrap(), Err(PutError::ShutDown(item)));
        }
        assert_eq!(queue.put(5), Err(PutError::ShutDown(5)));
        assert_eq!(queue.put_timeout(5, HOUR), Err(PutError::ShutDown(5)));
        assert_eq!(drain(&queue).len(), full);
        assert_eq!(queue.try_get(), shut);
    });
}

/// As above, but nothing is left.
pub fn shutdown_now_empties<K: Kind<Item = usize> + 'static>(make: Make<K>) {
    leak_checked(move || {
        let queue = Rc::new(make(2));
        fill(&queue);
        let putter = spawn_put(&queue, 1);
        yield_now();
        queue.shutdown_now();
        assert_eq!(queue.get(), Err(GetError::ShutDown));
        assert_eq!(putter.join().unwrap(), Err(PutError::ShutDown(1)));
        assert!(queue.is_empty());
    });
}

/// Putters that panic or die between their puts leave the queue to the others.
pub fn senders_that_die<K: Kind<Item = usize> + 'static>(make: Make<K>) {
    leak_checked(move || {
        let queue = Rc::new(make(1));
        let putters = [1, 2, 3].map(|item| {
            let queue = queue.clone();
            spawn(move || {
                queue.put(item).unwrap();
                if item == 2 {
                    std::panic::resume_unwind(Box::new("dies"));
                }
                sleep(HOUR);
            })
        });
        let mut got: Vec<_> = (0..3).map(|_| queue.get().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, [1, 2, 3]);
        putters[0].kill();
        putters[2].kill();
        for putter in putters {
            assert!(putter.join().is_err());
        }
        assert_eq!(queue.get_timeout(SOON), Err(GetError::Empty));
    });
}
