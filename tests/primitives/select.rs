//! `channel::select!` and `channel::Select`.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use greenlet::channel::{
    Receiver, RecvError, RecvTimeoutError, Select, SendError, Sender, TryRecvError, after, bounded,
    never, select, tick, unbounded,
};
use greenlet::{join_all, sleep, spawn, timeout, yield_now};

use crate::support::{Token, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn smoke() {
    leak_checked(|| {
        let ((s1, r1), (s2, r2)) = (unbounded(), bounded(0));
        s1.send(1).unwrap();
        let got = select! {
            recv(r1) -> message => message,
            recv(r2) -> message => message,
        };
        assert_eq!(got, Ok(1));
        let sender = spawn(move || s2.send(2));
        let got = select! {
            recv(r1) -> message => message,
            recv(r2) -> message => message,
        };
        assert_eq!(got, Ok(2));
        assert_eq!(sender.join().unwrap(), Ok(()));
        let receiver = spawn(move || r1.recv());
        select! {
            recv(r2) -> message => assert_eq!(message, Err(RecvError)),
            recv(never::<i32>()) -> _ => unreachable!(),
        }
        select! { send(s1, 3) -> result => assert_eq!(result, Ok(())) }
        assert_eq!(receiver.join().unwrap(), Ok(3));
        assert_eq!(
            select! { send(s1, 4) -> result => result },
            Err(SendError(4))
        );
    });
}

#[test]
fn the_macro_takes_what_crossbeams_does() {
    fn inner(r: &Receiver<i32>, s: &Sender<i32>) -> Result<i32, RecvError> {
        loop {
            select! {
                recv(r) -> message => {
                    let message = message?;
                    if message == 0 {
                        continue;
                    }
                    break Ok(message);
                }
                send(s, match r.len() { 0 => return Ok(-1), _ => 5 }) -> _ => {}
                default(HOUR,) => return Ok(-2),
            }
        }
    }
    leak_checked(|| {
        let (s, r) = unbounded();
        let (full, _kept) = bounded(0);
        s.send(0).unwrap();
        s.send(7).unwrap();
        assert_eq!(inner(&r, &full), Ok(7));
        let (room, left) = bounded(1);
        assert_eq!(inner(&never(), &room), Ok(-1));
        assert!(left.is_empty() && !room.is_full(), "the room is free again");

        let owner = (s, r);
        let text = String::from("moved in one arm only");
        let (texts, _kept) = unbounded();
        select! {
            recv(&owner.1) -> _ => drop(text),
            send(texts, text,) -> result => result.unwrap(),
        }
        assert_eq!(texts.len(), 1);
        assert_eq!(select! { default => 1 }, 1);
        assert_eq!(select! { default() => { 2 } }, 2);
        select! { recv(after(SOON)) -> _ => (), }
        let mut r = owner.1;
        drop(owner.0);
        select! {
            default => unreachable!(),
            recv(r) -> message => {
                assert_eq!(message, Err(RecvError));
                r = never();
            }
        }
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn a_message_is_evaluated_only_if_it_is_sent() {
    leak_checked(|| {
        let evaluated = Cell::new(0);
        let count = || evaluated.set(evaluated.get() + 1);
        let (s, r) = bounded(0);
        select! {
            send(s, count()) -> _ => unreachable!(),
            default => {}
        }
        select! {
            send(s, count()) -> _ => unreachable!(),
            default(SOON) => {}
        }
        assert_eq!(evaluated.get(), 0);
        let receiver = spawn(move || r.recv());
        select! { send(s, count()) -> result => assert_eq!(result, Ok(())) }
        assert_eq!(evaluated.get(), 1);
        assert_eq!(receiver.join().unwrap(), Ok(()));
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let (s, r) = bounded(1);
        let mut select = Select::new();
        let receive = select.recv(&r);
        assert!(select.try_select().is_err() && select.try_ready().is_err());
        let send = select.send(&s);
        assert_eq!((receive, send), (0, 1));
        assert_eq!(select.try_ready(), Ok(send));
        let operation = select.try_select().unwrap();
        assert_eq!(operation.index(), send);
        assert_eq!(operation.send(&s, 5), Ok(()));
        let operation = select.try_select().unwrap();
        assert_eq!(operation.index(), receive);
        assert_eq!(operation.recv(&r), Ok(5));
        select.remove(send);
        assert!(select.try_select().is_err());
        let nothing = catch_unwind(AssertUnwindSafe(|| drop(Select::new().select())));
        assert!(nothing.is_err());
    });
}

#[test]
fn a_rendezvous_with_a_select_that_waits_to_send_is_not_missed_by_try_recv() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        let sender = spawn(move || select! { send(s, 1) -> result => result });
        yield_now();
        assert_eq!(r.try_recv(), Ok(1));
        assert_eq!(sender.join().unwrap(), Ok(()));
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let ((s, r), (_kept, other)) = (unbounded(), unbounded::<i32>());
        let order = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..5)
            .map(|n| {
                let (r, other, order) = (r.clone(), other.clone(), order.clone());
                spawn(move || {
                    let message = select! {
                        recv(other) -> message => message,
                        recv(r) -> message => message,
                    };
                    order.borrow_mut().push((n, message.unwrap()));
                })
            })
            .collect();
        yield_now();
        for n in 0..5 {
            s.send(n).unwrap();
        }
        assert!(r.is_empty(), "each belongs to somebody");
        join_all(handles);
        assert_eq!(*order.borrow(), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let (s, r) = bounded::<i32>(0);
        let began = Instant::now();
        let mut select = Select::new();
        select.recv(&r);
        select.send(&s);
        assert!(select.select_timeout(SOON).is_err());
        assert!(select.select_deadline(began).is_err());
        assert!(select.ready_timeout(SOON).is_err());
        assert!(began.elapsed() >= 2 * SOON);
        assert!(timeout(SOON, || drop(select.select())).is_err());
        assert_eq!(r.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
        let sender =
            spawn(move || select! { send(s, 1) -> result => result, default(HOUR) => panic!() });
        let got = select! { recv(r) -> message => message, default(HOUR) => panic!() };
        assert_eq!(got, Ok(1));
        assert_eq!(sender.join().unwrap(), Ok(()));
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

#[test]
fn channels_of_time_are_arms() {
    leak_checked(|| {
        let (began, ticks, end) = (Instant::now(), tick(SOON), after(20 * SOON));
        let mut ticked = 0;
        loop {
            select! {
                recv(ticks) -> _ => ticked += 1,
                recv(end) -> _ => break,
            }
        }
        assert!(ticked > 0 && began.elapsed() >= 20 * SOON);
        let shared = after(SOON);
        let handles = [shared.clone(), shared]
            .map(|r| spawn(move || select! { recv(r) -> _ => true, default(3 * SOON) => false }));
        let got: Vec<_> = join_all(handles).into_iter().map(Result::unwrap).collect();
        assert_eq!(
            got.iter().filter(|got| **got).count(),
            1,
            "there is one message"
        );
    });
}

#[test]
fn none_is_starved() {
    leak_checked(|| {
        let channels: Vec<_> = (0..3).map(|_| unbounded()).collect();
        for (s, _) in &channels {
            (0..3000).for_each(|n| s.send(n).unwrap());
        }
        let mut counts = [0; 3];
        for _ in 0..3000 {
            select! {
                recv(channels[0].1) -> _ => counts[0] += 1,
                recv(channels[1].1) -> _ => counts[1] += 1,
                recv(channels[2].1) -> _ => counts[2] += 1,
            }
        }
        assert!(counts.iter().all(|count| *count > 500), "{counts:?}");
        let (s, r) = bounded(0);
        let sender = spawn(move || (0..300).for_each(|n| s.send(n).unwrap()));
        let mut counts = [0; 3];
        for _ in 0..300 {
            select! {
                recv(r) -> _ => counts[0] += 1,
                recv(r) -> _ => counts[1] += 1,
                recv(r) -> _ => counts[2] += 1,
            }
        }
        sender.join().unwrap();
        assert!(
            counts.iter().all(|count| *count > 50),
            "while it waits: {counts:?}"
        );
        let mut biased = Select::new_biased();
        for (_, r) in channels.iter().rev() {
            biased.recv(r);
        }
        for _ in 0..10 {
            let operation = biased.select();
            assert_eq!(operation.index(), 0);
            operation.recv(&channels[2].1).unwrap();
        }
    });
}

/// Unready operations between them give none of those that are ready an advantage.
#[test]
fn each_that_is_ready_is_as_likely() {
    const ROUNDS: usize = 3000;
    leak_checked(|| {
        let closed = || unbounded::<()>().1;
        let ready = [0, 4, 5];
        let [a, b, c] = [closed(), closed(), closed()];
        let arms = [a, never(), never(), never(), b, c, never()];
        // A standard deviation is 26.
        let check = |how, counts: [usize; 7]| {
            let even = |at| ROUNDS / 3 - 200 < counts[at] && counts[at] < ROUNDS / 3 + 200;
            assert!(ready.into_iter().all(even), "{how}: {counts:?}");
            let sum: usize = ready.iter().map(|at| counts[*at]).sum();
            assert_eq!(sum, ROUNDS, "{how}: {counts:?}");
        };

        let mut counts = [0; 7];
        for _ in 0..ROUNDS {
            let at = select! {
                recv(arms[0]) -> _ => 0,
                recv(arms[1]) -> _ => 1,
                recv(arms[2]) -> _ => 2,
                recv(arms[3]) -> _ => 3,
                recv(arms[4]) -> _ => 4,
                recv(arms[5]) -> _ => 5,
                recv(arms[6]) -> _ => 6,
            };
            counts[at] += 1;
        }
        check("the macro", counts);

        let mut select = Select::new();
        for arm in &arms {
            select.recv(arm);
        }
        let (mut selected, mut watched) = ([0; 7], [0; 7]);
        for _ in 0..ROUNDS {
            let operation = select.select();
            let at = operation.index();
            assert_eq!(operation.recv(&arms[at]), Err(RecvError));
            selected[at] += 1;
            watched[select.ready()] += 1;
        }
        check("`select`", selected);
        check("`ready`", watched);
    });
}

#[test]
fn a_select_does_not_meet_itself() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        let both = |sends: i32| {
            select! {
                send(s, sends) -> result => { result.unwrap(); None }
                recv(r) -> message => Some(message.unwrap()),
                default(SOON) => Some(-1),
            }
        };
        assert_eq!(both(1), Some(-1));
        assert_eq!(
            select! {
                recv(r) -> _ => 1,
                send(s, 1) -> _ => 2,
                default(SOON) => 3,
            },
            3
        );
        let (s, r) = (s.clone(), r.clone());
        let other = spawn(move || {
            select! {
                recv(r) -> message => Some(message.unwrap()),
                send(s, 2) -> result => { result.unwrap(); None }
            }
        });
        yield_now();
        let mine = both(1);
        let others = other.join().unwrap();
        assert!(matches!((mine, others), (None, Some(1)) | (Some(2), None)));
    });
}

#[test]
fn two_selects_meet_whoever_is_first() {
    leak_checked(|| {
        for sender_first in [false, true] {
            let ((s, r), (_kept, other)) = (bounded(0), unbounded::<i32>());
            let (o1, o2) = (other.clone(), other);
            let send = move || {
                spawn(
                    move || select! { send(s, 1) -> result => result.is_ok(), recv(o1) -> _ => false },
                )
            };
            let receive = move || {
                spawn(
                    move || select! { recv(o2) -> _ => false, recv(r) -> message => message == Ok(1) },
                )
            };
            let (first, second) = if sender_first {
                let first = send();
                yield_now();
                (first, receive())
            } else {
                let first = receive();
                yield_now();
                (first, send())
            };
            assert!(first.join().unwrap() && second.join().unwrap());
        }
    });
}

#[test]
fn a_promise_that_is_broken_has_not_been_made() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        let receiver = spawn(move || r.recv());
        yield_now();
        let evaluate = || -> i32 { panic!("no message after all") };
        let broken = catch_unwind(AssertUnwindSafe(
            || select! { send(s, evaluate()) -> _ => unreachable!() },
        ));
        assert!(broken.is_err());
        yield_now();
        assert!(!receiver.is_finished());
        let sender = s.clone();
        let slow = spawn(move || {
            select! { send(sender, { yield_now(); yield_now(); 1 }) -> result => result }
        });
        assert_eq!(receiver.join().unwrap(), Ok(1), "it waited for the message");
        assert_eq!(slow.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_receiver_that_does_not_wait_for_a_promise_leaves_the_message_to_the_next() {
    leak_checked(|| {
        greenlet::__simulate();
        for keeps in [true, false] {
            let (s, r) = bounded(0);
            let receiver = r.clone();
            let victim = spawn(move || receiver.recv());
            yield_now();
            let sender = spawn(move || {
                select! { send(s, { sleep(SOON); Token::new() }) -> result => result.map_err(drop) }
            });
            yield_now();
            yield_now();
            victim.kill();
            victim.wait();
            if keeps {
                assert_eq!(sender.join().unwrap(), Ok(()));
                assert!(r.try_recv().is_ok());
                assert!(r.recv().is_err());
            } else {
                drop(r);
                assert_eq!(sender.join().unwrap(), Err(()), "it is given back");
            }
            assert_eq!(Token::alive(), 0);
        }
        let (s, r) = bounded(0);
        let sender =
            spawn(move || select! { send(s, { sleep(10 * SOON); 1 }) -> result => result });
        yield_now();
        assert_eq!(r.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
        assert_eq!(r.recv(), Ok(1));
        assert_eq!(sender.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_selected_operation_that_is_dropped_is_undone() {
    leak_checked(|| {
        for capacity in [0, 2] {
            let (s, r) = bounded(capacity);
            let sender = spawn({
                let s = s.clone();
                move || (1..=2).for_each(|n| s.send(n).unwrap())
            });
            yield_now();
            let mut select = Select::new();
            select.recv(&r);
            drop(select.select());
            assert_eq!((r.recv(), r.recv()), (Ok(1), Ok(2)), "in order");
            sender.join().unwrap();
        }
        let (s, r) = bounded(1);
        let mut select = Select::new();
        select.send(&s);
        let operation = select.select();
        assert!(s.is_full(), "the room is taken");
        let waiting = spawn({
            let s = s.clone();
            move || s.send(1)
        });
        yield_now();
        assert!(!waiting.is_finished());
        drop(operation);
        assert_eq!(waiting.join().unwrap(), Ok(()));
        assert_eq!(r.recv(), Ok(1));
    });
}

#[test]
fn ready_says_so_and_takes_nothing() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        let sender = s.clone();
        let send = spawn(move || {
            sleep(SOON);
            sender.send(1)
        });
        let mut select = Select::new();
        select.recv(&r);
        assert_eq!(select.ready(), 0);
        yield_now();
        assert_eq!(r.try_recv(), Ok(1));
        assert_eq!(send.join().unwrap(), Ok(()));
        let receive = spawn(move || {
            sleep(SOON);
            r.recv()
        });
        let mut select = Select::new();
        select.send(&s);
        assert_eq!(select.ready(), 0);
        yield_now();
        assert_eq!(s.try_send(2), Ok(()));
        assert_eq!(receive.join().unwrap(), Ok(2));
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let ((s1, r1), (s2, r2)) = (bounded(0), bounded(0));
        let wait = || {
            let (r1, s2) = (r1.clone(), s2.clone());
            spawn(move || {
                select! {
                    recv(r1) -> message => message.unwrap(),
                    send(s2, 2) -> result => { result.unwrap(); 0 }
                }
            })
        };
        let (first, second, third) = (wait(), wait(), wait());
        yield_now();
        first.kill();
        s1.send(1).unwrap();
        assert_eq!(r2.recv(), Ok(2));
        assert!(first.join().is_err());
        assert_eq!((second.join().unwrap(), third.join().unwrap()), (1, 0));
        assert!(r2.try_recv().is_err());
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let ((s1, r1), (s2, r2)) = (bounded(0), bounded(0));
        let seen = Rc::new(RefCell::new(Vec::new()));
        let wait = || {
            let (r1, s2, seen) = (r1.clone(), s2.clone(), seen.clone());
            spawn(move || {
                select! {
                    recv(r1) -> message => seen.borrow_mut().push(message.unwrap()),
                    send(s2, 2) -> result => seen.borrow_mut().push(result.map(|()| 0).unwrap()),
                }
                sleep(HOUR);
            })
        };
        let victim = wait();
        yield_now();
        s1.send(1).unwrap();
        victim.kill();
        assert!(victim.join().is_err());
        let victim = wait();
        yield_now();
        let receiver = spawn(move || r2.recv());
        yield_now();
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(receiver.join().unwrap(), Ok(2));
        assert_eq!(*seen.borrow(), [1, 0]);
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        for spawns in [false, true] {
            let ((there, t), (back, b)) = (bounded(0), bounded(0));
            let idle = never::<u32>();
            let work = move || {
                loop {
                    let n: u32 = select! {
                        recv(t) -> n => match n { Ok(n) => n, Err(_) => break },
                        recv(idle) -> n => n.unwrap(),
                    };
                    select! { send(back, n + 1) -> result => result.unwrap() }
                }
            };
            let thread = thread::spawn(move || match spawns {
                true => spawn(work).join().unwrap(),
                false => work(),
            });
            for n in 0..100 {
                select! { send(there, n) -> result => result.unwrap(), recv(b) -> _ => unreachable!() }
                select! { recv(b) -> m => assert_eq!(m, Ok(n + 1)), default(HOUR) => unreachable!() }
            }
            drop(there);
            thread.join().unwrap();
        }
    });
}

#[test]
fn drop_while_waited_on() {
    leak_checked(|| {
        let ((s1, r1), (s2, r2)) = (bounded::<i32>(0), bounded::<i32>(0));
        let receiver = spawn(move || {
            select! {
                recv(r1) -> message => assert_eq!(message, Err(RecvError)),
                send(s2, 1) -> result => assert_eq!(result, Err(SendError(1))),
            }
        });
        yield_now();
        drop(s1);
        receiver.join().unwrap();
        drop(r2);
        let ((_s1, r1), (s2, r2)) = (bounded::<i32>(0), bounded::<i32>(0));
        let sender = spawn(move || {
            select! {
                recv(r1) -> _ => unreachable!(),
                send(s2, 1) -> result => assert_eq!(result, Err(SendError(1))),
            }
        });
        yield_now();
        drop(r2);
        sender.join().unwrap();
    });
}

/// Sends `count` numbers from `first` on, by whichever of the two channels takes them; then is silent.
fn send_all(senders: &[Sender<usize>; 2], first: usize, count: usize, selects: bool) {
    for n in first..first + count {
        match selects {
            true => select! {
                send(senders[0], n) -> result => result.unwrap(),
                send(senders[1], n) -> result => result.unwrap(),
            },
            false => senders[n % 2].send(n).unwrap(),
        }
    }
}

/// Receives from both until both are disconnected; how many, and their sum.
fn receive_all(mut receivers: [Receiver<usize>; 2]) -> (usize, usize) {
    let (mut count, mut sum, mut open) = (0, 0, 2);
    while open > 0 {
        let (which, message) = select! {
            recv(receivers[0]) -> message => (0, message),
            recv(receivers[1]) -> message => (1, message),
        };
        match message {
            Ok(message) => (count, sum) = (count + 1, sum + message),
            Err(RecvError) => {
                receivers[which] = never();
                open -= 1;
            }
        }
    }
    (count, sum)
}

fn stressed(capacities: [usize; 2], total: usize, selects: [bool; 2]) {
    let each = total / 4;
    let [(s0, r0), (s1, r1)] = capacities.map(bounded);
    let senders: Vec<_> = selects
        .into_iter()
        .enumerate()
        .map(|(k, selects)| {
            let ends = [s0.clone(), s1.clone()];
            thread::spawn(move || {
                let (more, first) = (ends.clone(), 2 * k * each);
                let handle = spawn(move || send_all(&more, first, each, selects));
                send_all(&ends, first + each, each, selects);
                handle.join().unwrap();
            })
        })
        .collect();
    drop((s0, s1));
    let receivers: Vec<_> = (0..2)
        .map(|_| {
            let ends = [r0.clone(), r1.clone()];
            thread::spawn(move || {
                let more = ends.clone();
                let handle = spawn(move || receive_all(more));
                let (mine, others) = (receive_all(ends), handle.join().unwrap());
                (mine.0 + others.0, mine.1 + others.1)
            })
        })
        .collect();
    for thread in senders {
        thread.join().unwrap();
    }
    let sums = receivers.into_iter().map(|thread| thread.join().unwrap());
    let (count, sum) = sums.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    assert_eq!(count, total);
    assert_eq!(sum, total * (total - 1) / 2);
}

/// Greenlets that would do either end of the same rendezvous, on four threads: what is sent is received.
#[test]
fn selects_of_both_ends_meet_each_other() {
    leak_checked(|| {
        let ((s, r), (stop, quit)) = (bounded(0), bounded::<()>(0));
        let done = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (s, r, quit, done) = (s.clone(), r.clone(), quit.clone(), done.clone());
                thread::spawn(move || {
                    let work = move || {
                        let (mut sent, mut received) = (0, 0);
                        loop {
                            select! {
                                send(s, 1) -> result => {
                                    result.unwrap();
                                    sent += 1;
                                    done.fetch_add(1, Ordering::Relaxed);
                                }
                                recv(r) -> message => received += message.unwrap(),
                                recv(quit) -> _ => break (sent, received),
                            }
                        }
                    };
                    let handles = [spawn(work.clone()), spawn(work)];
                    let ends = join_all(handles).into_iter().map(Result::unwrap);
                    ends.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
                })
            })
            .collect();
        while done.load(Ordering::Relaxed) < 20_000 {
            sleep(SOON);
        }
        drop(stop);
        let ends = threads.into_iter().map(|thread| thread.join().unwrap());
        let (sent, received) = ends.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        assert_eq!(sent, received);
        assert_eq!(sent, done.load(Ordering::Relaxed));
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        stressed([16, 1], 1_000_000, [false, false]);
        stressed([3, 1], 200_000, [true, false]);
        stressed([0, 1], 100_000, [true, true]);
        stressed([0, 0], 100_000, [true, true]);
    });
}
