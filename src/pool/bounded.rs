//! Groups of which only so many run at once.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use crate::greenlet::builder::GreenletBuilder;
use crate::greenlet::panicking::unwind_in;
use crate::greenlet::thread::here;
use crate::greenlet::unwind::GreenletExit;
use crate::hub::begin::place;
use crate::lock::semaphore::Semaphore;
use crate::pool::group::{Group, Last};
use crate::pool::imap::{Call, Imap, ImapUnordered, Promise};
use crate::task::join_handle::JoinHandle;

/// There was no free slot, or the thread's [limits](crate::hub::set_limits) were reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolFull;

impl fmt::Display for PoolFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pool has no free slot, or its thread no room for another greenlet")
    }
}

impl Error for PoolFull {}

/// A [`Group`] with so many slots; each of its greenlets needs one to run in.
///
/// A slot is free again at its greenlet's end, however it ends. Whoever waits for one is served in the order of coming. A clone is the same pool; dropping
/// it ends nobody.
///
/// ```
/// use greenlet::pool::Pool;
///
/// let pool = Pool::new(2); // two at a time
/// let squares = pool.map(|n: u32| { greenlet::yield_now(); n * n }, 1..=4);
/// assert_eq!(squares, [1, 4, 9, 16]);
/// assert_eq!(pool.free_count(), 2);
/// ```
#[derive(Clone)]
pub struct Pool {
    group: Group,
    slots: Rc<Semaphore>,
    size: usize,
}

/// A slot that is taken; dropping it frees it.
struct Slot(Rc<Semaphore>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Pool {
    /// With so many slots. Without any, nothing ever runs.
    pub fn new(size: usize) -> Self {
        Pool {
            group: Group::new(),
            slots: Rc::new(Semaphore::new(size)),
            size,
        }
    }

    /// Waits for a slot, then spawns a greenlet in it.
    ///
    /// Switches only if there is no free slot. A kill, or the end of an enclosing limit, ends the wait, and nothing is spawned. A member of the
    /// pool that spawns waits for others: if all members do, none ever goes on.
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        self.slots.acquire();
        self.spawn_in(Slot(self.slots.clone()), f)
    }

    /// Spawns a greenlet if there is a free slot. Never switches.
    ///
    /// # Errors
    ///
    /// If there is none, or this thread's [limits](crate::hub::set_limits) are reached; `f` is dropped.
    #[track_caller]
    pub fn try_spawn<F, T>(&self, f: F) -> Result<JoinHandle<T>, PoolFull>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let admitted = GreenletBuilder::new().admit().is_ok();
        match admitted && self.slots.try_acquire() {
            true => Ok(self.spawn_in(Slot(self.slots.clone()), f)),
            false => Err(PoolFull),
        }
    }

    #[track_caller]
    fn spawn_in<F, T>(&self, slot: Slot, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let member = Last { f, held: slot };
        self.group.spawn(move || member.run())
    }

    /// Calls `f` in the pool, and waits for its result. A member of the pool calls it itself, where it is: waiting for a slot, it could wait
    /// for itself.
    ///
    /// If the caller is killed or its limit elapses, `f` goes on in the pool if it was spawned.
    ///
    /// # Panics
    ///
    /// With what `f` panics with; or if the greenlet that runs it is killed.
    #[track_caller]
    pub fn apply<F, R>(&self, f: F) -> R
    where
        F: FnOnce() -> R + 'static,
        R: 'static,
    {
        if self.runs_caller() {
            return f();
        }
        result_or_panic(self.spawn(f).join())
    }

    /// Calls `f` in the pool, once there is a slot, and then `callback` with its result if it has one. Does not switch.
    ///
    /// The greenlet that waits for the slot is the one that runs `f`, and is a member of the pool meanwhile. The slot is free again when `callback`
    /// is called. The handle is that of the whole; killing it is killing `f`.
    ///
    /// ```
    /// use greenlet::pool::Pool;
    ///
    /// let pool = Pool::new(1);
    /// let jobs = [1, 2, 3].map(|n| pool.apply_async(move || n * 10, |tens| println!("{tens}")));
    /// pool.join();
    /// assert!(jobs.into_iter().map(|job| job.join().unwrap()).eq([10, 20, 30]));
    /// ```
    #[track_caller]
    pub fn apply_async<F, C, R>(&self, f: F, callback: C) -> JoinHandle<R>
    where
        F: FnOnce() -> R + 'static,
        C: FnOnce(&R) + 'static,
        R: 'static,
    {
        let call = self.in_slot(f);
        self.group.spawn(move || {
            let result = call();
            callback(&result);
            result
        })
    }

    /// `f`, preceded by a wait for a slot.
    fn in_slot<F, R>(&self, f: F) -> impl FnOnce() -> R + use<F, R>
    where
        F: FnOnce() -> R,
    {
        let slots = self.slots.clone();
        move || {
            slots.acquire();
            Last {
                f,
                held: Slot(slots),
            }
            .run()
        }
    }

    /// Calls `f` for every item in the pool, as many at a time as there are free slots, and gives the results in the order of the items.
    /// For a member of the pool all the calls are made where it is.
    ///
    /// Switches. If the caller is killed or its limit elapses, what is spawned goes on, and no further items are drawn.
    ///
    /// # Panics
    ///
    /// With the first panic, in the order of the items, once those before it have returned; the other calls go on. Likewise if one is killed.
    #[track_caller]
    pub fn map<F, I, R>(&self, f: F, items: I) -> Vec<R>
    where
        F: Fn(I::Item) -> R + 'static,
        I: IntoIterator,
        I::Item: 'static,
        R: 'static,
    {
        if self.runs_caller() {
            return items.into_iter().map(f).collect();
        }
        let f = Rc::new(f);
        let mut handles = Vec::new();
        for item in items {
            let f = f.clone();
            handles.push(self.spawn(move || f(item)));
        }
        let results = handles
            .into_iter()
            .map(|handle| result_or_panic(handle.join()));
        results.collect()
    }

    /// Calls `f` for every item in the pool, and gives the results one by one, in the order of the items. See [`Imap`]; the bound is
    /// twice the pool's size at first.
    ///
    /// ```
    /// use greenlet::pool::Pool;
    ///
    /// let pool = Pool::new(3);
    /// let first = pool.imap(|n: u32| 10 / n, 1..).bound(5).take(2);
    /// assert!(first.map(Result::unwrap).eq([10, 5]));
    /// pool.join();
    /// ```
    #[track_caller]
    pub fn imap<'a, F, I, R>(&self, f: F, items: I) -> Imap<'a, R>
    where
        F: Fn(I::Item) -> R + 'static,
        I: IntoIterator,
        I::IntoIter: 'a,
        I::Item: 'static,
        R: 'static,
    {
        let (pool, f, at) = (self.clone(), Rc::new(f), Location::caller());
        let mut items = items.into_iter();
        Imap::new(self.lookahead(), move || {
            let (item, f) = (items.next()?, f.clone());
            let call = pool.in_slot(move || f(item));
            let builder = GreenletBuilder::new().created_at(at);
            Some(Call::Greenlet(pool.group.spawn_as(builder, call)))
        })
    }

    /// As [`imap`](Self::imap), with the results in the order in which the calls end. See [`ImapUnordered`].
    #[track_caller]
    pub fn imap_unordered<'a, F, I, R>(&self, f: F, items: I) -> ImapUnordered<'a, R>
    where
        F: Fn(I::Item) -> R + 'static,
        I: IntoIterator,
        I::IntoIter: 'a,
        I::Item: 'static,
        R: 'static,
    {
        let (pool, f, at) = (self.clone(), Rc::new(f), Location::caller());
        let mut items = items.into_iter();
        ImapUnordered::new(self.lookahead(), move |results| {
            let Some(item) = items.next() else {
                return false;
            };
            let (f, promise) = (f.clone(), Promise::new(results));
            let call = pool.in_slot(move || f(item));
            let builder = GreenletBuilder::new().created_at(at);
            drop(pool.group.spawn_as(builder, move || {
                let result = catch_unwind(AssertUnwindSafe(call));
                promise.keep(result);
            }));
            true
        })
    }

    fn lookahead(&self) -> usize {
        self.size.saturating_mul(2).max(1)
    }

    /// Waits until there are no members, or until there have been none at a time. Members are those that run, and those that wait for a
    /// slot to run in.
    ///
    /// Switches unless there are none. A kill, or the end of an enclosing limit, ends the wait and nothing else.
    #[track_caller]
    pub fn join(&self) {
        self.group.join();
    }

    /// As [`join`](Self::join), for so long at most; whether there were none.
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.group.join_timeout(limit)
    }

    /// Kills all members, then waits for them. See [`Group::kill`].
    #[track_caller]
    pub fn kill(&self) {
        self.group.kill();
    }

    /// How many members there are, those included that wait for a slot to run in.
    pub fn len(&self) -> usize {
        self.group.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// How many slots are free.
    pub fn free_count(&self) -> usize {
        self.slots.available()
    }

    /// Waits until a slot is free, and does not take it. Whoever waits for one already comes first.
    ///
    /// Switches only if none is free. A kill, or the end of an enclosing limit, ends the wait.
    #[track_caller]
    pub fn wait_available(&self) {
        drop(self.slots.hold());
    }

    /// Whether the caller is a member.
    pub(crate) fn runs_caller(&self) -> bool {
        self.group.members().contains(&here().current())
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("size", &self.size)
            .field("free", &self.free_count())
            .field("members", &self.group)
            .finish()
    }
}

/// The result of a call that somebody else made. That it was killed is no reason for the caller to die likewise.
#[track_caller]
pub(crate) fn result_or_panic<R>(result: thread::Result<R>) -> R {
    match result {
        Ok(result) => result,
        Err(payload) if payload.is::<GreenletExit>() => {
            // The caller as well, if it was at the end of the thread.
            place().check();
            panic!("the call was killed");
        }
        Err(payload) => unwind_in(place().me, payload),
    }
}
