//! Where the caller is; the hub begins at the first question.

use std::ptr::NonNull;
use std::sync::atomic::{Ordering, compiler_fence};

use crate::greenlet::block::{Hooks, HubPart, ParentLink, Thread};
use crate::greenlet::kind::Kind;
use crate::greenlet::state::Role;
use crate::greenlet::thread::{here, without_stack};
use crate::hub::interrupt::{interrupt, leave_word, take_kill};
use crate::hub::panic_hook::install;
use crate::hub::report::waits_for;
use crate::hub::roll;
use crate::hub::run_loop::turn;
use crate::hub::shut_down::shut_down;
use crate::hub::state::{Hub, Place, free, vacate};
use crate::sys::fork;
use crate::wait::sleepers::forget_all;

/// The running greenlet, its seat, and its hub.
#[inline]
pub(crate) fn place<'a>() -> Place<'a> {
    let thread = here();
    hub(thread);
    Place::of(thread)
}

/// A thread's hub.
#[inline]
pub(crate) fn hub(thread: &Thread) -> &Hub {
    if thread.hub_part.get().is_none() {
        begin(thread);
    }
    Hub::of(thread)
}

#[cold]
fn begin(thread: &Thread) {
    const HOOKS: &Hooks = &Hooks {
        turn,
        interrupt,
        take_kill,
        raise_later: |payload| place().raise_later(payload),
        leave_word,
        vacate,
        waits_for,
        shut_down,
        free,
    };
    install();
    fork::watch(forget_all);
    let greenlet = without_stack(thread);
    let block = greenlet.block();
    block.role.set(Role::Hub);
    block.parent.replace(ParentLink {
        to: Some(thread.main()),
        owns: false,
    });
    // It takes the end of spawned ones, which give nothing (B4).
    block.expects.set(Kind::of::<()>());
    block.slot.set(NonNull::<()>::dangling().as_ptr().cast());
    let hub = Hub::new(greenlet.clone(), wake_here);
    let part = HubPart {
        hooks: HOOKS,
        greenlet: greenlet.clone(),
        data: NonNull::from(Box::leak(hub)).cast(),
    };
    assert!(thread.hub_part.set(part).is_ok(), "a hub began twice");
    // Handlers of signals ask for this one, which says that the other is whole.
    compiler_fence(Ordering::Release);
    thread.hub.set(block);
    let hub = Hub::of(thread);
    // Others are not to ask for one that nobody takes off the roll.
    if !thread.endless.get() {
        roll::enroll(hub.home, hub.beat.clone());
    }
}

/// Makes the greenlet of that key runnable, on its own thread.
fn wake_here(key: usize) {
    let thread = here();
    Hub::of(thread).make_runnable_by_key(thread, key);
}
