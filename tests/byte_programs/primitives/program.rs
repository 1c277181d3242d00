//! What a program of primitives consists of.

use std::fmt;

use crate::bytes::{Bytes, scripts};

/// Units of time; see `world::UNIT`.
pub type Units = u64;

/// A greenlet, modulo how many there are.
pub type Who = usize;

pub const MUTEXES: usize = 2;
pub const SEMAPHORES: usize = 2;
pub const EVENTS: usize = 2;
/// Channels, then queues.
pub const PIPES: usize = 7;
pub const CHANNELS: usize = 3;
/// How many have to come to the barrier.
pub const MEETING: usize = 3;
pub const POOL: usize = 2;

const SCRIPTS: usize = 6;

/// For how long one waits.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    None,
    Limit(Units),
    Forever,
}

#[derive(Clone, Copy, Debug)]
pub enum Act {
    Spawn(usize, Option<Units>),
    SpawnInPool(usize),
    /// Spawns a script that borrows, and goes on with so many operations meanwhile.
    Scope(usize, usize),
    /// Runs the next operations on a greenlet that is switched to by hand.
    ByHand(usize),
    Sleep(Units),
    Yield,
    Kill(Who),
    Throw(Who),
    Join(Who, Patience),
    WaitAny(Who, Who, Patience),
    /// Limits so many of the operations that follow.
    Timeout(Units, usize),
    /// Swallows what unwinds so many of the operations that follow.
    Catch(usize),
    /// Does something when it is let go.
    Defer(u8, Units),
    /// Lets go one of the things that are held.
    LetGo(usize),
    Panic,
    Lock(usize, Patience),
    Read(Patience),
    Write(Patience),
    Downgrade,
    Hold(usize),
    Acquire(usize, Patience),
    Release(usize),
    /// Waits at the condition variable with the mutex that is held.
    WaitForChange(Patience),
    Notify(bool),
    Meet,
    Set(usize),
    Clear(usize),
    WaitForEvent(usize, Patience),
    SetResult,
    GetResult(Patience),
    Put(usize, Patience),
    Get(usize, Patience),
    /// Receives from one channel, or sends to the other.
    Select(usize, usize, Patience),
    CloseSender(usize),
    CloseReceiver(usize),
    ShutDown(usize, bool),
    TaskDone,
    JoinQueue(Patience),
    /// Does so many operations once.
    Once(usize),
    HoldLock(bool),
    WaitForCondition(Patience),
    NotifyCondition(u8),
}

pub struct Program {
    /// Whether the main greenlet runs the first script itself.
    pub main_takes_part: bool,
    pub units: [usize; SEMAPHORES],
    /// Of the second channel, and of the queues that are bounded.
    pub capacity: usize,
    pub scripts: Vec<Vec<Act>>,
}

impl Program {
    pub fn read(bytes: &[u8]) -> Program {
        let bytes = &mut Bytes::new(bytes);
        let settings = usize::from(bytes.next());
        Program {
            main_takes_part: settings & 1 != 0,
            units: [settings >> 1 & 3, settings >> 3 & 1],
            capacity: 1 + (settings >> 4 & 3),
            scripts: scripts(bytes, SCRIPTS, act),
        }
    }

    pub fn has_select(&self) -> bool {
        let is_select = |act: &Act| matches!(act, Act::Select(..));
        self.scripts.iter().flatten().any(is_select)
    }

    /// Which script a byte means.
    pub fn script(&self, number: usize) -> &[Act] {
        &self.scripts[number % self.scripts.len()]
    }
}

impl fmt::Display for Program {
    /// A script a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Program {
            main_takes_part,
            units,
            capacity,
            ..
        } = self;
        write!(
            f,
            "main takes part: {main_takes_part}, {units:?} units, room for {capacity}"
        )?;
        for (number, script) in self.scripts.iter().enumerate() {
            write!(f, "\n{number}: {script:?}")?;
        }
        Ok(())
    }
}

fn patience(byte: u8) -> Patience {
    match byte {
        0..0x80 => Patience::Forever,
        0x80..0xf0 => Patience::Limit(Units::from(byte & 0xf)),
        0xf0.. => Patience::None,
    }
}

fn act(kind: u8, first: u8, second: u8) -> Act {
    let number = usize::from(first);
    let other = usize::from(second);
    let time = Units::from(first & 0xf);
    let patience = patience(second);
    let count = 1 + other % 8;
    match kind % 42 {
        0 => Act::Spawn(number, None),
        1 => Act::Spawn(number, Some(Units::from(second & 0xf))),
        2 => Act::SpawnInPool(number),
        3 => Act::Scope(number, count),
        4 => Act::ByHand(count),
        5 => Act::Sleep(time),
        6 => Act::Yield,
        7 => Act::Kill(number),
        8 => Act::Throw(number),
        9 => Act::Join(number, patience),
        10 => Act::WaitAny(number >> 4, number & 0xf, patience),
        11 => Act::Timeout(time, count),
        12 => Act::Catch(count),
        13 => Act::Defer(first, Units::from(second & 3)),
        14 => Act::LetGo(number),
        15 if first > 0xc0 => Act::Panic,
        15 => Act::LetGo(0),
        16 | 17 => Act::Lock(number % MUTEXES, patience),
        18 => Act::Read(patience),
        19 => Act::Write(patience),
        20 => Act::Downgrade,
        21 => Act::Hold(number % SEMAPHORES),
        22 => Act::Acquire(number % SEMAPHORES, patience),
        23 => Act::Release(number % SEMAPHORES),
        24 => Act::WaitForChange(patience),
        25 => Act::Notify(first & 1 != 0),
        26 => Act::Meet,
        27 => Act::Set(number % EVENTS),
        28 => Act::Clear(number % EVENTS),
        29 => Act::WaitForEvent(number % EVENTS, patience),
        30 if first < 0x80 => Act::GetResult(patience),
        30 => Act::SetResult,
        31 | 32 => Act::Put(number % PIPES, patience),
        33 | 34 => Act::Get(number % PIPES, patience),
        35 => Act::Select(number % CHANNELS, (number >> 4) % CHANNELS, patience),
        36 if first < 0x80 => Act::CloseSender(number % CHANNELS),
        36 => Act::CloseReceiver(number % CHANNELS),
        37 if first < 0x40 => Act::ShutDown(CHANNELS + other % 4, first & 1 != 0),
        37 if first < 0xa0 => Act::TaskDone,
        37 => Act::JoinQueue(patience),
        38 => Act::Once(count),
        39 => Act::HoldLock(first & 1 != 0),
        40 => Act::WaitForCondition(patience),
        _ => Act::NotifyCondition(first % 3),
    }
}
