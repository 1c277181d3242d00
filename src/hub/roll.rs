//! The roll of the process's hubs: whom somebody elsewhere may ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32};
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
}

/// What others see of a hub at any time.
#[derive(Default)]
pub(crate) struct Beat {
    visits: AtomicU64,
    asleep: AtomicBool,
    spawned: AtomicUsize,
    os_thread: AtomicI32,
    /// In which process the thread is. When that is forked only the thread that does so comes along.
    process: AtomicU32,
}

impl Beat {
    /// The hub is visited.
    pub(crate) fn visit(&self, spawned: usize) {
        // Only its own thread writes, so no exchange is needed.
        let visits = self.visits.load(Ordering::Relaxed);
        self.visits.store(visits + 1, Ordering::Relaxed);
        self.spawned.store(spawned, Ordering::Relaxed);
        if self.process.load(Ordering::Relaxed) != fork::known_generation() {
            self.arrive();
        }
    }

    /// The thread is in this process, which it may not have been before.
    #[cold]
    fn arrive(&self) {
        self.os_thread
            .store(os_thread::current(), Ordering::Relaxed);
        // Release: who finds it in this process finds its number here.
        self.process.store(fork::generation(), Ordering::Release);
    }

    /// Whether the thread is in the process of that generation.
    fn is_in(&self, process: u32) -> bool {
        self.process.load(Ordering::Acquire) == process
    }

    /// How the system calls the thread.
    pub(crate) fn os_thread(&self) -> ThreadId {
        self.os_thread.load(Ordering::Relaxed)
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
    beat.arrive();
    let enrolled = Enrolled {
        home,
        beat,
        thread: thread_name(),
    };
    ROLL.lock().push(enrolled);
}

/// Takes a hub off the roll.
pub(crate) fn strike_off(home: &'static Home) {
    ROLL.lock()
        .retain(|enrolled| !std::ptr::eq(enrolled.home, home));
}

/// All hubs of this process, in the order in which they began; that of the thread that forked it off from its first visit there.
pub(crate) fn call() -> Vec<Enrolled> {
    let process = fork::generation();
    let roll = ROLL.lock();
    let ours = roll.iter().filter(|enrolled| enrolled.beat.is_in(process));
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
