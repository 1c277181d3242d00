//! The deliberate differences: what we do, and, where there is a Python to ask, that it does something else.

use std::cell::Cell;
use std::env;
use std::process::Command;
use std::rc::Rc;

use greenlet::{AnyGreenlet, Greenlet, GreenletExit, State, SwitchError, current, main};

use crate::against_model::check;
use crate::against_python::Oracle;
use crate::differences::Difference;
use crate::model;
use crate::program::Program;
use crate::support::{Bell, leak_checked};

/// What we log for a program, which the model expects, and for which it says that Python differs; it does.
#[track_caller]
fn only_here(program: &str, difference: Difference) -> Vec<String> {
    let program: Program = program.parse().expect("a program");
    let prediction = check(&program).unwrap_or_else(|failure| panic!("{failure}"));
    let (lines, found) = prediction.differs.expect("Python differs");
    assert_eq!(found, difference);
    if let Some(mut oracle) = Oracle::find() {
        let python = oracle.run(&program, usize::MAX >> 1);
        assert_ne!(python, Ok(prediction.log.clone()), "Python does the same");
        if let Ok(python) = python {
            assert_eq!(
                python[..lines],
                prediction.log[..lines],
                "Python differs before"
            );
        }
    }
    prediction.log
}

/// What Python prints, if there is one; how it ended.
fn python(code: &str) -> Option<(String, bool)> {
    Oracle::find()?;
    let python = env::var_os("GREENLET_PYTHON").unwrap_or_else(|| "python3".into());
    let code = format!("from greenlet import *\n{code}");
    let output = Command::new(python)
        .args(["-c", &code])
        .output()
        .expect("it was found");
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Some((text, output.status.success()))
}

fn ends_with(log: &[String], lines: &[&str]) {
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    assert!(log.ends_with(lines), "{log:#?}");
}

fn bell() -> (Rc<Cell<u32>>, Bell) {
    let rung = Rc::new(Cell::new(0));
    (rung.clone(), Bell(rung))
}

#[test]
fn an_exit_is_told_apart_from_a_value() {
    leak_checked(|| {
        let g = Greenlet::<(), ()>::new(|()| current().throw(Box::new(GreenletExit)));
        assert!(matches!(
            g.try_switch(()),
            Err(SwitchError::Exited(GreenletExit))
        ));
    });
    let found = python("print(repr(greenlet(lambda: getcurrent().throw()).switch()))");
    assert!(found.is_none_or(|(text, _)| text == "GreenletExit()"));
}

#[test]
fn an_exit_passes_over_a_new_parent() {
    let program = "- | -create:1:- -create:2:1 -switch:2:5:t -state:1 | | -raise";
    let log = only_here(program, Difference::ExitIntoNewParent);
    ends_with(
        &log,
        &[
            "2 unwinds",
            "0 is told of an exit",
            "0 sees 1 new",
            "0 returns 0",
        ],
    );
}

#[test]
fn a_cascade_of_new_parents_may_be_deep() {
    const DEPTH: usize = 20_000;
    leak_checked(|| {
        let mut leaf = Greenlet::new(|depth: usize| depth + 1);
        for _ in 1..DEPTH {
            leaf = Greenlet::with_parent(|depth: usize| depth + 1, &leaf);
        }
        assert_eq!(leaf.switch(0), DEPTH);
    });
    // From the leaf up, since setting a parent walks the lineage.
    let crash = python(
        "leaf = last = greenlet(lambda n: n + 1)\n\
         for _ in range(1, 20000):\n    last.parent = greenlet(lambda n: n + 1); last = last.parent\n\
         print(leaf.switch(0))",
    );
    assert!(crash.is_none_or(|(_, success)| !success));
}

#[test]
fn a_switch_to_the_dead_is_refused() {
    leak_checked(|| {
        let dead = Greenlet::new(|n: i32| n);
        assert_eq!(dead.switch(1), 1);
        assert!(matches!(dead.try_switch(7), Err(SwitchError::Dead(7))));
    });
    let echo = python("g = greenlet(lambda n: n); g.switch(1); print(g.switch(7))");
    assert!(echo.is_none_or(|(text, _)| text == "7"));
}

#[test]
fn a_default_parent_link_does_not_own() {
    let program = "- | -create:1:- -switch:1:0:t -drop:1 -state:1 \
                     | -create:2:- -guard:state:2 -switch:0:1:t |";
    let log = only_here(program, Difference::Lifetimes);
    let end = [
        "1 guard",
        "1 sees 2 new",
        "1 unwinds",
        "0 dropped 1",
        "0 sees 1 dead",
        "0 returns 1",
    ];
    ends_with(&log, &end);
}

#[test]
fn a_pending_call_does_not_own() {
    let program = "- | -create:1:- -create:2:- -switch:1:0:t \
                     | -switch:2:0:t | -drop:1 -state:1 -return:3";
    let log = only_here(program, Difference::Lifetimes);
    ends_with(
        &log,
        &[
            "1 unwinds",
            "2 dropped 1",
            "2 sees 1 dead",
            "2 returns 3",
            "0 got 3",
            "0 returns 3",
        ],
    );
}

#[test]
fn who_refused_to_die_can_be_killed_again() {
    let program = "- | -create:1:- -switch:1:0:t -drop:1 -state:1 -own:1 -drop:1 -state:1 \
                     | xswitch:0:1:t -switch:0:2:t |";
    let log = only_here(program, Difference::Lifetimes);
    let end = [
        "0 sees 1 suspended",
        "1 unwinds",
        "0 dropped 1",
        "0 sees 1 dead",
        "0 returns 1",
    ];
    ends_with(&log, &end);
}

#[test]
fn a_frame_may_name_its_own_greenlet() {
    leak_checked(|| {
        let (rung, bell) = bell();
        let g = Greenlet::<(), ()>::new(move |()| {
            let (_me, _bell) = (current(), bell);
            main().switch(())
        });
        g.switch(());
        drop(g);
        assert_eq!(rung.get(), 1);
    });
    let leaked = python(
        "def f():\n    me = getcurrent()\n    try: me.parent.switch()\n    finally: print('ended')\n\
         g = greenlet(f); g.switch(); del g; print('dropped')\n\
         import os, sys; sys.stdout.flush(); os._exit(0)",
    );
    assert!(leaked.is_none_or(|(text, _)| text == "dropped"));
}

#[test]
fn what_is_left_at_the_end_of_a_thread_is_killed() {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        struct Send(std::sync::mpsc::Sender<State>, AnyGreenlet);
        impl Drop for Send {
            fn drop(&mut self) {
                self.0.send(self.1.state()).expect("the test waits");
            }
        }
        let g = Greenlet::<(), ()>::new(move |()| {
            let _own = Greenlet::<(), ()>::current();
            let _send = Send(sender, current());
            main().switch(())
        });
        g.switch(());
    });
    assert_eq!(
        receiver.recv(),
        Ok(State::Running),
        "its destructors ran, on its own stack"
    );
    let abandoned = python(
        "import threading\nkept = []\n\
         def f():\n    try: getcurrent().parent.switch()\n    finally: print('ended')\n\
         def t():\n    kept.append(greenlet(f)); kept[0].switch()\n\
         thread = threading.Thread(target=t); thread.start(); thread.join()\n\
         kept.clear(); getcurrent(); print('done')",
    );
    assert!(abandoned.is_none_or(|(text, _)| text == "done"));
}

#[test]
fn a_kill_of_a_new_one_starts_nothing() {
    let log = only_here(
        "t | -create:1:- -kill:1 -state:1 |",
        Difference::KillIsNoThrow,
    );
    ends_with(
        &log,
        &["0 creates 1", "0 killed 1", "0 sees 1 dead", "0 returns 0"],
    );
}

#[test]
fn a_descendant_may_kill() {
    let program = "- | -create:1:- -switch:1:0:t | -create:2:- -switch:2:0:t | -kill:1 -return:4";
    let log = only_here(program, Difference::KillIsNoThrow);
    ends_with(
        &log,
        &[
            "1 unwinds",
            "2 killed 1",
            "2 returns 4",
            "0 got 4",
            "0 returns 4",
        ],
    );
}

#[test]
fn kills_may_overlap() {
    // 1 survives the kill by 0 and goes to 2, survives the kill by 2 and goes back to 0.
    let program = "- | -create:3:- -create:1:3 -create:2:- -switch:1:1:t -kill:1 -parent:1 -switch:2:0:t -parent:1 \
                     | xswitch:0:0:- xswitch:2:0:- -switch:0:0:- -switch:0:0:- \
                     | -kill:1 -switch:0:0:t |";
    let parsed: Program = program.parse().expect("a program");
    check(&parsed).unwrap_or_else(|failure| panic!("{failure}"));
    let log = model::run(&parsed).log;
    let seen: Vec<_> = log
        .iter()
        .filter(|line| line.contains("parent of 1"))
        .collect();
    assert_eq!(seen, ["0 sees parent of 1: 2", "0 sees parent of 1: 3"]);
}

#[test]
fn a_throw_reaches_who_waits_inside_a_drop() {
    let program = "- | -create:1:- -switch:1:0:t adrop:1 -state:1 | xswitch:0:1:t -throw:0:7:t";
    let log = only_here(program, Difference::ThrownIntoDrop);
    assert!(
        log.iter().any(|line| line == "0 caught error 7"),
        "{log:#?}"
    );
}

#[test]
fn a_temporary_parent_makes_no_cycle() {
    let program = "- | -create:1:- -create:2:- -switch:1:0:t -switch:2:0:t \
                     | -guard:reparent:2:1 -switch:0:1:t | -kill:1 -parent:2";
    let log = only_here(program, Difference::TemporaryLineage);
    assert!(
        log.iter().any(|line| line == "1 reparents 2 to 1: ok"),
        "{log:#?}"
    );
}

#[test]
fn every_row_of_the_table_has_its_test() {
    let rows: Vec<_> = include_str!("differences.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"))
        .filter(|row| row.contains('`'))
        .collect();
    assert_eq!(rows.len(), 12);
    for row in rows {
        let tests = row.rsplit(" | ").next().expect("a last column");
        for test in tests.split(", ") {
            let head = format!("#[test]\nfn {}() {{", test.trim_matches('`'));
            assert!(include_str!("deliberate.rs").contains(&head), "no {test}");
        }
    }
}
