//! `signal::Signals`. Ctrl-C is in `ctrl_c.rs`.

use std::cell::Cell;
use std::io::ErrorKind;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use greenlet::hub;
use greenlet::signal::{self, Signal, Signals};
use greenlet::{sleep, spawn, timeout, yield_now};

use crate::support::world_checked;

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Sends this process a signal, which has come when this is over.
fn send(signal: i32) {
    // Any thread may be interrupted for it, at its leisure. Receivers are told in the order of their making, so all the others before this one.
    let last = Signals::new([signal]).unwrap();
    let script = format!("kill -{signal} {}", std::process::id());
    assert!(
        Command::new("sh")
            .args(["-c", &script])
            .status()
            .unwrap()
            .success()
    );
    while last.try_recv().is_none() {
        thread::sleep(MS);
    }
}

#[test]
fn others_run_while_one_waits_for_a_signal() {
    world_checked(|| {
        let signals = Signals::new([signal::SIGUSR1]).unwrap();
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        let other = spawn(move || {
            for _ in 0..5 {
                sleep(MS);
                count.set(count.get() + 1);
            }
            send(signal::SIGUSR1);
        });
        assert_eq!(signals.recv().unwrap(), Signal(signal::SIGUSR1));
        assert_eq!(turns.get(), 5);
        assert_eq!(signals.try_recv(), None);
        other.join().unwrap();
    });
}

#[test]
fn what_came_before_is_received_once() {
    world_checked(|| {
        let signals = Signals::new([signal::SIGUSR1, signal::SIGUSR2]).unwrap();
        assert_eq!(signals.try_recv(), None);
        send(signal::SIGUSR2);
        send(signal::SIGUSR2);
        send(signal::SIGUSR1);
        let mut both = [signals.recv().unwrap(), signals.recv().unwrap()];
        both.sort();
        assert_eq!(
            both.map(|signal| signal.to_string()),
            ["SIGUSR1", "SIGUSR2"]
        );
        let error = signals.recv_timeout(MS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        send(signal::SIGUSR1);
        assert_eq!(signals.try_recv(), Some(Signal(signal::SIGUSR1)));
        let error = signals.recv_timeout(MS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        send(signal::SIGUSR1);
        assert_eq!(signals.recv_timeout(HOUR).unwrap(), Signal(signal::SIGUSR1));
    });
}

#[test]
fn every_receiver_is_told_as_long_as_it_lives() {
    world_checked(|| {
        let one = Signals::new([signal::SIGUSR1]).unwrap();
        let two = Signals::new([signal::SIGUSR1, signal::SIGUSR1, signal::SIGUSR2]).unwrap();
        assert_eq!(format!("{two:?}"), "{Signal(SIGUSR1), Signal(SIGUSR2)}");
        let waiting = [(); 2].map(|()| {
            let one = Signals::new([signal::SIGUSR1]).unwrap();
            spawn(move || one.recv().unwrap())
        });
        yield_now();
        send(signal::SIGUSR1);
        assert_eq!(one.recv().unwrap().0, signal::SIGUSR1);
        drop(one);
        assert_eq!(two.recv().unwrap().0, signal::SIGUSR1);
        for waiting in waiting {
            assert_eq!(waiting.join().unwrap().0, signal::SIGUSR1);
        }
        send(signal::SIGUSR2);
        assert_eq!(two.iter().next().unwrap().unwrap().0, signal::SIGUSR2);
        send(signal::SIGUSR1);
        let first = (&two).into_iter().next();
        assert_eq!(first.unwrap().unwrap().0, signal::SIGUSR1);
    });
}

#[test]
fn a_kill_or_a_limit_loses_no_signal() {
    world_checked(|| {
        let signals = Rc::new(Signals::new([signal::SIGUSR1]).unwrap());
        let theirs = signals.clone();
        let killed = spawn(move || theirs.recv());
        yield_now();
        send(signal::SIGUSR1);
        killed.kill();
        drop(killed.join().unwrap_err());
        assert_eq!(signals.recv().unwrap().0, signal::SIGUSR1);
        assert!(timeout(MS, || signals.recv()).is_err());
        send(signal::SIGUSR1);
        assert_eq!(signals.recv().unwrap().0, signal::SIGUSR1);
    });
}

#[test]
fn two_that_share_a_receiver_get_one_signal_each() {
    world_checked(|| {
        let signals = Arc::new(Signals::new([signal::SIGUSR1, signal::SIGUSR2]).unwrap());
        let waiting = [(); 2].map(|()| {
            let signals = signals.clone();
            let waiting = spawn(move || signals.recv().unwrap().0);
            yield_now();
            waiting
        });
        send(signal::SIGUSR1);
        send(signal::SIGUSR2);
        let mut both = waiting.map(|waiting| waiting.join().unwrap());
        both.sort();
        let mut sent = [signal::SIGUSR1, signal::SIGUSR2];
        sent.sort();
        assert_eq!(both, sent);
    });
}

#[test]
fn who_waits_for_a_signal_holds_up_the_run() {
    world_checked(|| {
        let signals = Signals::new([signal::SIGUSR1]).unwrap();
        drop(spawn(move || signals.recv()));
        assert!(!hub::run_timeout(20 * MS));
        send(signal::SIGUSR1);
        hub::run();
    });
}

#[test]
fn what_cannot_be_received_is_an_error() {
    world_checked(|| {
        // `SIGKILL`, `SIGSTOP`, `SIGSEGV`, and one that there is not.
        for number in [9, 19, 11, 12_345] {
            let error = Signals::new([signal::SIGUSR1, number]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{number}");
        }
        let error = Signals::new([]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}
