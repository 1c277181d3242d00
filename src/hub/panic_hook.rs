//! What is added to the panic hook: a line that names the greenlet, and a note of who panics.
//!
//! The hook that is there when the first hub of the process begins is kept, and called first. One that is set later takes the place of both,
//! unless it calls the one before it as well; then there is no line, and no note.

use std::io::{self, Write};
use std::panic;
use std::sync::Once;
use std::thread::panicking;

use crate::greenlet::state::Role;
use crate::greenlet::thread::if_here;
use crate::greenlet::unwind::Known;

static INSTALLED: Once = Once::new();

/// Installs it, unless it is there.
pub(crate) fn install() {
    // A thread that panics cannot change the hook; the next hub does.
    if panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note();
            before(info);
            name();
        }));
    });
}

/// The running greenlet is about to unwind, or to abort the process.
fn note() {
    if let Some(thread) = if_here() {
        thread.running().known.set(Known::Panics);
    }
}

fn name() {
    let Some(thread) = if_here() else {
        return;
    };
    let block = thread.running();
    if block.role.get() == Role::Spawned {
        // Not `eprintln`, which panics if standard error is gone.
        let _ = writeln!(
            io::stderr(),
            "greenlet {} panicked; it was spawned at {}",
            block.label(),
            block.created_at
        );
    }
}
