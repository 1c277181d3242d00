//! What a greenlet does next.

use crate::model::machine::{Call, Due, Frame, Id, Model, Queue, Raised, Step, Token, Wait};
use crate::program::{Act, Body, MUTEXES, Op, Seen};

impl Model {
    pub fn over(&mut self, id: Id, wait: Wait, token: Token) -> Step {
        if token == Token::Interrupted {
            return self.raise(id);
        }
        let in_time = token == Token::Ready;
        match wait {
            Wait::Sleep(op) => self.log(id, op, Seen::Done),
            Wait::Say(call) => self.log(id, call.op, call.seen(in_time)),
            Wait::Receive(call) if in_time => {
                let item = self.all[id].carries.take().expect("it was given one");
                self.log(id, call.op, Seen::Got(item));
            }
            Wait::Receive(call) => self.log(id, call.op, Seen::Said(false)),
            Wait::Lock(which, op, body) => self.locked(id, which, op, &body),
            Wait::Sweep => {}
        }
        Step::GoesOn
    }

    fn locked(&mut self, id: Id, which: usize, op: usize, body: &Body) {
        // The guard remembers whether it unwinds.
        self.is_taken_to_unwind(id);
        self.enter(id, Frame::Locked(which, op), body);
    }

    fn enter(&mut self, id: Id, frame: Frame, body: &Body) {
        let frames = &mut self.all[id].frames;
        frames.push(frame);
        frames.push(Frame::Body(body.clone(), 0));
    }

    pub fn step(&mut self, id: Id) -> Step {
        let unwinds = self.all[id].unwinds;
        let Some(frame) = self.all[id].frames.last_mut() else {
            let how = unwinds.map_or(Seen::Returned, |_| Seen::Killed);
            self.all[id].unwinds = None;
            self.end(id, how);
            return Step::GoesOn;
        };
        if let Frame::Body(body, at) = frame
            && unwinds.is_none()
            && let Some(op) = body.get(*at).cloned()
        {
            if !matches!(op.act, Act::Sweep) {
                *at += 1;
            }
            return self.act(id, &op);
        }
        let frame = self.all[id].frames.pop().unwrap();
        self.leave(id, frame)
    }

    /// A body is over.
    fn leave(&mut self, id: Id, frame: Frame) -> Step {
        let unwinds = self.all[id].unwinds;
        let unwound = unwinds.is_some();
        match frame {
            Frame::Body(..) => {}
            Frame::Locked(which, op) => {
                self.is_taken_to_unwind(id);
                self.release(which);
                if !unwound {
                    self.log(id, op, Seen::Done);
                }
            }
            Frame::Limited(number, op) => {
                self.end_limit(id, number);
                if unwinds == Some(Raised::Elapsed(number)) {
                    self.all[id].unwinds = None;
                    self.all[id].taken_to_unwind = false;
                    self.log(id, op, Seen::Said(false));
                } else if !unwound {
                    self.log(id, op, Seen::Said(true));
                }
            }
            Frame::Deferred(act, op) => {
                self.all[id].frames.push(Frame::Dropped(op));
                return self.act(id, &Op { id: op, act });
            }
            Frame::Dropped(op) if !unwound => self.log(id, op, Seen::Done),
            Frame::Dropped(_) => {}
            Frame::Caught(op) => {
                self.all[id].unwinds = None;
                let seen = if unwound { Seen::Unwound } else { Seen::Done };
                self.log(id, op, seen);
            }
        }
        Step::GoesOn
    }

    fn pick(&self, number: usize) -> Option<Id> {
        let at = number.checked_rem(self.spawned.len())?;
        Some(self.spawned[at])
    }

    fn spawn(&mut self, body: &Body) -> Id {
        let who = self.spawned.len() + 1;
        let id = self.create(who, body);
        self.spawned.push(id);
        id
    }

    fn act(&mut self, id: Id, op: &Op) -> Step {
        let done = op.id;
        match &op.act {
            Act::Spawn(body) => {
                let new = self.spawn(body);
                self.run_queue.push_back(new);
            }
            Act::SpawnLater(delay, body) => {
                let new = self.spawn(body);
                match delay {
                    0 => self.run_queue.push_back(new),
                    _ => self.all[new].start = Some(self.set_timer(*delay, Due::Start(new))),
                }
            }
            Act::Sleep(length) => return self.sleep(id, *length, Wait::Sleep(done)),
            Act::Yield => return self.sleep(id, 0, Wait::Sleep(done)),
            Act::Kill(number) => {
                if let Some(other) = self.pick(*number) {
                    self.kill(other);
                }
            }
            Act::Join(number, limit) => {
                if let Some(other) = self.pick(*number).filter(|other| *other != id) {
                    let limit = *limit;
                    return self.join(id, other, Call { op: done, limit });
                }
            }
            Act::OnExit(number) => {
                if let Some(other) = self.pick(*number) {
                    match self.all[other].ended {
                        Some(how) => self.watch(done, how),
                        None => self.all[other].on_exit.push(done),
                    }
                }
            }
            Act::Timeout(length, body) => {
                let number = self.begin_limit(id, *length);
                self.enter(id, Frame::Limited(number, done), body);
                return Step::GoesOn;
            }
            Act::Defer(last, body) => {
                self.enter(id, Frame::Deferred((**last).clone(), done), body);
                return Step::GoesOn;
            }
            Act::Catch(body) => {
                self.enter(id, Frame::Caught(done), body);
                return Step::GoesOn;
            }
            Act::Sweep => return self.sweep(id, done),
            act => return self.act_on_thing(id, done, act),
        }
        self.log(id, done, Seen::Done);
        Step::GoesOn
    }

    fn act_on_thing(&mut self, id: Id, op: usize, act: &Act) -> Step {
        let call = |limit: &Option<_>| Call { op, limit: *limit };
        let seen = match act {
            Act::Lock(which, body) => {
                if !self.try_take(*which) {
                    let wait = Wait::Lock(*which, op, body.clone());
                    return self.wait_in(id, Queue::Permit(*which), None, wait);
                }
                self.locked(id, *which, op, body);
                return Step::GoesOn;
            }
            Act::TryLock(which, body) => {
                if self.try_take(*which) {
                    self.locked(id, *which, op, body);
                    return Step::GoesOn;
                }
                Seen::Said(false)
            }
            Act::Acquire(which, limit) => return self.acquire(id, MUTEXES + which, call(limit)),
            Act::Release(which) => {
                self.release(MUTEXES + which);
                Seen::Done
            }
            Act::Set(which) => {
                self.set(*which);
                Seen::Done
            }
            Act::Clear(which) => {
                self.flags[*which] = false;
                Seen::Done
            }
            Act::WaitForFlag(which, limit) => {
                return self.wait_for_flag(id, *which, call(limit));
            }
            Act::Put(which, limit) => return self.put(id, *which, call(limit)),
            Act::TryPut(which) => Seen::Said(self.try_put(*which, op)),
            Act::Get(which, limit) => return self.get(id, *which, call(limit)),
            Act::TryGet(which) => {
                let got = self.try_get(*which);
                got.map_or(Seen::Said(false), Seen::Got)
            }
            act => unreachable!("{act:?} is no act on a thing"),
        };
        self.log(id, op, seen);
        Step::GoesOn
    }

    fn sweep(&mut self, id: Id, op: usize) -> Step {
        let spawned = self.spawned.iter().copied();
        let left: Vec<_> = spawned.filter(|id| self.all[*id].ended.is_none()).collect();
        if left.is_empty() {
            if let Some(Frame::Body(_, at)) = self.all[id].frames.last_mut() {
                *at += 1;
            }
            self.log(id, op, Seen::Done);
            return Step::GoesOn;
        }
        for other in left {
            self.kill(other);
        }
        self.sleep(id, 100, Wait::Sweep)
    }
}
