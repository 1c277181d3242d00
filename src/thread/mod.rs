//! `std::thread`, cooperatively: a program moves over by changing `use std::thread` to `use greenlet::thread`.
//!
//! Names and signatures are std's. What is called a thread here is a greenlet of the caller's OS thread: it runs when another one waits.
//!
//! ```
//! use greenlet::sync::{Arc, Mutex}; // was std::sync
//! use greenlet::thread; // was std::thread
//! use std::time::Duration;
//!
//! let sum = Arc::new(Mutex::new(0));
//! let handles = [3, 1, 2].map(|n| {
//!     let sum = sum.clone();
//!     thread::spawn(move || {
//!         thread::sleep(Duration::from_millis(n));
//!         *sum.lock().unwrap() += n;
//!     })
//! });
//! for handle in handles {
//!     handle.join().unwrap();
//! }
//! assert_eq!(*sum.lock().unwrap(), 6);
//! ```
//!
//! What a program that moves over has to know:
//!
//! * A loop that spins until another thread has done something has to call [`yield_now`], for the other one does not run otherwise.
//! * `thread_local!` is in Rust's prelude, so it has to be imported to be this one: `use greenlet::thread_local;`. Without that line the
//!   program compiles, and its greenlets share the value of their OS thread.
//! * [`JoinHandle`], [`Scope`] and [`ScopedJoinHandle`] are neither `Send` nor `Sync`, for a greenlet is joined on its own OS thread. So a
//!   handle can be moved into a greenlet, but not be kept in a `static`. In return nothing that is spawned has to be `Send`.
//! * If the function of a [`scope`] panics, its greenlets are killed; std waits for them.
//! * A greenlet that nobody joins lives no longer than its OS thread, and runs only while another greenlet of that thread waits.
//! * There is no `Builder::spawn_unchecked`, which [`scope`] makes needless, and nothing that std has deprecated.
//!
//! What still blocks the whole OS thread, as a long computation or a foreign library, belongs on a [`ThreadPool`](crate::threadpool::ThreadPool).

pub(crate) mod parking;

pub(crate) mod spawn;

pub use std::thread::{Result, available_parallelism};

pub use crate::greenlet::locals::{AccessError, LocalKey};
pub use crate::greenlet_local as thread_local;
pub use crate::hub::sleep::{sleep, sleep_until, yield_now};
pub use crate::task::scope::{Scope, ScopedJoinHandle, scope};
pub use crate::thread::parking::{Thread, ThreadId, current, park, park_timeout};
pub use crate::thread::spawn::{Builder, JoinHandle, panicking, spawn};
