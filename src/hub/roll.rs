//! The roll of the process's hubs: whom somebody elsewhere may ask.

use std::thread;

use crate::sys::fork;
use crate::util::primitive::Latch;
use crate::wait::parker::Home;

/// A hub that has begun and not ended.
#[derive(Clone)]
pub(crate) struct Enrolled {
    pub(crate) home: &'static Home,
    /// What its thread is called.
    pub(crate) thread: String,
    /// In which process: threads do not come along when that is forked.
    process: u32,
}

static ROLL: Latch<Vec<Enrolled>> = Latch::new(Vec::new());

/// Puts the calling thread's hub on the roll.
pub(crate) fn enroll(home: &'static Home) {
    let enrolled = Enrolled {
        home,
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
