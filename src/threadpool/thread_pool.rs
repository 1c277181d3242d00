//! Work on OS threads.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::greenlet::panicking::unwind_in;
use crate::hub::begin::place;
use crate::pool::bounded::result_or_panic;
use crate::pool::imap::{Call, Imap, ImapUnordered, Promise};
use crate::sys::clock;
use crate::task::join_handle::JoinHandle as GreenletHandle;
use crate::task::spawn::spawn;
use crate::threadpool::packet::{JoinHandle, Packet};
use crate::threadpool::workers::Workers;
use crate::util::deadline::Deadline;

/// OS threads that run closures, while only the greenlets wait that want their results.
///
/// Threads are started when there is work and none is free, so many at most; one that has had nothing to do for some seconds ends. What no
/// thread is free for is queued, without bound, in the order of coming. A clone is the same pool, and it may be used on any thread.
///
/// Dropping the last clone waits for nobody: what is queued is done all the same, unless the process ends before, and then the threads
/// end.
///
/// A job cannot be interrupted. A greenlet that is killed, or whose limit elapses, while it waits for a job leaves the job alone. A job may itself use
/// this crate, on its thread; greenlets that it leaves behind there run only while a job of that thread waits.
///
/// ```
/// use greenlet::threadpool::ThreadPool;
///
/// let pool = ThreadPool::new(4);
/// let ticks = greenlet::spawn(|| for _ in 0..3 { greenlet::yield_now() });
/// // Only this greenlet waits.
/// let sum: u64 = pool.apply(|| (0..1_000_000).sum());
/// assert_eq!(sum, 499_999_500_000);
/// ticks.join().unwrap();
/// ```
#[derive(Clone)]
pub struct ThreadPool {
    owner: Arc<Owner>,
}

/// What the clones share, and the threads do not.
struct Owner(Arc<Workers>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl ThreadPool {
    /// With so many threads at most.
    ///
    /// # Panics
    ///
    /// If it is to have none.
    pub fn new(threads: usize) -> Self {
        assert!(threads > 0, "a pool without threads does nothing");
        ThreadPool {
            owner: Arc::new(Owner(Workers::new(threads))),
        }
    }

    fn workers(&self) -> &Arc<Workers> {
        &self.owner.0
    }

    /// Has a thread run `f`. Does not wait and does not switch.
    ///
    /// A panic in `f` is the `Err` of [`join`](JoinHandle::join); the panic hook runs on the thread.
    ///
    /// # Panics
    ///
    /// If the pool has no thread, and the system refuses one.
    pub fn spawn<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let packet = Packet::new();
        let promise = packet.promise();
        self.workers().submit(Box::new(move || {
            promise.keep(catch_unwind(AssertUnwindSafe(f)));
        }));
        JoinHandle::new(packet)
    }

    /// Has a thread run `f`, and waits for its result. On a thread of the pool, `f` is called where it is.
    ///
    /// Switches. If the caller is killed or its limit elapses, `f` goes on.
    ///
    /// # Panics
    ///
    /// With what `f` panics with, and as [`spawn`](Self::spawn).
    #[track_caller]
    pub fn apply<F, R>(&self, f: F) -> R
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        if self.workers().run_caller() {
            return f();
        }
        result_or_panic(self.spawn(f).join())
    }

    /// Has a thread run `f`, and then `callback` called with its result, if it has one, in a greenlet of the caller's thread. Does not switch.
    ///
    /// The handle is that of the greenlet. Killing it leaves the job alone.
    #[track_caller]
    pub fn apply_async<F, C, R>(&self, f: F, callback: C) -> GreenletHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        C: FnOnce(&R) + 'static,
        R: Send + 'static,
    {
        let job = self.spawn(f);
        spawn(move || match job.join() {
            Ok(result) => {
                callback(&result);
                result
            }
            Err(payload) => unwind_in(place().me, payload),
        })
    }

    /// Has the threads call `f` for every item, and gives the results in the order of the items. On a thread of the pool, all the calls
    /// are made where it is.
    ///
    /// Switches. If the caller is killed or its limit elapses, the calls go on.
    ///
    /// # Panics
    ///
    /// With the first panic, in the order of the items, once those before it have returned; the other calls go on.
    #[track_caller]
    pub fn map<F, I, R>(&self, f: F, items: I) -> Vec<R>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        I: IntoIterator,
        I::Item: Send + 'static,
        R: Send + 'static,
    {
        if self.workers().run_caller() {
            return items.into_iter().map(f).collect();
        }
        let f = Arc::new(f);
        let mut jobs = Vec::new();
        for item in items {
            let f = f.clone();
            jobs.push(self.spawn(move || f(item)));
        }
        let results = jobs.into_iter().map(|job| result_or_panic(job.join()));
        results.collect()
    }

    /// Has the threads call `f` for every item, and gives the results one by one, in the order of the items. See [`Imap`]; the bound
    /// is twice the number of threads at first.
    pub fn imap<'a, F, I, R>(&self, f: F, items: I) -> Imap<'a, R>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        I: IntoIterator,
        I::IntoIter: 'a,
        I::Item: Send + 'static,
        R: Send + 'static,
    {
        let (pool, f) = (self.clone(), Arc::new(f));
        let mut items = items.into_iter();
        Imap::new(self.lookahead(), move || {
            let (item, f) = (items.next()?, f.clone());
            Some(Call::Job(pool.spawn(move || f(item))))
        })
    }

    /// As [`imap`](Self::imap), with the results in the order in which the calls end. See [`ImapUnordered`].
    ///
    /// ```
    /// use greenlet::threadpool::ThreadPool;
    ///
    /// let pool = ThreadPool::new(2);
    /// let mut squares: Vec<u32> = pool.imap_unordered(|n: u32| n * n, 0..4).map(Result::unwrap).collect();
    /// squares.sort();
    /// assert_eq!(squares, [0, 1, 4, 9]);
    /// ```
    pub fn imap_unordered<'a, F, I, R>(&self, f: F, items: I) -> ImapUnordered<'a, R>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        I: IntoIterator,
        I::IntoIter: 'a,
        I::Item: Send + 'static,
        R: Send + 'static,
    {
        let (pool, f) = (self.clone(), Arc::new(f));
        let mut items = items.into_iter();
        ImapUnordered::new(self.lookahead(), move |results| {
            let Some(item) = items.next() else {
                return false;
            };
            let (f, promise) = (f.clone(), Promise::new(results));
            pool.workers().submit(Box::new(move || {
                promise.keep(catch_unwind(AssertUnwindSafe(|| f(item))));
            }));
            true
        })
    }

    fn lookahead(&self) -> usize {
        self.workers().most().saturating_mul(2)
    }

    /// Waits until no job is left, or none has been at a time. A job that joins its own pool waits for itself.
    ///
    /// Switches unless there is none. A kill, or the end of an enclosing limit, ends the wait and nothing else.
    #[track_caller]
    pub fn join(&self) {
        self.workers().join(Deadline::Never);
    }

    /// As [`join`](Self::join), for so long at most; whether there was none.
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.workers().join(Deadline::after(clock::now(), limit))
    }

    /// How many jobs are queued or running.
    pub fn len(&self) -> usize {
        self.workers().unfinished()
    }

    /// Whether there is no job.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("threads", &self.workers().most())
            .field("jobs", &self.len())
            .finish()
    }
}
