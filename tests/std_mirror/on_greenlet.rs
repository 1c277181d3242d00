//! The bodies, on this crate, under the leak check.

pub(crate) use greenlet::{sync, thread, thread_local};

pub(crate) fn check(body: fn()) {
    crate::support::leak_checked(body);
}

#[path = "bodies/barrier.rs"]
mod barrier;
#[path = "bodies/builder.rs"]
mod builder;
#[path = "bodies/condvar.rs"]
mod condvar;
#[path = "bodies/lazy_lock.rs"]
mod lazy_lock;
#[path = "bodies/local_key.rs"]
mod local_key;
#[path = "bodies/mpsc.rs"]
mod mpsc;
#[path = "bodies/mutex.rs"]
mod mutex;
#[path = "bodies/once.rs"]
mod once;
#[path = "bodies/once_lock.rs"]
mod once_lock;
#[path = "bodies/parking.rs"]
mod parking;
#[path = "bodies/programs.rs"]
mod programs;
#[path = "bodies/rwlock.rs"]
mod rwlock;
#[path = "bodies/scope.rs"]
mod scope;
#[path = "bodies/spawn.rs"]
mod spawn;
#[path = "bodies/traits.rs"]
pub(crate) mod traits;
