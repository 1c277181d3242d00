//! Ten thousand connections at once on one thread, each with a greenlet, each echoing a hundred messages.
//!
//! `cargo run --release --example ten_thousand [connections] [echoes]`. The other side is a process of its own, so that each has one
//! descriptor a connection; it checks that every message comes back as it was sent.

use std::cell::Cell;
use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::rc::Rc;

use greenlet::event::Event;
use greenlet::lock::Semaphore;
use greenlet::net::{TcpListener, TcpStream};
use greenlet::{join_all, spawn};

const MESSAGE: usize = 64;

/// How many may be connecting at once: a listening socket has a short queue.
const CONNECTING: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, default| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (connections, echoes) = (number(0, 10_000)?, number(1, 100)?);
    match arguments.get(2) {
        None => serve(connections, echoes),
        Some(addr) => Ok(call(connections, echoes, addr.parse()?)?),
    }
}

fn serve(connections: usize, echoes: usize) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = client(connections, echoes, listener.local_addr()?)?;
    let before = resident()?;

    let streams = listener.incoming().take(connections);
    let handlers: Vec<_> = streams
        .map(|stream| stream.map(|stream| spawn(move || echo(stream))))
        .collect::<io::Result<_>>()?;
    println!("{connections} connections are open, on one thread");

    let mut echoed = 0;
    let mut most = 0;
    for handled in join_all(handlers) {
        let (messages, memory) = handled.expect("no handler panics")?;
        echoed += messages;
        most = memory.max(most);
    }
    assert!(client.wait()?.success(), "the client got something else");
    assert_eq!(echoed, connections * echoes, "messages were lost");
    println!("{echoed} messages came back as they were sent");
    let each = most.saturating_sub(before) as f64 / connections as f64 / 1024.0;
    println!("each connection took {each:.1} KiB of resident memory");
    Ok(())
}

/// This program again.
fn client(connections: usize, echoes: usize, addr: SocketAddr) -> io::Result<Child> {
    let numbers = [connections, echoes].map(|number| number.to_string());
    let mut command = Command::new(env::current_exe()?);
    command.args(numbers).arg(addr.to_string()).spawn()
}

/// How many messages there were, and how much memory the process had when the last one came.
fn echo(mut stream: TcpStream) -> io::Result<(usize, usize)> {
    let mut message = [0; MESSAGE];
    let mut messages = 0;
    loop {
        match stream.read_exact(&mut message) {
            Ok(()) => stream.write_all(&message)?,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok((messages, resident()?));
            }
            Err(error) => return Err(error),
        }
        messages += 1;
    }
}

/// Connects as often, and only when all are connected, sends.
fn call(connections: usize, echoes: usize, addr: SocketAddr) -> io::Result<()> {
    let connecting = Rc::new(Semaphore::new(CONNECTING));
    let connected = Rc::new((Cell::new(0), Event::new()));
    let callers = (0..connections).map(|caller| {
        let (connecting, connected) = (connecting.clone(), connected.clone());
        spawn(move || {
            let slot = connecting.hold();
            let mut stream = TcpStream::connect(addr)?;
            drop(slot);
            let (count, all) = &*connected;
            count.set(count.get() + 1);
            if count.get() == connections {
                all.set();
            }
            all.wait();
            let mut answer = [0; MESSAGE];
            for round in 0..echoes {
                let message = message(caller, round);
                stream.write_all(&message)?;
                stream.read_exact(&mut answer)?;
                assert_eq!(answer, message, "caller {caller}, round {round}");
            }
            Ok::<(), io::Error>(())
        })
    });
    for call in join_all(callers) {
        call.expect("no caller panics")?;
    }
    Ok(())
}

/// Unlike that of any other.
fn message(caller: usize, round: usize) -> [u8; MESSAGE] {
    let mut message = [0; MESSAGE];
    for (at, byte) in message.iter_mut().enumerate() {
        *byte = (caller.wrapping_mul(31) ^ round.wrapping_mul(17) ^ at) as u8;
    }
    message[..8].copy_from_slice(&caller.to_le_bytes());
    message[8..16].copy_from_slice(&round.to_le_bytes());
    message
}

/// Resident memory of this process, in bytes.
fn resident() -> io::Result<usize> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kibibytes
        .map(|kibibytes| kibibytes * 1024)
        .ok_or_else(|| io::Error::other("the system does not say how much memory there is"))
}
