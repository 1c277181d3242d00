//! greenlet's documentation, "Motivation": a blocking command loop, driven by the callbacks of a user interface.

use greenlet::{AnyGreenlet, Greenlet};

fn main() {
    println!("E19 a command loop turned inside out");
    let main = greenlet::main();
    let processor = Greenlet::<(), &str>::new(move |()| {
        process_commands(&main);
        "finished"
    });
    println!("{:?}", processor.switch(()));

    for input in ["hello\n", "quit\n", "y"] {
        for key in input.chars() {
            on_key(&processor, key);
        }
    }
    println!("dead: {}", processor.is_dead());
}

/// What the user interface calls for every key: it must return soon, and knows nothing of command lines.
fn on_key(processor: &AnyGreenlet, key: char) {
    processor.switch::<char, &str>(key);
}

/// Ordinary code that waits for input wherever it needs some.
fn process_commands(main: &AnyGreenlet) {
    loop {
        let mut line = String::new();
        loop {
            match read_next_char(main) {
                '\n' => break,
                key => line.push(key),
            }
        }
        println!("<<< {line}");
        if line != "quit" {
            println!("(Processing command: {line})");
            continue;
        }
        println!("Are you sure?");
        let answer = read_next_char(main);
        println!("<<< {answer}");
        if answer == 'y' {
            println!("(Exiting loop.)");
            return;
        }
    }
}

/// Waits in the user interface's own loop until it has a key.
fn read_next_char(main: &AnyGreenlet) -> char {
    main.switch("blocking in read_next_char")
}
