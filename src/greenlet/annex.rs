//! Something of one's own beside a greenlet's control block, in the same allocation.
//!
//! * **N1** The block that an [`Annexed<X>`] names is the first field of a [`Lead<X>`]. Its annex is written before there is a name,
//!   is only ever shared, and is dropped when the block is freed; so nothing of a user's may be left in it then (B8).
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::Deref;
use std::rc::Rc;

use crate::greenlet::block::{AnyGreenlet, Block};

/// A block, and its annex: what the allocation of a greenlet begins with.
#[repr(C)]
pub(crate) struct Lead<X> {
    pub(crate) block: Block,
    pub(crate) annex: X,
}

/// Names a greenlet with an annex, and keeps both as an [`AnyGreenlet`] does. It is as a counted reference to the annex.
pub(crate) struct Annexed<X>(AnyGreenlet, PhantomData<Rc<X>>);

impl<X> Annexed<X> {
    /// # Safety
    ///
    /// The greenlet was allocated as a `Lead<X>`, of which both fields are written (N1).
    #[inline]
    pub(crate) unsafe fn new(greenlet: AnyGreenlet) -> Self {
        Annexed(greenlet, PhantomData)
    }

    #[inline]
    pub(crate) fn greenlet(&self) -> &AnyGreenlet {
        &self.0
    }
}

impl<X> Deref for Annexed<X> {
    type Target = X;

    #[inline]
    fn deref(&self) -> &X {
        let lead = self.0.as_ptr().cast::<Lead<X>>();
        // SAFETY: a name's pointer is that of the whole allocation, which begins with such a lead (N1) and lives as long as this
        // name does (B1). Only the annex is referred to.
        unsafe { &(*lead.as_ptr()).annex }
    }
}

impl<X> Clone for Annexed<X> {
    #[inline]
    fn clone(&self) -> Self {
        Annexed(self.0.clone(), PhantomData)
    }
}
