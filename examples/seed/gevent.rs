//! Two tasks that sleep, and ask at the terminal. Neither stops the other one.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use greenlet::lock::Lock;
use greenlet::threadpool::ThreadPool;
use greenlet::{join_all, sleep, spawn};

use super::console::read_line;
use super::time::SECOND;

/// Goes on until the input ends, or so many answers were given.
pub(crate) fn run(answers: usize) -> io::Result<()> {
    let terminal = Rc::new(Terminal {
        turn: Lock::new(),
        reader: ThreadPool::new(1),
        left: Cell::new(answers),
    });
    let tasks = ["输入1:", "输入2:"].map(|prompt| {
        let terminal = terminal.clone();
        spawn(move || task(prompt, &terminal))
    });
    join_all(tasks)
        .into_iter()
        .try_for_each(|result| result.expect("does not panic"))
}

fn task(prompt: &str, terminal: &Terminal) -> io::Result<()> {
    loop {
        println!("{}", (1..=100).sum::<u32>());
        sleep(SECOND);
        match terminal.input(prompt)? {
            Some(line) => println!("{line}"),
            None => return Ok(()),
        }
    }
}

/// Where tasks ask, one after the other.
struct Terminal {
    turn: Lock,
    /// Waits for lines in place of whoever asks.
    reader: ThreadPool,
    /// How many lines will still be read.
    left: Cell<usize>,
}

impl Terminal {
    /// Prints `prompt` and reads a line; only the calling greenlet waits. `None` at the end of the input.
    fn input(&self, prompt: &str) -> io::Result<Option<String>> {
        let _turn = self.turn.hold();
        if self.left.get() == 0 {
            return Ok(None);
        }
        print!("{prompt}");
        io::stdout().flush()?;
        let line = self.reader.apply(|| read_line(&mut io::stdin().lock()))?;
        match line {
            Some(_) => self.left.set(self.left.get() - 1),
            None => {
                self.left.set(0);
                println!();
            }
        }
        Ok(line)
    }
}
