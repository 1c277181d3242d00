//! The report of a stack overflow.

use std::hint::black_box;
use std::ops::Range;
use std::thread;

use greenlet::Greenlet;

use crate::process::Ended;
use crate::{Case, SIGABRT, dies_by, on_a_thread, say};

pub(crate) const CASES: &[Case] = &[
    ("overflow_named", named),
    ("overflow_unnamed", unnamed),
    ("overflow_of_default_size", default_size),
    ("overflow_on_second_thread", second_thread),
    ("overflow_while_others_wait", while_others_wait),
    ("overflow_after_a_switch", after_a_switch),
    ("overflow_on_a_reused_stack", on_a_reused_stack),
    ("overflow_by_one_large_frame", by_one_large_frame),
    ("overflow_while_it_is_killed", while_it_is_killed),
    ("overflow_while_locals_go", while_locals_go),
    ("overflow_of_one_left_over", of_one_left_over),
    (
        "overflow_on_a_thread_without_signal_stack",
        without_signal_stack,
    ),
    ("overflow_of_main", of_main),
    (
        "overflow_of_main_beside_greenlets",
        of_main_beside_greenlets,
    ),
    ("overflow_without_greenlets", without_greenlets),
];

const SIZE: usize = 128 << 10;
/// What may come of asking for it.
const ASKED: Range<usize> = SIZE..SIZE * 4;

/// Recurses until the stack ends.
fn dive(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    match depth {
        u64::MAX => 0,
        _ => dive(depth + 1) + black_box(&frame)[1],
    }
}

/// A greenlet that overflows when it is started; says its id.
fn diver(name: Option<&str>) -> Greenlet<(), u64> {
    let mut builder = Greenlet::builder().stack_size(SIZE);
    if let Some(name) = name {
        builder = builder.name(name);
    }
    let g = builder.build(|()| dive(0));
    say(&format!("id {}", g.id()));
    g
}

/// The id that the child said.
#[track_caller]
fn id(ended: &Ended) -> &str {
    let id = ended
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("- id "));
    id.unwrap_or_else(|| panic!("no id: {ended:#?}"))
}

/// Checks the report about the greenlet that said its id, and that there is only this one.
#[track_caller]
fn assert_reported(ended: &Ended, name: Option<&str>, sizes: Range<usize>) {
    let id = id(ended);
    let stderr = &ended.stderr;
    let start = match name {
        Some(name) => format!("greenlet '{name}' ({id}) has overflowed its stack of "),
        None => format!("greenlet ({id}) has overflowed its stack of "),
    };
    let size = stderr.lines().find_map(|line| line.strip_prefix(&start));
    let size = size.unwrap_or_else(|| panic!("no {start:?}: {ended:#?}"));
    let size: usize = size
        .strip_suffix(" bytes")
        .expect("a size")
        .parse()
        .expect("a number");
    assert!(sizes.contains(&size), "{ended:#?}");
    assert!(
        stderr.contains("Greenlet::builder().stack_size(bytes)"),
        "{ended:#?}"
    );
    assert_eq!(stderr.matches("overflowed").count(), 1, "{ended:#?}");
}

pub(crate) fn named() {
    diver(Some("the deep one")).switch(());
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_names_greenlet_id_and_size_and_aborts() {
    let ended = dies_by(SIGABRT, "overflow_named");
    assert_reported(&ended, Some("the deep one"), ASKED);
}

fn unnamed() {
    diver(None).switch(());
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_of_an_unnamed_greenlet_gives_its_id() {
    let ended = dies_by(SIGABRT, "overflow_unnamed");
    assert_reported(&ended, None, ASKED);
}

fn default_size() {
    let g = Greenlet::new(|()| dive(0));
    say(&format!("id {}", g.id()));
    g.switch(());
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_of_a_stack_of_default_size_is_reported() {
    let ended = dies_by(SIGABRT, "overflow_of_default_size");
    assert_reported(&ended, None, 32 << 10..16 << 20);
}

fn second_thread() {
    // The first thread installs the handler; the second has greenlets of its own.
    Greenlet::<()>::new(|()| ()).switch(());
    let overflows = || {
        diver(Some("elsewhere")).switch(());
    };
    thread::spawn(overflows).join().expect("dies");
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_on_a_second_thread_is_reported() {
    let ended = dies_by(SIGABRT, "overflow_on_second_thread");
    assert_reported(&ended, Some("elsewhere"), ASKED);
}

fn while_others_wait() {
    let waiting: Vec<_> = (0..10).map(|_| crate::suspended("never said")).collect();
    let outer = Greenlet::<(), u64>::new(|()| diver(Some("inner")).switch(()));
    outer.switch(());
    drop(waiting);
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_names_the_one_that_runs_not_those_that_wait() {
    let ended = dies_by(SIGABRT, "overflow_while_others_wait");
    assert_reported(&ended, Some("inner"), ASKED);
}

fn after_a_switch() {
    let g = Greenlet::builder()
        .name("resumed")
        .stack_size(SIZE)
        .build(|()| {
            greenlet::main().switch::<u64, ()>(0);
            dive(0)
        });
    say(&format!("id {}", g.id()));
    g.switch(());
    Greenlet::<()>::new(|()| ()).switch(());
    g.switch(());
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_after_a_switch_is_reported() {
    let ended = dies_by(SIGABRT, "overflow_after_a_switch");
    assert_reported(&ended, Some("resumed"), ASKED);
}

fn on_a_reused_stack() {
    for _ in 0..3 {
        Greenlet::builder()
            .stack_size(SIZE)
            .build(|()| ())
            .switch(());
    }
    greenlet::trim_stacks();
    diver(Some("second hand")).switch(());
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_on_a_reused_and_trimmed_stack_is_reported() {
    let ended = dies_by(SIGABRT, "overflow_on_a_reused_stack");
    assert_reported(&ended, Some("second hand"), ASKED);
}

fn by_one_large_frame() {
    fn frame() -> u8 {
        // Far larger than stack and guard together: only probing finds the guard.
        let frame = black_box([1u8; 8 << 20]);
        frame[black_box(77)]
    }
    let g = Greenlet::builder().name("one frame").stack_size(SIZE);
    let g = g.build(|()| frame());
    // A neighbour that would be overwritten.
    let _neighbour = crate::suspended("never said");
    say(&format!("id {}", g.id()));
    g.switch(());
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_by_one_large_frame_does_not_skip_the_guard() {
    let ended = dies_by(SIGABRT, "overflow_by_one_large_frame");
    assert_reported(&ended, Some("one frame"), ASKED);
}

struct Dives;

impl Drop for Dives {
    fn drop(&mut self) {
        black_box(dive(0));
    }
}

/// A suspended one that overflows when it is killed; says its id.
fn victim() -> Greenlet<()> {
    let g = Greenlet::builder().name("victim").stack_size(SIZE);
    let g = g.build::<(), ()>(|()| {
        let _dives = Dives;
        greenlet::main().switch::<(), ()>(());
    });
    say(&format!("id {}", g.id()));
    g.switch(());
    g
}

fn while_it_is_killed() {
    drop(victim());
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_in_a_destructor_of_a_killed_greenlet_is_reported() {
    let ended = dies_by(SIGABRT, "overflow_while_it_is_killed");
    assert_reported(&ended, Some("victim"), ASKED);
}

fn while_locals_go() {
    struct AtEnd;
    impl Drop for AtEnd {
        fn drop(&mut self) {
            diver(Some("late")).switch(());
        }
    }
    thread_local! {
        static AT_END: AtEnd = const { AtEnd };
    }
    on_a_thread(|| {
        AT_END.with(|_| ());
        Greenlet::<()>::new(|()| ()).switch(());
    });
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_in_a_destructor_of_a_thread_local_is_reported() {
    let ended = dies_by(SIGABRT, "overflow_while_locals_go");
    assert_reported(&ended, Some("late"), ASKED);
}

fn of_one_left_over() {
    on_a_thread(|| std::mem::forget(victim()));
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_of_one_that_is_left_over_when_its_thread_ends_is_reported() {
    let ended = dies_by(SIGABRT, "overflow_of_one_left_over");
    assert_reported(&ended, Some("victim"), ASKED);
}

/// What a thread has for its handlers of signals.
#[allow(unsafe_code)]
fn signal_stack(new: Option<&libc::stack_t>) -> libc::stack_t {
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: a zeroed one is valid, and what is set is set to none.
    unsafe {
        let mut now = std::mem::zeroed();
        assert_eq!(libc::sigaltstack(new, &mut now), 0);
        now
    }
}

fn without_signal_stack() {
    on_a_thread(|| {
        let mut off = signal_stack(None);
        off.ss_flags = libc::SS_DISABLE;
        signal_stack(Some(&off));
        // As a thread that std has not made.
        Greenlet::<()>::new(|()| ()).switch(());
        let librarys = signal_stack(None);
        assert_eq!(librarys.ss_flags & libc::SS_DISABLE, 0);
        say(&format!(
            "below it: {}",
            access(librarys.ss_sp as usize - 1)
        ));
        diver(Some("of no std thread")).switch(());
    });
}

/// How the memory at an address may be used, as the system says.
fn access(address: usize) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let number = |text: &str| usize::from_str_radix(text, 16).expect("is a hexadecimal number");
    let mut lines = maps.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(range, _)| {
        let (start, end) = range.split_once('-').expect("is a range");
        (number(start)..number(end)).contains(&address)
    });
    found.map_or_else(String::new, |(_, rest)| rest[..4].to_owned())
}

#[test]
#[cfg(target_os = "linux")]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn a_thread_without_signal_stack_gets_one_with_a_guard() {
    let ended = dies_by(SIGABRT, "overflow_on_a_thread_without_signal_stack");
    assert_reported(&ended, Some("of no std thread"), ASKED);
    assert!(crate::said(&ended).contains(&"below it: ---p".to_owned()));
}

/// On a thread with a small stack and a name, so that it is soon over.
fn dive_in_thread(before: fn()) {
    let run = move || {
        before();
        dive(0)
    };
    let builder = thread::Builder::new()
        .name("the thread".to_owned())
        .stack_size(SIZE);
    builder.spawn(run).expect("starts").join().expect("dies");
}

fn of_main() {
    dive_in_thread(|| Greenlet::<()>::new(|()| ()).switch(()));
}

fn of_main_beside_greenlets() {
    dive_in_thread(|| std::mem::forget(crate::suspended("never said")));
}

fn without_greenlets() {
    dive_in_thread(|| ());
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "AddressSanitizer takes SIGSEGV for itself"
)]
fn overflow_of_a_threads_own_stack_is_left_to_std() {
    for case in [
        "overflow_without_greenlets",
        "overflow_of_main",
        "overflow_of_main_beside_greenlets",
    ] {
        let ended = dies_by(SIGABRT, case);
        let stderr = &ended.stderr;
        assert!(stderr.contains("thread 'the thread'"), "{ended:#?}");
        assert!(stderr.contains("has overflowed its stack"), "{ended:#?}");
        assert!(!stderr.contains("greenlet "), "{ended:#?}");
    }
}
