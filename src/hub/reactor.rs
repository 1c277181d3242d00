//! Who waits for which file descriptor, and the poller that tells when one is ready.
//!
//! An fd that somebody waits for has an [`Interest`], whose number is the poller's key. There are two kinds:
//!
//! * For a *borrowed* fd it lasts as long as somebody waits: the first registers the fd, for both directions, and the last who leaves
//!   takes that back. So no registration outlives the calls that borrow the fd, and the number of a closed fd may be used again at once.
//! * Who owns an fd [keeps](Kept) it registered, from the first wait until he closes it, on whatever thread that is.
//!
//! The poller reports edges, and a report that finds nobody waiting is dropped. None is missed for that:
//!
//! * The first who waits is told of what is ready already, for registering an fd reports that.
//! * Whoever waits for a borrowed fd with others, or for one that was kept, has looked at the fd itself just before: the edge that made
//!   it ready may be long past. What comes after the look is an edge to come, since the poller is not asked in between.
//! * An edge wakes all who wait in its direction, in the order of coming. One might leave something behind, without a further
//!   edge for the next.
//!
//! A process that was forked off shares the poller with its parent, and leaves it alone: whoever waits there is told that the descriptor is bad.
//!
//! Nothing here leaves: whoever waits parks himself, and holds his [`Registration`] meanwhile (W5).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::mem;
use std::ptr;
use std::sync::{Arc, Weak};
use std::time::Duration;

#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::sys::fd::{AsFd, AsRawFd, BorrowedFd, Direction, OwnedFd, RawFd, closed, is_ready};
use crate::sys::fork;
use crate::sys::poller::{Poller, Ready};
use crate::util::primitive::{AtomicU64, Latch, Ordering};
use crate::util::slot_list::Key;
use crate::wait::parker::{Home, Token, Waiter};
use crate::wait::wait_queue::WaitQueue;

/// What a thread's hub knows of file descriptors.
pub(crate) struct Reactor {
    desk: Arc<Desk>,
    interests: RefCell<Interests>,
    /// Room for reports; empty otherwise.
    reports: RefCell<Vec<Ready>>,
    /// The poller was just asked: the thread has slept in it.
    fresh: Cell<bool>,
    last_report: Cell<Report>,
}

/// The number of a report. Those of all pollers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report(pub(crate) u64);

impl Report {
    /// None of those there are.
    pub(crate) const NONE: Report = Report(0);

    /// What comes before the first of a poller's own. Years later it might come to those of another one.
    fn zeroth() -> Report {
        static NEXT: AtomicU64 = AtomicU64::new(1 << 44);
        Report(NEXT.fetch_add(1 << 44, Ordering::Relaxed))
    }
}

/// What is reached from any thread, until its own ends.
struct Desk {
    poller: Poller,
    /// The process whose poller it is.
    generation: u32,
    /// Keys of what is not kept any more.
    returned: Latch<Vec<usize>>,
}

struct Interests {
    /// By the poller's keys. Those that are not in use keep their room.
    all: Vec<Interest>,
    unused: Vec<usize>,
    /// Those of borrowed fds.
    by_fd: HashMap<RawFd, usize>,
    /// Who waits, for whatever fd, and who was woken and has not yet run.
    registrations: usize,
}

struct Interest {
    /// Who waits, and who was woken and has not yet run.
    registrations: usize,
    /// What they say is the [place](Registration::end) that they are to be told.
    readers: WaitQueue<usize>,
    writers: WaitQueue<usize>,
    /// What is registered of a borrowed fd, if not itself.
    stand_in: Option<OwnedFd>,
    last_report: Report,
    /// The same, if it was a plain one which found a reader waiting.
    last_plain: Report,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Reactor {
            desk: Arc::new(Desk {
                poller: Poller::new()?,
                generation: fork::generation(),
                returned: Latch::new(Vec::new()),
            }),
            interests: RefCell::new(Interests {
                all: Vec::new(),
                unused: Vec::new(),
                by_fd: HashMap::new(),
                registrations: 0,
            }),
            reports: RefCell::default(),
            fresh: Cell::new(false),
            last_report: Cell::new(Report::zeroth()),
        })
    }

    /// Ends a [sleep](Self::sleep); from any thread.
    pub(crate) fn poke(&self) -> Arc<dyn Fn() + Send + Sync> {
        let desk = self.desk.clone();
        Arc::new(move || {
            if desk.is_ours() {
                desk.poller.poke();
            }
        })
    }

    /// Whether somebody waits for an fd.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.interests.borrow().registrations > 0
    }

    /// Registers a greenlet that waits for a borrowed fd, which then has to park with the ticket that `arm` gives. `None` if the fd is ready, as far as can be told.
    ///
    /// Who waits for several gives each a `place` of its own.
    pub(crate) fn join<'a>(
        &'a self,
        fd: BorrowedFd<'a>,
        direction: Direction,
        place: usize,
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
                wake_all(interests.all[key].queue(direction), 0);
                return Ok(None);
            }
            Some(&key) => key,
        };
        let waiter = arm();
        let push = |queue: &mut WaitQueue<usize>| queue.push(waiter, place);
        let registration = self.register(&mut interests, key, direction, Some(fd), push);
        Ok(Some((registration, waiter)))
    }

    /// Registers a greenlet that waits for a kept fd, which then has to park with `waiter`. The fd was just found not ready.
    ///
    /// Of a writer the ticket may lie in another queue as well, that other threads can reach.
    pub(crate) fn join_kept(
        &self,
        key: KeptKey,
        direction: Direction,
        waiter: Waiter,
    ) -> Registration<'_> {
        let interests = &mut *self.interests.borrow_mut();
        self.register(interests, key.0, direction, None, |queue| match direction {
            Direction::Read => queue.push(waiter, 0),
            Direction::Write => queue.push_shared(waiter, 0),
        })
    }

    fn register<'a>(
        &'a self,
        interests: &mut Interests,
        key: usize,
        direction: Direction,
        borrowed: Option<BorrowedFd<'a>>,
        push: impl FnOnce(&mut WaitQueue<usize>) -> Key,
    ) -> Registration<'a> {
        interests.registrations += 1;
        let interest = &mut interests.all[key];
        interest.registrations += 1;
        Registration {
            reactor: self,
            borrowed,
            key,
            direction,
            entry: Some(push(interest.queue(direction))),
        }
    }

    /// A new interest in a borrowed fd, for which somebody has to register at once.
    fn add(&self, interests: &mut Interests, fd: BorrowedFd<'_>) -> io::Result<usize> {
        let key = self.unused_key(interests);
        let stand_in = self.desk.add(fd, key)?;
        interests.unused.pop();
        interests.all[key].stand_in = stand_in;
        interests.by_fd.insert(fd.as_raw_fd(), key);
        Ok(key)
    }

    /// The key that [`Interests::unused`] ends with.
    fn unused_key(&self, interests: &mut Interests) -> usize {
        if interests.unused.is_empty() {
            let returned = mem::take(&mut *self.desk.returned.lock());
            interests.unused.extend(returned);
        }
        if interests.unused.is_empty() {
            interests.unused.push(interests.all.len());
            interests.all.push(Interest::new());
        }
        interests.unused[interests.unused.len() - 1]
    }

    /// Keeps an fd registered until what is returned is dropped, which the owner does before he closes it.
    pub(crate) fn keep(&self, fd: BorrowedFd<'_>) -> io::Result<Kept> {
        let mut interests = self.interests.borrow_mut();
        let key = self.unused_key(&mut interests);
        let stand_in = self.desk.add(fd, key)?;
        interests.unused.pop();
        Ok(Kept {
            desk: Arc::downgrade(&self.desk),
            key,
            fd: fd.as_raw_fd(),
            stand_in,
        })
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

    /// # Errors
    ///
    /// If the process was forked off since: nobody is told of anything here.
    pub(crate) fn check(&self) -> io::Result<()> {
        match self.desk.is_ours() {
            true => Ok(()),
            false => Err(closed()),
        }
    }

    /// The last report of a kept fd; of one that was not reported yet it may be another's, or none.
    pub(crate) fn last_report(&self, key: KeptKey) -> Report {
        self.interests.borrow().all[key.0].last_report
    }

    fn ask(&self, limit: Option<Duration>) -> io::Result<()> {
        self.check()?;
        self.desk.poller.wait(limit, &mut self.reports.borrow_mut())
    }

    fn wake(&self, asked: io::Result<()>) {
        let mut interests = self.interests.borrow_mut();
        for report in self.reports.borrow_mut().drain(..) {
            let interest = &mut interests.all[report.key];
            let number = Report(self.last_report.get().0.wrapping_add(1));
            self.last_report.set(number);
            interest.last_report = number;
            // If it wakes no reader, one may be on its way whom a report has woken that was not plain.
            interest.last_plain = match report.plain && !interest.readers.is_empty() {
                true => number,
                false => Report::NONE,
            };
            if report.readable {
                wake_all(&mut interest.readers, 0);
            }
            if report.writable {
                wake_all(&mut interest.writers, 0);
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
        let number = usize::try_from(number).unwrap_or_default();
        for interest in &mut self.all {
            wake_all(&mut interest.readers, number);
            wake_all(&mut interest.writers, number);
        }
    }
}

impl Desk {
    /// Whether the process is still the one that made it.
    fn is_ours(&self) -> bool {
        self.generation == fork::generation()
    }

    /// Registers an fd; or, if it is registered already, for another purpose, a second descriptor of the same, which is returned.
    fn add(&self, fd: BorrowedFd<'_>, key: usize) -> io::Result<Option<OwnedFd>> {
        if !self.is_ours() {
            return Err(closed());
        }
        match self.poller.add(fd, key) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                #[cfg(greenlet_faults)]
                faults::strike(Site::Duplicate)?;
                let stand_in = fd.try_clone_to_owned()?;
                self.poller.add(stand_in.as_fd(), key)?;
                Ok(Some(stand_in))
            }
            added => added.map(|()| None),
        }
    }

    /// An error says that the poller does not know it any more: somebody has closed it, which no safe code can.
    fn remove(&self, fd: RawFd, stand_in: Option<OwnedFd>) {
        if self.is_ours() {
            let registered = stand_in.as_ref().map_or(fd, AsRawFd::as_raw_fd);
            let _ = self.poller.remove(registered);
        }
    }
}

/// A registration that its fd's owner keeps.
pub(crate) struct Kept {
    /// The poller of a thread that has ended is closed, and its registrations are gone.
    desk: Weak<Desk>,
    key: usize,
    fd: RawFd,
    stand_in: Option<OwnedFd>,
}

/// By which a [`Kept`] is waited for on its thread.
#[derive(Clone, Copy)]
pub(crate) struct KeptKey(usize);

impl Kept {
    /// The key, if it is kept by this thread.
    pub(crate) fn key(&self, reactor: &Reactor) -> Option<KeptKey> {
        ptr::eq(self.desk.as_ptr(), &*reactor.desk).then_some(KeptKey(self.key))
    }

    /// Has it reported again if it is ready.
    #[cfg(greenlet_faults)]
    pub(crate) fn report_again(&self) -> io::Result<()> {
        let Some(desk) = self.desk.upgrade() else {
            return Ok(());
        };
        let registered = self.stand_in.as_ref().map_or(self.fd, AsRawFd::as_raw_fd);
        desk.poller.report_again(registered, self.key)
    }

    /// Whether the thread by which it is kept has ended.
    pub(crate) fn is_stale(&self) -> bool {
        self.desk.strong_count() == 0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(desk) = self.desk.upgrade() {
            desk.remove(self.fd, self.stand_in.take());
            desk.returned.lock().push(self.key);
        }
    }
}

impl Drop for Interests {
    fn drop(&mut self) {
        debug_assert!(
            self.registrations == 0,
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
            stand_in: None,
            last_report: Report::NONE,
            last_plain: Report::NONE,
        }
    }

    fn queue(&mut self, direction: Direction) -> &mut WaitQueue<usize> {
        match direction {
            Direction::Read => &mut self.readers,
            Direction::Write => &mut self.writers,
        }
    }
}

/// How many fds one may wait for at once. A token is a place below that, and the number of an error of the system times this, or none.
pub(crate) const PLACES: usize = 1 << 20;

/// Whose token it is, of several fds.
pub(crate) fn place_of(token: Token) -> usize {
    token.0 % PLACES
}

/// Wakes all, in order.
fn wake_all(queue: &mut WaitQueue<usize>, error: usize) {
    let token = |place: &mut usize| Token(error * PLACES + *place);
    while queue.wake_one_with(token).is_some() {}
}

/// A greenlet that waits for an fd, until this is dropped (W5).
pub(crate) struct Registration<'a> {
    reactor: &'a Reactor,
    /// An fd that nobody keeps.
    borrowed: Option<BorrowedFd<'a>>,
    key: usize,
    direction: Direction,
    /// Its place in the queue, until the reactor has woken it.
    entry: Option<Key>,
}

impl Registration<'_> {
    /// The last report, if that has woken the reader who asks, and was a plain one.
    pub(crate) fn last_plain(&self) -> Report {
        self.reactor.interests.borrow().all[self.key].last_plain
    }

    /// To be called with the token by which the reactor has woken the greenlet, on the registration whose [`place_of`] it tells.
    pub(crate) fn end(mut self, token: Token) -> io::Result<()> {
        self.entry = None;
        match i32::try_from(token.0 / PLACES) {
            Ok(number) if number != 0 => Err(io::Error::from_raw_os_error(number)),
            _ => Ok(()),
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
        interests.registrations -= 1;
        if let Some(fd) = self.borrowed
            && interest.registrations == 0
        {
            let stand_in = interest.stand_in.take();
            interests.by_fd.remove(&fd.as_raw_fd());
            interests.unused.push(self.key);
            self.reactor.desk.remove(fd.as_raw_fd(), stand_in);
        }
    }
}
