//! Waiting where no event tells when to go on.

use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::hub::sleep::{sleep, sleep_until};
use crate::sys::clock;
use crate::sys::fd::would_block;
use crate::util::deadline::Deadline;

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(50);

/// Does `attempt` until it would not block, sleeping longer and longer in between; `WouldBlock` if the deadline comes first.
#[track_caller]
pub(crate) fn retry<R>(
    deadline: Deadline,
    mut attempt: impl FnMut() -> io::Result<R>,
) -> io::Result<R> {
    let mut pause = SHORTEST;
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            done => return done,
        }
        match deadline {
            Deadline::At(end) if end <= clock::now() => return Err(would_block()),
            Deadline::At(end) if end <= clock::now() + pause => sleep_until(end),
            _ => sleep(pause),
        }
        pause = LONGEST.min(pause * 2);
    }
}
