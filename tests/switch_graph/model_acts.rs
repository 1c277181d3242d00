//! The operations of a script, as the model performs them.

use super::*;

impl World<'_> {
    pub(super) async fn perform(
        &self,
        me: Slot,
        frame: &mut Frame,
        act: &Act,
    ) -> Result<Flow, Unwind> {
        self.collect();
        match *act {
            Act::Create { slot, parent } => self.create(me, slot, parent),
            Act::Switch { to, value, tried } => {
                self.send(me, frame, to, Arrival::Value(value), tried)
                    .await?;
            }
            Act::Throw { to, error, tried } => {
                let thrown = Arrival::Thrown(Unwind::Error(error));
                self.send(me, frame, to, thrown, tried).await?;
            }
            Act::ThrowExit { to, tried } => {
                let thrown = Arrival::Thrown(Unwind::Exit);
                self.send(me, frame, to, thrown, tried).await?;
            }
            Act::Kill(slot) if self.state(slot) != State::Unmade => {
                self.kill(me, slot).await?;
                self.say(format!("{me} killed {slot}"));
            }
            Act::Drop(slot) if self.greenlets[slot].handles.get() > 0 => {
                self.drop_handle(me, slot).await?;
                self.say(format!("{me} dropped {slot}"));
            }
            Act::Own(slot) if self.state(slot) != State::Unmade => {
                let greenlet = &self.greenlets[slot];
                greenlet.handles.set(greenlet.handles.get() + 1);
                greenlet.owners.set(greenlet.owners.get() + 1);
                greenlet.condemned.set(false);
            }
            Act::Reparent { slot, parent }
                if self.state(slot) != State::Unmade && self.state(parent) != State::Unmade =>
            {
                let verdict = self.reparent(me, slot, parent).await?;
                self.say(format!("{me} reparents {slot} to {parent}: {verdict}"));
            }
            Act::State(slot) if self.state(slot) != State::Unmade => {
                let state = format!("{:?}", self.state(slot)).to_lowercase();
                self.say(format!("{me} sees {slot} {state}"));
            }
            Act::Parent(slot) if self.state(slot) != State::Unmade => {
                self.names(slot);
                self.say(parent_line(me, slot, self.effective_parent(slot)));
            }
            Act::Guard(ref act) => frame.guards.push((**act).clone()),
            Act::Sabotage(error) if self.traced.get() => self.sabotage.set(Some(error)),
            Act::Divert { to, value } if self.traced.get() => {
                self.divert.set(Some((to, value)));
            }
            Act::Return(value) => return Ok(Flow::Return(value)),
            Act::Panic(error) => return Err(Unwind::Error(error)),
            Act::Exit => return Err(Unwind::Exit),
            Act::Again => return Ok(Flow::Again),
            Act::Kill(_)
            | Act::Drop(_)
            | Act::Own(_)
            | Act::Reparent { .. }
            | Act::State(_)
            | Act::Parent(_)
            | Act::Sabotage(_)
            | Act::Divert { .. } => {}
        }
        Ok(Flow::On)
    }

    fn create(&self, me: Slot, slot: Slot, parent: Option<Slot>) {
        if self.state(slot) != State::Unmade {
            return;
        }
        let parent = parent.filter(|parent| self.state(*parent) != State::Unmade);
        let parent = parent.unwrap_or(me);
        self.names(parent);
        let greenlet = &self.greenlets[slot];
        greenlet.state.set(State::New);
        greenlet.handles.set(1);
        greenlet.owners.set(1);
        greenlet.parent.set(Some(parent));
        self.link_owns(me, slot, parent);
        self.say(format!("{me} creates {slot}"));
    }

    /// A link owns the parent, unless the parent is who sets it.
    fn link_owns(&self, me: Slot, slot: Slot, parent: Slot) {
        self.greenlets[slot].owns_parent.set(parent != me);
        if parent != me {
            let owned = &self.greenlets[parent];
            owned.owners.set(owned.owners.get() + 1);
            owned.condemned.set(false);
        }
    }

    /// A switch or throw by a script (13 to 18, 35 to 37), and what its script gets.
    pub(super) async fn send(
        &self,
        me: Slot,
        frame: &mut Frame,
        to: Slot,
        sent: Arrival,
        tried: bool,
    ) -> Result<(), Unwind> {
        let back = match self.state(to) {
            State::Unmade => return Ok(()),
            State::Dead => {
                self.note("dead refused");
                if !tried {
                    return Err(Unwind::Refused);
                }
                self.say(format!("{me} is refused"));
                return Ok(());
            }
            State::Running => {
                self.note("sent to itself");
                self.observe(me, me, sent).await
            }
            state => {
                self.note(match (&sent, state) {
                    (Arrival::Value(_), State::New) => "started by a switch",
                    (Arrival::Value(_), _) => "resumed by a switch",
                    (_, State::New) => "thrown into a new one",
                    _ => "thrown into a suspended one",
                });
                let callees = &self.greenlets[me].python.callees;
                callees.borrow_mut().push(to);
                let back = self.leave(me, to, sent).await;
                callees.borrow_mut().pop();
                back
            }
        };
        match back {
            Arrival::Value(value) => {
                self.note("value arrived");
                frame.last = value;
                self.say(format!("{me} got {value}"));
                Ok(())
            }
            Arrival::Thrown(Unwind::Exit) => {
                self.note("exit arrived");
                Err(Unwind::Exit)
            }
            Arrival::Thrown(unwind) | Arrival::Died(_, unwind) => {
                self.note("error arrived");
                if !tried {
                    return Err(unwind);
                }
                self.say(format!("{me} is told of {unwind}"));
                Ok(())
            }
            Arrival::Exited if tried => {
                self.say(format!("{me} is told of an exit"));
                Ok(())
            }
            Arrival::Exited => Err(Unwind::Exited),
        }
    }

    pub(super) async fn kill(&self, me: Slot, victim: Slot) -> Result<(), Unwind> {
        match self.state(victim) {
            State::Unmade => {}
            State::Dead => self.note("dead one killed"),
            State::Running => {
                self.note("killed itself");
                return Err(Unwind::Exit);
            }
            State::New => {
                self.note("new one killed");
                self.differs(Difference::KillIsNoThrow);
                self.greenlets[victim].state.set(State::Dead);
            }
            State::Suspended => {
                if self.descends(me, victim) {
                    self.differs(Difference::KillIsNoThrow);
                }
                let callees = &self.greenlets[me].python.callees;
                callees.borrow_mut().push(victim);
                let arrival = self.execute(me, victim).await;
                callees.borrow_mut().pop();
                match arrival {
                    Arrival::Thrown(unwind) | Arrival::Died(_, unwind) => {
                        self.note("error of a killed one arrived");
                        return Err(unwind);
                    }
                    _ if self.state(victim) == State::Dead => self.note("killed"),
                    _ => self.note("lives on after a kill"),
                }
            }
        }
        Ok(())
    }

    /// Drops a handle of the table; with the last owner the greenlet is killed (45, 46).
    pub(super) async fn drop_handle(&self, me: Slot, slot: Slot) -> Result<(), Unwind> {
        let handles = &self.greenlets[slot].handles;
        handles.set(handles.get() - 1);
        self.disown(me, slot).await
    }

    async fn disown(&self, me: Slot, slot: Slot) -> Result<(), Unwind> {
        let owners = &self.greenlets[slot].owners;
        owners.set(owners.get() - 1);
        if owners.get() > 0 {
            return Ok(());
        }
        match self.reap(me, slot).await {
            // Raised out of a destructor it would end the process.
            Some(_) if self.unwinding.get() > 0 => {
                self.note("lost, thrown into a drop while the thread unwinds");
                Ok(())
            }
            Some(unwind) => Err(unwind),
            None => Ok(()),
        }
    }

    async fn reparent(&self, me: Slot, slot: Slot, parent: Slot) -> Result<&'static str, Unwind> {
        self.names(slot);
        self.names(parent);
        if slot == 0 {
            self.note("parent of main refused");
            return Ok("main");
        }
        let mut next = Some(parent);
        while let Some(ancestor) = next {
            if ancestor == slot {
                self.note("cycle refused");
                self.expect_python_to_see_a_cycle(slot, parent, true);
                return Ok("cycle");
            }
            next = self.greenlets[ancestor].parent.get();
        }
        self.expect_python_to_see_a_cycle(slot, parent, false);
        let greenlet = &self.greenlets[slot];
        if let Some(kill) = greenlet.kills.borrow_mut().last_mut() {
            self.note("temporary parent changed");
            kill.parent = parent;
            return Ok("ok");
        }
        self.note("reparented");
        if greenlet.python.killers.get() > 0 {
            self.differs(Difference::TemporaryLineage);
        }
        let before = greenlet.parent.replace(Some(parent));
        let owned = greenlet.owns_parent.get();
        self.link_owns(me, slot, parent);
        if let (true, Some(before)) = (owned, before) {
            self.disown(me, before).await?;
        }
        if self.state(slot) == State::Dead && greenlet.owners.get() == 0 {
            // A dead greenlet that nobody owns keeps nobody alive.
            if let Some(unwind) = self.reap(me, slot).await {
                return Err(unwind);
            }
        }
        Ok("ok")
    }
}
