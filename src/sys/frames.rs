//! The frames of the running stack, and what they are called.
#![allow(unsafe_code)]

use std::env;
use std::ffi::c_void;

/// One frame of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Where it goes on.
    pub(crate) address: usize,
    /// Where its function begins.
    pub(crate) function: usize,
}

/// How much of a stack [`walk`] needs, with something to spare. The first time it is called it needs more, for then the dynamic linker looks for the
/// unwinder's functions.
pub(crate) const ROOM: usize = 3 << 10;

/// Appends the frames of the running stack, the innermost first, as long as there is room: it neither allocates nor locks nor unwinds, so it may be
/// called in a signal handler.
#[inline(never)]
pub(crate) fn walk(frames: &mut Vec<Frame>) {
    let mut note = |frame: &backtrace::Frame| {
        frames.push(Frame {
            address: frame.ip() as usize,
            function: frame.symbol_address() as usize,
        });
        frames.len() < frames.capacity()
    };
    // SAFETY: what has to be synchronized is a library of Windows, and naming, which is not done here: each thread looks at its own stack.
    unsafe { backtrace::trace_unsynchronized(&mut note) };
}

/// What a frame is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) function: Option<String>,
    /// File, as seen from the working directory, and line, if the program has them.
    pub(crate) at: Option<(String, u32)>,
}

/// What a frame is called, as far as the program knows; several names if calls were inlined there, the innermost first. Slow: the first time it reads
/// the program's debug information.
pub(crate) fn name(address: usize) -> Vec<Called> {
    let mut names = Vec::new();
    let here = env::current_dir().unwrap_or_default();
    backtrace::resolve(address as *mut c_void, |symbol| {
        let file = symbol.filename().map(|file| {
            let file = file.strip_prefix(&here).unwrap_or(file);
            file.display().to_string()
        });
        names.push(Called {
            function: symbol.name().map(|name| format!("{name:#}")),
            at: file.zip(symbol.lineno()),
        });
    });
    names
}
