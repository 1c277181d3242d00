//! Who unwinds.
//!
//! std counts panics per thread. A greenlet notes, whenever it gets control without unwinding itself, whether its thread panics already: then it
//! is others who unwind, until the thread no longer panics. Whatever this library raises in a greenlet it notes as well, and the panic hook
//! notes who panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::panicking;

use crate::greenlet::block::Block;
use crate::greenlet::unwind::{self, GreenletExit, Known, Payload, Unwound};

/// Whether a greenlet unwinds, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwinding {
    No,
    /// By a panic.
    Panic,
    /// By a kill, an elapsed limit, or what was thrown at it: it is no failure of its own.
    Raised,
}

impl Block {
    /// Whether this greenlet, the running one, unwinds.
    #[inline]
    pub(crate) fn unwinding(&self) -> Unwinding {
        if !panicking() {
            self.known.set(Known::Nothing);
            return Unwinding::No;
        }
        match self.known.get() {
            Known::Nothing | Known::Panics => Unwinding::Panic,
            Known::Others => Unwinding::No,
            Known::Raised => Unwinding::Raised,
        }
    }

    /// This greenlet, the running one, does not unwind: it has got control, or what unwound it was caught.
    #[inline]
    pub(crate) fn note_calm(&self) {
        self.known.set(match panicking() {
            true => Known::Others,
            false => Known::Nothing,
        });
    }

    /// How this greenlet was unwound, which was just caught: by what was raised in it, or by a panic.
    pub(crate) fn was_raised(&self) -> bool {
        let raised = self.known.get() == Known::Raised;
        self.note_calm();
        raised
    }
}

/// Unwinds `me`, the running greenlet, by a panic that another could not be told of; the panic hook has run.
#[cold]
pub(crate) fn panic_in(me: &Block, payload: Payload) -> ! {
    me.known.set(Known::Panics);
    unwind::raise(payload)
}

/// Unwinds `me`, the running greenlet, for what came from outside; the panic hook does not run.
#[cold]
pub(crate) fn raise_in(me: &Block, payload: Payload) -> ! {
    me.known.set(Known::Raised);
    unwind::raise(payload)
}

/// Unwinds `me`, the running greenlet, by what a call has ended with that somebody else made for it: the panic hook has seen it there.
#[cold]
pub(crate) fn unwind_in(me: &Block, payload: Payload) -> ! {
    match payload.is::<GreenletExit>() {
        true => raise_in(me, payload),
        false => panic_in(me, payload),
    }
}

impl Unwound {
    /// Unwinds `me`, the running greenlet, as it was unwound before.
    #[cold]
    pub(crate) fn go_on(self, me: &Block) -> ! {
        match self.raised {
            true => raise_in(me, self.payload),
            false => panic_in(me, self.payload),
        }
    }
}

/// Calls `f`, and catches what unwinds it. `me`, the running greenlet, is then known to unwind or not as it did before.
pub(crate) fn catch_in<T>(me: &Block, f: impl FnOnce() -> T) -> Result<T, Unwound> {
    let before = (me.unwinding() != Unwinding::No).then(|| me.known.get());
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let raised = me.was_raised();
        if let Some(known) = before {
            me.known.set(known);
        }
        Unwound { payload, raised }
    })
}
