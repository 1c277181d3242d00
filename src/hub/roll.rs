//! The roll of the process's hubs: whom somebody elsewhere may ask.

use std::sync::Arc;
use std::thread;

use crate::sys::fork;
use crate::sys::os_thread::{self, ThreadId};
use crate::util::primitive::{AtomicBool, AtomicU64, AtomicUsize, Latch, Ordering};
use crate::wait::parker::Home;

/// A hub that has begun and not ended.
#[derive(Clone)]
pub(crate) struct Enrolled {
    pub(crate) home: &'static Home,
    pub(crate) beat: Arc<Beat>,
    /// What its thread is called.
    pub(crate) thread: String,
    pub(crate) os_thread: ThreadId,
    /// In which process: threads do not come along when that is forked.
    process: u32,
}

/// What others see of a hub at any time.
#[derive(Default)]
pub(crate) struct Beat {
    visits: AtomicU64,
    asleep: AtomicBool,
    spawned: AtomicUsize,
}

impl Beat {
    /// The hub is visited.
    pub(crate) fn visit(&self, spawned: usize) {
        // Only its own thread writes, so no exchange is needed.
        let visits = self.visits.load(Ordering::Relaxed);
        self.visits.store(visits + 1, Ordering::Relaxed);
        self.spawned.store(spawned, Ordering::Relaxed);
    }

    /// The thread has nothing to do, or has again.
    pub(crate) fn set_asleep(&self, asleep: bool) {
        self.asleep.store(asleep, Ordering::Relaxed);
    }

    /// How often the hub was visited; `None` as long as it has nothing to do.
    pub(crate) fn visits(&self) -> Option<u64> {
        let asleep = self.asleep.load(Ordering::Relaxed);
        (!asleep).then(|| self.visits.load(Ordering::Relaxed))
    }

    /// How many spawned greenlets there were at the last visit.
    pub(crate) fn spawned(&self) -> usize {
        self.spawned.load(Ordering::Relaxed)
    }
}

static ROLL: Latch<Vec<Enrolled>> = Latch::new(Vec::new());

/// Puts the calling thread's hub on the roll.
pub(crate) fn enroll(home: &'static Home, beat: Arc<Beat>) {
    let enrolled = Enrolled {
        home,
        beat,
        os_thread: os_thread::current(),
        thread: thread_name(),
        process: fork::generation(),
    };
    ROLL.lock().push(enrolled);
}

/// Takes a hub off the roll.
pub(crate) fn strike_off(home: &'static Home) {
    ROLL.lock()
        .retain(|enrolled| !std::ptr::eq(enrolled.home, home));
}

/// All hubs of this process, in the order in which they began.
pub(crate) fn call() -> Vec<Enrolled> {
    let process = fork::generation();
    let roll = ROLL.lock();
    let ours = roll.iter().filter(|enrolled| enrolled.process == process);
    ours.cloned().collect()
}

/// What the calling thread is called.
pub(crate) fn thread_name() -> String {
    let thread = thread::current();
    match thread.name() {
        Some(name) => format!("`{name}`"),
        None => format!("{:?}", thread.id()),
    }
}
