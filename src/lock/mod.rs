//! Locks after Python's `threading` and `gevent.lock`: a lock is taken and given back by calls, and guards nothing by itself.
//!
//! Whoever waits is served in the order of coming: what is given back while somebody waits is handed over, and nobody overtakes. The locks work
//! between greenlets of any threads, and for plain OS threads.
//!
//! | | is taken | is given back by |
//! |---|---|---|
//! | [`Lock`] | by one | anybody |
//! | [`RLock`] | by one, as often as it likes | its owner, as often |
//! | [`Semaphore`] | so many times | anybody, and there is no upper bound |
//! | [`BoundedSemaphore`] | so many times | anybody, as often as it was taken |
//! | [`Condition`] | as the lock that it is over | as that lock; and waits, with the lock given up, to be notified |
//!
//! All are taken in four ways. `acquire`, `try_acquire` and `acquire_timeout` give no guard: a `release` has to follow, also if there is a
//! panic or a kill between. `hold` gives a guard, as Python's `with` does:
//!
//! ```
//! use greenlet::lock::Lock;
//!
//! let lock = Lock::new();
//! {
//!     let _held = lock.hold();
//!     assert!(!lock.try_acquire());
//! }
//! lock.acquire(); // nothing to keep
//! lock.release();
//! ```
//!
//! For locks that guard a value, as std has them, see [`sync`](crate::sync).

pub(crate) mod acquire;

pub(crate) mod semaphore;

pub(crate) mod bounded_semaphore;

pub(crate) mod relock;

pub(crate) mod plain;

pub(crate) mod rlock;

pub(crate) mod condition;

pub use crate::lock::bounded_semaphore::{BoundedPermit, BoundedSemaphore};
pub use crate::lock::condition::Condition;
pub use crate::lock::plain::Lock;
pub use crate::lock::relock::{AnyLock, Hold};
pub use crate::lock::rlock::RLock;
pub use crate::lock::semaphore::{Permit, Semaphore};
