//! Greenlets as `std::thread` calls its threads: [`Thread`], and parking.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::greenlet::block::{AnyGreenlet, Block};
use crate::greenlet::thread::here;
use crate::hub::awaited::Plain;
use crate::hub::wait_on::wait_on;
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::util::id::GreenletId;
use crate::util::primitive::Latch;
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// A greenlet, as [`std::thread::Thread`] is a thread: it can be named and [unparked](Self::unpark) from any greenlet and any
/// thread.
///
/// The main greenlet of an OS thread has that thread's name.
///
/// ```
/// use greenlet::thread;
///
/// let sleeper = thread::spawn(|| thread::park());
/// thread::yield_now(); // it runs, and parks
/// let thread = sleeper.thread().clone();
/// std::thread::spawn(move || thread.unpark()).join().unwrap();
/// sleeper.join().unwrap();
/// ```
#[derive(Clone)]
pub struct Thread(Arc<Inner>);

struct Inner {
    id: GreenletId,
    name: Option<Box<str>>,
    state: Latch<State>,
}

struct State {
    /// It was unparked, and has not parked since.
    token: bool,
    /// The greenlet itself, while it is parked.
    parked: WaitQueue,
}

/// Names a greenlet for the whole life of the process; after [`std::thread::ThreadId`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThreadId(GreenletId);

impl fmt::Debug for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThreadId({})", self.0.get())
    }
}

/// What a greenlet's locals hold of it. There may be several, for locals can be shared; those that are dead go when another one comes.
#[derive(Default)]
struct Known(RefCell<Vec<(AnyGreenlet, Thread)>>);

/// Its address is the key among the locals.
static KEY: u8 = 0;

impl Thread {
    /// The one of a greenlet of this thread. Of one that is dead, or about to be, each is another, which nobody parks on.
    pub(crate) fn of(greenlet: &AnyGreenlet) -> Self {
        let block = greenlet.block();
        if block.locals_gone.get() || block.is_dead() {
            return Self::new(block);
        }
        let known = known(block);
        let mut known = known.0.borrow_mut();
        if let Some((_, thread)) = known.iter().find(|(it, _)| it == greenlet) {
            return thread.clone();
        }
        known.retain(|(it, _)| !it.is_dead());
        let new = Self::new(block);
        known.push((greenlet.clone(), new.clone()));
        new
    }

    fn new(block: &Block) -> Self {
        let name = match block.is_main() {
            true => std::thread::current().name().map(Box::from),
            false => block.name.clone(),
        };
        Thread(Arc::new(Inner {
            id: block.id,
            name,
            state: Latch::new(State {
                token: false,
                parked: WaitQueue::new(),
            }),
        }))
    }

    /// Which one it is.
    pub fn id(&self) -> ThreadId {
        ThreadId(self.0.id)
    }

    /// The name that it was [built](crate::thread::Builder::name) with.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Has the greenlet's present or next [`park`] return. Several before that are one. Never switches.
    pub fn unpark(&self) {
        let mut state = self.0.state.lock();
        if state.parked.wake_one(Token::READY).is_none() {
            state.token = true;
        }
    }

    #[track_caller]
    fn park(&self, deadline: Deadline) {
        // Woken or timed out: std does not tell either.
        let _ = wait_on(
            &self.0.state,
            deadline,
            &Plain("being unparked"),
            |state| match std::mem::take(&mut state.token) {
                true => Ok(()),
                false => Err(()),
            },
            |state| &mut state.parked,
        );
    }
}

fn known(block: &Block) -> Rc<Known> {
    let map = block.locals.borrow_mut().get_or_insert_default().clone();
    let key = (&raw const KEY).addr();
    let found = map.get(key).unwrap_or_else(|| {
        let new: Rc<dyn Any> = Rc::<Known>::default();
        // A greenlet that inherits is another one.
        map.insert(key, new.clone(), |_| None);
        new
    });
    found.downcast().expect("a key has one type")
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// The running greenlet.
///
/// ```
/// use greenlet::thread;
///
/// let named = thread::Builder::new().name("seven".into()).spawn(thread::current)?;
/// assert_eq!(named.join().unwrap().name(), Some("seven"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn current() -> Thread {
    Thread::of(&here().current())
}

/// Waits until somebody [unparks](Thread::unpark) this greenlet; returns at once if somebody has since it last parked.
///
/// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait. In a destructor of a
/// greenlet-local it returns at once: nobody can tell the greenlet by then.
#[track_caller]
pub fn park() {
    if !here().running().locals_gone.get() {
        current().park(Deadline::Never);
    }
}

/// As [`park`], for so long at most.
///
/// ```
/// use greenlet::thread;
/// use std::time::Duration;
///
/// thread::current().unpark();
/// thread::park_timeout(Duration::from_secs(3600)); // does not wait
/// ```
#[track_caller]
pub fn park_timeout(limit: Duration) {
    if !here().running().locals_gone.get() {
        current().park(Deadline::after(clock::now(), limit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::greenlet::builder::GreenletBuilder;

    #[test]
    fn shared_locals_do_not_fill_up_with_the_dead() {
        let me = current();
        let share = || GreenletBuilder::new().share_locals();
        let parked = share().spawn(park);
        for _ in 0..100 {
            share().spawn(current).join().unwrap();
        }
        assert!(known(here().running()).0.borrow().len() <= 3);
        // Those that live are still known.
        assert_eq!(current().id(), me.id());
        Thread::of(&parked.greenlet()).unpark();
        parked.join().unwrap();
    }
}
