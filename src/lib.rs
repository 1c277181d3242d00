//! Stackful coroutines with an explicit, safe, symmetric switch, after Python's greenlet.
//!
//! A [`Greenlet`] is a function with a stack of its own that can be left in the middle and entered again:
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
//! Greenlets belong to the thread that made them; their handles cannot leave it. Each thread has a
//! [main](fn@main) greenlet, the code that runs on the thread's own stack.

#[cfg(panic = "abort")]
compile_error!(
    "greenlet needs `panic = \"unwind\"`: a greenlet is ended by unwinding its stack, so that destructors run"
);

mod util;

mod sys;

mod greenlet;

pub use crate::greenlet::block::{AnyGreenlet, State};
pub use crate::greenlet::builder::GreenletBuilder;
pub use crate::greenlet::census::{Census, census, trim_stacks};
pub use crate::greenlet::error::{ParentError, SwitchError};
pub use crate::greenlet::generator::{Generator, Yielder};
pub use crate::greenlet::handle::{Greenlet, WeakGreenlet};
pub use crate::greenlet::locals::{AccessError, LocalKey};
pub use crate::greenlet::thread::{current, main};
pub use crate::greenlet::trace;
pub use crate::greenlet::unwind::{GreenletExit, Payload};
pub use crate::util::id::GreenletId;

#[doc(hidden)]
pub use crate::greenlet::locals::probe as __private;
