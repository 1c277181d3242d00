//! loom's primitives behind the names of the crate's `util/primitive`.
//!
//! loom's are made at run time and belong to one execution of a model; the crate's are `const`, and some are statics. So these make
//! loom's at their first use in an execution. loom takes the making of an atomic for a write that everybody else
//! has to see: a model touches what its threads share before they begin, or hand it on (`models::harness` does).

use std::ops::{Deref, DerefMut};
use std::sync;
use std::time::Duration;

pub(crate) use std::sync::atomic::Ordering;

/// The number of the present execution.
static EXECUTION: sync::atomic::AtomicU64 = sync::atomic::AtomicU64::new(0);

/// One model at a time: statics are shared between them.
static ONE_AT_A_TIME: sync::Mutex<()> = sync::Mutex::new(());

/// Runs `model` in every order in which its threads are switched at most `preemptions` times where they need not be.
pub(crate) fn check(preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let _alone = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(sync::PoisonError::into_inner);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        EXECUTION.fetch_add(1, Ordering::Relaxed);
        model();
    });
}

/// Something of loom's, one for each execution. loom forgets it at the end of that, and it is not dropped.
struct PerExecution<O: 'static>(sync::Mutex<Option<(u64, &'static O)>>);

impl<O> PerExecution<O> {
    const fn new() -> Self {
        PerExecution(sync::Mutex::new(None))
    }

    fn get(&self, make: impl FnOnce() -> O) -> &'static O {
        let execution = EXECUTION.load(Ordering::Relaxed);
        let mut made = self.0.lock().unwrap_or_else(sync::PoisonError::into_inner);
        match *made {
            Some((when, object)) if when == execution => object,
            _ => {
                let object = Box::leak(Box::new(make()));
                *made = Some((execution, object));
                object
            }
        }
    }
}

pub(crate) struct AtomicUsize {
    first: usize,
    object: PerExecution<loom::sync::atomic::AtomicUsize>,
}

impl AtomicUsize {
    pub(crate) const fn new(first: usize) -> Self {
        AtomicUsize {
            first,
            object: PerExecution::new(),
        }
    }

    fn get(&self) -> &'static loom::sync::atomic::AtomicUsize {
        self.object
            .get(|| loom::sync::atomic::AtomicUsize::new(self.first))
    }

    pub(crate) fn load(&self, order: Ordering) -> usize {
        self.get().load(order)
    }

    pub(crate) fn store(&self, value: usize, order: Ordering) {
        self.get().store(value, order);
    }

    pub(crate) fn fetch_add(&self, value: usize, order: Ordering) -> usize {
        self.get().fetch_add(value, order)
    }

    pub(crate) fn fetch_sub(&self, value: usize, order: Ordering) -> usize {
        self.get().fetch_sub(value, order)
    }

    pub(crate) fn compare_exchange(
        &self,
        current: usize,
        new: usize,
        success: Ordering,
        failure: Ordering,
    ) -> Result<usize, usize> {
        self.get().compare_exchange(current, new, success, failure)
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        current: usize,
        new: usize,
        success: Ordering,
        failure: Ordering,
    ) -> Result<usize, usize> {
        self.get()
            .compare_exchange_weak(current, new, success, failure)
    }
}

pub(crate) struct AtomicBool(AtomicUsize);

impl AtomicBool {
    pub(crate) const fn new(first: bool) -> Self {
        AtomicBool(AtomicUsize::new(first as usize))
    }

    pub(crate) fn load(&self, order: Ordering) -> bool {
        self.0.load(order) != 0
    }

    pub(crate) fn store(&self, value: bool, order: Ordering) {
        self.0.store(usize::from(value), order);
    }
}

/// The value of a static outlives the execution: a model takes out of it what it has put in.
pub(crate) struct Latch<T> {
    lock: PerExecution<loom::sync::Mutex<()>>,
    value: sync::Mutex<T>,
}

pub(crate) struct Held<'a, T> {
    value: sync::MutexGuard<'a, T>,
    // Dropped last.
    lock: loom::sync::MutexGuard<'static, ()>,
    latch: &'a Latch<T>,
}

impl<T> Latch<T> {
    pub(crate) const fn new(value: T) -> Self {
        Latch {
            lock: PerExecution::new(),
            value: sync::Mutex::new(value),
        }
    }

    pub(crate) fn lock(&self) -> Held<'_, T> {
        let lock = self.lock.get(|| loom::sync::Mutex::new(()));
        self.hold(lock.lock().unwrap())
    }

    fn hold(&self, lock: loom::sync::MutexGuard<'static, ()>) -> Held<'_, T> {
        // After a model has failed it may be poisoned.
        let value = match self.value.try_lock() {
            Err(sync::TryLockError::WouldBlock) => unreachable!("held twice"),
            Err(sync::TryLockError::Poisoned(held)) => held.into_inner(),
            Ok(held) => held,
        };
        Held {
            value,
            lock,
            latch: self,
        }
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// The others go on meanwhile.
pub(crate) fn nap(_naps: u32) {
    loom::thread::yield_now();
}

pub(crate) struct Bell(PerExecution<loom::sync::Condvar>);

impl Bell {
    pub(crate) const fn new() -> Self {
        Bell(PerExecution::new())
    }

    fn get(&self) -> &'static loom::sync::Condvar {
        self.0.get(loom::sync::Condvar::new)
    }

    /// The limit never passes: whoever counts on it hangs, and loom says so.
    pub(crate) fn wait<'a, T>(&self, held: Held<'a, T>, _limit: Option<Duration>) -> Held<'a, T> {
        let Held { value, lock, latch } = held;
        drop(value);
        latch.hold(self.get().wait(lock).unwrap())
    }

    pub(crate) fn ring(&self) {
        self.get().notify_all();
    }
}

/// A thread-local cell.
pub(crate) struct Local<T: 'static>(pub(crate) &'static loom::thread::LocalKey<std::cell::Cell<T>>);

impl<T: Copy> Local<T> {
    pub(crate) fn get(&self) -> T {
        self.0.with(std::cell::Cell::get)
    }

    pub(crate) fn set(&self, value: T) {
        self.0.with(|cell| cell.set(value));
    }
}

macro_rules! cell_per_thread {
    (static $name:ident: Cell<$t:ty> = const { $first:expr };) => {
        static $name: $crate::util::primitive::Local<$t> = {
            loom::thread_local! {
                static CELL: Cell<$t> = $first;
            }
            $crate::util::primitive::Local(&CELL)
        };
    };
}

pub(crate) use cell_per_thread as thread_local;
