//! Runs the programs of the seed one after the other; whatever asks is answered at the terminal, or from a pipe.

mod seed;

use std::io::{self, IsTerminal};

use seed::console::Console;

/// So many answers each, or the programs that never end of themselves would not let the others have a turn.
const ANSWERS: usize = 4;

type Program = fn(&Console) -> io::Result<()>;

const PROGRAMS: &[(&str, Program)] = &[("greenlet", seed::greenlet::run)];

fn main() -> io::Result<()> {
    if io::stdin().is_terminal() {
        println!(
            "Programs that ask do so at most {ANSWERS} times; end the input to go on earlier."
        );
    }
    for (name, program) in PROGRAMS {
        println!("== {name}");
        program(&Console::with_limit(io::stdin().lock(), ANSWERS))?;
    }
    println!("== the end");
    Ok(())
}
