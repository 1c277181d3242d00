//! Where a greenlet is in its life, and who sees to it.

/// Where a greenlet is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Not started: no stack yet.
    New,
    /// Started, and waiting in a call to `switch`, `throw` or `kill`.
    Suspended,
    /// The one greenlet of its thread that runs now.
    Running,
    /// Ended, or killed before it started.
    Dead,
}

/// The part of [`State`] that a switch does not change: who runs is known by `Thread::current` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    New,
    Started,
    Dead,
}

/// Who sees to a greenlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Whoever switches to it.
    Plain,
    /// The hub, from its first turn to its end.
    Spawned,
    /// It is the hub: no stack of its own, its code is the trampoline's.
    Hub,
}
