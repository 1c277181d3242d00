//! A greenlet of a program, running.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::rc::Rc;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
use std::thread;

use greenlet::Greenlet;
use greenlet::hub;
use greenlet::lock::{Hold, Lock, Permit, RLock};
use greenlet::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};
use greenlet::{scope, sleep, spawn, spawn_later, timeout, wait_any, wait_any_timeout, yield_now};

use crate::primitives::pipes::{Passed, Selected};
use crate::primitives::program::{Act, Patience, Units, Who};
use crate::primitives::world::{Alone, OnDrop, Unit, Wait, World, units};

/// What programs panic with.
pub struct Deliberate;

/// A program has no loops, but scripts that spawn.
const MOST_GREENLETS: usize = 24;
const MOST_STEPS: usize = 400;

/// What a greenlet holds. First the note, then the thing.
enum Held<'w> {
    Mutex(usize, Alone<'w>, MutexGuard<'w, ()>),
    Read(
        #[expect(dead_code)] Reading<'w>,
        #[expect(dead_code)] RwLockReadGuard<'w, ()>,
    ),
    Write(Alone<'w>, RwLockWriteGuard<'w, ()>),
    Permit(
        #[expect(dead_code)] Unit<'w>,
        #[expect(dead_code)] Permit<'w>,
    ),
    Lock(
        #[expect(dead_code)] Alone<'w>,
        #[expect(dead_code)] Hold<'w, Lock>,
    ),
    RLock(
        #[expect(dead_code)] Again<'w>,
        #[expect(dead_code)] Hold<'w, RLock>,
    ),
    Deferred(#[expect(dead_code)] Deferred<'w>),
}

/// One more reader.
struct Reading<'w>(&'w Cell<usize>);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// The lock is held once more.
struct Again<'w>(&'w World, Who);

impl<'w> Again<'w> {
    fn new(world: &'w World, who: Who) -> Self {
        let (holder, times) = world.rlock_holder.get().unwrap_or((who, 0));
        world.check(holder == who, || {
            format!("{holder} and {who} hold one lock")
        });
        world.rlock_holder.set(Some((who, times + 1)));
        Again(world, who)
    }
}

impl Drop for Again<'_> {
    fn drop(&mut self) {
        let held = self.0.rlock_holder.get();
        self.0
            .check(held.is_some_and(|(holder, _)| holder == self.1), || {
                format!("the lock of {} is held by {held:?}", self.1)
            });
        let left = held.filter(|(_, times)| *times > 1);
        self.0
            .rlock_holder
            .set(left.map(|(who, times)| (who, times - 1)));
    }
}

/// Does something in a destructor, where nothing ends a wait but its own limit.
struct Deferred<'w> {
    world: &'w World,
    who: Who,
    what: u8,
    limit: Units,
}

impl Drop for Deferred<'_> {
    fn drop(&mut self) {
        let (world, who, patience) = (self.world, self.who, Patience::Limit(self.limit));
        match self.what % 6 {
            0 => drop(world.wait(who, Wait::Sleep, Patience::Forever, || {
                sleep(units(self.limit));
                true
            })),
            1 => world.set(0),
            2 => world.notify(true),
            3 if world.acquire(who, 0, patience) => drop(world.take_unit(0)),
            3 => return,
            4 => drop(world.put(who, 1, patience)),
            _ => drop(world.get(who, 1, patience)),
        }
        if self.what % 6 == 3 {
            world.semaphores[0].release();
        }
    }
}

fn whatever<T>(locked: LockResult<T>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}

fn if_free<T>(locked: TryLockResult<T>) -> Option<T> {
    match locked {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Whether a program may be ended by that: by what it raises itself, and by kills and limits, whose payloads are no text.
pub fn is_expected(payload: &(dyn Any + Send)) -> bool {
    let text = payload.downcast_ref::<&str>();
    match text {
        Some(text) => *text == "a scoped greenlet panicked",
        None => !payload.is::<String>(),
    }
}

impl World {
    pub fn set(&self, which: usize) {
        self.settings[which].set(self.settings[which].get() + 1);
        self.events[which].set();
    }

    fn notify(&self, all: bool) {
        if all {
            let before = self.notifications_of_all.get();
            self.notifications_of_all.set(before + 1);
            self.condvar.notify_all();
        } else {
            self.condvar.notify_one();
        }
    }

    fn acquire(&self, who: Who, which: usize, patience: Patience) -> bool {
        let semaphore = &self.semaphores[which];
        self.wait(who, Wait::Unit(which), patience, || match patience {
            Patience::None => semaphore.try_acquire(),
            Patience::Limit(limit) => semaphore.acquire_timeout(units(limit)),
            Patience::Forever => {
                semaphore.acquire();
                true
            }
        })
    }

    pub fn put(&self, who: Who, pipe: usize, patience: Patience) -> Passed {
        let item = self.ledger.item(pipe, who);
        let number = self.ledger.len() - 1;
        let mut passed = Passed::No;
        self.wait(who, Wait::Put(pipe), patience, || {
            passed = self.pipes.put(pipe, item, patience);
            passed == Passed::Yes
        });
        if passed == Passed::Yes {
            self.ledger.sent(number);
        }
        passed
    }

    pub fn get(&self, who: Who, pipe: usize, patience: Patience) -> bool {
        let mut got = Err(Passed::No);
        self.wait(who, Wait::Get(pipe), patience, || {
            got = self.pipes.get(pipe, patience);
            got.is_ok()
        });
        got.inspect(|item| self.ledger.got(pipe, who, item)).is_ok()
    }

    fn select(&self, who: Who, from: usize, to: usize, patience: Patience) {
        let mut selected = Selected::Nothing;
        let mut number = None;
        self.wait(who, Wait::Select(from, to), patience, || {
            selected = self.pipes.select(from, to, patience, || {
                number = Some(self.ledger.len());
                self.ledger.item(to, who)
            });
            !matches!(selected, Selected::Nothing)
        });
        match selected {
            Selected::Received(Some(item)) => self.ledger.got(from, who, &item),
            Selected::Sent(true) => self.ledger.sent(number.expect("it was made")),
            _ => {}
        }
    }

    /// The place of the next greenlet, if there is room for one.
    fn next(&self) -> Option<Who> {
        let next = self.greenlets.borrow().len();
        (next < MOST_GREENLETS).then_some(next)
    }

    pub fn spawn(self: &Rc<Self>, script: usize, delay: Option<Units>) {
        let Some(who) = self.next() else {
            return;
        };
        let world = self.clone();
        let body = move || Run::new(&world, who).all(world.program.script(script));
        let handle = match delay {
            None => spawn(body),
            Some(delay) => spawn_later(units(delay), body),
        };
        self.add(handle.greenlet(), Some(handle), Rc::default());
    }

    /// Kills a greenlet that was spawned. The others, which were made by hand, die with whoever made them.
    pub fn kill(&self, who: Who) {
        let name = self.name(who);
        match self.handle(who) {
            Some((_, handle)) => handle.kill(),
            None if name.parent() == Some(hub::greenlet()) => name.kill(),
            None => {}
        }
    }

    fn spawn_in_pool(self: &Rc<Self>, by: Who, script: usize) {
        let mut spawned = None;
        let who = Rc::new(Cell::new(0));
        let (world, me) = (self.clone(), who.clone());
        self.wait(by, Wait::Slot, Patience::Forever, || {
            spawned = Some(self.pool.spawn(move || {
                world.pooled.set(world.pooled.get() + 1);
                let end = world.clone();
                let _end = OnDrop(move || end.pooled.set(end.pooled.get() - 1));
                world.check(world.pooled.get() <= 2, || "more in the pool than fit");
                Run::new(&world, me.get()).all(world.program.script(script));
            }));
            true
        });
        let handle = spawned.expect("it was spawned");
        // Nothing has switched since.
        who.set(self.greenlets.borrow().len());
        self.add(handle.greenlet(), Some(handle), Rc::default());
    }
}

/// One greenlet's run through operations.
pub struct Run<'w> {
    world: &'w Rc<World>,
    who: Who,
    held: Vec<Held<'w>>,
    kind: Kind,
    is_over: bool,
    /// How many scopes it is in.
    scopes: usize,
}

/// Whom a greenlet can be ended by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is killed, as often as need be.
    Spawned,
    /// It dies with the spawned one that has switched to it, which kills it once: so it swallows nothing.
    ByHand,
    /// Main, which a limit ends, once, and not in a switch. Nor does it wait for children that may swallow a kill.
    Main,
}

impl<'w> Run<'w> {
    pub fn new(world: &'w Rc<World>, who: Who) -> Self {
        Run {
            world,
            who,
            held: Vec::new(),
            kind: if who == 0 { Kind::Main } else { Kind::Spawned },
            is_over: false,
            scopes: 0,
        }
    }

    pub fn all(&mut self, mut acts: &[Act]) {
        while let Some((act, rest)) = acts.split_first() {
            let step = self.world.steps.get() + 1;
            if step > MOST_STEPS || self.is_over {
                return;
            }
            self.world.steps.set(step);
            acts = &rest[self.step(*act, rest)..];
        }
    }

    /// Does one operation; gives how many of the following it has done as well.
    fn step(&mut self, act: Act, rest: &[Act]) -> usize {
        let world = self.world;
        let count = |count: usize| count.min(rest.len());
        match act {
            Act::Timeout(limit, inside) => {
                let inside = &rest[..count(inside)];
                let _ = timeout(units(limit), || self.all(inside));
                return inside.len();
            }
            Act::Catch(inside) if self.kind == Kind::Spawned => {
                let inside = &rest[..count(inside)];
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.all(inside)))
                    && !is_expected(&*payload)
                {
                    resume_unwind(payload);
                }
                // Whoever swallows an unwind while others unwind is taken to unwind still, and is not killed in its next wait. So it does not wait.
                self.is_over |= thread::panicking();
                return inside.len();
            }
            Act::Catch(_) => {}
            Act::Scope(script, inside) if self.kind != Kind::Main && !self.holds_rlock() => {
                let inside = &rest[..count(inside)];
                self.with_child(script, inside);
                return inside.len();
            }
            Act::Scope(..) => {}
            Act::ByHand(inside) if self.kind != Kind::Main => {
                let inside = &rest[..count(inside)];
                self.by_hand(inside);
                return inside.len();
            }
            Act::ByHand(_) => {}
            Act::Once(inside) => {
                let inside = &rest[..count(inside)];
                self.once(inside);
                return inside.len();
            }
            Act::Spawn(script, delay) => world.spawn(script, delay),
            Act::SpawnInPool(script) if world.next().is_some() => {
                world.spawn_in_pool(self.who, script);
            }
            Act::SpawnInPool(_) => {}
            Act::Sleep(length) => drop(self.wait(Wait::Sleep, Patience::Limit(length), || {
                sleep(units(length));
                false
            })),
            Act::Yield => yield_now(),
            Act::Kill(who) => world.kill(who),
            Act::Throw(who) => {
                if let Some((_, handle)) = world.handle(who) {
                    handle.throw(Box::new(Deliberate));
                }
            }
            Act::Join(..) | Act::WaitAny(..) => self.join(act),
            Act::Defer(what, limit) => self.held.push(Held::Deferred(Deferred {
                world,
                who: self.who,
                what,
                limit,
            })),
            Act::LetGo(number) => {
                if let Some(at) = number.checked_rem(self.held.len()) {
                    drop(self.held.swap_remove(at));
                }
            }
            Act::Panic => panic_any(Deliberate),
            Act::Put(pipe, patience) => drop(world.put(self.who, pipe, patience)),
            Act::Get(pipe, patience) => drop(world.get(self.who, pipe, patience)),
            Act::Select(from, to, patience) => world.select(self.who, from, to, patience),
            Act::CloseSender(pipe) => world.pipes.close_sender(pipe),
            Act::CloseReceiver(pipe) => world.pipes.close_receiver(pipe, &world.ledger),
            Act::ShutDown(pipe, now) => world.pipes.shut_down(pipe, now, &world.ledger),
            Act::TaskDone => {
                if world.pipes.joinable.unfinished() > 0 {
                    world.pipes.joinable.task_done();
                }
            }
            Act::JoinQueue(patience) => {
                let queue = &world.pipes.joinable;
                self.wait(Wait::Done, patience, || match patience {
                    Patience::None => queue.unfinished() == 0,
                    Patience::Limit(limit) => queue.join_timeout(units(limit)),
                    Patience::Forever => {
                        queue.join();
                        true
                    }
                });
            }
            act => self.lock(act),
        }
        0
    }

    /// Those who are killed while they wait for the condition cannot end without its lock. So nobody holds it who waits for their end, and cannot be
    /// killed in that wait.
    fn holds_rlock(&self) -> bool {
        self.held.iter().any(|held| matches!(held, Held::RLock(..)))
    }

    fn wait(&self, what: Wait, patience: Patience, wait: impl FnOnce() -> bool) -> bool {
        self.world.wait(self.who, what, patience, wait)
    }

    fn join(&self, act: Act) {
        let world = self.world;
        match act {
            Act::Join(who, patience) => {
                let Some((who, handle)) = world.handle(who).filter(|(who, _)| *who != self.who)
                else {
                    return;
                };
                let ended = self.wait(Wait::End(who), patience, || match patience {
                    Patience::None => handle.is_finished(),
                    Patience::Limit(limit) => handle.wait_timeout(units(limit)),
                    Patience::Forever => {
                        handle.wait();
                        true
                    }
                });
                world.check(!ended || handle.is_finished(), || "joined one that goes on");
            }
            Act::WaitAny(one, other, patience) => {
                let not_me = |(who, _): &(Who, _)| *who != self.who;
                let (Some((a, one)), Some((b, other))) = (
                    world.handle(one).filter(not_me),
                    world.handle(other).filter(not_me),
                ) else {
                    return;
                };
                self.wait(Wait::EndOfAny(a, b), patience, || {
                    let handles = [&*one, &*other];
                    let ended = match patience {
                        Patience::Forever => Some(wait_any(&handles)),
                        Patience::Limit(limit) => wait_any_timeout(&handles, units(limit)),
                        Patience::None => handles.iter().position(|handle| handle.is_finished()),
                    };
                    let ended = ended.map(|ended| handles[ended].is_finished());
                    world.check(ended != Some(false), || "waited for one that goes on");
                    ended.is_some()
                });
            }
            _ => unreachable!("no join"),
        }
    }

    fn with_child(&mut self, script: usize, inside: &[Act]) {
        let world = self.world;
        let Some(child) = world.next() else {
            return self.all(inside);
        };
        let waits_for = world.greenlets.borrow()[self.who].waits_for.clone();
        let _end = OnDrop(|| waits_for.set(None));
        // If it unwinds, and that is swallowed, it counts as in there still, which does no harm.
        self.scopes += 1;
        scope(|s| {
            let handle = s.spawn(move || Run::new(world, child).all(world.program.script(script)));
            world.add(handle.greenlet(), None, Rc::default());
            // It is killed if this unwinds.
            let _waits = OnDrop(|| waits_for.set(Some(Wait::Children)));
            self.all(inside);
        });
        self.scopes -= 1;
    }

    /// On a greenlet that this one switches to, and that has nothing of what this one holds.
    fn by_hand(&mut self, inside: &[Act]) {
        let Some(who) = self.world.next() else {
            return self.all(inside);
        };
        let (world, acts) = (self.world.clone(), inside.to_vec());
        let greenlet = Greenlet::new(move |()| {
            let mut run = Run::new(&world, who);
            run.kind = Kind::ByHand;
            run.all(&acts);
        });
        self.world.add(greenlet.any(), None, Rc::default());
        self.wait(Wait::SwitchBack, Patience::Forever, || {
            greenlet.switch(());
            true
        });
    }

    fn once(&mut self, inside: &[Act]) {
        let (world, who) = (self.world, self.who);
        // Coming again from inside is refused by a panic.
        if world.runner.get() == Some(who) {
            return self.all(inside);
        }
        let cell = world.greenlets.borrow()[who].waits_for.clone();
        let before = cell.replace(Some(Wait::Once));
        let _end = OnDrop(|| cell.set(before));
        world.once.call_once_force(|_| {
            cell.set(before);
            let _alone = world.begin_alone(&world.runner, who);
            self.all(inside);
        });
        world.check(world.once.is_completed(), || "once is not at all");
    }
}

/// What takes and gives locks.
impl<'w> Run<'w> {
    fn lock(&mut self, act: Act) {
        let (world, who): (&'w World, _) = (self.world, self.who);
        match act {
            Act::Lock(which, patience) => self.lock_mutex(which, patience),
            Act::Read(patience) => {
                let mut guard = None;
                self.wait(Wait::Read, or_forever(patience), || {
                    guard = match patience {
                        Patience::None => if_free(world.rwlock.try_read()),
                        _ => Some(whatever(world.rwlock.read())),
                    };
                    guard.is_some()
                });
                if let Some(guard) = guard {
                    let reading = self.reading();
                    self.held.push(Held::Read(reading, guard));
                }
            }
            Act::Write(patience) => {
                let mut guard = None;
                self.wait(Wait::Write, or_forever(patience), || {
                    guard = match patience {
                        Patience::None => if_free(world.rwlock.try_write()),
                        _ => Some(whatever(world.rwlock.write())),
                    };
                    guard.is_some()
                });
                if let Some(guard) = guard {
                    world.check(world.readers.get() == 0, || "a writer among readers");
                    let alone = world.begin_alone(&world.writer, who);
                    self.held.push(Held::Write(alone, guard));
                }
            }
            Act::Downgrade => {
                let is_write = |held: &Held<'_>| matches!(held, Held::Write(..));
                let Some(at) = self.held.iter().position(is_write) else {
                    return;
                };
                let Held::Write(alone, guard) = self.held.swap_remove(at) else {
                    unreachable!("it is one")
                };
                drop(alone);
                let guard = RwLockWriteGuard::downgrade(guard);
                let reading = self.reading();
                self.held.push(Held::Read(reading, guard));
            }
            Act::Hold(which) => {
                let mut permit = None;
                self.wait(Wait::Unit(which), Patience::Forever, || {
                    permit = Some(world.semaphores[which].hold());
                    true
                });
                let unit = world.take_unit(which);
                let permit = permit.expect("it has waited for it");
                self.held.push(Held::Permit(unit, permit));
            }
            Act::Acquire(which, patience) => {
                if world.acquire(who, which, patience) {
                    // From here on it is gone, until somebody releases one.
                    std::mem::forget(world.take_unit(which));
                }
            }
            Act::Release(which) => {
                let taken = &world.taken[which];
                taken.set(taken.get() - 1);
                world.semaphores[which].release();
                world.check_units(which, false);
            }
            Act::WaitForChange(patience) => self.wait_for_change(patience),
            Act::Notify(all) => world.notify(all),
            Act::Meet => {
                self.wait(Wait::Meeting, Patience::Forever, || {
                    let leads = world.barrier.wait().is_leader();
                    world.met.set(world.met.get() + 1);
                    world.led.set(world.led.get() + usize::from(leads));
                    true
                });
            }
            Act::Set(which) => world.set(which),
            Act::Clear(which) => world.events[which].clear(),
            Act::WaitForEvent(which, patience) => {
                let event = &world.events[which];
                let (was_set, before) = (event.is_set(), world.settings[which].get());
                let served = self.wait(Wait::Event(which), patience, || match patience {
                    Patience::None => event.is_set(),
                    Patience::Limit(limit) => event.wait_timeout(units(limit)),
                    Patience::Forever => {
                        event.wait();
                        true
                    }
                });
                let there_was = was_set || world.settings[which].get() > before;
                world.check(!served || there_was, || "an event that nobody has set");
            }
            Act::SetResult => {
                if !world.result.is_set() {
                    world.result.set(who);
                }
            }
            Act::GetResult(patience) => {
                self.wait(Wait::Result, patience, || match patience {
                    Patience::None => world.result.try_get().is_some(),
                    Patience::Limit(limit) => world.result.get_timeout(units(limit)).is_ok(),
                    Patience::Forever => {
                        world.result.get();
                        true
                    }
                });
            }
            act => self.old_lock(act),
        }
    }

    fn reading(&self) -> Reading<'w> {
        let world: &'w World = self.world;
        world.check(world.writer.get().is_none(), || "a reader beside a writer");
        world.readers.set(world.readers.get() + 1);
        Reading(&world.readers)
    }

    fn lock_mutex(&mut self, which: usize, patience: Patience) {
        let world: &'w World = self.world;
        let mutex = &world.mutexes[which];
        let mut guard = None;
        self.wait(Wait::Mutex(which), or_forever(patience), || {
            guard = match patience {
                Patience::None => if_free(mutex.try_lock()),
                _ => Some(whatever(mutex.lock())),
            };
            guard.is_some()
        });
        if let Some(guard) = guard {
            let alone = world.begin_alone(&world.holders[which], self.who);
            self.held.push(Held::Mutex(which, alone, guard));
        }
    }

    fn wait_for_change(&mut self, patience: Patience) {
        let world: &'w World = self.world;
        let is_mutex = |held: &Held<'_>| matches!(held, Held::Mutex(..));
        let Some(at) = self.held.iter().rposition(is_mutex) else {
            return;
        };
        let Held::Mutex(which, alone, guard) = self.held.swap_remove(at) else {
            unreachable!("it is one")
        };
        drop(alone);
        let wait = Wait::Change(world.notifications_of_all.get(), which);
        let mut back = None;
        self.wait(wait, patience, || match patience {
            Patience::Limit(limit) => {
                let waited = world.condvar.wait_timeout(guard, units(limit));
                let (guard, result) = whatever(waited);
                back = Some(guard);
                !result.timed_out()
            }
            _ => {
                back = Some(whatever(world.condvar.wait(guard)));
                true
            }
        });
        let alone = world.begin_alone(&world.holders[which], self.who);
        let guard = back.expect("it comes back with it");
        self.held.push(Held::Mutex(which, alone, guard));
    }

    fn old_lock(&mut self, act: Act) {
        let (world, who): (&'w World, _) = (self.world, self.who);
        match act {
            Act::HoldLock(true) if self.kind == Kind::ByHand || self.scopes > 0 => {}
            Act::HoldLock(true) => {
                let mut hold = None;
                self.wait(Wait::RLock, Patience::Forever, || {
                    hold = Some(world.rlock.hold());
                    true
                });
                let again = Again::new(world, who);
                let hold = hold.expect("it has waited for it");
                self.held.push(Held::RLock(again, hold));
            }
            Act::HoldLock(false) => {
                let mut hold = None;
                self.wait(Wait::Lock, Patience::Forever, || {
                    hold = Some(world.lock.hold());
                    true
                });
                let alone = world.begin_alone(&world.lock_holder, who);
                let hold = hold.expect("it has waited for it");
                self.held.push(Held::Lock(alone, hold));
            }
            // A limit that ends it there ends main only once it has the lock again, and nobody kills who holds that before main goes on.
            Act::WaitForCondition(_) if self.kind == Kind::Main => {}
            Act::WaitForCondition(patience) => {
                // It gives the lock up however often it is held, and takes it again as often, also if it is killed.
                let held = world.rlock_holder.get();
                if held.is_none_or(|(holder, _)| holder != who) {
                    return;
                }
                world.rlock_holder.set(None);
                let _back = OnDrop(|| {
                    world.check(
                        world.rlock_holder.get().is_none(),
                        || "back from a wait without the lock",
                    );
                    world.rlock_holder.set(held);
                });
                self.wait(Wait::Condition, patience, || match patience {
                    Patience::Limit(limit) => world.condition.wait_timeout(units(limit)),
                    _ => {
                        world.condition.wait();
                        true
                    }
                });
            }
            Act::NotifyCondition(how) => {
                let is_mine = |(holder, _): (Who, usize)| holder == who;
                if world.rlock_holder.get().is_some_and(is_mine) {
                    match how {
                        0 => world.condition.notify_one(),
                        1 => world.condition.notify_all(),
                        _ => world.condition.notify(2),
                    }
                }
            }
            act => unreachable!("{act:?} is done elsewhere"),
        }
    }
}

/// Std's locks know no limits.
fn or_forever(patience: Patience) -> Patience {
    match patience {
        Patience::Limit(_) => Patience::Forever,
        patience => patience,
    }
}
