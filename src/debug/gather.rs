//! How a dump is made, on the thread it is of.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::ptr;
use std::time::Instant;

use crate::debug::backtrace::Backtrace;
use crate::debug::dump::{Activity, Dump, GreenletDump, StackUse, ThreadDump};
use crate::greenlet::block::{AnyGreenlet, Block, Thread};
use crate::greenlet::state::{Role, Stage};
use crate::greenlet::switch::{ask, beginnings};
use crate::greenlet::thread::here;
use crate::hub::control::stats;
use crate::hub::report::Words;
use crate::hub::roll::thread_name;
use crate::hub::seat::Seat;
use crate::hub::state::Hub;
use crate::sys::arena::{guard_size, usable_size};
use crate::sys::clock;
use crate::sys::depth::depth;
use crate::sys::frames::{Frame, ROOM, walk};
use crate::util::id::GreenletId;

/// What this thread's greenlets do, and where.
///
/// Does not switch, as far as anybody can tell: no other greenlet runs meanwhile. Takes some microseconds a greenlet; to write it out takes longer.
///
/// ```
/// let dump = greenlet::debug::dump();
/// assert!(dump.threads[0].greenlets[0].is_main);
/// assert!(dump.to_string().contains("main (#1), running"));
/// ```
pub fn dump() -> Dump {
    Dump {
        threads: vec![dump_thread(here())],
        silent: Vec::new(),
    }
}

/// The most frames that are walked.
const FRAMES: usize = 256;

/// To be called by the thread's running greenlet, which may be its hub.
pub(crate) fn dump_thread(thread: &Thread) -> ThreadDump {
    let has_hub = thread.hub_part.get().is_some();
    let mut all: Vec<AnyGreenlet> = {
        let registry = thread.registry.borrow();
        registry
            .iter()
            .map(|(_, greenlet)| greenlet.clone())
            .collect()
    };
    all.retain(|greenlet| greenlet.block().role.get() != Role::Hub);
    all.sort_by_key(|greenlet| greenlet.block().id);
    let look = Look {
        thread,
        hub: has_hub.then(|| Hub::of(thread)),
        now: clock::now(),
        runnable: runnable(thread),
        here: frames_here(),
    };
    ThreadDump {
        thread: thread_name(),
        stats: has_hub.then(stats),
        greenlets: all.iter().map(|greenlet| look.at(greenlet)).collect(),
    }
}

/// Who is in the run queue.
fn runnable(thread: &Thread) -> HashSet<GreenletId> {
    let mut runnable = HashSet::new();
    if thread.hub_part.get().is_some() {
        let queue = Hub::of(thread).run_queue.borrow();
        let seen = RefCell::new(&mut runnable);
        queue.count(|greenlet| seen.borrow_mut().insert(greenlet.block().id));
    }
    runnable
}

/// All frames of the calling stack, and of the native one below it.
fn frames_here() -> Vec<Frame> {
    let mut frames = Vec::with_capacity(FRAMES);
    walk(&mut frames);
    frames
}

/// What is looked at together.
struct Look<'a> {
    thread: &'a Thread,
    hub: Option<&'a Hub>,
    now: Instant,
    runnable: HashSet<GreenletId>,
    here: Vec<Frame>,
}

impl Look<'_> {
    fn at(&self, greenlet: &AnyGreenlet) -> GreenletDump {
        let block = greenlet.block();
        let is_main = block.is_main();
        let activity = self.activity(block);
        let waits = matches!(activity, Activity::Parked | Activity::Suspended);
        let seat = Seat::of(block).filter(|_| activity == Activity::Parked);
        let (waits_for, held_by) = seat.and_then(awaited).unzip();
        let (backtrace, in_use) = self.stack(greenlet, activity);
        GreenletDump {
            id: block.id,
            name: block.name.as_deref().map(str::to_owned),
            is_main,
            activity,
            waits_for: match activity {
                Activity::Suspended => Some("a switch back".to_owned()),
                _ => waits_for,
            },
            held_by: held_by.flatten(),
            waited: seat
                .zip(self.hub)
                .map(|(seat, hub)| hub.stretch.since(seat.since.get(), self.now)),
            time_left: self.time_left(block, activity),
            waits_at: waits.then(|| block.waits_at.get()),
            created_by: block.created_by,
            created_at: (!is_main).then_some(block.created_at),
            stack: stack_use(block, in_use),
            backtrace,
        }
    }

    fn activity(&self, block: &Block) -> Activity {
        match block.stage.get() {
            _ if self.runnable.contains(&block.id) => Activity::Runnable,
            Stage::New | Stage::Dead => Activity::New,
            Stage::Started if block.is_current() => Activity::Running,
            Stage::Started if block.is_parked() => Activity::Parked,
            Stage::Started => Activity::Suspended,
        }
    }

    /// How long until a timer ends what a greenlet waits for.
    fn time_left(&self, block: &Block, activity: Activity) -> Option<std::time::Duration> {
        let hub = self.hub.filter(|_| activity != Activity::Runnable)?;
        let timer = Seat::of(block)?.timer.take()?;
        Seat::of(block)?.timer.set(Some(timer));
        let due = hub.timers.borrow().due(timer);
        Some(due.saturating_duration_since(self.now))
    }

    /// The frames of a greenlet, and how much of its stack they take.
    fn stack(&self, greenlet: &AnyGreenlet, activity: Activity) -> (Backtrace, Option<usize>) {
        let block = greenlet.block();
        if block.is_main() {
            return (self.main_frames(activity), None);
        }
        match activity {
            Activity::New => (Backtrace::default(), None),
            Activity::Running => (Backtrace::of_greenlet(&self.here, FRAMES), None),
            _ if block.stage.get() == Stage::New => (Backtrace::default(), None),
            _ => self.asked(greenlet),
        }
    }

    /// Main's frames are below those of whoever runs on a stack that was entered from there.
    fn main_frames(&self, activity: Activity) -> Backtrace {
        let ends = beginnings();
        let last = self
            .here
            .iter()
            .rposition(|frame| ends.contains(&frame.function));
        let from = match activity {
            Activity::Running => 0,
            _ => last.map_or(0, |last| last + 1),
        };
        Backtrace::of(self.here[from..].iter())
    }

    /// Has a suspended greenlet look at its own stack.
    fn asked(&self, greenlet: &AnyGreenlet) -> (Backtrace, Option<usize>) {
        let block = greenlet.block();
        let limit = block.stack_limit.get() + guard_size();
        let top = limit + usable_size(block.stack_limit.get(), block.stack_size);
        let frames = RefCell::new(Vec::with_capacity(FRAMES));
        let in_use = Cell::new(0_usize);
        ask(self.thread, greenlet, &|| {
            let here = 0_u8;
            let here = ptr::from_ref(&here) as usize;
            // It may be on a stack that somebody else has made inside this one.
            if !(limit..top).contains(&here) {
                return;
            }
            in_use.set(top - here);
            if here - limit >= ROOM {
                walk(&mut frames.borrow_mut());
            }
        });
        let frames = frames.into_inner();
        let found = match frames.is_empty() {
            true => Backtrace {
                addresses: Vec::new(),
                remark: Some(match in_use.get() {
                    0 => "it is on another stack than its own",
                    _ => "too little of its stack is left to look at it",
                }),
            },
            false => Backtrace::of_greenlet(&frames, FRAMES),
        };
        (found, Some(in_use.get()).filter(|in_use| *in_use > 0))
    }
}

/// What is waited for, and who holds it.
fn awaited(seat: &Seat) -> Option<(String, Option<GreenletId>)> {
    seat.with_awaited(|awaited| (Words(awaited).to_string(), awaited.holder().id()))
}

fn stack_use(block: &Block, in_use: Option<usize>) -> Option<StackUse> {
    let limit = block.stack_limit.get();
    let has_stack = limit != 0 && block.stage.get() == Stage::Started;
    has_stack.then(|| StackUse {
        size: usable_size(limit, block.stack_size),
        in_use,
        high_water: depth(limit, block.stack_size),
    })
}
