//! Both sides as what they stand for.

use loom::sync::atomic::{Ordering, fence};

pub(crate) fn light() {
    fence(Ordering::SeqCst);
}

pub(crate) fn heavy() {
    fence(Ordering::SeqCst);
}

pub(crate) fn is_supported() -> bool {
    true
}
