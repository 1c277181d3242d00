//! What a program of streams consists of.

use std::fmt;
use std::net::Shutdown;

use crate::bytes::{Bytes, scripts};

/// Units of time; see `world::UNIT`.
pub type Units = u64;

/// One of the two sides; data of line 0 goes from side 0 to side 1.
pub type Side = usize;

const SCRIPTS: usize = 6;

#[derive(Clone, Copy, Debug)]
pub enum Act {
    Spawn(usize),
    Sleep(Units),
    Yield,
    Kill(usize),
    Join(usize, Option<Units>),
    /// Limits so many of the operations that follow.
    Timeout(Units, usize),
    /// Swallows what unwinds so many of the operations that follow.
    Catch(usize),
    Write(Side, usize),
    WriteVectored(Side, usize, usize),
    WriteAll(Side, usize),
    CopyTo(Side, usize),
    Read(Side, usize),
    ReadVectored(Side, usize, usize),
    ReadExact(Side, usize),
    /// Through a buffer of the first size, so many bytes or to the first of a kind.
    Buffered(Side, usize, usize),
    CopyFrom(Side, usize),
    ReadToEnd(Side),
    Clone(Side),
    /// Drops one of the owners of a side.
    Drop(Side),
    /// Closes one while others may use it.
    Close(Side),
    ShutDown(Side, Shutdown),
    SetReadLimit(Side, Option<Units>),
    SetWriteLimit(Side, Option<Units>),
    SetNonblocking(Side, bool),
}

pub struct Program {
    pub is_pipe: bool,
    /// Whether the kernel keeps as little as it can.
    pub is_narrow: bool,
    pub scripts: Vec<Vec<Act>>,
}

impl Program {
    pub fn read(bytes: &[u8]) -> Program {
        let bytes = &mut Bytes::new(bytes);
        let settings = bytes.next();
        Program {
            is_pipe: settings & 3 == 0,
            is_narrow: settings & 4 != 0,
            scripts: scripts(bytes, SCRIPTS, act),
        }
    }

    /// Which script a number means.
    pub fn script(&self, number: usize) -> &[Act] {
        &self.scripts[number % self.scripts.len()]
    }
}

impl fmt::Display for Program {
    /// A script a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a pipe: {}, narrow: {}", self.is_pipe, self.is_narrow)?;
        for (number, script) in self.scripts.iter().enumerate() {
            write!(f, "\n{number}: {script:?}")?;
        }
        Ok(())
    }
}

/// Small ones, and some that fill whatever they go to.
fn size(byte: u8) -> usize {
    usize::from(byte & 63) << (4 * (byte >> 6).min(2) + 2 * (byte >> 6 & byte >> 7))
}

fn limit(byte: u8) -> Option<Units> {
    (byte & 0x80 != 0).then_some(Units::from(byte & 0xf))
}

fn act(kind: u8, first: u8, second: u8) -> Act {
    let side = usize::from(first & 1);
    let number = usize::from(first >> 1);
    let (size, count) = (size(second), 1 + usize::from(second % 8));
    match kind % 31 {
        0 | 1 => Act::Spawn(number),
        2 | 3 => Act::Sleep(Units::from(second & 0xf)),
        4 => Act::Yield,
        5 => Act::Kill(number),
        6 => Act::Join(number, limit(second)),
        7 => Act::Timeout(Units::from(first & 0xf), count),
        8 => Act::Catch(count),
        9 | 10 => Act::Write(side, size),
        11 => Act::WriteVectored(side, number, size),
        12 | 13 => Act::WriteAll(side, size),
        14 => Act::CopyTo(side, size),
        15 | 16 => Act::Read(side, size),
        17 => Act::ReadVectored(side, number, size),
        18 => Act::ReadExact(side, size),
        19 | 20 => Act::Buffered(side, number, size),
        21 => Act::CopyFrom(side, size),
        22 => Act::ReadToEnd(side),
        23 => Act::Clone(side),
        24 | 25 => Act::Drop(side),
        26 if second < 0x40 => Act::Close(side),
        26 => Act::ShutDown(side, Shutdown::Write),
        27 => Act::ShutDown(
            side,
            if second < 0x80 {
                Shutdown::Read
            } else {
                Shutdown::Both
            },
        ),
        28 => Act::SetReadLimit(side, limit(second)),
        29 => Act::SetWriteLimit(side, limit(second)),
        _ => Act::SetNonblocking(side, second & 1 != 0),
    }
}
