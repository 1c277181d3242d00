//! What a program should log, worked out without greenlets and threads.
//!
//! Each greenlet of the model is a future, which the compiler turns into a plain state machine: what it waits in is its
//! state. [`run`] polls whoever is current, and nobody else, so a switch is: put down what arrives, name the
//! next one, yield. Unwinding is `Err`. Item numbers are those of greenlet's semantics.
//!
//! Beside the prediction the model counts what happened, and says where Python would first differ.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[path = "model_acts.rs"]
mod acts;

#[path = "model_ends.rs"]
mod ends;

use crate::differences::{Difference, References};
use crate::program::{Act, Catch, Op, Program, STEPS, Slot, Unwind, parent_line};

pub(crate) struct Prediction {
    pub(crate) log: Vec<String>,
    /// How often what happened.
    pub(crate) outcomes: BTreeMap<&'static str, u32>,
    /// How many lines Python would log too, and what it would do otherwise then.
    pub(crate) differs: Option<(usize, Difference)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Unmade,
    New,
    Suspended,
    Running,
    Dead,
}

/// What a greenlet finds when control comes to it.
enum Arrival {
    Value(i64),
    Thrown(Unwind),
    /// The error of a greenlet whose parent it is.
    Died(Slot, Unwind),
    /// A greenlet whose parent it is has exited.
    Exited,
}

/// A kill under way: its killer is the victim's parent until it is over.
pub(crate) struct Kill {
    number: u32,
    pub(crate) parent: Slot,
}

pub(crate) struct Greenlet {
    pub(crate) state: Cell<State>,
    pub(crate) parent: Cell<Option<Slot>>,
    owns_parent: Cell<bool>,
    /// Handles in the table.
    pub(crate) handles: Cell<usize>,
    /// The handles, and the links of others that own it.
    owners: Cell<usize>,
    pub(crate) kills: RefCell<Vec<Kill>>,
    /// Survived its kill by drop, and was not owned since.
    condemned: Cell<bool>,
    arrival: Cell<Option<Arrival>>,
    pub(crate) python: References,
}

pub(crate) struct World<'p> {
    program: &'p Program,
    pub(crate) greenlets: Vec<Greenlet>,
    pub(crate) current: Cell<Slot>,
    /// Who left last.
    origin: Cell<Slot>,
    traced: Cell<bool>,
    sabotage: Cell<Option<i64>>,
    divert: Cell<Option<(Slot, i64)>>,
    steps: Cell<u32>,
    /// How many greenlets run guards because they unwind; std counts for the whole thread.
    unwinding: Cell<u32>,
    kills: Cell<u32>,
    log: RefCell<Vec<String>>,
    outcomes: RefCell<BTreeMap<&'static str, u32>>,
    differs: Cell<Option<(usize, Difference)>>,
}

/// The frame of a script.
struct Frame {
    last: i64,
    guards: Vec<Act>,
}

enum Flow {
    On,
    Again,
    Return(i64),
}

pub(crate) fn run(program: &Program) -> Prediction {
    let world = World::new(program);
    let mut lives: Vec<Option<Pin<Box<dyn Future<Output = ()> + '_>>>> = Vec::new();
    lives.resize_with(program.scripts.len(), || None);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let current = world.current.get();
        let life = lives[current].get_or_insert_with(|| match current {
            0 => Box::pin(world.main()),
            _ => Box::pin(world.life(current)),
        });
        if life.as_mut().poll(&mut context).is_ready() && current == 0 {
            break;
        }
    }
    drop(lives);
    Prediction {
        log: world.log.take(),
        outcomes: world.outcomes.take(),
        differs: world.differs.get(),
    }
}

impl<'p> World<'p> {
    fn new(program: &'p Program) -> Self {
        let new = |slot| Greenlet {
            state: Cell::new(if slot == 0 {
                State::Running
            } else {
                State::Unmade
            }),
            parent: Cell::new(None),
            owns_parent: Cell::new(false),
            handles: Cell::new(0),
            // The thread owns main.
            owners: Cell::new(usize::from(slot == 0)),
            kills: RefCell::default(),
            condemned: Cell::new(false),
            arrival: Cell::new(None),
            python: References::default(),
        };
        World {
            program,
            greenlets: (0..program.scripts.len()).map(new).collect(),
            current: Cell::new(0),
            origin: Cell::new(0),
            traced: Cell::new(program.traced),
            sabotage: Cell::new(None),
            divert: Cell::new(None),
            steps: Cell::new(STEPS),
            unwinding: Cell::new(0),
            kills: Cell::new(0),
            log: RefCell::default(),
            outcomes: RefCell::default(),
            differs: Cell::new(None),
        }
    }

    fn say(&self, line: String) {
        self.log.borrow_mut().push(line);
    }

    fn note(&self, what: &'static str) {
        *self.outcomes.borrow_mut().entry(what).or_default() += 1;
    }

    pub(crate) fn differs(&self, difference: Difference) {
        if self.differs.get().is_none() {
            self.differs
                .set(Some((self.log.borrow().len(), difference)));
        }
    }

    fn step(&self) -> bool {
        let left = self.steps.get();
        self.steps.set(left.saturating_sub(1));
        left > 0
    }

    pub(crate) fn state(&self, slot: Slot) -> State {
        self.greenlets[slot].state.get()
    }

    /// Where the end of `slot` goes first.
    pub(crate) fn effective_parent(&self, slot: Slot) -> Option<Slot> {
        let greenlet = &self.greenlets[slot];
        let killer = greenlet.kills.borrow().last().map(|kill| kill.parent);
        killer.or(greenlet.parent.get())
    }

    /// Control leaves `me` with `arrival`, which `to` finds; what `me` finds when it comes back.
    async fn leave(&self, me: Slot, to: Slot, arrival: Arrival) -> Arrival {
        self.greenlets[me].state.set(State::Suspended);
        self.enter(me, to, arrival);
        let mut left = false;
        poll_fn(|_| match std::mem::replace(&mut left, true) {
            false => Poll::Pending,
            true => Poll::Ready(()),
        })
        .await;
        self.arrive(me).await
    }

    fn enter(&self, from: Slot, to: Slot, arrival: Arrival) {
        self.greenlets[to].arrival.set(Some(arrival));
        self.greenlets[to].state.set(State::Running);
        self.origin.set(from);
        self.current.set(to);
    }

    /// The observer runs first, in the target (52); then whoever left without an owner is killed.
    async fn arrive(&self, me: Slot) -> Arrival {
        let arrival = self.greenlets[me]
            .arrival
            .take()
            .expect("put down by who left");
        let origin = self.origin.get();
        let arrival = self.observe(origin, me, arrival).await;
        if self.greenlets[origin].owners.get() > 0 {
            return arrival;
        }
        let alive = self.state(origin) != State::Dead;
        match Box::pin(self.reap(me, origin)).await {
            None => {
                if alive && self.state(origin) == State::Dead {
                    self.note("killed when it left");
                }
                arrival
            }
            // What was first stays, unless it would hide a kill.
            Some(raised) => match arrival {
                Arrival::Thrown(_) | Arrival::Died(..) if raised != Unwind::Exit => arrival,
                _ => Arrival::Thrown(raised),
            },
        }
    }

    /// What is left of an arrival when the observer has seen it. If that panics it is removed, and its panic takes
    /// the place of what arrives (54); if it switches, what arrives waits (55).
    async fn observe(&self, origin: Slot, me: Slot, arrival: Arrival) -> Arrival {
        if !self.traced.get() {
            return arrival;
        }
        if let Some(error) = self.sabotage.take() {
            self.traced.set(false);
            self.note("observer panicked");
            return Arrival::Thrown(Unwind::Error(error));
        }
        let event = match arrival {
            Arrival::Value(_) | Arrival::Exited => "switch",
            Arrival::Thrown(_) | Arrival::Died(..) => "throw",
        };
        self.say(format!("trace {event} {origin}>{me}"));
        let Some((to, value)) = self.divert.take() else {
            return arrival;
        };
        if !self.step() {
            return arrival;
        }
        self.note("observer switched");
        let mut frame = Frame {
            last: 0,
            guards: Vec::new(),
        };
        // Python's observer holds both.
        let callees = &self.greenlets[me].python.callees;
        callees.borrow_mut().extend([origin, me]);
        let sent = Arrival::Value(value);
        let result = Box::pin(self.send(me, &mut frame, to, sent, true)).await;
        callees.borrow_mut().pop();
        callees.borrow_mut().pop();
        match result {
            Ok(()) => arrival,
            Err(unwind) => {
                self.traced.set(false);
                self.note("observer was ended");
                Arrival::Thrown(unwind)
            }
        }
    }

    async fn life(&self, me: Slot) {
        let result = match self.arrive(me).await {
            Arrival::Value(value) => self.body(me, value).await,
            Arrival::Thrown(unwind) | Arrival::Died(_, unwind) => {
                self.note("died without running");
                Err(unwind)
            }
            Arrival::Exited => unreachable!("an exit starts nobody"),
        };
        self.die(me, result);
    }

    async fn main(&self) {
        if let Err(unwind) = self.body(0, 0).await {
            self.say(format!("0 died of {unwind}"));
        }
        self.steps.set(0);
        for slot in 0..self.greenlets.len() {
            while self.greenlets[slot].handles.get() > 0 {
                if let Err(unwind) = self.drop_handle(0, slot).await {
                    self.say(format!("0 caught {unwind}"));
                }
            }
        }
        for slot in 1..self.greenlets.len() {
            if !matches!(self.state(slot), State::Dead | State::Unmade) {
                self.say(format!("0 ends {slot}"));
                if let Err(unwind) = self.kill(0, slot).await {
                    self.say(format!("0 caught {unwind}"));
                }
            }
        }
    }

    async fn body(&self, me: Slot, argument: i64) -> Result<i64, Unwind> {
        self.say(format!("{me} starts with {argument}"));
        let mut frame = Frame {
            last: argument,
            guards: Vec::new(),
        };
        let result = self.script(me, &mut frame).await;
        self.unwinding
            .set(self.unwinding.get() + u32::from(result.is_err()));
        while let Some(act) = frame.guards.pop() {
            self.say(format!("{me} guard"));
            self.note(match result {
                Ok(_) => "guard dropped",
                Err(_) => "guard dropped in an unwind",
            });
            if self.step() {
                let catch = Catch::All;
                let _ = self.attempt(me, &mut frame, &Op { catch, act }).await;
            }
        }
        self.unwinding
            .set(self.unwinding.get() - u32::from(result.is_err()));
        match result {
            Ok(value) => self.say(format!("{me} returns {value}")),
            Err(_) => self.say(format!("{me} unwinds")),
        }
        result
    }

    async fn script(&self, me: Slot, frame: &mut Frame) -> Result<i64, Unwind> {
        let script = &self.program.scripts[me];
        let mut at = 0;
        while at < script.len() {
            if !self.step() {
                self.note("out of steps");
                break;
            }
            match self.attempt(me, frame, &script[at]).await? {
                Flow::On => at += 1,
                Flow::Again => at = 0,
                Flow::Return(value) => return Ok(value),
            }
        }
        Ok(frame.last)
    }

    async fn attempt(&self, me: Slot, frame: &mut Frame, op: &Op) -> Result<Flow, Unwind> {
        self.note(op.act.name());
        match self.perform(me, frame, &op.act).await {
            Err(unwind) if op.catch.catches(&unwind) => {
                self.note(match unwind {
                    Unwind::Exit => "exit caught",
                    _ => "error caught",
                });
                self.say(format!("{me} caught {unwind}"));
                Ok(Flow::On)
            }
            flow => flow,
        }
    }
}
