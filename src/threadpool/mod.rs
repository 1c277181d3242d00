//! Work on OS threads, after `gevent.threadpool`: for what computes long, or blocks its thread.
//!
//! Jobs and their results move to another thread and back, so they are `Send`. Only the greenlets wait that want a result; the others of their thread
//! go on.
//!
//! ```
//! use std::time::Duration;
//! use greenlet::threadpool::ThreadPool;
//!
//! let pool = ThreadPool::new(2);
//! let handle = pool.spawn(|| std::thread::sleep(Duration::from_millis(5))); // blocks one of its threads
//! let other = greenlet::spawn(|| "goes on meanwhile");
//! handle.join().unwrap();
//! assert!(other.is_finished());
//!
//! // A callback gets a reference to the result, on the caller's thread.
//! let sum = pool.apply_async(|| 1 + 1, |sum: &i32| println!("{sum}"));
//! assert_eq!(sum.join().unwrap(), 2);
//! ```
//!
//! In reading order:
//!
//! * `packet` where a result waits for whoever joins.
//! * `workers` the threads.
//! * `thread_pool` what is done with them.
//! * `per_process` keeps the pools that a whole process has in common.

pub(crate) mod packet;

pub(crate) mod workers;

pub(crate) mod thread_pool;

pub(crate) mod per_process;

pub use crate::threadpool::packet::JoinHandle;
pub use crate::threadpool::thread_pool::ThreadPool;
