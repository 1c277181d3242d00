//! What a message costs: there and back between two greenlets, in a stream, and with nobody at the other end. Beside two switches, and beside
//! a lock of std's taken and given back, which tells how slow atomics are on the machine.

mod support;

use std::hint::black_box;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use greenlet::queue::Queue;
use greenlet::sync::mpsc;
use greenlet::{JoinHandle, channel, spawn, yield_now};
use support::{Bench, RawRing, Target, time};

fn main() {
    let bench = Bench::new("channel");
    atomics(&bench);
    there_and_back(&bench, "unbounded", pair(channel::unbounded));
    there_and_back(&bench, "bounded(1)", pair(|| channel::bounded(1)));
    there_and_back(&bench, "bounded(0)", pair(|| channel::bounded(0)));
    there_and_back(&bench, "sync::mpsc", pair(mpsc::channel));
    there_and_back(&bench, "Queue", pair(queue));
    free(&bench);
    stream(&bench, "unbounded", channel::unbounded());
    stream(&bench, "bounded(64)", channel::bounded(64));
}

/// An end that takes messages.
trait Sends: 'static {
    fn put(&self, message: u64);
}

/// An end that gives them.
trait Receives: 'static {
    fn get(&self) -> u64;
}

impl Sends for channel::Sender<u64> {
    #[inline(always)]
    fn put(&self, message: u64) {
        self.send(message).expect("somebody receives");
    }
}

impl Receives for channel::Receiver<u64> {
    #[inline(always)]
    fn get(&self) -> u64 {
        self.recv().expect("somebody sends")
    }
}

impl Sends for mpsc::Sender<u64> {
    #[inline(always)]
    fn put(&self, message: u64) {
        self.send(message).expect("somebody receives");
    }
}

impl Receives for mpsc::Receiver<u64> {
    #[inline(always)]
    fn get(&self) -> u64 {
        self.recv().expect("somebody sends")
    }
}

impl Sends for &'static Queue<u64> {
    #[inline(always)]
    fn put(&self, message: u64) {
        Queue::put(self, message).expect("is open");
    }
}

impl Receives for &'static Queue<u64> {
    #[inline(always)]
    fn get(&self) -> u64 {
        Queue::get(self).expect("is open")
    }
}

fn queue() -> (&'static Queue<u64>, &'static Queue<u64>) {
    let queue = &*Box::leak(Box::new(Queue::new()));
    (queue, queue)
}

fn pair<T>(mut make: impl FnMut() -> T) -> (T, T) {
    (make(), make())
}

/// Not a figure of ours: two locks beside two switches, which are no atomics at all.
fn atomics(bench: &Bench) {
    let lock = Mutex::new(0_u64);
    let mut raw = RawRing::new(2);
    bench.compare(
        "std's Mutex: lock + unlock",
        Target::None,
        1_000_000,
        |n| time(n, || *black_box(&lock).lock().expect("well") += 1),
        "two switches, bare",
        |n| time(n, || raw.run(2)),
    );
}

fn there_and_back<S: Sends, R: Receives>(bench: &Bench, kind: &str, ends: ((S, R), (S, R))) {
    let name = format!("there and back, {kind}");
    if !bench.is_asked_for(&name) {
        return;
    }
    let ((there, in_there), (back, from_there)) = ends;
    let echo = spawn(move || {
        loop {
            back.put(in_there.get());
        }
    });
    yield_now();
    let mut raw = RawRing::new(2);
    bench.compare(
        &name,
        Target::Nanoseconds(80.0),
        200_000,
        |n| {
            time(n, || {
                there.put(1);
                black_box(from_there.get());
            })
        },
        "two switches, bare",
        |n| time(n, || raw.run(2)),
    );
    end(&echo);
}

/// Each message is received by whoever sent it, so nobody waits.
fn free(bench: &Bench) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let std = move |n| {
        time(n, || {
            sender.send(1).expect("somebody receives");
            black_box(receiver.recv().expect("somebody sends"));
        })
    };
    alone(bench, "unbounded", channel::unbounded(), &std);
    alone(bench, "bounded(1)", channel::bounded(1), &std);
    alone(bench, "sync::mpsc", mpsc::channel(), &std);
    alone(bench, "Queue", queue(), &std);
}

fn alone<S: Sends, R: Receives>(
    bench: &Bench,
    kind: &str,
    (sender, receiver): (S, R),
    std: &dyn Fn(u64) -> Duration,
) {
    bench.compare(
        &format!("nobody waits: send + recv, {kind}"),
        Target::None,
        500_000,
        |n| {
            time(n, || {
                sender.put(1);
                black_box(receiver.get());
            })
        },
        "std's mpsc",
        std,
    );
}

/// A greenlet sends as fast as it may; unbounded it lets the other one have a turn after so many.
fn stream<S, R>(bench: &Bench, kind: &str, (sender, receiver): (S, R))
where
    S: Sends,
    R: Receives,
{
    const IN_A_ROW: u64 = 64;
    let name = format!("a stream, {kind}");
    if !bench.is_asked_for(&name) {
        return;
    }
    let yields = kind == "unbounded";
    let source = spawn(move || {
        for n in 1.. {
            sender.put(n);
            if yields && n % IN_A_ROW == 0 {
                yield_now();
            }
        }
    });
    let (there, back) = std::sync::mpsc::channel();
    bench.compare(
        &name,
        Target::None,
        500_000,
        |n| {
            let start = Instant::now();
            for _ in 0..n {
                black_box(receiver.get());
            }
            start.elapsed()
        },
        "std's mpsc, 64 at a time, one thread",
        |n| {
            let start = Instant::now();
            for _ in 0..n.div_ceil(IN_A_ROW) {
                for message in 0..IN_A_ROW {
                    there.send(message).expect("somebody receives");
                }
                for _ in 0..IN_A_ROW {
                    black_box(back.recv().expect("somebody sends"));
                }
            }
            start.elapsed()
        },
    );
    end(&source);
}

fn end(greenlet: &JoinHandle<()>) {
    greenlet.kill();
    greenlet.wait();
}
