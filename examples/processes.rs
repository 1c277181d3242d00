//! Child processes in parallel, three at a time, while this program goes on. After gevent's `processes`.
//!
//! `cargo run --example processes`

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use greenlet::pool::Pool;
use greenlet::process::Command;
use greenlet::{sleep, spawn};

const AT_ONCE: usize = 3;

const SCRIPTS: &[&str] = &[
    "echo hello",
    "sleep 0.2; echo slept",
    "expr 6 '*' 7",
    "echo this goes wrong >&2; exit 3",
    "printf 'two\\nlines\\n' | wc -l | tr -d ' '",
];

fn main() -> io::Result<()> {
    let ticks = Rc::new(Cell::new(0));
    let ticking = ticks.clone();
    let clock = spawn(move || {
        loop {
            ticking.set(ticking.get() + 1);
            sleep(Duration::from_millis(10));
        }
    });

    let pool = Pool::new(AT_ONCE);
    let run = |script: &'static str| Command::new("sh").args(["-c", script]).output();
    for (script, output) in SCRIPTS.iter().zip(pool.map(run, SCRIPTS.iter().copied())) {
        let output = output?;
        println!("$ {script}");
        print!("{}", String::from_utf8_lossy(&output.stdout));
        print!("{}", String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            println!("[{}]", output.status);
        }
    }

    clock.kill();
    assert!(
        ticks.get() > 0,
        "nothing else ran while children were waited for"
    );
    println!("meanwhile a clock has ticked");
    Ok(())
}
