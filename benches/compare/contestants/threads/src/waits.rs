//! Threads that wait: for each other, for a lock, for a moment, for a condition.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, yield_now};
use std::time::{Duration, Instant};

use measure::{Sleepers, calibrate, print_ns, time};

/// More than it takes one to be spawned and to fall asleep.
const TO_FALL_ASLEEP: Duration = Duration::from_micros(200);

pub(crate) fn channel() {
    let (there, in_there) = sync_channel::<u64>(1);
    let (back, from_there) = sync_channel(1);
    thread::spawn(move || {
        for message in in_there {
            back.send(message).expect("somebody receives");
        }
    });
    print_ns(calibrate(1, |rounds| {
        time(rounds, || {
            there.send(black_box(7)).expect("somebody receives");
            black_box(from_there.recv().expect("somebody sends"));
        })
    }));
}

pub(crate) fn mutex() {
    let mutex = Mutex::new(0_u64);
    print_ns(calibrate(1, |rounds| {
        time(rounds, || *black_box(&mutex).lock().expect("well") += 1)
    }));
}

pub(crate) fn sleepers(n: usize) {
    let sleepers = Sleepers::start(n, TO_FALL_ASLEEP);
    let due = sleepers.due();
    let counted = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (0..n)
        .map(|_| {
            let counted = counted.clone();
            thread::spawn(move || {
                counted.fetch_add(1, Ordering::Relaxed);
                thread::sleep(due.saturating_duration_since(Instant::now()));
            })
        })
        .collect();
    while counted.load(Ordering::Relaxed) < n {
        yield_now();
    }
    let asleep = sleepers.asleep();
    for handle in handles {
        handle.join().expect("returns");
    }
    asleep.joined();
}

/// What many wait for.
#[derive(Default)]
struct Event {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    is_set: bool,
}

impl Event {
    fn wait(&self) {
        let mut state = self.state.lock().expect("well");
        state.waiting += 1;
        let woken = self.changed.wait_while(state, |state| !state.is_set);
        drop(woken.expect("well"));
    }

    fn set(&self) {
        self.state.lock().expect("well").is_set = true;
        self.changed.notify_all();
    }

    fn waiting(&self) -> usize {
        self.state.lock().expect("well").waiting
    }
}

pub(crate) fn fanout(n: usize) {
    let once = |_| {
        let event = Arc::new(Event::default());
        let handles: Vec<_> = (0..n)
            .map(|_| {
                let event = event.clone();
                thread::spawn(move || {
                    event.wait();
                    Instant::now()
                })
            })
            .collect();
        while event.waiting() < n {
            yield_now();
        }
        let start = Instant::now();
        event.set();
        let ran = handles.into_iter().map(|one| one.join().expect("returns"));
        ran.max().expect("there is one") - start
    };
    print_ns(calibrate(n, |rounds| (0..rounds).map(once).sum()));
}
