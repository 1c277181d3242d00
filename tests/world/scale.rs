//! Many connections.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use greenlet::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use greenlet::{join_all, spawn};
use socket2::{Domain, Socket, Type};

use crate::limits::{descriptor_limit, set_descriptor_limit};
use crate::sockets::{ANY, listener};
use crate::support::{descriptors, world_checked};

/// How much memory of its own the process has, in kilobytes: each page is looked at, where other counts are no more than near on a machine of many
/// CPUs, and hold what was read of files.
fn memory() -> usize {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let kilobytes = |name| {
        let rest = rollup.lines().find_map(|line| line.strip_prefix(name));
        let rest = rest.unwrap_or_else(|| panic!("no {name}")).trim();
        let count = rest.trim_end_matches(" kB").parse::<usize>();
        count.expect("is a number")
    };
    kilobytes("Anonymous:") + kilobytes("Swap:")
}

fn converse(addr: SocketAddr) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(b"ping").unwrap();
    let mut heard = [0; 4];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"pong");
    // The other side closes first, and keeps the port in TIME-WAIT: addresses of this one do not run out.
    assert_eq!(stream.read(&mut heard).unwrap(), 0);
}

#[test]
fn short_connections_leave_nothing() {
    let all = env::var("GREENLET_CONNECTIONS").map_or(20_000, |count| count.parse().unwrap());
    world_checked(move || {
        let (listener, addr) = listener();
        let server = spawn(move || {
            loop {
                let (mut stream, _) = listener.accept().unwrap();
                spawn(move || {
                    let mut heard = [0; 4];
                    stream.read_exact(&mut heard).unwrap();
                    stream.write_all(b"pong").unwrap();
                });
            }
        });
        (0..all / 10).for_each(|_| converse(addr));
        let (fds, before) = (descriptors(), memory());
        (0..all).for_each(|_| converse(addr));
        let (fds_now, now) = (descriptors(), memory());
        println!("{all} connections: descriptors {fds} -> {fds_now}, kB {before} -> {now}");
        assert_eq!(fds_now, fds);
        // A page or two are what the allocator likes. A sanitizer keeps what is freed.
        let grown = now.saturating_sub(before);
        assert!(grown <= 256 || cfg!(feature = "sanitizer"), "{grown} kB");
        server.kill();
        assert!(server.join().is_err());
    });
}

/// With room for all who come at once: when the queue is full, the system may take a late packet of a connection that is over for a new one.
fn roomy_listener() -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = ANY.parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(4096).unwrap();
    TcpListener::from_std(socket.into()).unwrap()
}

/// How many descriptors the process may have, from now on: as many as it may ask for.
fn most_descriptors() -> usize {
    let mut limit = descriptor_limit();
    limit.rlim_cur = limit.rlim_max;
    set_descriptor_limit(limit);
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

/// Fewer where there may not be so many.
#[test]
fn two_thousand_connections_at_once_on_four_threads() {
    const THREADS: usize = 4;
    const EACH: usize = 500;
    /// What is open besides both ends of each connection.
    const OTHERS: usize = 200;
    world_checked(|| {
        let room = most_descriptors().saturating_sub(descriptors() + OTHERS);
        let each = EACH.min(room / (2 * THREADS));
        assert!(each > 0, "there is no room for any");
        let listener = Arc::new(roomy_listener());
        let addr = listener.local_addr().unwrap();
        let accepted: Arc<Mutex<Vec<Arc<TcpStream>>>> = Arc::default();
        let served = Arc::new(AtomicUsize::new(0));
        let servers: Vec<_> = (0..THREADS)
            .map(|_| {
                let (listener, accepted, served) =
                    (listener.clone(), accepted.clone(), served.clone());
                thread::spawn(move || {
                    // Every thread reads from streams that any has accepted.
                    let greenlets = (0..each).map(|_| {
                        let (listener, accepted, served) =
                            (listener.clone(), accepted.clone(), served.clone());
                        spawn(move || {
                            let stream = Arc::new(listener.accept().unwrap().0);
                            let mut hello = [0; 8];
                            (&*stream).read_exact(&mut hello).unwrap();
                            accepted.lock().unwrap().push(stream.clone());
                            (&*stream).write_all(&hello).unwrap();
                            let other = loop {
                                let other = accepted.lock().unwrap().pop();
                                match other {
                                    Some(other) => break other,
                                    None => greenlet::yield_now(),
                                }
                            };
                            drop(stream);
                            std::io::copy(&mut &*other, &mut &*other).unwrap();
                            other.shutdown(Shutdown::Write).unwrap();
                            served.fetch_add(1, Ordering::Relaxed);
                        })
                    });
                    join_all(greenlets).into_iter().for_each(Result::unwrap);
                })
            })
            .collect();
        let clients: Vec<_> = (0..THREADS)
            .map(|thread| {
                thread::spawn(move || {
                    let greenlets = (0..each).map(|number| {
                        spawn(move || {
                            let name = (thread * each + number).to_be_bytes();
                            let mut stream = TcpStream::connect(addr).unwrap();
                            for _ in 0..5 {
                                stream.write_all(&name).unwrap();
                                let mut heard = [0; 8];
                                stream.read_exact(&mut heard).unwrap();
                                assert_eq!(heard, name);
                            }
                            stream.shutdown(Shutdown::Write).unwrap();
                            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                        })
                    });
                    join_all(greenlets).into_iter().for_each(Result::unwrap);
                })
            })
            .collect();
        for thread in clients.into_iter().chain(servers) {
            thread.join().unwrap();
        }
        assert_eq!(served.load(Ordering::Relaxed), THREADS * each);
    });
}
