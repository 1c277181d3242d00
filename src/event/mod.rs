//! Events after Python's `threading` and `gevent.event`: a flag, or a value, that greenlets wait for.
//!
//! They work between greenlets of any threads, and for plain OS threads. Share them by an [`Rc`](std::rc::Rc) on one thread, by an
//! [`Arc`](std::sync::Arc) between several.
//!
//! ```
//! use std::sync::Arc;
//! use greenlet::event::{AsyncResult, Event};
//!
//! let (started, answer) = (Arc::new(Event::new()), Arc::new(AsyncResult::new()));
//! let (s, a) = (started.clone(), answer.clone());
//! let thread = std::thread::spawn(move || {
//!     s.wait(); // the thread blocks: it has no other greenlets
//!     a.set(42);
//! });
//! let asker = greenlet::spawn(move || answer.get());
//! started.set();
//! assert_eq!(asker.join().unwrap(), 42);
//! thread.join().unwrap();
//! ```

pub(crate) mod flag;

pub(crate) mod async_result;

pub use crate::event::async_result::AsyncResult;
pub use crate::event::flag::Event;
