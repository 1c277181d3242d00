//! Two ends of a connection, and what has gone through it.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::__moment;
use greenlet::JoinHandle;
use greenlet::io::{PipeReader, PipeWriter, pipe};
use greenlet::os::unix::net::UnixStream;

use crate::streams::program::{Program, Side, Units};

/// A whole number of ticks of the hub's timers, so that nothing is rounded.
const UNIT: Duration = Duration::from_nanos(1_000 << 10);

pub fn units(units: Units) -> Duration {
    UNIT * u32::try_from(units).expect("not that long")
}

/// Who there may be at most, main included: as many as a byte can tell apart, beside where in the writer's bytes it is.
pub const WRITERS: usize = 8;
/// A prime, so that whole buffers do not look alike.
const PERIOD: usize = 31;

/// The byte that a writer writes there.
pub fn byte(writer: usize, at: usize) -> u8 {
    ((writer << 5) | (at % PERIOD)) as u8
}

pub enum End {
    Socket(UnixStream),
    Reader(PipeReader),
    Writer(PipeWriter),
}

/// An owner of one side, counted.
pub struct Owner {
    pub end: End,
    side: Side,
    owners: Rc<[Cell<usize>; 2]>,
    /// The one on which `close` was called fails from then on.
    pub closed: Cell<bool>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        let owners = &self.owners[self.side];
        owners.set(owners.get() - 1);
    }
}

/// What one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    Read(Side),
    Write(Side),
    End(usize),
    Time,
}

#[derive(Default)]
pub struct Line {
    written: [Cell<usize>; WRITERS],
    read: [Cell<usize>; WRITERS],
    /// A writer said that it would write no more.
    pub ended_by_writer: Cell<bool>,
    /// A reader said that it would read no more.
    pub ended_by_reader: Cell<bool>,
}

impl Line {
    fn sum(cells: &[Cell<usize>]) -> usize {
        cells.iter().map(Cell::get).sum()
    }

    /// What is on its way.
    pub fn unread(&self) -> usize {
        Line::sum(&self.written) - Line::sum(&self.read)
    }

    pub fn is_ended(&self) -> bool {
        self.ended_by_writer.get() || self.ended_by_reader.get()
    }

    pub fn written(&self, writer: usize) -> usize {
        self.written[writer].get()
    }
}

pub struct Greenlet {
    pub handle: Option<Rc<JoinHandle<()>>>,
    pub waits_for: Rc<Cell<Option<Wait>>>,
}

pub struct World {
    pub program: Program,
    pub faults: RefCell<Vec<String>>,
    pub greenlets: RefCell<Vec<Greenlet>>,
    /// Operations begun, and calls of the system that have returned.
    pub steps: Cell<usize>,
    pub owners: Rc<[Cell<usize>; 2]>,
    pub ends: [RefCell<Vec<Rc<Owner>>>; 2],
    pub lines: [Line; 2],
    /// Whether calls of a side were ever not to wait, and the limits they ever had: a call looks at that when it has had its turn.
    pub nonblocking: [Cell<bool>; 2],
    pub limits: [RefCell<Vec<Duration>>; 2],
}

impl World {
    pub fn new(program: Program) -> io::Result<Rc<Self>> {
        let ends = if program.is_pipe {
            let (reader, writer) = pipe()?;
            [End::Writer(writer), End::Reader(reader)]
        } else {
            let (one, other) = UnixStream::pair()?;
            if program.is_narrow {
                for stream in [&one, &other] {
                    socket2::SockRef::from(stream).set_send_buffer_size(1)?;
                }
            }
            [End::Socket(one), End::Socket(other)]
        };
        let world = World {
            program,
            faults: RefCell::default(),
            greenlets: RefCell::default(),
            steps: Cell::new(0),
            owners: Rc::default(),
            ends: Default::default(),
            lines: Default::default(),
            nonblocking: Default::default(),
            limits: Default::default(),
        };
        for (side, end) in ends.into_iter().enumerate() {
            world.own(side, end);
        }
        Ok(Rc::new(world))
    }

    fn own(&self, side: Side, end: End) {
        let owners = &self.owners[side];
        owners.set(owners.get() + 1);
        self.ends[side].borrow_mut().push(Rc::new(Owner {
            end,
            side,
            owners: self.owners.clone(),
            closed: Cell::new(false),
        }));
    }

    /// The newest owner of a side.
    pub fn end(&self, side: Side) -> Option<Rc<Owner>> {
        self.ends[side].borrow().last().cloned()
    }

    pub fn clone_end(&self, side: Side) -> io::Result<()> {
        let Some(owner) = self.end(side) else {
            return Ok(());
        };
        let end = match &owner.end {
            End::Socket(socket) => End::Socket(socket.try_clone()?),
            End::Reader(reader) => End::Reader(reader.try_clone()?),
            End::Writer(writer) => End::Writer(writer.try_clone()?),
        };
        self.own(side, end);
        Ok(())
    }

    pub fn drop_end(&self, side: Side) {
        // The oldest, which others may be using.
        let mut ends = self.ends[side].borrow_mut();
        let dropped = (!ends.is_empty()).then(|| ends.remove(0));
        drop(ends);
        drop(dropped);
    }

    /// Ends what goes from a side, what goes to it, or both.
    pub fn shut_down(&self, side: Side, how: Shutdown) {
        let Some(owner) = self.end(side) else {
            return;
        };
        if let End::Socket(socket) = &owner.end {
            self.note_end(side, how);
            drop(socket.shutdown(how));
        }
    }

    pub fn close(&self, side: Side) {
        let Some(owner) = self.end(side) else {
            return;
        };
        if let End::Socket(socket) = &owner.end {
            self.note_end(side, Shutdown::Both);
            owner.closed.set(true);
            socket.close();
        }
    }

    fn note_end(&self, side: Side, how: Shutdown) {
        if how != Shutdown::Read {
            self.lines[side].ended_by_writer.set(true);
        }
        if how != Shutdown::Write {
            self.lines[1 - side].ended_by_reader.set(true);
        }
    }

    pub fn check<S: Into<String>>(&self, holds: bool, what: impl FnOnce() -> S) {
        if !holds {
            self.faults.borrow_mut().push(what().into());
        }
    }

    /// Nobody is left on one side of a line, or it was ended.
    pub fn is_over(&self, line: Side) -> bool {
        self.lines[line].is_ended() || self.owners.iter().any(|owners| owners.get() == 0)
    }

    /// These bytes have come out of a line.
    fn saw(&self, line: Side, bytes: &[u8]) {
        let line = &self.lines[line];
        for found in bytes {
            let writer = usize::from(found >> 5);
            let at = line.read[writer].get();
            let expected = byte(writer, at);
            self.check(*found == expected && at < line.written(writer), || {
                format!("byte {at} of {writer} is {found}, not {expected}")
            });
            line.read[writer].set(at + 1);
        }
    }

    /// Calls what waits, and says so meanwhile.
    pub fn wait<R>(&self, who: usize, what: Wait, wait: impl FnOnce() -> R) -> R {
        let cell = self.greenlets.borrow()[who].waits_for.clone();
        let _end = Restore(&cell, cell.replace(Some(what)));
        let result = wait();
        self.steps.set(self.steps.get() + 1);
        result
    }
}

struct Restore<'a>(&'a Cell<Option<Wait>>, Option<Wait>);

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

/// A greenlet at an end: every call is checked, with whatever of std's is above it.
pub struct At<'w> {
    pub world: &'w World,
    pub who: usize,
    pub side: Side,
    pub owner: Rc<Owner>,
}

impl At<'_> {
    fn read_with(
        &mut self,
        has_room: bool,
        call: impl FnOnce(&End) -> io::Result<usize>,
        bytes: impl FnOnce(usize) -> Vec<u8>,
    ) -> io::Result<usize> {
        let (world, line) = (self.world, 1 - self.side);
        let began = __moment();
        let result = world.wait(self.who, Wait::Read(self.side), || call(&self.owner.end));
        match &result {
            Ok(0) if has_room => {
                let lost = world.lines[line].unread();
                let was_shut = world.lines[line].is_ended();
                world.check(world.is_over(line), || "an end that nobody has made");
                world.check(lost == 0 || was_shut, || format!("{lost} bytes are lost"));
            }
            Ok(count) => world.saw(line, &bytes(*count)),
            Err(error) => self.check_error(error, began),
        }
        result
    }

    fn write_with(
        &mut self,
        asked: usize,
        call: impl FnOnce(&End) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let world = self.world;
        let began = __moment();
        let result = world.wait(self.who, Wait::Write(self.side), || call(&self.owner.end));
        match &result {
            Ok(count) => {
                world.check((*count > 0 || asked == 0) && *count <= asked, || {
                    format!("{count} of {asked} bytes were written")
                });
                let written = &world.lines[self.side].written[self.who];
                written.set(written.get() + count);
            }
            Err(error) => self.check_error(error, began),
        }
        result
    }

    /// Limits end waits when they are up; what else there is comes of an end.
    fn check_error(&self, error: &io::Error, began: Instant) {
        let (world, side) = (self.world, self.side);
        let passed = __moment() - began;
        let holds = match error.kind() {
            ErrorKind::WouldBlock => {
                world.nonblocking[side].get() || world.limits[side].borrow().contains(&passed)
            }
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
                world.is_over(side) || world.is_over(1 - side)
            }
            _ => self.owner.closed.get(),
        };
        world.check(holds, || format!("after {passed:?} at {side}: {error:?}"));
    }
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let has_room = !buffer.is_empty();
        let cell = RefCell::new(buffer);
        self.read_with(
            has_room,
            |end| {
                let mut buffer = cell.borrow_mut();
                match end {
                    End::Socket(socket) => (&*socket).read(&mut buffer),
                    End::Reader(reader) => (&*reader).read(&mut buffer),
                    End::Writer(_) => unreachable!("nobody reads there"),
                }
            },
            |count| cell.borrow()[..count].to_vec(),
        )
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let has_room = buffers.iter().any(|buffer| !buffer.is_empty());
        let cell = RefCell::new(buffers);
        self.read_with(
            has_room,
            |end| {
                let mut buffers = cell.borrow_mut();
                match end {
                    End::Socket(socket) => (&*socket).read_vectored(&mut buffers),
                    End::Reader(reader) => (&*reader).read_vectored(&mut buffers),
                    End::Writer(_) => unreachable!("nobody reads there"),
                }
            },
            |count| {
                let buffers = cell.borrow();
                let bytes = buffers.iter().flat_map(|buffer| buffer.iter().copied());
                bytes.take(count).collect()
            },
        )
    }
}

impl Write for At<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_with(bytes.len(), |end| match end {
            End::Socket(socket) => (&*socket).write(bytes),
            End::Writer(writer) => (&*writer).write(bytes),
            End::Reader(_) => unreachable!("nobody writes there"),
        })
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let asked = slices.iter().map(|slice| slice.len()).sum();
        self.write_with(asked, |end| match end {
            End::Socket(socket) => (&*socket).write_vectored(slices),
            End::Writer(writer) => (&*writer).write_vectored(slices),
            End::Reader(_) => unreachable!("nobody writes there"),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
