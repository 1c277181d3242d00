//! Two greenlets that switch to each other by hand, and ask at the terminal in turn, until its input ends.

mod seed;

use std::io;

fn main() -> io::Result<()> {
    seed::greenlet::run(&seed::console::Console::new(io::stdin().lock()))
}
