//! Ends, as the model sees them: where they go, and what a drop or a kill ends.

use super::*;

impl World<'_> {
    /// The rule of delivery (20 to 27).
    pub(super) fn die(&self, me: Slot, result: Result<i64, Unwind>) {
        let arrival = match result {
            Ok(value) => Arrival::Value(value),
            Err(Unwind::Exit) => Arrival::Exited,
            Err(unwind) => Arrival::Died(me, unwind),
        };
        let mut target = self.effective_parent(me).expect("main does not die");
        self.greenlets[me].state.set(State::Dead);
        self.greenlets[me].kills.borrow_mut().clear();
        // A temporary parent may lead back to `me`, permanent links lead to main.
        loop {
            match (self.state(target), &arrival) {
                (State::Dead, _) if target == me => self.note("end passed over itself"),
                (State::Dead, _) => self.note("dead ancestor passed over"),
                (State::New, Arrival::Exited) => {
                    self.note("exit passed over a new parent");
                    self.differs(Difference::ExitIntoNewParent);
                }
                _ => break,
            }
            target = self.greenlets[target]
                .parent
                .get()
                .expect("main is suspended");
        }
        let new = self.state(target) == State::New;
        self.note(match &arrival {
            Arrival::Value(_) if new => "started by a death",
            Arrival::Value(_) => "result arrived",
            Arrival::Exited => "child exited",
            _ if new => "error kills a new parent",
            _ => "error of a child arrived",
        });
        self.enter(me, target, arrival);
    }

    /// Ends a greenlet that nobody owns, then every ancestor that only its link kept (47). What was thrown
    /// at `me` meanwhile.
    pub(super) async fn reap(&self, me: Slot, greenlet: Slot) -> Option<Unwind> {
        let mut next = greenlet;
        let mut raised = None;
        loop {
            let greenlet = &self.greenlets[next];
            if greenlet.owners.get() > 0 {
                break;
            }
            raised = self.end(me, next).await.or(raised);
            if greenlet.owners.get() > 0 || self.state(next) != State::Dead {
                break;
            }
            if !greenlet.owns_parent.replace(false) {
                break;
            }
            next = greenlet.parent.get().expect("it owned it");
            let owners = &self.greenlets[next].owners;
            owners.set(owners.get() - 1);
            if owners.get() == 0 && self.state(next) == State::Suspended {
                self.note("ancestor dropped by its child's end");
            }
        }
        if raised.is_some() {
            self.differs(Difference::ThrownIntoDrop);
            self.note("thrown into a drop");
        }
        raised
    }

    async fn end(&self, me: Slot, victim: Slot) -> Option<Unwind> {
        let greenlet = &self.greenlets[victim];
        match self.state(victim) {
            State::Unmade | State::Dead | State::Running => return None,
            State::Suspended if greenlet.condemned.replace(true) => return None,
            _ if self.references(victim) > 0 => self.differs(Difference::Lifetimes),
            _ => {}
        }
        if self.state(victim) == State::New {
            self.note("new one dropped");
            greenlet.state.set(State::Dead);
            return None;
        }
        let dropping = &greenlet.python.dropping;
        dropping.set(dropping.get() + 1);
        let arrival = self.execute(me, victim).await;
        dropping.set(dropping.get() - 1);
        if self.state(victim) == State::Dead {
            self.note("killed by drop");
        } else if greenlet.owners.get() > 0 {
            self.note("resurrected");
        } else {
            self.note("refused to die");
            greenlet.python.leaked.set(true);
            if self.references(victim) > 1 {
                self.differs(Difference::Lifetimes);
            }
        }
        match arrival {
            Arrival::Died(who, _) if who == victim => {
                self.note("error of a dropped one discarded");
                None
            }
            Arrival::Died(_, unwind) | Arrival::Thrown(unwind) => Some(unwind),
            Arrival::Value(_) | Arrival::Exited => None,
        }
    }

    /// Throws an exit into a suspended greenlet; its end comes to `me`.
    pub(super) async fn execute(&self, me: Slot, victim: Slot) -> Arrival {
        let kills = &self.greenlets[victim].kills;
        let number = self.kills.replace(self.kills.get() + 1);
        let killers = &self.greenlets[victim].python.killers;
        killers.set(killers.get() + 1);
        if victim != 0 {
            kills.borrow_mut().push(Kill { number, parent: me });
        }
        let arrival = self.leave(me, victim, Arrival::Thrown(Unwind::Exit)).await;
        killers.set(killers.get() - 1);
        if killers.get() > 0 {
            // Python would put back the parent that it found: the other killer.
            self.differs(Difference::KillIsNoThrow);
        }
        let at = kills.borrow().iter().position(|kill| kill.number == number);
        if let Some(at) = at {
            kills.borrow_mut().remove(at);
            if at < kills.borrow().len() {
                self.note("kill outlived by a later one");
            }
        }
        arrival
    }
}
