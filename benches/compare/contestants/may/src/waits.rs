//! Coroutines that wait: for each other, for a lock, for a moment, for a flag, for their end.

use std::hint::black_box;
use std::panic;
use std::sync::Arc;
use std::time::{Duration, Instant};

use may::coroutine::{JoinHandle, sleep};
use may::go;
use may::sync::spsc;
use may::sync::{Mutex, SyncFlag};
use measure::{Lap, Sleepers, calibrate, print_ns, time};

/// More than it takes one to be spawned and to fall asleep, its two mappings included.
const TO_FALL_ASLEEP: Duration = Duration::from_micros(200);

/// There are no channels of one place. One message at a time is on its way, so no more places are ever used.
pub(crate) fn channel() {
    let (there, in_there) = spsc::channel::<u64>();
    let (back, from_there) = spsc::channel();
    go!(move || {
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

/// Tells when the last one has come. Nobody can yield until then: those that are spawned are not looked at while any other can run.
struct Arrivals {
    expected: Lap,
    all: SyncFlag,
}

impl Arrivals {
    fn of(count: usize) -> Arc<Self> {
        let (expected, all) = (Lap::of(count), SyncFlag::new());
        Arc::new(Arrivals { expected, all })
    }

    fn one_more(&self) {
        self.expected.done();
        if self.expected.left() == 0 {
            self.all.fire();
        }
    }
}

/// may keeps a list for each different duration. So they sleep for whole milliseconds, up to one longer than until the instant.
pub(crate) fn sleepers(n: usize) {
    let sleepers = Sleepers::start(n, TO_FALL_ASLEEP);
    let due = sleepers.due();
    let counted = Arrivals::of(n);
    let handles: Vec<_> = (0..n)
        .map(|_| {
            let counted = counted.clone();
            go!(move || {
                counted.one_more();
                let left = due.saturating_duration_since(Instant::now());
                let millis = left.as_millis() as u64 + 1;
                sleep(Duration::from_millis(millis));
            })
        })
        .collect();
    counted.all.wait();
    let asleep = sleepers.asleep();
    for handle in handles {
        handle.join().expect("returns");
    }
    asleep.joined();
}

/// So many that wait for one flag, and then say that they have run. Their end falls into the time that is measured, so may is asked to keep
/// as many stacks as there are; otherwise it unmaps all but 1000.
fn waiters(n: usize, flag: &Arc<SyncFlag>, lap: &Arc<Lap>) -> Vec<JoinHandle<()>> {
    may::config().set_pool_capacity(n.max(1000));
    let arrived = Arrivals::of(n);
    let handles = (0..n)
        .map(|_| {
            let (flag, arrived, lap) = (flag.clone(), arrived.clone(), lap.clone());
            go!(move || {
                arrived.one_more();
                flag.wait();
                lap.done();
            })
        })
        .collect();
    arrived.all.wait();
    handles
}

pub(crate) fn fanout(n: usize) {
    let once = |_| {
        let (flag, lap) = (Arc::new(SyncFlag::new()), Arc::new(Lap::of(n)));
        let handles = waiters(n, &flag, &lap);
        lap.begin();
        flag.fire();
        for handle in handles {
            handle.join().expect("returns");
        }
        lap.took()
    };
    print_ns(calibrate(n, |rounds| (0..rounds).map(once).sum()));
}

/// A cancelled coroutine panics; the hook is silenced, or it would print a line for each.
pub(crate) fn kill(n: usize) {
    panic::set_hook(Box::new(|_| ()));
    let once = |_| {
        let (flag, lap) = (Arc::new(SyncFlag::new()), Arc::new(Lap::of(n)));
        let handles = waiters(n, &flag, &lap);
        let start = Instant::now();
        cancel_all(handles);
        start.elapsed()
    };
    print_ns(calibrate(n, |rounds| (0..rounds).map(once).sum()));
}

#[allow(unsafe_code)]
fn cancel_all(handles: Vec<JoinHandle<()>>) {
    for handle in &handles {
        // SAFETY: what is on its stack may be dropped at any time.
        unsafe { handle.coroutine().cancel() };
    }
    for handle in handles {
        assert!(handle.join().is_err(), "has gone on");
    }
}
