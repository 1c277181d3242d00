//! Control blocks, the names that count them, and the state of a thread.
//!
//! A greenlet is one allocation: its [`Block`], followed by its body until it starts. Everything that
//! refers to a greenlet does so through an [`AnyGreenlet`], a *name*, which keeps the memory of the block
//! and nothing else; *owners* (`Greenlet`) and owning parent links are counted beside, and decide when
//! the greenlet is killed.
//!
//! ```text
//!              first switch or throw              leaves                   body ends
//!     New --------------------------> Running <----------> Suspended        |
//!      |                                 |       resumed                    v
//!      | kill, drop of last owner        +------------------------------> Dead
//!      +----------------------------------------------------------------> Dead
//! ```
//!
//! Invariants:
//!
//! * **B1** A block's memory lives while `names > 0`; every `AnyGreenlet` counts one. Names can be forgotten, but nobody can make so many that
//!   64 bits wrap.
//! * **B2** A block is in its thread's registry, which holds a name, until it is dead, and if it died on a stack of its own, until that
//!   was left. While it is not dead its `thread` pointer is valid; a dead block's `thread` is never used.
//! * **B3** Exactly one greenlet of a thread is Running: `Thread::current`, which is all that says so; the others that have started are
//!   Suspended. Whoever becomes the current one has started and not ended, and stays registered at least until another one is. Only code
//!   running on the thread touches its blocks (no handle is `Send`).
//! * **B4** While a block is Suspended in a typed call, `slot` points to room for a value of the kind `expects`,
//!   in a frame that lives until the call returns; in a call that discards, `expects` is `ANYTHING` and there is no slot.
//!   New and dead ones expect `NOTHING`. In the running one both are left over from its last call, and not to be used.
//!   The hub is always as one that is suspended for `()`.
//! * **B5** A block has a context from its first start until its entry function has returned; main and the hub have none.
//!   A started context is dropped only by the trampoline (C3).
//! * **B6** Permanent parent links form a tree rooted in main. A temporary parent exists only while a
//!   kill is under way, and is gone when the greenlet dies.
//! * **B7** `body` is there exactly while the greenlet is New and has a run: [`set_body`](Block::set_body) puts it there, and who starts or
//!   discards the greenlet takes it.
//! * **B8** Freeing a block runs no code of users, for it may happen between two greenlets: body, arrival and locals are
//!   taken out before, by the greenlet itself or by whoever discards it; spans by whoever arrives after its end.
//! * **B9** The body of a spawned greenlet takes `()`, and is never another than the first: the hub starts it without
//!   writing an argument. All others are started with an argument that was written, or with an arrival that is no value.
//! * **B10** A greenlet that is suspended in a typed call becomes the current one only after a value was written to its slot, or an arrival
//!   announced that is no value. The run queue holds none of them, but new ones and parked ones (W1); one that is
//!   only asked something leaves again before it looks.
#![allow(unsafe_code)]

use std::cell::{Cell, OnceCell, RefCell, UnsafeCell};
use std::hash::{Hash, Hasher};
use std::mem::{self, ManuallyDrop};
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::ptr::{self, NonNull};
use std::rc::Rc;

use slab::Slab;

use crate::greenlet::alert::Alert;
use crate::greenlet::blueprint::Blueprint;
use crate::greenlet::kills::Kills;
use crate::greenlet::kind::Kind;
use crate::greenlet::local_map::LocalMap;
use crate::greenlet::marks::Marks;
use crate::greenlet::measuring::Measuring;
#[cfg(feature = "tracing")]
use crate::greenlet::spans::Spans;
use crate::greenlet::state::{Role, Stage, State};
use crate::greenlet::unwind::{Known, Payload, Unwound};
use crate::sys::arena::Arena;
use crate::sys::context::{Context, Link};
use crate::util::id::{GreenletId, Ids};

/// What came back to a greenlet that waited.
pub(crate) enum Arrival {
    /// The expected value lies in the slot (B4).
    Value,
    /// Somebody threw this at it.
    Thrown(Payload),
    /// A panic ended this greenlet, whose parent it is.
    Died(AnyGreenlet, Payload),
    /// This greenlet, whose parent it is, exited.
    Exited(AnyGreenlet),
    /// The result of a dead one could not be delivered; says why.
    Misfit(String),
    /// A value lies in the slot, but what has unwound an observer takes its place.
    Spoilt(Unwound),
}

/// The body of a greenlet that has not started. To be [run](Self::run) or [discarded](Self::discard).
pub(crate) struct Body {
    data: NonNull<u8>,
    vtable: &'static BodyVtable,
}

/// What can be done with a body. Each function is to be given the body's `data`.
pub(crate) struct BodyVtable {
    /// What the first switch must send.
    pub(crate) takes: &'static Kind,
    /// Where the first switch puts it.
    pub(crate) slot: unsafe fn(NonNull<u8>) -> *mut u8,
    /// The whole life of the greenlet; runs on its own stack, once.
    pub(crate) run: unsafe fn(NonNull<u8>, &AnyGreenlet),
    /// Drops the body without running it, once.
    pub(crate) discard: unsafe fn(NonNull<u8>),
}

impl Body {
    /// # Safety
    ///
    /// `data` is what the functions of `vtable` expect, and stays so until the body was run or
    /// discarded.
    pub(crate) unsafe fn new(data: NonNull<u8>, vtable: &'static BodyVtable) -> Self {
        Body { data, vtable }
    }

    /// Runs the body of `me`, on its stack, until it is dead.
    pub(crate) fn run(self, me: &AnyGreenlet) {
        // SAFETY: promised to `new`; `self` is consumed.
        unsafe { (self.vtable.run)(self.data, me) }
    }

    pub(crate) fn discard(self) {
        // SAFETY: promised to `new`; `self` is consumed.
        unsafe { (self.vtable.discard)(self.data) }
    }
}

/// A parent, and whether the link keeps it alive.
#[derive(Default)]
pub(crate) struct ParentLink {
    pub(crate) to: Option<AnyGreenlet>,
    pub(crate) owns: bool,
}

pub(crate) struct Block {
    // What a switch touches.
    pub(crate) expects: Cell<&'static Kind>,
    pub(crate) slot: Cell<*mut u8>,
    pub(crate) waits_at: Cell<&'static Location<'static>>,
    pub(crate) link: Cell<*const Link>,
    pub(crate) thread: NonNull<Thread>,
    pub(crate) owners: Cell<usize>,
    pub(crate) stage: Cell<Stage>,
    pub(crate) context: UnsafeCell<Option<Context>>,
    // What creation and death touch.
    /// What the greenlet will find, if it is not a value; announced by `alert::ARRIVAL`.
    pub(crate) arrival: Cell<Option<Box<Arrival>>>,
    pub(crate) names: Cell<usize>,
    body: Cell<Option<Body>>,
    pub(crate) parent: RefCell<ParentLink>,
    pub(crate) kills: RefCell<Kills<AnyGreenlet>>,
    pub(crate) registered: Cell<usize>,
    pub(crate) locals: RefCell<Option<Rc<LocalMap>>>,
    pub(crate) free: unsafe fn(NonNull<Block>),
    // The rest.
    pub(crate) id: GreenletId,
    pub(crate) name: Option<Box<str>>,
    pub(crate) stack_size: usize,
    /// The stack's lowest address: for the overflow report.
    pub(crate) stack_limit: Cell<usize>,
    /// Hit by a drop of its last owner and still alive; not hit again until it was owned again.
    pub(crate) condemned: Cell<bool>,
    pub(crate) locals_gone: Cell<bool>,
    pub(crate) known: Cell<Known>,
    /// It unwinds, and waits in a switch meanwhile.
    pub(crate) shielded: Cell<bool>,
    pub(crate) role: Cell<Role>,
    pub(crate) created_at: &'static Location<'static>,
    pub(crate) created_by: Option<GreenletId>,
    /// What the hub keeps of a greenlet that waits in it; the hub's business, null at first.
    pub(crate) seat: Cell<*const ()>,
    /// Empty when it is new, and when it runs, unless a subscriber waited as it arrived.
    #[cfg(feature = "tracing")]
    pub(crate) spans: Spans,
}

/// What the hub does for the code below it.
pub(crate) struct Hooks {
    /// Makes the next greenlet the current one. Called by the trampoline, when the hub is current.
    pub(crate) turn: fn(&Thread),
    /// Has a greenlet that is spawned, or parked in the hub, die of a payload, at its present or next wait.
    pub(crate) interrupt: fn(&AnyGreenlet, Payload),
    /// Takes what the running greenlet is to die of at its next wait.
    pub(crate) take_kill: fn(&Thread) -> Option<Payload>,
    /// Has what was raised in the running greenlet, where it cannot be, raised at its next wait.
    pub(crate) raise_later: fn(Payload),
    /// Puts down what a spawned greenlet dies of that never runs: whoever joins it is told.
    pub(crate) leave_word: fn(&AnyGreenlet, Payload),
    /// Takes back the seat of a greenlet that is about to end.
    pub(crate) vacate: fn(&Thread, &Block),
    /// What a greenlet that is spawned, or parked in the hub, waits for.
    pub(crate) waits_for: fn(&AnyGreenlet) -> String,
    /// Ends all that is spawned or parked, when the thread ends.
    pub(crate) shut_down: fn(&Thread),
    /// Frees the hub; nothing but main is left.
    pub(crate) free: fn(&Thread),
}

/// The hub's part of a thread.
#[derive(Clone)]
pub(crate) struct HubPart {
    pub(crate) hooks: &'static Hooks,
    pub(crate) greenlet: AnyGreenlet,
    pub(crate) data: NonNull<()>,
}

/// Called after every switch.
pub(crate) type Observe = dyn Fn(bool, &AnyGreenlet, &AnyGreenlet);

/// What a suspended greenlet is to call on its own stack, before it lets the one who asked go on.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    pub(crate) put: NonNull<dyn Fn()>,
    pub(crate) by: NonNull<Block>,
}

/// All that one thread's greenlets share.
pub(crate) struct Thread {
    pub(crate) current: Cell<NonNull<Block>>,
    pub(crate) alert: Alert,
    /// Who left last; kept only while `alert` is not zero.
    pub(crate) origin: RefCell<Option<AnyGreenlet>>,
    pub(crate) main: RefCell<Option<AnyGreenlet>>,
    pub(crate) registry: RefCell<Slab<AnyGreenlet>>,
    pub(crate) observer: RefCell<Option<Rc<Observe>>>,
    /// The thread ends: main does not hear of anything any more.
    pub(crate) ending: Cell<bool>,
    /// Nobody will end this state: it was made when the thread's locals were being destroyed.
    pub(crate) endless: Cell<bool>,
    /// What nobody wants, to be dropped by the next who arrives: it came where nothing of the user's may run.
    pub(crate) graves: RefCell<Vec<Arrival>>,
    /// Killers, each with its victim, whose end was told to somebody else: the hub has them go on.
    pub(crate) bereaved: RefCell<Vec<(AnyGreenlet, AnyGreenlet)>>,
    pub(crate) ids: Ids,
    pub(crate) arena: Arena,
    pub(crate) marks: Marks,
    /// The hub's control block, or null as long as there is none.
    pub(crate) hub: Cell<*const Block>,
    pub(crate) hub_part: OnceCell<HubPart>,
    /// There as long as `alert::STOPOVER` is set.
    pub(crate) question: Cell<Option<Question>>,
    /// There as long as `alert::MEASURED` is set, and then to be read.
    pub(crate) measuring: RefCell<Option<Box<Measuring>>>,
    /// A subscriber is called on the way of a switch.
    #[cfg(feature = "tracing")]
    pub(crate) tells: Cell<bool>,
    /// Spans that greenlets had when they ended, while a subscriber was told something.
    #[cfg(feature = "tracing")]
    pub(crate) left_open: Spans,
}

impl Block {
    #[inline(always)]
    pub(crate) fn new(thread: &Thread, plan: Blueprint, free: unsafe fn(NonNull<Block>)) -> Self {
        Block {
            expects: Cell::new(Kind::NOTHING),
            slot: Cell::new(ptr::null_mut()),
            waits_at: Cell::new(plan.created_at),
            link: Cell::new(ptr::null()),
            thread: NonNull::from(thread),
            owners: Cell::new(0),
            stage: Cell::new(Stage::New),
            arrival: Cell::new(None),
            context: UnsafeCell::new(None),
            names: Cell::new(0),
            body: Cell::new(None),
            parent: RefCell::new(ParentLink::default()),
            kills: RefCell::default(),
            registered: Cell::new(0),
            locals: RefCell::new(plan.locals),
            free,
            id: thread.ids.next(),
            name: plan.name,
            stack_size: plan.stack_size,
            stack_limit: Cell::new(0),
            condemned: Cell::new(false),
            locals_gone: Cell::new(false),
            known: Cell::new(Known::Nothing),
            shielded: Cell::new(false),
            role: Cell::new(Role::Plain),
            created_at: plan.created_at,
            created_by: plan.created_by,
            seat: Cell::new(ptr::null()),
            #[cfg(feature = "tracing")]
            spans: Spans::default(),
        }
    }

    /// The thread this greenlet lives on. The caller has seen that it is not dead.
    #[inline]
    pub(crate) fn thread(&self) -> &Thread {
        debug_assert!(!self.is_dead());
        // SAFETY: valid while the block is not dead (B2), which the caller has seen.
        unsafe { self.thread.as_ref() }
    }

    pub(crate) fn state(&self) -> State {
        match self.stage.get() {
            Stage::New => State::New,
            Stage::Dead => State::Dead,
            Stage::Started if self.is_current() => State::Running,
            Stage::Started => State::Suspended,
        }
    }

    /// Whether this greenlet, which is not dead, is the one that runs.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        ptr::eq(self.thread().current.get().as_ptr(), self)
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.stage.get() == Stage::Dead
    }

    /// Whether it is past hearing of anything: dead, about to be, or main of a thread that ends.
    pub(crate) fn is_deaf(&self) -> bool {
        self.is_dead() || self.locals_gone.get() || (self.thread().ending.get() && self.is_main())
    }

    /// Whether it waits in the hub, so that only what it waits for can resume it.
    pub(crate) fn is_parked(&self) -> bool {
        self.expects.get().is_parked() && !self.is_current()
    }

    /// Whether only the hub may resume, start or end it.
    pub(crate) fn is_the_hubs(&self) -> bool {
        self.role.get() == Role::Spawned || self.is_parked()
    }

    /// Whether this is its thread's main greenlet: the one without a parent.
    pub(crate) fn is_main(&self) -> bool {
        self.parent.borrow().to.is_none()
    }

    /// Drops the greenlet's locals, or its share in them, before its parent goes on. It has none from here on.
    #[inline]
    pub(crate) fn drop_locals(&self) -> Result<(), Payload> {
        self.locals_gone.set(true);
        match self.locals.take().and_then(Rc::into_inner) {
            None => Ok(()),
            Some(map) => map.destroy(),
        }
    }

    /// From here on the greenlet is dead; it has yet to be [unregistered](Self::unregister).
    #[inline]
    pub(crate) fn mark_dead(&self) {
        self.stage.set(Stage::Dead);
        self.expects.set(Kind::NOTHING);
        // Whoever waits for its end does so no longer (B6).
        if !self.kills.borrow().is_empty() {
            self.kills.take();
        }
    }

    /// Gives a new greenlet its body; the one it had. Not to one that is spawned, which keeps its first (B9).
    #[inline]
    pub(crate) fn set_body(&self, body: Body) -> Option<Body> {
        let may = self.stage.get() == Stage::New && self.role.get() == Role::Plain;
        assert!(may, "B7, B9");
        self.body.replace(Some(body))
    }

    /// Takes the body of a greenlet, to start or to discard it, if it has one.
    #[inline]
    pub(crate) fn take_body(&self) -> Option<Body> {
        self.body.take()
    }

    /// What a new greenlet's first switch must send, and where to put it; `None` if there is no run.
    #[inline]
    pub(crate) fn argument(&self) -> Option<(&'static Kind, *mut u8)> {
        // SAFETY: the reference is gone before anything else is called, so the cell is not written meanwhile.
        let body = unsafe { (*self.body.as_ptr()).as_ref()? };
        let Body { data, vtable } = *body;
        // SAFETY: the body was neither run nor discarded, or it would not be here (B7).
        Some((vtable.takes, unsafe { (vtable.slot)(data) }))
    }

    /// Takes a dead block out of the registry of `thread`, which was its own. It may be gone then.
    pub(crate) fn unregister(&self, thread: &Thread) {
        debug_assert!(self.is_dead());
        let entry = thread.registry.borrow_mut().remove(self.registered.get());
        debug_assert!(ptr::eq(entry.block(), self));
        drop(entry);
    }

    /// The permanent parent, if no kill is under way and nothing has to be done on the way to it: so that its pending call
    /// can be given the result at once.
    #[inline]
    pub(crate) fn undisturbed_parent(&self) -> Option<NonNull<Block>> {
        let disturbed = self.thread().alert.get() != 0
            || self.owners.get() == 0
            || !self.kills.borrow().is_empty();
        if disturbed {
            return None;
        }
        self.parent.borrow().to.as_ref().map(AnyGreenlet::as_ptr)
    }
}

/// Frees a block that was allocated alone.
///
/// # Safety
///
/// `block` comes from a `Box<Block>`, and nobody has a name for it (B1).
pub(crate) unsafe fn free_plain(block: NonNull<Block>) {
    // SAFETY: as promised by the caller.
    drop(unsafe { Box::from_raw(block.as_ptr()) });
}

/// Names a greenlet of any type, and keeps nothing alive.
///
/// Everything that the library hands out is such a name: [`current`](crate::current),
/// [`main`](crate::main), [`parent`](Self::parent), the greenlets that an
/// [observer](crate::trace) sees. A suspended greenlet whose last *owner*, a
/// [`Greenlet`](crate::Greenlet), is dropped is killed, no matter how many names there are; the names then
/// name a dead greenlet. So frames, parents and cycles of names leak nothing.
///
/// The types of a switch are chosen at the call, and checked before control leaves it.
///
/// Names are equal if they name the same greenlet. They cannot leave their thread:
///
/// ```compile_fail,E0277
/// let name = greenlet::current();
/// std::thread::spawn(move || name.is_dead());
/// ```
pub struct AnyGreenlet(NonNull<Block>);

impl UnwindSafe for AnyGreenlet {}
impl RefUnwindSafe for AnyGreenlet {}

impl AnyGreenlet {
    /// A name for `block`.
    ///
    /// # Safety
    ///
    /// The block is alive (B1), and `block` may be used for as long as it is: it is the pointer it was allocated as,
    /// or one taken from a name.
    #[inline]
    pub(crate) unsafe fn from_raw(block: NonNull<Block>) -> Self {
        // SAFETY: alive, says the caller.
        let names = unsafe { &block.as_ref().names };
        names.set(names.get() + 1);
        AnyGreenlet(block)
    }

    /// A name that was not counted, and must not be dropped.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw).
    #[inline]
    pub(crate) unsafe fn uncounted(block: NonNull<Block>) -> Self {
        AnyGreenlet(block)
    }

    #[inline]
    pub(crate) fn block(&self) -> &Block {
        // SAFETY: this name keeps it (B1).
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> NonNull<Block> {
        self.0
    }

    /// One owner more. Who is owned again can be killed by a drop again.
    #[inline]
    pub(crate) fn add_owner(&self) {
        let block = self.block();
        block.owners.set(block.owners.get() + 1);
        block.condemned.set(false);
    }

    /// One owner fewer. The caller sees to what follows if it was the last.
    #[inline]
    pub(crate) fn remove_owner(&self) {
        let owners = &self.block().owners;
        owners.set(owners.get() - 1);
    }

    /// Whether nothing owns the greenlet, and something has to be done about it.
    #[inline]
    pub(crate) fn is_forsaken(&self) -> bool {
        let block = self.block();
        block.owners.get() == 0 && (!block.is_dead() || block.parent.borrow().owns)
    }

    /// The parent as it counts now: the killer's, while a kill is under way.
    pub(crate) fn effective_parent(&self) -> Option<AnyGreenlet> {
        let temporary = self.block().kills.borrow().parent();
        temporary.or_else(|| self.block().parent.borrow().to.clone())
    }

    /// Puts a new block into the registry (B2).
    pub(crate) fn register(&self, thread: &Thread) {
        let key = thread.registry.borrow_mut().insert(self.clone());
        self.block().registered.set(key);
    }
}

impl Clone for AnyGreenlet {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: this name keeps the block, and its pointer is the one to use.
        unsafe { AnyGreenlet::from_raw(self.0) }
    }
}

impl Drop for AnyGreenlet {
    #[inline]
    fn drop(&mut self) {
        let names = &self.block().names;
        names.set(names.get() - 1);
        if names.get() == 0 {
            // SAFETY: this was the last name.
            unsafe { free_lineage(self.0) };
        }
    }
}

/// Frees a block that has no name left, then every ancestor that only its link named; a loop, so that a lineage
/// may be of any length.
///
/// # Safety
///
/// The last name of `block` has just gone, and it was not freed yet.
#[cold]
unsafe fn free_lineage(block: NonNull<Block>) {
    let mut next = Some(block);
    while let Some(pointer) = next.take() {
        // SAFETY: without a name, but not freed yet: so says the caller of the first, and of the others it was the link that had the last (B1).
        let block = unsafe { pointer.as_ref() };
        let link = block.parent.take();
        debug_assert!(block.is_dead() && !link.owns);
        debug_assert!(block.locals.borrow().is_none(), "B8");
        #[cfg(feature = "tracing")]
        debug_assert!(block.spans.is_empty(), "B8");
        // SAFETY: its last name is gone (B1).
        unsafe { (block.free)(pointer) };
        if let Some(parent) = link.to {
            let parent = ManuallyDrop::new(parent);
            let names = &parent.block().names;
            names.set(names.get() - 1);
            next = (names.get() == 0).then_some(parent.0);
        }
    }
}

impl PartialEq for AnyGreenlet {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for AnyGreenlet {}

impl Hash for AnyGreenlet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Thread {
    pub(crate) fn new() -> Box<Self> {
        Box::new(Thread {
            current: Cell::new(NonNull::dangling()),
            alert: Alert::new(),
            origin: RefCell::new(None),
            main: RefCell::new(None),
            registry: RefCell::new(Slab::new()),
            observer: RefCell::new(None),
            ending: Cell::new(false),
            endless: Cell::new(false),
            graves: RefCell::default(),
            bereaved: RefCell::default(),
            ids: Ids::new(),
            arena: Arena::new(),
            marks: Marks::default(),
            hub: Cell::new(ptr::null()),
            hub_part: OnceCell::new(),
            question: Cell::new(None),
            measuring: RefCell::new(None),
            #[cfg(feature = "tracing")]
            tells: Cell::new(false),
            #[cfg(feature = "tracing")]
            left_open: Spans::default(),
        })
    }

    /// The running greenlet (B3).
    #[inline]
    pub(crate) fn current(&self) -> AnyGreenlet {
        // SAFETY: the registry keeps the running greenlet, also while it dies (B2, B3).
        unsafe { AnyGreenlet::from_raw(self.current.get()) }
    }

    /// Its block; not to be kept after another one has run.
    #[inline]
    pub(crate) fn running(&self) -> &Block {
        // SAFETY: as above.
        unsafe { self.current.get().as_ref() }
    }

    pub(crate) fn main(&self) -> AnyGreenlet {
        self.main.borrow().clone().expect("set when the thread is")
    }
}

impl ParentLink {
    /// Makes the link a mere name; the parent it owned, if it did.
    pub(crate) fn disown(&mut self) -> Option<AnyGreenlet> {
        if !mem::take(&mut self.owns) {
            return None;
        }
        self.to.clone()
    }
}
