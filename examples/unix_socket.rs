//! A server and clients of it over a socket of the Unix domain, as programs of one machine use it.
//!
//! `cargo run --example unix_socket` plays all of them. `cargo run --example unix_socket serve PATH` is the server, and
//! `cargo run --example unix_socket send PATH MESSAGE...` a client.

mod serve;

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process;
use std::time::Duration;

use greenlet::fs;
use greenlet::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use greenlet::pool::Pool;
use greenlet::server::StreamServer;

/// Its clients have gone, so this is not needed.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", path] => serve(Path::new(path)),
        ["send", path, ref messages @ ..] => {
            send(Path::new(path), messages)?
                .iter()
                .for_each(|answer| println!("{answer}"));
            Ok(())
        }
        _ => play(),
    }
}

fn serve(path: &Path) -> io::Result<()> {
    let server = StreamServer::new(UnixListener::bind(path)?, capitals);
    serve::serve(&server, path.display())?;
    // The name stays behind when the socket is closed.
    fs::remove_file(path)
}

/// A server, and three clients at once.
fn play() -> io::Result<()> {
    let path = env::temp_dir().join(format!("greenlet-{}.sock", process::id()));
    let server = StreamServer::new(UnixListener::bind(&path)?, capitals);
    server.start();
    let clients = [["one", "two"], ["red", "green"], ["north", "south"]];
    let to = path.clone();
    let client = move |messages: [&'static str; 2]| send(&to, &messages);
    for (number, answers) in (1..).zip(Pool::new(clients.len()).map(client, clients)) {
        println!("client {number} was told {}", answers?.join(" and "));
    }
    let at_ease = server.stop_timeout(PATIENCE);
    println!("the server has ended; nobody was cut off: {at_ease}");
    fs::remove_file(path)
}

/// Sends every line back in capitals.
fn capitals(stream: UnixStream, _: SocketAddr) -> io::Result<()> {
    for line in BufReader::new(&stream).lines() {
        (&stream).write_all(format!("{}\n", line?.to_uppercase()).as_bytes())?;
    }
    Ok(())
}

/// The answers.
fn send(path: &Path, messages: &[&str]) -> io::Result<Vec<String>> {
    let stream = UnixStream::connect(path)?;
    let mut answers = BufReader::new(&stream).lines();
    let mut got = Vec::new();
    for message in messages {
        (&stream).write_all(format!("{message}\n").as_bytes())?;
        got.push(answers.next().ok_or(io::ErrorKind::UnexpectedEof)??);
    }
    Ok(got)
}
