//! A server that sends back every line it gets; `quit` ends a connection. After gevent's `echoserver`.
//!
//! `cargo run --example echo_server [ADDRESS]`, then `nc 127.0.0.1 PORT`, as often as you like.

mod serve;

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;

use greenlet::net::TcpStream;
use greenlet::server::StreamServer;

/// Longer lines are sent back in pieces.
const LONGEST: u64 = 64 * 1024;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1);
    let addr = addr.as_deref().unwrap_or("127.0.0.1:0");
    let server = StreamServer::bind(addr, echo)?;
    serve::serve(&server, server.local_addr()?)
}

fn echo(stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
    println!("new connection from {peer}");
    (&stream).write_all(b"Welcome to the echo server! Type quit to exit.\r\n")?;
    let mut lines = BufReader::new(&stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            println!("{peer} has gone");
            return Ok(());
        }
        if line.trim_ascii().eq_ignore_ascii_case(b"quit") {
            println!("{peer} has quit");
            return Ok(());
        }
        (&stream).write_all(&line)?;
    }
}
