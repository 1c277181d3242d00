//! How the servers end: gracefully when they are interrupted, at once when they are interrupted again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread::yield_now;

use crate::program::{Program, connect};

/// Those that have connections over TCP.
const SERVERS: &[&str] = &[
    "chat",
    "echo_server",
    "http_hello",
    "port_forwarder",
    "tls_echo",
];

#[test]
fn who_is_connected_may_go_on_for_a_while() {
    for example in ["echo_server", "port_forwarder"] {
        let target = Program::start("echo_server", &[]);
        let arguments = ["127.0.0.1:0", &target.addr];
        let forwards = example == "port_forwarder";
        let server = Program::start(example, &arguments[..if forwards { 2 } else { 1 }]);
        let mut client = connect(&server.addr);
        let mut lines = BufReader::new(client.try_clone().expect("can be")).lines();
        let mut line = || lines.next().expect("there is one").expect("is text");
        assert!(line().starts_with("Welcome"));
        server.interrupt();
        server.says("stopping");
        client.write_all(b"still there?\n").expect("it goes on");
        assert_eq!(line(), "still there?");
        // It closes the socket first of all, but who can tell when.
        while TcpStream::connect(&server.addr).is_ok() {
            yield_now();
        }
        client.write_all(b"quit\n").expect("it goes on");
        drop(client);
        drop(lines);
        let (status, stderr) = server.ended();
        assert!(status.success(), "{example}: {status}: {stderr}");
        target.stop();
    }
}

#[test]
fn every_server_ends_gracefully() {
    for example in SERVERS.iter().chain(&["udp_echo"]) {
        for signal in ["INT", "TERM"] {
            let server = Program::start(example, &[]);
            server.send(signal);
            server.says("stopping");
            let (status, stderr) = server.ended();
            assert!(status.success(), "{example}: {status}: {stderr}");
            assert_eq!(stderr, "", "{example}");
        }
    }
}

#[test]
fn every_server_ends_at_once_when_interrupted_again() {
    for example in SERVERS {
        let target = Program::start("echo_server", &[]);
        let arguments = ["127.0.0.1:0", &target.addr];
        let forwards = *example == "port_forwarder";
        let server = Program::start(example, &arguments[..if forwards { 2 } else { 1 }]);
        // It is being served, or it would be cut off with the socket.
        let mut client = connect(&server.addr);
        serve(example, &server.addr, &mut client);
        server.stop_at_once();
        target.stop();
    }
}

/// Waits until the server has begun with the connection.
fn serve(example: &str, addr: &str, client: &mut TcpStream) {
    let mut answered = client.try_clone().expect("can be");
    match example {
        "http_hello" => answered
            .write_all(b"GET / HTTP/1.1\r\n\r\n")
            .expect("it reads"),
        "tls_echo" => {
            // The beginning of a hello, of which the rest is waited for. Whoever comes later is turned away for what is none.
            answered.write_all(b"\x16\x03\x01").expect("it reads");
            answered = connect(addr);
            answered.write_all(b"hello, server\n").expect("it reads");
        }
        _ => {}
    }
    answered.read_exact(&mut [0]).expect("it answers");
}
