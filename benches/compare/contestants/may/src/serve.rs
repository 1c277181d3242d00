//! Servers over TCP: a coroutine for each connection.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::thread;

use may::go;
use may::net::{TcpListener, TcpStream};
use measure::{ANSWER, end_of_head, print_port};

const ROOM: usize = 4096;

/// Serves until stdin ends, for which a thread waits: may's coroutines cannot.
pub(crate) fn serve(converse: fn(TcpStream) -> io::Result<()>) {
    thread::spawn(|| {
        io::copy(&mut io::stdin(), &mut io::sink()).expect("stdin can be read");
        std::process::exit(0);
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    print_port(listener.local_addr().expect("is bound").port());
    for stream in listener.incoming() {
        let stream = stream.expect("accepts");
        go!(move || converse(stream));
    }
}

pub(crate) fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut message = vec![0; ROOM];
    loop {
        match stream.read(&mut message)? {
            0 => return Ok(()),
            count => stream.write_all(&message[..count])?,
        }
    }
}

pub(crate) fn http(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = vec![0; ROOM];
    let mut filled = 0;
    loop {
        match stream.read(&mut received[filled..])? {
            0 => return Ok(()),
            count => filled += count,
        }
        while let Some(end) = end_of_head(&received[..filled]) {
            stream.write_all(ANSWER)?;
            received.copy_within(end..filled, 0);
            filled -= end;
        }
    }
}
