//! Seeing what greenlets do: a dump of every one, with what it waits for and its stack.
//!
//! A program that hangs is asked where: [`dump`] tells of the calling thread's greenlets, [`dump_all`] of those of every thread, and
//! [`dump_on_signal`] has that written to standard error whenever the process is sent a signal, as in `kill -QUIT`.
//!
//! ```
//! use greenlet::debug;
//! use greenlet::event::Event;
//! use std::rc::Rc;
//!
//! let event = Rc::new(Event::new());
//! let waiter = greenlet::Greenlet::builder().name("waiter").spawn({
//!     let event = event.clone();
//!     move || event.wait()
//! });
//! greenlet::yield_now();
//! let dump = debug::dump();
//! println!("{dump}");
//! let thread = &dump.threads[0];
//! let parked = thread.greenlets.iter().find(|greenlet| greenlet.name.as_deref() == Some("waiter")).unwrap();
//! assert_eq!(parked.activity, debug::Activity::Parked);
//! assert_eq!(parked.waits_for.as_deref(), Some("an `Event`"));
//! # event.set();
//! # waiter.join().unwrap();
//! ```
//!
//! Nothing has to be switched on, and it costs nothing until it is called. A dump resumes every suspended greenlet of the thread for a moment, on its own
//! stack, to have it look at its frames; nothing of the program's runs meanwhile, and no observer hears of it.
//!
//! A debugger shows them as well, also those of a process that hangs for good or of its core: `src/debug/gdb.py`, beside this file, has two commands for gdb,
//! `greenlets`, which lists them, and `greenlet 7`, after which `bt`, `up` and `info locals` are about that one.
//!
//! ```text
//! $ gdb -p 4711 -ex 'source …/src/debug/gdb.py'
//! (gdb) greenlets
//! #1 main                  parked       at src/main.rs:12:9
//! #3 `waiter`              parked       at src/main.rs:37:11, created at src/main.rs:8:53
//! ```
//!
//! With the crate's feature `serde` all that a dump consists of is `serde::Serialize`: greenlets are numbers, places `"file:line:column"`, durations
//! seconds, and backtraces have their frames looked up.
//!
//! In reading order:
//!
//! * `serialize` how parts of it are serialized.
//! * `backtrace` the frames of a stack.
//! * `dump` what there is to tell.
//! * `gather` how it is found out, on one thread.
//! * `text` how it is written.
//! * `everywhere` the same for all threads, at any time.
//! * `watchdog` who keeps a thread to itself.
//! * `depths` how large stacks should be.

#[cfg(feature = "serde")]
mod serialize;

mod backtrace;

mod dump;

mod gather;

mod text;

mod everywhere;

mod watchdog;

mod depths;

pub use crate::debug::backtrace::{Backtrace, Frame};
pub use crate::debug::depths::{SpawnSite, StackDepths, measure_stacks, stack_depths};
pub use crate::debug::dump::{Activity, Dump, GreenletDump, StackUse, ThreadDump};
pub use crate::debug::everywhere::{dump_all, dump_on_signal};
pub use crate::debug::gather::dump;
pub use crate::debug::watchdog::{Hogged, Watchdog};
