//! Forwards every connection to another address: two greenlets a connection, one for each direction. After gevent's `portforwarder`.
//!
//! `cargo run --example port_forwarder [LISTEN [TARGET]]`. A side that has sent everything can still receive: the end of each
//! direction is passed on by itself.

mod serve;

use std::env;
use std::io;
use std::net::Shutdown;

use greenlet::net::TcpStream;
use greenlet::scope;
use greenlet::server::StreamServer;

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let listen = arguments.next().unwrap_or("127.0.0.1:0".to_owned());
    let target = arguments.next().unwrap_or("localhost:80".to_owned());
    println!("every connection goes on to {target}");
    let server = StreamServer::bind(listen.as_str(), move |client, peer| {
        println!("{peer} has come");
        match forward(&client, &target) {
            Ok(()) => println!("{peer} has gone"),
            Err(error) => println!("{peer} cannot be connected: {error}"),
        }
    })?;
    serve::serve(&server, server.local_addr()?)
}

fn forward(client: &TcpStream, target: &str) -> io::Result<()> {
    let server = TcpStream::connect(target)?;
    // What comes in small pieces is passed on at once.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    scope(|s| {
        s.spawn(|| pump(client, &server));
        pump(&server, client);
    });
    Ok(())
}

/// Until one side has no more to send, or the other takes no more.
fn pump(mut from: &TcpStream, mut to: &TcpStream) {
    // Either may have been closed altogether, and there is nothing left to shut down.
    let _ = match io::copy(&mut from, &mut to) {
        Ok(_) => to.shutdown(Shutdown::Write),
        Err(_) => {
            // Then the other direction is of no use either.
            let _ = from.shutdown(Shutdown::Both);
            to.shutdown(Shutdown::Both)
        }
    };
}
