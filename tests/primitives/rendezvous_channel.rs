//! `channel::bounded(0)`: from hand to hand.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use greenlet::channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError, bounded,
};
use greenlet::{join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn smoke() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        let sender = spawn(move || {
            for n in 0..100 {
                s.send(n).unwrap();
            }
        });
        assert_eq!(r.iter().sum::<i32>(), 4950);
        sender.join().unwrap();
    });
}

#[test]
fn a_sender_waits_until_its_message_is_taken() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        let sender = spawn(move || s.send(1));
        yield_now();
        yield_now();
        assert!(!sender.is_finished());
        assert_eq!(r.recv(), Ok(1));
        assert_eq!(sender.join().unwrap(), Ok(()));
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        assert_eq!(s.try_send(1), Err(TrySendError::Full(1)));
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        assert_eq!((s.len(), s.is_empty(), s.is_full()), (0, true, true));
        assert_eq!((s.capacity(), r.capacity()), (Some(0), Some(0)));
        let receiver = spawn({
            let r = r.clone();
            move || r.recv()
        });
        yield_now();
        assert_eq!(s.try_send(2), Ok(()));
        assert_eq!(s.try_send(3), Err(TrySendError::Full(3)));
        assert_eq!(receiver.join().unwrap(), Ok(2));
        let sender = spawn(move || s.send(4));
        yield_now();
        assert_eq!(r.try_recv(), Ok(4));
        assert_eq!(sender.join().unwrap(), Ok(()));
        assert_eq!(r.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        let order = Rc::new(RefCell::new(Vec::new()));
        let receivers: Vec<_> = (0..3)
            .map(|n| {
                let (r, order) = (r.clone(), order.clone());
                spawn(move || {
                    let message = r.recv().unwrap();
                    order.borrow_mut().push((n, message));
                })
            })
            .collect();
        yield_now();
        let senders: Vec<_> = (0..6)
            .map(|n| {
                let s = s.clone();
                spawn(move || s.send(n).unwrap())
            })
            .collect();
        join_all(receivers);
        assert_eq!(*order.borrow(), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(r.iter().take(3).collect::<Vec<_>>(), [3, 4, 5]);
        join_all(senders);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        assert_eq!(r.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
        assert_eq!(s.send_timeout(1, SOON), Err(SendTimeoutError::Timeout(1)));
        assert!(timeout(SOON, || s.send(2)).is_err());
        assert!(timeout(SOON, || r.recv()).is_err());
        let sender = spawn(move || s.send_timeout(3, HOUR));
        assert_eq!(r.recv_timeout(HOUR), Ok(3));
        assert_eq!(sender.join().unwrap(), Ok(()));
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        let send = |n| {
            let s = s.clone();
            spawn(move || s.send(n).unwrap())
        };
        let (killed, next) = (send(1), send(2));
        yield_now();
        killed.kill();
        assert_eq!(r.recv(), Ok(2));
        assert!(killed.join().is_err());
        next.join().unwrap();
        let receive = || {
            let r = r.clone();
            spawn(move || r.recv().unwrap())
        };
        let (killed, next) = (receive(), receive());
        yield_now();
        killed.kill();
        s.send(3).unwrap();
        assert!(killed.join().is_err());
        assert_eq!(next.join().unwrap(), 3);
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        let received = Rc::new(RefCell::new(Vec::new()));
        let (receiver, seen) = (r.clone(), received.clone());
        let victim = spawn(move || {
            seen.borrow_mut().push(receiver.recv().unwrap());
            sleep(HOUR);
        });
        yield_now();
        s.send(1).unwrap();
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(*received.borrow(), [1]);
        let sent = received.clone();
        let victim = spawn(move || {
            s.send(2).unwrap();
            sent.borrow_mut().push(2);
            sleep(HOUR);
        });
        yield_now();
        assert_eq!(r.recv(), Ok(2));
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(*received.borrow(), [1, 2]);
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        for spawns in [false, true] {
            let ((there, t), (back, b)) = (bounded(0), bounded(0));
            let work = move || {
                for n in t {
                    back.send(n + 1).unwrap();
                }
            };
            let thread = thread::spawn(move || match spawns {
                true => spawn(work).join().unwrap(),
                false => work(),
            });
            for n in 0..100 {
                there.send(n).unwrap();
                assert_eq!(b.recv(), Ok(n + 1));
            }
            drop(there);
            thread.join().unwrap();
        }
    });
}

#[test]
fn drop_while_waited_on() {
    leak_checked(|| {
        let (s, r) = bounded::<i32>(0);
        let receiver = spawn(move || r.recv());
        yield_now();
        drop(s);
        assert_eq!(receiver.join().unwrap(), Err(RecvError));
        let (s, r) = bounded(0);
        let sender = spawn(move || s.send(1));
        yield_now();
        drop(r);
        assert_eq!(sender.join().unwrap(), Err(SendError(1)));
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        const EACH: usize = 125_000;
        let (s, r) = bounded(0);
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let s = s.clone();
                thread::spawn(move || {
                    let handles: Vec<_> = (0..5)
                        .map(|_| {
                            let s = s.clone();
                            spawn(move || {
                                for n in 0..EACH / 5 {
                                    s.send(n).unwrap();
                                }
                            })
                        })
                        .collect();
                    for result in join_all(handles) {
                        result.unwrap();
                    }
                })
            })
            .collect();
        drop(s);
        let receivers: Vec<_> = (0..2)
            .map(|_| {
                let r = r.clone();
                thread::spawn(move || {
                    let mut sum = (0, 0);
                    for n in r {
                        sum = (sum.0 + 1, sum.1 + n);
                    }
                    sum
                })
            })
            .collect();
        for thread in senders {
            thread.join().unwrap();
        }
        let sums = receivers.into_iter().map(|thread| thread.join().unwrap());
        let (count, sum) = sums.fold((0, 0), |a: (usize, usize), b| (a.0 + b.0, a.1 + b.1));
        assert_eq!(count, 2 * EACH);
        assert_eq!(sum, 10 * ((EACH / 5) * (EACH / 5 - 1) / 2));
    });
}
