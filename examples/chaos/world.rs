//! What all greenlets of a round share, on all threads; and whoever acts in it.

use std::any::Any;
use std::io;
use std::panic::{panic_any, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use greenlet::event::Event;
use greenlet::lock::{BoundedSemaphore, RLock, Semaphore};
use greenlet::sync::{Condvar, Mutex, RwLock};
use greenlet::threadpool::ThreadPool;
use greenlet::{GreenletExit, sleep, yield_now};

use crate::chaos::faults;
use crate::chaos::home::Home;
use crate::chaos::pipes::{Counted, Ledger, Limit, one_of_each};
use crate::chaos::random::Random;
use crate::chaos::streams::{Stream, one_of_each_kind};
use crate::chaos::tally::Tally;

pub(crate) const UNITS: usize = 3;

/// What is behind a lock: how whoever held it has panicked on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Guarded {
    #[default]
    Whole,
    /// With the panic hook.
    Loudly,
    /// Without. If another greenlet of the thread unwinds at the same time, the library cannot know of it.
    Silently,
}

impl Guarded {
    /// Whether that is why the lock is poisoned, or not.
    pub(crate) fn explains(self, poisoned: bool) -> bool {
        match self {
            Guarded::Whole => !poisoned,
            Guarded::Loudly => poisoned,
            Guarded::Silently => true,
        }
    }
}

pub(crate) struct World {
    pub(crate) tally: Arc<Tally>,
    /// Real sockets, threads, files and time.
    pub(crate) is_real: bool,
    pub(crate) began: Instant,
    pub(crate) mutex: Mutex<Guarded>,
    pub(crate) in_mutex: AtomicI64,
    pub(crate) rwlock: RwLock<Guarded>,
    pub(crate) in_rwlock: AtomicI64,
    pub(crate) rlock: RLock,
    pub(crate) in_rlock: AtomicI64,
    pub(crate) units: Semaphore,
    pub(crate) in_units: AtomicI64,
    pub(crate) places: BoundedSemaphore,
    pub(crate) in_places: AtomicI64,
    pub(crate) tokens: Mutex<u64>,
    pub(crate) token: Condvar,
    pub(crate) tokens_made: AtomicU64,
    pub(crate) tokens_taken: AtomicU64,
    pub(crate) event: Event,
    /// Of channels that acts make.
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) pipes: Vec<Counted>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) threads: Option<ThreadPool>,
    /// No new acts.
    pub(crate) is_over: AtomicBool,
    trace: AtomicU64,
}

impl World {
    pub(crate) fn new(tally: Arc<Tally>, is_real: bool) -> Self {
        World {
            tally,
            is_real,
            began: greenlet::__moment(),
            mutex: Mutex::default(),
            in_mutex: AtomicI64::new(0),
            rwlock: RwLock::default(),
            in_rwlock: AtomicI64::new(0),
            rlock: RLock::new(),
            in_rlock: AtomicI64::new(0),
            units: Semaphore::new(UNITS),
            in_units: AtomicI64::new(0),
            places: BoundedSemaphore::new(UNITS),
            in_places: AtomicI64::new(0),
            tokens: Mutex::new(0),
            token: Condvar::new(),
            tokens_made: AtomicU64::new(0),
            tokens_taken: AtomicU64::new(0),
            event: Event::new(),
            ledger: Arc::default(),
            pipes: one_of_each(),
            streams: match is_real {
                true => one_of_each_kind(),
                false => Vec::new(),
            },
            threads: is_real.then(|| ThreadPool::new(3)),
            is_over: AtomicBool::new(false),
            trace: AtomicU64::new(0),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Makes something part of the trace, which is of use only if there is one thread.
    pub(crate) fn note(&self, what: u64) {
        if !self.is_real {
            let mixed = self.trace.load(Ordering::Relaxed).rotate_left(5) ^ what;
            let mixed = mixed.wrapping_mul(0x517c_c1b7_2722_0a95);
            self.trace.store(mixed, Ordering::Relaxed);
        }
    }

    pub(crate) fn trace(&self) -> u64 {
        self.trace.load(Ordering::Relaxed)
    }

    /// Nobody is left: all is free, and as much came out as was put in.
    pub(crate) fn settle(self) {
        for count in [
            &self.in_mutex,
            &self.in_rwlock,
            &self.in_rlock,
            &self.in_units,
            &self.in_places,
        ] {
            assert_eq!(count.load(Ordering::SeqCst), 0, "somebody is in still");
        }
        self.mutex.clear_poison();
        assert!(self.mutex.try_lock().is_ok(), "the mutex is held");
        self.rwlock.clear_poison();
        assert!(self.rwlock.try_write().is_ok(), "the rwlock is held");
        assert!(!self.rlock.locked(), "the rlock is held");
        assert_eq!(self.units.available(), UNITS, "units were lost");
        assert_eq!(self.places.available(), UNITS, "places were lost");
        let made = self.tokens_made.load(Ordering::SeqCst);
        let taken = self.tokens_taken.load(Ordering::SeqCst);
        let left = *self.tokens.try_lock().expect("the tokens are locked");
        assert_eq!(made, taken + left, "tokens were lost");
        for pipe in self.pipes {
            pipe.settle();
        }
        self.ledger.check("select!");
        for stream in self.streams {
            stream.settle(&self.tally);
        }
    }
}

/// What falls over is to fall over.
#[derive(Debug)]
pub(crate) struct OnPurpose;

/// Whether a greenlet may end like that.
pub(crate) fn is_expected(payload: &(dyn Any + Send)) -> bool {
    payload.is::<OnPurpose>() || payload.is::<GreenletExit>() || faults::explain(payload)
}

/// Passes on what nobody did on purpose.
pub(crate) fn expect<T>(ended: std::thread::Result<T>) -> Option<T> {
    match ended {
        Ok(value) => Some(value),
        Err(payload) if is_expected(&*payload) => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// Whoever acts: a greenlet, with what it needs for that.
pub(crate) struct Actor {
    pub(crate) world: Arc<World>,
    pub(crate) random: Random,
    /// What its thread has.
    pub(crate) home: Rc<Home>,
}

impl Actor {
    pub(crate) fn child(&self) -> Actor {
        Actor {
            world: self.world.clone(),
            random: self.random.child(),
            home: self.home.clone(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        greenlet::__moment()
    }

    pub(crate) fn event(&self, what: &str) {
        self.world.tally.event(what);
    }

    /// Lets others have a turn, or not.
    pub(crate) fn pause(&self) {
        match self.random.below(6) {
            0 | 1 => yield_now(),
            2 => sleep(self.random.micros(300)),
            3 if self.random.one_in(20) => sleep(self.random.micros(5_000)),
            _ => {}
        }
    }

    /// As [`pause`](Self::pause), or panics.
    pub(crate) fn stumble(&self) {
        if self.random.one_in(60) {
            self.fall(self.random.one_in(1_000));
        }
        self.pause();
    }

    /// As [`stumble`](Self::stumble), with a lock held.
    pub(crate) fn stumble_in(&self, guarded: &mut Guarded) {
        if self.random.one_in(60) {
            let loudly = self.random.one_in(100);
            *guarded = match loudly || *guarded == Guarded::Loudly {
                true => Guarded::Loudly,
                false => Guarded::Silently,
            };
            self.fall(loudly);
        }
        self.pause();
    }

    /// Loudly, the library says a line of it.
    fn fall(&self, loudly: bool) -> ! {
        self.event("panics");
        if loudly {
            panic_any(OnPurpose);
        }
        resume_unwind(Box::new(OnPurpose));
    }

    pub(crate) fn limit(&self) -> Limit {
        match self.random.below(4) {
            0 => Limit::Not,
            1 | 2 => Limit::For(self.random.micros(1_000)),
            _ => Limit::Forever,
        }
    }

    pub(crate) fn limit_of_time(&self) -> Duration {
        self.random.micros(1_000)
    }

    pub(crate) fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.random.below(from.len() as u64) as usize]
    }

    /// What holds unless those that were to do it are killed, because the thread ends.
    #[track_caller]
    pub(crate) fn assert(&self, holds: bool, what: &str) {
        assert!(holds || self.home.is_left.get(), "{what}");
    }

    /// An error of the system is told, and must have a cause.
    #[track_caller]
    pub(crate) fn check<T>(&self, result: io::Result<T>) -> Option<T> {
        self.check_or(result, |_| false)
    }

    /// As [`check`](Self::check), of a connection: once its thread is left, the other end may be killed first. Whoever does what needs no wait
    /// gets as far as to find that before it is killed itself.
    #[track_caller]
    pub(crate) fn check_connection<T>(&self, result: io::Result<T>) -> Option<T> {
        use io::ErrorKind::*;

        self.check_or(result, |error| {
            let is_cut = matches!(
                error.kind(),
                BrokenPipe | ConnectionRefused | ConnectionReset | NotConnected | UnexpectedEof
            );
            is_cut && self.home.is_left.get()
        })
    }

    #[track_caller]
    fn check_or<T>(
        &self,
        result: io::Result<T>,
        is_explained: impl Fn(&io::Error) -> bool,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.world.tally.error(&error);
                let has_cause = faults::are_on() || is_explained(&error);
                assert!(has_cause, "nobody has caused this: {error:?}");
                None
            }
        }
    }
}
