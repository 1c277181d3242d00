//! Who waits for which file descriptor, and the poller that tells when one is ready.
//!
//! An fd that somebody waits for has an [`Interest`], whose number is the poller's key. The first who waits registers the fd, for both directions,
//! and the last who leaves takes that back. So no registration outlives the calls that borrow the fd, and the number of a closed
//! fd may be used again at once.
//!
//! The poller reports edges, and a report that finds nobody waiting is dropped. None is missed for that:
//!
//! * The first who waits is told of what is ready already, for registering an fd reports that.
//! * Whoever joins looks first, at the fd itself: the edge that made it ready may be long past. What comes after the look is
//!   an edge to come.
//! * An edge wakes all who wait in its direction, in the order of coming. One might leave something behind, without a further
//!   edge for the next.
//!
//! Nothing here leaves: whoever waits parks himself, and holds his [`Registration`] meanwhile (W5).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::sys::fd::{AsRawFd, BorrowedFd, Direction, RawFd, is_ready};
use crate::sys::poller::{Poller, Ready};
use crate::util::slot_list::Key;
use crate::wait::parker::{Home, Token, Waiter};
use crate::wait::wait_queue::WaitQueue;

/// What a thread's hub knows of file descriptors.
pub(crate) struct Reactor {
    poller: Arc<Poller>,
    interests: RefCell<Interests>,
    /// Room for reports; empty otherwise.
    reports: RefCell<Vec<Ready>>,
    /// The poller was just asked: the thread has slept in it.
    fresh: Cell<bool>,
}

struct Interests {
    /// By the poller's keys. Those that are not in use keep their room.
    all: Vec<Interest>,
    unused: Vec<usize>,
    by_fd: HashMap<RawFd, usize>,
}

struct Interest {
    /// Who waits, and who was woken and has not yet run.
    registrations: usize,
    readers: WaitQueue,
    writers: WaitQueue,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Reactor {
            poller: Arc::new(Poller::new()?),
            interests: RefCell::new(Interests {
                all: Vec::new(),
                unused: Vec::new(),
                by_fd: HashMap::new(),
            }),
            reports: RefCell::default(),
            fresh: Cell::new(false),
        })
    }

    /// Ends a [sleep](Self::sleep); from any thread.
    pub(crate) fn poke(&self) -> Arc<dyn Fn() + Send + Sync> {
        let poller = self.poller.clone();
        Arc::new(move || poller.poke())
    }

    /// Whether somebody waits for an fd.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        !self.interests.borrow().by_fd.is_empty()
    }

    /// Registers a greenlet, which then has to park with the ticket that `arm` gives. `None` if the fd is ready, as far as can be told.
    ///
    /// A registered greenlet is woken with [`Token::READY`], or with the number of an error of the system.
    pub(crate) fn join<'a>(
        &'a self,
        fd: BorrowedFd<'a>,
        direction: Direction,
        arm: impl FnOnce() -> Waiter,
    ) -> io::Result<Option<(Registration<'a>, Waiter)>> {
        let mut interests = self.interests.borrow_mut();
        let key = match interests.by_fd.get(&fd.as_raw_fd()) {
            None => match self.add(&mut interests, fd) {
                // What has no notion of readiness: a regular file, a directory, some devices.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
                added => added?,
            },
            Some(&key) if is_ready(fd, direction) => {
                // They came first.
                interests.all[key].queue(direction).wake_all(Token::READY);
                return Ok(None);
            }
            Some(&key) => key,
        };
        let interest = &mut interests.all[key];
        let waiter = arm();
        let entry = interest.queue(direction).push(waiter, ());
        interest.registrations += 1;
        let registration = Registration {
            reactor: self,
            fd,
            key,
            direction,
            entry: Some(entry),
        };
        Ok(Some((registration, waiter)))
    }

    /// A new interest, which somebody has to register for at once.
    fn add(&self, interests: &mut Interests, fd: BorrowedFd<'_>) -> io::Result<usize> {
        let key = match interests.unused.last() {
            Some(&key) => key,
            None => {
                interests.all.push(Interest::new());
                interests.unused.push(interests.all.len() - 1);
                interests.all.len() - 1
            }
        };
        self.poller.add(fd, key)?;
        interests.unused.pop();
        interests.by_fd.insert(fd.as_raw_fd(), key);
        Ok(key)
    }

    /// Sleeps until an fd is ready, a greenlet of this thread was woken from elsewhere, or `limit` has passed; may return early.
    pub(crate) fn sleep(&self, home: &Home, limit: Option<Duration>) {
        if !home.begin_sleep_elsewhere() {
            return;
        }
        let asked = self.ask(limit);
        home.end_sleep_elsewhere();
        self.wake(asked);
        self.fresh.set(true);
    }

    /// Wakes whoever waits for what is ready now.
    pub(crate) fn look(&self) {
        let asked = self.ask(Some(Duration::ZERO));
        self.wake(asked);
    }

    /// Whether a [sleep](Self::sleep) has looked since this was asked last.
    pub(crate) fn has_just_looked(&self) -> bool {
        self.fresh.take()
    }

    fn ask(&self, limit: Option<Duration>) -> io::Result<()> {
        self.poller.wait(limit, &mut self.reports.borrow_mut())
    }

    fn wake(&self, asked: io::Result<()>) {
        let mut interests = self.interests.borrow_mut();
        for report in self.reports.borrow_mut().drain(..) {
            let interest = &mut interests.all[report.key];
            if report.readable {
                interest.readers.wake_all(Token::READY);
            }
            if report.writable {
                interest.writers.wake_all(Token::READY);
            }
        }
        if let Err(error) = asked {
            interests.fail(&error);
        }
    }
}

impl Interests {
    /// The poller cannot be waited in: somebody may have closed its descriptors. Whoever relies on it is told.
    #[cold]
    fn fail(&mut self, error: &io::Error) {
        let number = error.raw_os_error().unwrap_or_default();
        let token = Token(usize::try_from(number).unwrap_or_default());
        for interest in &mut self.all {
            interest.readers.wake_all(token);
            interest.writers.wake_all(token);
        }
    }
}

impl Drop for Interests {
    fn drop(&mut self) {
        debug_assert!(
            self.by_fd.is_empty(),
            "a greenlet waits for an fd, and its hub is gone (W5)"
        );
    }
}

impl Interest {
    fn new() -> Self {
        Interest {
            registrations: 0,
            readers: WaitQueue::new(),
            writers: WaitQueue::new(),
        }
    }

    fn queue(&mut self, direction: Direction) -> &mut WaitQueue {
        match direction {
            Direction::Read => &mut self.readers,
            Direction::Write => &mut self.writers,
        }
    }
}

/// A greenlet that waits for an fd, until this is dropped (W5).
pub(crate) struct Registration<'a> {
    reactor: &'a Reactor,
    fd: BorrowedFd<'a>,
    key: usize,
    direction: Direction,
    /// Its place in the queue, until the reactor has woken it.
    entry: Option<Key>,
}

impl Registration<'_> {
    /// To be called with the token by which the reactor has woken the greenlet.
    pub(crate) fn end(mut self, token: Token) -> io::Result<()> {
        self.entry = None;
        match i32::try_from(token.0) {
            Ok(number) => Err(io::Error::from_raw_os_error(number)),
            Err(_) => Ok(()),
        }
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let interests = &mut *self.reactor.interests.borrow_mut();
        let interest = &mut interests.all[self.key];
        if let Some(entry) = self.entry {
            interest.queue(self.direction).leave(entry);
        }
        interest.registrations -= 1;
        if interest.registrations == 0 {
            interests.by_fd.remove(&self.fd.as_raw_fd());
            interests.unused.push(self.key);
            // An error says that the poller does not know it any more: somebody has closed it, which no safe code can.
            let _ = self.reactor.poller.remove(self.fd);
        }
    }
}
