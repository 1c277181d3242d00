//! Asking at the terminal, or reading answers from a pipe.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, Write};
use std::rc::Rc;

/// Where a program asks. Clones are one console: once its input has ended, it has ended for all.
#[derive(Clone)]
pub(crate) struct Console {
    input: Rc<RefCell<dyn BufRead>>,
    /// How many lines will still be read.
    left: Rc<Cell<usize>>,
}

impl Console {
    /// Reads `input` to its end.
    pub(crate) fn new(input: impl BufRead + 'static) -> Self {
        Console::with_limit(input, usize::MAX)
    }

    /// Reads at most `lines` lines; then it is as if the input had ended.
    pub(crate) fn with_limit(input: impl BufRead + 'static, lines: usize) -> Self {
        Console {
            input: Rc::new(RefCell::new(input)),
            left: Rc::new(Cell::new(lines)),
        }
    }

    /// Prints `prompt` and reads a line, as Python's `input` does; `None` at the end of the input, after which nobody is
    /// asked again.
    pub(crate) fn ask(&self, prompt: &str) -> io::Result<Option<String>> {
        if self.left.get() == 0 {
            return Ok(None);
        }
        print!("{prompt}");
        io::stdout().flush()?;
        let line = read_line(&mut *self.input.borrow_mut())?;
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

/// The next line without its end; `None` at the end of the input.
pub(crate) fn read_line(input: &mut dyn BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if input.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}
