//! Signals that come while greenlets wait.
#![allow(unsafe_code)]

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::net::{TcpListener, TcpStream};
use greenlet::{sleep, spawn, timeout};

use crate::sockets::{SOON, listener};
use crate::support::world_checked;

static COUNT: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: libc::c_int) {
    COUNT.fetch_add(1, Ordering::Relaxed);
}

/// Nobody else here receives it, so that the handler may stay; and whoever has none ignores it.
const SIGNAL: libc::c_int = libc::SIGWINCH;

/// Installs a handler after which calls are not begun again.
fn handle() {
    // SAFETY: a zeroed action is a valid start; the handler touches an atomic.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count as *const () as usize;
        assert_eq!(libc::sigaction(SIGNAL, &action, ptr::null_mut()), 0);
    }
}

/// Does `f` while signals come to this thread all the time.
fn interrupted(f: impl FnOnce()) {
    handle();
    // SAFETY: takes no pointers.
    let target = unsafe { libc::pthread_self() };
    let over = Arc::new(AtomicBool::new(false));
    let watched = over.clone();
    let signals = thread::spawn(move || {
        while !watched.load(Ordering::Relaxed) {
            // SAFETY: the target waits for this thread before it ends.
            unsafe { libc::pthread_kill(target, SIGNAL) };
            thread::sleep(Duration::from_micros(50));
        }
    });
    let ended = catch_unwind(AssertUnwindSafe(f));
    over.store(true, Ordering::Relaxed);
    signals.join().unwrap();
    if let Err(payload) = ended {
        resume_unwind(payload);
    }
}

fn converse(listener: TcpListener, addr: std::net::SocketAddr) {
    let echo = spawn(move || {
        for stream in listener.incoming().take(50) {
            let mut stream = stream.unwrap();
            std::io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
        }
    });
    for round in 0..50 {
        let mut stream = match round % 3 {
            0 => TcpStream::connect(addr),
            1 => TcpStream::connect_timeout(&addr, Duration::from_secs(60)),
            _ => TcpStream::connect(("localhost", addr.port())),
        }
        .unwrap();
        let said = vec![b'x'; 10 * round + 1];
        for _ in 0..10 {
            stream.write_all(&said).unwrap();
            let mut heard = vec![0; said.len()];
            stream.read_exact(&mut heard).unwrap();
        }
        stream.set_read_timeout(Some(SOON)).unwrap();
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        assert!(
            timeout(SOON, || stream.peek(&mut [0]))
                .unwrap_or(Ok(0))
                .is_ok()
                || round > 0
        );
        sleep(SOON);
    }
    echo.join().unwrap();
}

#[test]
fn no_call_fails_because_of_a_signal() {
    world_checked(|| {
        let before = COUNT.load(Ordering::Relaxed);
        let (listener, addr) = listener();
        interrupted(|| converse(listener, addr));
        assert!(COUNT.load(Ordering::Relaxed) > before + 10);
    });
}
