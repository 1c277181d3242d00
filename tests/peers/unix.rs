//! Python and `unix_socket`, and its own client.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process;

use crate::example;
use crate::peer;
use crate::program::Program;

const CLIENTS: &str = r#"
import socket, sys
clients = []
for _ in range(20):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(sys.argv[1])
    clients.append(client)
for number, client in enumerate(clients):
    client.sendall(b"client %d\n" % number * 100)
    client.shutdown(socket.SHUT_WR)
for number, client in enumerate(clients):
    assert client.makefile("rb").read() == b"CLIENT %d\n" % number * 100
print("done")
"#;

/// A name for a socket of this test.
fn path(test: &str) -> PathBuf {
    std::env::temp_dir().join(format!("greenlet-{}-{test}.sock", process::id()))
}

#[test]
fn both_get_capitals() {
    let path = path("capitals");
    let server = Program::start("unix_socket", &["serve", path.to_str().expect("is UTF-8")]);
    let client = example::binary("unix_socket");
    let client = client.to_str().expect("is UTF-8");
    let answers = peer::run(client, &["send", &server.addr, "one", "two words"], "");
    assert_eq!(answers, "ONE\nTWO WORDS\n");
    if peer::is_there("python3") {
        peer::python(CLIENTS, &[&server.addr]);
    }
    assert!(path.exists());
    server.stop();
    assert!(!path.exists(), "the socket is left");
}

#[test]
fn ends_at_once_when_interrupted_again() {
    let path = path("ending");
    let server = Program::start("unix_socket", &["serve", path.to_str().expect("is UTF-8")]);
    let mut client = UnixStream::connect(&path).expect("it listens");
    client.write_all(b"word\n").expect("it reads");
    client.read_exact(&mut [0]).expect("it answers");
    server.stop_at_once();
    fs::remove_file(&path).expect("nobody had the time to");
}
