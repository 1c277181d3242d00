//! What memcheck is told of stacks, or it takes a switch for a frame that grows over all that lies between.

use std::ptr::NonNull;

use corosensei::stack::valgrind::ValgrindStackRegistration;

/// A stack that is known as such. Costs a few instructions, which do nothing where no valgrind looks on.
pub(crate) struct Registration {
    _id: ValgrindStackRegistration,
}

impl Registration {
    pub(crate) fn new(start: NonNull<u8>, len: usize) -> Self {
        Registration {
            _id: ValgrindStackRegistration::new(start.as_ptr(), len),
        }
    }
}
