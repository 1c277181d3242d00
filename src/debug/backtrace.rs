//! The frames of a stack, which are given names when they are asked for.

use std::fmt;

#[cfg(feature = "serde")]
use serde::ser::SerializeStruct;

#[cfg(feature = "serde")]
use crate::debug::serialize;
use crate::greenlet::switch::beginnings;
use crate::sys::context::OWN_FRAMES;
use crate::sys::frames::{Frame as RawFrame, name};

/// The calls that a greenlet is in, the innermost first.
///
/// Capturing one takes microseconds; its [`frames`](Self::frames) are looked up in the program's debug information when they are asked for, which
/// takes milliseconds the first time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backtrace {
    pub(crate) addresses: Vec<usize>,
    /// Why there are none, or not all.
    pub(crate) remark: Option<&'static str>,
}

/// One call of a [`Backtrace`].
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// What is called; unknown if the program has no symbols.
    pub function: Option<String>,
    /// The source file and the line in it; unknown if the program has no debug information.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize::file_and_line"))]
    pub at: Option<(String, u32)>,
}

impl Backtrace {
    /// Those of the frames that are on a greenlet's own stack. There may be more, if there are as many as `most`.
    pub(crate) fn of_greenlet(frames: &[RawFrame], most: usize) -> Self {
        let [enter, _] = beginnings();
        let own = frames.iter().take_while(|frame| frame.function != enter);
        let mut backtrace = Backtrace::of(own);
        backtrace.remark = (backtrace.addresses.len() == most).then_some("and more");
        backtrace
    }

    /// All of the frames.
    pub(crate) fn of<'a>(frames: impl Iterator<Item = &'a RawFrame>) -> Self {
        Backtrace {
            addresses: frames.map(|frame| frame.address).collect(),
            remark: None,
        }
    }

    /// The calls by name, without the library's own around and below them.
    pub fn frames(&self) -> Vec<Frame> {
        let all = self.addresses.iter().flat_map(|address| name(*address));
        let all = all.map(|called| Frame {
            function: called.function,
            at: called.at,
        });
        of_the_program(all.collect())
    }

    /// Why there are no frames, or not all of them.
    pub fn remark(&self) -> Option<&'static str> {
        self.remark
    }
}

/// Its frames and the remark, as the methods tell them.
#[cfg(feature = "serde")]
impl serde::Serialize for Backtrace {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Backtrace", 2)?;
        fields.serialize_field("frames", &self.frames())?;
        fields.serialize_field("remark", &self.remark)?;
        fields.end()
    }
}

/// As std's, a line or two a frame, without numbers.
impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for frame in self.frames() {
            writeln!(f, "{frame}")?;
        }
        match self.remark {
            None => Ok(()),
            Some(remark) => writeln!(f, "({remark})"),
        }
    }
}

/// As `program::function at src/main.rs:12`.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.as_deref().unwrap_or("<unknown>"))?;
        match &self.at {
            None => Ok(()),
            Some((file, line)) => write!(f, " at {file}:{line}"),
        }
    }
}

/// Without what is at either end of every stack: the way to the hub, and how a greenlet's body is called.
fn of_the_program(frames: Vec<Frame>) -> Vec<Frame> {
    let first = frames.iter().position(|frame| !is_ours(frame));
    let Some(first) = first else {
        return frames;
    };
    let last = frames
        .iter()
        .rposition(|frame| !is_ours(frame) && !is_around_bodies(frame));
    let last = last.map_or(frames.len(), |last| last + 1).max(first + 1);
    frames[first..last].to_vec()
}

/// As in `<&dyn core::ops::Fn>::call`: what it is about.
fn path_of(frame: &Frame) -> &str {
    let function = frame.function.as_deref().unwrap_or_default();
    let path = function.trim_start_matches(['<', '&']);
    path.strip_prefix("dyn ").unwrap_or(path)
}

fn is_ours(frame: &Frame) -> bool {
    let path = path_of(frame);
    let ours = ["greenlet::", "backtrace::"].iter().chain(&OWN_FRAMES);
    ours.into_iter().any(|ours| path.starts_with(ours))
}

/// What std has between a body and its caller, and below `main`.
fn is_around_bodies(frame: &Frame) -> bool {
    let path = path_of(frame);
    let std = [
        "std::",
        "core::",
        "alloc::",
        "__rust",
        "___rust",
        "_start",
        "__libc_start",
        "clone",
        "start_thread",
        "__GI_",
    ];
    std.iter().any(|std| path.starts_with(std)) || path == "main"
}
