//! A greenlet of a program, running.

use std::any::Any;
use std::io::{self, BufRead, BufReader, IoSlice, IoSliceMut, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::{sleep, spawn, timeout, yield_now};

use crate::streams::program::{Act, Side, Units};
use crate::streams::world::{At, End, Greenlet, WRITERS, Wait, World, byte, units};

const MOST_STEPS: usize = 300;

/// Kills and limits, whose payloads are no text.
pub fn is_expected(payload: &(dyn Any + Send)) -> bool {
    !payload.is::<&str>() && !payload.is::<String>()
}

impl World {
    /// Starts a script, if there may be one more.
    pub fn spawn(self: &Rc<Self>, script: usize) {
        let who = self.greenlets.borrow().len();
        if who == WRITERS {
            return;
        }
        let world = self.clone();
        let handle = spawn(move || Run { world: &world, who }.all(world.program.script(script)));
        self.greenlets.borrow_mut().push(Greenlet {
            handle: Some(Rc::new(handle)),
            waits_for: Rc::default(),
        });
    }
}

/// One greenlet's run through operations.
pub struct Run<'w> {
    pub world: &'w Rc<World>,
    pub who: usize,
}

impl Run<'_> {
    pub fn all(&self, mut acts: &[Act]) {
        while let Some((act, rest)) = acts.split_first() {
            let step = self.world.steps.get() + 1;
            if step > MOST_STEPS {
                return;
            }
            self.world.steps.set(step);
            acts = &rest[self.step(*act, rest)..];
        }
    }

    /// Does one operation; gives how many of the following it has done as well.
    fn step(&self, act: Act, rest: &[Act]) -> usize {
        let world = self.world;
        match act {
            Act::Timeout(limit, inside) => {
                let inside = &rest[..inside.min(rest.len())];
                let _ = timeout(units(limit), || self.all(inside));
                return inside.len();
            }
            Act::Catch(inside) => {
                let inside = &rest[..inside.min(rest.len())];
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.all(inside)))
                    && !is_expected(&*payload)
                {
                    resume_unwind(payload);
                }
                return inside.len();
            }
            Act::Spawn(script) => world.spawn(script),
            Act::Sleep(length) => world.wait(self.who, Wait::Time, || sleep(units(length))),
            Act::Yield => yield_now(),
            Act::Kill(number) => {
                if let Some((_, handle)) = self.other(number) {
                    handle.kill();
                }
            }
            Act::Join(number, limit) => self.join(number, limit),
            Act::Clone(side) => world.clone_end(side).expect("there are descriptors"),
            Act::Drop(side) => world.drop_end(side),
            Act::Close(side) => world.close(side),
            Act::ShutDown(side, how) => world.shut_down(side, how),
            Act::SetReadLimit(side, limit) => self.set_limit(side, limit, true),
            Act::SetWriteLimit(side, limit) => self.set_limit(side, limit, false),
            Act::SetNonblocking(side, nonblocking) => {
                if let Some(owner) = world.end(side)
                    && let End::Socket(socket) = &owner.end
                {
                    socket.set_nonblocking(nonblocking).expect("never fails");
                    let ever = &world.nonblocking[side];
                    ever.set(ever.get() || nonblocking);
                }
            }
            // Whatever the result, it was looked at where it came from.
            act => drop(self.transfer(act)),
        }
        0
    }

    fn other(&self, number: usize) -> Option<(usize, Rc<greenlet::JoinHandle<()>>)> {
        let greenlets = self.world.greenlets.borrow();
        let who = number % greenlets.len();
        Some((who, greenlets[who].handle.clone()?))
    }

    fn join(&self, number: usize, limit: Option<Units>) {
        let Some((who, handle)) = self.other(number).filter(|(who, _)| *who != self.who) else {
            return;
        };
        self.world.wait(self.who, Wait::End(who), || match limit {
            None => handle.wait(),
            Some(limit) => drop(handle.wait_timeout(units(limit))),
        });
    }

    fn set_limit(&self, side: Side, limit: Option<Units>, reads: bool) {
        let limit = limit.filter(|limit| *limit > 0).map(units);
        if let Some(owner) = self.world.end(side)
            && let End::Socket(socket) = &owner.end
        {
            self.world.limits[side].borrow_mut().extend(limit);
            let set = match reads {
                true => socket.set_read_timeout(limit),
                false => socket.set_write_timeout(limit),
            };
            set.expect("it is not zero");
        }
    }

    /// At an end that can do that.
    fn at(&self, side: Side, reads: bool) -> io::Result<At<'_>> {
        let owner = self.world.end(side);
        let owner = owner.filter(|owner| match owner.end {
            End::Socket(_) => true,
            End::Reader(_) => reads,
            End::Writer(_) => !reads,
        });
        Ok(At {
            world: self.world,
            who: self.who,
            side,
            owner: owner.ok_or(io::ErrorKind::NotConnected)?,
        })
    }

    /// What this one writes next.
    fn bytes(&self, side: Side, from: usize, count: usize) -> Vec<u8> {
        let first = self.world.lines[side].written(self.who) + from;
        (first..first + count)
            .map(|at| byte(self.who, at))
            .collect()
    }

    #[expect(clippy::unused_io_amount, reason = "it is counted below")]
    fn transfer(&self, act: Act) -> io::Result<()> {
        match act {
            Act::Write(side, count) => {
                self.at(side, false)?.write(&self.bytes(side, 0, count))?;
            }
            Act::WriteVectored(side, one, other) => {
                let (one, other) = (self.bytes(side, 0, one), self.bytes(side, one, other));
                let slices = [IoSlice::new(&one), IoSlice::new(&[]), IoSlice::new(&other)];
                self.at(side, false)?.write_vectored(&slices)?;
            }
            Act::WriteAll(side, count) => {
                let bytes = self.bytes(side, 0, count);
                self.at(side, false)?.write_all(&bytes)?;
            }
            Act::CopyTo(side, count) => {
                let bytes = self.bytes(side, 0, count);
                io::copy(&mut &*bytes, &mut self.at(side, false)?)?;
            }
            Act::Read(side, count) => {
                self.at(side, true)?.read(&mut vec![0; count])?;
            }
            Act::ReadVectored(side, one, other) => {
                let (mut one, mut other) = (vec![0; one], vec![0; other]);
                let slices = &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)];
                self.at(side, true)?.read_vectored(slices)?;
            }
            Act::ReadExact(side, count) => self.at(side, true)?.read_exact(&mut vec![0; count])?,
            Act::Buffered(side, capacity, count) => {
                let mut reader = BufReader::with_capacity(capacity, self.at(side, true)?);
                if capacity & 1 == 0 {
                    reader.read_exact(&mut vec![0; count])?;
                } else {
                    reader.read_until(byte(capacity % WRITERS, count), &mut Vec::new())?;
                }
            }
            Act::CopyFrom(side, count) => {
                let mut some = self.at(side, true)?.take(count as u64);
                io::copy(&mut some, &mut io::sink())?;
            }
            Act::ReadToEnd(side) => {
                self.at(side, true)?.read_to_end(&mut Vec::new())?;
            }
            act => unreachable!("{act:?} transfers nothing"),
        }
        Ok(())
    }
}
