//! The life of a thread: greenlets that act at random, and are killed at random, until the thread ends.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenlet::{AnyGreenlet, JoinHandle, hub, sleep, spawn, timeout, yield_now};

use crate::chaos::acts::ACTS;
use crate::chaos::home::Home;
use crate::chaos::random::Random;
use crate::chaos::world::{Actor, OnPurpose, World, expect};

/// How a thread ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All greenlets act to their end, which none may miss.
    Finish,
    /// They are killed.
    Kill,
    /// They are left where they are.
    Leave,
}

/// Greenlets that act at once.
const AT_ONCE: usize = 24;

/// Far more than any act needs, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn live(world: &Arc<World>, random: &Random, dir: PathBuf, until: Instant, end: End) {
    let home = Rc::new(match world.is_real {
        true => Home::open(dir, &world.tally),
        false => Home::empty(),
    });
    let me = Actor {
        world: world.clone(),
        random: random.child(),
        home: home.clone(),
    };
    let mut actors = Actors::default();
    while me.now() < until && !world.is_over() {
        while actors.handles.len() < AT_ONCE {
            let actor = me.child();
            actors.handles.push(spawn(move || act_on(&actor)));
        }
        match me.random.one_in(2) {
            true => sleep(me.random.micros(500)),
            false => yield_now(),
        }
        actors.disturb_one(&me);
    }
    if end == End::Leave {
        home.is_left.set(true);
        world.tally.event("threads left in the middle");
        return;
    }
    actors.end(end);
    drop(me);
    home.close();
    drop(home);
    world.tally.event(match end {
        End::Finish => "threads finished",
        _ => "threads killed",
    });
}

/// Nobody is left on this thread; those whom acts have left behind go on by themselves until they end.
pub(crate) fn check_alone() {
    assert!(
        hub::run_timeout(PATIENCE),
        "something is left: {:?}",
        hub::stats()
    );
    let (stats, census) = (hub::stats(), greenlet::census());
    assert_eq!(
        (stats.spawned, stats.runnable, stats.timers),
        (0, 0, 0),
        "{stats:?}"
    );
    assert_eq!((census.greenlets, census.stacks), (1, 0), "{census:?}");
}

#[derive(Default)]
struct Actors {
    handles: Vec<JoinHandle<()>>,
    detached: Vec<AnyGreenlet>,
}

impl Actors {
    fn disturb_one(&mut self, me: &Actor) {
        let at = me.random.below(self.handles.len() as u64) as usize;
        let handle = self.handles.swap_remove(at);
        match me.random.below(16) {
            0..=2 => {
                me.event("kills");
                handle.kill();
                expect(handle.join());
            }
            3 => {
                me.event("throws");
                handle.throw(Box::new(OnPurpose));
                expect(handle.join());
            }
            4 => {
                me.event("kills, not waited for");
                handle.kill();
                self.detached.push(handle.greenlet());
            }
            5 => match handle.join_timeout(me.limit_of_time()) {
                Ok(joined) => drop(expect(joined)),
                Err(handle) => self.handles.push(handle),
            },
            _ if handle.is_finished() => drop(expect(handle.join())),
            _ => self.handles.push(handle),
        }
        self.detached.retain(|greenlet| !greenlet.is_dead());
    }

    fn end(self, end: End) {
        if end == End::Kill {
            for handle in &self.handles {
                handle.kill();
            }
        }
        let names: Vec<_> = self.handles.iter().map(JoinHandle::greenlet).collect();
        for handle in self.handles {
            if let Ok(joined) = handle.join_timeout(PATIENCE) {
                expect(joined);
                continue;
            }
            for name in names.iter().filter(|name| !name.is_dead()) {
                // The refusal says what it waits for.
                eprintln!("{}", name.try_switch::<(), ()>(()).unwrap_err());
            }
            panic!(
                "somebody was left waiting; deadlocks: {:?}",
                hub::deadlocks()
            );
        }
    }
}

fn act_on(actor: &Actor) {
    for _ in 0..actor.random.below(30) + 1 {
        if actor.world.is_over() {
            return;
        }
        if actor.random.one_in(3) {
            let limit = actor.random.micros(4_000);
            if timeout(limit, || act(actor)).is_err() {
                actor.event("limits elapsed");
            }
        } else {
            act(actor);
        }
    }
}

fn act(actor: &Actor) {
    let which = actor.random.below(ACTS.len() as u64) as usize;
    let tally = &actor.world.tally;
    tally.begins(which);
    trace(actor, which as u64);
    (ACTS[which].1)(actor);
    trace(actor, !(which as u64));
    tally.is_done(which);
}

/// What, by whom, and when.
fn trace(actor: &Actor, what: u64) {
    actor.world.note(what);
    actor.world.note(actor.random.state());
    actor
        .world
        .note((actor.now() - actor.world.began).as_nanos() as u64);
}
