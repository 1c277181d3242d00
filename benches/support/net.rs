//! A client for servers, and a server that is a loop around epoll and nothing else.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{mem, net, ptr, thread};

use libc::epoll_event;

pub(crate) const CONNECTIONS: usize = 50;
/// What a server reads at once.
pub(crate) const ROOM: usize = 1024;
pub(crate) const ANY_PORT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// A server: says where it listens, and serves for ever.
pub(crate) type Server = fn(mpsc::Sender<SocketAddr>);

/// Connections to a server that runs on a core of its own. Each has one request on its way.
pub(crate) struct Client {
    epoll: Epoll,
    streams: Vec<net::TcpStream>,
    request: &'static [u8],
    answer: &'static [u8],
}

impl Client {
    pub(crate) fn of(server: Server, request: &'static [u8], answer: &'static [u8]) -> Self {
        let (addr, bound) = mpsc::channel();
        thread::spawn(move || {
            run_on_core(1);
            server(addr);
        });
        let addr = bound.recv().unwrap();
        let epoll = Epoll::new();
        let connect = |key| {
            let stream = net::TcpStream::connect(addr).unwrap();
            stream.set_nodelay(true).unwrap();
            epoll.add(stream.as_raw_fd(), key);
            stream
        };
        let streams = (0..CONNECTIONS).map(connect).collect();
        Client {
            epoll,
            streams,
            request,
            answer,
        }
    }

    /// Asks until there were so many answers; how long that took.
    pub(crate) fn run(&mut self, requests: u64) -> Duration {
        let mut answer = vec![0; self.answer.len()];
        let begin = Instant::now();
        for mut stream in &self.streams {
            stream.write_all(self.request).unwrap();
        }
        let mut answered = 0;
        let mut on_their_way = self.streams.len();
        while on_their_way > 0 {
            self.epoll.each_ready(|key| {
                let mut stream = &self.streams[key];
                stream.read_exact(&mut answer).unwrap();
                assert_eq!(answer, self.answer);
                answered += 1;
                if answered + on_their_way as u64 <= requests {
                    stream.write_all(self.request).unwrap();
                } else {
                    on_their_way -= 1;
                }
            });
        }
        begin.elapsed()
    }
}

/// Level-triggered, for reading.
pub(crate) struct Epoll(RawFd);

impl Epoll {
    pub(crate) fn new() -> Self {
        // SAFETY: takes no pointers.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        assert!(epoll >= 0);
        Epoll(epoll)
    }

    pub(crate) fn add(&self, fd: RawFd, key: usize) {
        let mut event = epoll_event {
            events: libc::EPOLLIN as u32,
            u64: key as u64,
        };
        // SAFETY: the event lives during the call.
        let status = unsafe { libc::epoll_ctl(self.0, libc::EPOLL_CTL_ADD, fd, &raw mut event) };
        assert_eq!(status, 0);
    }

    pub(crate) fn each_ready(&self, mut visit: impl FnMut(usize)) {
        let mut events = [epoll_event { events: 0, u64: 0 }; 256];
        // SAFETY: there is room for so many.
        let count = unsafe { libc::epoll_wait(self.0, events.as_mut_ptr(), 256, -1) };
        for event in &events[..count.max(0) as usize] {
            visit(event.u64 as usize);
        }
    }
}

pub(crate) fn run_on_core(core: usize) {
    // SAFETY: all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the set is this frame's.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: as above; zero is the calling thread. If there is no such core, the thread runs where it may.
    unsafe { libc::sched_setaffinity(0, mem::size_of_val(&set), ptr::from_ref(&set)) };
}

/// What the system needs, and nothing else: one wait for all that are ready, then a read, and a write of what `answer` makes of it, for each.
pub(crate) fn one_loop(
    addr: &mpsc::Sender<SocketAddr>,
    answer: impl for<'a> Fn(&'a [u8]) -> &'a [u8],
) {
    let listener = net::TcpListener::bind(ANY_PORT).unwrap();
    addr.send(listener.local_addr().unwrap()).unwrap();
    let epoll = Epoll::new();
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let (stream, _peer) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        epoll.add(stream.as_raw_fd(), streams.len());
        streams.push(stream);
    }
    let mut request = [0; ROOM];
    loop {
        epoll.each_ready(|key| {
            let mut stream = &streams[key];
            let count = stream.read(&mut request).unwrap();
            // None at the end of the client, which is that of the bench.
            if count > 0 {
                stream.write_all(answer(&request[..count])).unwrap();
            }
        });
    }
}
