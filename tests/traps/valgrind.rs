//! Valgrind, which takes a switch between stacks that are near each other for a frame that grows or shrinks, unless it knows them.

use std::env;
use std::process::Command;

use greenlet::{Greenlet, spawn, yield_now};

use crate::{Case, command, process, skip};

pub(crate) const CASES: &[Case] = &[("switches_of_all_kinds", switches_of_all_kinds)];

/// Both directions between neighbours, kills, panics, ends, and stacks that are used again.
fn switches_of_all_kinds() {
    for _ in 0..3 {
        let all: Vec<_> = (0..20_usize)
            .map(|n| {
                spawn(move || {
                    let mine: Vec<_> = (0..n).collect();
                    for _ in 0..5 {
                        yield_now();
                    }
                    assert!(n != 7, "the seventh panics");
                    mine.iter().sum::<usize>()
                })
            })
            .collect();
        yield_now();
        all[3].kill();
        let ended = greenlet::join_all(all);
        assert_eq!(ended.iter().filter(|each| each.is_ok()).count(), 18);
        let sum = Greenlet::new(|mut n: u64| {
            for _ in 0..10 {
                n += greenlet::main().switch::<u64, u64>(n);
            }
            n
        });
        for n in 1..=11 {
            assert_eq!(sum.switch(n), n * (n + 1) / 2);
        }
        assert!(sum.is_dead());
    }
}

/// Whether it is there; says so if it is not.
fn has_valgrind() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|dir| dir.join("valgrind").is_file()) {
        return true;
    }
    let required = env::var_os("GREENLET_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "valgrind is not there");
    skip("valgrind is not there");
    false
}

#[test]
fn memcheck_takes_a_switch_for_what_it_is() {
    if has_valgrind() {
        let child = command("switches_of_all_kinds");
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--error-exitcode=9"]);
        valgrind.arg(child.get_program()).args(child.get_args());
        for (name, value) in child.get_envs() {
            valgrind.env(name, value.unwrap_or_default());
        }
        let ended = process::run(&mut valgrind, "");
        assert!(ended.status.success(), "{ended:#?}");
        assert!(ended.stdout.contains("has returned"), "{ended:#?}");
    }
}
