//! Signals as values.
//!
//! The handler raises a flag of the signal, and puts a byte into a pipe. Whoever looks empties the pipe first: what comes after that fills it again.

use std::fmt;
use std::io::{self, ErrorKind, PipeReader, Read};
use std::sync::Arc;
use std::time::Duration;

use signal_hook::SigId;
use signal_hook::consts::FORBIDDEN;
use signal_hook::flag;
use signal_hook::low_level::{pipe, signal_name, unregister};

use crate::readiness::evented::Evented;
use crate::sys::clock;
use crate::sys::fd::{AsFd, Direction, set_nonblocking, would_block};
use crate::task::timeout::Elapsed;
use crate::util::deadline::Deadline;
use crate::util::primitive::{AtomicBool, Ordering};

/// A signal, by the system's number for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(pub i32);

/// As `SIGINT`.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match signal_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signal({self})")
    }
}

/// Receives signals that this process is sent.
///
/// From the making on the signals do not do what they do by default, as to end the process. Every receiver is told of every signal that comes as long as it lives.
/// A signal that comes again before it was received is received once, as the system has it. Of several that have come it is not told which
/// was first. Greenlets that share a receiver are served in the order of coming.
///
/// Dropping the receiver takes it back, but a signal that nobody receives any more is ignored then: the default is not restored.
///
/// Whoever waits for a signal holds up [`hub::run`](crate::hub::run), and is in no [deadlock](crate::hub::Deadlock): one could come at any time.
pub struct Signals {
    pipe: Evented<PipeReader>,
    flags: Vec<(Signal, Arc<AtomicBool>)>,
    registered: Vec<SigId>,
}

impl Signals {
    /// Of these signals.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is none, or one of them cannot be received, as `SIGKILL` and `SIGSEGV`; what the system says.
    pub fn new(signals: impl IntoIterator<Item = i32>) -> io::Result<Signals> {
        let (reader, writer) = io::pipe()?;
        set_nonblocking(reader.as_fd(), true)?;
        let mut made = Signals {
            pipe: Evented::new(reader),
            flags: Vec::new(),
            registered: Vec::new(),
        };
        for number in signals {
            if FORBIDDEN.contains(&number) {
                let what = format!("{} cannot be received", Signal(number));
                return Err(io::Error::new(ErrorKind::InvalidInput, what));
            }
            if !made.flags.iter().any(|(signal, _)| signal.0 == number) {
                made.add(number, writer.try_clone()?)?;
            }
        }
        match made.flags.is_empty() {
            false => Ok(made),
            true => Err(io::Error::new(
                ErrorKind::InvalidInput,
                "no signal to receive",
            )),
        }
    }

    fn add(&mut self, number: i32, writer: io::PipeWriter) -> io::Result<()> {
        let is_up = Arc::new(AtomicBool::new(false));
        // In this order, so they are called.
        self.registered.push(flag::register(number, is_up.clone())?);
        self.registered.push(pipe::register(number, writer)?);
        self.flags.push((Signal(number), is_up));
        Ok(())
    }

    /// Waits for a signal.
    ///
    /// Switches unless one has come. A kill, or the end of an enclosing limit, ends the wait, and no signal is lost.
    ///
    /// # Errors
    ///
    /// What the system says when it is asked to watch a descriptor.
    #[track_caller]
    pub fn recv(&self) -> io::Result<Signal> {
        self.pipe.perform(Direction::Read, |pipe| self.look(pipe))
    }

    /// As [`recv`](Self::recv), for so long at most.
    ///
    /// # Errors
    ///
    /// `TimedOut` if the limit has passed first, made of an [`Elapsed`]; what [`recv`](Self::recv) gives.
    #[track_caller]
    pub fn recv_timeout(&self, limit: Duration) -> io::Result<Signal> {
        let deadline = Deadline::after(clock::now(), limit);
        let received = self
            .pipe
            .perform_until(Direction::Read, deadline, |pipe| self.look(pipe));
        received.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => Elapsed(()).into(),
            _ => error,
        })
    }

    /// Receives a signal that has come. Never switches.
    pub fn try_recv(&self) -> Option<Signal> {
        let mut up = self.flags.iter();
        up.find(|(_, is_up)| is_up.swap(false, Ordering::SeqCst))
            .map(|(signal, _)| *signal)
    }

    /// Receives signals as they come, without an end.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self)
    }

    fn look(&self, mut pipe: &PipeReader) -> io::Result<Signal> {
        loop {
            match pipe.read(&mut [0; 64]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.try_recv().ok_or_else(would_block)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            unregister(id);
        }
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signals = self.flags.iter().map(|(signal, _)| signal);
        f.debug_set().entries(signals).finish()
    }
}

/// The signals of a receiver, as they come. Each step waits as [`Signals::recv`] does.
#[derive(Debug)]
pub struct Iter<'a>(&'a Signals);

impl Iterator for Iter<'_> {
    type Item = io::Result<Signal>;

    #[track_caller]
    fn next(&mut self) -> Option<io::Result<Signal>> {
        Some(self.0.recv())
    }
}

impl<'a> IntoIterator for &'a Signals {
    type Item = io::Result<Signal>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
