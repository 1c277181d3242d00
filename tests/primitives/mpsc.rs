//! `sync::mpsc`.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use greenlet::sync::mpsc::{
    Receiver, RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError, channel,
    sync_channel,
};
use greenlet::{join_all, sleep, spawn, timeout, yield_now};

use crate::support::{Token, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn smoke() {
    leak_checked(|| {
        let (sender, receiver) = channel();
        let handles: Vec<_> = (0..3)
            .map(|k| {
                let sender = sender.clone();
                spawn(move || {
                    for n in 0..5 {
                        sender.send(10 * k + n).unwrap();
                        yield_now();
                    }
                })
            })
            .collect();
        drop(sender);
        assert_eq!(receiver.iter().sum::<i32>(), 3 * 10 + 150);
        assert_eq!(receiver.recv(), Err(RecvError));
        join_all(handles);
        for bound in 0..4 {
            let (sender, receiver) = sync_channel(bound);
            let producer = spawn(move || {
                for n in 0..10 {
                    sender.send(n).unwrap();
                }
            });
            assert!(receiver.into_iter().eq(0..10));
            producer.join().unwrap();
        }
    });
}

#[test]
fn sending_waits_for_room() {
    leak_checked(|| {
        for bound in 0..4 {
            let (sender, receiver) = sync_channel(bound);
            let sent = Rc::new(RefCell::new(0));
            let s = sent.clone();
            let producer = spawn(move || {
                for n in 0..6 {
                    sender.send(n).unwrap();
                    *s.borrow_mut() += 1;
                }
            });
            for taken in 0..6 {
                yield_now();
                assert_eq!(*sent.borrow(), 6.min(taken + bound));
                assert_eq!(receiver.try_recv(), Ok(taken));
            }
            producer.join().unwrap();
        }
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let (sender, receiver) = channel();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
        sender.send(3).unwrap();
        drop(sender);
        assert_eq!(receiver.try_recv(), Ok(3));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));

        let (sender, receiver) = sync_channel(1);
        sender.try_send(1).unwrap();
        assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
        drop(receiver);
        assert_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));

        let (sender, receiver) = sync_channel(0);
        assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
        let taker = spawn(move || receiver.recv());
        yield_now();
        sender.try_send(2).unwrap();
        assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
        assert_eq!(taker.join().unwrap(), Ok(2));
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let (sender, receiver) = sync_channel(1);
        let handles: Vec<_> = (0..5)
            .map(|n| {
                let sender = sender.clone();
                spawn(move || sender.send(n).unwrap())
            })
            .collect();
        yield_now();
        assert_eq!(receiver.recv(), Ok(0));
        assert!(sender.try_send(9).is_err(), "a newcomer overtook");
        assert!(receiver.try_iter().eq(1..5));
        join_all(handles);

        let receiver = Rc::new(receiver);
        let order = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..3)
            .map(|n| {
                let (receiver, order) = (receiver.clone(), order.clone());
                spawn(move || {
                    let got = receiver.recv().unwrap();
                    order.borrow_mut().push((n, got));
                })
            })
            .collect();
        yield_now();
        for n in 0..3 {
            sender.try_send(n).unwrap();
        }
        assert!(receiver.try_recv().is_err(), "a newcomer overtook");
        join_all(handles);
        assert_eq!(*order.borrow(), [(0, 0), (1, 1), (2, 2)]);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let (sender, receiver) = channel();
        let timed_out = Err(RecvTimeoutError::Timeout);
        assert_eq!(receiver.recv_timeout(SOON), timed_out);
        assert_eq!(receiver.recv_timeout(Duration::ZERO), timed_out);
        assert!(timeout(SOON, || receiver.recv()).is_err());
        sender.send(1).unwrap();
        assert_eq!(receiver.recv_timeout(Duration::ZERO), Ok(1));
        let late = spawn(move || {
            yield_now();
            sender.send(2).unwrap();
            yield_now();
        });
        assert_eq!(receiver.recv_timeout(HOUR), Ok(2));
        let gone = Err(RecvTimeoutError::Disconnected);
        assert_eq!(receiver.recv_timeout(HOUR), gone);
        late.join().unwrap();

        let (sender, receiver) = sync_channel(1);
        sender.send(Token::new()).unwrap();
        assert!(timeout(SOON, || sender.send(Token::new())).is_err());
        assert_eq!(Token::alive(), 1, "what was not sent is dropped");
        assert!(receiver.try_recv().is_ok() && receiver.try_recv().is_err());
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let (sender, receiver) = channel();
        let receiver = Rc::new(receiver);
        let take = || {
            let receiver = receiver.clone();
            spawn(move || receiver.recv())
        };
        let (killed, next) = (take(), take());
        yield_now();
        killed.kill();
        sender.send(1).unwrap();
        assert!(killed.join().is_err());
        assert_eq!(next.join().unwrap(), Ok(1));

        for bound in [0, 1] {
            let (sender, receiver) = sync_channel(bound);
            if bound == 1 {
                sender.send(0).unwrap();
            }
            let put = |n| {
                let sender = sender.clone();
                spawn(move || sender.send(n))
            };
            let (killed, next) = (put(1), put(2));
            yield_now();
            killed.kill();
            if bound == 1 {
                assert_eq!(receiver.recv(), Ok(0));
            }
            assert_eq!(receiver.recv(), Ok(2));
            assert!(killed.join().is_err());
            assert_eq!(next.join().unwrap(), Ok(()));
            assert!(receiver.try_recv().is_err());
        }
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let (sender, receiver) = channel();
        let got = Rc::new(RefCell::new(None));
        let g = got.clone();
        let victim = spawn(move || {
            *g.borrow_mut() = Some(receiver.recv());
            sleep(HOUR);
        });
        yield_now();
        sender.send(1).unwrap();
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(*got.borrow(), Some(Ok(1)));

        let (sender, receiver) = sync_channel(0);
        let sent = Rc::new(RefCell::new(None));
        let s = sent.clone();
        let victim = spawn(move || {
            *s.borrow_mut() = Some(sender.send(2));
            sleep(HOUR);
        });
        yield_now();
        assert_eq!(receiver.recv(), Ok(2));
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(*sent.borrow(), Some(Ok(())));
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        for bound in 0..3 {
            for spawns in [false, true] {
                let (there, from_here) = sync_channel(bound);
                let (back, from_there) = channel();
                let work = move || {
                    for n in from_here {
                        back.send(n + 1).unwrap();
                    }
                };
                let thread = thread::spawn(move || match spawns {
                    true => spawn(work).join().unwrap(),
                    false => work(),
                });
                for n in 0..100 {
                    there.send(n).unwrap();
                    assert_eq!(from_there.recv(), Ok(n + 1));
                }
                drop(there);
                thread.join().unwrap();
                assert_eq!(from_there.recv(), Err(RecvError));
            }
        }
    });
}

#[test]
fn drop_while_waited_on() {
    leak_checked(|| {
        // The last sender goes: the receivers are told.
        let (sender, receiver) = channel::<i32>();
        let (other, receiver) = (sender.clone(), Rc::new(receiver));
        let takers = [(); 3].map(|()| {
            let receiver = receiver.clone();
            spawn(move || receiver.recv())
        });
        yield_now();
        drop(sender);
        yield_now();
        assert!(takers.iter().all(|taker| !taker.is_finished()));
        drop(other);
        for result in join_all(takers) {
            assert_eq!(result.unwrap(), Err(RecvError));
        }

        // The receiver goes: the senders get back what they have, and what lies there is dropped.
        let (sender, receiver) = sync_channel(1);
        sender.send((0, Token::new())).unwrap();
        let handles: Vec<_> = (1..4)
            .map(|n| {
                let sender = sender.clone();
                spawn(move || sender.send((n, Token::new())))
            })
            .collect();
        yield_now();
        assert_eq!(Token::alive(), 4);
        drop(receiver);
        assert_eq!(Token::alive(), 3);
        handles[0].kill();
        for (n, result) in (1..4).zip(join_all(handles)) {
            let SendError((back, _token)) = result.unwrap().unwrap_err();
            assert_eq!(back, n);
        }
        assert_eq!(Token::alive(), 0);
    });
}

#[test]
fn messages_may_use_the_channel_when_they_are_dropped() {
    leak_checked(|| {
        struct Echo(
            greenlet::sync::mpsc::Sender<Option<Echo>>,
            Rc<RefCell<bool>>,
        );
        impl Drop for Echo {
            fn drop(&mut self) {
                *self.1.borrow_mut() = self.0.send(None).is_err();
            }
        }
        let (sender, receiver) = channel();
        let refused = Rc::new(RefCell::new(false));
        let echo = Echo(sender.clone(), refused.clone());
        sender.send(Some(echo)).ok().unwrap();
        drop(receiver);
        assert!(*refused.borrow());
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        let (sender, receiver) = channel();
        send_from_all(250_000, &receiver, move |n| sender.send(n).unwrap());
        for bound in [0, 3] {
            let (sender, receiver) = sync_channel(bound);
            send_from_all(60_000, &receiver, move |n| sender.send(n).unwrap());
        }
    });
}

/// Four threads with ten greenlets each send; every thread `each` messages.
fn send_from_all(
    each: usize,
    receiver: &Receiver<usize>,
    send: impl Fn(usize) + Clone + Send + 'static,
) {
    let ten = each / 10;
    let work = move || {
        for n in 0..ten {
            send(n);
            if n % 64 == 0 {
                yield_now();
            }
        }
    };
    let threads = [(); 4].map(|()| {
        let work = work.clone();
        thread::spawn(move || {
            for result in join_all((0..10).map(|_| spawn(work.clone()))) {
                result.unwrap();
            }
        })
    });
    drop(work);
    let received = receiver.iter();
    let (count, sum) = received.fold((0, 0), |(count, sum), n| (count + 1, sum + n));
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!((count, sum), (4 * each, 40 * (ten * (ten - 1) / 2)));
}
