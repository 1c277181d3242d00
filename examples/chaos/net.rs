//! Acts: connections, datagrams, and waiting for what is ready.

use std::io::{self, Read, Write};
use std::time::Duration;

use greenlet::net::{Shutdown, TcpStream, UdpSocket};
use greenlet::os::unix::net::UnixStream;
use greenlet::readiness::{Async, Interest, wait_any_ready_timeout, wait_readable_timeout};
use greenlet::scope;

use crate::chaos::random::Random;
use crate::chaos::world::{Actor, expect};

/// What both kinds of connections do.
trait Connection: Sized {
    /// One more owner of it, with a descriptor of its own.
    fn twin(&self) -> io::Result<Self>;
    fn hear(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn say(&self, bytes: &[u8]) -> io::Result<()>;
    /// Nothing more is to be said.
    fn half(&self) -> io::Result<()>;
}

impl Connection for TcpStream {
    fn twin(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn hear(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&mut &*self).read(buffer)
    }

    fn say(&self, bytes: &[u8]) -> io::Result<()> {
        (&mut &*self).write_all(bytes)
    }

    fn half(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Connection for UnixStream {
    fn twin(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn hear(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&mut &*self).read(buffer)
    }

    fn say(&self, bytes: &[u8]) -> io::Result<()> {
        (&mut &*self).write_all(bytes)
    }

    fn half(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

pub(crate) fn tcp(a: &Actor) {
    let Some(addr) = a.home.addr() else { return };
    let connected = match a.random.one_in(2) {
        true => TcpStream::connect(addr),
        false => TcpStream::connect_timeout(&addr, Duration::from_secs(3_600)),
    };
    if let Some(stream) = a.check_connection(connected) {
        a.check_connection(echoed(a, &stream));
    }
}

pub(crate) fn unix(a: &Actor) {
    let Some(path) = a.home.path() else { return };
    if let Some(stream) = a.check_connection(UnixStream::connect(path)) {
        a.check_connection(echoed(a, &stream));
    }
}

/// Says something, at length or not, and hears the same.
fn echoed(a: &Actor, stream: &impl Connection) -> io::Result<()> {
    let said = a.random.bytes(40_000);
    let twin = match a.random.one_in(3) {
        true => Some(stream.twin()?),
        false => None,
    };
    let speaks = twin.as_ref().unwrap_or(stream);
    let (writing, said) = (a.child(), &said);
    scope(|s| {
        let writer = s.spawn(move || {
            let length = writing.random.below(9_000) as usize + 1_000;
            let done = said.chunks(length).try_for_each(|piece| {
                writing.pause();
                speaks.say(piece)
            });
            // Whether or not: the other side is to end.
            speaks.half().and(done)
        });
        let heard = hear(stream, &a.random, said);
        // Without the other half it has to fail, or to end.
        expect(writer.join()).unwrap_or(Ok(())).and(heard)
    })
}

fn hear(from: &impl Connection, random: &Random, said: &[u8]) -> io::Result<()> {
    let mut place = 0;
    loop {
        let mut buffer = vec![0; random.below(5_000) as usize + 1];
        let count = match from.hear(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        if count == 0 {
            break;
        }
        let expected = said.get(place..place + count);
        assert_eq!(expected, Some(&buffer[..count]), "not what was said");
        place += count;
    }
    match place == said.len() {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Sockets for datagrams, which may be lost, but not changed or doubled.
pub(crate) fn udp(a: &Actor) {
    let Some(addr) = a.home.addr() else { return };
    let done = (|| {
        let sockets = [(); 2].map(|()| UdpSocket::bind((addr.ip(), 0)));
        let [one, other] = sockets;
        let (one, other) = (one?, other?);
        one.connect(other.local_addr()?)?;
        let (message, mut buffer) = (a.random.bytes(1_000), [0; 1_001]);
        let count = retried(|| one.send(&message))?;
        assert_eq!(count, message.len());
        other.set_read_timeout(Some(Duration::from_secs(60)))?;
        let (count, from) = retried(|| other.recv_from(&mut buffer))?;
        assert_eq!(from, one.local_addr()?);
        assert_eq!(buffer[..count], message);
        other.set_read_timeout(Some(Duration::from_micros(100)))?;
        let error = retried(|| other.recv(&mut buffer)).unwrap_err();
        match error.kind() {
            io::ErrorKind::WouldBlock => Ok(()),
            _ => Err(error),
        }
    })();
    a.check(done);
}

fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Waits for descriptors that others own.
pub(crate) fn readiness(a: &Actor) {
    if !a.world.is_real {
        return;
    }
    let done = (|| {
        let (reader, mut writer) = std::io::pipe()?;
        let error = wait_readable_timeout(&reader, a.limit_of_time()).unwrap_err();
        if error.kind() != io::ErrorKind::TimedOut {
            return Err(error);
        }
        let late = a.random.one_in(2);
        if !late {
            writer.write_all(b"x")?;
        }
        let mut interests = [Interest::readable(&reader), Interest::writable(&writer)];
        wait_any_ready_timeout(&mut interests, Duration::from_secs(60))?;
        assert!(interests[0].is_readable() || interests[1].is_writable());
        let reading = Async::new(reader)?;
        if late {
            writer.write_all(b"x")?;
        }
        let count = reading.read_with(|mut pipe| pipe.read(&mut [0; 8]))?;
        assert_eq!(count, 1);
        Ok(())
    })();
    a.check(done);
}
