//! Handlers of signals that were there before the library's are called as the system would have called them.
#![allow(unsafe_code, reason = "handlers of signals, and faults")]

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use greenlet::debug::Watchdog;
use libc::c_int;

use crate::signals::read_nowhere;
use crate::{Case, SIGABRT, SIGSEGV, dies_by, said, say, start, succeeds};

pub(crate) const CASES: &[Case] = &[
    ("one_shot_handler_of_a_fault", one_shot),
    ("one_shot_handler_that_raises", one_shot_that_raises),
    (
        "one_shot_handler_of_what_was_sent",
        one_shot_of_what_was_sent,
    ),
    ("fault_in_an_older_handler", fault_within),
    ("mask_of_an_older_handler", mask),
    ("sent_where_the_default_was", sent_by_default),
    ("sent_where_it_is_ignored", sent_and_ignored),
    ("handed_on_without_anything", handed_on_without_anything),
    ("handler_of_what_a_watchdog_sends", of_a_watchdogs),
    (
        "one_shot_handler_of_what_a_watchdog_sends",
        one_shot_of_a_watchdogs,
    ),
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

extern "C" fn faults_once(_: c_int) {
    match called() {
        1 => read_nowhere(),
        // SAFETY: ends the process.
        _ => unsafe { libc::_exit(0) },
    }
}

extern "C" fn looks_at_the_mask(_: c_int) {
    if is_blocked(libc::SIGUSR1) && !is_blocked(libc::SIGUSR2) {
        called();
    }
}

fn is_blocked(signal: c_int) -> bool {
    // SAFETY: reads the mask into a set of this frame's.
    unsafe {
        let mut set = mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &mut set);
        libc::sigismember(&set, signal) == 1
    }
}

fn raise(signal: c_int) {
    // SAFETY: its handlers are made for it.
    unsafe { libc::raise(signal) };
}

/// Sets what a signal does; gives what it did.
fn handle(signal: c_int, handler: usize, flags: c_int, masked: Option<c_int>) -> libc::sigaction {
    // SAFETY: a zeroed action is a valid start, and all handlers here have the form that their flags say.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigemptyset(&mut action.sa_mask);
        if let Some(masked) = masked {
            libc::sigaddset(&mut action.sa_mask, masked);
        }
        let mut before = mem::zeroed();
        assert_eq!(libc::sigaction(signal, &action, &mut before), 0);
        before
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
    handle(SIGSEGV, address(calls), libc::SA_RESETHAND, None);
    begin();
    read_nowhere();
}

fn one_shot_that_raises() {
    let flags = libc::SA_RESETHAND | libc::SA_NODEFER;
    handle(SIGSEGV, address(calls_and_raises), flags, None);
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
    handle(SIGSEGV, address(calls), libc::SA_RESETHAND, None);
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

fn fault_within() {
    handle(SIGSEGV, address(faults_once), libc::SA_NODEFER, None);
    begin();
    read_nowhere();
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn an_older_handler_that_does_not_block_the_signal_may_fault() {
    let ended = start("fault_in_an_older_handler");
    assert_eq!(ended.status.code(), Some(0), "{ended:#?}");
    assert_eq!(said(&ended), ["called", "called"]);
}

fn mask() {
    handle(SIGSEGV, address(looks_at_the_mask), 0, Some(libc::SIGUSR1));
    begin();
    raise(SIGSEGV);
    say(&format!("and then {}", is_blocked(libc::SIGUSR1)));
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn what_an_older_handler_blocks_is_blocked_while_it_runs() {
    let said = succeeds("mask_of_an_older_handler");
    assert_eq!(said, ["called", "and then false"]);
}

fn sent_by_default() {
    handle(SIGSEGV, libc::SIG_DFL, 0, None);
    begin();
    raise(SIGSEGV);
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn what_is_sent_ends_the_process_if_that_was_so_before() {
    let ended = dies_by(SIGSEGV, "sent_where_the_default_was");
    assert_eq!(ended.stderr, "", "{ended:#?}");
}

fn sent_and_ignored() {
    handle(SIGSEGV, libc::SIG_IGN, 0, None);
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

/// A handler in front of the library's, that calls it with less than it should.
fn handed_on_without_anything() {
    static LIBRARYS: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn careless(signal: c_int) {
        type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::c_void);
        // SAFETY: it is one of three arguments.
        let handler: Handler = unsafe { mem::transmute(LIBRARYS.load(Ordering::Relaxed)) };
        handler(signal, ptr::null_mut(), ptr::null_mut());
    }
    handle(SIGSEGV, address(calls), 0, None);
    begin();
    let librarys = handle(SIGSEGV, address(careless), 0, None);
    LIBRARYS.store(librarys.sa_sigaction, Ordering::Relaxed);
    raise(SIGSEGV);
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn a_signal_is_handed_on_that_came_without_anything_said_of_it() {
    assert_eq!(succeeds("handed_on_without_anything"), ["called"]);
}

/// The calls of [`counts`].
static COUNTED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn counts(_: c_int) {
    COUNTED.fetch_add(1, Ordering::Relaxed);
}

/// Has this thread asked what it does, by SIGURG.
fn be_asked() {
    let (tell, told) = channel();
    let _watchdog = Watchdog::with(Duration::from_millis(5), move |_| _ = tell.send(()));
    let hog = greenlet::spawn(move || {
        let began = Instant::now();
        while told.try_recv().is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "nobody asks");
        }
    });
    hog.join().expect("it was asked");
}

fn of_a_watchdogs() {
    handle(libc::SIGURG, address(counts), 0, None);
    be_asked();
    let calls = COUNTED.load(Ordering::Relaxed);
    say(&format!("told: {}", calls > 0));
    raise(libc::SIGURG);
    say(&format!(
        "told again: {}",
        COUNTED.load(Ordering::Relaxed) > calls
    ));
    let librarys = handle(libc::SIGURG, address(counts), 0, None);
    let restarts = librarys.sa_flags & libc::SA_RESTART != 0;
    say(&format!("calls are started again: {restarts}"));
}

fn one_shot_of_a_watchdogs() {
    handle(libc::SIGURG, address(counts), libc::SA_RESETHAND, None);
    be_asked();
    be_asked();
    raise(libc::SIGURG);
    say(&format!("told {} times", COUNTED.load(Ordering::Relaxed)));
}

/// Of signals that come at the same time there is one, so it may be somebody else's that a watchdog has sent as well.
#[test]
#[cfg(target_os = "linux")]
fn a_handler_of_what_a_watchdog_sends_is_told_as_it_wants_to_be() {
    let said = succeeds("handler_of_what_a_watchdog_sends");
    let expected = [
        "told: true",
        "told again: true",
        "calls are started again: false",
    ];
    assert_eq!(said, expected);
    let said = succeeds("one_shot_handler_of_what_a_watchdog_sends");
    assert_eq!(said, ["told 1 times"]);
}
