//! Who runs when, and what wakes whom.

use std::collections::{BTreeMap, VecDeque};

use crate::model::machine::{
    Due, Frame, Id, Machine, Model, Pipe, Queue, Step, Timer, Token, Wait,
};
use crate::program::{
    Body, Event, FLAGS, MUTEXES, PipeKind, Program, Run, SEMAPHORES, Seen, Units, exit_watcher,
};

pub fn run(program: &Program) -> Run {
    let permits = [1; MUTEXES].into_iter().chain(SEMAPHORES);
    let pipes = program.pipes.iter().map(|pipe| Pipe {
        room: pipe.capacity.unwrap_or(usize::MAX),
        checks_puts: pipe.kind == PipeKind::Channel && pipe.capacity == Some(0),
        items: VecDeque::new(),
    });
    let mut model = Model {
        now: 0,
        log: Vec::new(),
        all: Vec::new(),
        spawned: Vec::new(),
        run_queue: VecDeque::new(),
        timers: BTreeMap::new(),
        numbers: 0,
        queues: BTreeMap::new(),
        permits: permits.collect(),
        flags: vec![false; FLAGS],
        pipes: pipes.collect(),
    };
    model.create(0, &program.main);
    model.run_queue.push_back(0);
    model.run_all();
    assert!(model.all.iter().all(|machine| machine.ended.is_some()));
    let left = model.pipes.into_iter().map(|pipe| pipe.items.into());
    Run {
        log: model.log,
        available: model.permits.split_off(MUTEXES),
        flags: model.flags,
        left: left.collect(),
    }
}

impl Model {
    pub fn create(&mut self, who: usize, body: &Body) -> Id {
        self.all.push(Machine {
            who,
            frames: vec![Frame::Body(body.clone(), 0)],
            ..Machine::default()
        });
        self.all.len() - 1
    }

    fn run_all(&mut self) {
        loop {
            while let Some(id) = self.run_queue.pop_front() {
                if self.all[id].ended.is_none() {
                    self.resume(id);
                }
            }
            let Some((&(now, _), _)) = self.timers.first_key_value() else {
                return;
            };
            self.now = now;
            while let Some(timer) = self.timers.first_entry().filter(|t| t.key().0 == now) {
                let due = timer.remove();
                self.fire(due);
            }
        }
    }

    fn fire(&mut self, due: Due) {
        match due {
            Due::Wake(id, episode) => {
                self.all[id].deadline = None;
                self.unpark((id, episode), Token::TimedOut);
            }
            Due::Start(id) => {
                self.all[id].start = None;
                self.run_queue.push_back(id);
            }
            Due::Elapse(id, number) => self.elapse(id, number),
        }
    }

    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub fn set_timer(&mut self, after: Units, due: Due) -> Timer {
        let timer = (self.now + after, self.number());
        self.timers.insert(timer, due);
        timer
    }

    pub fn log(&mut self, id: Id, op: usize, seen: Seen) {
        let (who, at) = (self.all[id].who, self.now);
        self.log.push(Event { who, at, op, seen });
    }

    // Waking.

    pub fn unpark(&mut self, (id, episode): (Id, u64), token: Token) -> bool {
        let machine = &mut self.all[id];
        if !machine.armed || machine.episode != episode {
            return false;
        }
        machine.armed = false;
        machine.token = Some(token);
        self.run_queue.push_back(id);
        true
    }

    /// Wakes the first that can still be woken.
    pub fn wake_one(&mut self, queue: Queue) -> Option<Id> {
        while let Some(ticket) = self.queue(queue).pop_front() {
            if self.unpark(ticket, Token::Ready) {
                return Some(ticket.0);
            }
        }
        None
    }

    pub fn wake_all(&mut self, queue: Queue) {
        while self.wake_one(queue).is_some() {}
    }

    fn queue(&mut self, queue: Queue) -> &mut VecDeque<(Id, u64)> {
        self.queues.entry(queue).or_default()
    }

    pub fn end(&mut self, id: Id, how: Seen) {
        let machine = &mut self.all[id];
        machine.ended = Some(how);
        machine.frames.clear();
        for op in std::mem::take(&mut machine.on_exit) {
            self.watch(op, how);
        }
        self.wake_all(Queue::End(id));
    }

    /// A greenlet that says how another has ended.
    pub fn watch(&mut self, op: usize, how: Seen) {
        let id = self.create(exit_watcher(op), &Body::default());
        self.all[id].watched = Some(how);
        self.run_queue.push_back(id);
    }

    // Waiting.

    fn arm(&mut self, id: Id) -> u64 {
        let machine = &mut self.all[id];
        machine.episode += 1;
        machine.armed = true;
        machine.episode
    }

    fn park(&mut self, id: Id, limit: Option<Units>, wait: Wait) -> Step {
        if let Some(after) = limit {
            let due = Due::Wake(id, self.all[id].episode);
            self.all[id].deadline = Some(self.set_timer(after, due));
        }
        self.all[id].wait = Some(wait);
        self.all[id].shielded = self.is_taken_to_unwind(id);
        Step::Left
    }

    pub fn sleep(&mut self, id: Id, length: Units, wait: Wait) -> Step {
        if self.is_interrupted(id) {
            return self.raise(id);
        }
        if length == 0 {
            self.run_queue.push_back(id);
            self.all[id].token = Some(Token::TimedOut);
            return self.park(id, None, wait);
        }
        self.arm(id);
        self.park(id, Some(length), wait)
    }

    pub fn wait_in(&mut self, id: Id, queue: Queue, limit: Option<Units>, wait: Wait) -> Step {
        if self.is_interrupted(id) {
            return self.raise(id);
        }
        let episode = self.arm(id);
        self.queue(queue).push_back((id, episode));
        self.all[id].queue = Some(queue);
        self.park(id, limit, wait)
    }

    /// Its turn has come: it ends its wait, and runs until the next.
    fn resume(&mut self, id: Id) {
        self.all[id].started = true;
        if let Some(how) = self.all[id].watched {
            self.log(id, self.all[id].who - exit_watcher(0), how);
            return self.end(id, Seen::Returned);
        }
        if let Some(wait) = self.all[id].wait.take() {
            let token = self.arrive(id);
            if self.over(id, wait, token) == Step::Left {
                return;
            }
        }
        while self.all[id].ended.is_none() {
            if self.step(id) == Step::Left {
                return;
            }
        }
    }

    /// Nothing is left of a wait but why it has ended.
    fn arrive(&mut self, id: Id) -> Token {
        let machine = &mut self.all[id];
        machine.shielded = false;
        let token = machine.token.take().unwrap();
        if let Some(timer) = machine.deadline.take() {
            self.timers.remove(&timer);
        }
        if let Some(queue) = self.all[id].queue.take()
            && token != Token::Ready
        {
            self.queue(queue).retain(|&(waits, _)| waits != id);
        }
        token
    }
}
