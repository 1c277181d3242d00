//! Where the result of a job waits for whoever joins it, on whatever thread.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::greenlet::unwind::exit;
use crate::hub::awaited::Awaited;
use crate::hub::wait_on::{Waited, wait_on};
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::util::primitive::Latch;
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// Shared by a job and its handle.
pub(crate) struct Packet<R>(Latch<End<R>>);

struct End<R> {
    finished: bool,
    result: Option<thread::Result<R>>,
    joiners: WaitQueue,
}

impl<R> Packet<R> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Packet(Latch::new(End {
            finished: false,
            result: None,
            joiners: WaitQueue::new(),
        })))
    }

    /// Puts the result down, and wakes whoever waits for it.
    fn complete(&self, result: thread::Result<R>) {
        let mut end = self.0.lock();
        end.finished = true;
        end.result = Some(result);
        end.joiners.wake_all(Token::READY);
    }

    /// A promise to [`complete`](Self::complete) it. If that is dropped, so was the job.
    pub(crate) fn promise(self: &Arc<Self>) -> Promise<R> {
        Promise(Some(self.clone()))
    }

    #[track_caller]
    fn wait(&self, deadline: Deadline) -> bool {
        let waited = wait_on(
            &self.0,
            deadline,
            self,
            |end| match end.finished {
                true => Ok(()),
                false => Err(()),
            },
            |end| &mut end.joiners,
        );
        !matches!(waited, Waited::TimedOut(()))
    }
}

pub(crate) struct Promise<R>(Option<Arc<Packet<R>>>);

impl<R> Promise<R> {
    pub(crate) fn keep(mut self, result: thread::Result<R>) {
        if let Some(packet) = self.0.take() {
            packet.complete(result);
        }
    }
}

impl<R> Drop for Promise<R> {
    fn drop(&mut self) {
        if let Some(packet) = self.0.take() {
            packet.complete(Err(exit()));
        }
    }
}

impl<R> Awaited for Packet<R> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the end of a job in a `ThreadPool`")
    }
}

/// A job in a [`ThreadPool`](crate::threadpool::ThreadPool), from outside. Dropping the handle detaches: the job is done all the same.
///
/// It may be joined on any thread.
#[must_use = "dropping it detaches the job"]
pub struct JoinHandle<R> {
    packet: Arc<Packet<R>>,
}

impl<R> JoinHandle<R> {
    pub(crate) fn new(packet: Arc<Packet<R>>) -> Self {
        JoinHandle { packet }
    }

    /// Waits for the end of the job and gives its result. Only the caller's greenlet waits.
    ///
    /// Switches unless it has ended already. If the caller is killed or its limit elapses while it waits, the job is detached; nothing
    /// can interrupt it.
    ///
    /// # Errors
    ///
    /// What the job panicked with; or a [`GreenletExit`](crate::GreenletExit) if it was never done, for the system refused the pool its
    /// only thread.
    #[track_caller]
    pub fn join(self) -> thread::Result<R> {
        self.wait();
        self.take()
    }

    /// As [`join`](Self::join), for so long at most; then the handle is given back.
    ///
    /// # Errors
    ///
    /// The handle, if the job has not ended by then.
    #[track_caller]
    pub fn join_timeout(self, limit: Duration) -> Result<thread::Result<R>, Self> {
        match self.wait_timeout(limit) {
            true => Ok(self.take()),
            false => Err(self),
        }
    }

    /// Waits for the end, and leaves the result for a later [`join`](Self::join).
    #[track_caller]
    pub fn wait(&self) {
        self.packet.wait(Deadline::Never);
    }

    /// As [`wait`](Self::wait), for so long at most; whether it has ended.
    #[track_caller]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.packet.wait(Deadline::after(clock::now(), limit))
    }

    /// Whether the job has ended.
    pub fn is_finished(&self) -> bool {
        self.packet.0.lock().finished
    }

    fn take(&self) -> thread::Result<R> {
        let result = self.packet.0.lock().result.take();
        result.expect("it ended, and is joined once")
    }
}

impl<R> fmt::Debug for JoinHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("finished", &self.is_finished())
            .finish()
    }
}
