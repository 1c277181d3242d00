//! Datagrams: a server that sends each back to where it came from, and a client that makes up for those that are lost.
//!
//! `cargo run --example udp_echo [ADDRESS]` serves; `cargo run --example udp_echo send ADDRESS MESSAGE...` sends.

mod serve;

use std::env;
use std::io;
use std::time::Duration;

use greenlet::net::UdpSocket;
use greenlet::server::DatagramServer;
use greenlet::timeout;

/// As long as a datagram can be.
const LONGEST: usize = 65_535;

/// How long an answer is waited for, and how often.
const PATIENCE: Duration = Duration::from_secs(1);
const ATTEMPTS: usize = 10;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["send", to, ref messages @ ..] => send(to, messages),
        [addr, ..] => serve(addr),
        [] => serve("127.0.0.1:0"),
    }
}

fn serve(addr: &str) -> io::Result<()> {
    let interrupt = serve::Interrupt::new()?;
    let server = DatagramServer::bind(addr, |socket: &UdpSocket, data: &[u8], peer| {
        socket.send_to(data, peer)
    })?;
    server.start();
    serve::listening_at(server.local_addr()?)?;
    interrupt.wait()?;
    server.stop();
    Ok(())
}

fn send(to: &str, messages: &[&str]) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(to)?;
    for message in messages {
        println!("{}", ask(&socket, message)?);
    }
    Ok(())
}

/// Sends until the answer comes.
fn ask(socket: &UdpSocket, message: &str) -> io::Result<String> {
    let mut buffer = vec![0; LONGEST];
    for _ in 0..ATTEMPTS {
        socket.send(message.as_bytes())?;
        let answer = timeout(PATIENCE, || {
            loop {
                let length = socket.recv(&mut buffer)?;
                // Others are late answers, to something that was sent twice.
                if &buffer[..length] == message.as_bytes() {
                    return Ok(message.to_owned());
                }
            }
        });
        if let Ok(answer) = answer {
            return answer;
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}
