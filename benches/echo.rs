//! What an echo over TCP costs: a server on one core, 50 connections, messages of 64 bytes. Beside a server in the same process that
//! is a loop around epoll and nothing else.
//!
//! The client is the same for both: a loop around epoll, on another core. Each connection has one message on its way.

mod support;

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc;

use greenlet::net::{TcpListener, TcpStream};
use greenlet::spawn;
use support::net::{ANY_PORT, Client, ROOM, one_loop, run_on_core};
use support::{Bench, Target};

const MESSAGE: &[u8] = &[7; 64];

fn main() {
    let bench = Bench::new("echo");
    let mut ours = Client::of(greenlets, MESSAGE, MESSAGE);
    let mut raw = Client::of(|addr| one_loop(&addr, |message| message), MESSAGE, MESSAGE);
    run_on_core(0);
    bench.compare(
        "echo of 64 bytes, 50 connections",
        Target::Ratio(1.0 / 0.95),
        20_000,
        |messages| ours.run(messages),
        "a loop around epoll",
        |messages| raw.run(messages),
    );
}

/// A greenlet for each connection.
fn greenlets(addr: mpsc::Sender<SocketAddr>) {
    let listener = TcpListener::bind(ANY_PORT).unwrap();
    addr.send(listener.local_addr().unwrap()).unwrap();
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        spawn(move || echo(stream).unwrap());
    }
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut message = [0; ROOM];
    loop {
        match stream.read(&mut message)? {
            0 => return Ok(()),
            count => stream.write_all(&message[..count])?,
        }
    }
}
