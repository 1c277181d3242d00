//! What a pending call expects to receive.
//!
//! A suspended greenlet waits in a call that returns some `B`. Its control block points to the
//! [`Kind`] of `B`; a sender compares before control leaves it.
#![allow(unsafe_code)]

use std::any::{TypeId, type_name};

/// A type, as the switch sees it.
pub(crate) struct Kind {
    pub(crate) id: TypeId,
    pub(crate) name: fn() -> &'static str,
    pub(crate) size: usize,
    /// Drops a value in place.
    pub(crate) drop: unsafe fn(*mut u8),
}

/// # Safety
///
/// `value` points to a valid `T` that nobody uses afterwards.
unsafe fn drop_value<T>(value: *mut u8) {
    // SAFETY: as promised by the caller.
    unsafe { value.cast::<T>().drop_in_place() }
}

/// The kind of a greenlet that waits for nothing: new, running or dead. No sender has such a value.
struct Nothing;

/// The kind of a greenlet that waits for a death, and discards whatever comes instead.
struct Anything;

/// The kind of a greenlet that is parked in the hub, whose wake-ups carry nothing.
struct Parked;

impl Kind {
    pub(crate) const PARKED: &'static Kind = Kind::of::<Parked>();
    pub(crate) const NOTHING: &'static Kind = Kind::of::<Nothing>();
    pub(crate) const ANYTHING: &'static Kind = Kind::of::<Anything>();

    pub(crate) const fn of<T: 'static>() -> &'static Kind {
        const {
            &Kind {
                id: TypeId::of::<T>(),
                name: type_name::<T>,
                size: size_of::<T>(),
                drop: drop_value::<T>,
            }
        }
    }

    #[inline]
    pub(crate) fn is<T: 'static>(&self) -> bool {
        self.id == TypeId::of::<T>()
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.is::<Nothing>()
    }

    pub(crate) fn is_parked(&self) -> bool {
        self.is::<Parked>()
    }

    pub(crate) fn is_anything(&self) -> bool {
        self.is::<Anything>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_tell_types_apart() {
        assert!(Kind::of::<i32>().is::<i32>());
        assert!(!Kind::of::<i32>().is::<u32>());
        assert!(Kind::ANYTHING.is_anything());
        assert!(!Kind::NOTHING.is_anything());
        assert_eq!((Kind::of::<u16>().name)(), "u16");
        assert_eq!(Kind::of::<[u16; 3]>().size, 6);
    }
}
