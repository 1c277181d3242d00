//! Stackful coroutines after Python's greenlet and gevent: a [`Greenlet`] is a function with a stack of its own that can be left in the middle,
//! from any depth of calls, and entered again. No `async`, no runtime to build, all of it safe Rust.
//!
//! # Spawned greenlets
//!
//! [`spawn`] a greenlet, and every call that waits lets the others go on: only the greenlet waits, not its thread.
//!
//! ```
//! use greenlet::channel::unbounded;
//! use greenlet::{sleep, spawn, timeout};
//! use std::time::Duration;
//!
//! let (results, arrived) = unbounded();
//! for ms in [30, 10, 20] {
//!     let results = results.clone();
//!     drop(spawn(move || {
//!         sleep(Duration::from_millis(ms)); // the others run meanwhile
//!         results.send(ms).unwrap();
//!     }));
//! }
//! drop(results); // the last sender's end is the end of the iteration
//! let total: u64 = arrived.iter().inspect(|ms| println!("{ms} ms are over")).sum(); // 10, 20, 30
//! assert_eq!(total, 60);
//!
//! // A panic is an error for whoever joins, a limit holds for any waits inside.
//! assert!(spawn(|| panic!("only this greenlet")).join().is_err());
//! assert!(timeout(Duration::from_millis(5), || sleep(Duration::from_secs(3600))).is_err());
//! ```
//!
//! | to | there is |
//! |---|---|
//! | begin and end | [`spawn`], [`spawn_later`], [`scope`](fn@scope) for greenlets that borrow; [`JoinHandle`], [`join_all`], [`wait_any`], [`kill_all`] |
//! | wait | [`sleep`], [`yield_now`]; [`timeout`] limits any waits; [`hub::run`] waits for all there is |
//! | move over from `std` | [`sync`], [`mod@thread`], [`net`], [`mod@io`], [`mod@fs`], [`mod@process`], [`os`]: only the `use` lines change |
//! | serve | [`server`] after gevent; [`signal`] |
//! | synchronize | [`lock`], [`event`] after Python; [`sync`] around values |
//! | communicate | [`channel`] with `select!`, [`queue`] after Python, [`sync::mpsc`] |
//! | bound how many run | [`pool`] |
//! | wait for anything else | [`readiness`] for any descriptor; [`threadpool`] for what blocks its thread |
//! | find out why nothing moves | [`debug::dump`], [`hub::Deadlock`], [`hub::deadlocks`] |
//! | find out who keeps the others waiting | [`hub::measure`], [`debug::Watchdog`] |
//!
//! Greenlets of a thread run one at a time, and change only where one waits, yields or ends: a call that waits says when it *switches*. So they
//! can share an [`Rc`](std::rc::Rc) and a [`Cell`](std::cell::Cell), and what computes without waiting keeps the others from running. Whoever
//! waits for the same thing is served in the order of coming.
//!
//! A [kill](JoinHandle::kill), or the end of a limit, is an unwind out of a wait: destructors run, no panic hook does, nothing is poisoned, and
//! what was waited for is as if nobody had waited for it. A `catch_unwind` around a wait catches it as well, and has to resume it.
//!
//! # Switching by hand
//!
//! Underneath is an explicit, symmetric switch, which carries typed values each way:
//!
//! ```
//! use greenlet::Greenlet;
//!
//! let main = greenlet::main();
//! let g = Greenlet::new(move |name: &'static str| {
//!     let reply: &'static str = main.switch(format!("hello, {name}"));
//!     format!("you said {reply}")
//! });
//! assert_eq!(g.switch("world"), "hello, world");
//! assert_eq!(g.switch("goodbye"), "you said goodbye");
//! assert!(g.is_dead());
//! ```
//!
//! * [`Greenlet`] owns, [`AnyGreenlet`] names, [`WeakGreenlet`] remembers.
//! * [`switch`](Greenlet::switch) moves a value there, [`throw`](Greenlet::throw) an unwind, [`kill`](AnyGreenlet::kill) ends.
//! * [`greenlet_local!`] declares values of which every greenlet has its own.
//! * [`Generator`] iterates over what ordinary code gives from any depth.
//! * [`trace`] observes every switch; [`census`](fn@census) counts what is alive.
//!
//! Both mix: a greenlet that was made by hand may wait as any other, and a spawned one may switch.
//!
//! # Threads
//!
//! Greenlets belong to the thread that made them; their handles cannot leave it. Each thread has a [main](fn@main) greenlet, the code that runs
//! on the thread's own stack, and from its first need on a [`hub`], which runs whoever can go on. All primitives work between greenlets of any
//! threads, and a plain OS thread may use them as well: it is its own main greenlet. When a thread ends, the greenlets that are left on it are
//! unwound. Those of the process's main thread are not: they end with the process, as its threads do.
//!
//! What the compiler cannot see to: no greenlet may be left waiting or suspended inside the [`with`](std::thread::LocalKey::with) of a
//! `std::thread_local!` when its thread ends, nor switch in the initialiser of one. It [may go
//! on](Greenlet#what-stays-true-over-a-switch-and-what-does-not) with a reference to a value that is gone.
//!
//! # Features
//!
//! * `serde`: what [`debug`] tells can be serialized.
//! * `tracing`: spans of [`tracing`](https://docs.rs/tracing) go with the greenlet that has entered them. When it leaves they are exited, when it comes
//!   back they are entered again, so an event is in the spans of the greenlet it comes from. Each spawned greenlet runs in a span `greenlet` of
//!   level `INFO`, with its `id`, its `name` and, `at`, where it was spawned: a child of what was entered there. `DEBUG` events tell of beginnings, kills
//!   and ends, `WARN` events of panics and, if [`hub`] is asked to, of slices that keep others waiting. All are of target `greenlet`.
//!
//!   This needs a subscriber that knows what is entered, as that of `tracing-subscriber` does. It should be set before anything is entered, and for all of
//!   a thread, for a scoped one is the thread's, and not the greenlet's that has set it. It is called on the stack of whoever arrives. If it panics
//!   there, that goes no further. It should not wait: its locks are to be std's, for who switches with one may come to wait for itself. Without a subscriber
//!   it costs a test at a spawn.
//! * `sanitizer`: tells AddressSanitizer of switches.

#[cfg(panic = "abort")]
compile_error!(
    "greenlet needs `panic = \"unwind\"`: a greenlet is ended by unwinding its stack, so that destructors run"
);

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "greenlet needs 64-bit pointers: stacks are address space, and what counts the names of a greenlet must not wrap"
);

#[cfg(doctest)]
mod compile_fail;

mod util;

mod sys;

mod greenlet;

mod wait;

pub mod hub;

pub mod lock;

pub mod sync;

pub mod channel;

mod task;

pub mod event;

pub mod queue;

pub mod readiness;

pub mod pool;

pub mod threadpool;

pub mod io;

pub mod net;

pub mod fs;

pub mod os;

pub mod process;

pub mod signal;

pub mod server;

pub mod debug;

pub mod thread;

pub mod time;

pub use crate::greenlet::block::AnyGreenlet;
pub use crate::greenlet::builder::GreenletBuilder;
pub use crate::greenlet::census::{Census, census, trim_stacks};
pub use crate::greenlet::error::{ParentError, SwitchError};
pub use crate::greenlet::generator::{Generator, Yielder};
pub use crate::greenlet::handle::{Greenlet, WeakGreenlet};
pub use crate::greenlet::locals::{AccessError, LocalKey};
pub use crate::greenlet::state::State;
pub use crate::greenlet::thread::{current, main};
pub use crate::greenlet::trace;
pub use crate::greenlet::unwind::{GreenletExit, Payload};
pub use crate::greenlet_local as thread_local;
pub use crate::hub::limits::{SpawnError, SpawnRefusal};
pub use crate::hub::sleep::{sleep, sleep_until, yield_now};
pub use crate::task::join_all::{join_all, kill_all, wait_all};
pub use crate::task::join_handle::JoinHandle;
pub use crate::task::packet::Outcome;
pub use crate::task::scope::{Scope, ScopedJoinHandle, scope};
pub use crate::task::spawn::{spawn, spawn_later, try_spawn};
pub use crate::task::timeout::{Elapsed, timeout};
pub use crate::task::wait_any::{wait_any, wait_any_timeout};
pub use crate::util::id::GreenletId;

#[doc(hidden)]
pub use crate::greenlet::locals::probe as __private;

#[doc(hidden)]
pub use crate::channel::select_macro::run as __select;

#[cfg(greenlet_faults)]
#[doc(hidden)]
pub use crate::sys::faults::{made as __made_faults, make as __make_faults};

#[doc(hidden)]
pub use crate::sys::clock::{moment as __moment, pass as __pass, simulate as __simulate};
