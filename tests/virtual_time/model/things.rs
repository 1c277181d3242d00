//! Who gets what: everything is handed over in the order of coming.

use crate::model::machine::{Call, Id, Item, Model, Queue, Step, Wait};
use crate::program::Seen;

impl Model {
    fn say(&mut self, id: Id, call: Call, in_time: bool) -> Step {
        self.log(id, call.op, call.seen(in_time));
        Step::GoesOn
    }

    pub fn join(&mut self, id: Id, other: Id, call: Call) -> Step {
        if self.all[other].ended.is_some() {
            return self.say(id, call, true);
        }
        self.wait_in(id, Queue::End(other), call.limit, Wait::Say(call))
    }

    // Locks and semaphores.

    pub fn try_take(&mut self, which: usize) -> bool {
        let left = &mut self.permits[which];
        let taken = *left > 0;
        *left -= usize::from(taken);
        taken
    }

    pub fn acquire(&mut self, id: Id, which: usize, call: Call) -> Step {
        if self.try_take(which) {
            return self.say(id, call, true);
        }
        self.wait_in(id, Queue::Permit(which), call.limit, Wait::Say(call))
    }

    pub fn release(&mut self, which: usize) {
        if self.wake_one(Queue::Permit(which)).is_none() {
            self.permits[which] += 1;
        }
    }

    // Events.

    pub fn set(&mut self, which: usize) {
        self.flags[which] = true;
        self.wake_all(Queue::Flag(which));
    }

    pub fn wait_for_flag(&mut self, id: Id, which: usize, call: Call) -> Step {
        if self.flags[which] {
            return self.say(id, call, true);
        }
        self.wait_in(id, Queue::Flag(which), call.limit, Wait::Say(call))
    }

    // Queues and channels.

    pub fn try_put(&mut self, which: usize, item: Item) -> bool {
        if let Some(getter) = self.wake_one(Queue::Item(which)) {
            self.all[getter].carries = Some(item);
            return true;
        }
        let pipe = &mut self.pipes[which];
        let fits = pipe.items.len() < pipe.room;
        if fits {
            pipe.items.push_back(item);
        }
        fits
    }

    pub fn put(&mut self, id: Id, which: usize, call: Call) -> Step {
        if self.pipes[which].checks_puts {
            self.is_interrupted(id);
        }
        if self.try_put(which, call.op) {
            return self.say(id, call, true);
        }
        self.all[id].carries = Some(call.op);
        self.wait_in(id, Queue::Room(which), call.limit, Wait::Say(call))
    }

    pub fn try_get(&mut self, which: usize) -> Option<Item> {
        let Some(item) = self.pipes[which].items.pop_front() else {
            // Nobody waits for room but where there is none at all.
            return self.admit(which);
        };
        if let Some(next) = self.admit(which) {
            self.pipes[which].items.push_back(next);
        }
        Some(item)
    }

    /// Takes the item of the first who waits for room.
    fn admit(&mut self, which: usize) -> Option<Item> {
        let putter = self.wake_one(Queue::Room(which))?;
        self.all[putter].carries.take()
    }

    pub fn get(&mut self, id: Id, which: usize, call: Call) -> Step {
        match self.try_get(which) {
            Some(item) => {
                self.log(id, call.op, Seen::Got(item));
                Step::GoesOn
            }
            None => self.wait_in(id, Queue::Item(which), call.limit, Wait::Receive(call)),
        }
    }
}
