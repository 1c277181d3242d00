//! Runs a program on real greenlets.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::trace::{self, Event};
use greenlet::{AnyGreenlet, Greenlet, GreenletExit, Payload, State, SwitchError};

use crate::program::{Act, Catch, Op, Program, STEPS, Slot, Unwind, parent_line};

/// The error of a program. Raised without the panic hook.
struct Oops(i64);

struct Run {
    program: Program,
    log: RefCell<Vec<String>>,
    names: RefCell<Vec<Option<AnyGreenlet>>>,
    owners: RefCell<Vec<Vec<Greenlet<i64, i64>>>>,
    steps: Cell<u32>,
    sabotage: Cell<Option<i64>>,
    divert: Cell<Option<(Slot, i64)>>,
}

/// What a script does next.
enum Flow {
    On,
    Again,
    Return(i64),
}

/// The frame of a script. Dropping it runs its guards, the last one first.
struct Frame<'a> {
    run: &'a Rc<Run>,
    me: Slot,
    last: i64,
    guards: Vec<Act>,
    result: Option<i64>,
}

/// The log of one run of `program`; must be called on a thread's main greenlet, which has no others.
pub(crate) fn run(program: &Program) -> Vec<String> {
    let slots = program.scripts.len();
    let run = Rc::new(Run {
        program: program.clone(),
        log: RefCell::default(),
        names: RefCell::new(vec![None; slots]),
        owners: RefCell::new((0..slots).map(|_| Vec::new()).collect()),
        steps: Cell::new(STEPS),
        sabotage: Cell::new(None),
        divert: Cell::new(None),
    });
    run.names.borrow_mut()[0] = Some(greenlet::main());
    if program.traced {
        let seen = run.clone();
        trace::set(move |event, origin, target| seen.observe(event, origin, target));
    }
    run.main();
    trace::clear();
    let left = run
        .names
        .borrow()
        .iter()
        .skip(1)
        .flatten()
        .any(|name| !name.is_dead());
    if left {
        run.say("some are left alive".to_owned());
    }
    let log = run.log.take();
    run.names.borrow_mut().clear();
    assert_eq!(
        Rc::strong_count(&run),
        1,
        "something still holds the run of {program}"
    );
    log
}

impl Run {
    fn say(&self, line: String) {
        self.log.borrow_mut().push(line);
    }

    fn step(&self) -> bool {
        let left = self.steps.get();
        self.steps.set(left.saturating_sub(1));
        left > 0
    }

    fn name(&self, slot: Slot) -> Option<AnyGreenlet> {
        self.names.borrow()[slot].clone()
    }

    fn slot_of(&self, name: &AnyGreenlet) -> Slot {
        let names = self.names.borrow();
        let slot = names.iter().position(|other| other.as_ref() == Some(name));
        slot.expect("only greenlets of the program run")
    }

    fn observe(&self, event: Event, origin: &AnyGreenlet, target: &AnyGreenlet) {
        if let Some(error) = self.sabotage.take() {
            resume_unwind(Box::new(Oops(error)));
        }
        assert_eq!(greenlet::current(), *target, "observers run in the target");
        let event = match event {
            Event::Throw => "throw",
            _ => "switch",
        };
        let (origin, target) = (self.slot_of(origin), self.slot_of(target));
        self.say(format!("trace {event} {origin}>{target}"));
        if let Some((to, value)) = self.divert.take()
            && self.step()
            && let Some(to) = self.name(to)
        {
            self.answer(target, to.try_switch(value));
        }
    }

    fn main(self: &Rc<Self>) {
        if let Err(payload) = caught(|| self.body(0, 0)) {
            self.say(format!("0 died of {}", describe(&*payload)));
        }
        self.steps.set(0);
        for slot in 0..self.program.scripts.len() {
            while let Some(owner) = self.pop_owner(slot) {
                if let Err(payload) = caught(|| drop(owner)) {
                    self.say(format!("0 caught {}", describe(&*payload)));
                }
            }
        }
        for slot in 1..self.program.scripts.len() {
            if let Some(name) = self.name(slot).filter(|name| !name.is_dead()) {
                self.say(format!("0 ends {slot}"));
                if let Err(payload) = caught(|| name.kill()) {
                    self.say(format!("0 caught {}", describe(&*payload)));
                }
            }
        }
    }

    fn body(self: &Rc<Self>, me: Slot, argument: i64) -> i64 {
        self.say(format!("{me} starts with {argument}"));
        let mut frame = Frame {
            run: self,
            me,
            last: argument,
            guards: Vec::new(),
            result: None,
        };
        let result = frame.script();
        frame.result = Some(result);
        result
    }

    /// Says what came of a switch or throw by `me`; the value, if one came.
    fn answer<V>(&self, me: Slot, answer: Result<i64, SwitchError<V>>) -> Option<i64> {
        let what = match answer {
            Ok(value) => {
                self.say(format!("{me} got {value}"));
                return Some(value);
            }
            Err(SwitchError::Dead(_)) => "is refused".to_owned(),
            Err(SwitchError::Exited(_)) => "is told of an exit".to_owned(),
            Err(SwitchError::Thrown(payload)) => format!("is told of {}", describe(&*payload)),
            Err(other) => format!("cannot be told: {other}"),
        };
        self.say(format!("{me} {what}"));
        None
    }

    fn pop_owner(&self, slot: Slot) -> Option<Greenlet<i64, i64>> {
        self.owners.borrow_mut()[slot].pop()
    }
}

impl Frame<'_> {
    fn script(&mut self) -> i64 {
        let run = self.run;
        let script = &run.program.scripts[self.me];
        let mut at = 0;
        while at < script.len() {
            if !self.run.step() {
                break;
            }
            match self.attempt(&script[at]) {
                Flow::On => at += 1,
                Flow::Again => at = 0,
                Flow::Return(value) => return value,
            }
        }
        self.last
    }

    fn attempt(&mut self, op: &Op) -> Flow {
        if op.catch == Catch::Nothing {
            return self.perform(&op.act);
        }
        match caught(|| self.perform(&op.act)) {
            Ok(flow) => flow,
            Err(payload) => {
                let unwind = describe(&*payload);
                if !op.catch.catches(&unwind) {
                    resume_unwind(payload);
                }
                self.say(format!("caught {unwind}"));
                Flow::On
            }
        }
    }

    fn say(&self, what: String) {
        self.run.say(format!("{} {what}", self.me));
    }

    fn perform(&mut self, act: &Act) -> Flow {
        let run = self.run;
        match *act {
            Act::Create { slot, parent } => self.create(slot, parent),
            Act::Switch { to, value, tried } => {
                let Some(to) = run.name(to) else {
                    return Flow::On;
                };
                match tried {
                    true => self.answer(to.try_switch(value)),
                    false => self.answer(Ok::<_, SwitchError<()>>(to.switch(value))),
                }
            }
            Act::Throw { to, error, tried } => {
                let Some(to) = run.name(to) else {
                    return Flow::On;
                };
                self.throw(&to, Box::new(Oops(error)), tried);
            }
            Act::ThrowExit { to, tried } => {
                let Some(to) = run.name(to) else {
                    return Flow::On;
                };
                self.throw(&to, Box::new(GreenletExit), tried);
            }
            Act::Kill(slot) => {
                let Some(victim) = run.name(slot) else {
                    return Flow::On;
                };
                victim.kill();
                self.say(format!("killed {slot}"));
            }
            Act::Drop(slot) => {
                let Some(owner) = run.pop_owner(slot) else {
                    return Flow::On;
                };
                drop(owner);
                self.say(format!("dropped {slot}"));
            }
            Act::Own(slot) => {
                let Some(name) = run.name(slot) else {
                    return Flow::On;
                };
                run.owners.borrow_mut()[slot].push(name.cast());
            }
            Act::Reparent { slot, parent } => {
                let (Some(child), Some(to)) = (run.name(slot), run.name(parent)) else {
                    return Flow::On;
                };
                let verdict = match child.set_parent(&to) {
                    Ok(()) => "ok",
                    Err(greenlet::ParentError::Cycle) => "cycle",
                    Err(_) => "main",
                };
                self.say(format!("reparents {slot} to {parent}: {verdict}"));
            }
            Act::State(slot) => {
                let Some(name) = run.name(slot) else {
                    return Flow::On;
                };
                let state = match name.state() {
                    State::New => "new",
                    State::Suspended => "suspended",
                    State::Running => "running",
                    State::Dead => "dead",
                };
                assert_eq!(name.is_dead(), state == "dead");
                self.say(format!("sees {slot} {state}"));
            }
            Act::Parent(slot) => {
                let Some(name) = run.name(slot) else {
                    return Flow::On;
                };
                let parent = name.parent().map(|parent| run.slot_of(&parent));
                run.say(parent_line(self.me, slot, parent));
            }
            Act::Guard(ref act) => self.guards.push((**act).clone()),
            Act::Divert { to, value } => {
                if trace::get().is_some() {
                    run.divert.set(Some((to, value)));
                }
            }
            Act::Sabotage(error) => {
                if trace::get().is_some() {
                    run.sabotage.set(Some(error));
                }
            }
            Act::Return(value) => return Flow::Return(value),
            Act::Panic(error) => resume_unwind(Box::new(Oops(error))),
            Act::Exit => resume_unwind(Box::new(GreenletExit)),
            Act::Again => return Flow::Again,
        }
        Flow::On
    }

    fn create(&self, slot: Slot, parent: Option<Slot>) {
        if self.run.name(slot).is_some() {
            return;
        }
        let run = self.run.clone();
        let body = move |argument| run.body(slot, argument);
        let greenlet = match parent.and_then(|parent| self.run.name(parent)) {
            Some(parent) => Greenlet::with_parent(body, &parent),
            None => Greenlet::new(body),
        };
        self.run.names.borrow_mut()[slot] = Some(greenlet.any());
        self.run.owners.borrow_mut()[slot].push(greenlet);
        self.say(format!("creates {slot}"));
    }

    fn throw(&mut self, to: &AnyGreenlet, payload: Payload, tried: bool) {
        match tried {
            true => self.answer(to.try_throw(payload)),
            false => self.answer(Ok::<_, SwitchError<()>>(to.throw(payload))),
        }
    }

    fn answer<V>(&mut self, answer: Result<i64, SwitchError<V>>) {
        if let Some(value) = self.run.answer(self.me, answer) {
            self.last = value;
        }
    }
}

impl Drop for Frame<'_> {
    fn drop(&mut self) {
        while let Some(act) = self.guards.pop() {
            self.say("guard".to_owned());
            if self.run.step() {
                let catch = Catch::All;
                self.attempt(&Op { catch, act });
            }
        }
        match self.result {
            Some(value) => self.say(format!("returns {value}")),
            None => self.say("unwinds".to_owned()),
        }
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// From now on panics on this thread are not reported: refusals and exits panic by design.
pub(crate) fn be_quiet() {
    QUIET.set(true);
}

pub(crate) fn is_quiet() -> bool {
    QUIET.get()
}

fn caught<R>(act: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(act))
}

fn describe(payload: &(dyn Any + Send)) -> Unwind {
    if payload.is::<GreenletExit>() {
        return Unwind::Exit;
    }
    if let Some(Oops(error)) = payload.downcast_ref() {
        return Unwind::Error(*error);
    }
    match payload.downcast_ref::<String>() {
        Some(text) if text.contains("cannot switch to") => Unwind::Refused,
        Some(text) if text.ends_with("exited") => Unwind::Exited,
        Some(text) => Unwind::Unknown(text.clone()),
        None => Unwind::Unknown("payload".to_owned()),
    }
}
