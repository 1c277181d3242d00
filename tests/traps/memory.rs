//! What memory stacks take: no huge pages, nothing before they are touched, and what if memory is locked (`mlockall`).
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fs;
use std::hint::black_box;
use std::io;
use std::rc::Rc;

use greenlet::event::Event;
use greenlet::{Greenlet, SwitchError, spawn, yield_now};

use crate::support::leak_checked;
use crate::{Case, SKIPPED, aborts, skip, succeeds};

pub(crate) const CASES: &[Case] = &[
    ("all_is_locked", all_is_locked),
    ("overflow_of_a_locked_stack", overflow_of_a_locked_stack),
    ("little_may_be_locked", little_may_be_locked),
    ("overflow_in_a_signal_handler", overflow_in_a_signal_handler),
];

/// What the kernel tells of a mapping.
struct Mapping {
    flags: Vec<String>,
    huge: usize,
}

/// The mapping that an address is in.
fn mapping(address: usize) -> Mapping {
    let text = fs::read_to_string("/proc/self/smaps").unwrap();
    let mut lines = text.lines();
    let holds = |line: &str| {
        let range = line.split(' ').next()?.split_once('-')?;
        let bound = |text| usize::from_str_radix(text, 16).ok();
        Some((bound(range.0)?..bound(range.1)?).contains(&address))
    };
    lines.find(|line| holds(line) == Some(true)).unwrap();
    let mut field = |name| {
        let found = lines.find_map(|line| line.strip_prefix(name));
        found.unwrap_or_else(|| panic!("no {name}")).trim()
    };
    let huge = field("AnonHugePages:").trim_end_matches(" kB");
    let flags = field("VmFlags:").split(' ').map(str::to_owned);
    Mapping {
        huge: huge.parse().unwrap(),
        flags: flags.collect(),
    }
}

/// Calls `look` with an address on the stack of each of some greenlets that wait.
fn with_parked(stack_size: Option<usize>, look: impl FnOnce(&[usize])) {
    let (gate, addresses) = (Rc::new(Event::new()), Rc::new(RefCell::new(Vec::new())));
    let all: Vec<_> = (0..PARKED)
        .map(|_| {
            let (gate, addresses) = (gate.clone(), addresses.clone());
            let mut builder = Greenlet::builder();
            if let Some(size) = stack_size {
                builder = builder.stack_size(size);
            }
            builder.spawn(move || {
                let here = 0_u8;
                addresses.borrow_mut().push((&raw const here).addr());
                black_box(&here);
                gate.wait();
            })
        })
        .collect();
    yield_now();
    assert_eq!(addresses.borrow().len(), PARKED);
    look(&addresses.borrow());
    gate.set();
    for each in greenlet::join_all(all) {
        each.unwrap();
    }
}

const PARKED: usize = 20;

/// Large enough for several huge pages.
const LARGE: usize = 15 << 20;

#[test]
fn no_huge_page_backs_a_stack() {
    let Ok(setting) = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled") else {
        return skip("this kernel has no huge pages");
    };
    if !setting.contains("[always]") {
        let setting = setting.trim();
        skip(&format!(
            "not all memory may be huge pages ({setting}), so only the flag is looked at"
        ));
    }
    leak_checked(|| {
        for size in [None, Some(LARGE)] {
            with_parked(size, |addresses| {
                for address in addresses {
                    let Mapping { flags, huge } = mapping(*address);
                    assert!(flags.iter().any(|flag| flag == "nh"), "{flags:?}");
                    assert_eq!(huge, 0);
                }
                // A few pages each.
                let committed = greenlet::census().committed_bytes;
                assert!(committed < 2 * PARKED * (128 << 10), "{committed}");
            });
        }
    });
}

#[test]
fn stacks_do_not_count_as_memory_before_they_are_touched() {
    leak_checked(|| {
        let setting = fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap();
        // What is reserved counts there, whatever it is for; there is less of it then.
        let counts = setting.trim() == "2";
        with_parked(None, |addresses| {
            for address in addresses {
                let flags = mapping(*address).flags;
                assert_eq!(!counts, flags.iter().any(|flag| flag == "nr"), "{flags:?}");
            }
        });
    });
}

/// Whether it was allowed; says so if it was not.
fn lock_memory(flags: libc::c_int) -> bool {
    // SAFETY: takes no pointers.
    let locked = unsafe { libc::mlockall(flags) } == 0;
    if !locked {
        let error = io::Error::last_os_error();
        println!("{SKIPPED}mlockall is refused: {error}");
    }
    locked
}

fn all_is_locked() {
    if !lock_memory(libc::MCL_CURRENT | libc::MCL_FUTURE) {
        return;
    }
    for _ in 0..3 {
        with_parked(None, |addresses| {
            for address in addresses {
                let flags = mapping(*address).flags;
                assert!(flags.iter().any(|flag| flag == "lo"), "{flags:?}");
            }
        });
    }
    assert_eq!(greenlet::trim_stacks(), 0, "locked memory stays");
}

#[test]
fn stacks_may_be_locked_in_memory() {
    succeeds("all_is_locked");
}

/// Recurses until the stack ends.
fn dive(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    match depth {
        u64::MAX => 0,
        _ => dive(depth + 1) + black_box(&frame)[1],
    }
}

fn overflow_of_a_locked_stack() {
    // What has no guard markers still has guards.
    if lock_memory(libc::MCL_FUTURE) {
        Greenlet::new(|()| dive(0)).switch(());
    }
}

#[test]
fn a_locked_stack_has_its_guard() {
    if let Some(ended) = aborts("overflow_of_a_locked_stack") {
        assert!(
            ended.stderr.contains("has overflowed its stack of "),
            "{ended:#?}"
        );
    }
}

/// Of locked memory, in which there is room for some stacks and not for as many as are reserved at a time.
const LOCKED: libc::rlim_t = 8 << 20;

fn little_may_be_locked() {
    yield_now();
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: writes to this frame, and reads it; the rest takes no pointers. Whoever is root is not limited, so the
    // process becomes nobody.
    let limited = unsafe {
        let read = libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) == 0;
        limit.rlim_cur = limit.rlim_max.min(LOCKED);
        let set = read && libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) == 0;
        set && (libc::geteuid() != 0 || libc::setuid(65_534) == 0)
    };
    if !limited || limit.rlim_cur < LOCKED {
        let error = io::Error::last_os_error();
        return println!("{SKIPPED}no such limit can be set: {error}");
    }
    if !lock_memory(libc::MCL_FUTURE) {
        return;
    }
    let mut all = Vec::with_capacity(10_000);
    let refused = loop {
        let g = Greenlet::new(|()| greenlet::main().switch::<(), ()>(()));
        match g.try_switch(()) {
            Ok(()) => all.push(g),
            Err(refused) => break refused,
        }
        assert!(all.len() < 10_000, "there is no limit");
    };
    assert!(matches!(refused, SwitchError::NoStack { .. }), "{refused}");
    assert!(!all.is_empty(), "{refused}");
    drop(all);
    let done = Rc::new(Cell::new(0));
    let again = done.clone();
    spawn(move || again.set(1)).join().unwrap();
    assert_eq!(done.get(), 1);
}

#[test]
fn as_many_stacks_are_locked_as_may_be() {
    succeeds("little_may_be_locked");
}

fn overflow_in_a_signal_handler() {
    extern "C" fn handle(_: libc::c_int) {
        black_box(dive(0));
    }
    // SAFETY: a zeroed action is a valid start; the handler runs on the stack of whoever raises the signal, and calls nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as extern "C" fn(libc::c_int) as usize;
        assert_eq!(
            libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()),
            0
        );
    }
    // SAFETY: takes no pointers.
    let raises = |()| unsafe { libc::raise(libc::SIGUSR1) };
    Greenlet::new(raises).switch(());
}

#[test]
fn an_overflow_in_a_signal_handler_is_reported_as_any() {
    let ended = aborts("overflow_in_a_signal_handler").expect("nothing is needed for it");
    assert!(
        ended.stderr.contains("has overflowed its stack of "),
        "{ended:#?}"
    );
}
