//! A program, run.

use std::cell::RefCell;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{process, thread};

use greenlet::event;
use greenlet::lock::Semaphore;
use greenlet::sync::Mutex;
use greenlet::{__moment, __simulate, sleep, spawn, spawn_later, timeout, yield_now};
use greenlet::{GreenletExit, JoinHandle, Outcome};

use crate::pipe::Pipe;
use crate::program::exit_watcher;
use crate::program::{Act, Body, Event, FLAGS, MUTEXES, Op, Program, Run, SEMAPHORES, Seen, Units};
use crate::support::{Token, leak_checked};

/// A thousand ticks of the hub's timers, so that nothing is rounded.
const UNIT: Duration = Duration::from_nanos(1_000 << 10);

/// Far more than any program needs, also on a busy machine.
const HANGS: Duration = Duration::from_secs(60);

struct World {
    began: Instant,
    log: RefCell<Vec<Event>>,
    handles: RefCell<Vec<Rc<JoinHandle<()>>>>,
    mutexes: [Mutex<()>; MUTEXES],
    semaphores: Vec<Semaphore>,
    flags: [event::Event; FLAGS],
    pipes: Vec<Pipe>,
}

/// Calls what waits without a limit, or with one.
fn either(
    limit: Option<Units>,
    wait: impl FnOnce(),
    wait_timeout: impl FnOnce(Duration) -> bool,
) -> Seen {
    match limit {
        None => {
            wait();
            Seen::Done
        }
        Some(limit) => Seen::Said(wait_timeout(units(limit))),
    }
}

pub fn units(units: Units) -> Duration {
    UNIT * u32::try_from(units).unwrap()
}

/// Runs it on a thread of its own.
pub fn run(program: &Program) -> Run {
    let (send, receive) = mpsc::channel();
    let (over, watch) = mpsc::channel::<()>();
    let watched = program.clone();
    thread::spawn(move || {
        if watch.recv_timeout(HANGS) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Not `eprintln`, of which a test that is aborted shows nothing.
            let _ = writeln!(io::stderr(), "this program hangs: {watched:#?}");
            process::abort();
        }
    });
    let program = program.clone();
    leak_checked(move || {
        let _over = over;
        __simulate();
        let world = Rc::new(World {
            began: __moment(),
            log: RefCell::default(),
            handles: RefCell::default(),
            mutexes: Default::default(),
            semaphores: SEMAPHORES.map(Semaphore::new).into(),
            flags: Default::default(),
            pipes: program.pipes.iter().map(Pipe::new).collect(),
        });
        world.run(0, &program.main);
        greenlet::hub::run();
        for mutex in &world.mutexes {
            assert!(mutex.try_lock().is_ok(), "locked or poisoned at the end");
        }
        let world = Rc::into_inner(world).expect("no greenlet is left");
        let available = world.semaphores.iter().map(Semaphore::available);
        let run = Run {
            log: world.log.take(),
            available: available.collect(),
            flags: world.flags.iter().map(event::Event::is_set).collect(),
            left: world.pipes.iter().map(Pipe::empty).collect(),
        };
        send.send(run).unwrap();
    });
    receive.recv().unwrap()
}

impl World {
    fn log(&self, who: usize, op: usize, seen: Seen) {
        let passed = __moment() - self.began;
        assert_eq!(passed.as_nanos() % UNIT.as_nanos(), 0);
        let at = (passed.as_nanos() / UNIT.as_nanos()) as Units;
        let event = Event { who, at, op, seen };
        self.log.borrow_mut().push(event);
    }

    /// A spawned greenlet, if there is any.
    fn pick(&self, number: usize) -> Option<(usize, Rc<JoinHandle<()>>)> {
        let handles = self.handles.borrow();
        let at = number.checked_rem(handles.len())?;
        Some((at + 1, handles[at].clone()))
    }

    fn run(self: &Rc<Self>, who: usize, body: &Body) {
        for op in body.iter() {
            let seen = self.step(who, op);
            self.log(who, op.id, seen);
        }
    }

    fn step(self: &Rc<Self>, who: usize, op: &Op) -> Seen {
        match &op.act {
            Act::Spawn(body) => self.spawn(None, body),
            Act::SpawnLater(delay, body) => self.spawn(Some(*delay), body),
            Act::Sleep(length) => sleep(units(*length)),
            Act::Yield => yield_now(),
            Act::Kill(number) => {
                if let Some((_, handle)) = self.pick(*number) {
                    handle.kill();
                }
            }
            Act::Join(number, limit) => {
                if let Some((_, handle)) = self.pick(*number).filter(|(other, _)| *other != who) {
                    return either(*limit, || handle.wait(), |limit| handle.wait_timeout(limit));
                }
            }
            Act::OnExit(number) => {
                if let Some((_, handle)) = self.pick(*number) {
                    let (world, id) = (self.clone(), op.id);
                    handle.on_exit(move |outcome| {
                        let seen = match outcome {
                            Outcome::Returned => Seen::Returned,
                            Outcome::Killed => Seen::Killed,
                            Outcome::Panicked => panic!("nothing panics"),
                        };
                        world.log(exit_watcher(id), id, seen);
                    });
                }
            }
            Act::Timeout(limit, body) => {
                let result = timeout(units(*limit), || self.run(who, body));
                return Seen::Said(result.is_ok());
            }
            Act::Lock(which, body) => {
                let _guard = self.mutexes[*which].lock().expect("not poisoned");
                self.run(who, body);
            }
            Act::TryLock(which, body) => {
                let Ok(_guard) = self.mutexes[*which].try_lock() else {
                    return Seen::Said(false);
                };
                self.run(who, body);
            }
            Act::Acquire(which, limit) => {
                let semaphore = &self.semaphores[*which];
                return either(
                    *limit,
                    || semaphore.acquire(),
                    |limit| semaphore.acquire_timeout(limit),
                );
            }
            Act::Release(which) => self.semaphores[*which].release(),
            Act::Set(which) => self.flags[*which].set(),
            Act::Clear(which) => self.flags[*which].clear(),
            Act::WaitForFlag(which, limit) => {
                let flag = &self.flags[*which];
                return either(*limit, || flag.wait(), |limit| flag.wait_timeout(limit));
            }
            Act::Put(which, limit) => return self.pipes[*which].put(op.id, *limit),
            Act::TryPut(which) => return self.pipes[*which].try_put(op.id),
            Act::Get(which, limit) => return self.pipes[*which].get(*limit),
            Act::TryGet(which) => return self.pipes[*which].try_get(),
            Act::Defer(last, body) => {
                let deferred = Deferred {
                    world: self,
                    who,
                    last: Op {
                        id: op.id,
                        act: (**last).clone(),
                    },
                };
                self.run(who, body);
                drop(deferred);
            }
            Act::Catch(body) => {
                let result = catch_unwind(AssertUnwindSafe(|| self.run(who, body)));
                if let Err(payload) = result {
                    // A limit's payload is no public type; whatever is an assertion's goes on.
                    if payload.is::<String>() || payload.is::<&str>() {
                        resume_unwind(payload);
                    }
                    return Seen::Unwound;
                }
            }
            Act::Sweep => self.sweep(),
        }
        Seen::Done
    }

    fn spawn(self: &Rc<Self>, delay: Option<Units>, body: &Body) {
        let (world, body, token) = (self.clone(), body.clone(), Token::new());
        let who = self.handles.borrow().len() + 1;
        let run = move || {
            let _token = token;
            world.run(who, &body);
        };
        let handle = match delay {
            None => spawn(run),
            Some(delay) => spawn_later(units(delay), run),
        };
        self.handles.borrow_mut().push(Rc::new(handle));
    }

    fn sweep(&self) {
        loop {
            let all = self.handles.borrow().clone();
            let left: Vec<_> = all.iter().filter(|handle| !handle.is_finished()).collect();
            if left.is_empty() {
                break;
            }
            for handle in left {
                handle.kill();
            }
            sleep(units(100));
        }
        for handle in self.handles.take() {
            let handle = Rc::into_inner(handle).expect("nobody else waits");
            if let Err(payload) = handle.join()
                && !payload.is::<GreenletExit>()
            {
                resume_unwind(payload);
            }
        }
    }
}

struct Deferred<'a> {
    world: &'a Rc<World>,
    who: usize,
    last: Op,
}

impl Drop for Deferred<'_> {
    fn drop(&mut self) {
        let seen = self.world.step(self.who, &self.last);
        self.world.log(self.who, self.last.id, seen);
    }
}
