//! As much of a hub as parking takes: a thread that has one greenlet, and sleeps while that waits.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};

use crate::wait::parker::{Home, Parker, Token, Waiter};
use crate::wait::run_queue::RunQueue;
use crate::wait::sleepers::all_asleep;

loom::thread_local! {
    static RUN_QUEUE: RefCell<RunQueue<usize>> = RefCell::new(RunQueue::new());
}

/// The greenlet of that key is runnable.
pub(crate) fn make_runnable(key: usize) {
    RUN_QUEUE.with(|queue| queue.borrow_mut().push(key));
}

fn pop_ready() -> Option<usize> {
    RUN_QUEUE.with(|queue| queue.borrow_mut().pop())
}

/// How many threads there are.
#[derive(Clone)]
pub(crate) struct Threads(Arc<AtomicUsize>);

impl Threads {
    pub(crate) fn new(threads: usize) -> Self {
        Threads(Arc::new(AtomicUsize::new(threads)))
    }

    /// One has ended.
    pub(crate) fn leave(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    fn all_sleep(&self) -> bool {
        all_asleep(|| Some(self.0.load(Ordering::SeqCst)))
    }
}

/// How a thread sleeps.
pub(crate) enum Bed {
    OnBell,
    /// For ever, as long as there is any of these threads that does not.
    ForEver(Threads),
    Poller(Arc<Poller>),
}

/// A thread with one greenlet.
pub(crate) struct Hub {
    pub(crate) home: &'static Home,
    pub(crate) parker: &'static Parker,
    bed: Bed,
}

/// What a thread was told while it slept for ever.
pub(crate) struct Lost;

impl Hub {
    pub(crate) fn new(bed: Bed) -> Self {
        let home = Home::move_in(make_runnable);
        assert!(!home.has_mail());
        let parker = home.take_parker();
        parker.adopt(7);
        touch(parker);
        if let Bed::Poller(poller) = &bed {
            let poller = poller.clone();
            home.set_poke(Arc::new(move || poller.poke()));
        }
        Hub { home, parker, bed }
    }

    pub(crate) fn arm(&self) -> Waiter {
        self.parker.arm()
    }

    /// Waits for the end of the episode.
    pub(crate) fn park(&self) -> Token {
        match self.try_park() {
            Ok(token) => token,
            Err(Lost) => panic!("told that nobody can wake it"),
        }
    }

    pub(crate) fn try_park(&self) -> Result<Token, Lost> {
        loop {
            self.collect();
            if let Some(key) = pop_ready() {
                assert_eq!(key, 7);
                assert_eq!(pop_ready(), None, "runnable twice (W7)");
                return Ok(self.parker.token());
            }
            self.sleep()?;
        }
    }

    /// Until both greenlets of this thread were woken, each once, of which the second has this parker.
    pub(crate) fn park_both(&self, second: &'static Parker) {
        let mut woken = Vec::new();
        while woken.len() < 2 {
            self.collect();
            match pop_ready() {
                Some(key) => woken.push(key),
                None => assert!(self.sleep().is_ok()),
            }
        }
        woken.sort_unstable();
        assert_eq!(woken, [self.parker.key(), second.key()]);
    }

    fn collect(&self) {
        if !self.home.has_mail() {
            return;
        }
        let mut woken = Vec::new();
        self.home.collect(&mut woken);
        for parker in woken {
            assert!(!parker.is_armed());
            make_runnable(parker.key());
        }
    }

    fn sleep(&self) -> Result<(), Lost> {
        let lost = match &self.bed {
            Bed::OnBell => self.home.sleep(None, None),
            Bed::ForEver(threads) => self.home.sleep(None, Some(&|| threads.all_sleep())),
            Bed::Poller(poller) => {
                if self.home.begin_sleep_elsewhere() {
                    poller.wait();
                    self.home.end_sleep_elsewhere();
                }
                false
            }
        };
        match lost {
            false => Ok(()),
            true => Err(Lost),
        }
    }

    /// The end of the thread; nothing is left in its inbox.
    pub(crate) fn finish(self) {
        assert!(!self.home.has_mail(), "woken without a wait");
        assert_eq!(pop_ready(), None, "runnable without a wait");
    }
}

/// Has it made here, before anybody else sees it.
pub(crate) fn touch(parker: &Parker) {
    let _ = (parker.is_armed(), parker.token(), parker.key());
}

/// How many threads count as asleep for ever. To be asked while none is, also before the first is.
pub(crate) fn sleepers(home: &Home) -> usize {
    let seen = Cell::new(0);
    let look = || {
        let most = (0..9).rev().find(|n| all_asleep(|| Some(*n)));
        seen.set(most.expect("none is always asleep"));
        true
    };
    assert!(home.sleep(None, Some(&look)), "there is mail");
    seen.get() - 1
}

/// An fd that is readable once poked.
pub(crate) struct Poller {
    poked: Mutex<bool>,
    ready: Condvar,
}

impl Poller {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Poller {
            poked: Mutex::new(false),
            ready: Condvar::new(),
        })
    }

    fn poke(&self) {
        *self.poked.lock().unwrap() = true;
        self.ready.notify_all();
    }

    fn wait(&self) {
        let mut poked = self.poked.lock().unwrap();
        while !*poked {
            poked = self.ready.wait(poked).unwrap();
        }
        *poked = false;
    }
}
