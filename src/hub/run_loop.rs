//! Who runs next: the hub's loop.
//!
//! A greenlet that parks hands over to the next runnable one directly, for the length of a [stretch](crate::hub::stretch). Then, and when
//! nobody is runnable, it leaves for the hub, whose turn it is on the thread's native stack:
//!
//! ```text
//!     turn:  collect who was woken elsewhere, fire timers, ask for ready fds
//!            somebody is runnable?  -> switch there
//!            otherwise sleep until a timer, an fd or another thread
//!            nothing can come?      -> see who waits for just that, or report a deadlock
//! ```
//!
//! Nothing of the user's runs here.

use std::thread::panicking;
use std::time::{Duration, Instant};

use crate::greenlet::alert;
use crate::greenlet::block::{AnyGreenlet, Arrival, Block, Thread};
use crate::greenlet::panicking::Unwinding;
use crate::greenlet::state::{Stage, State};
use crate::greenlet::switch::{prepare, set_current, transfer};
use crate::hub::interrupt::{Strike, elapse, press_again, take_strike};
use crate::hub::report::{self, Deadlock};
use crate::hub::seat::Seat;
use crate::hub::state::{Due, Hub, Place, Until};
use crate::sys::arena::More;
use crate::sys::clock;
use crate::sys::os_thread;
use crate::sys::prefetch::prefetch;
use crate::wait::parker::Token;
use crate::wait::run_queue::RunQueue;
use crate::wait::sleepers::{all_asleep, all_asleep_but};

/// How soon a thread for which only other threads can do something looks whether there still are any; doubled each time.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_secs(1);

/// How soon stacks are asked for again after there were none.
const STACK_RETRY: Duration = Duration::from_millis(10);

/// Leaves the running greenlet for the next one; returns when it is its turn again.
///
/// Inlined as far up as may be, like all that calls it on the way to a switch: a frame that is entered before a switch and left after another
/// is a return that the processor predicts wrongly, and costs as much as the switch.
#[inline(always)]
pub(crate) fn leave(place: &Place<'_>) {
    let Place {
        thread, hub, me, ..
    } = *place;
    let next = match hub.stretch.go_on() {
        true => pop_ready(hub, More::IsNotReserved),
        false => None,
    };
    match next {
        None => transfer(thread, me, &hub.greenlet),
        Some(next) if std::ptr::eq(next.block(), me) => {}
        Some(next) => transfer(thread, me, &next),
    }
}

/// The next who can run. Whoever parks may have little of its stack left, so none as well if the next one needs more than what is reserved: that
/// is the hub's to see to.
#[inline(always)]
fn pop_ready(hub: &Hub, more: More) -> Option<AnyGreenlet> {
    loop {
        let mut queue = hub.run_queue.borrow_mut();
        let next = queue.pop()?;
        fetch_ahead(&queue);
        drop(queue);
        if next.block().stage.get() == Stage::Started {
            return Some(next);
        }
        match make_ready(hub, &next, more) {
            Ready::Now => return Some(next),
            Ready::ByTheHub => return None,
            Ready::Never => {}
        }
    }
}

/// How many turns before its own the control block, and then the stack, of a greenlet is fetched. With many runnable ones that is what a switch
/// would wait for otherwise.
const BLOCK_AHEAD: usize = 8;
const STACK_AHEAD: usize = 4;

#[inline(always)]
fn fetch_ahead(queue: &RunQueue<AnyGreenlet>) {
    let Some(far) = queue.peek(BLOCK_AHEAD) else {
        return;
    };
    let block: *const u8 = far.as_ptr().as_ptr().cast_const().cast();
    for line in 0..3 {
        prefetch(block.wrapping_add(64 * line));
    }
    if let Some(near) = queue.peek(STACK_AHEAD) {
        let frame = near.block().slot.get().cast_const();
        for line in 0..4 {
            prefetch(frame.wrapping_add(64 * line).wrapping_sub(128));
        }
    }
}

/// Sees to a greenlet that is to run, and has not started, or was killed while it was in the queue.
fn make_ready(hub: &Hub, next: &AnyGreenlet, more: More) -> Ready {
    if next.is_dead() {
        return Ready::Never;
    }
    debug_assert!(
        next.block()
            .argument()
            .is_some_and(|(takes, _)| takes.is::<()>()),
        "B9"
    );
    if prepare(next, more).is_ok() {
        return Ready::Now;
    }
    match more {
        More::IsNotReserved => {
            hub.run_queue.borrow_mut().put_back(next.clone());
            Ready::ByTheHub
        }
        More::MayBeReserved => {
            hub.starved.borrow_mut().push_back(next.clone());
            Ready::Never
        }
    }
}

enum Ready {
    Now,
    /// The hub will make it so, whose turn it has to be.
    ByTheHub,
    /// Not as it is.
    Never,
}

/// The hub's turn: makes another greenlet the current one.
pub(crate) fn turn(thread: &Thread) {
    let hub = Hub::of(thread);
    if thread.alert.get() & alert::ARRIVAL != 0 {
        thread.alert.lower(alert::ARRIVAL);
        if let Some(arrival) = hub.greenlet.block().arrival.take() {
            thread.bury(*arrival);
        }
    }
    if hub.stretch.go_on()
        && let Some(next) = pop_ready(hub, More::MayBeReserved)
    {
        return set_current(thread, &next);
    }
    look_around(thread, hub);
}

/// The hub's turn when a stretch is over, or nobody is runnable.
#[inline(never)]
fn look_around(thread: &Thread, hub: &Hub) {
    let mut look = FIRST_LOOK;
    thread.note_pause();
    loop {
        visit(thread, hub);
        if !hub.shielded.borrow().is_empty() && !panicking() {
            press_again(hub);
        }
        if let Some(next) = strike(thread, hub).or_else(|| let_go(thread)) {
            return set_current(thread, &next);
        }
        if let Some(next) = pop_ready(hub, More::MayBeReserved) {
            return set_current(thread, &next);
        }
        hub.beat.set_asleep(true);
        let goes_on = idle(thread, hub, &mut look);
        hub.beat.set_asleep(false);
        if !goes_on && !give_up(thread, hub) {
            return set_current(thread, &thread.main());
        }
    }
}

/// Makes everybody runnable whose turn has come by something outside.
fn visit(thread: &Thread, hub: &Hub) {
    let now = clock::now();
    hub.stretch.begin(now);
    hub.beat.visit(hub.spawned.get());
    #[cfg(feature = "tracing")]
    thread.look_for_subscriber();
    collect_mail(thread, hub);
    look_at_fds(hub, now);
    fire_timers(thread, hub, now);
    if !hub.starved.borrow().is_empty() {
        feed(thread, hub);
    }
}

/// Makes as many of those runnable that wait for a stack as there may be stacks for, and one at least, which asks the system.
#[cold]
fn feed(thread: &Thread, hub: &Hub) {
    let mut starved = hub.starved.borrow_mut();
    let mut stacks = thread.arena.at_hand().max(1);
    while stacks > 0
        && let Some(next) = starved.pop_front()
    {
        if !next.is_dead() {
            hub.make_runnable(next);
            stacks -= 1;
        }
    }
}

fn collect_mail(thread: &Thread, hub: &Hub) {
    if !hub.home.has_mail() {
        return;
    }
    let mut mail = hub.mail.borrow_mut();
    let errands = hub.home.collect(&mut mail);
    for parker in mail.drain(..) {
        hub.make_runnable_by_key(thread, parker.key());
    }
    drop(mail);
    for errand in errands {
        errand();
    }
}

/// Before timers: who is ready when its deadline comes is ready. Not if the thread is about to sleep in the poller, or has just
/// done so, for then it is asked there.
fn look_at_fds(hub: &Hub, now: Instant) {
    let Some(reactor) = hub.awaited_reactor() else {
        return;
    };
    let nothing_due = || hub.timers.borrow().next().is_none_or(|next| next > now);
    let about_to_sleep = hub.run_queue.borrow().is_empty() && nothing_due();
    if !reactor.has_just_looked() && !about_to_sleep {
        reactor.look();
    }
}

fn fire_timers(thread: &Thread, hub: &Hub, now: Instant) {
    loop {
        let Some(due) = hub.timers.borrow_mut().pop_due(now) else {
            return;
        };
        match due {
            Due::Wake(waiter) => {
                let registry = thread.registry.borrow();
                let sleeper = registry[waiter.key()].block();
                hub.seat(sleeper).timer.set(None);
                drop(registry);
                // If it was woken before, that counts.
                let _ = waiter.unpark(Token::TIMED_OUT);
            }
            Due::Start(greenlet) => {
                hub.seat(greenlet.block()).timer.set(None);
                hub.make_runnable(greenlet);
            }
            Due::Elapse(greenlet, number) => elapse(hub, &greenlet, number),
        }
    }
}

/// How many are looked at each time that somebody else could run; all of them if nobody can.
const STRIKES_AT_ONCE: usize = 64;

/// The next greenlet that is hit where it waits in a switch.
fn strike(thread: &Thread, hub: &Hub) -> Option<AnyGreenlet> {
    let mut strikes = hub.strikes.borrow_mut();
    let looks = match hub.run_queue.borrow().is_empty() {
        true => strikes.len(),
        false => STRIKES_AT_ONCE.min(strikes.len()),
    };
    for _ in 0..looks {
        let target = strikes.pop_front()?;
        match take_strike(&target) {
            Strike::Hit(payload) => {
                thread.announce(&target, Arrival::Thrown(payload));
                return Some(target);
            }
            Strike::Later => strikes.push_back(target),
            Strike::Over => {}
        }
    }
    None
}

/// A killer that waits in vain, for the end of its victim was told to somebody else: it finds that as well.
fn let_go(thread: &Thread) -> Option<AnyGreenlet> {
    let mut bereaved = thread.bereaved.borrow_mut();
    let waits = |killer: &Block| killer.state() == State::Suspended && !killer.is_parked();
    let at = bereaved
        .iter()
        .position(|(killer, _)| waits(killer.block()))?;
    let (killer, victim) = bereaved.remove(at);
    thread.announce(&killer, Arrival::Exited(victim));
    Some(killer)
}

/// Sleeps until something may have happened; false if nothing ever will.
fn idle(thread: &Thread, hub: &Hub, look: &mut Duration) -> bool {
    hub.stretch.forget();
    let next = hub.timers.borrow().next();
    // They wait for memory, which another thread may give back, or nobody.
    let starved = !hub.starved.borrow().is_empty();
    if !starved && is_drained(thread, hub) {
        return false;
    }
    if !starved && next.is_some_and(clock::skip_to) {
        return true;
    }
    let hopeless = || all_asleep(os_thread::count);
    let timed = next.is_some() || hub.awaited_reactor().is_some();
    if starved && !timed {
        return !hub.home.sleep(Some(STACK_RETRY), Some(&hopeless));
    }
    let limit = match starved {
        true => Some(STACK_RETRY),
        false => next.map(|next| next.saturating_duration_since(clock::now())),
    };
    if let Some(reactor) = hub.awaited_reactor() {
        reactor.sleep(hub.home, limit);
        return true;
    }
    if let Some(mut limit) = limit {
        if hub.drain.get().is_some() {
            // Other threads may end meanwhile.
            limit = limit.min(next_look(look));
        }
        hub.home.sleep(Some(limit), None);
        return true;
    }
    !hub.home.sleep(Some(next_look(look)), Some(&hopeless))
}

/// How long to sleep before looking whether there still are other threads.
fn next_look(look: &mut Duration) -> Duration {
    let next = LAST_LOOK.min(*look * 2);
    std::mem::replace(look, next)
}

/// Whether somebody waits until there is nothing to do, and there is nothing.
fn is_drained(thread: &Thread, hub: &Hub) -> bool {
    let Some(drain) = hub.drain.get() else {
        return false;
    };
    match drain.until {
        Until::Drained(own_timers) => {
            let nothing_timed = hub.timers.borrow().len() == own_timers;
            // With a timer of its own it does not sleep for ever, so it cannot ask whether all do.
            let alone = || own_timers > 0 && all_asleep_but(1, os_thread::count);
            let nothing_comes = nothing_timed && hub.awaited_reactor().is_none();
            let works = |seat: &Seat| !seat.is_attendant.get();
            nothing_comes && (!any_other(thread, works) || alone())
        }
        Until::Settled => !any_other(thread, |seat| seat.shielded.get() || seat.pending.get()),
    }
}

/// Whether any greenlet but main is parked, and is such.
fn any_other(thread: &Thread, is_such: impl Fn(&Seat) -> bool) -> bool {
    thread.registry.borrow().iter().any(|(_, greenlet)| {
        let block = greenlet.block();
        block.is_parked() && !block.is_main() && Seat::of(block).is_some_and(&is_such)
    })
}

/// Nothing can happen any more. Whoever waited for that goes on; otherwise main waits for ever, and is told so. False if main is
/// to run at once.
#[cold]
fn give_up(thread: &Thread, hub: &Hub) -> bool {
    if let Some(drain) = hub.drain.take() {
        let _ = drain.waiter.unpark(Token::READY);
        return true;
    }
    let main = thread.main();
    let seat = hub.seat(main.block());
    let waiter = seat.parker.present();
    if main.block().is_parked() && waiter.is_none() {
        // Another thread has woken it just now.
        return true;
    }
    let deadlock = Deadlock::find(thread);
    let unwinds = match waiter {
        Some(_) => seat.shielded.get() && panicking(),
        None => main.block().unwinding() != Unwinding::No,
    };
    if unwinds {
        report::abort(&deadlock);
    }
    report::print(&deadlock);
    let Some(waiter) = waiter else {
        thread.announce(&main, Arrival::Thrown(Box::new(deadlock)));
        return false;
    };
    let first = seat.kill.replace(Some(Box::new(deadlock)));
    if let Some(first) = first {
        thread.bury(Arrival::Thrown(first));
    }
    seat.pending.set(true);
    // If another thread wakes it first, it is told at its next wait.
    let _ = waiter.unpark(Token::INTERRUPTED);
    true
}
