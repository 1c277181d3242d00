//! What the model consists of.

use std::collections::{BTreeMap, VecDeque};

use crate::program::{Act, Body, Event, Seen, Units};

pub type Id = usize;

/// What goes through queues and channels: the number of the operation that put it.
pub type Item = usize;

/// A greenlet in one of its waits.
pub type Ticket = (Id, u64);

pub type Timer = (Units, u64);

/// What unwinds a greenlet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Raised {
    Kill,
    Elapsed(u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Token {
    Ready,
    TimedOut,
    Interrupted,
}

/// What is done when a body is over, whichever way.
#[derive(Clone, Debug)]
pub enum Frame {
    Body(Body, usize),
    Locked(usize, usize),
    Limited(u64, usize),
    Deferred(Act, usize),
    /// The destructor is over.
    Dropped(usize),
    Caught(usize),
}

/// Who waits for the same thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Queue {
    Permit(usize),
    Flag(usize),
    Room(usize),
    Item(usize),
    End(Id),
}

/// An operation that waits, for so long at most.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub op: usize,
    pub limit: Option<Units>,
}

impl Call {
    pub fn seen(self, in_time: bool) -> Seen {
        self.limit.map_or(Seen::Done, |_| Seen::Said(in_time))
    }
}

/// What is done when a wait is over.
#[derive(Clone, Debug)]
pub enum Wait {
    Sleep(usize),
    Lock(usize, usize, Body),
    Say(Call),
    Receive(Call),
    Sweep,
}

#[derive(Clone, Copy)]
pub enum Due {
    Wake(Id, u64),
    Start(Id),
    Elapse(Id, u64),
}

pub struct Limit {
    pub number: u64,
    pub timer: Option<Timer>,
    pub elapsed: bool,
}

#[derive(Default)]
pub struct Machine {
    pub who: usize,
    pub started: bool,
    pub ended: Option<Seen>,
    pub frames: Vec<Frame>,
    pub wait: Option<Wait>,
    pub queue: Option<Queue>,
    pub episode: u64,
    pub armed: bool,
    pub token: Option<Token>,
    pub deadline: Option<Timer>,
    pub start: Option<Timer>,
    pub killed: bool,
    pub pending: bool,
    pub limits: Vec<Limit>,
    pub unwinds: Option<Raised>,
    /// Known to unwind. That an unwind was swallowed is noticed at a wait while no other greenlet unwinds: std counts panics by
    /// thread.
    pub taken_to_unwind: bool,
    pub shielded: bool,
    /// What a putter has to put, or a getter was given.
    pub carries: Option<Item>,
    pub on_exit: Vec<usize>,
    /// Only says how another has ended.
    pub watched: Option<Seen>,
}

/// A queue or a channel.
pub struct Pipe {
    pub room: usize,
    /// Looks before a put whether something is to be raised, even if there is no need to wait.
    pub checks_puts: bool,
    pub items: VecDeque<Item>,
}

pub struct Model {
    pub now: Units,
    pub log: Vec<Event>,
    pub all: Vec<Machine>,
    /// Those that programs can name.
    pub spawned: Vec<Id>,
    pub run_queue: VecDeque<Id>,
    pub timers: BTreeMap<Timer, Due>,
    pub numbers: u64,
    pub queues: BTreeMap<Queue, VecDeque<Ticket>>,
    /// Of the mutexes, then of the semaphores.
    pub permits: Vec<usize>,
    pub flags: Vec<bool>,
    pub pipes: Vec<Pipe>,
}

/// Whether a step has left for the hub.
#[derive(PartialEq)]
pub enum Step {
    GoesOn,
    Left,
}
