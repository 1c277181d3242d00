//! Dumps of all threads, from any thread and at any time.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::FORBIDDEN;
use signal_hook::low_level::pipe;

use crate::debug::dump::{Dump, ThreadDump};
use crate::debug::gather::dump_thread;
use crate::greenlet::thread::{here, if_here};
use crate::hub::roll;
use crate::hub::state::Hub;
use crate::signal::signals::Signal;
use crate::sys::clock;
use crate::wait::parker::Home;
use crate::wait::sleepers::IdleHelper;

/// What the greenlets of every thread do that has a hub, and where. Each thread is asked, and answers at its next visit to its hub; those that
/// have not answered after `limit` are [named](Dump::silent).
///
/// Blocks the calling thread meanwhile, with its greenlets; it still answers if it is asked itself.
pub fn dump_all(limit: Duration) -> Dump {
    let mut dump = Dump {
        threads: Vec::new(),
        silent: Vec::new(),
    };
    let own = if_here().filter(|thread| thread.hub_part.get().is_some());
    let own = own.map(|thread| Hub::of(thread).home);
    if own.is_some() {
        dump.threads.push(dump_thread(here()));
    }
    let mut asked: Vec<_> = roll::call()
        .into_iter()
        .filter(|hub| !own.is_some_and(|own| std::ptr::eq(own, hub.home)))
        .map(|hub| {
            let (answer, answered) = channel();
            hub.home.send_on(Box::new(move || {
                // Nobody listens any more if it comes too late.
                let _ = answer.send(dump_thread(here()));
            }));
            (hub.thread, answered)
        })
        .collect();
    let now = clock::now();
    let until = now.checked_add(limit);
    for (thread, answered) in asked.drain(..) {
        match wait_for(&answered, until, own) {
            Ok(answer) => dump.threads.push(answer),
            Err(RecvTimeoutError::Timeout) => dump.silent.push(thread),
            // It has ended.
            Err(RecvTimeoutError::Disconnected) => {}
        }
    }
    dump
}

/// How often a thread that waits for answers looks whether it is asked.
const NAP: Duration = Duration::from_millis(1);

/// Waits for an answer. Meanwhile the thread, whose home is `own`, answers those who ask it: they may be the ones it has asked.
fn wait_for(
    answered: &Receiver<ThreadDump>,
    until: Option<Instant>,
    own: Option<&Home>,
) -> Result<ThreadDump, RecvTimeoutError> {
    let left = || match until {
        Some(until) => until.saturating_duration_since(clock::now()),
        None => Duration::MAX,
    };
    let Some(own) = own else {
        return answered.recv_timeout(left());
    };
    loop {
        own.take_errands().into_iter().for_each(|errand| errand());
        match answered.recv_timeout(left().min(NAP)) {
            Err(RecvTimeoutError::Timeout) if !left().is_zero() => {}
            got => return got,
        }
    }
}

/// How long threads have time to answer when a signal has come.
const LIMIT: Duration = Duration::from_secs(1);

/// From here on the process writes a dump of [all threads](dump_all) to standard error whenever it is sent that signal, instead of what the signal does
/// by default. A thread of the library's own sees to it, so it works whatever the others do.
///
/// ```
/// const SIGUSR1: i32 = 10;
/// # if !cfg!(target_os = "linux") { return }
/// greenlet::debug::dump_on_signal(SIGUSR1).unwrap();
/// ```
///
/// # Errors
///
/// If the signal cannot be received, or there is no thread to be had.
pub fn dump_on_signal(signal: i32) -> io::Result<()> {
    if FORBIDDEN.contains(&signal) {
        let what = format!("{} cannot be received", Signal(signal));
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let (mut told, tell) = io::pipe()?;
    pipe::register(signal, tell)?;
    thread::Builder::new()
        .name("greenlet-dump".to_owned())
        .spawn(move || {
            let mut signals = [0; 64];
            loop {
                // It wakes nobody, so it is no reason to wait for anything.
                let idle = IdleHelper::begin();
                let got = told.read(&mut signals);
                drop(idle);
                match got {
                    Ok(1..) => _ = io::stderr().write_all(dump_all(LIMIT).to_string().as_bytes()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    _ => return,
                }
            }
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::begin::place;

    #[test]
    fn a_thread_that_has_ended_is_not_waited_for() {
        let home = thread::spawn(|| place().hub.home).join().unwrap();
        let (answer, answered) = channel();
        home.send_on(Box::new(move || _ = answer.send(())));
        // Another test's thread may live there by now, and answers.
        let got = answered.recv_timeout(Duration::from_secs(60));
        assert_ne!(got, Err(RecvTimeoutError::Timeout));
    }
}
