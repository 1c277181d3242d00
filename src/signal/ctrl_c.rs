//! Ctrl-C as the end of a program.
//!
//! ```text
//!     the handler          a byte into a pipe; from then on, the default
//!     `greenlet-signals`   an OS thread that reads the pipe, and sets an event for each hub that asked
//!     a watcher            a greenlet of that hub, which waits for the event, and then kills the others
//! ```
//!
//! Neither the thread nor the watchers can do anything by themselves, so they count as idle: they hold up no `hub::run`, and hide no deadlock.

use std::cell::Cell;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use signal_hook::consts::SIGINT;
use signal_hook::flag;
use signal_hook::low_level::{pipe, unregister};

use crate::event::flag::Event;
use crate::greenlet::block::AnyGreenlet;
use crate::greenlet::builder::GreenletBuilder;
use crate::greenlet::state::Role;
use crate::greenlet::unwind;
use crate::hub::awaited::Plain;
use crate::hub::begin::place;
use crate::hub::interrupt::interrupt;
use crate::hub::sleep::sleep;
use crate::util::deadline::Deadline;
use crate::util::primitive::{AtomicBool, Latch, thread_local};
use crate::wait::sleepers::IdleHelper;

/// How soon those are killed again that live on; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(50);

static STATE: Latch<State> = Latch::new(State {
    is_registered: false,
    has_come: false,
    events: Vec::new(),
});

/// The next one ends the process.
static HAS_COME: AtomicBool = AtomicBool::new(false);

struct State {
    is_registered: bool,
    has_come: bool,
    /// Of each watcher.
    events: Vec<Arc<Event>>,
}

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Has Ctrl-C, the signal `SIGINT`, end what this thread's hub does: from now on the first one kills every greenlet that was spawned on this thread. They unwind,
/// their destructors run, those that live on or are spawned meanwhile are killed as well, and [`hub::run`](crate::hub::run) returns once all are dead.
///
/// From the first on, a further one ends the process at once, as it does by default. So it does if a greenlet computes, and never waits.
///
/// Does not switch. It may be asked for on several threads, each of which is ended by the same signal. If that has come before, the greenlets of
/// this thread are killed once the caller waits. It neither holds up `hub::run` nor hides a deadlock.
///
/// # Errors
///
/// What the system says: that there are too many threads or descriptors.
///
/// # Examples
///
/// ```no_run
/// greenlet::signal::end_on_ctrl_c()?;
/// greenlet::spawn(|| loop {
///     greenlet::sleep(std::time::Duration::from_secs(1));
///     println!("tick");
/// });
/// greenlet::hub::run(); // until Ctrl-C is pressed
/// println!("ended in good order");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn end_on_ctrl_c() -> io::Result<()> {
    if IS_WATCHED.get() {
        return Ok(());
    }
    let event = Arc::new(Event::new());
    let mut state = STATE.lock();
    if !state.is_registered {
        register()?;
        state.is_registered = true;
    }
    if state.has_come {
        event.set();
    }
    state.events.push(event.clone());
    drop(state);
    IS_WATCHED.set(true);
    let watched = Watched(event);
    drop(
        GreenletBuilder::new()
            .name("Ctrl-C")
            .spawn(move || watch(&watched)),
    );
    Ok(())
}

fn register() -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    // Without a writer it ends.
    let named = thread::Builder::new().name("greenlet-signals".to_owned());
    named.spawn(move || pass_on(reader))?;
    let default = flag::register_conditional_default(SIGINT, &HAS_COME)?;
    // In this order they are called.
    let rest = flag::register(SIGINT, &HAS_COME).and_then(|came| {
        register_pipe(writer).inspect_err(|_| {
            unregister(came);
        })
    });
    rest.inspect_err(|_| {
        unregister(default);
    })
}

fn register_pipe(writer: PipeWriter) -> io::Result<()> {
    pipe::register(SIGINT, writer).map(drop)
}

/// The life of the thread.
fn pass_on(mut pipe: PipeReader) {
    loop {
        let idle = IdleHelper::begin();
        let read = pipe.read(&mut [0]);
        drop(idle);
        match read {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(1..) => end_all(),
            _ => return,
        }
    }
}

fn end_all() {
    let mut state = STATE.lock();
    state.has_come = true;
    let events = mem::take(&mut state.events);
    drop(state);
    for event in events {
        event.set();
    }
}

/// Of a thread, until its watcher ends.
struct Watched(Arc<Event>);

impl Drop for Watched {
    fn drop(&mut self) {
        let mut state = STATE.lock();
        state.events.retain(|event| !Arc::ptr_eq(event, &self.0));
        IS_WATCHED.set(false);
    }
}

/// The life of a watcher.
fn watch(Watched(event): &Watched) {
    place().seat.is_attendant.set(true);
    event.wait_until(Deadline::Never, &Plain("Ctrl-C"));
    let mut pause = FIRST_PAUSE;
    while kill_others() {
        sleep(pause);
        pause = LAST_PAUSE.min(pause * 2);
    }
}

/// Kills every spawned greenlet of this thread but the running one; whether there was any.
fn kill_others() -> bool {
    let place = place();
    let me = place.thread.current();
    let is_one = |greenlet: &AnyGreenlet| {
        *greenlet != me && !greenlet.is_dead() && greenlet.block().role.get() == Role::Spawned
    };
    let registry = place.thread.registry.borrow();
    let all = registry.iter().map(|(_, greenlet)| greenlet);
    let victims: Vec<_> = all.filter(|greenlet| is_one(greenlet)).cloned().collect();
    drop(registry);
    for victim in &victims {
        // What one captured that never began is dropped here; the hook has seen a panic.
        let _ = catch_unwind(AssertUnwindSafe(|| interrupt(victim, unwind::exit())));
    }
    !victims.is_empty()
}
