//! Waiting for the end of a child process.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use crate::hub::sleep::sleep;
use crate::readiness::evented::Evented;
use crate::sys::child;
#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::sys::fd::{Direction, OwnedFd, would_block};

/// How soon a child is looked at again where the system tells of no end; doubled each time.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(50);

/// How the end of a child is learnt of.
pub(crate) enum Ending {
    /// Nobody has waited yet, or it was learnt.
    Unasked,
    Told(Box<Evented<OwnedFd>>),
    /// The system does not tell.
    Untold,
}

impl Ending {
    /// Waits until the child has ended. Interrupts come before a look, and what a look has found std keeps.
    #[track_caller]
    pub(crate) fn wait(&mut self, child: &mut Child) -> io::Result<ExitStatus> {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if let Ending::Unasked = self {
            *self = match child::end_of(child) {
                Some(fd) => Ending::Told(Box::new(Evented::new(fd))),
                None => Ending::Untold,
            };
        }
        let status = match self {
            Ending::Told(end) => end.perform(Direction::Read, |_| {
                #[cfg(greenlet_faults)]
                faults::strike(Site::Child)?;
                child.try_wait()?.ok_or_else(would_block)
            })?,
            _ => look_again_and_again(child)?,
        };
        *self = Ending::Unasked;
        Ok(status)
    }
}

#[track_caller]
fn look_again_and_again(child: &mut Child) -> io::Result<ExitStatus> {
    let mut pause = FIRST_LOOK;
    loop {
        sleep(pause);
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        pause = LAST_LOOK.min(pause * 2);
    }
}

/// For tests: as if the system told of no end.
pub fn without_pidfd(without: bool) {
    child::do_without(without);
}
