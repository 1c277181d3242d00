//! Greenlets that write to and read from the two ends of a pipe, or of a pair of sockets, on simulated time, as bytes say. Each byte tells who
//! has written it, and where it belongs, so that all that is read can be checked when it comes: a prefix of what
//! each has written, in order; an end only where somebody has made one, and after everything before it. Whoever is left
//! waiting in the end waits for what cannot come, and no descriptor is left.
//!
//! * `program` what there is to do, and how it is read from bytes.
//! * `world` the two ends, and what is checked of every call.
//! * `run` one greenlet.

mod program;

mod run;

mod world;

use std::cell::Cell;
use std::fs;
use std::io::Read;
use std::rc::Rc;

use greenlet::io::pipe;
use greenlet::{__simulate, census, hub, sleep, timeout};

use crate::streams::program::Program;
use crate::streams::world::{At, End, Greenlet, Line, Wait, World, units};

/// More than any wait with a limit.
const QUIET: usize = 40;

/// Rounds of killing all that is left. A program may swallow as many kills as it has operations.
const ROUNDS: usize = 500;

/// Runs what the bytes say; tells what did not hold.
pub fn run(bytes: &[u8]) -> Result<(), String> {
    __simulate();
    warm_up();
    let before = descriptors();
    let program = Program::read(bytes);
    let text = program.to_string();
    let world = World::new(program).expect("there are descriptors");
    world.greenlets.borrow_mut().push(Greenlet {
        handle: None,
        waits_for: Rc::default(),
    });
    world.spawn(0);
    world.become_quiet();
    world.check_quiet();
    world.sweep();
    world.drain();
    let world = Rc::into_inner(world).expect("no greenlet is left");
    let mut faults = world.faults.take();
    drop(world);
    let (stats, census) = (hub::stats(), census());
    if (stats.spawned, stats.timers, census.greenlets, census.stacks) != (0, 0, 1, 0) {
        faults.push(format!("{stats:?}, {census:?}"));
    }
    let after = descriptors();
    if before != after {
        faults.push(format!("there were {before} descriptors, now {after}"));
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(format!("{faults:#?}\nin {text}")),
    }
}

/// Makes the descriptors that a thread waits with, which it keeps.
fn warm_up() {
    thread_local! {
        static IS_WARM: Cell<bool> = const { Cell::new(false) };
    }
    if !IS_WARM.replace(true) {
        let (mut reader, _writer) = pipe().expect("there are descriptors");
        let _ = timeout(units(1), || reader.read(&mut [0]));
    }
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("it is there").count()
}

impl World {
    /// Lets time pass until nothing has happened for a while. Each step asks the poller.
    fn become_quiet(&self) {
        let mut quiet = 0;
        while quiet < QUIET {
            let before = self.steps.get();
            sleep(units(1));
            quiet = if self.steps.get() == before {
                quiet + 1
            } else {
                0
            };
        }
    }

    /// Who is left waits for what cannot come.
    fn check_quiet(&self) {
        for (who, greenlet) in self.greenlets.borrow().iter().enumerate() {
            if greenlet
                .handle
                .as_ref()
                .is_none_or(|handle| handle.is_finished())
            {
                continue;
            }
            let unread = |line: usize| self.lines[line].unread();
            let ended = |who: usize| {
                let handle = self.greenlets.borrow()[who].handle.clone();
                handle.is_none_or(|handle| handle.is_finished())
            };
            let is_to_be_had = match greenlet.waits_for.get() {
                Some(Wait::Read(side)) => unread(1 - side) > 0 || self.is_over(1 - side),
                // Of the ends that the other side makes the poller does not report this one, as long as the other direction goes on.
                Some(Wait::Write(side)) => {
                    let is_over = self.lines[side].ended_by_writer.get()
                        || self.lines.iter().all(Line::is_ended);
                    unread(side) == 0 || is_over || self.owners[1 - side].get() == 0
                }
                Some(Wait::End(other)) => ended(other),
                Some(Wait::Time) | None => true,
            };
            self.check(!is_to_be_had, || {
                format!(
                    "{who} waits for {:?}, which it could have",
                    greenlet.waits_for.get()
                )
            });
        }
    }

    fn sweep(&self) {
        for _ in 0..ROUNDS {
            let all: Vec<_> = {
                let greenlets = self.greenlets.borrow();
                greenlets
                    .iter()
                    .filter_map(|greenlet| greenlet.handle.clone())
                    .collect()
            };
            let left: Vec<_> = all.iter().filter(|handle| !handle.is_finished()).collect();
            if left.is_empty() {
                break;
            }
            for handle in left {
                handle.kill();
            }
            sleep(units(100));
        }
        let mut greenlets = self.greenlets.borrow_mut();
        for handle in greenlets
            .iter_mut()
            .filter_map(|greenlet| greenlet.handle.take())
        {
            let handle = Rc::into_inner(handle).expect("nobody else waits");
            self.check(handle.is_finished(), || "a greenlet cannot be killed");
            if handle.is_finished()
                && let Err(payload) = handle.join()
            {
                self.check(run::is_expected(&*payload), || "a greenlet panicked");
            }
        }
    }

    /// Reads what is left, and finds all that was written.
    fn drain(&self) {
        for side in 0..2 {
            let Some(owner) = self.end(side).filter(|owner| !owner.closed.get()) else {
                continue;
            };
            if let End::Writer(_) = owner.end {
                continue;
            }
            let line = &self.lines[1 - side];
            let is_over = self.is_over(1 - side);
            let mut at = At {
                world: self,
                who: 0,
                side,
                owner,
            };
            while line.unread() > 0 || is_over {
                let read = timeout(units(20), || at.read(&mut [0; 4096]));
                if !matches!(read, Ok(Ok(1..))) {
                    break;
                }
            }
            self.check(line.unread() == 0, || {
                format!("{} bytes have not come to {side}", line.unread())
            });
        }
        for ends in &self.ends {
            drop(ends.take());
        }
    }
}
