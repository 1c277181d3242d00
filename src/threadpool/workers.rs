//! The threads of a pool.
//!
//! All state is under one latch. A thread without work puts itself on a list and sleeps on a bell of its own; whoever brings work
//! takes the one that came last, so that the others can end. A thread on the list counts as one that does nothing; it is the bringer
//! who takes it from the list, so it counts again before anybody could ask.

use std::cell::Cell;
use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::hub::awaited::Plain;
use crate::hub::wait_on::{Waited, wait_on};
use crate::sys::clock;
#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::util::deadline::Deadline;
use crate::util::primitive::{Bell, Held, Latch};
use crate::wait::parker::Token;
use crate::wait::sleepers::IdleHelper;
use crate::wait::wait_queue::WaitQueue;

/// How long a thread stays that has nothing to do.
const IDLE_FOR: Duration = Duration::from_secs(5);

pub(crate) type Job = Box<dyn FnOnce() + Send>;

pub(crate) struct Workers {
    state: Latch<State>,
    most: usize,
}

struct State {
    queue: VecDeque<Job>,
    /// The one that came last is the last.
    idle: Vec<Idle>,
    threads: usize,
    /// Jobs that are queued or running.
    unfinished: usize,
    /// Nobody will bring work any more.
    closed: bool,
    joiners: WaitQueue,
}

struct Idle {
    bell: Arc<Bell>,
    _counted: IdleHelper,
}

thread_local! {
    /// Whose thread this is.
    static OF: Cell<*const Workers> = const { Cell::new(ptr::null()) };
}

impl Workers {
    /// At most so many threads; none yet.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Workers {
            state: Latch::new(State {
                queue: VecDeque::new(),
                idle: Vec::new(),
                threads: 0,
                unfinished: 0,
                closed: false,
                joiners: WaitQueue::new(),
            }),
            most,
        })
    }

    /// Whether this is one of the threads.
    pub(crate) fn run_caller(&self) -> bool {
        ptr::eq(OF.get(), self)
    }

    pub(crate) fn unfinished(&self) -> usize {
        self.state.lock().unfinished
    }

    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Has a job done, as soon as a thread is free for it.
    ///
    /// # Panics
    ///
    /// If there is no thread, and the system refuses one.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) {
        let mut state = self.state.lock();
        state.queue.push_back(job);
        state.unfinished += 1;
        if let Some(idle) = state.idle.pop() {
            let bell = idle.bell.clone();
            // Counts as busy from here on.
            drop(idle);
            drop(state);
            return bell.ring();
        }
        if state.threads == self.most {
            return;
        }
        state.threads += 1;
        drop(state);
        let workers = self.clone();
        let named = thread::Builder::new().name("greenlet-pool".to_owned());
        let begin = || named.spawn(move || workers.work());
        #[cfg(greenlet_faults)]
        let begin = || faults::strike(Site::Thread).and_then(|()| begin());
        if let Err(error) = begin() {
            self.make_do_without(&error);
        }
    }

    /// The system refuses a thread: the others do the work, if there are any.
    #[cold]
    fn make_do_without(&self, error: &dyn std::error::Error) {
        let mut state = self.state.lock();
        state.threads -= 1;
        if state.threads > 0 {
            return;
        }
        let queue = mem::take(&mut state.queue);
        state.unfinished -= queue.len();
        drop(state);
        drop(queue);
        panic!("the pool has no thread, and cannot start one: {error}");
    }

    /// The whole life of a thread.
    fn work(self: Arc<Self>) {
        OF.set(Arc::as_ptr(&self));
        let bell = Arc::new(Bell::new());
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                run(job);
                state = self.state.lock();
                state.unfinished -= 1;
                if state.unfinished == 0 {
                    state.joiners.wake_all(Token::READY);
                }
                continue;
            }
            let told;
            (state, told) = self.sleep(state, &bell);
            if !told && state.queue.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }

    /// Sleeps until there may be work; false if there was none for long, or never will be.
    fn sleep<'a>(
        &'a self,
        mut state: Held<'a, State>,
        bell: &Arc<Bell>,
    ) -> (Held<'a, State>, bool) {
        if state.closed {
            return (state, false);
        }
        state.idle.push(Idle {
            bell: bell.clone(),
            _counted: IdleHelper::begin(),
        });
        let until = clock::now() + IDLE_FOR;
        loop {
            let left = until.saturating_duration_since(clock::now());
            state = bell.wait(state, Some(left));
            let place = state
                .idle
                .iter()
                .position(|idle| Arc::ptr_eq(&idle.bell, bell));
            let Some(place) = place else {
                return (state, true);
            };
            if clock::now() >= until {
                state.idle.remove(place);
                return (state, false);
            }
        }
    }

    /// Nobody will bring work any more: what is queued is done, then the threads end.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let idle = mem::take(&mut state.idle);
        let bells: Vec<_> = idle.iter().map(|idle| idle.bell.clone()).collect();
        // They count as busy from here on, before any of them could have ended.
        drop(idle);
        drop(state);
        for bell in bells {
            bell.ring();
        }
    }

    /// Waits until no job is left, or has been at a time; false if the deadline comes first.
    #[track_caller]
    pub(crate) fn join(&self, deadline: Deadline) -> bool {
        let waited = wait_on(
            &self.state,
            deadline,
            &Plain("the end of all jobs in a `ThreadPool`"),
            |state| match state.unfinished {
                0 => Ok(()),
                _ => Err(()),
            },
            |state| &mut state.joiners,
        );
        !matches!(waited, Waited::TimedOut(()))
    }
}

/// Jobs catch what they call; what is left is a result or a payload that panics when it is dropped, and then one whose payload does.
fn run(job: Job) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(job)) {
        mem::forget(payload);
    }
}
