//! Greenlets that borrow from the frame of whoever spawns them.
//!
//! [`scope`] leaves its frame, in whatever way, only after every child has ended. What that rests on:
//!
//! * **F1** What a child borrows, it borrows for at least `'scope`, which is over only when `scope` leaves its frame.
//! * **F2** A child's function, what it captured, and its result unless a handle has it, are gone before its
//!   [`Membership`] is dropped; nothing of them is in its greenlet any more. Nothing switches between that and the return of `Child::run`, whose
//!   types name what was borrowed still.
//! * **F3** `scope` leaves its frame only when no membership is left. What unwinds it meanwhile is caught, and goes on afterwards; if
//!   anything should escape nevertheless, the process ends.
//! * **F4** A handle, and so a result in it, lives no longer than `'scope`, or for ever if it is forgotten; then it is never
//!   dropped.
//!
//! A frame that is never resumed stays as it is: a greenlet's stack is not given back before its function has ended.
#![allow(unsafe_code)]

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::thread as std_thread;

use crate::greenlet::block::AnyGreenlet;
use crate::greenlet::builder::GreenletBuilder;
use crate::greenlet::panicking::catch_in;
use crate::greenlet::thread::here;
use crate::greenlet::unwind::{self, AbortOnUnwind, GreenletExit, Known, Payload, Unwound};
use crate::hub::awaited::{Awaited, Holder};
use crate::hub::begin::place;
use crate::hub::limits::SpawnError;
use crate::hub::report::{self, Deadlock};
use crate::task::join_handle::JoinHandle;
use crate::task::members::{Members, Membership};
use crate::task::packet::Outcome;
use crate::thread::parking::Thread;
use crate::util::deadline::Deadline;

/// Runs `f`, which may spawn greenlets that borrow from outside of it, and waits until all of them have ended: [`std::thread::scope`],
/// for greenlets.
///
/// It returns only after every child has ended and dropped what it captured, and its result if nobody took it. That holds in whatever way
/// the caller leaves:
///
/// * If `f` panics, or is unwound by a kill of the caller or by the end of a [`timeout`](crate::timeout) around it, the children are killed
///   and waited for; then the unwinding goes on.
/// * So are they if a kill, or the end of a limit, comes while the caller waits for the children. A second one meanwhile kills the children once more, and
///   is raised at the caller's first wait behind the scope.
/// * A child that survives its kill keeps the caller waiting. If nothing can wake such a child any more, and the caller is main, the process is
///   aborted.
///
/// Children run when the caller next waits, at the latest at the end of the scope. They can spawn further ones. One that is spawned
/// when the children are being killed never runs.
///
/// Switches unless all children have ended.
///
/// Differences from std: if `f` panics the children are killed. Nothing has to be `Send`, and the scope cannot leave its thread.
///
/// A child has a stack of its own. So what works only on the stack it was made for, as that by which a coroutine of another library suspends
/// itself, must not be used by a child, and the compiler cannot see to it.
///
/// ```
/// let mut numbers = vec![1, 2, 3];
/// let mut sum = 0;
/// greenlet::scope(|s| {
///     s.spawn(|| {
///         greenlet::yield_now();
///         sum += numbers.iter().sum::<i32>();
///     });
///     s.spawn(|| println!("there are {}", numbers.len()));
/// });
/// numbers.push(4);
/// assert_eq!(sum, 6);
/// ```
///
/// What is borrowed has to be there as long as the scope is:
///
/// ```compile_fail,E0373
/// greenlet::scope(|s| {
///     let inside = 1;
///     s.spawn(|| println!("{inside}"));
/// });
/// ```
///
/// # Panics
///
/// If `f` does, or a child panicked that was not [joined](ScopedJoinHandle::join).
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope {
        family: Rc::new(Family {
            members: Members::new(),
            dying: Cell::new(false),
            unseen_panics: Cell::new(0),
        }),
        scope: PhantomData,
        env: PhantomData,
    };
    // From here on nothing unwinds this frame: children borrow from what must not go (F3).
    let guard = AbortOnUnwind("something unwinds a scope whose greenlets have not ended");
    let (value, unwound) = match catch_in(here().running(), || f(&scope)) {
        Ok(value) => (Some(value), None),
        Err(unwound) => (None, Some(unwound)),
    };
    let end = scope.family.wait_for_all(unwound, Location::caller());
    // No child is left.
    mem::forget(guard);
    end.leave();
    assert!(
        scope.family.unseen_panics.get() == 0,
        "a scoped greenlet panicked"
    );
    value.expect("it was not unwound")
}

/// Where [`scope`] spawns greenlets.
///
/// ```compile_fail,E0277
/// greenlet::scope(|s| {
///     std::thread::scope(|threads| {
///         threads.spawn(|| s.spawn(|| ())); // greenlets stay on their thread
///     });
/// });
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    family: Rc<Family>,
    /// Invariant, so that neither can be made longer or shorter.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope> Scope<'scope, '_> {
    /// Spawns a greenlet that may borrow whatever outlives the scope, as [`greenlet::spawn`](crate::spawn) does. Does not
    /// switch.
    ///
    /// The scope waits for it, also if the handle is dropped.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + 'scope,
        T: 'scope,
    {
        self.spawn_built(GreenletBuilder::new(), f)
    }

    /// As [`spawn`](Self::spawn), unless this thread's [limits](crate::hub::set_limits) are reached.
    ///
    /// # Errors
    ///
    /// Why nothing was spawned; hands `f` back.
    #[track_caller]
    pub fn try_spawn<F, T>(&'scope self, f: F) -> Result<ScopedJoinHandle<'scope, T>, SpawnError<F>>
    where
        F: FnOnce() -> T + 'scope,
        T: 'scope,
    {
        let builder = GreenletBuilder::new();
        match builder.admit() {
            Ok(()) => Ok(self.spawn_built(builder, f)),
            Err(refusal) => Err(SpawnError { f, refusal }),
        }
    }

    /// As [`spawn`](Self::spawn), with these settings.
    #[track_caller]
    pub(crate) fn spawn_built<F, T>(
        &'scope self,
        builder: GreenletBuilder,
        f: F,
    ) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + 'scope,
        T: 'scope,
    {
        let family = &self.family;
        let membership = family.members.join();
        let key = membership.key();
        let slot = Rc::new(Cell::new(None));
        let child = Child {
            f,
            slot: slot.clone(),
            family: family.clone(),
            membership,
        };
        let run: Box<dyn FnOnce() + 'scope> = Box::new(move || child.run());
        // SAFETY: only the lifetime changes. What is in the box lives as long as `'scope` (F1), and is gone before that is over: it is called
        // or dropped by the greenlet, which drops the membership last (F2), and that the end of the scope waits for (F3).
        let run = unsafe { mem::transmute::<Box<dyn FnOnce() + 'scope>, Box<dyn FnOnce()>>(run) };
        let handle = builder.spawn(run);
        family.members.belongs_to(key, handle.greenlet());
        if family.dying.get() {
            handle.kill();
        }
        ScopedJoinHandle {
            handle,
            slot,
            family: family.clone(),
            thread: OnceCell::new(),
            scope: PhantomData,
        }
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("greenlets", &self.family.members.len())
            .finish_non_exhaustive()
    }
}

/// What a scope, its children and their handles share.
struct Family {
    members: Rc<Members>,
    /// The children are being killed.
    dying: Cell<bool>,
    /// Panics of children that were not joined yet.
    unseen_panics: Cell<usize>,
}

/// A child before its first turn. The fields are dropped in this order (F2).
struct Child<F, T> {
    f: F,
    slot: Rc<Cell<Option<T>>>,
    family: Rc<Family>,
    membership: Membership,
}

impl<F: FnOnce() -> T, T> Child<F, T> {
    /// The whole life of a child.
    fn run(self) {
        // In the reverse of the order in which they are to be dropped (F2).
        let Child {
            membership,
            family,
            slot,
            f,
        } = self;
        let result = catch_unwind(AssertUnwindSafe(move || {
            let value = f();
            slot.set(Some(value));
            // Without a handle the result is dropped here.
        }));
        if let Err(payload) = result {
            // It goes on unwinding, so what is known stays.
            let raised = here().running().known.get() == Known::Raised;
            if !payload.is::<GreenletExit>() && !raised {
                family.unseen_panics.set(family.unseen_panics.get() + 1);
            }
            drop(membership);
            unwind::raise(payload);
        }
    }
}

/// Owns the permission to join a scoped greenlet; after [`std::thread::ScopedJoinHandle`].
pub struct ScopedJoinHandle<'scope, T> {
    handle: JoinHandle<()>,
    slot: Rc<Cell<Option<T>>>,
    family: Rc<Family>,
    thread: OnceCell<Thread>,
    scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the end and gives the result: `Err` with the payload if a panic ended the greenlet, and with
    /// [`GreenletExit`] if it was killed. The scope does not panic then.
    ///
    /// Switches unless it has ended already. If the joiner is killed or its limit elapses while it waits, nobody joins the greenlet.
    ///
    /// ```
    /// let word = String::from("borrowed");
    /// let length = greenlet::scope(|s| s.spawn(|| word.len()).join().unwrap());
    /// assert_eq!(length, 8);
    /// ```
    ///
    /// # Errors
    ///
    /// What ended the greenlet, if it did not return.
    ///
    /// # Panics
    ///
    /// If a greenlet joins itself.
    #[track_caller]
    pub fn join(self) -> std_thread::Result<T> {
        let packet = self.handle.packet().clone();
        let result = self.handle.join();
        if packet.outcome() == Some(Outcome::Panicked) {
            let unseen = &self.family.unseen_panics;
            unseen.set(unseen.get().saturating_sub(1));
        }
        result.map(|()| self.slot.take().expect("it returned, and is joined once"))
    }

    /// Whether it has ended, or was killed before it ran.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Kills the greenlet, as [`JoinHandle::kill`](crate::JoinHandle::kill) does.
    pub fn kill(&self) {
        self.handle.kill();
    }

    /// Names the greenlet.
    pub fn greenlet(&self) -> AnyGreenlet {
        self.handle.greenlet()
    }

    /// The greenlet, as [`thread`](crate::thread) calls it.
    pub fn thread(&self) -> &Thread {
        self.thread
            .get_or_init(|| Thread::of(&self.handle.greenlet()))
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScopedJoinHandle")
            .field(&self.handle.greenlet())
            .finish()
    }
}

impl Family {
    /// Waits until no child is left, whatever comes in between: a kill, or the end of a limit, has the children killed.
    fn wait_for_all(&self, unwound: Option<Unwound>, caller: &'static Location<'static>) -> Ending {
        let awaited = Children {
            members: &self.members,
            caller,
        };
        let mut ending = Ending {
            unwound,
            later: Vec::new(),
        };
        if ending.unwound.is_some() {
            self.kill_children(&mut ending);
        }
        loop {
            let wait = || self.members.wait_as(Deadline::Never, &awaited);
            let Err(unwound) = catch_in(here().running(), wait) else {
                return ending;
            };
            if let Some(deadlock) = unwound.payload.downcast_ref::<Deadlock>()
                && ending.unwound.is_some()
            {
                // Killing them did not help.
                report::abort(deadlock);
            }
            ending.note(unwound);
            self.kill_children(&mut ending);
        }
    }

    fn kill_children(&self, ending: &mut Ending) {
        self.dying.set(true);
        self.members.kill(|unwound| {
            match unwound.raised {
                // A child's captures waited when they were dropped, and the owner was hit there.
                true => ending.note(unwound),
                // The panic hook has seen it.
                false => drop_quietly(unwound.payload),
            }
        });
    }
}

/// What an owner waits for at the end of its scope. That wait is made in here, so it says itself where the scope is.
struct Children<'a> {
    members: &'a Members,
    caller: &'static Location<'static>,
}

impl Awaited for Children<'_> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.members.describe(f)?;
        write!(f, ", for the scope at {}", self.caller)
    }

    fn holder(&self) -> Holder {
        self.members.holder()
    }
}

/// What the end of a scope leaves to be raised.
struct Ending {
    unwound: Option<Unwound>,
    /// What came when it unwound already.
    later: Vec<Payload>,
}

impl Ending {
    fn note(&mut self, unwound: Unwound) {
        match self.unwound {
            None => self.unwound = Some(unwound),
            Some(_) => self.later.push(unwound.payload),
        }
    }

    /// Goes on with unwinding, if there is reason to.
    fn leave(self) {
        for payload in self.later {
            // What was raised too early (W4).
            place().raise_later(payload);
        }
        if let Some(unwound) = self.unwound {
            unwound.go_on(here().running());
        }
    }
}

/// Drops what nobody takes; its destructor may panic as well.
fn drop_quietly(payload: Payload) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(another);
    }
}
