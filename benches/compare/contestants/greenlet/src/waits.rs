//! Greenlets that wait: for each other, for a lock, for a moment, for an event, for their end.

use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use greenlet::channel::bounded;
use greenlet::event::Event;
use greenlet::sync::Mutex;
use greenlet::{
    JoinHandle, join_all, kill_all, sleep_until, spawn, spawn_later, timeout, wait_all, yield_now,
};
use measure::{Lap, Sleepers, calibrate, print_ns, time};

/// More than it takes one to be spawned and to fall asleep, a fresh page of memory included.
const TO_FALL_ASLEEP: Duration = Duration::from_micros(10);

pub(crate) fn channel() {
    let (there, in_there) = bounded::<u64>(1);
    let (back, from_there) = bounded(1);
    drop(spawn(move || {
        for message in in_there {
            back.send(message).expect("somebody receives");
        }
    }));
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

/// What is pending are greenlets that are to start in an hour; what is armed and cancelled is a limit to what takes no time.
pub(crate) fn timer(n: usize) {
    let hour = Duration::from_secs(3600);
    let limit = Duration::from_secs(30);
    let _pending: Vec<_> = (0..n).map(|_| spawn_later(hour, || ())).collect();
    print_ns(calibrate(1, |rounds| {
        time(rounds, || {
            timeout(limit, || black_box(())).expect("is quick");
        })
    }));
}

pub(crate) fn sleepers(n: usize) {
    let sleepers = Sleepers::start(n, TO_FALL_ASLEEP);
    let due = sleepers.due();
    let counted = Rc::new(Lap::of(n));
    let handles: Vec<_> = (0..n)
        .map(|_| {
            let counted = counted.clone();
            spawn(move || {
                counted.done();
                sleep_until(due);
            })
        })
        .collect();
    // A turn for all.
    yield_now();
    assert_eq!(counted.left(), 0, "some do not sleep");
    let asleep = sleepers.asleep();
    for result in join_all(handles) {
        result.expect("returns");
    }
    asleep.joined();
}

/// So many that wait at an event, and then say that they have run.
fn waiters(n: usize, event: &Rc<Event>, lap: &Rc<Lap>) -> Vec<JoinHandle<()>> {
    let arrived = Rc::new(Lap::of(n));
    let handles = (0..n)
        .map(|_| {
            let (event, arrived, lap) = (event.clone(), arrived.clone(), lap.clone());
            spawn(move || {
                arrived.done();
                event.wait();
                lap.done();
            })
        })
        .collect();
    // A turn for all.
    yield_now();
    assert_eq!(arrived.left(), 0, "some do not wait");
    handles
}

pub(crate) fn fanout(n: usize) {
    let once = |_| {
        let (event, lap) = (Rc::new(Event::new()), Rc::new(Lap::of(n)));
        let handles = waiters(n, &event, &lap);
        lap.begin();
        event.set();
        wait_all(&handles);
        lap.took()
    };
    print_ns(calibrate(n, |rounds| (0..rounds).map(once).sum()));
}

pub(crate) fn kill(n: usize) {
    let once = |_| {
        let (event, lap) = (Rc::new(Event::new()), Rc::new(Lap::of(n)));
        let handles = waiters(n, &event, &lap);
        let took = time(1, || kill_all(&handles));
        assert_eq!(lap.left(), n, "some have gone on");
        took
    };
    print_ns(calibrate(n, |rounds| (0..rounds).map(once).sum()));
}
