//! Pipes and connections that greenlets of all threads read and write at once: as many bytes come out as were written, and the same.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use greenlet::io::{PipeReader, PipeWriter, pipe};
use greenlet::net::{Shutdown, TcpListener, TcpStream};
use greenlet::os::unix::net::UnixStream;
use greenlet::timeout;

use crate::chaos::random::Random;
use crate::chaos::tally::Tally;
use crate::chaos::world::Actor;

enum Ends {
    Pipe(PipeReader, PipeWriter),
    Tcp(TcpStream, TcpStream),
    Unix(UnixStream, UnixStream),
}

pub(crate) struct Stream {
    ends: Ends,
    read: AtomicU64,
    read_sum: AtomicU64,
    written: AtomicU64,
    written_sum: AtomicU64,
    /// The system has ended it: what was on the way is lost.
    is_broken: AtomicBool,
}

pub(crate) fn one_of_each_kind() -> Vec<Stream> {
    let (reader, writer) = pipe().expect("a pipe");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let addr = listener.local_addr().expect("its address");
    let tcp = TcpStream::connect(addr).expect("a connection");
    let (tcp_other, _) = listener.accept().expect("its other end");
    let (unix, unix_other) = UnixStream::pair().expect("a pair");
    [
        Ends::Pipe(reader, writer),
        Ends::Tcp(tcp, tcp_other),
        Ends::Unix(unix, unix_other),
    ]
    .map(|ends| Stream {
        ends,
        read: AtomicU64::new(0),
        read_sum: AtomicU64::new(0),
        written: AtomicU64::new(0),
        written_sum: AtomicU64::new(0),
        is_broken: AtomicBool::new(false),
    })
    .into()
}

impl Stream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &self.ends {
            Ends::Pipe(reader, _) => (&mut &*reader).read(buffer),
            Ends::Tcp(reader, _) => (&mut &*reader).read(buffer),
            Ends::Unix(reader, _) => (&mut &*reader).read(buffer),
        }?;
        self.read.fetch_add(count as u64, Ordering::SeqCst);
        self.read_sum
            .fetch_add(sum(&buffer[..count]), Ordering::SeqCst);
        Ok(count)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &self.ends {
            Ends::Pipe(_, writer) => (&mut &*writer).write(bytes),
            Ends::Tcp(_, writer) => (&mut &*writer).write(bytes),
            Ends::Unix(_, writer) => (&mut &*writer).write(bytes),
        }?;
        self.written.fetch_add(count as u64, Ordering::SeqCst);
        self.written_sum
            .fetch_add(sum(&bytes[..count]), Ordering::SeqCst);
        Ok(count)
    }

    /// One read or write, of whatever size.
    fn act(&self, random: &Random) -> io::Result<()> {
        if random.one_in(2) {
            self.write(&random.bytes(20_000)).map(drop)
        } else {
            let mut buffer = vec![0; random.below(20_000) as usize];
            let count = self.read(&mut buffer)?;
            match count == 0 && !buffer.is_empty() {
                true => Err(ErrorKind::UnexpectedEof.into()),
                false => Ok(()),
            }
        }
    }

    fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::SeqCst)
    }

    /// For those who wait while nobody else acts: writes if nothing is there to be read, reads if there is much. Not if it only
    /// seems so to whoever waits, which is a fault that is to be found.
    pub(crate) fn feed(&self, random: &Random) {
        const SHORT: Duration = Duration::from_millis(1);
        const MUCH: u64 = 1_000;

        if self.is_broken() {
            return;
        }
        let read = self.read.load(Ordering::SeqCst);
        let on_the_way = self.written.load(Ordering::SeqCst).saturating_sub(read);
        let fed = if on_the_way == 0 {
            timeout(SHORT, || self.write(&[1]))
        } else if on_the_way > MUCH {
            let mut buffer = vec![0; random.below(100_000) as usize + 1];
            timeout(SHORT, || self.read(&mut buffer))
        } else {
            return;
        };
        if let Ok(Err(error)) = fed
            && error.kind() != ErrorKind::Interrupted
        {
            self.breaks_at(&error);
        }
    }

    fn breaks_at(&self, error: &io::Error) {
        const THE_END: &[ErrorKind] = &[
            ErrorKind::ConnectionReset,
            ErrorKind::BrokenPipe,
            ErrorKind::UnexpectedEof,
        ];
        if THE_END.contains(&error.kind()) {
            self.is_broken.store(true, Ordering::SeqCst);
        }
    }

    /// Nobody reads or writes any more.
    pub(crate) fn settle(self, tally: &Tally) {
        if let Ends::Tcp(_, writer) = &self.ends {
            let _ = writer.shutdown(Shutdown::Write);
        }
        if let Ends::Unix(_, writer) = &self.ends {
            let _ = writer.shutdown(Shutdown::Write);
        }
        let Stream {
            mut ends,
            read,
            read_sum,
            written,
            written_sum,
            is_broken,
        } = self;
        if let Ends::Pipe(reader, writer) = ends {
            drop(writer);
            ends = Ends::Pipe(reader, pipe().expect("a pipe").1);
        }
        let mut rest = Vec::new();
        let drained = match &mut ends {
            Ends::Pipe(reader, _) => reader.read_to_end(&mut rest),
            Ends::Tcp(reader, _) => reader.read_to_end(&mut rest),
            Ends::Unix(reader, _) => reader.read_to_end(&mut rest),
        };
        let read = read.into_inner() + rest.len() as u64;
        let read_sum = read_sum.into_inner().wrapping_add(sum(&rest));
        let written = written.into_inner();
        if is_broken.into_inner() {
            tally.event("streams broken by the system");
            assert!(read <= written, "bytes out of nothing");
            return;
        }
        drained.expect("whole streams have an end");
        assert_eq!(read, written, "bytes were lost, or doubled");
        assert_eq!(read_sum, written_sum.into_inner(), "bytes were changed");
        tally.event("streams whole");
    }
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

/// Act: reads or writes what others read and write as well.
pub(crate) fn stream(a: &Actor) {
    let Some(stream) = a.world.streams.get(a.random.below(3) as usize) else {
        return;
    };
    if stream.is_broken() {
        return;
    }
    if let Err(error) = stream.act(&a.random) {
        stream.breaks_at(&error);
        a.check::<()>(Err(error));
    }
}
