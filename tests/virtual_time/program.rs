//! What a random program consists of.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Units of time; see `real::UNIT`.
pub type Units = u64;

/// Longer than all other waits of a program together.
pub const VERY_LONG: Units = 10_000_000;

pub const MUTEXES: usize = 2;

/// How many units the semaphores have at first.
pub const SEMAPHORES: [usize; 2] = [0, 1];

/// How many events there are, in the sense of `greenlet::event`. None is set at first.
pub const FLAGS: usize = 2;

const PIPES: usize = 2;

/// A queue or a channel.
#[derive(Clone, Debug)]
pub struct Pipe {
    pub kind: PipeKind,
    /// `None` if it is not bounded.
    pub capacity: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipeKind {
    Queue,
    Channel,
}

pub type Body = Arc<Vec<Op>>;

/// One operation; its number is unique in the program.
#[derive(Clone, Debug)]
pub struct Op {
    pub id: usize,
    pub act: Act,
}

/// `usize`s that name a greenlet count the spawned ones, modulo how many there are. Whoever waits without a limit waits until it is killed.
#[derive(Clone, Debug)]
pub enum Act {
    Spawn(Body),
    SpawnLater(Units, Body),
    Sleep(Units),
    Yield,
    Kill(usize),
    Join(usize, Option<Units>),
    OnExit(usize),
    Timeout(Units, Body),
    Lock(usize, Body),
    TryLock(usize, Body),
    Acquire(usize, Option<Units>),
    Release(usize),
    Set(usize),
    Clear(usize),
    WaitForFlag(usize, Option<Units>),
    /// What is put is the number of the operation.
    Put(usize, Option<Units>),
    TryPut(usize),
    Get(usize, Option<Units>),
    TryGet(usize),
    /// Runs the body, then does something in a destructor.
    Defer(Box<Act>, Body),
    /// Swallows what unwinds the body.
    Catch(Body),
    /// The end of main: kills all, again and again, until all have ended.
    Sweep,
}

#[derive(Clone, Debug)]
pub struct Program {
    pub pipes: Vec<Pipe>,
    pub main: Body,
}

fn act(depth: u32) -> BoxedStrategy<Act> {
    let limit = || option::of(1_u64..12);
    let greenlets = prop_oneof![
        4 => (0_u64..12).prop_map(Act::Sleep),
        2 => Just(Act::Yield),
        3 => any::<usize>().prop_map(Act::Kill),
        4 => (any::<usize>(), limit()).prop_map(|(who, limit)| Act::Join(who, limit)),
        1 => any::<usize>().prop_map(Act::OnExit),
    ];
    let semaphore = || 0..SEMAPHORES.len();
    let semaphores = prop_oneof![
        4 => (semaphore(), limit()).prop_map(|(which, limit)| Act::Acquire(which, limit)),
        3 => semaphore().prop_map(Act::Release),
    ];
    let flags = prop_oneof![
        2 => (0..FLAGS).prop_map(Act::Set),
        2 => (0..FLAGS).prop_map(Act::Clear),
        3 => (0..FLAGS, limit()).prop_map(|(which, limit)| Act::WaitForFlag(which, limit)),
    ];
    let pipes = prop_oneof![
        4 => (0..PIPES, limit()).prop_map(|(which, limit)| Act::Put(which, limit)),
        1 => (0..PIPES).prop_map(Act::TryPut),
        4 => (0..PIPES, limit()).prop_map(|(which, limit)| Act::Get(which, limit)),
        1 => (0..PIPES).prop_map(Act::TryGet),
    ];
    let plain = prop_oneof![
        4 => greenlets,
        2 => semaphores,
        2 => flags,
        4 => pipes,
    ];
    if depth == 0 {
        return plain.boxed();
    }
    let body = move || body(depth - 1);
    prop_oneof![
        10 => plain,
        5 => body().prop_map(Act::Spawn),
        2 => (0_u64..12, body()).prop_map(|(delay, body)| Act::SpawnLater(delay, body)),
        4 => (0_u64..12, body()).prop_map(|(limit, body)| Act::Timeout(limit, body)),
        4 => (0..MUTEXES, body()).prop_map(|(which, body)| Act::Lock(which, body)),
        1 => (0..MUTEXES, body()).prop_map(|(which, body)| Act::TryLock(which, body)),
        2 => (act(0), body()).prop_map(|(last, body)| Act::Defer(Box::new(last), body)),
        1 => body().prop_map(Act::Catch),
    ]
    .boxed()
}

/// What several wait for at once.
#[derive(Clone, Copy, Debug)]
enum Thing {
    Permit(usize),
    Flag(usize),
    Item(usize),
    Room(usize),
}

impl Thing {
    fn wait(self, limit: Option<Units>) -> Act {
        match self {
            Thing::Permit(which) => Act::Acquire(which, limit),
            Thing::Flag(which) => Act::WaitForFlag(which, limit),
            Thing::Item(which) => Act::Get(which, limit),
            Thing::Room(which) => Act::Put(which, limit),
        }
    }

    fn give(self) -> Act {
        match self {
            Thing::Permit(which) => Act::Release(which),
            Thing::Flag(which) => Act::Set(which),
            Thing::Item(which) => Act::TryPut(which),
            Thing::Room(which) => Act::TryGet(which),
        }
    }
}

fn unnumbered(acts: impl IntoIterator<Item = Act>) -> Body {
    Arc::new(acts.into_iter().map(|act| Op { id: 0, act }).collect())
}

/// One of a crowd, with no limit; with one of its own; or under one that it meets only after it has swallowed a kill.
fn waiter(thing: Thing, kind: u8, limit: Units) -> Act {
    Act::Spawn(unnumbered([match kind {
        0 => thing.wait(None),
        1 => thing.wait(Some(limit)),
        _ => {
            let caught = Act::Catch(unnumbered([thing.wait(None)]));
            Act::Timeout(limit, unnumbered([caught, Act::Yield]))
        }
    }]))
}

/// Some who wait for one thing, which is given when some of them have just been killed, or their limits have just elapsed.
fn crowd() -> impl Strategy<Value = Vec<Act>> {
    let thing = prop_oneof![
        (0..SEMAPHORES.len()).prop_map(Thing::Permit),
        (0..FLAGS).prop_map(Thing::Flag),
        (0..PIPES).prop_map(Thing::Item),
        (0..PIPES).prop_map(Thing::Room),
    ];
    let kills = vec(option::of(any::<usize>()), 1..5);
    (thing, 1_u64..4, vec(0_u8..3, 2..5), kills).prop_map(|(thing, limit, kinds, kills)| {
        let waiters = kinds.into_iter().map(|kind| waiter(thing, kind, limit));
        let kills = kills.into_iter();
        let acts = kills.map(|kill| kill.map_or_else(|| thing.give(), Act::Kill));
        waiters.chain([Act::Sleep(limit)]).chain(acts).collect()
    })
}

fn body(depth: u32) -> BoxedStrategy<Body> {
    let one = || act(depth).prop_map(|act| vec![act]);
    let some = match depth {
        0 => one().boxed(),
        _ => prop_oneof![15 => one(), 1 => crowd()].boxed(),
    };
    vec(some, 0..7)
        .prop_map(|acts| unnumbered(acts.into_iter().flatten()))
        .boxed()
}

fn pipe() -> impl Strategy<Value = Pipe> {
    let kind = prop_oneof![Just(PipeKind::Queue), Just(PipeKind::Channel)];
    let capacity = prop_oneof![Just(None), (0_usize..3).prop_map(Some)];
    (kind, capacity).prop_map(|(kind, capacity)| Pipe { kind, capacity })
}

pub fn program() -> impl Strategy<Value = Program> {
    (body(3), vec(pipe(), PIPES)).prop_map(|(body, pipes)| {
        let main = unnumbered([Act::Timeout(VERY_LONG, body), Act::Sweep]);
        let mut next = 0;
        let mut greenlet = Greenlet {
            is_main: true,
            has_caught: false,
        };
        Program {
            pipes,
            main: number(&main, &mut greenlet, &mut next),
        }
    })
}

/// Whose operations are numbered.
struct Greenlet {
    is_main: bool,
    has_caught: bool,
}

impl Greenlet {
    /// Whoever swallows an unwind while another greenlet unwinds is taken to unwind still, and not interrupted in its next wait, so that one has to
    /// end by itself.
    fn limit(&self, limit: Option<Units>) -> Option<Units> {
        limit.or(self.has_caught.then_some(11))
    }
}

/// Numbers the operations, and sees to it that they end.
fn number(ops: &[Op], greenlet: &mut Greenlet, next: &mut usize) -> Body {
    let numbered = ops.iter().map(|op| {
        *next += 1;
        Op {
            id: *next,
            act: number_inner(&op.act, greenlet, next),
        }
    });
    Arc::new(numbered.collect())
}

fn number_inner(act: &Act, greenlet: &mut Greenlet, next: &mut usize) -> Act {
    let spawned = &mut Greenlet {
        is_main: false,
        has_caught: false,
    };
    match act {
        Act::Spawn(body) => Act::Spawn(number(body, spawned, next)),
        Act::SpawnLater(delay, body) => Act::SpawnLater(*delay, number(body, spawned, next)),
        Act::Timeout(limit, body) => Act::Timeout(*limit, number(body, greenlet, next)),
        Act::Lock(which, body) if greenlet.has_caught => {
            Act::TryLock(*which, number(body, greenlet, next))
        }
        Act::Lock(which, body) => Act::Lock(*which, number(body, greenlet, next)),
        Act::TryLock(which, body) => Act::TryLock(*which, number(body, greenlet, next)),
        Act::Defer(last, body) => {
            let body = number(body, greenlet, next);
            // Nothing ends a wait of a destructor that runs because of an unwind.
            let mut endless = Greenlet {
                has_caught: true,
                ..*greenlet
            };
            Act::Defer(Box::new(number_inner(last, &mut endless, next)), body)
        }
        // Main catches nothing: it could go on and wait for ever, past its limit.
        Act::Catch(body) if greenlet.is_main => {
            let last = Box::new(Act::Yield);
            Act::Defer(last, number(body, greenlet, next))
        }
        Act::Catch(body) => {
            let body = number(body, greenlet, next);
            greenlet.has_caught = true;
            Act::Catch(body)
        }
        Act::Join(who, limit) => Act::Join(*who, greenlet.limit(*limit)),
        Act::Acquire(which, limit) => Act::Acquire(*which, greenlet.limit(*limit)),
        Act::WaitForFlag(which, limit) => Act::WaitForFlag(*which, greenlet.limit(*limit)),
        Act::Put(which, limit) => Act::Put(*which, greenlet.limit(*limit)),
        Act::Get(which, limit) => Act::Get(*which, greenlet.limit(*limit)),
        act => act.clone(),
    }
}

/// What is seen when an operation is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Done,
    /// The answer of a call that may fail.
    Said(bool),
    Got(usize),
    /// The body was left by an unwind.
    Unwound,
    Returned,
    Killed,
}

/// Who, when, after which operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub who: usize,
    pub at: Units,
    pub op: usize,
    pub seen: Seen,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    pub log: Vec<Event>,
    /// Units of the semaphores, at the end.
    pub available: Vec<usize>,
    /// What is in the pipes, at the end.
    pub left: Vec<Vec<usize>>,
    pub flags: Vec<bool>,
}

/// Greenlets that only say how another ended are called after the operation that asked.
pub fn exit_watcher(op: usize) -> usize {
    1_000_000 + op
}
