//! How large stacks should be: what the greenlets of each place have used.

use std::collections::HashMap;
use std::fmt;
use std::panic::Location;

use crate::greenlet::state::Stage;
use crate::greenlet::switch::gone_down;
use crate::greenlet::thread::here;
use crate::sys::arena::{rounded, usable_size};

/// Whether greenlets of this thread that start from here on have their stacks measured, for [`stack_depths`]. Off at first; switching it on
/// forgets what was measured before.
///
/// Off it costs nothing. On, the stack of every greenlet is cleared before it starts and looked through when it ends: two system calls and a page fault for each
/// page that it uses, some microseconds together; stacks from the pool are not warm.
pub fn measure_stacks(on: bool) {
    let thread = here();
    if on {
        thread.marks.forget();
    }
    thread.marks.wanted.set(on);
    thread.arena.watch(on);
}

/// How deep this thread's greenlets have gone on their stacks since they are [measured](measure_stacks), by the place where they were spawned or created.
///
/// ```
/// use greenlet::debug;
///
/// debug::measure_stacks(true);
/// let handles = [1, 2, 3].map(|n| greenlet::spawn(move || format!("{n:?}")));
/// greenlet::join_all(handles);
/// let depths = debug::stack_depths();
/// println!("{depths}");
/// let site = &depths.sites[0];
/// assert_eq!(site.greenlets, 3);
/// assert!(site.deepest < site.suggested);
/// ```
pub fn stack_depths() -> StackDepths {
    let thread = here();
    let mut marks: HashMap<_, _> = thread.marks.of_ended();
    for (_, greenlet) in thread.registry.borrow().iter() {
        let block = greenlet.block();
        let (limit, size) = (block.stack_limit.get(), block.stack_size);
        if block.stage.get() == Stage::Started && thread.marks.is_measurable(limit) {
            let mark = marks.entry(block.created_at).or_default();
            mark.add(gone_down(block), usable_size(limit, size));
        }
    }
    let sites = marks.into_iter().map(|(created_at, mark)| SpawnSite {
        created_at,
        greenlets: mark.greenlets,
        deepest: mark.deepest,
        stack_size: mark.stack_size,
        suggested: suggested(mark.deepest),
    });
    let mut sites: Vec<_> = sites.collect();
    sites.sort_by_key(|site| (usize::MAX - site.deepest, site.created_at));
    StackDepths { sites }
}

/// What a panic takes that prints a full backtrace, the first one of a process.
const PANIC: usize = 24 << 10;

/// Twice what was used, and at least enough for a panic where it was deepest; then what the next power of two has room for.
fn suggested(deepest: usize) -> usize {
    rounded((2 * deepest).max(deepest + PANIC))
}

/// What [`stack_depths`] has found. Written out, it is a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackDepths {
    /// The places, the one with the deepest greenlet first.
    pub sites: Vec<SpawnSite>,
}

/// What the greenlets of one place have used of their stacks. Bytes are those of this build: without optimisation frames are several times larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpawnSite {
    /// Where they were spawned or created.
    pub created_at: &'static Location<'static>,
    /// How many were measured: those that have ended, and those that have started.
    pub greenlets: usize,
    /// The most bytes that any of them had in use.
    pub deepest: usize,
    /// How large their stacks are; the largest, if they are not equal.
    pub stack_size: usize,
    /// What to give to [`stack_size`](crate::GreenletBuilder::stack_size): room for twice of what was used, and for a panic with a full backtrace
    /// (24 KiB) where it was deepest. Stacks are powers of two, so it is rounded up to one, less what the library needs of it.
    pub suggested: usize,
}

impl fmt::Display for StackDepths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>10} {:>10} {:>10} {:>10}  created at",
            "greenlets", "deepest", "stack", "suggested"
        )?;
        for site in &self.sites {
            writeln!(
                f,
                "{:>10} {:>10} {:>10} {:>10}  {}",
                site.greenlets, site.deepest, site.stack_size, site.suggested, site.created_at
            )?;
        }
        Ok(())
    }
}
