//! Who keeps a thread to itself.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{Ordering, compiler_fence};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::debug::backtrace::Backtrace;
use crate::greenlet::thread::if_here;
use crate::hub::roll::{self, Beat, Enrolled};
use crate::hub::state::Hub;
use crate::sys::arena::{guard_size, usable_size};
use crate::sys::clock;
use crate::sys::probe::{self, Running};
use crate::util::id::GreenletId;
use crate::wait::sleepers::IdleHelper;

/// Tells when a greenlet keeps its thread from all others for too long: it computes, or is in a call that blocks and knows nothing of greenlets.
///
/// A thread of the library's own looks at every hub of the process, as long as this lives. One that has something to do and has not been visited for
/// longer than the limit is reported, once until it is visited again. On Linux, on x86-64, the report says who runs, and where: the
/// thread is sent a `SIGURG`, in whose handler it looks at its own stack. Calls that this interrupts are those that any signal would. Where is left out unless the
/// C library is glibc 2.35 or later: with others, a look at a stack may wait for a lock that the interrupted code holds. The stack is followed by what compilers say of
/// functions: `asm!` that moves the stack pointer and says nothing of it leads astray, perhaps to where no memory is, and then the process ends.
///
/// A handler of `SIGURG` that the program had before is called as well, as if somebody had sent it one; one that is installed later has to hand on what is not its own, or
/// there are no answers.
///
/// Costs a store or two at each visit, which are made in any case.
///
/// ```
/// use greenlet::debug::Watchdog;
/// use std::sync::mpsc;
/// use std::time::{Duration, Instant};
///
/// let (tell, told) = mpsc::channel();
/// let _watchdog = Watchdog::with(Duration::from_millis(20), move |hogged| _ = tell.send(hogged)).unwrap();
/// let hog = greenlet::Greenlet::builder().name("hog").spawn(move || {
///     let began = Instant::now();
///     while began.elapsed() < Duration::from_secs(60) && told.try_recv().is_err() {}
///     began.elapsed()
/// });
/// assert!(hog.join().unwrap() >= Duration::from_millis(20));
/// ```
#[derive(Debug)]
pub struct Watchdog {
    /// Dropped to end it.
    _alive: Sender<()>,
}

/// A thread that is kept from its greenlets, as a [`Watchdog`] tells it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Hogged {
    /// What the thread is called.
    pub thread: String,
    /// For how long its hub has not been visited, at least.
    pub since: Duration,
    /// The greenlet that runs; `None` if the thread has not answered.
    pub greenlet: Option<GreenletId>,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// The calls that it is in, if they could be looked at.
    pub backtrace: Backtrace,
}

impl Watchdog {
    /// Writes its reports to standard error.
    ///
    /// # Errors
    ///
    /// If there is no thread to be had.
    pub fn new(limit: Duration) -> io::Result<Watchdog> {
        // In one piece, however long it takes to find out what calls are called.
        Watchdog::with(limit, |hogged| {
            _ = io::stderr().write_all(hogged.to_string().as_bytes())
        })
    }

    /// Calls `tell` with its reports, on its own thread.
    ///
    /// # Errors
    ///
    /// If there is no thread to be had.
    pub fn with(
        limit: Duration,
        mut tell: impl FnMut(Hogged) + Send + 'static,
    ) -> io::Result<Watchdog> {
        let (alive, ended) = channel();
        let limit = limit.max(SHORTEST);
        let watch = move || {
            let mut seen = HashMap::new();
            loop {
                // It wakes nobody, so it is no reason to wait for anything.
                let idle = IdleHelper::begin();
                let end = ended.recv_timeout(limit / 4);
                drop(idle);
                if end != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                look(&mut seen, limit, &mut tell);
            }
        };
        thread::Builder::new()
            .name("greenlet-watchdog".to_owned())
            .spawn(watch)?;
        Ok(Watchdog { _alive: alive })
    }
}

/// Shorter limits are as long.
const SHORTEST: Duration = Duration::from_millis(1);

/// A hub as it was found last.
struct Seen {
    visits: u64,
    since: Instant,
    told: bool,
}

fn look(seen: &mut HashMap<*const Beat, Seen>, limit: Duration, tell: &mut dyn FnMut(Hogged)) {
    let now = clock::now();
    let roll = roll::call();
    seen.retain(|beat, _| {
        let mut enrolled = roll.iter();
        enrolled.any(|enrolled| Arc::as_ptr(&enrolled.beat) == *beat)
    });
    for enrolled in roll {
        let key = Arc::as_ptr(&enrolled.beat);
        let Some(visits) = enrolled.beat.visits() else {
            seen.remove(&key);
            continue;
        };
        let fresh = Seen {
            visits,
            since: now,
            told: false,
        };
        let last = seen.entry(key).or_insert(fresh);
        if last.visits != visits {
            *last = Seen {
                visits,
                since: now,
                told: false,
            };
        }
        let since = now.saturating_duration_since(last.since);
        if since >= limit && !last.told {
            let hogged = ask(&enrolled, since);
            let is_still_kept = enrolled.beat.visits() == Some(visits);
            match hogged {
                Some(hogged) if is_still_kept => {
                    last.told = true;
                    tell(hogged);
                }
                // Somebody may be spawned yet.
                _ => last.since = now,
            }
        }
    }
}

/// Who keeps a thread from its others; `None` if there are none.
fn ask(enrolled: &Enrolled, since: Duration) -> Option<Hogged> {
    let found = probe::ask(enrolled.beat.os_thread(), running);
    let others = match &found {
        None => enrolled.beat.spawned() > 0,
        // It has ended, and another one has its number.
        Some(found) if found.hub != hub_number(&enrolled.beat) => return None,
        Some(found) => found.others,
    };
    let mut hogged = Hogged {
        thread: enrolled.thread.clone(),
        since,
        greenlet: None,
        name: None,
        backtrace: Backtrace::default(),
    };
    if let Some(found) = found {
        hogged.greenlet = GreenletId::from_number(found.id);
        hogged.name = found.name;
        hogged.backtrace = Backtrace::of_greenlet(&found.frames, usize::MAX);
    }
    others.then_some(hogged)
}

/// Tells a hub from all others, as long as it is known to anybody.
fn hub_number(beat: &Arc<Beat>) -> usize {
    Arc::as_ptr(beat).addr()
}

/// Who runs on the calling thread, which was interrupted.
fn running(stack_pointer: usize) -> Option<Running> {
    let thread = if_here()?;
    if thread.ending.get() {
        // Its hub may be going just now.
        return None;
    }
    if thread.hub.get().is_null() {
        return None;
    }
    // Set when the hub was whole; what is read from here on was not read before.
    compiler_fence(Ordering::Acquire);
    let block = thread.running();
    let is_main = block.stack_limit.get() == 0;
    let floor = block.stack_limit.get() + guard_size();
    let hub = Hub::of(thread);
    Some(Running {
        hub: hub_number(&hub.beat),
        id: block.id.get(),
        name: block.name.as_deref(),
        others: !is_main || hub.spawned.get() > 0,
        stack: match is_main {
            // The thread's own, unless it is about to be left for it.
            true => {
                (thread.arena.contains(stack_pointer) == Some(false)).then_some((0, usize::MAX))
            }
            false => Some((
                floor,
                floor + usable_size(block.stack_limit.get(), block.stack_size),
            )),
        },
    })
    .filter(|_| stack_pointer != 0)
}

impl fmt::Display for Hogged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hogged { thread, since, .. } = self;
        match (&self.name, self.greenlet) {
            (Some(name), Some(id)) => write!(f, "greenlet `{name}` ({id})")?,
            (None, Some(id)) => write!(f, "greenlet {id}")?,
            (_, None) => write!(f, "somebody")?,
        }
        let seconds = since.as_secs_f64();
        writeln!(f, " keeps thread {thread} to itself, for {seconds:.3} s")?;
        for frame in self.backtrace.frames() {
            writeln!(f, "    in {frame}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::begin::place;
    use crate::task::spawn::spawn;

    #[test]
    fn another_thread_that_has_its_number_does_not_answer_for_one_that_has_ended() {
        let own = place().hub.home;
        let mut roll = roll::call();
        let at = roll.iter().position(|it| std::ptr::eq(it.home, own));
        let mut enrolled = roll.swap_remove(at.unwrap());
        let waits = spawn(|| ());
        assert_eq!(
            ask(&enrolled, Duration::ZERO).is_some(),
            cfg!(target_os = "linux")
        );
        // As one has that was enrolled before, for a thread with this one's number.
        enrolled.beat = Arc::default();
        assert!(ask(&enrolled, Duration::ZERO).is_none());
        waits.join().unwrap();
    }
}
