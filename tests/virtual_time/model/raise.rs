//! Kills and limits.

use crate::model::machine::{Due, Id, Limit, Model, Raised, Step, Token};
use crate::program::{Seen, Units};

impl Model {
    /// Something is to be raised, at the present wait if that can be.
    fn press(&mut self, id: Id) {
        let machine = &mut self.all[id];
        machine.pending = true;
        if !machine.shielded {
            let episode = machine.episode;
            self.unpark((id, episode), Token::Interrupted);
        }
    }

    pub fn kill(&mut self, id: Id) {
        let machine = &mut self.all[id];
        if machine.ended.is_some() || machine.killed {
            return;
        }
        if !machine.started {
            if let Some(start) = machine.start.take() {
                self.timers.remove(&start);
            }
            return self.end(id, Seen::Killed);
        }
        machine.killed = true;
        self.press(id);
    }

    pub fn begin_limit(&mut self, id: Id, length: Units) -> u64 {
        let number = self.number();
        let elapsed = length == 0;
        let timer = (!elapsed).then(|| self.set_timer(length, Due::Elapse(id, number)));
        let machine = &mut self.all[id];
        machine.pending |= elapsed;
        machine.limits.push(Limit {
            number,
            timer,
            elapsed,
        });
        number
    }

    pub fn elapse(&mut self, id: Id, number: u64) {
        let mut limits = self.all[id].limits.iter_mut();
        let limit = limits.find(|limit| limit.number == number).unwrap();
        (limit.timer, limit.elapsed) = (None, true);
        self.press(id);
    }

    pub fn end_limit(&mut self, id: Id, number: u64) {
        let machine = &mut self.all[id];
        let limit = machine.limits.pop().unwrap();
        assert_eq!(limit.number, number);
        machine.pending = machine.killed || machine.limits.iter().any(|limit| limit.elapsed);
        if let Some(timer) = limit.timer {
            self.timers.remove(&timer);
        }
    }

    pub fn is_taken_to_unwind(&mut self, id: Id) -> bool {
        if self.all.iter().all(|machine| machine.unwinds.is_none()) {
            self.all[id].taken_to_unwind = false;
        }
        self.all[id].taken_to_unwind
    }

    /// Before a wait.
    pub fn is_interrupted(&mut self, id: Id) -> bool {
        self.all[id].pending && !self.is_taken_to_unwind(id)
    }

    pub fn raise(&mut self, id: Id) -> Step {
        let machine = &mut self.all[id];
        let raised = match std::mem::take(&mut machine.killed) {
            true => Raised::Kill,
            false => {
                let outermost = machine.limits.iter_mut().find(|limit| limit.elapsed);
                let limit = outermost.expect("something is pending");
                limit.elapsed = false;
                Raised::Elapsed(limit.number)
            }
        };
        machine.pending = machine.limits.iter().any(|limit| limit.elapsed);
        assert!(machine.unwinds.is_none());
        machine.unwinds = Some(raised);
        machine.taken_to_unwind = true;
        Step::GoesOn
    }
}
