//! What Go's channels do, done by `greenlet::channel`: the behaviours of the language's specification, and its classical programs.
//!
//! | Go | here |
//! |---|---|
//! | `make(chan T)`, `make(chan T, n)` | `bounded(0)`, `bounded(n)` |
//! | a nil channel | `never()` |
//! | `close(c)` | dropping the last sender |
//! | `v, ok := <-c` | `c.recv()`, a `Result` |
//! | `for v := range c` | `for v in c` |
//! | `select` with `default` | the same |
//! | a send on a closed channel panics | there is no such send; one without receivers gives an error |

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use greenlet::channel::{
    Receiver, RecvError, SendError, Sender, after, bounded, never, select, unbounded,
};
use greenlet::{join_all, sleep, spawn, yield_now};

#[path = "../support/mod.rs"]
mod support;

mod allocation;

use support::leak_checked;

const SOON: Duration = Duration::from_millis(1);

/// Runs the same with no buffer, with little, and with much.
fn with_capacities(test: impl Fn(usize) + Send + Copy + 'static) {
    for capacity in [0, 1, 10, 100] {
        leak_checked(move || test(capacity));
    }
}

#[test]
fn a_receiver_blocks_until_something_is_sent() {
    with_capacities(|capacity| {
        let (s, r) = bounded(capacity);
        let received = Rc::new(Cell::new(false));
        let seen = received.clone();
        let receiver = spawn(move || {
            assert_eq!(r.recv(), Ok(()));
            seen.set(true);
        });
        yield_now();
        yield_now();
        assert!(!received.get());
        s.send(()).unwrap();
        receiver.join().unwrap();
        assert!(received.get());
    });
}

#[test]
fn a_sender_blocks_when_the_buffer_is_full() {
    with_capacities(|capacity| {
        let (s, r) = bounded(capacity);
        for n in 0..capacity {
            s.send(n).unwrap();
        }
        let sent = Rc::new(Cell::new(false));
        let seen = sent.clone();
        let sender = spawn(move || {
            s.send(capacity).unwrap();
            seen.set(true);
        });
        yield_now();
        yield_now();
        assert!(!sent.get());
        assert_eq!(r.recv(), Ok(0));
        sender.join().unwrap();
        assert!(sent.get());
        assert!(r.iter().eq(1..=capacity));
    });
}

#[test]
fn messages_keep_their_order() {
    with_capacities(|capacity| {
        let (s, r) = bounded(capacity);
        let sender = spawn(move || (0..100).for_each(|n| s.send(n).unwrap()));
        assert!(r.iter().eq(0..100));
        sender.join().unwrap();
    });
}

#[test]
fn close_wakes_whoever_receives() {
    with_capacities(|capacity| {
        let (s, r) = bounded::<i32>(capacity);
        let receivers: Vec<_> = (0..5)
            .map(|_| {
                let r = r.clone();
                spawn(move || r.recv())
            })
            .collect();
        yield_now();
        drop(s);
        for result in join_all(receivers) {
            assert_eq!(result.unwrap(), Err(RecvError));
        }
        assert_eq!(r.recv(), Err(RecvError), "and for ever");
    });
}

#[test]
fn what_was_sent_before_close_is_received_after() {
    leak_checked(|| {
        let (s, r) = bounded(10);
        for n in 0..10 {
            s.send(n).unwrap();
        }
        drop(s);
        assert_eq!(r.len(), 10);
        for n in 0..10 {
            assert_eq!(r.recv(), Ok(n));
        }
        assert_eq!(r.recv(), Err(RecvError));
    });
}

#[test]
fn a_channel_is_closed_when_no_clone_of_the_sender_is_left() {
    leak_checked(|| {
        let (s, r) = bounded::<i32>(0);
        let other = s.clone();
        drop(s);
        let receiver = spawn(move || r.recv());
        yield_now();
        assert!(!receiver.is_finished());
        drop(other);
        assert_eq!(receiver.join().unwrap(), Err(RecvError));
    });
}

#[test]
fn a_send_that_nobody_can_receive_gives_the_message_back() {
    with_capacities(|capacity| {
        let (s, r) = bounded(capacity);
        drop(r);
        assert_eq!(s.send(1), Err(SendError(1)));
        select! {
            send(s, 2) -> result => assert_eq!(result, Err(SendError(2))),
            default => panic!("it is ready, with an error"),
        }
    });
}

#[test]
fn a_nil_channel_is_never_ready() {
    leak_checked(|| {
        let nil = never::<i32>();
        select! {
            recv(nil) -> _ => panic!("a message from nowhere"),
            default => {}
        }
        select! {
            recv(nil) -> _ => panic!("a message from nowhere"),
            recv(after(SOON)) -> _ => {}
        }
        let waiting = spawn(move || nil.recv());
        yield_now();
        assert!(!waiting.is_finished());
        waiting.kill();
        assert!(waiting.join().is_err());
    });
}

#[test]
fn setting_a_channel_to_nil_takes_it_out_of_a_select() {
    leak_checked(|| {
        let ((s1, mut r1), (s2, mut r2)) = (bounded(0), bounded(0));
        drop(spawn(move || (0..3).for_each(|n| s1.send(n).unwrap())));
        drop(spawn(move || (10..15).for_each(|n| s2.send(n).unwrap())));
        let (mut open, mut sum) = (2, 0);
        while open > 0 {
            select! {
                recv(r1) -> message => match message {
                    Ok(message) => sum += message,
                    Err(RecvError) => (r1, open) = (never(), open - 1),
                },
                recv(r2) -> message => match message {
                    Ok(message) => sum += message,
                    Err(RecvError) => (r2, open) = (never(), open - 1),
                },
            }
        }
        assert_eq!(sum, 3 + 60);
    });
}

#[test]
fn select_with_default_does_not_wait() {
    with_capacities(|capacity| {
        let (s, r) = bounded(capacity);
        for n in 0..capacity {
            select! {
                send(s, n) -> result => result.unwrap(),
                default => panic!("there is room"),
            }
        }
        select! {
            send(s, capacity) -> _ => panic!("there is no room"),
            default => {}
        }
        for n in 0..capacity {
            select! {
                recv(r) -> message => assert_eq!(message, Ok(n)),
                default => panic!("there is a message"),
            }
        }
        select! {
            recv(r) -> _ => panic!("there is no message"),
            default => {}
        }
    });
}

#[test]
fn select_is_fair() {
    with_capacities(|capacity| {
        let [(s1, r1), (s2, r2)] = [(); 2].map(|()| bounded(capacity));
        let senders = [s1, s2].map(|s| spawn(move || while s.send(()).is_ok() {}));
        yield_now();
        let mut counts = [0; 2];
        for _ in 0..10_000 {
            select! {
                recv(r1) -> message => counts[0] += i32::from(message.is_ok()),
                recv(r2) -> message => counts[1] += i32::from(message.is_ok()),
            }
        }
        assert_eq!(counts[0] + counts[1], 10_000);
        assert!(counts.iter().all(|count| *count > 1000), "{counts:?}");
        drop((r1, r2));
        join_all(senders);
    });
}

#[test]
fn the_daisy_chain() {
    leak_checked(|| {
        const LINKS: i32 = 1000;
        let (first, leftmost) = bounded(0);
        let mut left = first;
        let mut links = Vec::new();
        for _ in 0..LINKS {
            let (s, r) = bounded(0);
            links.push(spawn(move || left.send(1 + r.recv().unwrap()).unwrap()));
            left = s;
        }
        links.push(spawn(move || left.send(1).unwrap()));
        assert_eq!(leftmost.recv(), Ok(LINKS + 1));
        for result in join_all(links) {
            result.unwrap();
        }
    });
}

#[test]
fn ping_pong_round_a_ring_of_a_thousand() {
    leak_checked(|| {
        let (first, mut from) = bounded::<u32>(1);
        let mut players = Vec::new();
        for _ in 0..1000 {
            let (s, r) = bounded(1);
            players.push(spawn(move || {
                for n in from {
                    s.send(n + 1).unwrap();
                }
            }));
            from = r;
        }
        let mut ball = 0;
        for _ in 0..10 {
            first.send(ball).unwrap();
            ball = from.recv().unwrap();
        }
        drop(first);
        assert_eq!(ball, 10_000);
        for result in join_all(players) {
            result.unwrap();
        }
    });
}

/// Everything but what `prime` divides.
fn filter(prime: u32, candidates: Receiver<u32>, left: Sender<u32>) {
    for n in candidates {
        if n % prime != 0 && left.send(n).is_err() {
            return;
        }
    }
}

#[test]
fn the_prime_sieve() {
    with_capacities(|capacity| {
        let (s, mut candidates) = bounded(capacity);
        let mut stages = vec![spawn(move || {
            let mut candidates = 2..;
            while s.send(candidates.next().unwrap()).is_ok() {}
        })];
        let mut primes = Vec::new();
        for _ in 0..100 {
            let prime = candidates.recv().unwrap();
            primes.push(prime);
            let (s, r) = bounded(capacity);
            stages.push(spawn(move || filter(prime, candidates, s)));
            candidates = r;
        }
        assert_eq!(primes[..10], [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
        assert_eq!(primes[99], 541);
        assert!(primes.is_sorted());
        drop(candidates);
        for result in join_all(stages) {
            result.unwrap();
        }
    });
}

#[test]
fn fibonacci_until_quit() {
    leak_checked(|| {
        let ((s, r), (quits, quit)) = (bounded(0), bounded(0));
        let reader = spawn(move || {
            let numbers: Vec<_> = r.iter().take(10).collect();
            quits.send(()).unwrap();
            numbers
        });
        let (mut x, mut y) = (0, 1);
        loop {
            select! {
                send(s, x) -> result => {
                    result.unwrap();
                    (x, y) = (y, x + y);
                }
                recv(quit) -> _ => break,
            }
        }
        assert_eq!(reader.join().unwrap(), [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]);
    });
}

#[test]
fn producers_and_consumers_until_quit() {
    with_capacities(|capacity| {
        let (s, r) = bounded(capacity);
        let (stop, quit) = bounded::<()>(0);
        let sent = Rc::new(Cell::new(0_u64));
        let producers: Vec<_> = (0..5)
            .map(|k| {
                let (s, quit, sent) = (s.clone(), quit.clone(), sent.clone());
                spawn(move || {
                    for n in (k..).step_by(5) {
                        select! {
                            send(s, n) -> result => {
                                result.unwrap();
                                sent.set(sent.get() + n);
                            }
                            recv(quit) -> _ => break,
                        }
                    }
                })
            })
            .collect();
        drop((s, quit));
        let received = Rc::new(RefCell::new(vec![0; 3]));
        let consumers: Vec<_> = (0..3)
            .map(|k| {
                let (r, received) = (r.clone(), received.clone());
                spawn(move || {
                    for n in r {
                        received.borrow_mut()[k] += n;
                        yield_now();
                    }
                })
            })
            .collect();
        for _ in 0..100 {
            yield_now();
        }
        drop(stop);
        for result in join_all(producers).into_iter().chain(join_all(consumers)) {
            result.unwrap();
        }
        assert!(sent.get() > 0);
        assert_eq!(received.borrow().iter().sum::<u64>(), sent.get());
    });
}

#[test]
fn a_semaphore_made_of_a_channel() {
    leak_checked(|| {
        let (enter, leave) = bounded(3);
        let inside = Rc::new(Cell::new((0, 0)));
        let workers: Vec<_> = (0..10)
            .map(|_| {
                let (enter, leave, inside) = (enter.clone(), leave.clone(), inside.clone());
                spawn(move || {
                    enter.send(()).unwrap();
                    let (now, most) = inside.get();
                    inside.set((now + 1, most.max(now + 1)));
                    yield_now();
                    inside.set((inside.get().0 - 1, inside.get().1));
                    leave.recv().unwrap();
                })
            })
            .collect();
        join_all(workers);
        assert_eq!(inside.get(), (0, 3));
    });
}

#[test]
fn fan_in_of_timed_sources() {
    leak_checked(|| {
        let (s, r) = unbounded();
        for source in 0..3_u32 {
            let s = s.clone();
            let source = spawn(move || {
                for n in 0..5_u32 {
                    sleep(SOON * (source + 1));
                    s.send((source, n)).unwrap();
                }
            });
            drop(source);
        }
        drop(s);
        let mut next = [0; 3];
        for (source, n) in r {
            assert_eq!(next[source as usize], n, "each source in order");
            next[source as usize] += 1;
        }
        assert_eq!(next, [5; 3]);
    });
}

#[test]
fn a_channel_of_channels() {
    leak_checked(|| {
        let (requests, inbox) = bounded::<(i32, Sender<i32>)>(0);
        let server = spawn(move || {
            for (n, reply) in inbox {
                reply.send(n * n).unwrap();
            }
        });
        for n in 0..10 {
            let (s, r) = bounded(0);
            requests.send((n, s)).unwrap();
            assert_eq!(r.recv(), Ok(n * n));
        }
        drop(requests);
        server.join().unwrap();
    });
}

#[test]
fn a_pipeline_over_threads() {
    with_capacities(|capacity| {
        let ((s, r), (squares, sums)) = (bounded(capacity), bounded(capacity));
        let stage = thread::spawn(move || {
            let workers = (0..4).map(|_| {
                let (r, squares) = (r.clone(), squares.clone());
                spawn(move || r.iter().for_each(|n: u64| squares.send(n * n).unwrap()))
            });
            for result in join_all(workers) {
                result.unwrap();
            }
        });
        let sink = thread::spawn(move || sums.iter().sum::<u64>());
        (0..1000).for_each(|n| s.send(n).unwrap());
        drop(s);
        stage.join().unwrap();
        assert_eq!(sink.join().unwrap(), (0..1000).map(|n| n * n).sum());
    });
}
