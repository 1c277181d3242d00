//! Results as they are asked for, of functions that run meanwhile.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::thread;

use crate::greenlet::unwind::exit;
use crate::hub::awaited::Plain;
use crate::hub::wait_on::{Waited, wait_on};
use crate::task::join_handle::JoinHandle;
use crate::threadpool::packet::JoinHandle as JobHandle;
use crate::util::deadline::Deadline;
use crate::util::primitive::Latch;
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// A call that was started.
pub(crate) enum Call<R> {
    Greenlet(JoinHandle<R>),
    Job(JobHandle<R>),
}

impl<R> Call<R> {
    #[track_caller]
    fn join(self) -> thread::Result<R> {
        match self {
            Call::Greenlet(handle) => handle.join(),
            Call::Job(handle) => handle.join(),
        }
    }
}

/// The results of calls, in the order of the items: made by [`Pool::imap`](crate::pool::Pool::imap) and
/// [`ThreadPool::imap`](crate::threadpool::ThreadPool::imap).
///
/// Nothing starts before the first [`next`](Iterator::next). Then items are drawn so far ahead that as many calls as the
/// [bound](Self::bound) are started and not yet taken. A panic in a call is an `Err` in its place, and the iteration goes on;
/// one in the iterator of the items comes out of `next`. Calls that are started run on if the iterator is dropped.
#[must_use = "iterators do nothing unless they are used"]
pub struct Imap<'a, R> {
    /// Draws an item and starts its call.
    start: Box<dyn FnMut() -> Option<Call<R>> + 'a>,
    started: VecDeque<Call<R>>,
    bound: usize,
    drawn_all: bool,
}

impl<'a, R> Imap<'a, R> {
    pub(crate) fn new(bound: usize, start: impl FnMut() -> Option<Call<R>> + 'a) -> Self {
        Imap {
            start: Box::new(start),
            started: VecDeque::new(),
            bound,
            drawn_all: false,
        }
    }

    /// At most so many calls are started and not yet taken; at least one.
    pub fn bound(mut self, most: usize) -> Self {
        self.bound = most.max(1);
        self
    }
}

impl<R> Iterator for Imap<'_, R> {
    type Item = thread::Result<R>;

    #[track_caller]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.drawn_all && self.started.len() < self.bound {
            match (self.start)() {
                Some(call) => self.started.push_back(call),
                None => self.drawn_all = true,
            }
        }
        let call = self.started.pop_front()?;
        Some(call.join())
    }
}

impl<R> fmt::Debug for Imap<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imap")
            .field("started", &self.started.len())
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

type Start<'a, R> = dyn FnMut(&Arc<Results<R>>) -> bool + 'a;

/// As [`Imap`], with the results in the order in which the calls end.
#[must_use = "iterators do nothing unless they are used"]
pub struct ImapUnordered<'a, R> {
    /// Draws an item and starts its call, which is to put its result down; whether there was one.
    start: Box<Start<'a, R>>,
    results: Arc<Results<R>>,
    started: usize,
    bound: usize,
    drawn_all: bool,
}

impl<'a, R> ImapUnordered<'a, R> {
    pub(crate) fn new(bound: usize, start: impl FnMut(&Arc<Results<R>>) -> bool + 'a) -> Self {
        ImapUnordered {
            start: Box::new(start),
            results: Arc::new(Results::new()),
            started: 0,
            bound,
            drawn_all: false,
        }
    }

    /// At most so many calls are started and not yet taken; at least one.
    pub fn bound(mut self, most: usize) -> Self {
        self.bound = most.max(1);
        self
    }
}

impl<R> Iterator for ImapUnordered<'_, R> {
    type Item = thread::Result<R>;

    #[track_caller]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.drawn_all && self.started < self.bound {
            match (self.start)(&self.results) {
                true => self.started += 1,
                false => self.drawn_all = true,
            }
        }
        if self.started == 0 {
            return None;
        }
        let result = self.results.take();
        self.started -= 1;
        Some(result)
    }
}

impl<R> fmt::Debug for ImapUnordered<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImapUnordered")
            .field("started", &self.started)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

/// Results in the order in which they came.
pub(crate) struct Results<R>(Latch<Came<R>>);

struct Came<R> {
    results: VecDeque<thread::Result<R>>,
    /// The one who iterates.
    waiting: WaitQueue,
}

impl<R> Results<R> {
    fn new() -> Self {
        Results(Latch::new(Came {
            results: VecDeque::new(),
            waiting: WaitQueue::new(),
        }))
    }

    fn put(&self, result: thread::Result<R>) {
        let mut came = self.0.lock();
        came.results.push_back(result);
        // Nobody else takes it.
        came.waiting.wake_one(Token::READY);
    }

    /// Waits for the next; one will come.
    #[track_caller]
    fn take(&self) -> thread::Result<R> {
        loop {
            let waited = wait_on(
                &self.0,
                Deadline::Never,
                &Plain("the next result of a pool"),
                |came| came.results.pop_front().ok_or(()),
                |came| &mut came.waiting,
            );
            if let Waited::Done(result) = waited {
                return result;
            }
        }
    }
}

/// The result of one call, which is put down in any case: if it is dropped before, the call was killed before it ran.
pub(crate) struct Promise<R> {
    results: Arc<Results<R>>,
    kept: bool,
}

impl<R> Promise<R> {
    pub(crate) fn new(results: &Arc<Results<R>>) -> Self {
        Promise {
            results: results.clone(),
            kept: false,
        }
    }

    pub(crate) fn keep(mut self, result: thread::Result<R>) {
        self.kept = true;
        self.results.put(result);
    }
}

impl<R> Drop for Promise<R> {
    fn drop(&mut self) {
        if !self.kept {
            self.results.put(Err(exit()));
        }
    }
}
