//! What greenlets of one thread share.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use greenlet::net::{TcpListener, TcpStream};
use greenlet::os::unix::net::{UnixListener, UnixStream};
use greenlet::server::StreamServer;
use greenlet::sleep;

use crate::chaos::tally::Tally;

/// Servers, which say what they hear.
pub(crate) struct Home {
    tcp: Option<(StreamServer<TcpListener>, SocketAddr)>,
    unix: Option<(StreamServer<UnixListener>, PathBuf)>,
    pub(crate) dir: PathBuf,
    /// The thread ends, with all that are on it.
    pub(crate) is_left: Cell<bool>,
}

impl Home {
    /// Without servers.
    pub(crate) fn empty() -> Self {
        Home {
            tcp: None,
            unix: None,
            dir: PathBuf::new(),
            is_left: Cell::new(false),
        }
    }

    pub(crate) fn open(dir: PathBuf, tally: &Arc<Tally>) -> Self {
        let again = |error: &io::Error| {
            tally.error(error);
            sleep(Duration::from_micros(100));
        };
        let path = dir.join("socket");
        let tcp = insist(again, || TcpListener::bind("127.0.0.1:0"));
        let unix = insist(again, || {
            // What is left of a round before.
            let _ = std::fs::remove_file(&path);
            UnixListener::bind(&path)
        });
        let addr = tcp.local_addr().expect("its address");
        let (told, also_told) = (tally.clone(), tally.clone());
        let tcp = StreamServer::new(tcp, move |stream: TcpStream, _| echo(stream, &told));
        let unix = StreamServer::new(unix, move |stream: UnixStream, _| echo(stream, &also_told));
        tcp.start();
        unix.start();
        Home {
            tcp: Some((tcp, addr)),
            unix: Some((unix, path)),
            dir,
            is_left: Cell::new(false),
        }
    }

    pub(crate) fn addr(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().map(|(_, addr)| *addr)
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.unix.as_ref().map(|(_, path)| path.as_path())
    }

    /// Whoever was served has gone.
    pub(crate) fn close(&self) {
        const PATIENCE: Duration = Duration::from_secs(30);
        if let (Some((tcp, _)), Some((unix, _))) = (&self.tcp, &self.unix) {
            assert!(tcp.accepts() && unix.accepts(), "a server gave up");
            assert!(tcp.stop_timeout(PATIENCE), "a TCP connection was left");
            assert!(unix.stop_timeout(PATIENCE), "a Unix connection was left");
        }
    }
}

/// Tries until it succeeds: where faults are made, they end some time.
pub(crate) fn insist<T>(
    again: impl Fn(&io::Error),
    mut attempt: impl FnMut() -> io::Result<T>,
) -> T {
    const OFTEN: usize = 1_000;
    for _ in 0..OFTEN {
        match attempt() {
            Ok(done) => return done,
            Err(error) => again(&error),
        }
    }
    attempt().expect("this fails again and again")
}

/// Says what it hears, until that ends.
fn echo<S: Read + Write>(mut stream: S, tally: &Tally) {
    let mut buffer = [0; 3_000];
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return tally.error(&error),
        };
        if let Err(error) = stream.write_all(&buffer[..count]) {
            return tally.error(&error);
        }
    }
}
