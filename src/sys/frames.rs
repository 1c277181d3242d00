//! The frames of the running stack, and what they are called.
#![allow(unsafe_code)]

use std::env;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use std::ffi::CStr;
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
/// unwinder's functions. Its state has a place for each register that there may be, of which other machines have far more than x86-64: about 5 KiB on aarch64, by
/// the sizes of libgcc's types.
pub(crate) const ROOM: usize = if cfg!(target_arch = "x86_64") {
    3 << 10
} else {
    8 << 10
};

/// Appends the frames of the running stack, the innermost first, as long as there is room. It neither allocates nor unwinds; nor does it lock, where it
/// [may be called in a signal handler](is_signal_safe).
#[inline(never)]
pub(crate) fn walk(frames: &mut Vec<Frame>) {
    if frames.len() == frames.capacity() {
        return;
    }
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

/// Whether [`walk`] may be called in a signal handler, but for the first time. The unwinder has to find out in which library an address is. That of gcc 12 and
/// later asks `_dl_find_object`, which takes no lock, if glibc has it; it came there in the same year. Others ask `dl_iterate_phdr`, which takes one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn is_signal_safe() -> bool {
    // SAFETY: gives a string that is never freed.
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
    version.to_str().is_ok_and(has_find_object)
}

/// Whether [`walk`] may be called in a signal handler: not with an unwinder that locks.
#[cfg(all(target_os = "linux", not(target_env = "gnu")))]
pub(crate) fn is_signal_safe() -> bool {
    false
}

/// Whether the glibc of that version has `_dl_find_object`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn has_find_object(version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|it| it.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(2), Some(35))
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

#[cfg(test)]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn a_walk_ends_when_there_is_no_room() {
        let mut frames = Vec::new();
        walk(&mut frames);
        assert_eq!(frames.capacity(), 0);
        frames.reserve_exact(2);
        walk(&mut frames);
        assert_eq!((frames.len(), frames.capacity()), (2, 2));
    }

    #[test]
    fn glibc_finds_objects_without_a_lock_since_2_35() {
        let [have, lack] = [
            ["2.35", "2.41", "2.36.9000", "3.0", "3"],
            ["2.34", "2.4", "2", "1.99", "x"],
        ];
        assert_eq!(have.map(has_find_object), [true; 5]);
        assert_eq!(lack.map(has_find_object), [false; 5]);
    }
}
