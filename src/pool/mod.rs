//! Groups of greenlets, and pools that bound how many run at once, after `gevent.pool`.
//!
//! A [`Group`] takes any number of greenlets, a [`Pool`] has so many slots, and whoever spawns waits for a free one. What they spawn is a
//! greenlet as any other, with a [`JoinHandle`](crate::JoinHandle), which may be dropped: the group is what is joined or killed.
//!
//! ```
//! use std::time::Duration;
//! use greenlet::pool::{Group, Pool};
//!
//! let pool = Pool::new(2);
//! let lengths = pool.map(|word: &str| word.len(), ["a", "few", "words"]);
//! assert_eq!(lengths, [1, 3, 5]);
//!
//! let group = Group::new();
//! for _ in 0..3 {
//!     drop(group.spawn(|| greenlet::sleep(Duration::from_secs(3600))));
//! }
//! assert!(!group.join_timeout(Duration::from_millis(1)));
//! group.kill();
//! assert!(group.is_empty());
//! ```
//!
//! A callback of `apply_async` gets a reference to the result, for the result itself is the handle's.
//!
//! Both are handles: a clone is the same group. They belong to their thread, as their greenlets do. Dropping them ends nobody.

pub(crate) mod group;

pub(crate) mod imap;

pub(crate) mod bounded;

pub use crate::pool::bounded::{Pool, PoolFull};
pub use crate::pool::group::Group;
pub use crate::pool::imap::{Imap, ImapUnordered};
