//! Two greenlets that switch to each other by hand, and ask at the terminal in turn.

use std::io;

use greenlet::{AnyGreenlet, Greenlet};

use super::console::Console;

/// Goes on until the input ends.
pub(crate) fn run(console: &Console) -> io::Result<()> {
    // Each body names the other greenlet, so both exist before either has its body.
    let gr1 = Greenlet::<(), io::Result<()>>::empty();
    let gr2 = Greenlet::<(), io::Result<()>>::empty();
    gr1.set_run(body("输入1:", gr2.any(), console));
    gr2.set_run(body("输入2:", gr1.any(), console));

    gr1.switch(())?;
    // Whichever found the end of the input is dead; the other one waits for it, and is told now.
    for greenlet in [gr1, gr2] {
        if !greenlet.is_dead() {
            greenlet.switch(())?;
        }
    }
    Ok(())
}

fn body(
    prompt: &'static str,
    other: AnyGreenlet,
    console: &Console,
) -> impl FnOnce(()) -> io::Result<()> + use<> {
    let console = console.clone();
    move |()| {
        loop {
            println!("{}", (1..=100).sum::<u32>());
            other.switch::<(), ()>(());
            match console.ask(prompt)? {
                Some(line) => println!("{line}"),
                None => return Ok(()),
            }
        }
    }
}
