//! Waiting for any of several greenlets.

use std::fmt;
use std::time::Duration;

use crate::hub::awaited::Awaited;
use crate::hub::begin::place;
use crate::hub::park::park;
use crate::sys::clock;
use crate::task::join_handle::JoinHandle;
use crate::task::packet::Joiner;
use crate::util::deadline::Deadline;
use crate::wait::parker::Token;

/// Waits until any of these greenlets has ended; which one. If several have, it is the first of them in the order given; if
/// the caller had to wait, the one that ended first.
///
/// Takes no result, and the others run on. Switches unless one has ended already. A kill, or the end of an enclosing limit, ends the wait.
///
/// ```
/// use std::time::Duration;
///
/// let sleepers = [20, 1, 30].map(|ms| greenlet::spawn(move || greenlet::sleep(Duration::from_millis(ms))));
/// let [a, b, c] = &sleepers;
/// assert_eq!(greenlet::wait_any(&[a, b, c]), 1);
/// greenlet::kill_all(&sleepers);
/// ```
///
/// # Panics
///
/// If there is none, or a greenlet waits for itself.
#[track_caller]
pub fn wait_any<T>(handles: &[&JoinHandle<T>]) -> usize {
    assert!(!handles.is_empty(), "there is nothing to wait for");
    wait(handles, Deadline::Never).expect("there is no deadline")
}

/// As [`wait_any`], for so long at most; `None` if none has ended by then. Of no greenlets none ever does.
///
/// # Panics
///
/// If a greenlet waits for itself.
#[track_caller]
pub fn wait_any_timeout<T>(handles: &[&JoinHandle<T>], limit: Duration) -> Option<usize> {
    wait(handles, Deadline::after(clock::now(), limit))
}

#[track_caller]
fn wait<T>(handles: &[&JoinHandle<T>], deadline: Deadline) -> Option<usize> {
    if let Some(ended) = handles.iter().position(|handle| handle.is_finished()) {
        return Some(ended);
    }
    for handle in handles {
        handle.packet().refuse_itself();
    }
    let place = place();
    place.check();
    let waiter = place.seat.parker.arm();
    let each = handles.iter().enumerate();
    let each = each.map(|(i, handle)| handle.packet().register(waiter, Token(i)));
    let mut joiners: Vec<Joiner<'_, T>> = each.collect();
    match park(&place, waiter, deadline, &AnyOf(handles.len())) {
        Token::TIMED_OUT => None,
        Token(ended) => {
            // Gone from its queue: whoever ended has taken it.
            joiners.swap_remove(ended).was_woken();
            Some(ended)
        }
    }
}

struct AnyOf(usize);

impl Awaited for AnyOf {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the end of any of {} greenlets", self.0)
    }
}
