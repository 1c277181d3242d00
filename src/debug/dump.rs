//! What a dump tells.

use std::panic::Location;
use std::time::Duration;

use crate::debug::backtrace::Backtrace;
#[cfg(feature = "serde")]
use crate::debug::serialize;
use crate::hub::control::Stats;
use crate::util::id::GreenletId;

/// The greenlets of one thread, or of several. Written out, it is a tree: whom each one has spawned stands below it.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dump {
    /// The calling thread first.
    pub threads: Vec<ThreadDump>,
    /// Threads whose hub did not answer in time: what runs there does not wait for anything.
    pub silent: Vec<String>,
}

/// The greenlets of one thread.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ThreadDump {
    /// What the thread is called.
    pub thread: String,
    /// What its hub has to do; `None` if there is none, for nobody has waited yet.
    pub stats: Option<Stats>,
    /// All that are not dead, but the hub, in the order of their making.
    pub greenlets: Vec<GreenletDump>,
}

/// One greenlet.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GreenletDump {
    /// Its number.
    pub id: GreenletId,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Whether it is the thread's main greenlet.
    pub is_main: bool,
    /// What it does.
    pub activity: Activity,
    /// What it waits for, in words.
    pub waits_for: Option<String>,
    /// Who holds what it waits for, as far as that is known.
    pub held_by: Option<GreenletId>,
    /// For how long it has been parked, to some milliseconds: the clock is read when the hub is visited, not at every wait.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize::seconds"))]
    pub waited: Option<Duration>,
    /// How long it is going to wait at most.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize::seconds"))]
    pub time_left: Option<Duration>,
    /// The call in which it waits.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize::displayed"))]
    pub waits_at: Option<&'static Location<'static>>,
    /// Who has made it; that one may be dead. `None` for main.
    pub created_by: Option<GreenletId>,
    /// Where it was spawned or created; `None` for main.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize::displayed"))]
    pub created_at: Option<&'static Location<'static>>,
    /// Its stack; `None` for main, which runs on the thread's, and for those that have not started.
    pub stack: Option<StackUse>,
    /// The calls that it is in.
    pub backtrace: Backtrace,
}

/// What a greenlet does.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Activity {
    /// It has not started.
    New,
    /// It is the one that runs.
    Running,
    /// It would run if it had its turn.
    Runnable,
    /// It waits for something.
    Parked,
    /// It waits until somebody switches to it.
    Suspended,
}

/// Bytes of a stack.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackUse {
    /// How large it is.
    pub size: usize,
    /// How much of it is in use; `None` of the running one.
    pub in_use: Option<usize>,
    /// How much of it was ever in use, to a page, by this greenlet or by those that had the stack before.
    pub high_water: usize,
}
