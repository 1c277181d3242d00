//! Greenlets that are killed and waited for together.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::time::Duration;

use crate::greenlet::builder::GreenletBuilder;
use crate::greenlet::kill::put_off;
use crate::greenlet::thread::here;
use crate::hub::begin::place;
use crate::hub::limits::SpawnError;
use crate::sys::clock;
use crate::task::join_handle::JoinHandle;
use crate::task::members::Members;
use crate::util::deadline::Deadline;

/// A set of greenlets, each of which leaves it at its end, however it ends.
///
/// A clone is the same group. Dropping it ends nobody.
///
/// ```
/// use greenlet::pool::Group;
///
/// let group = Group::new();
/// let four = group.spawn(|| 2 + 2);
/// group.spawn(|| println!("another"));
/// assert_eq!(group.len(), 2);
/// group.join();
/// assert!(group.is_empty() && four.join().unwrap() == 4);
/// ```
#[derive(Clone)]
pub struct Group {
    members: Rc<Members>,
}

impl UnwindSafe for Group {}
impl RefUnwindSafe for Group {}

impl Group {
    /// Without members.
    pub fn new() -> Self {
        Group {
            members: Members::new(),
        }
    }

    pub(crate) fn members(&self) -> &Rc<Members> {
        &self.members
    }

    /// Spawns a greenlet in the group, as [`greenlet::spawn`](crate::spawn) does. Does not switch.
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        self.spawn_as(GreenletBuilder::new(), f)
    }

    /// Spawns a greenlet in the group, as [`greenlet::try_spawn`](crate::try_spawn) does. Does not switch.
    ///
    /// # Errors
    ///
    /// If this thread's [limits](crate::hub::set_limits) are reached.
    #[track_caller]
    pub fn try_spawn<F, T>(&self, f: F) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let builder = GreenletBuilder::new();
        match builder.admit() {
            Ok(()) => Ok(self.spawn_as(builder, f)),
            Err(refusal) => Err(SpawnError { f, refusal }),
        }
    }

    /// As [`spawn`](Self::spawn), with these settings.
    #[track_caller]
    pub(crate) fn spawn_as<F, T>(&self, builder: GreenletBuilder, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let membership = self.members.join();
        let key = membership.key();
        let member = Last {
            f,
            held: membership,
        };
        let handle = builder.spawn(move || member.run());
        self.members.belongs_to(key, handle.greenlet());
        handle
    }

    /// Makes a greenlet that was spawned elsewhere a member, until its end. Does nothing if it has ended.
    ///
    /// It leaves the group by a greenlet of its own, as [`on_exit`](JoinHandle::on_exit) says.
    pub fn add<T>(&self, handle: &JoinHandle<T>) {
        if handle.is_finished() {
            return;
        }
        let membership = self.members.join();
        self.members.belongs_to(membership.key(), handle.greenlet());
        handle.on_exit(move |_| drop(membership));
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until there are no members, or until there have been none at a time.
    ///
    /// Switches unless there are none. A kill, or the end of an enclosing limit, ends the wait and nothing else. A member that joins its own group
    /// waits for itself.
    #[track_caller]
    pub fn join(&self) {
        self.members.wait(Deadline::Never);
    }

    /// As [`join`](Self::join), for so long at most; whether there were none.
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.members.wait(Deadline::after(clock::now(), limit))
    }

    /// Kills all members, then waits for them, as [`join`](Self::join). Those that have not run never will.
    ///
    /// # Panics
    ///
    /// If the destructor of something does that a member which never ran had captured; the members are killed all the same.
    #[track_caller]
    pub fn kill(&self) {
        let mut first = None;
        self.members.kill(|unwound| match &first {
            None => first = Some(unwound),
            Some(_) => put_off(here(), unwound),
        });
        if let Some(unwound) = first {
            unwound.go_on(place().me);
        }
        self.join();
    }

    /// Returns at once: there is always room in a group. [`Pool`](crate::pool::Pool) has it as well.
    pub fn wait_available(&self) {}
}

impl Default for Group {
    fn default() -> Self {
        Group::new()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members.all()).finish()
    }
}

/// A function, and what is dropped behind it, however it ends and whether it runs or not.
pub(crate) struct Last<F, H> {
    pub(crate) f: F,
    pub(crate) held: H,
}

impl<F: FnOnce() -> T, T, H> Last<F, H> {
    pub(crate) fn run(self) -> T {
        let Last { held: _held, f } = self;
        f()
    }
}
