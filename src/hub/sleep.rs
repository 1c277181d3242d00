//! Waiting for a moment.

use std::time::{Duration, Instant};

use crate::hub::awaited::Plain;
use crate::hub::begin::place;
use crate::hub::park::{park, pass};
use crate::sys::clock;
use crate::util::deadline::Deadline;

/// Lets other greenlets run for at least so long.
///
/// A sleep of zero is [`yield_now`]. What no clock can express is a hundred years.
///
/// Switches always. A kill, or the end of an enclosing limit, ends the sleep.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let began = Instant::now();
/// let sleepers = [3, 1, 2].map(|n| greenlet::spawn(move || greenlet::sleep(Duration::from_millis(n))));
/// greenlet::join_all(sleepers);
/// assert!(began.elapsed() >= Duration::from_millis(3));
/// ```
#[track_caller]
pub fn sleep(duration: Duration) {
    match duration.is_zero() {
        true => yield_now(),
        false => sleep_to(Deadline::after(clock::now(), duration)),
    }
}

/// Lets other greenlets run until that moment. One that has passed is a [`yield_now`].
///
/// Switches always. A kill, or the end of an enclosing limit, ends the sleep.
#[track_caller]
pub fn sleep_until(moment: Instant) {
    match moment <= clock::now() {
        true => yield_now(),
        false => sleep_to(Deadline::At(moment)),
    }
}

#[track_caller]
fn sleep_to(deadline: Deadline) {
    let place = place();
    place.check();
    let waiter = place.seat.parker.arm();
    park(&place, waiter, deadline, &Plain("a moment to come"));
}

/// Lets every other greenlet that is runnable now have a turn, in order, then goes on.
///
/// Timers and fds are looked at every now and then, so a storm of yields does not keep them from their turn.
///
/// Switches always, if anybody else is runnable. It is a wait: a kill or an elapsed limit that is pending is raised here; one that comes
/// while the greenlet is queued to go on is raised at the next wait.
///
/// ```
/// let handle = greenlet::spawn(|| 1);
/// assert!(!handle.is_finished());
/// greenlet::yield_now();
/// assert!(handle.is_finished());
/// ```
#[inline]
#[track_caller]
pub fn yield_now() {
    pass(&place());
}
