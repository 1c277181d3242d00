//! Who may run next: tickets for waiting, queues of them, and where they are handed in.
//!
//! Nothing here knows of stacks or of the operating system, so a model checker reaches all of it (`tests/loom`).
//!
//! In reading order:
//!
//! * `sleepers` whether anybody in the process could still do something.
//! * `parker` one greenlet's place to wait, tickets for it, and the thread it belongs to.
//! * `wait_queue` who waits for the same thing, in order.
//! * `run_queue` who may run, in order.
//! * `permits` the state of locks and semaphores.
//! * `rw_permits` the state of reader-writer locks.
//!
//! ```text
//!               arm()                     unpark(token), first caller only
//!   Idle(e) ----------> Armed(e) ---------------------------------> Idle(e + 1), token
//!      ^                   |                                             |
//!      |                   | park: leave for the hub                     | into the run queue of its thread,
//!      |                   v                                             | from elsewhere through the inbox
//!      |             [not running]                                       v
//!      +---- park returns the token <------------------- the hub switches to it
//!
//!   release, notify, set, send, receive   unpark(a token that the queue chooses)
//!   timer due                             unpark(TIMED_OUT)
//!   fd ready, another thread done         unpark(READY)
//!   kill, elapsed limit                   remember what to raise, then unpark(INTERRUPTED)
//! ```
//!
//! Invariants:
//!
//! * **W1** Only `hub::park` leaves because of waiting; only those methods of a `Waiter` that begin with `unpark` make a waiting greenlet runnable.
//! * **W2** In one episode exactly one of them returns true.
//! * **W3** A notifier that is answered false tries the next waiter; it never counts the failure as a delivery.
//! * **W4** A won wake is always delivered. An interrupt that loses the race stays pending and is raised at the *next* park,
//!   which is then not entered. While a greenlet unwinds, its parks are not interruptible.
//! * **W5** Every registration (queue entry, timer, interest) is a guard that undoes itself on drop: returning, timing out and
//!   unwinding clean up by one path. Queues are empty when dropped.
//! * **W6** No lock and no `RefCell` borrow is held across a park or a switch. The only nesting of locks: a primitive's, then an inbox's.
//! * **W7** A greenlet is in the run queue at most once.
//! * **W8** Waits take an absolute deadline; durations exist only in public signatures.
//! * **W9** A ticket is in one queue at most that other threads can reach, or registered as shared in each. So who has the queue to itself, on the
//!   ticket's own thread, has nobody to race against for it: other threads would need the queue, and the thread's own timers and kills do not run meanwhile.
//!   It hands the ticket in without an exchange. Timers and kills do not have the queue, and never may.

pub(crate) mod sleepers;

pub(crate) mod parker;

pub(crate) mod wait_queue;

pub(crate) mod run_queue;

pub(crate) mod permits;

pub(crate) mod rw_permits;
