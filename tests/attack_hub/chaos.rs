//! Kills, limits, grants and wake-ups from several threads at once; nothing may be lost, or held twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::lock::Semaphore;
use greenlet::queue::Queue;
use greenlet::sync::{Condvar, Mutex, RwLock, mpsc};
use greenlet::{sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

struct Shared {
    mutex: Mutex<()>,
    in_mutex: AtomicBool,
    rw: RwLock<()>,
    readers: AtomicI64,
    units: Semaphore,
    in_units: AtomicI64,
    queue: Queue<u64>,
    put: AtomicU64,
    got: AtomicU64,
    turns: Mutex<u64>,
    turn: Condvar,
}

fn linger(random: &mut Random) {
    match random.below(4) {
        0 => yield_now(),
        1 => sleep(Duration::from_micros(random.below(100))),
        _ => {}
    }
}

/// Undoes on unwinding as well.
struct Leave<'a>(&'a AtomicI64, i64);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::SeqCst);
    }
}

struct Out<'a>(&'a AtomicBool);

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

fn step(s: &Shared, random: &mut Random) {
    match random.below(6) {
        0 => {
            let held = s.mutex.lock().unwrap();
            assert!(
                !s.in_mutex.swap(true, Ordering::SeqCst),
                "two hold the mutex"
            );
            let out = Out(&s.in_mutex);
            linger(random);
            drop(out);
            drop(held);
        }
        1 => {
            let held = s.rw.read().unwrap();
            assert!(
                s.readers.fetch_add(1, Ordering::SeqCst) >= 0,
                "beside a writer"
            );
            let out = Leave(&s.readers, 1);
            linger(random);
            drop(out);
            drop(held);
        }
        2 => {
            let held = s.rw.write().unwrap();
            assert_eq!(s.readers.fetch_sub(1000, Ordering::SeqCst), 0, "not alone");
            let out = Leave(&s.readers, -1000);
            linger(random);
            drop(out);
            if random.below(2) == 0 {
                let held = greenlet::sync::RwLockWriteGuard::downgrade(held);
                assert!(
                    s.readers.fetch_add(1, Ordering::SeqCst) >= 0,
                    "beside a writer"
                );
                let out = Leave(&s.readers, 1);
                linger(random);
                drop(out);
                drop(held);
            }
        }
        3 => {
            let held = s.units.hold();
            assert!(s.in_units.fetch_add(1, Ordering::SeqCst) < 2, "too many");
            let out = Leave(&s.in_units, 1);
            linger(random);
            drop(out);
            drop(held);
        }
        4 => {
            let value = random.below(1000);
            if random.below(2) == 0 {
                if s.queue
                    .put_timeout(value, Duration::from_micros(random.below(200)))
                    .is_ok()
                {
                    s.put.fetch_add(value, Ordering::SeqCst);
                }
            } else if let Ok(value) = s
                .queue
                .get_timeout(Duration::from_micros(random.below(200)))
            {
                s.got.fetch_add(value, Ordering::SeqCst);
            }
        }
        _ => {
            let mut turns = s.turns.lock().unwrap();
            if random.below(3) == 0 {
                let limit = Duration::from_micros(random.below(300));
                turns = s.turn.wait_timeout(turns, limit).unwrap().0;
            }
            *turns += 1;
            drop(turns);
            match random.below(2) {
                0 => s.turn.notify_one(),
                _ => s.turn.notify_all(),
            }
        }
    }
}

fn work(s: &Arc<Shared>, seed: u64, rounds: u64) {
    let mut random = Random(seed * 7919 + 17);
    let mut workers = Vec::new();
    for round in 0..rounds {
        while workers.len() < 12 {
            let (s, mut random) = (
                s.clone(),
                Random(seed * 1_000_003 + round * 31 + workers.len() as u64 + 1),
            );
            workers.push(spawn(move || {
                for _ in 0..random.below(30) + 1 {
                    let limit = Duration::from_micros(random.below(400));
                    if random.below(3) > 0 {
                        step(&s, &mut random);
                    } else {
                        let _ = timeout(limit, || step(&s, &mut random));
                    }
                }
            }));
        }
        if random.below(3) == 0 {
            sleep(Duration::from_micros(random.below(200)));
        } else {
            yield_now();
        }
        let at = random.below(workers.len() as u64) as usize;
        let victim = workers.swap_remove(at);
        if random.below(2) == 0 {
            victim.kill();
        }
        if let Err(payload) = victim.join() {
            assert!(payload.is::<greenlet::GreenletExit>(), "a worker failed");
        }
    }
    for worker in workers {
        let _ = worker.join();
    }
}

#[test]
fn nothing_is_lost_or_held_twice() {
    let s = Arc::new(Shared {
        mutex: Mutex::new(()),
        in_mutex: AtomicBool::new(false),
        rw: RwLock::new(()),
        readers: AtomicI64::new(0),
        units: Semaphore::new(2),
        in_units: AtomicI64::new(0),
        queue: Queue::bounded(2),
        put: AtomicU64::new(0),
        got: AtomicU64::new(0),
        turns: Mutex::new(0),
        turn: Condvar::new(),
    });
    let rounds = match cfg!(debug_assertions) {
        true => 300,
        false => 4_000,
    };
    let threads: Vec<_> = (1..=4)
        .map(|seed| {
            let s = s.clone();
            thread::spawn(move || leak_checked(move || work(&s, seed, rounds)))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(s.mutex.try_lock().is_ok());
    assert!(s.rw.try_write().is_ok());
    assert_eq!(s.units.available(), 2);
    while let Ok(value) = s.queue.try_get() {
        s.got.fetch_add(value, Ordering::SeqCst);
    }
    assert_eq!(s.put.load(Ordering::SeqCst), s.got.load(Ordering::SeqCst));
}

/// Threads come and go with greenlets that wait on what others hand out.
#[test]
fn threads_that_end_lose_nothing_that_others_wait_for() {
    let units = Arc::new(Semaphore::new(0));
    let (sender, receiver) = mpsc::channel();
    let rounds = match cfg!(debug_assertions) {
        true => 100,
        false => 1_000,
    };
    let giver = {
        let units = units.clone();
        thread::spawn(move || {
            for round in 0..rounds {
                for _ in 0..8 {
                    units.release();
                }
                if round % 7 == 0 {
                    thread::yield_now();
                }
                while units.available() > 64 {
                    thread::yield_now();
                }
            }
        })
    };
    let takers: Vec<_> = (0..2)
        .map(|_| {
            let (units, sender) = (units.clone(), sender.clone());
            thread::spawn(move || {
                for _ in 0..rounds {
                    let (units, sender) = (units.clone(), sender.clone());
                    let thread = thread::spawn(move || {
                        for _ in 0..4 {
                            let (units, sender) = (units.clone(), sender.clone());
                            drop(spawn(move || {
                                units.acquire();
                                sender.send(()).unwrap();
                            }));
                        }
                        yield_now();
                        // What has not got one by now is killed.
                    });
                    thread.join().unwrap();
                }
            })
        })
        .collect();
    drop(sender);
    for taker in takers {
        taker.join().unwrap();
    }
    while !giver.is_finished() {
        while units.try_acquire() {}
        thread::yield_now();
    }
    let _ = receiver.try_iter().count();
}
