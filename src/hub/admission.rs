//! Who may be spawned.

use crate::greenlet::block::Thread;
use crate::greenlet::state::{Role, Stage};
use crate::greenlet::thread::here;
use crate::hub::begin::hub;
use crate::hub::limits::{Limits, SpawnRefusal};

/// Sets limits for this thread, instead of those before; at first there are none. Greenlets that there are already stay, if they are too many.
///
/// Past a limit [`try_spawn`](crate::try_spawn) gives an error, and [`spawn`](crate::spawn) panics, as does what spawns by it; `thread::Builder` has an error as std's. The first switch to
/// a greenlet that was made by hand is refused with [`NoStack`](crate::SwitchError::NoStack). A server accepts, and waits for room before it spawns a handler. What ends something is spawned all
/// the same: calls [on exit](crate::JoinHandle::on_exit), the stop of a server by its handler.
///
/// Also without limits, stacks leave some memory to everything else: if less than a sixteenth is left of the machine's, or of what a control group or `ulimit` allows,
/// greenlets that are spawned wait for a stack until others have ended.
///
/// ```
/// use greenlet::hub::{self, Limits};
///
/// hub::set_limits(Limits { greenlets: Some(1), ..Limits::default() });
/// let first = greenlet::spawn(|| 1);
/// let refused = greenlet::try_spawn(|| 2).unwrap_err();
/// assert_eq!(refused.to_string(), "there are as many greenlets as `Limits::greenlets` allows: 1");
/// assert_eq!(first.join().unwrap(), 1);
/// let second = greenlet::try_spawn(refused.into_inner()).unwrap();
/// assert_eq!(second.join().unwrap(), 2);
/// ```
pub fn set_limits(limits: Limits) {
    let thread = here();
    let hub = hub(thread);
    hub.limits.set(limits);
    hub.is_limited.set(limits != Limits::default());
    let promised = unstarted(thread);
    thread.arena.limit(limits.stack_bytes, promised);
}

/// The limits of this thread.
pub fn limits() -> Limits {
    hub(here()).limits.get()
}

/// Whether this thread may have a further spawned greenlet with such a stack.
#[cold]
pub(crate) fn admit(thread: &Thread, stack_size: usize) -> Result<(), SpawnRefusal> {
    if thread.arena.check(stack_size).is_err() {
        return Err(SpawnRefusal::StackSize { bytes: stack_size });
    }
    let hub = hub(thread);
    let Limits {
        greenlets,
        stack_bytes,
    } = hub.limits.get();
    if let Some(limit) = greenlets.filter(|limit| hub.spawned.get() >= *limit) {
        return Err(SpawnRefusal::Greenlets { limit });
    }
    match stack_bytes.filter(|_| !thread.arena.has_room(stack_size)) {
        Some(limit) => Err(SpawnRefusal::StackBytes { limit }),
        None => Ok(()),
    }
}

/// The stacks of those that were spawned and have not started: their sizes.
fn unstarted(thread: &Thread) -> Vec<usize> {
    let registry = thread.registry.borrow();
    let blocks = registry.iter().map(|(_, greenlet)| greenlet.block());
    blocks
        .filter(|block| block.role.get() == Role::Spawned && block.stage.get() == Stage::New)
        .map(|block| block.stack_size)
        .collect()
}
