//! How a spawned greenlet begins and ends.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::thread;
use std::time::Duration;

use crate::greenlet::block::ParentLink;
use crate::greenlet::body::create_with;
use crate::greenlet::builder::GreenletBuilder;
use crate::greenlet::state::Role;
use crate::greenlet::thread::{DEFAULT_STACK_SIZE, here};
use crate::greenlet::unwind::{GreenletExit, exit};
use crate::hub::admission::admit;
use crate::hub::begin::hub;
use crate::hub::interrupt::last_words;
use crate::hub::limits::{SpawnError, SpawnRefusal};
use crate::hub::state::{Due, Hub};
use crate::sys::clock;
use crate::task::join_handle::JoinHandle;
use crate::task::packet::{Calls, Left, OnExit, Outcome, Packet, Shared};
#[cfg(feature = "tracing")]
use crate::task::told::{self, Told};
use crate::util::deadline::Deadline;

/// Runs `f` in a greenlet of its own, once the caller next waits: behind all that is runnable already.
///
/// Does not switch. A panic in `f` ends that greenlet only: the panic hook runs, a line names the greenlet, and
/// [`join`](JoinHandle::join) gives the payload.
///
/// # Panics
///
/// If this thread's [limits](crate::hub::set_limits) are reached; there are none at first. [`try_spawn`] gives an error.
///
/// ```
/// use std::time::Duration;
///
/// let handles = ["one", "two"].map(|name| {
///     greenlet::spawn(move || {
///         greenlet::sleep(Duration::from_millis(1));
///         name
///     })
/// });
/// for handle in handles {
///     println!("{}", handle.join().unwrap());
/// }
/// ```
#[inline]
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    GreenletBuilder::new().spawn(f)
}

/// As [`spawn`], unless this thread's [limits](crate::hub::set_limits) are reached.
///
/// # Errors
///
/// Why nothing was spawned; hands `f` back.
///
/// ```
/// let handle = greenlet::try_spawn(|| 1).expect("there are no limits at first");
/// assert_eq!(handle.join().unwrap(), 1);
/// ```
#[inline]
#[track_caller]
pub fn try_spawn<F, T>(f: F) -> Result<JoinHandle<T>, SpawnError<F>>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    GreenletBuilder::new().try_spawn(f)
}

/// As [`spawn`], but `f` does not begin before `delay` has passed.
#[track_caller]
pub fn spawn_later<F, T>(delay: Duration, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    GreenletBuilder::new().spawn_later(delay, f)
}

impl GreenletBuilder {
    /// Spawns a greenlet with these settings, as [`greenlet::spawn`](crate::spawn) does.
    ///
    /// It takes its stack when it first runs. If the system has none just then, it waits until there is one.
    ///
    /// # Panics
    ///
    /// If no stack can be as large as was asked for, or this thread's [limits](crate::hub::set_limits) are reached.
    ///
    /// ```
    /// use greenlet::Greenlet;
    ///
    /// let handle = Greenlet::builder().name("worker").spawn(|| greenlet::current().name());
    /// assert_eq!(handle.join().unwrap().as_deref(), Some("worker"));
    /// ```
    #[inline]
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        self.admitted();
        self.spawn_admitted(f)
    }

    /// Spawns a greenlet with these settings, as [`greenlet::try_spawn`](crate::try_spawn) does.
    ///
    /// # Errors
    ///
    /// If no stack can be as large as was asked for, or this thread's [limits](crate::hub::set_limits) are reached.
    #[inline]
    #[track_caller]
    pub fn try_spawn<F, T>(self, f: F) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        match self.admit() {
            Ok(()) => Ok(self.spawn_admitted(f)),
            Err(refusal) => Err(SpawnError { f, refusal }),
        }
    }

    /// Spawns a greenlet, whatever the limits are.
    #[inline]
    #[track_caller]
    pub(crate) fn spawn_admitted<F, T>(self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let (hub, packet) = make(self, f);
        hub.make_runnable(packet.greenlet().clone());
        JoinHandle::new(packet)
    }

    /// Whether a greenlet with these settings may be spawned.
    #[inline]
    pub(crate) fn admit(&self) -> Result<(), SpawnRefusal> {
        let thread = here();
        let asked = self.asked_stack();
        if asked.is_none() && !hub(thread).is_limited.get() {
            return Ok(());
        }
        admit(thread, asked.unwrap_or(DEFAULT_STACK_SIZE))
    }

    /// Panics if it may not.
    #[inline]
    #[track_caller]
    fn admitted(&self) {
        if let Err(refusal) = self.admit() {
            refuse(self.site(), refusal);
        }
    }

    /// Spawns a greenlet with these settings, as [`greenlet::spawn_later`](crate::spawn_later) does.
    #[track_caller]
    pub fn spawn_later<F, T>(self, delay: Duration, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        self.admitted();
        let (hub, packet) = make(self, f);
        let greenlet = packet.greenlet();
        match Deadline::after(clock::now(), delay) {
            Deadline::At(at) if !delay.is_zero() => {
                let start = Due::Start(greenlet.clone());
                let start = hub.timers.borrow_mut().arm(at, start);
                hub.seat(greenlet.block()).timer.set(Some(start));
            }
            _ => hub.make_runnable(greenlet.clone()),
        }
        JoinHandle::new(packet)
    }
}

impl<T> JoinHandle<T> {
    /// Has `f` called in a greenlet of its own when this one has ended, or now if it has. Those of one greenlet begin in
    /// the order in which they were asked for, and before whoever joins goes on.
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc};
    /// use greenlet::Outcome;
    ///
    /// let seen = Rc::new(Cell::new(None));
    /// let handle = greenlet::spawn(|| ());
    /// let outcome = seen.clone();
    /// handle.on_exit(move |how| outcome.set(Some(how)));
    /// handle.join().unwrap();
    /// assert_eq!(seen.get(), Some(Outcome::Returned));
    /// ```
    #[track_caller]
    pub fn on_exit(&self, f: impl FnOnce(Outcome) + 'static) {
        let call = OnExit {
            f: Box::new(f),
            at: Location::caller(),
        };
        if let Err((outcome, call)) = self.packet().when_it_ends(call) {
            spawn_call(call, outcome);
        }
    }
}

#[cold]
fn refuse(site: &Location<'_>, refusal: SpawnRefusal) -> ! {
    panic!("a greenlet cannot be spawned at {site}: {refusal}");
}

/// A spawned greenlet that nothing has made runnable yet. It was admitted.
#[inline]
#[track_caller]
fn make<'a, F, T>(builder: GreenletBuilder, f: F) -> (&'a Hub, Packet<T>)
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    let thread = here();
    let hub = hub(thread);
    // Locals may be copied, which runs code of the user's: nothing is begun yet.
    let (plan, parent) = builder.plan(&thread.current());
    let shared = create_with(thread, plan, Shared::new(), |shared| {
        #[cfg(feature = "tracing")]
        let told = Told::of(shared.greenlet());
        let end = End(Packet::new(shared));
        let task = Task {
            f,
            end,
            #[cfg(feature = "tracing")]
            told,
        };
        move |()| task.run()
    });
    let packet = Packet::new(shared);
    let block = packet.greenlet().block();
    block.role.set(Role::Spawned);
    // The hub's, until its end.
    block.owners.set(1);
    block.parent.replace(ParentLink {
        to: Some(parent.unwrap_or_else(|| hub.greenlet.clone())),
        owns: false,
    });
    hub.spawned.set(hub.spawned.get() + 1);
    if hub.is_limited.get() {
        thread.arena.promise(block.stack_size);
    }
    (hub, packet)
}

/// A spawned greenlet before its first turn. If it never has one, `f` is dropped before anybody hears of the end.
struct Task<F, T: 'static> {
    f: F,
    end: End<T>,
    #[cfg(feature = "tracing")]
    told: Told,
}

impl<F: FnOnce() -> T, T> Task<F, T> {
    /// The whole life of a spawned greenlet that gets its first turn.
    fn run(self) {
        #[cfg(feature = "tracing")]
        self.told.enter();
        let result = catch_unwind(AssertUnwindSafe(self.f));
        let outcome = self.end.outcome(&result);
        #[cfg(feature = "tracing")]
        self.told.exit(self.end.0.greenlet(), outcome, &result);
        self.end.end(outcome, result);
    }
}

/// Sees to it that every spawned greenlet has an end that its joiners hear of, whether it ever runs or not.
struct End<T: 'static>(Packet<T>);

impl<T> End<T> {
    /// How the running greenlet, whose end it is, has ended.
    fn outcome(&self, result: &thread::Result<T>) -> Outcome {
        match result {
            Ok(_) => Outcome::Returned,
            Err(payload) if payload.is::<GreenletExit>() => Outcome::Killed,
            Err(_) if self.0.greenlet().block().was_raised() => Outcome::Killed,
            Err(_) => Outcome::Panicked,
        }
    }

    fn end(&self, outcome: Outcome, result: thread::Result<T>) {
        let thread = here();
        let hub = hub(thread);
        hub.spawned.set(hub.spawned.get() - 1);
        let Left { on_exit, unwanted } = self.0.complete(outcome, result);
        if let Some(on_exit) = on_exit {
            call_all(*on_exit, outcome);
        }
        self.0
            .wake_joiners(|key| hub.make_runnable_by_key(thread, key));
        drop(unwanted);
    }
}

#[cold]
fn call_all(on_exit: Calls, outcome: Outcome) {
    for call in on_exit.in_order {
        spawn_call(call, outcome);
    }
}

fn spawn_call(call: OnExit, outcome: Outcome) {
    let OnExit { f, at } = call;
    let builder = GreenletBuilder::new().created_at(at);
    // One has ended for it.
    drop(builder.spawn_admitted(move || f(outcome)));
}

impl<T> Drop for End<T> {
    /// It never ran.
    fn drop(&mut self) {
        if self.0.outcome().is_none() {
            let block = self.0.greenlet().block();
            if block.stack_limit.get() == 0 {
                here().arena.redeem(block.stack_size);
            }
            #[cfg(feature = "tracing")]
            told::ended(self.0.greenlet(), Outcome::Killed, None);
            let payload = last_words(self.0.greenlet().block());
            self.end(Outcome::Killed, Err(payload.unwrap_or_else(exit)));
        }
    }
}
