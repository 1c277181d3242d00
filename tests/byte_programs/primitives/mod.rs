//! Greenlets that use every primitive at once, on simulated time, as bytes say. There is no model: what is checked is what has to hold whatever
//! they do. Locks exclude, units and items are conserved, lines are kept to, limits are met; who is left waiting in the end
//! waits for what is not to be had, and cycles of locks among those are told; all can be killed, and nothing is left.
//!
//! * `program` what there is to do, and how it is read from bytes.
//! * `pipes` channels, queues, and the items in them.
//! * `world` what is shared, and what is checked all the time.
//! * `run` one greenlet.
//! * `settle` what is checked when nobody runs any more.

mod pipes;

mod program;

mod run;

mod settle;

mod world;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::{__simulate, census, hub, sleep, timeout};

use crate::primitives::program::{Program, Units};
use crate::primitives::run::{Deliberate, Run, is_expected};
use crate::primitives::world::{World, units};

/// Longer than all waits of a program that have a limit.
const LONG: Units = 20_000;

/// Whether a panic is part of a program, and no failure.
pub fn is_deliberate(payload: &(dyn Any + Send)) -> bool {
    payload.is::<Deliberate>() || is_expected(payload)
}

/// Runs what the bytes say; tells what did not hold.
pub fn run(bytes: &[u8]) -> Result<(), String> {
    let program = Program::read(bytes);
    let text = program.to_string();
    __simulate();
    let world = World::new(program);
    world.add(greenlet::main(), None, Rc::default());
    if world.program.main_takes_part {
        let first = world.program.script(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            timeout(units(LONG), || Run::new(&world, 0).all(first))
        }));
        if let Err(payload) = result
            && !is_expected(&*payload)
        {
            resume_unwind(payload);
        }
    } else {
        world.spawn(0, None);
    }
    sleep(units(LONG));
    world.check_quiet();
    world.sweep();
    world.check_end();
    let faults = world.faults.clone();
    drop(world);
    let (stats, census) = (hub::stats(), census());
    let counts = (stats.spawned, stats.runnable, stats.timers);
    faults.check(counts == (0, 0, 0), || format!("{stats:?}"));
    let counts = (census.greenlets, census.stacks);
    faults.check(counts == (1, 0), || format!("{census:?}"));
    match faults.take() {
        faults if faults.is_empty() => Ok(()),
        faults => Err(format!("{faults:#?}\nin {text}")),
    }
}
