//! What a parked greenlet waits for, as reports tell it.

use std::fmt;

use crate::util::id::GreenletId;

/// Who holds what is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Nobody does, or nobody knows.
    Nobody,
    /// This greenlet, and only it can give it up: a cycle of these is a deadlock.
    Owner(GreenletId),
    /// It is the end of this greenlet.
    Itself(GreenletId),
    /// This greenlet took it last, but anybody may give it up.
    LastTaker(GreenletId),
}

impl Holder {
    /// Who it is, as far as that is known.
    pub(crate) fn id(self) -> Option<GreenletId> {
        match self {
            Holder::Nobody => None,
            Holder::Owner(id) | Holder::Itself(id) | Holder::LastTaker(id) => Some(id),
        }
    }
}

/// Something that greenlets wait for.
pub(crate) trait Awaited {
    /// What it is: ``a `Mutex` ``.
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    fn holder(&self) -> Holder {
        Holder::Nobody
    }
}

/// What can be said in advance, and is held by nobody.
pub(crate) struct Plain(pub(crate) &'static str);

impl Awaited for Plain {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
