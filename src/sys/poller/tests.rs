//! What both backends promise.

use std::io::{ErrorKind, Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::sys::poller::{Poller, Ready};

/// Enough that another thread is probably waiting by then; no test relies on that.
const A_WHILE: Duration = Duration::from_millis(20);

/// What is ready now; one wait need not report everything.
fn reports(poller: &Poller) -> Vec<Ready> {
    let mut all = Vec::new();
    loop {
        let before = all.len();
        poller.wait(Some(Duration::ZERO), &mut all).unwrap();
        if all.len() == before {
            return all;
        }
    }
}

/// The directions in which `key` is ready now: readable, writable.
fn directions(poller: &Poller, key: usize) -> (bool, bool) {
    of(key, &reports(poller))
}

/// The directions in which these say that `key` is ready.
fn of(key: usize, all: &[Ready]) -> (bool, bool) {
    let of_key = all.iter().filter(|ready| ready.key == key);
    of_key.fold((false, false), |(readable, writable), ready| {
        (readable | ready.readable, writable | ready.writable)
    })
}

/// A non-blocking socket under key 1, and its other end.
fn added_socket(poller: &Poller) -> (UnixStream, UnixStream) {
    let (socket, other) = UnixStream::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    other.set_nonblocking(true).unwrap();
    poller.add(socket.as_fd(), 1).unwrap();
    (socket, other)
}

/// Writes until the socket would block.
fn fill(mut socket: &UnixStream) {
    while socket.write(&[0; 4096]).is_ok() {}
}

/// Reads until the socket would block.
fn drain(mut socket: &UnixStream) {
    while socket.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {}
}

#[test]
fn a_poller_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Poller>();
}

#[test]
fn an_idle_socket_is_writable_only() {
    let poller = Poller::new().unwrap();
    let (_socket, _other) = added_socket(&poller);
    assert_eq!(directions(&poller, 1), (false, true));
}

#[test]
fn a_socket_with_data_is_ready_in_both_directions() {
    let poller = Poller::new().unwrap();
    let (socket, mut other) = UnixStream::pair().unwrap();
    other.write_all(b"before").unwrap();
    poller.add(socket.as_fd(), 1).unwrap();
    assert_eq!(directions(&poller, 1), (true, true));
}

#[test]
fn a_pipe_is_readable_once_written_to() {
    let poller = Poller::new().unwrap();
    let (reader, mut writer) = pipe().unwrap();
    poller.add(reader.as_fd(), 0).unwrap();
    assert!(!directions(&poller, 0).0);
    writer.write_all(b"x").unwrap();
    assert!(directions(&poller, 0).0);
}

#[test]
fn what_stays_ready_is_reported_once() {
    let poller = Poller::new().unwrap();
    let (_socket, mut other) = added_socket(&poller);
    other.write_all(b"x").unwrap();
    assert_eq!(directions(&poller, 1), (true, true));
    assert_eq!(reports(&poller), []);
}

#[test]
fn new_data_is_reported_though_the_old_was_not_read() {
    let poller = Poller::new().unwrap();
    let (_socket, mut other) = added_socket(&poller);
    for _ in 0..3 {
        other.write_all(b"x").unwrap();
        assert!(directions(&poller, 1).0);
        assert_eq!(reports(&poller), []);
    }
}

#[test]
fn a_full_socket_is_writable_again_when_the_other_end_has_read() {
    let poller = Poller::new().unwrap();
    let (socket, other) = added_socket(&poller);
    fill(&socket);
    reports(&poller);
    assert_eq!(reports(&poller), []);
    drain(&other);
    assert!(directions(&poller, 1).1);
}

#[test]
fn a_wait_without_limit_ends_with_readiness() {
    let poller = Poller::new().unwrap();
    let (_socket, mut other) = added_socket(&poller);
    reports(&poller);
    let writing = thread::spawn(move || {
        thread::sleep(A_WHILE);
        other.write_all(b"x").unwrap();
        other
    });
    let mut ready = Vec::new();
    poller.wait(None, &mut ready).unwrap();
    let _other = writing.join().unwrap();
    assert!(ready.iter().any(|ready| ready.key == 1 && ready.readable));
}

#[test]
fn keys_are_told_apart() {
    const HIGH: usize = usize::MAX - 1;
    let poller = Poller::new().unwrap();
    let (low, mut to_low) = pipe().unwrap();
    let (high, mut to_high) = pipe().unwrap();
    poller.add(low.as_fd(), 0).unwrap();
    poller.add(high.as_fd(), HIGH).unwrap();
    to_high.write_all(b"x").unwrap();
    assert!(directions(&poller, HIGH).0);
    to_low.write_all(b"x").unwrap();
    let all = reports(&poller);
    assert!(all.iter().any(|ready| ready.key == 0 && ready.readable));
    assert!(all.iter().all(|ready| ready.key == 0));
}

#[test]
fn the_reserved_key_is_refused() {
    let poller = Poller::new().unwrap();
    let (reader, _writer) = pipe().unwrap();
    let error = poller.add(reader.as_fd(), usize::MAX).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    poller.add(reader.as_fd(), 1).unwrap();
}

#[test]
fn reports_are_appended() {
    let poller = Poller::new().unwrap();
    let (_socket, _other) = added_socket(&poller);
    let before = Ready {
        key: 9,
        readable: false,
        writable: false,
        plain: false,
    };
    let mut ready = vec![before];
    poller.wait(None, &mut ready).unwrap();
    assert_eq!(ready[0], before);
    assert_eq!(ready[1].key, 1);
}

#[test]
fn more_than_one_wait_can_take_comes_with_the_next() {
    let poller = Poller::new().unwrap();
    let (socket, _other) = UnixStream::pair().unwrap();
    let all: Vec<_> = (0..300).map(|_| socket.try_clone().unwrap()).collect();
    for (key, socket) in all.iter().enumerate() {
        poller.add(socket.as_fd(), key).unwrap();
    }
    let mut keys: Vec<_> = reports(&poller).iter().map(|ready| ready.key).collect();
    keys.sort_unstable();
    assert!(keys.into_iter().eq(0..300));
}

#[test]
fn remove_ends_reports() {
    let poller = Poller::new().unwrap();
    let (socket, mut other) = added_socket(&poller);
    reports(&poller);
    poller.remove(socket.as_raw_fd()).unwrap();
    other.write_all(b"x").unwrap();
    assert_eq!(reports(&poller), []);
}

#[test]
fn remove_takes_back_what_was_not_picked_up() {
    let poller = Poller::new().unwrap();
    let (socket, mut other) = added_socket(&poller);
    other.write_all(b"x").unwrap();
    poller.remove(socket.as_raw_fd()).unwrap();
    assert_eq!(reports(&poller), []);
}

#[test]
fn remove_of_what_was_not_added_fails() {
    let poller = Poller::new().unwrap();
    let (reader, _writer) = pipe().unwrap();
    let error = poller.remove(reader.as_raw_fd()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_removed_descriptor_can_be_added_under_another_key() {
    let poller = Poller::new().unwrap();
    let (socket, mut other) = added_socket(&poller);
    reports(&poller);
    poller.remove(socket.as_raw_fd()).unwrap();
    other.write_all(b"x").unwrap();
    poller.add(socket.as_fd(), 2).unwrap();
    let all = reports(&poller);
    assert!(all.iter().all(|ready| ready.key == 2));
    assert!(all.iter().any(|ready| ready.readable));
}

#[test]
fn a_hang_up_sets_both_directions() {
    let poller = Poller::new().unwrap();
    let (reader, writer) = pipe().unwrap();
    poller.add(reader.as_fd(), 2).unwrap();
    let (socket, other) = added_socket(&poller);
    fill(&socket);
    reports(&poller);

    // Whoever forks has copies of the ends, until the child has ended or become another program: so it is waited for.
    let hung_up = |key| {
        let mut all = Vec::new();
        while !all.iter().any(|ready: &Ready| ready.key == key) {
            poller.wait(None, &mut all).unwrap();
        }
        all.extend(reports(&poller));
        of(key, &all)
    };
    drop(other);
    assert_eq!(hung_up(1), (true, true));
    drop(writer);
    assert_eq!(hung_up(2), (true, true));
}

#[test]
fn half_a_close_is_readable() {
    let poller = Poller::new().unwrap();
    let (_socket, other) = added_socket(&poller);
    reports(&poller);
    other.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(directions(&poller, 1).0);
}

#[test]
fn a_poke_from_another_thread_ends_a_wait() {
    let poller = Arc::new(Poller::new().unwrap());
    let poking = thread::spawn({
        let poller = Arc::clone(&poller);
        move || {
            thread::sleep(A_WHILE);
            poller.poke();
        }
    });
    let mut ready = Vec::new();
    poller.wait(None, &mut ready).unwrap();
    poking.join().unwrap();
    assert_eq!(ready, []);
}

#[test]
fn a_poke_before_a_wait_ends_it() {
    let poller = Poller::new().unwrap();
    let mut ready = Vec::new();
    for _ in 0..1_000 {
        poller.poke();
        poller.wait(None, &mut ready).unwrap();
    }
    assert_eq!(ready, []);
}

#[test]
fn several_pokes_are_one() {
    let poller = Poller::new().unwrap();
    let mut ready = Vec::new();
    for _ in 0..3 {
        poller.poke();
    }
    poller.wait(None, &mut ready).unwrap();
    let start = Instant::now();
    poller.wait(Some(A_WHILE), &mut ready).unwrap();
    assert!(start.elapsed() >= A_WHILE);
    assert_eq!(ready, []);
}

#[test]
fn a_poke_comes_along_with_readiness() {
    let poller = Poller::new().unwrap();
    let (_socket, _other) = added_socket(&poller);
    poller.poke();
    assert_eq!(directions(&poller, 1), (false, true));
    let start = Instant::now();
    poller.wait(Some(A_WHILE), &mut Vec::new()).unwrap();
    assert!(start.elapsed() >= A_WHILE);
}

#[test]
fn no_poke_is_lost_between_threads() {
    const THREADS: usize = 4;
    const POKES: usize = 5_000;
    let poller = Poller::new().unwrap();
    let sent = AtomicUsize::new(0);
    let mut ready = Vec::new();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..POKES {
                    // Relaxed: the poke has to make it visible.
                    sent.fetch_add(1, Ordering::Relaxed);
                    poller.poke();
                }
            });
        }
        // Would wait for ever if the last poke were lost.
        while sent.load(Ordering::Relaxed) < THREADS * POKES {
            poller.wait(None, &mut ready).unwrap();
        }
    });
    assert_eq!(ready, []);
}

#[test]
fn a_time_out_is_not_early() {
    let poller = Poller::new().unwrap();
    let mut ready = Vec::new();
    for nanoseconds in [0, 1, 300, 50_000, 999_999, 1_500_000, 20_000_000] {
        let timeout = Duration::from_nanos(nanoseconds);
        for _ in 0..5 {
            let start = Instant::now();
            poller.wait(Some(timeout), &mut ready).unwrap();
            assert!(start.elapsed() >= timeout, "{nanoseconds} ns");
        }
    }
    assert_eq!(ready, []);
}

#[test]
fn a_zero_time_out_only_looks() {
    let poller = Poller::new().unwrap();
    assert_eq!(reports(&poller), []);
    let (_socket, _other) = added_socket(&poller);
    assert_eq!(directions(&poller, 1), (false, true));
}

#[test]
fn the_longest_time_outs_are_valid() {
    let poller = Poller::new().unwrap();
    let mut ready = Vec::new();
    for seconds in [1_000_001, u64::from(u32::MAX), i64::MAX as u64, u64::MAX] {
        poller.poke();
        poller
            .wait(Some(Duration::from_secs(seconds)), &mut ready)
            .unwrap();
    }
    assert_eq!(ready, []);
}
