//! Waiting for a lock of a file.

use std::cell::RefCell;
use std::fs::TryLockError;
use std::io;
use std::time::Duration;

use crate::hub::awaited::Plain;
use crate::hub::wait_on::wait_on;
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::wait::wait_queue::WaitQueue;

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Tries until it succeeds. The system would have to be waited for by a thread, which nobody could call back: a few locks that are never
/// given up would leave no thread for others.
#[track_caller]
pub(crate) fn wait_for_lock(try_lock: impl Fn() -> Result<(), TryLockError>) -> io::Result<()> {
    let mut pause = FIRST_PAUSE;
    loop {
        match try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        let until = Deadline::after(clock::now(), pause);
        // A sleep, that is called by its name in reports.
        wait_on(
            &RefCell::new(WaitQueue::new()),
            until,
            &Plain("the lock of a file"),
            |_| Err::<(), ()>(()),
            |queue| queue,
        );
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
