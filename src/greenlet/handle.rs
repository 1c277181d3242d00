//! The typed handles: [`Greenlet`] owns, [`WeakGreenlet`] remembers.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;

use crate::greenlet::block::AnyGreenlet;
use crate::greenlet::blueprint::Blueprint;
use crate::greenlet::body::{boxed, create};
use crate::greenlet::error::SwitchError;
use crate::greenlet::kill::disown;
use crate::greenlet::state::{Role, State};
use crate::greenlet::thread::{self, DEFAULT_STACK_SIZE, here};
use crate::greenlet::unwind::Payload;

/// Owns a greenlet: send an `A`, get a `B` back when control returns.
///
/// A greenlet is a function with a stack of its own that can be left in the middle and entered again. It reads
/// like a function call that both sides can make: [`switch`](Self::switch) goes there with a value, and
/// returns with the value that somebody, usually but not necessarily the same greenlet, sends back.
///
/// # Ownership
///
/// Clones own the same greenlet. Dropping the last owner of a suspended greenlet kills it, as
/// [`kill`](AnyGreenlet::kill) does, but that a panic which escapes it goes to the panic hook only; dropping the last owner of
/// a new one drops its body unrun. A running greenlet without owners is killed when it next leaves.
/// Names ([`AnyGreenlet`]) own nothing. A greenlet that holds an owner of itself in its own frame, as
/// [`current`](Self::current) makes it easy, lives until it ends, is killed, or its thread ends.
///
/// # Death
///
/// When the body returns, the greenlet is dead and the result goes to its *parent*, which is the greenlet that created it unless
/// said otherwise: the parent's pending call returns it. A panic that escapes the body continues in that call,
/// with the same payload. Dead ancestors are passed over, one that has not started is started with the
/// result, or dies of the panic (greenlet items 20 to 27).
///
/// # What stays true over a switch, and what does not
///
/// A switch is an ordinary call to the code around it: locals, borrows and guards stay as they are, for as long as it takes until somebody
/// switches back. So a `RefCell` borrowed over a switch is borrowed for every other greenlet, and a
/// `std::sync::Mutex` held over a switch deadlocks the next greenlet of the same thread that wants it. A switch in
/// a destructor that runs because of a panic leaves [`std::thread::panicking`] true for the others until the
/// destructor goes on.
///
/// A panic hook must not switch: std takes a panic inside a hook for fatal, and counts per thread.
///
/// Two things must not be done with a `std::thread_local!`, and the compiler cannot see to it: switching in its
/// initialiser, and leaving a greenlet suspended inside [`LocalKey::with`](std::thread::LocalKey::with) when the thread
/// ends. Either may leave a reference to a value that is gone. What another greenlet has made of it before the initialiser goes on is
/// replaced then. And a thread-local that was first used after the thread's first greenlet is destroyed before the greenlets are
/// unwound; where they are not, as main never is, it takes a destructor that switches there.
/// [`greenlet_local!`](crate::greenlet_local) has neither restriction.
///
/// # Examples
///
/// ```
/// use greenlet::{AnyGreenlet, Greenlet};
///
/// let main: AnyGreenlet = greenlet::main();
/// let adder = Greenlet::new(move |first: i32| {
///     let mut sum = first;
///     while sum < 100 {
///         sum += main.switch::<i32, i32>(sum);
///     }
///     -1
/// });
/// assert_eq!(adder.switch(30), 30);
/// assert_eq!(adder.switch(30), 60);
/// assert_eq!(adder.switch(30), 90);
/// assert_eq!(adder.switch(30), -1);
/// assert!(adder.is_dead());
/// ```
///
/// Handles cannot leave their thread:
///
/// ```compile_fail,E0277
/// let g = greenlet::Greenlet::new(|()| ());
/// std::thread::spawn(move || g.switch(()));
/// ```
///
/// Values are `'static`: send a `String`, not a `&str` that borrows.
///
/// A body that never returns, because it loops or ends in a panic, has to say what type it would return, or it would be `!`, which
/// nobody can send. The error appears when code is generated (`cargo build`), and shows the line to change after `closure@`:
///
/// ```compile_fail,E0080
/// let g = greenlet::Greenlet::new(|()| loop {
///     greenlet::main().switch::<(), ()>(())
/// });
/// g.switch(());
/// ```
///
/// ```
/// let g = greenlet::Greenlet::<(), ()>::new(|()| loop {
///     greenlet::main().switch::<(), ()>(())
/// });
/// g.switch(());
/// ```
pub struct Greenlet<A = (), B = A> {
    any: AnyGreenlet,
    types: PhantomData<fn(A) -> B>,
}

/// The build error for `B = !`. An uninhabited variant takes no room, not even for a tag.
pub(crate) const fn assert_can_return<B>() {
    assert!(
        size_of::<Result<u8, B>>() > 1,
        "the body of this greenlet never returns, so its result type is `!`, which no greenlet could ever send \
         back; write the type that `switch` is to return: `Greenlet::<A, B>::new(..)`"
    );
}

impl<A: 'static, B: 'static> Greenlet<A, B> {
    /// A greenlet that will call `run` with the first value switched to it.
    ///
    /// Nothing runs yet, and there is no stack until the first switch. Its parent is the greenlet that
    /// runs now (greenlet item 2), which it does not keep alive.
    ///
    /// ```
    /// let g = greenlet::Greenlet::new(|name: &'static str| format!("hello, {name}"));
    /// assert_eq!(g.switch("world"), "hello, world");
    /// ```
    #[track_caller]
    pub fn new(run: impl FnOnce(A) -> B + 'static) -> Self {
        const { assert_can_return::<B>() };
        let thread = here();
        let plan = Blueprint {
            name: None,
            stack_size: DEFAULT_STACK_SIZE,
            locals: None,
            created_at: Location::caller(),
            created_by: Some(thread.running().id),
        };
        let any = create(thread, plan, run);
        any.block().parent.borrow_mut().to = Some(thread.current());
        Greenlet::own(any)
    }

    /// A greenlet whose body comes later, by [`set_run`](Self::set_run), so that bodies can refer to each other.
    /// Until then a switch to it is refused with [`SwitchError::NoRun`].
    ///
    /// ```
    /// use greenlet::{Greenlet, SwitchError};
    ///
    /// let pong = Greenlet::<u32>::empty();
    /// assert!(matches!(pong.try_switch(1), Err(SwitchError::NoRun(1))));
    ///
    /// let other = pong.any();
    /// let ping = Greenlet::new(move |n: u32| other.switch::<u32, u32>(n + 1));
    /// pong.set_run(|n| n * 2);
    /// assert_eq!(ping.switch(1), 4);
    /// ```
    #[track_caller]
    pub fn empty() -> Self {
        let greenlet =
            Greenlet::new(|_: A| -> B { unreachable!("this body is taken away at once") });
        if let Some(body) = greenlet.block().take_body() {
            body.discard();
        }
        greenlet
    }

    /// Gives a greenlet that has not started its body; one it already has is dropped.
    ///
    /// # Panics
    ///
    /// If the greenlet has started or is dead (greenlet item 7), or was spawned: the hub starts it, with the body it was spawned with.
    #[track_caller]
    pub fn set_run(&self, run: impl FnOnce(A) -> B + 'static) {
        const { assert_can_return::<B>() };
        let block = self.block();
        assert!(
            block.state() == State::New,
            "greenlet {} has already started, its run cannot be set",
            block.label()
        );
        assert!(
            block.role.get() == Role::Plain,
            "greenlet {} is spawned, its run cannot be set",
            block.label()
        );
        let before = block.set_body(boxed(run));
        if let Some(before) = before {
            before.discard();
        }
    }

    /// Sends `value` there and waits until somebody sends a `B` back, or this greenlet's child ends with one.
    ///
    /// The value moves without an allocation, to the greenlet's body if it is new, else out of the call in which it waits. On
    /// the running greenlet itself it returns at once with its own value (greenlet item 16).
    ///
    /// # Panics
    ///
    /// Without control ever leaving, nothing changed: if the greenlet is dead, has no run, waits for another type than `A`, or there is no
    /// memory for its stack. To get the value back then, use [`try_switch`](Self::try_switch).
    ///
    /// Later, in the pending call: with whatever was thrown at the caller, with the panic of a greenlet whose parent it is, and with
    /// a message of its own if such a greenlet exits by [`GreenletExit`](crate::GreenletExit) or returns
    /// another type than `B`.
    #[inline]
    #[track_caller]
    pub fn switch(&self, value: A) -> B {
        self.any.switch(value)
    }

    /// Like [`switch`](Self::switch), but every way not to get a `B` is an error.
    ///
    /// # Errors
    ///
    /// See [`SwitchError`].
    ///
    /// # Panics
    ///
    /// A [`GreenletExit`](crate::GreenletExit) thrown at the caller unwinds it all the same.
    #[inline]
    #[track_caller]
    pub fn try_switch(&self, value: A) -> Result<B, SwitchError<A>> {
        self.any.try_switch(value)
    }

    /// Raises `payload` in the call in which the greenlet waits, as an unwind; then as [`switch`](Self::switch).
    ///
    /// The panic hook does not run. A new greenlet dies of it without running. Thrown at the running greenlet, it is
    /// raised here (greenlet items 35 to 37). If it escapes the body, it goes to the greenlet's parent, not to the
    /// thrower.
    ///
    /// ```
    /// use greenlet::Greenlet;
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// let g = Greenlet::new(|()| {
    ///     let thrown = catch_unwind(|| greenlet::main().switch::<(), ()>(())).unwrap_err();
    ///     assert_eq!(thrown.downcast_ref(), Some(&"catch this"));
    /// });
    /// g.switch(());
    /// g.throw(Box::new("catch this"));
    /// assert!(g.is_dead());
    /// ```
    ///
    /// # Panics
    ///
    /// As [`switch`](Self::switch).
    #[track_caller]
    pub fn throw(&self, payload: Payload) -> B {
        self.any.throw(payload)
    }

    /// Like [`throw`](Self::throw), but every way not to get a `B` is an error.
    ///
    /// # Errors
    ///
    /// See [`SwitchError`].
    #[track_caller]
    pub fn try_throw(&self, payload: Payload) -> Result<B, SwitchError<Payload>> {
        self.any.try_throw(payload)
    }

    /// Owns the greenlet that runs now.
    ///
    /// Kept in that greenlet's own frame it keeps the greenlet alive until it ends: prefer the name that
    /// [`current`](crate::current) gives.
    ///
    /// ```
    /// use greenlet::Greenlet;
    ///
    /// let g = Greenlet::new(|()| Greenlet::<(), ()>::current());
    /// let same = g.switch(());
    /// assert_eq!(same, *g);
    /// ```
    pub fn current() -> Self {
        Greenlet::own(thread::current())
    }

    /// Owns this thread's main greenlet, which lives as long as the thread in any case.
    pub fn main() -> Self {
        Greenlet::own(thread::main())
    }

    /// A handle that does not own, and gives an owner as long as there is one.
    pub fn downgrade(&self) -> WeakGreenlet<A, B> {
        WeakGreenlet {
            any: Some(self.any()),
            types: PhantomData,
        }
    }

    /// Names the greenlet.
    pub fn any(&self) -> AnyGreenlet {
        self.any.clone()
    }

    /// One owner more.
    pub(crate) fn own(any: AnyGreenlet) -> Self {
        any.add_owner();
        Greenlet {
            any,
            types: PhantomData,
        }
    }
}

impl<A, B> Clone for Greenlet<A, B> {
    fn clone(&self) -> Self {
        self.any.add_owner();
        Greenlet {
            any: self.any.clone(),
            types: PhantomData,
        }
    }
}

impl<A, B> Drop for Greenlet<A, B> {
    #[inline]
    fn drop(&mut self) {
        disown(&self.any);
    }
}

impl<A, B> Deref for Greenlet<A, B> {
    type Target = AnyGreenlet;

    fn deref(&self) -> &AnyGreenlet {
        &self.any
    }
}

impl<A, B, C, D> PartialEq<Greenlet<C, D>> for Greenlet<A, B> {
    fn eq(&self, other: &Greenlet<C, D>) -> bool {
        self.any == other.any
    }
}

impl<A, B> Eq for Greenlet<A, B> {}

impl<A, B> PartialEq<AnyGreenlet> for Greenlet<A, B> {
    fn eq(&self, other: &AnyGreenlet) -> bool {
        self.any == *other
    }
}

impl<A, B> PartialEq<Greenlet<A, B>> for AnyGreenlet {
    fn eq(&self, other: &Greenlet<A, B>) -> bool {
        *self == other.any
    }
}

impl<A, B> Hash for Greenlet<A, B> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.any.hash(state);
    }
}

impl<A, B> fmt::Debug for Greenlet<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any.fmt(f)
    }
}

impl AnyGreenlet {
    /// An owning view with types of one's own. They are checked at the switch, not here.
    ///
    /// ```
    /// use greenlet::{Greenlet, SwitchError};
    ///
    /// let g = Greenlet::new(|n: i32| n);
    /// let wrong = g.cast::<String, i32>();
    /// assert!(matches!(wrong.try_switch("1".to_owned()), Err(SwitchError::Type { .. })));
    /// assert_eq!(g.switch(1), 1);
    /// ```
    pub fn cast<C: 'static, D: 'static>(&self) -> Greenlet<C, D> {
        Greenlet::own(self.clone())
    }
}

/// Remembers a greenlet without owning it, like [`std::rc::Weak`].
///
/// ```
/// use greenlet::{Greenlet, WeakGreenlet};
///
/// assert!(WeakGreenlet::<()>::new().upgrade().is_none());
/// let g = Greenlet::new(|n: i32| n);
/// let weak = g.downgrade();
/// assert_eq!(weak.upgrade().unwrap().switch(3), 3);
/// drop(g);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakGreenlet<A = (), B = A> {
    any: Option<AnyGreenlet>,
    types: PhantomData<fn(A) -> B>,
}

impl<A: 'static, B: 'static> WeakGreenlet<A, B> {
    /// Remembers nothing.
    pub const fn new() -> Self {
        WeakGreenlet {
            any: None,
            types: PhantomData,
        }
    }

    /// An owner, if the greenlet has another. A greenlet that is just being killed because its last owner was dropped has none.
    pub fn upgrade(&self) -> Option<Greenlet<A, B>> {
        let any = self.any.as_ref()?;
        (any.block().owners.get() > 0).then(|| Greenlet::own(any.clone()))
    }
}

impl<A: 'static, B: 'static> Default for WeakGreenlet<A, B> {
    fn default() -> Self {
        WeakGreenlet::new()
    }
}

impl<A, B> Clone for WeakGreenlet<A, B> {
    fn clone(&self) -> Self {
        WeakGreenlet {
            any: self.any.clone(),
            types: PhantomData,
        }
    }
}

impl<A, B> fmt::Debug for WeakGreenlet<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.any {
            Some(any) => write!(f, "Weak{any:?}"),
            None => f.write_str("WeakGreenlet(nothing)"),
        }
    }
}
