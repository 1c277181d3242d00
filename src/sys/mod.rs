//! The operating system and the machine: all calls into libc, all `cfg(target_os)`.
//!
//! * `memory` tells how much memory is left.
//! * `mapping` is address space for stacks, and their guards.
//! * `arena` keeps stacks: slots, guard pages, reuse, trim, census.
//! * `depth` tells how far a stack was used.
//! * `context` is a coroutine on such a stack; the only file that names corosensei.
//! * `frames` walks the running stack, and names what it finds.
//! * `os_thread` tells the main thread of the process from others.
//! * `clock` tells the time.
//! * `membarrier` is a memory barrier of which one side pays for both.
//! * `handler` calls the signal handlers that were there before ours.
//! * `overflow` reports which greenlet ran over the end of its stack.
//! * `prefetch` hints about memory that will be needed soon.
//! * `fd` names file descriptors, and looks at one.
//! * `fs` names what std has for Unix only.
//! * `fork` tells a process that was forked off from its parent.
//! * `unix_net` names sockets of the Unix domain, turns their addresses into `socket2`'s, and names what Linux adds to TCP.
//! * `stdio` names the three that a process begins with.
//! * `child` tells of the end of a child process.
//! * `probe` has another thread look at its own stack, at once.
//! * `faults` has the system fail at random, for tests; not there otherwise.
//! * `poller` waits until file descriptors are ready.

pub(crate) mod arena;
pub(crate) mod child;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod depth;
#[cfg(greenlet_faults)]
pub(crate) mod faults;
pub(crate) mod fd;
pub(crate) mod fork;
pub(crate) mod frames;
pub(crate) mod fs;
pub(crate) mod handler;
pub(crate) mod mapping;
pub(crate) mod membarrier;
pub(crate) mod memory;
pub(crate) mod os_thread;
pub(crate) mod overflow;
pub(crate) mod prefetch;
pub(crate) mod probe;
pub(crate) mod stdio;
pub(crate) mod unix_net;
pub(crate) mod valgrind;

pub(crate) mod poller;
