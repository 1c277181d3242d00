//! An fd that its owner waits for: try, and park only if that would have blocked.
//!
//! A call is tried at once, and again whenever the fd may have become ready. In each direction one greenlet at a time waits for the fd; those
//! that come meanwhile wait for their turn behind it, in order, so one that tries for the first time overtakes nobody.
//!
//! * **I1** Whoever waits for the fd has just tried in vain, and the poller was not asked since; or knows that it would have tried in vain before, and
//!   nothing of the fd was reported since. So every edge after that wakes it.
//! * **I2** An interrupt is raised before a try, never after one that succeeded: what was read or written is known to the caller.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use crate::hub::awaited::Awaited;
use crate::hub::begin::place;
use crate::hub::park::{park, pass};
use crate::hub::reactor::{Kept, KeptKey, Reactor, Report};
use crate::hub::state::Place;
use crate::lock::acquire::acquire_slow;
use crate::readiness::modes::Modes;
use crate::readiness::wait::Readiness;
use crate::sys::clock;
#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::sys::fd::{AsFd, BorrowedFd, Direction, closed, would_block};
use crate::util::biased::Biased;
use crate::util::deadline::Deadline;
use crate::util::primitive::{AtomicBool, AtomicU64, Ordering};
use crate::wait::parker::Token;
use crate::wait::permits::Permits;

/// Something that has an fd, whose calls fail instead of blocking.
pub(crate) struct Evented<T> {
    // First: it has to go before the fd is closed.
    watch: Watch,
    inner: T,
}

/// What there is to know of the fd.
struct Watch {
    readers: Permits,
    writers: Permits,
    /// One for each thread on which it was waited for.
    kept: Biased<Vec<Kept>>,
    closed: AtomicBool,
    /// The report that has woken the last reader, if that was a plain one, and no other came before he ran.
    last_plain: AtomicU64,
    /// The last report when there was nothing left to read.
    drained_at: AtomicU64,
    modes: Arc<Modes>,
}

impl<T: AsFd> Evented<T> {
    /// Takes over something whose calls fail instead of blocking.
    pub(crate) fn new(inner: T) -> Self {
        Self::with_modes(inner, Arc::default())
    }

    pub(crate) fn with_modes(inner: T, modes: Arc<Modes>) -> Self {
        Evented {
            watch: Watch {
                readers: Permits::new(1),
                writers: Permits::new(1),
                kept: Biased::new(Vec::new()),
                closed: AtomicBool::new(false),
                last_plain: AtomicU64::new(Report::NONE.0),
                drained_at: AtomicU64::new(Report::NONE.0),
                modes,
            },
            inner,
        }
    }

    pub(crate) fn get(&self) -> &T {
        &self.inner
    }

    /// As [`get`](Self::get), for whoever may do with the descriptor what he likes.
    pub(crate) fn expose(&self) -> &T {
        self.watch.modes.exposed.store(true, Ordering::Relaxed);
        &self.inner
    }

    pub(crate) fn into_inner(self) -> T {
        let Evented { watch, inner } = self;
        drop(watch);
        inner
    }

    pub(crate) fn modes(&self) -> &Arc<Modes> {
        &self.watch.modes
    }

    /// Does `call`, waiting as often as it would block.
    #[inline]
    #[track_caller]
    pub(crate) fn perform<R>(
        &self,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let watch = &self.watch;
        let place = place();
        spend(&place);
        watch.check_open()?;
        if watch.modes.nonblocking() {
            return call(&self.inner).map_err(|error| watch.explain(error));
        }
        let drained = match direction {
            Direction::Read => watch.drained(&place),
            Direction::Write => None,
        };
        let may_try = drained.is_none() && watch.line(direction).available() > 0;
        if may_try {
            match call(&self.inner) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done.map_err(|error| watch.explain(error)),
            }
        }
        let deadline = watch.modes.deadline(direction);
        let has_tried = may_try || drained.is_some();
        self.perform_slowly(&place, direction, deadline, has_tried, drained, &mut call)
    }

    /// Does `call` once, and does not wait if it would block.
    #[track_caller]
    pub(crate) fn attempt<R>(&self, call: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        self.watch.check_open()?;
        spend(&place());
        call(&self.inner)
    }

    /// As [`perform`](Self::perform), with a limit of its own.
    #[track_caller]
    pub(crate) fn perform_until<R>(
        &self,
        direction: Direction,
        deadline: Deadline,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let place = place();
        spend(&place);
        self.perform_slowly(&place, direction, deadline, false, None, &mut call)
    }

    /// `key` is how this thread's reactor knows the fd, if that was looked up.
    #[track_caller]
    fn perform_slowly<R>(
        &self,
        place: &Place<'_>,
        direction: Direction,
        deadline: Deadline,
        mut has_tried: bool,
        key: Option<KeptKey>,
        call: &mut dyn FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let fd = self.inner.as_fd();
        let line = self.watch.line(direction);
        if !line.try_acquire() {
            // Whoever has the turn may be the parent's.
            place.hub.reactor()?.check()?;
            let turn = ItsTurn(Readiness { fd, direction });
            if !acquire_slow(line, deadline, &turn) {
                return Err(would_block());
            }
            has_tried = false;
        }
        let _turn = Turn(line);
        loop {
            self.watch.check_open()?;
            if !has_tried {
                match call(&self.inner) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    done => return done.map_err(|error| self.watch.explain(error)),
                }
            }
            has_tried = false;
            if !self.watch.wait(place, fd, direction, deadline, key)? {
                return Err(would_block());
            }
        }
    }

    /// Ends directions by `call`. Those who wait to read are told by the poller.
    pub(crate) fn shut_down(
        &self,
        how: Shutdown,
        call: impl FnOnce(&T, Shutdown) -> io::Result<()>,
    ) -> io::Result<()> {
        call(&self.inner, how)?;
        if how != Shutdown::Read {
            self.watch.modes.end_writing();
        }
        Ok(())
    }

    /// Ends every call that waits, and all that come.
    pub(crate) fn close(&self, wake: impl FnOnce(&T)) {
        self.watch.closed.store(true, Ordering::SeqCst);
        wake(&self.inner);
    }
}

/// What every stream does, for those whose `&T` reads and writes.
impl<T: AsFd> Evented<T> {
    #[track_caller]
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize>
    where
        for<'a> &'a T: Read,
    {
        #[cfg(greenlet_faults)]
        let length = faults::shorter(buffer.len());
        #[cfg(greenlet_faults)]
        let buffer = &mut buffer[..length];
        self.read_once(buffer)
    }

    #[inline]
    #[track_caller]
    fn read_once(&self, buffer: &mut [u8]) -> io::Result<usize>
    where
        for<'a> &'a T: Read,
    {
        self.perform(Direction::Read, |mut inner| {
            #[cfg(greenlet_faults)]
            faults::strike_at(Site::Read, inner)?;
            inner.read(buffer)
        })
    }

    /// As [`read`](Self::read), from a stream of bytes without limits of messages. If it gives less than is asked for, there was no
    /// more, so the next read need not try unless something happens.
    ///
    /// That holds only if nothing was reported since the report that has woken the reader, and that was of data and nothing else: an end that
    /// came along with the data is no edge of its own, and urgent data ends a read too early. And it holds for sockets that nobody
    /// else has had in hand: options of the kernel, as its own TLS, end reads at other limits.
    #[track_caller]
    pub(crate) fn read_bytes(&self, buffer: &mut [u8]) -> io::Result<usize>
    where
        for<'a> &'a T: Read,
    {
        #[cfg(greenlet_faults)]
        let length = faults::shorter(buffer.len());
        #[cfg(greenlet_faults)]
        let buffer = &mut buffer[..length];
        let count = self.read_once(buffer)?;
        if (1..buffer.len()).contains(&count) && !self.watch.modes.exposed.load(Ordering::Relaxed) {
            let last_plain = self.watch.last_plain.load(Ordering::Relaxed);
            self.watch.drained_at.store(last_plain, Ordering::Relaxed);
        }
        Ok(count)
    }

    #[track_caller]
    pub(crate) fn read_vectored(&self, buffers: &mut [io::IoSliceMut<'_>]) -> io::Result<usize>
    where
        for<'a> &'a T: Read,
    {
        self.perform(Direction::Read, |mut inner| {
            #[cfg(greenlet_faults)]
            faults::strike_at(Site::Read, inner)?;
            inner.read_vectored(buffers)
        })
    }

    #[track_caller]
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize>
    where
        for<'a> &'a T: Write,
    {
        #[cfg(greenlet_faults)]
        let bytes = &bytes[..faults::shorter(bytes.len())];
        self.perform(Direction::Write, |mut inner| {
            #[cfg(greenlet_faults)]
            faults::strike_at(Site::Write, inner)?;
            inner.write(bytes)
        })
    }

    #[track_caller]
    pub(crate) fn write_vectored(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize>
    where
        for<'a> &'a T: Write,
    {
        self.perform(Direction::Write, |mut inner| {
            #[cfg(greenlet_faults)]
            faults::strike_at(Site::Write, inner)?;
            inner.write_vectored(slices)
        })
    }
}

impl Watch {
    fn line(&self, direction: Direction) -> &Permits {
        match direction {
            Direction::Read => &self.readers,
            Direction::Write => &self.writers,
        }
    }

    #[inline]
    fn check_open(&self) -> io::Result<()> {
        match self.closed.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(closed()),
        }
    }

    /// What a call failed of: it may have been closed after the look.
    #[cold]
    fn explain(&self, error: io::Error) -> io::Error {
        self.check_open().err().unwrap_or(error)
    }

    /// Waits for an edge, or the end of writing; false if the deadline has passed.
    #[track_caller]
    fn wait(
        &self,
        place: &Place<'_>,
        fd: BorrowedFd<'_>,
        direction: Direction,
        deadline: Deadline,
        key: Option<KeptKey>,
    ) -> io::Result<bool> {
        place.check();
        let reactor = place.hub.reactor()?;
        let key = match key {
            Some(key) => key,
            None => self.key(reactor, fd)?,
        };
        #[cfg(greenlet_faults)]
        if faults::has_pretended() {
            let mut kept = self.kept.lock();
            let kept = kept.iter_mut().find(|kept| kept.key(reactor).is_some());
            kept.expect("there is a key").report_again()?;
        }
        let arm = || place.seat.parker.arm();
        let (waiter, _writing) = match direction {
            Direction::Read => (arm(), None),
            Direction::Write => match self.modes.join_writers(arm) {
                Some(writing) => (writing.waiter, Some(writing)),
                None => {
                    // Writing has ended, so it ought to fail. Others have their turn if it still would block.
                    pass(place);
                    return Ok(!deadline.has_passed(clock::now()));
                }
            },
        };
        let registration = reactor.join_kept(key, direction, waiter);
        match park(place, waiter, deadline, &Readiness { fd, direction }) {
            Token::TIMED_OUT => Ok(false),
            Token::READY => Ok(true),
            token => {
                if direction == Direction::Read {
                    let last_plain = registration.last_plain();
                    self.last_plain.store(last_plain.0, Ordering::Relaxed);
                }
                registration.end(token).map(|()| true)
            }
        }
    }

    /// If there was nothing left to read, and nothing was reported since: how this thread's reactor knows the fd.
    #[inline]
    fn drained(&self, place: &Place<'_>) -> Option<KeptKey> {
        match self.drained_at.load(Ordering::Relaxed) {
            none if none == Report::NONE.0 => None,
            drained_at => self.if_last_report(place, drained_at),
        }
    }

    fn if_last_report(&self, place: &Place<'_>, number: u64) -> Option<KeptKey> {
        let reactor = place.hub.reactor_if_any()?;
        let key = self.kept.lock().iter().find_map(|kept| kept.key(reactor))?;
        // In a fork nothing is reported that came since.
        let is_last = reactor.last_report(key).0 == number && reactor.check().is_ok();
        is_last.then_some(key)
    }

    /// How this thread's reactor knows the fd.
    fn key(&self, reactor: &Reactor, fd: BorrowedFd<'_>) -> io::Result<KeptKey> {
        let mut kept = self.kept.lock();
        if let Some(key) = kept.iter().find_map(|kept| kept.key(reactor)) {
            return Ok(key);
        }
        kept.retain(|kept| !kept.is_stale());
        let new = reactor.keep(fd)?;
        let key = new.key(reactor).expect("kept just now, and here");
        kept.reserve_exact(1);
        kept.push(new);
        Ok(key)
    }
}

/// Gives the turn to the next (W5).
struct Turn<'a>(&'a Permits);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

/// Calls that need not wait are counted, and some let others have a turn first: whoever is always ready starves nobody.
#[inline]
#[track_caller]
pub(crate) fn spend(place: &Place<'_>) {
    if !place.hub.stretch.spend_call() {
        give_way(place);
    }
}

#[cold]
#[track_caller]
fn give_way(place: &Place<'_>) {
    pass(place);
}

/// The turn to wait for an fd, as reports tell it.
struct ItsTurn<'a>(Readiness<'a>);

impl Awaited for ItsTurn<'_> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its turn at ")?;
        self.0.describe(f)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::hub::sleep::sleep;
    use crate::sys::unix_net::UnixStream;
    use crate::task::spawn::spawn;

    const SOON: Duration = Duration::from_millis(1);

    /// One that still says that it would block. It panics if it is tried for ever.
    fn ended() -> (
        Evented<UnixStream>,
        impl FnMut(&UnixStream) -> io::Result<()>,
    ) {
        let stream = Evented::new(UnixStream::pair().unwrap().0);
        stream
            .shut_down(Shutdown::Write, UnixStream::shutdown)
            .unwrap();
        let began = clock::now();
        let call = move |_: &UnixStream| {
            assert!(began.elapsed() < Duration::from_secs(60), "a hot loop");
            Err(would_block())
        };
        (stream, call)
    }

    #[test]
    fn whoever_writes_what_would_block_after_the_end_of_writing_gives_way() {
        let (stream, mut blocks) = ended();
        let others = Rc::new(Cell::new(false));
        let ready = others.clone();
        let sleeper = spawn(move || {
            sleep(SOON);
            ready.set(true);
        });
        let done = stream.perform(Direction::Write, |inner| match others.get() {
            true => Ok(()),
            false => blocks(inner),
        });
        done.unwrap();
        sleeper.join().unwrap();
    }

    #[test]
    fn whoever_writes_what_would_block_after_the_end_of_writing_may_have_a_limit() {
        let (stream, blocks) = ended();
        let soon = Deadline::after(clock::now(), SOON);
        let done = stream.perform_until(Direction::Write, soon, blocks);
        assert_eq!(done.unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}
