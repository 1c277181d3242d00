//! One greenlet's place to wait, tickets for it, and the thread it belongs to.
//!
//! A [`Parker`] is never freed: when its greenlet dies it goes back to its [`Home`] and serves the next one, with its
//! count of episodes going on. So a [`Waiter`] is two words that may be copied and kept by anybody: used too late, it
//! does nothing.
//!
//! Memory orderings: `unpark` releases what the notifier did before; the greenlet acquires it through the run queue of
//! its own thread or through the inbox's lock. The exchange on `state` itself only has to be atomic, but is made
//! acquire-release, so that whoever loses it sees what the winner did.

use std::cell::Cell;
use std::fmt;
use std::mem;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use crate::util::primitive::{AtomicBool, AtomicUsize, Bell, Held, Latch, Ordering, thread_local};
use crate::wait::sleepers;

/// What a wake-up says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) usize);

impl Token {
    /// What was waited for has come.
    pub(crate) const READY: Token = Token(usize::MAX);
    /// The deadline has passed.
    pub(crate) const TIMED_OUT: Token = Token(usize::MAX - 1);
    /// Something is to be raised.
    pub(crate) const INTERRUPTED: Token = Token(usize::MAX - 2);
}

/// One greenlet's place to wait. Odd states are armed, even ones idle; the rest is the number of the episode.
pub(crate) struct Parker {
    state: AtomicUsize,
    token: AtomicUsize,
    /// Whom it belongs to, as the home's thread knows them.
    key: AtomicUsize,
    home: &'static Home,
}

/// How many parkers are allocated at once: alone each would take half as much again.
const AT_ONCE: usize = 64;

impl Parker {
    fn new(home: &'static Home) -> Self {
        Parker {
            state: AtomicUsize::new(0),
            token: AtomicUsize::new(0),
            key: AtomicUsize::new(0),
            home,
        }
    }

    /// Gives the parker to the greenlet that its thread knows by `key`.
    pub(crate) fn adopt(&self, key: usize) {
        debug_assert!(!self.is_armed());
        self.key.store(key, Ordering::Relaxed);
    }

    /// Begins an episode. To be called by the greenlet it belongs to, which has to park next.
    #[inline]
    pub(crate) fn arm(&'static self) -> Waiter {
        let idle = self.state.load(Ordering::Relaxed);
        // A ticket would be good for two waits.
        assert!(idle & 1 == 0, "a wait begins in the middle of another");
        let armed = idle + 1;
        // Release: a notifier that is handed the ticket finds the parker as it is now.
        self.state.store(armed, Ordering::Release);
        Waiter {
            parker: self,
            armed,
        }
    }

    /// The ticket of the present episode, if it is not over.
    pub(crate) fn present(&'static self) -> Option<Waiter> {
        let armed = self.state.load(Ordering::Relaxed);
        (armed & 1 == 1).then_some(Waiter {
            parker: self,
            armed,
        })
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.state.load(Ordering::Relaxed) & 1 == 1
    }

    /// What ended the last episode. To be called by the greenlet it belongs to, once it runs again.
    #[inline]
    pub(crate) fn token(&self) -> Token {
        debug_assert!(!self.is_armed());
        Token(self.token.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn key(&self) -> usize {
        self.key.load(Ordering::Relaxed)
    }
}

/// A ticket for one episode of waiting.
#[derive(Clone, Copy)]
pub(crate) struct Waiter {
    parker: &'static Parker,
    armed: usize,
}

impl Waiter {
    /// Ends the episode and makes the greenlet runnable; false if something else has ended it before (W2).
    #[inline]
    pub(crate) fn unpark(self, token: Token) -> bool {
        let Parker {
            state, token: said, ..
        } = self.parker;
        let over = self.armed.wrapping_add(1);
        let won = state.compare_exchange(self.armed, over, Ordering::AcqRel, Ordering::Acquire);
        if won.is_err() {
            return false;
        }
        said.store(token.0, Ordering::Relaxed);
        self.parker.home.deliver(self.parker);
        true
    }

    /// As [`unpark`](Self::unpark), where no other thread can hand in the ticket meanwhile: on its own thread, with nobody to race against,
    /// it takes no atomic exchange (W9). Who was here before has had the queue, or was this thread, so a plain load sees what he did.
    #[inline]
    pub(crate) fn unpark_alone(self, token: Token) -> bool {
        let home = self.parker.home;
        match home.is_here() {
            true => self.unpark_here(token, home.local),
            false => self.unpark(token),
        }
    }

    /// As [`unpark_alone`](Self::unpark_alone), on its own thread. `run` makes the greenlet of a key runnable.
    ///
    /// Whoever has a ticket of an earlier episode may be anywhere, and still changes nothing.
    #[inline]
    pub(crate) fn unpark_here(self, token: Token, run: impl FnOnce(usize)) -> bool {
        let Parker {
            state, token: said, ..
        } = self.parker;
        if state.load(Ordering::Relaxed) != self.armed {
            return false;
        }
        state.store(self.armed.wrapping_add(1), Ordering::Release);
        said.store(token.0, Ordering::Relaxed);
        run(self.parker.key());
        true
    }

    /// Whom it would wake, as the greenlet's thread knows them; only of use there.
    pub(crate) fn key(self) -> usize {
        self.parker.key()
    }
}

impl PartialEq for Waiter {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.parker, other.parker) && self.armed == other.armed
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Waiter({:p}, {})", self.parker, self.armed)
    }
}

thread_local! {
    static HERE: Cell<Option<&'static Home>> = const { Cell::new(None) };
}

/// Homes without a thread. They are as many as there were threads at once.
static VACANT: Latch<Vec<&'static Home>> = Latch::new(Vec::new());

/// A thread, as far as waking its greenlets goes. Never freed; a new thread takes over that of one that has ended.
pub(crate) struct Home {
    /// Makes the greenlet of that key runnable; called on the thread itself.
    local: fn(usize),
    inbox: Latch<Inbox>,
    /// Whether the inbox holds something. Written under its lock; read without it, as a hint.
    filled: AtomicBool,
    bell: Bell,
    parkers: Latch<Vec<&'static Parker>>,
}

/// Something that the thread is to do at its next visit, or while it waits for the errands of others. It neither parks nor unwinds.
pub(crate) type Errand = Box<dyn FnOnce() + Send>;

/// Who was woken from elsewhere, and how the thread sleeps.
struct Inbox {
    woken: Vec<&'static Parker>,
    /// `None` as long as the home is vacant.
    errands: Option<Vec<Errand>>,
    sleep: Sleep,
    poke: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Inbox {
    fn is_empty(&self) -> bool {
        self.woken.is_empty() && self.errands.as_ref().is_none_or(Vec::is_empty)
    }

    fn take_errands(&mut self) -> Vec<Errand> {
        self.errands.as_mut().map_or_else(Vec::new, mem::take)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sleep {
    Awake,
    OnBell,
    /// On the bell, and counted among the [`sleepers`].
    OnBellForEver,
    /// In the poller, which has to be poked.
    Elsewhere,
}

impl Home {
    fn new(local: fn(usize)) -> Self {
        Home {
            local,
            inbox: Latch::new(Inbox {
                woken: Vec::new(),
                errands: None,
                sleep: Sleep::Awake,
                poke: None,
            }),
            filled: AtomicBool::new(false),
            bell: Bell::new(),
            parkers: Latch::new(Vec::new()),
        }
    }

    /// A home for this thread, which has none.
    pub(crate) fn move_in(local: fn(usize)) -> &'static Home {
        let vacant = VACANT.lock().pop();
        let home = vacant.unwrap_or_else(|| Box::leak(Box::new(Home::new(local))));
        home.inbox.lock().errands = Some(Vec::new());
        HERE.set(Some(home));
        home
    }

    /// Leaves the home to another thread. No parker of it is in use.
    pub(crate) fn move_out(&'static self) {
        HERE.set(None);
        let mut inbox = self.inbox.lock();
        inbox.poke = None;
        let unheard = inbox.errands.take();
        drop(inbox);
        drop(unheard);
        VACANT.lock().push(self);
    }

    /// A parker that is not in use.
    pub(crate) fn take_parker(&'static self) -> &'static Parker {
        let mut parkers = self.parkers.lock();
        if let Some(parker) = parkers.pop() {
            return parker;
        }
        let made = Box::leak(Box::new([(); AT_ONCE].map(|()| Parker::new(self))));
        let (first, rest) = made.split_first().expect("one at least");
        parkers.extend(rest);
        first
    }

    pub(crate) fn give_back_parker(&self, parker: &'static Parker) {
        debug_assert!(!parker.is_armed() && ptr::eq(parker.home, self));
        self.parkers.lock().push(parker);
    }

    #[inline]
    fn is_here(&self) -> bool {
        HERE.get().is_some_and(|here| ptr::eq(here, self))
    }

    /// Makes the greenlet of `parker` runnable. To be called by the one who won its episode.
    #[inline]
    fn deliver(&'static self, parker: &'static Parker) {
        if self.is_here() {
            (self.local)(parker.key());
        } else {
            self.post(parker);
        }
    }

    /// Puts a woken greenlet into the inbox, and wakes the thread if it sleeps.
    #[cold]
    fn post(&self, parker: &'static Parker) {
        let mut inbox = self.inbox.lock();
        inbox.woken.push(parker);
        self.ring(inbox);
    }

    /// Has the thread do something. Nobody else does it, should the thread end before: it is dropped then.
    pub(crate) fn send_on(&self, errand: Errand) {
        let mut inbox = self.inbox.lock();
        let Some(errands) = &mut inbox.errands else {
            // Not under the lock.
            drop(inbox);
            return drop(errand);
        };
        errands.push(errand);
        self.ring(inbox);
    }

    /// Wakes the thread, if it sleeps, for what has just been put into its inbox.
    fn ring(&self, mut inbox: Held<'_, Inbox>) {
        self.filled.store(true, Ordering::Relaxed);
        let poke = match mem::replace(&mut inbox.sleep, Sleep::Awake) {
            Sleep::Awake => return,
            Sleep::Elsewhere => inbox.poke.clone(),
            Sleep::OnBell => None,
            Sleep::OnBellForEver => {
                sleepers::wake();
                None
            }
        };
        drop(inbox);
        match poke {
            Some(poke) => poke(),
            None => self.bell.ring(),
        }
    }

    /// Whether somebody was woken from elsewhere; may be late to know.
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        self.filled.load(Ordering::Relaxed)
    }

    /// Appends whoever was woken from elsewhere; what the thread is to do.
    pub(crate) fn collect(&self, woken: &mut Vec<&'static Parker>) -> Vec<Errand> {
        let mut inbox = self.inbox.lock();
        woken.append(&mut inbox.woken);
        self.filled.store(false, Ordering::Relaxed);
        inbox.take_errands()
    }

    /// What the thread is to do, before its next visit. Who was woken waits for that.
    pub(crate) fn take_errands(&self) -> Vec<Errand> {
        self.inbox.lock().take_errands()
    }

    /// Sleeps until there is mail, or until `limit` has passed; may return early. `hopeless` is asked once the thread counts as asleep for
    /// ever, if there is nothing that could end it but another thread: if it says yes, there is no sleep, and the answer is true.
    pub(crate) fn sleep(
        &self,
        limit: Option<Duration>,
        hopeless: Option<&dyn Fn() -> bool>,
    ) -> bool {
        let mut inbox = self.inbox.lock();
        if !inbox.is_empty() {
            return false;
        }
        inbox.sleep = Sleep::OnBell;
        if let Some(hopeless) = hopeless {
            inbox.sleep = Sleep::OnBellForEver;
            sleepers::fall_asleep();
            drop(inbox);
            let lost = hopeless();
            inbox = self.inbox.lock();
            if lost && inbox.sleep == Sleep::OnBellForEver {
                Self::wake_up(&mut inbox);
                return true;
            }
        }
        if inbox.sleep != Sleep::Awake {
            inbox = self.bell.wait(inbox, limit);
        }
        Self::wake_up(&mut inbox);
        false
    }

    fn wake_up(inbox: &mut Inbox) {
        if mem::replace(&mut inbox.sleep, Sleep::Awake) == Sleep::OnBellForEver {
            sleepers::wake();
        }
    }

    /// Says how to wake the thread while it sleeps [elsewhere](Self::begin_sleep_elsewhere).
    pub(crate) fn set_poke(&self, poke: Arc<dyn Fn() + Send + Sync>) {
        self.inbox.lock().poke = Some(poke);
    }

    /// The thread is about to sleep elsewhere; false if there is mail, and it must not.
    pub(crate) fn begin_sleep_elsewhere(&self) -> bool {
        let mut inbox = self.inbox.lock();
        let may = inbox.is_empty();
        if may {
            inbox.sleep = Sleep::Elsewhere;
        }
        may
    }

    pub(crate) fn end_sleep_elsewhere(&self) {
        self.inbox.lock().sleep = Sleep::Awake;
    }
}
