//! An HTTP/1.1 server that says hello: connections are kept, and requests may be sent before earlier ones are answered.
//!
//! `cargo run --release --example http_hello [ADDRESS]`, then `curl http://127.0.0.1:PORT/` or `wrk http://127.0.0.1:PORT/`.

mod serve;

use std::env;
use std::io::{self, Read, Write};

use greenlet::net::TcpStream;
use greenlet::server::StreamServer;

/// What one request may be long, with its body.
const LONGEST: usize = 64 * 1024;

/// How many lines there may be at the head of a request.
const HEADERS: usize = 64;

const CHUNK: usize = 16 * 1024;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1);
    let addr = addr.as_deref().unwrap_or("127.0.0.1:0");
    let server = StreamServer::bind(addr, |stream, _| converse(stream))?;
    serve::serve(&server, server.local_addr()?)
}

/// Answers requests until one is the last: all that are there with one write.
fn converse(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut chunk = vec![0; CHUNK];
    let mut received = Vec::new();
    let mut answers = Vec::new();
    loop {
        let length = stream.read(&mut chunk)?;
        if length == 0 {
            return Ok(());
        }
        received.extend_from_slice(&chunk[..length]);
        let mut rest = &received[..];
        let mut keep = true;
        while let (true, Some(request)) = (keep, Request::read(rest)) {
            keep = request.keep;
            request.answer(&mut answers);
            rest = &rest[request.length..];
        }
        let used = received.len() - rest.len();
        received.drain(..used);
        stream.write_all(&answers)?;
        if !keep {
            return Ok(());
        }
        answers.clear();
    }
}

/// What is to be known of a request.
struct Request {
    length: usize,
    status: &'static str,
    /// Whether the answer has a body.
    body: bool,
    /// Whether another one may follow on the same connection.
    keep: bool,
}

impl Request {
    /// The request that begins `received`; `None` if there is more to come.
    fn read(received: &[u8]) -> Option<Request> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let head = match parsed.parse(received) {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) if received.len() < LONGEST => return None,
            Ok(httparse::Status::Partial) => {
                return Some(Request::refused("431 Request Header Fields Too Large"));
            }
            Err(_) => return Some(Request::refused("400 Bad Request")),
        };
        let header = |name: &str| {
            let mut headers = parsed.headers.iter();
            let header = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
            Some(header.value.trim_ascii())
        };
        if header("transfer-encoding").is_some() {
            return Some(Request::refused("501 Not Implemented"));
        }
        let body = match header("content-length").map(number) {
            None => 0,
            Some(Some(body)) if body <= LONGEST - head.min(LONGEST) => body,
            Some(Some(_)) => return Some(Request::refused("413 Content Too Large")),
            Some(None) => return Some(Request::refused("400 Bad Request")),
        };
        let length = head + body;
        if received.len() < length {
            return None;
        }
        let asks = |wish: &str| {
            header("connection").is_some_and(|value| value.eq_ignore_ascii_case(wish.as_bytes()))
        };
        Some(Request {
            length,
            status: match (parsed.method, parsed.path) {
                (Some("GET" | "HEAD"), Some("/")) => "200 OK",
                (Some("GET" | "HEAD"), _) => "404 Not Found",
                _ => "405 Method Not Allowed",
            },
            body: parsed.method != Some("HEAD"),
            keep: match parsed.version {
                Some(0) => asks("keep-alive"),
                _ => !asks("close"),
            },
        })
    }

    /// Where it ends cannot be told, so it is the last.
    fn refused(status: &'static str) -> Request {
        Request {
            length: 0,
            status,
            body: true,
            keep: false,
        }
    }

    fn answer(&self, answers: &mut Vec<u8>) {
        let text = match self.status {
            "200 OK" => "Hello, world!\n",
            other => other,
        };
        let connection = if self.keep { "keep-alive" } else { "close" };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n",
            self.status,
            text.len(),
        );
        answers.extend_from_slice(head.as_bytes());
        if self.body {
            answers.extend_from_slice(text.as_bytes());
        }
    }
}

/// Digits and nothing else.
fn number(text: &[u8]) -> Option<usize> {
    let all = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    str::from_utf8(text).ok().filter(|_| all)?.parse().ok()
}
