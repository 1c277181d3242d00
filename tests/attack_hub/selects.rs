//! Selects of both ends of a channel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::GreenletExit;
use greenlet::channel::{Receiver, Select, Sender, bounded};

use crate::support::leak_checked;

/// While a select looks, it waits for a promise, which is broken; and a receiver comes at an end that it has looked at already.
#[test]
fn a_select_of_both_ends_meets_a_receiver_that_came_while_it_looked() {
    leak_checked(|| {
        greenlet::__simulate();
        let (sender, receiver) = bounded::<u32>(0);
        let (promising, promised) = bounded::<u32>(0);
        let breaker = greenlet::spawn(move || {
            let mut select = Select::new();
            select.send(&promising);
            drop(select.select());
            greenlet::sleep(Duration::from_millis(200)); // the other end stays
        });
        greenlet::yield_now(); // it would send
        let theirs = receiver.clone();
        let selects = greenlet::spawn(move || {
            let mut select = Select::new_biased();
            let send = select.send(&sender);
            select.recv(&promised);
            select.recv(&receiver);
            let operation = select.select();
            if operation.index() == send {
                operation.send(&sender, 7).unwrap();
            }
        });
        // It comes between the select's first look and the breaker.
        let other = greenlet::spawn(move || theirs.recv());
        let met = other.wait_timeout(Duration::from_millis(50));
        selects.kill();
        breaker.kill();
        greenlet::wait_all([&breaker]);
        greenlet::wait_all([&selects]);
        assert!(met, "a sender and a receiver wait for each other");
        assert_eq!(other.join().unwrap(), Ok(7));
    });
}

/// What was sent and what was received.
#[derive(Default)]
struct Ledger {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Ledger {
    fn sent(&self, value: u64) {
        self.sent.fetch_add(value, Ordering::SeqCst);
    }

    fn received(&self, value: u64) {
        self.received.fetch_add(value, Ordering::SeqCst);
    }
}

type Ends = (Sender<u64>, Receiver<u64>);

fn send_or_receive(way: u64, value: u64, a: &Ends, b: &Ends, ledger: &Ledger) {
    let limit = Duration::from_micros(value % 150);
    match way {
        0 => {
            if a.0.send_timeout(value, limit).is_ok() {
                ledger.sent(value);
            }
        }
        1 => {
            if let Ok(value) = b.1.recv_timeout(limit) {
                ledger.received(value);
            }
        }
        2 => {
            if let Ok(value) = a.1.try_recv() {
                ledger.received(value);
            }
        }
        3 => {
            let mut select = Select::new();
            select.recv(&a.1);
            if select.ready_timeout(limit).is_ok()
                && let Ok(value) = a.1.try_recv()
            {
                ledger.received(value);
            }
        }
        _ => {
            let mut select = Select::new();
            let sends = select.send(&a.0);
            select.recv(&b.1);
            let Ok(operation) = select.select_timeout(limit) else {
                return;
            };
            match value % 5 {
                0 => drop(operation),
                1 => {
                    greenlet::yield_now();
                    drop(operation);
                }
                _ if operation.index() == sends => {
                    if value.is_multiple_of(2) {
                        greenlet::yield_now();
                    }
                    operation.send(&a.0, value).unwrap();
                    ledger.sent(value);
                }
                _ => {
                    ledger.received(operation.recv(&b.1).unwrap());
                }
            }
        }
    }
}

fn trade(seed: u64, a: &Ends, b: &Ends, ledger: &Arc<Ledger>, rounds: u64) {
    let mut random = seed;
    let mut below = move |n: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % n
    };
    for _ in 0..rounds {
        let traders: Vec<_> = (0..6)
            .map(|_| {
                let (a, b, ledger) = (a.clone(), b.clone(), ledger.clone());
                let (way, value, kind) = (below(6), below(1000), below(4));
                greenlet::spawn(move || {
                    let (a, b) = if kind < 2 { (a, b) } else { (b, a) };
                    for n in 0..4 {
                        send_or_receive((way + n) % 6, value + n, &a, &b, &ledger);
                    }
                })
            })
            .collect();
        greenlet::sleep(Duration::from_micros(below(100)));
        for trader in traders {
            if below(3) == 0 {
                trader.kill();
            }
            if let Err(payload) = trader.join() {
                assert!(payload.is::<GreenletExit>(), "a trader failed");
            }
        }
    }
}

#[test]
fn selects_of_several_threads_lose_no_message_and_make_none() {
    let rounds = match cfg!(debug_assertions) {
        true => 100,
        false => 2_000,
    };
    for capacity in [0, 1, 3] {
        let (a, b) = (bounded(capacity), bounded(capacity));
        let ledger = Arc::new(Ledger::default());
        let threads: Vec<_> = (1..=3)
            .map(|seed| {
                let (a, b, ledger) = (a.clone(), b.clone(), ledger.clone());
                let life = move || trade(seed * 7919, &a, &b, &ledger, rounds);
                thread::spawn(|| leak_checked(life))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        for (_, receiver) in [&a, &b] {
            for value in receiver.try_iter() {
                ledger.received(value);
            }
        }
        let sent = ledger.sent.load(Ordering::SeqCst);
        assert_eq!(sent, ledger.received.load(Ordering::SeqCst), "{capacity}");
    }
}
