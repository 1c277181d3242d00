//! Traps of coroutine libraries. `README.md` is the table.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use greenlet::yield_now;

#[path = "../support/mod.rs"]
mod support;

thread_local! {
    static NUMBER: Cell<u32> = const { Cell::new(0) };
}

struct Slow(&'static str);

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        yield_now();
        f.write_str(self.0)
    }
}

/// What std does around a call of ours is on the stack of the greenlet, and stays as it is.
fn switches_everywhere(mine: u32) -> String {
    let borrowed = RefCell::new(mine);
    let lazy = OnceLock::new();
    let guard = borrowed.borrow_mut();
    NUMBER.with(|number| {
        yield_now();
        number.set(number.get() + 1);
    });
    lazy.get_or_init(yield_now);
    let mut sorted = vec![3, 1, 2];
    sorted.sort_by(|one, other| {
        yield_now();
        one.cmp(other)
    });
    let sum: u32 = sorted.iter().inspect(|_| yield_now()).sum();
    format!("{} {} {sorted:?} {sum}", Slow("greenlet"), *guard)
}

#[test]
fn a_switch_may_come_from_inside_std() {
    support::leak_checked(|| {
        let handles: Vec<_> = (0..3)
            .map(|mine| greenlet::spawn(move || switches_everywhere(mine)))
            .collect();
        for (mine, text) in greenlet::join_all(handles).into_iter().enumerate() {
            assert_eq!(text.unwrap(), format!("greenlet {mine} [1, 2, 3] 6"));
        }
        assert_eq!(NUMBER.get(), 3);
    });
}

#[test]
fn every_trap_has_its_tests() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let table = fs::read_to_string(tests.join("traps/README.md")).expect("the table is there");
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut seen = 0;
    for row in rows {
        let (trap, shown) = row.trim_matches('|').split_once('|').expect("two cells");
        assert!(shown.trim().len() > 20, "nothing is said of: {trap}");
        for name in shown
            .split('`')
            .filter(|part| part.matches("::").count() == 2)
        {
            let (file, function) = name.rsplit_once("::").expect("folder::file::function");
            let path = tests.join(file.replace("::", "/")).with_extension("rs");
            let source = fs::read_to_string(&path).unwrap_or_default();
            let test = format!("#[test]\nfn {function}()");
            assert!(
                source.contains(&test),
                "{name} is gone, which shows: {trap}"
            );
        }
        seen += 1;
    }
    assert_eq!(seen, 31, "rows of the table");
}
