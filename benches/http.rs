//! What a request of HTTP/1.1 costs: a server on one core, 50 connections that are kept open. Beside a server in the same process that is a
//! loop around epoll and nothing else. Both parse with the same library.
//!
//! The client is the same for both: a loop around epoll, on another core. Each connection has one request on its way.

mod support;

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc;

use greenlet::net::{TcpListener, TcpStream};
use greenlet::spawn;
use support::net::{ANY_PORT, Client, ROOM, one_loop, run_on_core};
use support::{Bench, Target};

const REQUEST: &[u8] = b"GET /hello HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";

fn main() {
    let bench = Bench::new("http");
    let mut ours = Client::of(greenlets, REQUEST, ANSWER);
    let mut raw = Client::of(|addr| one_loop(&addr, answer), REQUEST, ANSWER);
    run_on_core(0);
    bench.compare(
        "hello over HTTP, 50 connections",
        Target::Ratio(1.0 / 0.95),
        20_000,
        |requests| ours.run(requests),
        "a loop around epoll",
        |requests| raw.run(requests),
    );
}

/// What there is to say to a request that has come as a whole.
fn answer(request: &[u8]) -> &[u8] {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = parsed.parse(request).unwrap();
    assert!(length.is_complete() && parsed.path == Some("/hello"));
    ANSWER
}

/// A greenlet for each connection.
fn greenlets(addr: mpsc::Sender<SocketAddr>) {
    let listener = TcpListener::bind(ANY_PORT).unwrap();
    addr.send(listener.local_addr().unwrap()).unwrap();
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        spawn(move || serve(stream).unwrap());
    }
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut request = [0; ROOM];
    loop {
        match stream.read(&mut request)? {
            0 => return Ok(()),
            count => stream.write_all(answer(&request[..count]))?,
        }
    }
}
