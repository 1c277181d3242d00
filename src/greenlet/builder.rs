//! Greenlets with a name, a stack size, another parent, inherited locals.

use std::panic::Location;
use std::rc::Rc;

use crate::greenlet::block::{AnyGreenlet, Block};
use crate::greenlet::blueprint::Blueprint;
use crate::greenlet::body::create;
use crate::greenlet::handle::{Greenlet, assert_can_return};
use crate::greenlet::local_map::LocalMap;
use crate::greenlet::thread::{DEFAULT_STACK_SIZE, here};

/// Settings for a greenlet, made by [`Greenlet::builder`].
///
/// ```
/// use greenlet::Greenlet;
///
/// let g = Greenlet::builder()
///     .name("parser")
///     .stack_size(1 << 20)
///     .build(|text: &'static str| text.len());
/// assert_eq!(g.name().as_deref(), Some("parser"));
/// assert_eq!(g.switch("12345"), 5);
/// ```
#[derive(Debug, Default)]
#[must_use = "settings do nothing until `build`"]
pub struct GreenletBuilder {
    name: Option<Box<str>>,
    stack_size: Option<usize>,
    parent: Option<AnyGreenlet>,
    locals: Locals,
    created_at: Option<&'static Location<'static>>,
}

#[derive(Debug, Default)]
enum Locals {
    #[default]
    Fresh,
    Copied,
    Shared,
}

impl GreenletBuilder {
    pub(crate) fn new() -> Self {
        GreenletBuilder::default()
    }

    /// A name for messages and reports. Need not be unique.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into().into_boxed_str());
        self
    }

    /// At least how many bytes of stack, below which lies a guard. Rounded up to a power of two.
    ///
    /// A stack is address space, of which the system backs with memory only what was touched. The default is enough for
    /// formatting, printing and a panic with a full backtrace in a debug build.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// The greenlet to which its end goes, instead of the one that calls `build`. It is kept alive, unless it is that one.
    pub fn parent(mut self, parent: &AnyGreenlet) -> Self {
        self.parent = Some(parent.clone());
        self
    }

    /// It starts with a copy of each [local](crate::greenlet_local) that the greenlet calling `build` has at that moment and whose
    /// type is `Clone`; the others start fresh.
    pub fn inherit_locals(mut self) -> Self {
        self.locals = Locals::Copied;
        self
    }

    /// It has the same [locals](crate::greenlet_local) as the greenlet calling `build`: each sees what the other sets. They are
    /// dropped with the last greenlet that has them.
    pub fn share_locals(mut self) -> Self {
        self.locals = Locals::Shared;
        self
    }

    /// The greenlet, as by [`Greenlet::new`].
    #[track_caller]
    pub fn build<A: 'static, B: 'static>(
        self,
        run: impl FnOnce(A) -> B + 'static,
    ) -> Greenlet<A, B> {
        const { assert_can_return::<B>() };
        let thread = here();
        let me = thread.current();
        let (plan, parent) = self.plan(&me);
        let any = create(thread, plan, run);
        any.link_to(parent.as_ref().unwrap_or(&me));
        Greenlet::own(any)
    }

    /// Who is to be named in messages as the one who creates it, if it is not the caller of `build` or `spawn`.
    pub(crate) fn created_at(mut self, at: &'static Location<'static>) -> Self {
        self.created_at = Some(at);
        self
    }

    /// Who creates it, for messages.
    #[track_caller]
    pub(crate) fn site(&self) -> &'static Location<'static> {
        match self.created_at {
            Some(at) => at,
            None => Location::caller(),
        }
    }

    /// The stack that was asked for.
    #[inline]
    pub(crate) fn asked_stack(&self) -> Option<usize> {
        self.stack_size
    }

    /// What the greenlet is made of that `me` creates, and its parent if one was asked for.
    #[inline]
    #[track_caller]
    pub(crate) fn plan(self, me: &AnyGreenlet) -> (Blueprint, Option<AnyGreenlet>) {
        let created_at = self.site();
        let locals = match self.locals {
            Locals::Fresh => None,
            Locals::Copied => me.block().own_locals().map(|map| Rc::new(map.copy())),
            Locals::Shared => Some(me.block().locals_or_new()),
        };
        let plan = Blueprint {
            name: self.name,
            stack_size: self.stack_size.unwrap_or(DEFAULT_STACK_SIZE),
            locals,
            created_at,
            created_by: Some(me.block().id),
        };
        (plan, self.parent)
    }
}

impl Greenlet {
    /// Settings for a greenlet: name, stack size, parent, locals.
    pub fn builder() -> GreenletBuilder {
        GreenletBuilder::new()
    }
}

impl<A: 'static, B: 'static> Greenlet<A, B> {
    /// Like [`new`](Self::new), with another parent, which is kept alive unless it is the greenlet that runs now.
    ///
    /// ```
    /// use greenlet::Greenlet;
    ///
    /// let parent = Greenlet::new(|n: i32| n * 10);
    /// let child = Greenlet::with_parent(|n: i32| n + 1, &parent);
    /// // The child's result starts its parent, whose result comes here.
    /// assert_eq!(child.switch(1), 20);
    /// ```
    #[track_caller]
    pub fn with_parent(run: impl FnOnce(A) -> B + 'static, parent: &AnyGreenlet) -> Self {
        Greenlet::builder().parent(parent).build(run)
    }
}

impl Block {
    /// The locals, if any was used.
    fn own_locals(&self) -> Option<Rc<LocalMap>> {
        self.locals.borrow().clone()
    }

    fn locals_or_new(&self) -> Rc<LocalMap> {
        if self.locals_gone.get() {
            // It is dying, and nobody would empty them.
            return Rc::default();
        }
        self.locals.borrow_mut().get_or_insert_default().clone()
    }
}
