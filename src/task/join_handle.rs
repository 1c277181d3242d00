//! Waiting for, and killing, a spawned greenlet.

use std::fmt;
use std::thread;
use std::time::Duration;

use crate::greenlet::block::AnyGreenlet;
use crate::greenlet::unwind::{self, Payload};
use crate::hub::interrupt::interrupt;
use crate::sys::clock;
use crate::task::packet::Packet;
use crate::util::deadline::Deadline;

/// A spawned greenlet, from outside: to wait for its end, take its result, kill it.
///
/// Dropping the handle detaches: the greenlet goes on.
///
/// ```
/// let handle = greenlet::spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
/// ```
///
/// It belongs to the thread of the greenlet:
///
/// ```compile_fail,E0277
/// let handle = greenlet::spawn(|| ());
/// std::thread::spawn(move || handle.join());
/// ```
pub struct JoinHandle<T> {
    packet: Packet<T>,
}

impl<T> JoinHandle<T> {
    #[inline]
    pub(crate) fn new(packet: Packet<T>) -> Self {
        JoinHandle { packet }
    }

    pub(crate) fn packet(&self) -> &Packet<T> {
        &self.packet
    }

    /// Waits for the end and gives the result: `Err` with the payload if a panic ended it, and with
    /// [`GreenletExit`](crate::GreenletExit) if it was killed.
    ///
    /// Switches unless it has ended already. If the joiner is killed or its limit elapses while it waits, the greenlet is detached.
    ///
    /// # Panics
    ///
    /// If a greenlet joins itself.
    #[inline]
    #[track_caller]
    pub fn join(self) -> thread::Result<T> {
        self.packet.wait(Deadline::Never);
        self.packet.take()
    }

    /// As [`join`](Self::join), for so long at most; then the handle is given back.
    ///
    /// # Errors
    ///
    /// The handle, if the greenlet has not ended by then.
    ///
    /// # Panics
    ///
    /// If a greenlet joins itself.
    #[track_caller]
    pub fn join_timeout(self, limit: Duration) -> Result<thread::Result<T>, Self> {
        match self.wait_timeout(limit) {
            true => Ok(self.packet.take()),
            false => Err(self),
        }
    }

    /// Waits for the end, and leaves the result for a later [`join`](Self::join). Any number of greenlets may wait; they go on in the order in which they
    /// began to.
    ///
    /// # Panics
    ///
    /// If a greenlet waits for itself.
    #[track_caller]
    pub fn wait(&self) {
        self.packet.wait(Deadline::Never);
    }

    /// As [`wait`](Self::wait), for so long at most; whether it has ended.
    ///
    /// # Panics
    ///
    /// If a greenlet waits for itself.
    #[track_caller]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.packet.wait(Deadline::after(clock::now(), limit))
    }

    /// Whether it has ended, or was killed before it ran.
    pub fn is_finished(&self) -> bool {
        self.packet.outcome().is_some()
    }

    /// Kills the greenlet: [`GreenletExit`](crate::GreenletExit) is raised at its present or next wait. One that has not run never will, and
    /// has ended when this returns.
    ///
    /// Does not wait and does not switch: [`wait`](Self::wait) for the end, if that matters. If the greenlet was woken already, say by a lock that was handed to it, it goes
    /// on with that, and is hit at its next wait. While it unwinds it is not hit again. A second kill before the first has struck does nothing, nor does
    /// one of a greenlet that has ended.
    ///
    /// ```
    /// use std::time::Duration;
    /// use greenlet::GreenletExit;
    ///
    /// let handle = greenlet::spawn(|| greenlet::sleep(Duration::from_secs(3600)));
    /// greenlet::yield_now(); // it runs, and sleeps
    /// handle.kill();
    /// let payload = handle.join().unwrap_err();
    /// assert!(payload.is::<GreenletExit>());
    /// ```
    pub fn kill(&self) {
        interrupt(self.packet.greenlet(), unwind::exit());
    }

    /// As [`kill`](Self::kill), with a payload of one's own.
    pub fn throw(&self, payload: Payload) {
        interrupt(self.packet.greenlet(), payload);
    }

    /// Names the greenlet.
    pub fn greenlet(&self) -> AnyGreenlet {
        self.packet.greenlet().clone()
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        self.packet.detach();
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JoinHandle")
            .field(self.packet.greenlet())
            .finish()
    }
}
