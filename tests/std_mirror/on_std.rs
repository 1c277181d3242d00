//! The bodies, on std.

pub(crate) use std::{fs, io, net, os, process, sync, thread, thread_local};

pub(crate) fn check(body: fn()) {
    crate::beside_others(body);
}

/// Of what starts processes.
pub(crate) fn check_alone(body: fn()) {
    crate::alone(body);
}

#[path = "bodies/addrs.rs"]
mod addrs;
#[path = "bodies/barrier.rs"]
mod barrier;
#[path = "bodies/builder.rs"]
mod builder;
#[path = "bodies/condvar.rs"]
mod condvar;
#[path = "bodies/fs_calls.rs"]
mod fs_calls;
#[path = "bodies/io.rs"]
mod io_bodies;
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
#[path = "bodies/process.rs"]
mod process_bodies;
#[path = "bodies/programs.rs"]
mod programs;
#[path = "bodies/rwlock.rs"]
mod rwlock;
#[path = "bodies/scope.rs"]
mod scope;
#[path = "bodies/spawn.rs"]
mod spawn;
#[path = "bodies/tcp.rs"]
mod tcp;
#[path = "bodies/traits.rs"]
pub(crate) mod traits;
#[path = "bodies/udp.rs"]
mod udp;
#[path = "bodies/unix_net.rs"]
mod unix_net;
