//! Runs the programs of the seed one after the other, then some words over TCP and a child process; whatever asks is answered at the
//! terminal, or from a pipe.

mod seed;

use std::io::{self, IsTerminal, Read, Write};
use std::time::Duration;

use greenlet::net::TcpStream;
use greenlet::process::Command;
use greenlet::server::StreamServer;
use seed::console::Console;

/// So many answers each, or the programs that never end of themselves would not let the others have a turn.
const ANSWERS: usize = 4;

/// And so many rounds.
const ROUNDS: u32 = 2;

type Program = fn() -> io::Result<()>;

/// In the order of the seed; what is not of the seed is last.
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
    ("echo", echo),
    ("child", child),
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

/// Words go to a server, and come back.
fn echo() -> io::Result<()> {
    let server = StreamServer::bind("127.0.0.1:0", |mut stream: TcpStream, _| {
        io::copy(&mut stream.try_clone()?, &mut stream)
    })?;
    server.start();
    let mut stream = TcpStream::connect(server.local_addr()?)?;
    for word in ["one", "two", "three"] {
        stream.write_all(word.as_bytes())?;
        let mut answer = vec![0; word.len()];
        stream.read_exact(&mut answer)?;
        println!("{word} came back as {}", String::from_utf8_lossy(&answer));
    }
    drop(stream);
    server.stop();
    Ok(())
}

/// Another program runs.
fn child() -> io::Result<()> {
    let output = Command::new("sh")
        .args(["-c", "echo hello from a child"])
        .output()?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    println!("it ended with {}", output.status);
    Ok(())
}
