//! `channel`, with a buffer: `bounded(n)` and `unbounded`.

use std::cell::RefCell;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use greenlet::channel::{
    Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, after, at, bounded, never, tick, unbounded,
};
use greenlet::{join_all, sleep, spawn, timeout, yield_now};

use crate::support::{Token, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn smoke() {
    leak_checked(|| {
        for (s, r) in [bounded(3), unbounded()] {
            let sender = spawn(move || {
                for n in 0..100 {
                    s.send(n).unwrap();
                }
            });
            assert_eq!(r.iter().sum::<i32>(), 4950);
            assert_eq!(r.recv(), Err(RecvError));
            sender.join().unwrap();
        }
    });
}

#[test]
fn both_ends_may_go_anywhere() {
    fn check<T: Clone + Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    check::<Sender<i32>>();
    check::<Receiver<i32>>();
}

#[test]
fn try_x() {
    leak_checked(|| {
        let (s, r) = bounded(1);
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        assert_eq!((s.len(), s.is_empty(), s.is_full()), (0, true, false));
        s.try_send(1).unwrap();
        assert_eq!(s.try_send(2), Err(TrySendError::Full(2)));
        assert_eq!((r.len(), r.is_empty(), r.is_full()), (1, false, true));
        assert_eq!((s.capacity(), r.capacity()), (Some(1), Some(1)));
        assert_eq!(r.try_recv(), Ok(1));
        drop(s);
        assert_eq!(r.try_recv(), Err(TryRecvError::Disconnected));

        let (s, r) = unbounded();
        assert_eq!((s.capacity(), s.is_full()), (None, false));
        for n in 0..3 {
            s.try_send(n).unwrap();
        }
        assert_eq!(r.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert!(s.same_channel(&s.clone()) && !s.same_channel(&unbounded().0));
        assert!(r.same_channel(&r.clone()) && !r.same_channel(&never()));
        drop(r);
        assert_eq!(s.try_send(1), Err(TrySendError::Disconnected(1)));
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let (s, r) = unbounded();
        let order = Rc::new(RefCell::new(Vec::new()));
        let receivers: Vec<_> = (0..5)
            .map(|n| {
                let (r, order) = (r.clone(), order.clone());
                spawn(move || {
                    let message = r.recv().unwrap();
                    order.borrow_mut().push((n, message));
                })
            })
            .collect();
        yield_now();
        for n in 0..5 {
            s.send(n).unwrap();
            assert_eq!(
                r.try_recv(),
                Err(TryRecvError::Empty),
                "a newcomer overtook"
            );
        }
        join_all(receivers);
        assert_eq!(*order.borrow(), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]);
    });
}

#[test]
fn waiting_senders_are_let_in_in_order() {
    leak_checked(|| {
        let (s, r) = bounded(1);
        s.send(0).unwrap();
        let senders: Vec<_> = (1..5)
            .map(|n| {
                let s = s.clone();
                spawn(move || s.send(n).unwrap())
            })
            .collect();
        yield_now();
        for n in 0..4 {
            assert_eq!(r.try_recv(), Ok(n));
            assert_eq!(
                s.try_send(9),
                Err(TrySendError::Full(9)),
                "a newcomer overtook"
            );
        }
        assert_eq!(r.try_recv(), Ok(4));
        join_all(senders);
        assert!(r.is_empty());
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let (s, r) = bounded(1);
        assert_eq!(r.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
        assert_eq!(
            r.recv_timeout(Duration::ZERO),
            Err(RecvTimeoutError::Timeout)
        );
        assert!(timeout(SOON, || r.recv()).is_err());
        assert_eq!(s.send_timeout(1, HOUR), Ok(()));
        assert_eq!(s.send_timeout(2, SOON), Err(SendTimeoutError::Timeout(2)));
        let moment = Instant::now() + SOON;
        assert_eq!(
            s.send_deadline(2, moment),
            Err(SendTimeoutError::Timeout(2))
        );
        assert!(Instant::now() >= moment);
        assert!(timeout(SOON, || s.send(2)).is_err());
        assert_eq!(r.recv_timeout(HOUR), Ok(1));
        assert_eq!(
            r.recv_deadline(Instant::now()),
            Err(RecvTimeoutError::Timeout)
        );
        assert_eq!(r.recv_deadline(moment), Err(RecvTimeoutError::Timeout));
        drop(s);
        assert_eq!(r.recv_timeout(HOUR), Err(RecvTimeoutError::Disconnected));
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let (s, r) = bounded(1);
        let receive = || {
            let r = r.clone();
            spawn(move || r.recv().unwrap())
        };
        let (killed, next) = (receive(), receive());
        yield_now();
        killed.kill();
        s.send(1).unwrap();
        assert!(killed.join().is_err());
        assert_eq!(next.join().unwrap(), 1);

        s.send(0).unwrap();
        let send = |n| {
            let s = s.clone();
            spawn(move || s.send(n).unwrap())
        };
        let (killed, next) = (send(1), send(2));
        yield_now();
        killed.kill();
        assert_eq!((r.recv(), r.recv()), (Ok(0), Ok(2)));
        assert!(killed.join().is_err());
        next.join().unwrap();
        assert!(r.is_empty());
    });
}

#[test]
fn the_message_of_a_killed_sender_is_dropped() {
    leak_checked(|| {
        let (s, r) = bounded(0);
        let sender = spawn(move || s.send(Token::new()).unwrap());
        yield_now();
        assert_eq!(Token::alive(), 1);
        sender.kill();
        sender.wait();
        assert_eq!(Token::alive(), 0);
        assert!(r.recv().is_err());
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let (s, r) = bounded(1);
        let (echo, echoed) = unbounded();
        let receiver = r.clone();
        let victim = spawn(move || {
            echo.send(receiver.recv().unwrap()).unwrap();
            sleep(HOUR);
        });
        yield_now();
        s.send(1).unwrap();
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(echoed.try_recv(), Ok(1));

        s.send(2).unwrap();
        let sender = s.clone();
        let victim = spawn(move || {
            sender.send(3).unwrap();
            sleep(HOUR);
        });
        yield_now();
        assert_eq!(r.recv(), Ok(2));
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(r.try_recv(), Ok(3));
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        for spawns in [false, true] {
            let ((there, t), (back, b)) = (bounded(1), unbounded());
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
            assert_eq!(b.recv(), Err(RecvError));
        }
    });
}

#[test]
fn drop_while_waited_on() {
    leak_checked(|| {
        let (s, r) = bounded::<i32>(1);
        let receivers = [r.clone(), r].map(|r| spawn(move || r.recv()));
        yield_now();
        drop(s);
        for receiver in receivers {
            assert_eq!(receiver.join().unwrap(), Err(RecvError));
        }
        let (s, r) = bounded(1);
        s.send(0).unwrap();
        let senders = [s.clone(), s].map(|s| spawn(move || s.send(1)));
        yield_now();
        drop(r);
        for sender in senders {
            assert_eq!(sender.join().unwrap(), Err(SendError(1)));
        }
    });
}

#[test]
fn what_nobody_will_receive_is_dropped_with_the_last_receiver() {
    leak_checked(|| {
        let (s, r) = unbounded();
        let other = r.clone();
        s.send(Token::new()).unwrap();
        drop(r);
        assert_eq!(Token::alive(), 1);
        drop(other);
        assert_eq!(Token::alive(), 0);
        assert!(s.send(Token::new()).is_err());
    });
}

#[test]
fn channels_of_time() {
    leak_checked(|| {
        let moment = Instant::now() + SOON;
        let r = at(moment);
        assert_eq!((r.capacity(), r.len()), (Some(1), 0));
        assert_eq!(r.recv(), Ok(moment));
        assert!(Instant::now() >= moment);
        assert_eq!(r.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));

        let r = after(HOUR);
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(r.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
        assert!(timeout(SOON, || r.recv()).is_err());
        assert!(after(Duration::MAX).is_empty());

        let began = Instant::now();
        let r = tick(SOON);
        let moments: Vec<_> = r.iter().take(3).collect();
        assert!(moments.is_sorted() && began.elapsed() >= 3 * SOON);
        assert!(moments[0] >= began + SOON);

        let r = never::<i32>();
        assert_eq!(
            (r.capacity(), r.is_empty(), r.is_full()),
            (Some(0), true, true)
        );
        assert_eq!(r.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
        assert!(timeout(SOON, || r.recv()).is_err());
        assert!(r.same_channel(&never()));
    });
}

#[test]
fn errors_say_what_they_are() {
    assert_eq!(SendError(1).into_inner(), 1);
    assert_eq!(TrySendError::Full(1).into_inner(), 1);
    assert_eq!(SendTimeoutError::from(SendError(1)).into_inner(), 1);
    assert!(TrySendError::from(SendError(1)).is_disconnected());
    assert!(TryRecvError::from(RecvError).is_disconnected());
    assert!(RecvTimeoutError::from(RecvError).is_disconnected());
    assert_eq!(format!("{:?}", TrySendError::Full(())), "Full(..)");
    assert_eq!(
        SendError(()).to_string(),
        "sending on a disconnected channel"
    );
    assert_eq!(
        RecvError.to_string(),
        "receiving on an empty and disconnected channel"
    );
}

#[test]
fn stress() {
    leak_checked(|| {
        const EACH: usize = 500_000;
        let (s, r) = bounded(16);
        let senders: Vec<_> = (0..2)
            .map(|k| {
                let s = s.clone();
                thread::spawn(move || {
                    let handles: Vec<_> = (0..10)
                        .map(|part| {
                            let s = s.clone();
                            spawn(move || {
                                for n in 0..EACH / 10 {
                                    s.send(k * EACH + part * (EACH / 10) + n).unwrap();
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
                    let handles: Vec<_> = (0..10)
                        .map(|_| {
                            let r = r.clone();
                            spawn(move || r.iter().fold((0, 0), |(n, sum), m| (n + 1, sum + m)))
                        })
                        .collect();
                    join_all(handles)
                        .into_iter()
                        .map(|result| result.unwrap())
                        .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
                })
            })
            .collect();
        for thread in senders {
            thread.join().unwrap();
        }
        let sums = receivers.into_iter().map(|thread| thread.join().unwrap());
        let (count, sum) = sums.fold((0, 0), |a: (usize, usize), b| (a.0 + b.0, a.1 + b.1));
        assert_eq!(count, 2 * EACH);
        assert_eq!(sum, (2 * EACH - 1) * EACH);
    });
}
