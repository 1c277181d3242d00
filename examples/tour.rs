//! Runs the programs of the seed one after the other; whatever asks is answered at the terminal, or from a pipe.

mod seed;

use std::io::{self, IsTerminal};

use std::time::Duration;

use seed::console::Console;

/// So many answers each, or the programs that never end of themselves would not let the others have a turn.
const ANSWERS: usize = 4;

/// And so many rounds.
const ROUNDS: u32 = 2;

type Program = fn() -> io::Result<()>;

/// In the order of the seed.
const PROGRAMS: &[(&str, Program)] = &[
    ("mutex", || {
        seed::mutex::run();
        Ok(())
    }),
    ("deadlock", || {
        seed::deadlock::run();
        Ok(())
    }),
    ("semaphore", || {
        seed::semaphore::run();
        Ok(())
    }),
    ("chain", || {
        seed::chain::run(ROUNDS);
        Ok(())
    }),
    ("producer_consumer", || {
        seed::producer_consumer::run(ROUNDS);
        Ok(())
    }),
    ("downloads", || {
        seed::downloads::run(Duration::ZERO);
        Ok(())
    }),
    ("greenlet", || {
        seed::greenlet::run(&Console::with_limit(io::stdin().lock(), ANSWERS))
    }),
    ("gevent", || seed::gevent::run(ANSWERS)),
];

fn main() -> io::Result<()> {
    if io::stdin().is_terminal() {
        println!(
            "Programs that ask do so at most {ANSWERS} times; end the input to go on earlier."
        );
    }
    for (name, program) in PROGRAMS {
        println!("== {name}");
        program()?;
    }
    println!("== the end");
    Ok(())
}
