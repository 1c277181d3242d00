//! What can be done by name: the methods of [`AnyGreenlet`].

use std::panic::Location;

use crate::greenlet::block::{AnyGreenlet, ParentLink};
use crate::greenlet::error::{ParentError, SwitchError};
use crate::greenlet::exchange::{fail, fail_loudly, send, send_loudly, throw};
use crate::greenlet::kill::{disown, kill, reap};
use crate::greenlet::state::{Role, State};
use crate::greenlet::thread;
use crate::greenlet::unwind::Payload;
use crate::util::id::GreenletId;

impl AnyGreenlet {
    /// As [`Greenlet::switch`](crate::Greenlet::switch), the types chosen here.
    ///
    /// Both types are part of the call: what is sent, and what is waited for. Write them out where they do not follow from
    /// the context, as in `main.switch::<u32, ()>(0)`: a bare literal is an `i32`, which a target that waits for a `u32` refuses.
    ///
    /// # Panics
    ///
    /// As [`Greenlet::switch`](crate::Greenlet::switch).
    #[inline]
    #[track_caller]
    pub fn switch<A: 'static, B: 'static>(&self, value: A) -> B {
        send_loudly(self, value)
    }

    /// As [`Greenlet::try_switch`](crate::Greenlet::try_switch), the types chosen here.
    ///
    /// # Errors
    ///
    /// See [`SwitchError`].
    #[inline]
    #[track_caller]
    pub fn try_switch<A: 'static, B: 'static>(&self, value: A) -> Result<B, SwitchError<A>> {
        send(self, value, Location::caller()).map_err(fail)
    }

    /// As [`Greenlet::throw`](crate::Greenlet::throw), the type that is waited for chosen here.
    ///
    /// # Panics
    ///
    /// As [`Greenlet::switch`](crate::Greenlet::switch).
    #[track_caller]
    pub fn throw<B: 'static>(&self, payload: Payload) -> B {
        match throw(self, payload, Location::caller()) {
            Ok(value) => value,
            Err(failure) => fail_loudly(failure, self),
        }
    }

    /// As [`Greenlet::try_throw`](crate::Greenlet::try_throw), the type that is waited for chosen here.
    ///
    /// # Errors
    ///
    /// See [`SwitchError`].
    #[track_caller]
    pub fn try_throw<B: 'static>(&self, payload: Payload) -> Result<B, SwitchError<Payload>> {
        throw(self, payload, Location::caller()).map_err(fail)
    }

    /// Throws [`GreenletExit`](crate::GreenletExit) into the greenlet and waits for its end.
    ///
    /// The killer is its parent until then, so control comes back here; its result is discarded. Destructors run, and may switch: if
    /// one switches here, `kill` returns, and the greenlet is still suspended. It lives on also if its body catches the exit and
    /// switches back. A new greenlet's body is dropped unrun; killing a dead one does nothing; killing
    /// the running one unwinds it from here.
    ///
    /// A killer to whom the end is not told, because another one kills the same greenlet or its parent was changed meanwhile, is let go on by the hub.
    ///
    /// A greenlet that is suspended in a destructor which runs because it already unwinds cannot bear a second unwind: killing it, also by
    /// dropping its last owner, ends the process, unless the destructor catches it. Let such a destructor finish first.
    ///
    /// ```
    /// use greenlet::Greenlet;
    ///
    /// struct Bell(std::rc::Rc<std::cell::Cell<bool>>);
    /// impl Drop for Bell {
    ///     fn drop(&mut self) {
    ///         self.0.set(true);
    ///     }
    /// }
    ///
    /// let rung = std::rc::Rc::new(std::cell::Cell::new(false));
    /// let bell = Bell(rung.clone());
    /// let g = Greenlet::new(move |()| {
    ///     let _bell = bell;
    ///     greenlet::main().switch::<(), ()>(())
    /// });
    /// g.switch(());
    /// g.kill();
    /// assert!(g.is_dead() && rung.get());
    /// ```
    ///
    /// # Panics
    ///
    /// With the panic of the greenlet, if one escapes it while it dies, and with whatever is thrown at the killer meanwhile.
    #[track_caller]
    pub fn kill(&self) {
        kill(self);
    }

    /// Where its end will go: the parent, and while a kill waits for its end, the killer. `None` for main.
    pub fn parent(&self) -> Option<AnyGreenlet> {
        self.effective_parent()
    }

    /// Changes where its end will go. Allowed in every state, also for a dead one (greenlet item 42).
    ///
    /// The link keeps the parent alive, unless the parent is the greenlet that makes this call: a greenlet that adopts others would
    /// otherwise never be dropped. While a kill waits for the greenlet's end, this changes the temporary parent.
    ///
    /// A parent that has not started is started by the child's result, as by a switch.
    ///
    /// Takes time in proportion to the length of the parent's lineage.
    ///
    /// ```
    /// use greenlet::Greenlet;
    ///
    /// let g = Greenlet::new(|n: i32| n);
    /// let next = Greenlet::new(|n: i32| n * 2);
    /// g.set_parent(&next)?;
    /// assert_eq!(g.parent().unwrap(), next);
    /// assert_eq!(g.switch(4), 8);
    /// # Ok::<(), greenlet::ParentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the greenlet is an ancestor of that parent, or main. Nothing has changed then.
    pub fn set_parent(&self, parent: &AnyGreenlet) -> Result<(), ParentError> {
        let block = self.block();
        if block.is_main() {
            return Err(ParentError::MainHasNoParent);
        }
        if block.role.get() == Role::Hub {
            return Err(ParentError::Hub);
        }
        if parent.descends_from(self) {
            return Err(ParentError::Cycle);
        }
        if block.kills.borrow_mut().set_parent(parent) {
            return Ok(());
        }
        self.link_to(parent);
        Ok(())
    }

    /// Whether `other` is this greenlet or an ancestor, by permanent links, which form a tree (B6).
    fn descends_from(&self, other: &AnyGreenlet) -> bool {
        let mut next = Some(self.clone());
        while let Some(greenlet) = next {
            if greenlet == *other {
                return true;
            }
            next = greenlet.block().parent.borrow().to.clone();
        }
        false
    }

    /// Makes `parent` the permanent parent.
    pub(crate) fn link_to(&self, parent: &AnyGreenlet) {
        // A spawned greenlet is the hub's, which sees to its end and to nobody else's.
        let owns = *parent != thread::current() && self.block().role.get() != Role::Spawned;
        if owns {
            parent.add_owner();
        }
        let link = ParentLink {
            to: Some(parent.clone()),
            owns,
        };
        let mut before = self.block().parent.replace(link);
        if let Some(before) = before.disown() {
            disown(&before);
        }
        // A dead greenlet that nobody owns keeps nobody alive.
        if self.is_dead()
            && let Some((me, unwound)) = reap(self.clone())
        {
            unwound.go_on(me.block());
        }
    }

    /// Where the greenlet is in its life.
    pub fn state(&self) -> State {
        self.block().state()
    }

    /// Whether it has ended, or was killed before it started.
    pub fn is_dead(&self) -> bool {
        self.block().is_dead()
    }

    /// Whether it has started and is not dead.
    pub fn is_active(&self) -> bool {
        matches!(self.state(), State::Suspended | State::Running)
    }

    /// Its number, unique in the process.
    pub fn id(&self) -> GreenletId {
        self.block().id
    }

    /// The name that was given to its [builder](crate::Greenlet::builder).
    pub fn name(&self) -> Option<String> {
        self.block().name.as_deref().map(str::to_owned)
    }
}
