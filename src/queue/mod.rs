//! Queues after Python's `queue` and `gevent.queue`: items go in and come out, and whoever has to wait for one waits.
//!
//! | | gives first | |
//! |---|---|---|
//! | [`Queue`] | what was put first | |
//! | [`LifoQueue`] | what was put last | |
//! | [`PriorityQueue`] | the smallest | |
//! | [`JoinableQueue`] | what was put first | counts what has not been done yet, and can be waited for |
//! | [`Channel`] | what was put first | holds nothing: a put waits for a get, and the other way round |
//!
//! All of them are a [`BasicQueue`], which has the methods. They work between greenlets of any threads, and for plain OS threads, if
//! the items may move between threads.
//!
//! In the crate, in reading order: `state` what is under the lock, `kinds` and `heap` where items are kept, `basic` putting and
//! getting, `joinable` counting.

pub(crate) mod error;

pub(crate) mod state;

pub(crate) mod kinds;

pub(crate) mod heap;

pub(crate) mod basic;

pub(crate) mod joinable;

pub use crate::queue::basic::{BasicQueue, Iter};
pub use crate::queue::error::{GetError, PutError};
pub use crate::queue::joinable::{Channel, JoinableQueue, LifoQueue, PriorityQueue, Queue};
pub use crate::queue::state::{Bounded, Kind};
