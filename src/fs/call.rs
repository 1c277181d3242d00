//! Calls of the file system: a thread of the pool makes them, and only the caller's greenlet waits.
//!
//! A call owns all that it needs, for its caller may be unwound at any time and leave it behind. Then it goes on by itself; through the
//! same file the next one waits for its end, so that the order of calls is kept.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use crate::greenlet::panicking::unwind_in;
use crate::hub::awaited::Plain;
use crate::hub::begin::place;
use crate::hub::wait_on::wait_on;
use crate::lock::acquire::acquire_slow;
use crate::threadpool::per_process::PerProcess;
use crate::threadpool::workers::Workers;
use crate::util::deadline::Deadline;
use crate::util::primitive::Latch;
use crate::wait::parker::Token;
use crate::wait::permits::Permits;
use crate::wait::wait_queue::WaitQueue;

/// How many calls are made at one time; the documentation of `fs` says so.
const MOST: usize = 16;

const A_CALL: Plain = Plain("a call of the file system");
const A_TURN: Plain = Plain("a turn to call the file system");
const THE_LAST: Plain = Plain("the end of a call of the file system that was given up");

static POOL: PerProcess<Pool> = PerProcess::new(Pool::new);

struct Pool {
    workers: Arc<Workers>,
    /// Who has one of these finds a thread free, or about to be: so nobody queues who could not be killed there.
    slots: Permits,
}

impl Pool {
    fn new() -> Self {
        Pool {
            workers: Workers::new(MOST),
            slots: Permits::new(MOST),
        }
    }

    #[track_caller]
    fn slot(&'static self) -> Slot {
        if !self.slots.try_acquire() {
            acquire_slow(&self.slots, Deadline::Never, &A_TURN);
        }
        Slot(self)
    }
}

struct Slot(&'static Pool);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.slots.release();
    }
}

/// What calls through one file have in common.
pub(crate) struct Gate(Latch<Left>);

struct Left {
    /// Calls that go on although their callers have gone.
    calls: usize,
    waiting: WaitQueue,
}

impl Gate {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Gate(Latch::new(Left {
            calls: 0,
            waiting: WaitQueue::new(),
        })))
    }

    /// Waits until no call goes on that was given up.
    #[track_caller]
    pub(crate) fn pass(&self) {
        wait_on(
            &self.0,
            Deadline::Never,
            &THE_LAST,
            |left| match left.calls {
                0 => Ok(()),
                _ => Err(()),
            },
            |left| &mut left.waiting,
        );
    }

    /// As [`call`], once no call goes on that was given up.
    #[track_caller]
    pub(crate) fn call<R: Send + 'static>(
        self: &Arc<Self>,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> R {
        self.pass();
        make(Some(self.clone()), f)
    }

    fn begin(&self) {
        self.0.lock().calls += 1;
    }

    fn end(&self) {
        let mut left = self.0.lock();
        left.calls -= 1;
        if left.calls == 0 {
            left.waiting.wake_all(Token::READY);
        }
    }
}

/// Has a thread call `f`, and gives what it returns.
#[track_caller]
pub(crate) fn call<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    make(None, f)
}

#[track_caller]
fn make<R: Send + 'static>(gate: Option<Arc<Gate>>, f: impl FnOnce() -> R + Send + 'static) -> R {
    let pool = POOL.get();
    let slot = pool.slot();
    // What is raised now is raised before anything was done.
    place().check();
    let call = Arc::new(Call {
        gate,
        end: Latch::new(End {
            state: State::Going,
            caller: WaitQueue::new(),
        }),
    });
    let promise = Promise(Some(call.clone()));
    pool.workers.submit(Box::new(move || {
        let result = catch_unwind(AssertUnwindSafe(f));
        drop(slot);
        promise.keep(result);
    }));
    let caller = Caller(&call);
    wait_on(
        &call.end,
        Deadline::Never,
        &A_CALL,
        |end| match end.state {
            State::Going => Err(()),
            _ => Ok(()),
        },
        |end| &mut end.caller,
    );
    mem::forget(caller);
    match call.replace(State::GivenUp) {
        State::Done(Ok(result)) => result,
        State::Done(Err(payload)) => unwind_in(place().me, payload),
        _ => panic!("the system refuses a thread for a call of the file system"),
    }
}

/// Shared by the caller and the thread.
struct Call<R> {
    gate: Option<Arc<Gate>>,
    end: Latch<End<R>>,
}

struct End<R> {
    state: State<R>,
    caller: WaitQueue,
}

enum State<R> {
    Going,
    /// With what `f` returned or panicked.
    Done(thread::Result<R>),
    /// Never made.
    Lost,
    /// Nobody wants the result any more.
    GivenUp,
}

impl<R> Call<R> {
    fn replace(&self, state: State<R>) -> State<R> {
        mem::replace(&mut self.end.lock().state, state)
    }

    /// Tells the caller; or the gate, if there is no caller any more.
    fn complete(&self, state: State<R>) {
        let mut end = self.end.lock();
        if let State::Going = end.state {
            end.state = state;
            end.caller.wake_all(Token::READY);
            return;
        }
        drop(end);
        // Whatever it is, a file that was opened or a payload, it is gone before the next call begins.
        drop(state);
        if let Some(gate) = &self.gate {
            gate.end();
        }
    }

    /// The caller does not wait any more.
    fn give_up(&self) {
        // First, so that the end of the call finds it counted.
        if let Some(gate) = &self.gate {
            gate.begin();
        }
        if let State::Going = self.replace(State::GivenUp) {
            return;
        }
        if let Some(gate) = &self.gate {
            gate.end();
        }
    }
}

/// Gives the call up when dropped.
struct Caller<'a, R>(&'a Call<R>);

impl<R> Drop for Caller<'_, R> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// That the call will be completed. If this is dropped, so was the job.
struct Promise<R>(Option<Arc<Call<R>>>);

impl<R> Promise<R> {
    fn keep(mut self, result: thread::Result<R>) {
        if let Some(call) = self.0.take() {
            call.complete(State::Done(result));
        }
    }
}

impl<R> Drop for Promise<R> {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call.complete(State::Lost);
        }
    }
}
