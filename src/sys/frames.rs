//! The frames of the running stack, and what they are called.

use std::ffi::c_void;

/// One frame of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Where it goes on.
    pub(crate) address: usize,
    /// Where its function begins.
    pub(crate) function: usize,
}

/// Appends the frames of the running stack, the innermost first, as long as there is room: it allocates nothing. Neither does it unwind.
#[inline(never)]
pub(crate) fn walk(frames: &mut Vec<Frame>) {
    backtrace::trace(|frame| {
        frames.push(Frame {
            address: frame.ip() as usize,
            function: frame.symbol_address() as usize,
        });
        frames.len() < frames.capacity()
    });
}

/// What a frame is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) function: Option<String>,
    /// File and line, if the program has them.
    pub(crate) at: Option<(String, u32)>,
}

/// What a frame is called, as far as the program knows; several names if calls were inlined there, the innermost first. Slow: the first time it reads
/// the program's debug information.
pub(crate) fn name(address: usize) -> Vec<Called> {
    let mut names = Vec::new();
    backtrace::resolve(address as *mut c_void, |symbol| {
        let file = symbol.filename().map(|file| file.display().to_string());
        names.push(Called {
            function: symbol.name().map(|name| format!("{name:#}")),
            at: file.zip(symbol.lineno()),
        });
    });
    names
}
