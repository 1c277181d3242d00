//! The queues by their names, and counting what is not done.

use std::time::Duration;

use crate::hub::awaited::Plain;
use crate::hub::wait_on::{Waited, wait_on};
use crate::queue::basic::BasicQueue;
use crate::queue::heap::Heap;
use crate::queue::kinds::{Fifo, Joinable, Lifo, Rendezvous};
use crate::queue::state::State;
use crate::sys::clock;
use crate::util::deadline::Deadline;

/// Gives first what was put first.
///
/// ```
/// use std::rc::Rc;
/// use greenlet::queue::Queue;
///
/// let queue = Rc::new(Queue::bounded(1));
/// let theirs = queue.clone();
/// let consumer = greenlet::spawn(move || theirs.iter().sum::<i32>());
/// for item in 1..=4 {
///     queue.put(item).unwrap(); // waits while the queue is full
/// }
/// queue.shutdown();
/// assert_eq!(consumer.join().unwrap(), 10);
/// ```
///
/// A putter that waits is not needed for its item to be got: with one place and four items, a producer and a consumer that log each put `P` and
/// each get `C` do so as `P C C P P P C C`, with fewer switches than if they took turns.
pub type Queue<T> = BasicQueue<Fifo<T>>;

/// Gives first what was put last.
///
/// ```
/// use greenlet::queue::LifoQueue;
///
/// let stack = LifoQueue::new();
/// stack.put("first").unwrap();
/// stack.put("second").unwrap();
/// assert_eq!(stack.get(), Ok("second"));
/// ```
pub type LifoQueue<T> = BasicQueue<Lifo<T>>;

/// Gives first the smallest of what is in it; equal ones in any order.
///
/// An item that is put while a getter waits is handed to it, without a look at what may be put later. For the greatest first, put
/// [`Reverse`](std::cmp::Reverse)d items.
///
/// Items are compared by the greenlet that gets one, without a lock: [`Ord`] may switch, and may put items. Getters take turns, so even
/// [`try_get`](BasicQueue::try_get) waits while another greenlet compares; from within `Ord`, a get panics. A panic of `Ord`, or a kill while
/// it waits, comes out of the get, and no item is taken.
///
/// ```
/// use greenlet::queue::PriorityQueue;
///
/// let queue = PriorityQueue::new();
/// for item in [2, 3, 1] {
///     queue.put(item).unwrap();
/// }
/// queue.shutdown();
/// assert_eq!(queue.iter().collect::<Vec<_>>(), [1, 2, 3]);
/// ```
pub type PriorityQueue<T> = BasicQueue<Heap<T>>;

/// A [`Queue`] that knows how many of its items have not been done: every item that was put is to be reported as
/// [done](BasicQueue::task_done) once, after it was got.
///
/// ```
/// use std::rc::Rc;
/// use greenlet::queue::JoinableQueue;
///
/// let queue = Rc::new(JoinableQueue::new());
/// let theirs = queue.clone();
/// let worker = greenlet::spawn(move || {
///     for item in theirs.iter() {
///         greenlet::yield_now(); // works
///         let _: i32 = item;
///         theirs.task_done();
///     }
/// });
/// for item in 0..3 {
///     queue.put(item).unwrap();
/// }
/// queue.join();
/// assert_eq!(queue.unfinished(), 0);
/// queue.shutdown();
/// worker.join().unwrap();
/// ```
pub type JoinableQueue<T> = BasicQueue<Joinable<T>>;

/// Holds nothing: an item goes from a putter to a getter, and the one who comes first waits for the other, who does not wait.
///
/// ```
/// use std::rc::Rc;
/// use greenlet::queue::Channel;
///
/// let channel = Rc::new(Channel::new());
/// assert!(channel.try_put("nobody waits for it").is_err());
/// let theirs = channel.clone();
/// let getter = greenlet::spawn(move || theirs.get());
/// greenlet::yield_now(); // it waits
/// channel.try_put("item").unwrap();
/// assert_eq!(getter.join().unwrap(), Ok("item"));
/// ```
pub type Channel<T> = BasicQueue<Rendezvous<T>>;

const ALL_DONE: Plain = Plain("the items of a `JoinableQueue` to be done");

impl<T> BasicQueue<Joinable<T>> {
    /// Reports an item as done that was got. Whoever [joins](Self::join) goes on after the last. Never switches.
    ///
    /// # Panics
    ///
    /// If it was called more often than items were put.
    #[track_caller]
    pub fn task_done(&self) {
        let mut state = self.state().lock();
        let some = state.unfinished() > 0;
        if some {
            state.finish(1);
        }
        drop(state);
        assert!(
            some,
            "`task_done` was called more often than items were put"
        );
    }

    /// How many items were put that have not been done. What a blocked putter has to put does not count.
    pub fn unfinished(&self) -> usize {
        self.state().lock().unfinished()
    }

    /// Waits until all items are done.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait.
    #[track_caller]
    pub fn join(&self) {
        self.join_until(Deadline::Never);
    }

    /// As [`join`](Self::join), for so long at most; whether all items were done.
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.join_until(Deadline::after(clock::now(), limit))
    }

    #[track_caller]
    fn join_until(&self, deadline: Deadline) -> bool {
        let look = |state: &mut State<Joinable<T>>| match state.unfinished() {
            0 => Ok(()),
            _ => Err(()),
        };
        let waited = wait_on(self.state(), deadline, &ALL_DONE, look, |state| {
            &mut state.joiners
        });
        !matches!(waited, Waited::TimedOut(()))
    }
}
