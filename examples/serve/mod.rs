//! Runs a server until Ctrl-C, for the examples that are servers.
#![allow(
    dead_code,
    reason = "a server of datagrams has no connections to wait for"
)]

use std::fmt::Display;
use std::io::{self, Write};
use std::process;
use std::time::Duration;

use greenlet::server::{Listener, StreamServer};
use greenlet::signal::{SIGINT, SIGTERM, Signals};
use greenlet::spawn;

/// How long connections may go on after Ctrl-C. Whoever cannot wait presses it again.
const GRACE: Duration = Duration::from_secs(10);

/// Ctrl-C, or what else asks a program to end. It ends nothing by itself any more.
pub(crate) struct Interrupt(Signals);

impl Interrupt {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Interrupt(Signals::new([SIGINT, SIGTERM])?))
    }

    /// Waits for it. Another one ends the program at once.
    pub(crate) fn wait(self) -> io::Result<()> {
        self.0.recv()?;
        spawn(move || {
            if let Ok(signal) = self.0.recv() {
                println!("stopping at once");
                // As shells say it of those that a signal has ended.
                process::exit(128 + signal.0);
            }
        });
        println!("stopping");
        Ok(())
    }
}

/// Says where a server listens, also to a program that reads it from a pipe.
pub(crate) fn listening_at(addr: impl Display) -> io::Result<()> {
    println!("listening at {addr}");
    io::stdout().flush()
}

/// Serves until Ctrl-C, then ends gracefully.
pub(crate) fn serve<L>(server: &StreamServer<L>, addr: impl Display) -> io::Result<()>
where
    L: Listener + 'static,
{
    let interrupt = Interrupt::new()?;
    server.start();
    listening_at(addr)?;
    interrupt.wait()?;
    server.stop_timeout(GRACE);
    Ok(())
}
