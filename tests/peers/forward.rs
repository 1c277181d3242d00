//! Redis, sockets of std and `port_forwarder`.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::process::Command;
use std::thread;

use socket2::{Domain, Socket, Type};

use crate::peer;
use crate::program::{Program, connect};

/// Redis wants to be told a port; somebody else may take a free one before it does, and then it gets another.
fn redis() -> Program {
    for _ in 0..10 {
        let any = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = any.local_addr().expect("is bound").port().to_string();
        drop(any);
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let mut redis = Program::start_at_once(&mut command);
        if redis.hears("Ready to accept connections").is_ok() {
            redis.addr = format!("127.0.0.1:{port}");
            return redis;
        }
    }
    panic!("redis is never ready");
}

#[test]
fn redis_is_used_as_if_directly() {
    if !(peer::is_there("redis-server") && peer::is_there("redis-cli")) {
        return;
    }
    let redis = redis();
    let forwarder = Program::start("port_forwarder", &["127.0.0.1:0", &redis.addr]);
    let (host, port) = forwarder.host_and_port();
    let client = |arguments: &[&str], input: &str| {
        peer::run(
            "redis-cli",
            &[&["-h", host, "-p", port], arguments].concat(),
            input,
        )
    };
    assert_eq!(client(&["ping"], ""), "PONG\n");
    assert_eq!(client(&["set", "greeting", "hello"], ""), "OK\n");
    assert_eq!(client(&["get", "greeting"], ""), "hello\n");

    let long = "x".repeat(5_000_000);
    assert_eq!(client(&["-x", "set", "long"], &long), "OK\n");
    assert_eq!(client(&["get", "long"], ""), format!("{long}\n"));

    let mut many = String::new();
    for number in 0..20_000 {
        write!(many, "SET key:{number} {number}\r\n").expect("fits");
    }
    let report = client(&["--pipe"], &many);
    assert!(report.contains("errors: 0, replies: 20000"), "{report}");
    assert_eq!(client(&["get", "key:19999"], ""), "19999\n");
    forwarder.stop();
    redis.send("TERM");
    let (status, stderr) = redis.ended();
    assert!(status.success(), "{status}: {stderr}");
}

#[test]
fn the_end_of_each_direction_is_passed_on_by_itself() {
    let target = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = target.local_addr().expect("is bound").to_string();
    let answering = thread::spawn(move || {
        let (mut stream, _) = target.accept().expect("the forwarder comes");
        let mut question = Vec::new();
        stream.read_to_end(&mut question).expect("it ends");
        question.reverse();
        stream
            .write_all(&question)
            .expect("the other direction is open");
    });
    let forwarder = Program::start("port_forwarder", &["127.0.0.1:0", &addr]);
    let mut client = connect(&forwarder.addr);
    let mut question: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    client.write_all(&question).expect("is taken");
    client.shutdown(Shutdown::Write).expect("is connected");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("it ends");
    question.reverse();
    assert_eq!(answer.len(), question.len());
    assert!(answer == question, "it is not what was sent");
    answering.join().expect("no assertion fails");
    forwarder.stop();
}

#[test]
fn without_a_target_the_client_is_turned_away() {
    // A socket that has the port, and does not listen.
    let nobody = Socket::new(Domain::IPV4, Type::STREAM, None).expect("is made");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("is an address");
    nobody.bind(&any.into()).expect("a port is free");
    let addr = nobody.local_addr().expect("is bound").as_socket();
    let addr = addr.expect("is of the internet").to_string();
    let forwarder = Program::start("port_forwarder", &["127.0.0.1:0", &addr]);
    let mut client = connect(&forwarder.addr);
    assert_eq!(client.read(&mut [0]).expect("it ends in good order"), 0);
    forwarder.says(" cannot be connected: ");
    forwarder.stop();
}
