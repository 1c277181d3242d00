//! `std::sync`, cooperatively: a program moves over by changing `use std::sync` to `use greenlet::sync`.
//!
//! Names, signatures, errors and poisoning are std's; only the greenlet waits instead of the thread. Everything works between greenlets of any
//! threads, and for plain OS threads. What never blocks is std's own, and is named here so that a changed `use` line finds it.
//!
//! A panic poisons; a kill, or an elapsed limit, does not.

pub(crate) mod poison;

pub(crate) mod mutex;

pub(crate) mod rwlock;

pub(crate) mod condvar;

pub(crate) mod barrier;

pub(crate) mod once;

pub(crate) mod once_lock;

pub(crate) mod lazy_lock;

pub mod mpsc;

pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic};

pub use crate::sync::barrier::{Barrier, BarrierWaitResult};
pub use crate::sync::condvar::{Condvar, WaitTimeoutResult};
pub use crate::sync::lazy_lock::LazyLock;
pub use crate::sync::mutex::{Mutex, MutexGuard};
pub use crate::sync::once::{Once, OnceState};
pub use crate::sync::once_lock::OnceLock;
pub use crate::sync::rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
