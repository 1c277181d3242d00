//! Other signals than those of our guards.

use std::process::Command;
use std::thread;

use greenlet::Greenlet;

use crate::{Case, SIGSEGV, dies_by};

pub(crate) const CASES: &[Case] = &[
    ("segv_without_greenlets", without_greenlets),
    ("segv_beside_greenlets", beside_greenlets),
    ("segv_in_a_greenlet", in_a_greenlet),
    ("fault_beside_greenlets", fault_beside_greenlets),
    ("fault_in_a_greenlet", fault_in_a_greenlet),
];

/// Sends SIGSEGV to this process until it dies.
///
/// std's handler takes the first one for a fault, puts the default action in its own place and returns; a fault
/// would happen again, but what was only sent has to be sent again.
fn die_by_segv() -> ! {
    send_segv();
    while is_segv_caught() {
        thread::yield_now();
    }
    send_segv();
    loop {
        thread::park();
    }
}

fn send_segv() {
    let kill = format!("kill -SEGV {}", std::process::id());
    let sent = Command::new("sh").args(["-c", &kill]).status();
    assert!(sent.expect("there is a shell").success());
}

/// Whether this process has a handler for it, as far as can be known.
fn is_segv_caught() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.is_some_and(|caught| {
        let mask = u64::from_str_radix(caught.trim(), 16).expect("is a hexadecimal mask");
        mask & (1 << (SIGSEGV - 1)) != 0
    })
}

fn without_greenlets() {
    die_by_segv();
}

fn beside_greenlets() {
    let _waits = crate::suspended("never said");
    die_by_segv();
}

fn in_a_greenlet() {
    let g = Greenlet::builder().stack_size(1 << 20);
    g.build::<(), ()>(|()| die_by_segv()).switch(());
}

/// A real fault, at an address that main's stack, which the library knows nothing of, must not be taken for.
#[allow(unsafe_code, reason = "no safe code can do it")]
pub(crate) fn read_nowhere() {
    let nowhere = std::hint::black_box(std::ptr::without_provenance::<u8>(16));
    // SAFETY: there is none; the process is to die of it.
    unsafe { nowhere.read_volatile() };
}

fn fault_beside_greenlets() {
    let _waits = crate::suspended("never said");
    read_nowhere();
}

fn fault_in_a_greenlet() {
    let g = Greenlet::builder().stack_size(1 << 20);
    g.build::<(), ()>(|()| read_nowhere()).switch(());
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn segv_that_is_not_ours_ends_the_process_as_it_would_without_us() {
    for case in [
        "segv_without_greenlets",
        "segv_beside_greenlets",
        "segv_in_a_greenlet",
        "fault_beside_greenlets",
        "fault_in_a_greenlet",
    ] {
        let ended = dies_by(SIGSEGV, case);
        assert_eq!(ended.stderr, "", "{case}");
    }
}
