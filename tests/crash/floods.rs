//! More greenlets than there is memory for.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use greenlet::event::Event;

use crate::Case;

pub(crate) const CASES: &[Case] = &[("flood", flood)];

/// Of address space, for everything.
const LIMIT: usize = 1 << 30;

/// More than that has stacks for, in any profile.
const FLOOD: usize = 40_000;

/// Whether any greenlet has got a stack for some time, in which the system was asked several times.
fn more_begin() -> bool {
    let before = greenlet::census().stacks;
    greenlet::sleep(Duration::from_millis(50));
    greenlet::census().stacks > before
}

fn flood() {
    let (gate, ended) = (Rc::new(Event::new()), Rc::new(Cell::new(0)));
    let flood: Vec<_> = (0..FLOOD)
        .map(|_| {
            let (gate, ended) = (gate.clone(), ended.clone());
            greenlet::spawn(move || {
                gate.wait();
                ended.set(ended.get() + 1);
            })
        })
        .collect();
    while more_begin() {}
    let parked = greenlet::census();
    assert!(parked.stacks > 100, "some have begun: {parked:?}");
    assert!(parked.stacks < FLOOD, "the others wait: {parked:?}");
    assert!(parked.reserved_bytes < LIMIT, "{parked:?}");
    // There is memory left for others; more than an allocator may have in stock.
    drop([vec![1_u8; 30 << 20], vec![1_u8; 30 << 20]]);
    gate.set();
    greenlet::join_all(flood);
    assert_eq!(ended.get(), FLOOD);
}

#[test]
#[cfg(all(target_os = "linux", not(feature = "sanitizer")))]
fn those_that_find_no_memory_for_a_stack_wait_until_others_have_ended() {
    use crate::{CASE, process, returned};
    use std::process::Command;

    let this = std::env::current_exe().expect("is known");
    let limited = format!("ulimit -v {} && exec \"$0\" \"$@\"", LIMIT >> 10);
    let mut child = Command::new("sh");
    child.args(["-c", &limited]).arg(this);
    child.args(["child", "--exact", "--nocapture", "--test-threads=1"]);
    child.env(CASE, "flood").env("RUST_BACKTRACE", "0");
    let ended = process::run(&mut child, "");
    assert!(ended.status.success(), "{ended:#?}");
    assert!(ended.stdout.contains(&returned("flood")), "{ended:#?}");
}
