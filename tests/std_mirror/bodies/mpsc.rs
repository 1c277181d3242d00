//! `mpsc`.

use std::time::{Duration, Instant};

use super::check;
use super::sync::mpsc::{
    self, Receiver, RecvError, RecvTimeoutError, SendError, Sender, SyncSender, TryRecvError,
    TrySendError, channel, sync_channel,
};
use super::thread;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(2);

#[test]
fn one_sends_and_one_receives() {
    check(|| {
        let (sender, receiver) = channel();
        let handle = thread::spawn(move || sender.send(10).unwrap());
        assert_eq!(receiver.recv().unwrap(), 10);
        handle.join().unwrap();
    });
}

#[test]
fn ten_send_and_one_receives() {
    check(|| {
        let (sender, receiver) = channel();
        let handles: Vec<_> = (0..10)
            .map(|n| {
                let sender = sender.clone();
                thread::spawn(move || sender.send(n).unwrap())
            })
            .collect();
        let mut received: Vec<_> = (0..10).map(|_| receiver.recv().unwrap()).collect();
        received.sort_unstable();
        assert!(received.into_iter().eq(0..10));
        for handle in handles {
            handle.join().unwrap();
        }
    });
}

#[test]
fn a_receiver_without_senders_is_told() {
    check(|| {
        let (sender, receiver) = channel::<i32>();
        sender.send(1).unwrap();
        drop(sender);
        assert_eq!(receiver.recv(), Ok(1), "what was sent counts");
        assert_eq!(receiver.recv(), Err(RecvError));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        let gone = Err(RecvTimeoutError::Disconnected);
        assert_eq!(receiver.recv_timeout(LONG), gone);
    });
}

#[test]
fn a_sender_without_receiver_gets_its_message_back() {
    check(|| {
        let (sender, receiver) = channel();
        drop(receiver);
        assert_eq!(sender.send(1), Err(SendError(1)));
        let (sender, receiver) = sync_channel(1);
        drop(receiver);
        assert_eq!(sender.send(1).unwrap_err().0, 1);
        assert_eq!(sender.try_send(2), Err(TrySendError::Disconnected(2)));
    });
}

#[test]
fn a_sender_that_waits_when_the_receiver_goes_gets_its_message_back() {
    check(|| {
        for bound in [0, 1] {
            let (sender, receiver) = sync_channel(bound);
            let handle = thread::spawn(move || {
                let sent = (0..3).map(|n| sender.send(n));
                sent.map(|sent| sent.map_err(|error| error.0)).collect()
            });
            assert_eq!(receiver.recv(), Ok(0));
            thread::yield_now();
            drop(receiver);
            let sent: Vec<Result<(), i32>> = handle.join().unwrap();
            assert_eq!(sent[0], Ok(()));
            assert_eq!(sent[2], Err(2));
        }
    });
}

#[test]
fn without_room_a_message_goes_from_hand_to_hand() {
    check(|| {
        let (sender, receiver) = sync_channel(0);
        assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
        let handle = thread::spawn(move || {
            sender.send(53).unwrap();
            sender.send(54).unwrap();
        });
        assert_eq!(receiver.recv(), Ok(53));
        assert!(!handle.is_finished());
        assert_eq!(receiver.recv(), Ok(54));
        handle.join().unwrap();
    });
}

#[test]
fn with_room_for_one_the_second_waits() {
    check(|| {
        let (sender, receiver) = sync_channel(1);
        sender.send(1).unwrap();
        assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
        let handle = thread::spawn(move || sender.send(3));
        thread::yield_now();
        assert!(!handle.is_finished());
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.recv(), Ok(3));
        assert_eq!(handle.join().unwrap(), Ok(()));
    });
}

#[test]
fn two_producers_and_a_message_for_the_end() {
    check(|| {
        enum Command {
            Add(i32),
            Quit,
        }
        let (sender, receiver) = channel();
        let adder = sender.clone();
        let consumer = thread::spawn(move || {
            let mut sum = 0;
            loop {
                match receiver.recv().unwrap() {
                    Command::Add(n) => sum += n,
                    Command::Quit => return sum,
                }
            }
        });
        for n in 0..5 {
            adder.send(Command::Add(n)).ok().unwrap();
        }
        sender.send(Command::Quit).ok().unwrap();
        assert_eq!(consumer.join().unwrap(), 10);
    });
}

#[test]
fn tries_do_not_wait() {
    check(|| {
        let (sender, receiver) = channel();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(receiver.try_iter().next(), None);
        sender.send('a').unwrap();
        sender.send('b').unwrap();
        assert_eq!(receiver.try_recv(), Ok('a'));
        assert_eq!(receiver.try_iter().collect::<String>(), "b");
    });
}

#[test]
fn a_limit_that_passes_is_said_and_one_that_does_not_is_not_felt() {
    check(|| {
        let (sender, receiver) = channel();
        let start = Instant::now();
        let timed_out = Err(RecvTimeoutError::Timeout);
        assert_eq!(receiver.recv_timeout(SHORT), timed_out);
        assert!(start.elapsed() >= SHORT);
        assert_eq!(receiver.recv_timeout(Duration::ZERO), timed_out);
        let handle = thread::spawn(move || sender.send(1).unwrap());
        assert_eq!(receiver.recv_timeout(LONG), Ok(1));
        let gone = Err(RecvTimeoutError::Disconnected);
        assert_eq!(receiver.recv_timeout(LONG), gone);
        handle.join().unwrap();
    });
}

#[test]
fn a_receiver_is_an_iterator_three_times() {
    check(|| {
        let send = || {
            let (sender, receiver): (Sender<i32>, Receiver<i32>) = mpsc::channel();
            let handle = thread::spawn(move || {
                for n in 1..4 {
                    sender.send(n).unwrap();
                }
            });
            (handle, receiver)
        };
        let (handle, receiver) = send();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 2, 3]);
        handle.join().unwrap();
        let (handle, receiver) = send();
        let mut sum = 0;
        for n in &receiver {
            sum += n;
        }
        assert_eq!(sum, 6);
        handle.join().unwrap();
        let (handle, receiver) = send();
        let mut all: mpsc::IntoIter<i32> = receiver.into_iter();
        assert_eq!((all.next(), all.by_ref().last()), (Some(1), Some(3)));
        assert_eq!(all.next(), None);
        handle.join().unwrap();
    });
}

#[test]
fn senders_are_shared_by_reference_too() {
    check(|| {
        let (sender, receiver) = channel();
        let sender: &'static Sender<usize> = Box::leak(Box::new(sender));
        let handles: Vec<_> = (0..4)
            .map(|n| thread::spawn(move || sender.send(n).unwrap()))
            .collect();
        for handle in handles {
            handle.join().unwrap();
        }
        assert_eq!(receiver.try_iter().sum::<usize>(), 6);
    });
}

#[test]
fn receivers_can_be_sent() {
    check(|| {
        let (sender, receiver) = sync_channel::<Receiver<i32>>(1);
        let handle = thread::spawn(move || receiver.recv().unwrap().recv());
        let (inner, inner_receiver) = channel();
        sender.send(inner_receiver).unwrap();
        inner.send(5).unwrap();
        assert_eq!(handle.join().unwrap(), Ok(5));
    });
}

#[test]
fn what_is_never_received_is_dropped_with_the_receiver() {
    check(|| {
        let counted = std::rc::Rc::new(());
        let (sender, receiver) = channel();
        sender.send(counted.clone()).unwrap();
        sender.send(counted.clone()).unwrap();
        drop(receiver.recv());
        assert_eq!(std::rc::Rc::strong_count(&counted), 2);
        drop(receiver);
        assert_eq!(std::rc::Rc::strong_count(&counted), 1);
        drop(sender.send(counted.clone()));
        assert_eq!(std::rc::Rc::strong_count(&counted), 1);
    });
}

#[test]
fn formats() {
    check(|| {
        let (sender, receiver) = channel::<i32>();
        let text = "Sender { .. } Receiver { .. }";
        assert_eq!(format!("{sender:?} {receiver:?}"), text);
        let (sender, receiver): (SyncSender<i32>, _) = sync_channel(0);
        assert_eq!(format!("{sender:?}"), "SyncSender { .. }");
        assert!(format!("{:?}", receiver.iter()).starts_with("Iter {"));
        assert!(format!("{:?}", receiver.try_iter()).starts_with("TryIter {"));
        assert!(format!("{:?}", receiver.into_iter()).starts_with("IntoIter {"));
    });
}
