//! What the greenlets of a program share, and what has to hold of it all the time.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::event::{AsyncResult, Event};
use greenlet::lock::{Condition, Lock, RLock, Semaphore};
use greenlet::pool::Pool;
use greenlet::sync::{Barrier, Condvar, Mutex, Once, RwLock};
use greenlet::{__moment, AnyGreenlet, JoinHandle};

use crate::primitives::pipes::{Ledger, Pipes};
use crate::primitives::program::{
    CHANNELS, EVENTS, MEETING, MUTEXES, POOL, Patience, Program, SEMAPHORES, Units, Who,
};

/// A whole number of ticks of the hub's timers, so that nothing is rounded.
const UNIT: Duration = Duration::from_nanos(1_000 << 10);

pub fn units(units: Units) -> Duration {
    UNIT * u32::try_from(units).expect("not that long")
}

/// What did not hold. It is told at the end: what panics may be swallowed.
#[derive(Default)]
pub struct Faults(RefCell<Vec<String>>);

impl Faults {
    pub fn check<S: Into<String>>(&self, holds: bool, what: impl FnOnce() -> S) {
        if !holds {
            self.0.borrow_mut().push(what().into());
        }
    }

    pub fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// What one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    Sleep,
    Mutex(usize),
    /// A notification since so many calls of `notify_all`, and then the mutex.
    Change(usize, usize),
    Read,
    Write,
    Unit(usize),
    Meeting,
    Event(usize),
    Result,
    Put(usize),
    Get(usize),
    Select(usize, usize),
    Done,
    Once,
    Lock,
    RLock,
    Condition,
    End(Who),
    EndOfAny(Who, Who),
    Children,
    Slot,
    SwitchBack,
}

impl Wait {
    /// Where greenlets are served in the order of coming, by what they come to. Readers and writers stand in one line.
    fn line(self) -> Option<Wait> {
        match self {
            Wait::Mutex(_) | Wait::Unit(_) | Wait::Put(_) | Wait::Get(_) => Some(self),
            Wait::Read | Wait::Write => Some(Wait::Read),
            Wait::Lock | Wait::RLock => Some(self),
            _ => None,
        }
    }
}

/// A greenlet of the program.
pub struct Greenlet {
    pub name: AnyGreenlet,
    /// If it can be joined.
    pub handle: Option<Rc<JoinHandle<()>>>,
    pub waits_for: Rc<Cell<Option<Wait>>>,
}

pub struct World {
    pub program: Program,
    pub faults: Rc<Faults>,
    pub ledger: Rc<Ledger>,
    pub greenlets: RefCell<Vec<Greenlet>>,
    /// How many operations were begun.
    pub steps: Cell<usize>,
    /// Who came last of those who were served after having waited, in each line.
    served: RefCell<HashMap<Wait, usize>>,
    pub mutexes: [Mutex<()>; MUTEXES],
    pub holders: [Cell<Option<Who>>; MUTEXES],
    pub rwlock: RwLock<()>,
    pub readers: Cell<usize>,
    pub writer: Cell<Option<Who>>,
    pub semaphores: [Semaphore; SEMAPHORES],
    /// Units that are held, or that were taken and not given back.
    pub taken: [Cell<isize>; SEMAPHORES],
    pub condvar: Condvar,
    pub notifications_of_all: Cell<usize>,
    pub barrier: Barrier,
    /// Who has passed the barrier, and how many led.
    pub met: Cell<usize>,
    pub led: Cell<usize>,
    pub events: [Event; EVENTS],
    /// How often each was set.
    pub settings: [Cell<usize>; EVENTS],
    pub result: AsyncResult<usize>,
    pub pipes: Pipes,
    pub once: Once,
    pub runner: Cell<Option<Who>>,
    pub lock: Lock,
    pub lock_holder: Cell<Option<Who>>,
    pub condition: Condition<Rc<RLock>>,
    pub rlock: Rc<RLock>,
    /// Who holds it, and how often.
    pub rlock_holder: Cell<Option<(Who, usize)>>,
    pub pool: Pool,
    /// How many run in the pool's slots.
    pub pooled: Cell<usize>,
}

impl World {
    pub fn new(program: Program) -> Rc<Self> {
        let faults = Rc::<Faults>::default();
        let rlock = Rc::new(RLock::new());
        Rc::new(World {
            ledger: Ledger::new(&faults),
            faults,
            greenlets: RefCell::default(),
            steps: Cell::new(0),
            served: RefCell::default(),
            mutexes: Default::default(),
            holders: Default::default(),
            rwlock: RwLock::default(),
            readers: Cell::new(0),
            writer: Cell::new(None),
            semaphores: program.units.map(Semaphore::new),
            taken: Default::default(),
            condvar: Condvar::new(),
            notifications_of_all: Cell::new(0),
            barrier: Barrier::new(MEETING),
            met: Cell::new(0),
            led: Cell::new(0),
            events: Default::default(),
            settings: Default::default(),
            result: AsyncResult::new(),
            pipes: Pipes::new(&program),
            once: Once::new(),
            runner: Cell::new(None),
            lock: Lock::new(),
            lock_holder: Cell::new(None),
            condition: Condition::over(rlock.clone()),
            rlock,
            rlock_holder: Cell::new(None),
            pool: Pool::new(POOL),
            pooled: Cell::new(0),
            program,
        })
    }

    /// Adds a greenlet; what it waits for is told by the cell.
    pub fn add(
        &self,
        name: AnyGreenlet,
        handle: Option<JoinHandle<()>>,
        waits_for: Rc<Cell<Option<Wait>>>,
    ) {
        self.greenlets.borrow_mut().push(Greenlet {
            name,
            handle: handle.map(Rc::new),
            waits_for,
        });
    }

    pub fn name(&self, who: Who) -> AnyGreenlet {
        let greenlets = self.greenlets.borrow();
        greenlets[who % greenlets.len()].name.clone()
    }

    pub fn handle(&self, who: Who) -> Option<(Who, Rc<JoinHandle<()>>)> {
        let greenlets = self.greenlets.borrow();
        let who = who % greenlets.len();
        Some((who, greenlets[who].handle.clone()?))
    }

    pub fn check<S: Into<String>>(&self, holds: bool, what: impl FnOnce() -> S) {
        self.faults.check(holds, what);
    }

    /// Calls what waits, and says so meanwhile. `wait` says whether it was served.
    pub fn wait(
        &self,
        who: Who,
        what: Wait,
        patience: Patience,
        wait: impl FnOnce() -> bool,
    ) -> bool {
        let cell = self.greenlets.borrow()[who].waits_for.clone();
        let before = cell.replace(Some(what));
        let _end = OnDrop(|| cell.set(before));
        let (began, came) = (__moment(), self.steps.get());
        let served = wait();
        if served && self.steps.get() != came {
            self.check_turn(what, came);
        }
        self.check_time(what, patience, served, began);
        served
    }

    /// The steps are numbers for who comes.
    fn check_turn(&self, what: Wait, came: usize) {
        let Some(line) = what.line() else {
            return;
        };
        // A receiver that meets a select gets the message when that has come round, and others may pass meanwhile.
        let is_channel = matches!(line, Wait::Put(pipe) | Wait::Get(pipe) if pipe < CHANNELS);
        if is_channel && self.program.has_select() {
            return;
        }
        let last = self.served.borrow_mut().insert(line, came);
        self.check(last.is_none_or(|last| last <= came), || {
            format!("served out of turn: {what:?}")
        });
    }

    /// Time stands still while anybody can run, so a limit is up when it is up.
    fn check_time(&self, what: Wait, patience: Patience, served: bool, began: Instant) {
        let passed = __moment() - began;
        // After the notification there is the mutex to wait for.
        let is_exact = !matches!(what, Wait::Change(..) | Wait::Condition | Wait::Children);
        let holds = match (patience, served) {
            (Patience::None, _) => passed == Duration::ZERO,
            (Patience::Limit(limit), true) => passed <= units(limit),
            (Patience::Limit(limit), false) => passed == units(limit) || what.may_fail_early(),
            (Patience::Forever, served) => served || what.may_fail_early(),
        };
        self.check(holds || !is_exact, || {
            format!("{what:?} with {patience:?}: served is {served} after {passed:?}")
        });
    }

    /// `who` has the thing from here on, alone.
    pub fn begin_alone<'w>(&self, holder: &'w Cell<Option<Who>>, who: Who) -> Alone<'w> {
        let before = holder.replace(Some(who));
        self.check(before.is_none(), || {
            format!("{before:?} and {who} hold one thing")
        });
        Alone {
            holder,
            who,
            faults: self.faults.clone(),
        }
    }

    pub fn take_unit(&self, which: usize) -> Unit<'_> {
        let taken = &self.taken[which];
        taken.set(taken.get() + 1);
        self.check_units(which, false);
        Unit(taken)
    }

    /// Units neither come from nowhere nor go. One on its way to somebody is nobody's.
    pub fn check_units(&self, which: usize, is_quiet: bool) {
        let known = self.semaphores[which].available() as isize + self.taken[which].get();
        let all = self.program.units[which] as isize;
        self.check(known <= all && (!is_quiet || known == all), || {
            format!("of {all} units of semaphore {which}, {known} are known")
        });
    }
}

impl Wait {
    /// The other end may be gone, somebody may have panicked.
    fn may_fail_early(self) -> bool {
        matches!(self, Wait::Put(_) | Wait::Get(_) | Wait::Select(..))
    }
}

pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Somebody has something to himself, as long as this is there.
pub struct Alone<'w> {
    holder: &'w Cell<Option<Who>>,
    who: Who,
    faults: Rc<Faults>,
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        let before = self.holder.take();
        self.faults.check(before == Some(self.who), || {
            format!("what {} held was held by {before:?}", self.who)
        });
    }
}

/// A unit of a semaphore that somebody has.
pub struct Unit<'w>(&'w Cell<isize>);

impl Drop for Unit<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
