//! Connections for tests.

use std::io::{self, ErrorKind, Read, Write};
use std::net;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use greenlet::net::{TcpListener, TcpStream};
use socket2::{Domain, SockRef, Socket, Type};

pub const ANY: &str = "127.0.0.1:0";
pub const SOON: Duration = Duration::from_millis(1);
pub const HOUR: Duration = Duration::from_secs(3600);

/// Two ends of a connection of std's. There is little room between them, and it does not grow.
pub fn std_pair() -> (net::TcpStream, net::TcpStream) {
    let listener = net::TcpListener::bind(ANY).unwrap();
    let here = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let there = listener.accept().unwrap().0;
    for end in [&here, &there].map(SockRef::from) {
        end.set_send_buffer_size(1 << 15).unwrap();
        end.set_recv_buffer_size(1 << 15).unwrap();
    }
    (here, there)
}

/// Two ends of a connection.
pub fn pair() -> (TcpStream, TcpStream) {
    let (here, there) = std_pair();
    (
        TcpStream::from_std(here).unwrap(),
        TcpStream::from_std(there).unwrap(),
    )
}

/// Two ends of a connection, and the number of the first's descriptor.
pub fn numbered_pair() -> (TcpStream, TcpStream, RawFd) {
    let (here, there) = std_pair();
    let fd = here.as_raw_fd();
    (
        TcpStream::from_std(here).unwrap(),
        TcpStream::from_std(there).unwrap(),
        fd,
    )
}

/// Closes a connection so that the other side is told of a fault.
pub fn reset(stream: TcpStream) {
    let stream = stream.into_std().unwrap();
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

/// Writes until that would block, for now: what is on its way may make room when it arrives. How much it was.
pub fn fill(mut stream: &TcpStream) -> usize {
    let mut filled = 0;
    stream.set_nonblocking(true).unwrap();
    let refused = loop {
        match stream.write(&[b'.'; 1 << 16]) {
            Ok(count) => filled += count,
            Err(error) => break error,
        }
    };
    stream.set_nonblocking(false).unwrap();
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    filled
}

/// Writes until that fails, which it waits for once there is no room.
pub fn write_on(mut stream: &TcpStream) -> io::Error {
    loop {
        if let Err(error) = stream.write(&[b'.'; 1 << 12]) {
            return error;
        }
    }
}

/// Reads so many bytes.
pub fn drain(mut stream: &TcpStream, mut count: usize) {
    let mut buffer = vec![0; 1 << 16];
    while count > 0 {
        let most = count.min(buffer.len());
        count -= stream.read(&mut buffer[..most]).unwrap();
    }
}

/// A listener whose queue is full: whoever connects is not answered.
pub struct Silent {
    listener: Socket,
    _queued: Vec<net::TcpStream>,
}

impl Silent {
    pub fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: net::SocketAddr = ANY.parse().unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let mut silent = Silent {
            listener,
            _queued: Vec::new(),
        };
        let limit = Duration::from_millis(100);
        while let Ok(queued) = net::TcpStream::connect_timeout(&silent.addr(), limit) {
            silent._queued.push(queued);
            assert!(silent._queued.len() < 100, "the queue has an end");
        }
        silent
    }

    pub fn addr(&self) -> net::SocketAddr {
        self.listener.local_addr().unwrap().as_socket().unwrap()
    }
}

/// An address at which somebody listens who accepts nobody.
pub fn listener() -> (TcpListener, net::SocketAddr) {
    let listener = TcpListener::bind(ANY).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// The byte at a place of a stream that can be told from any other.
pub fn byte_at(place: usize) -> u8 {
    (place.wrapping_mul(2_654_435_761) >> 13) as u8
}

/// Numbers without a pattern.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }
}
