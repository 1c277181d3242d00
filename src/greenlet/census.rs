//! What this thread's greenlets hold at the moment.

use crate::greenlet::thread::here;

/// A count of this thread's greenlets and stacks, made by [`census`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Census {
    /// Greenlets that are not dead, new ones and main included.
    pub greenlets: usize,
    /// Stacks in use: one for every started greenlet that is not dead, but main.
    pub stacks: usize,
    /// Stacks kept for reuse.
    pub pooled_stacks: usize,
    /// Bytes of address space that stacks, used or not, take up.
    pub reserved_bytes: usize,
    /// Bytes of it that are backed by memory, as far as the system can tell.
    pub committed_bytes: usize,
}

/// Counts this thread's greenlets and stacks.
///
/// Takes time in proportion to the address space reserved: the system is asked about every page.
///
/// ```
/// use greenlet::Greenlet;
///
/// let before = greenlet::census();
/// let g = Greenlet::new(|()| greenlet::main().switch::<(), ()>(()));
/// g.switch(());
/// let during = greenlet::census();
/// assert_eq!(during.greenlets, before.greenlets + 1);
/// assert_eq!(during.stacks, before.stacks + 1);
/// drop(g);
/// assert_eq!(greenlet::census().stacks, before.stacks);
/// ```
pub fn census() -> Census {
    let thread = here();
    let counts = thread.arena.counts();
    Census {
        greenlets: thread.registry.borrow().len() - usize::from(thread.hub_part.get().is_some()),
        stacks: counts.live,
        pooled_stacks: counts.pooled,
        reserved_bytes: counts.reserved,
        committed_bytes: thread.arena.committed(),
    }
}

/// Gives the memory of this thread's pooled stacks back to the system; how many stacks that were.
///
/// They stay reserved and guarded; their next use costs page faults again.
///
/// ```
/// greenlet::Greenlet::new(|()| ()).switch(());
/// assert_eq!(greenlet::trim_stacks(), 1);
/// assert_eq!(greenlet::census().committed_bytes, 0);
/// ```
pub fn trim_stacks() -> usize {
    here().arena.trim()
}
