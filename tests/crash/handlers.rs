//! Handlers of SIGSEGV that were there before the library's are called as the system would have called them.
#![allow(unsafe_code, reason = "handlers of signals, and faults")]

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::c_int;

use crate::signals::read_nowhere;
use crate::{Case, SIGABRT, SIGSEGV, dies_by, said, say};

pub(crate) const CASES: &[Case] = &[
    ("one_shot_handler_of_a_fault", one_shot),
    ("one_shot_handler_that_raises", one_shot_that_raises),
    (
        "one_shot_handler_of_what_was_sent",
        one_shot_of_what_was_sent,
    ),
    ("sent_where_it_is_ignored", sent_and_ignored),
];

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// In a handler: says that it is called, which it may be twice.
fn called() -> usize {
    let line = b"- called\n";
    // SAFETY: writes what is there.
    unsafe { libc::write(1, line.as_ptr().cast(), line.len()) };
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    if calls > 2 {
        // SAFETY: ends the process, which would go on for ever.
        unsafe { libc::_exit(7) };
    }
    calls
}

extern "C" fn calls(_: c_int) {
    called();
}

extern "C" fn calls_and_raises(signal: c_int) {
    called();
    raise(signal);
}

fn raise(signal: c_int) {
    // SAFETY: its handlers are made for it.
    unsafe { libc::raise(signal) };
}

/// Sets what SIGSEGV does.
fn handle(handler: usize, flags: c_int) {
    // SAFETY: a zeroed action is a valid start, and all handlers here have the form that their flags say.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigemptyset(&mut action.sa_mask);
        assert_eq!(libc::sigaction(SIGSEGV, &action, ptr::null_mut()), 0);
    }
}

/// The address of a handler.
fn address(handler: extern "C" fn(c_int)) -> usize {
    handler as *const () as usize
}

/// Here the library's own is put in front.
fn begin() {
    assert!(greenlet::main().is_active());
}

fn overflow() {
    crate::overflow::named();
}

fn one_shot() {
    handle(address(calls), libc::SA_RESETHAND);
    begin();
    read_nowhere();
}

fn one_shot_that_raises() {
    let flags = libc::SA_RESETHAND | libc::SA_NODEFER;
    handle(address(calls_and_raises), flags);
    begin();
    read_nowhere();
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn a_handler_for_one_fault_is_called_for_one() {
    for case in [
        "one_shot_handler_of_a_fault",
        "one_shot_handler_that_raises",
    ] {
        let ended = dies_by(SIGSEGV, case);
        assert_eq!(said(&ended), ["called"], "{case}");
    }
}

fn one_shot_of_what_was_sent() {
    handle(address(calls), libc::SA_RESETHAND);
    begin();
    raise(SIGSEGV);
    overflow();
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflows_are_reported_after_a_handler_for_one_signal_was_called() {
    let ended = dies_by(SIGABRT, "one_shot_handler_of_what_was_sent");
    assert_eq!(said(&ended)[0], "called");
    assert!(ended.stderr.contains("overflowed"), "{ended:#?}");
}

fn sent_and_ignored() {
    handle(libc::SIG_IGN, 0);
    begin();
    raise(SIGSEGV);
    say("ignored");
    overflow();
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn what_is_sent_is_ignored_if_that_was_so_before() {
    let ended = dies_by(SIGABRT, "sent_where_it_is_ignored");
    assert_eq!(said(&ended)[0], "ignored");
    assert!(ended.stderr.contains("overflowed"), "{ended:#?}");
}
