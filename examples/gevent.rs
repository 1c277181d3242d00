//! Two tasks that sleep, and ask at the terminal in turn, until its input ends. While one waits for an answer the other one goes on.

mod seed;

use std::io;

fn main() -> io::Result<()> {
    seed::gevent::run(usize::MAX)
}
