//! curl, wrk and Python, and `http_hello`.

use std::fs;
use std::process;

use crate::peer;
use crate::program::Program;

#[test]
fn curl_is_answered() {
    if !peer::is_there("curl") {
        return;
    }
    let server = Program::start("http_hello", &[]);
    let url = format!("http://{}/", server.addr);
    let curl = |arguments: &[&str]| {
        let whole = [
            &["--silent", "--show-error", "--max-time", "100"],
            arguments,
        ]
        .concat();
        peer::run("curl", &whole, "")
    };
    assert_eq!(curl(&[&url]), "Hello, world!\n");
    assert_eq!(curl(&["--http1.0", &url]), "Hello, world!\n");
    let head = curl(&["--head", &url]);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");

    // One connection for all, what has a body included.
    let status = "%{http_code} %{num_connects}\n";
    let [nothing, post] = ["nothing", "post"].map(|path| format!("{url}{path}"));
    let all = ["--output", "/dev/null", "--write-out", status, "--next"];
    let get = [&["--silent"], &all[..4], &[&url]].concat();
    let got = [&["--silent"], &all[..4], &[&nothing]].concat();
    let posted = [&["--silent", "--data", "a=b"], &all[..4], &[&post]].concat();
    let next = &["--next"][..];
    let whole = [&get[..], next, &posted, next, &got, next, &get].concat();
    assert_eq!(curl(&whole), "200 1\n405 0\n404 0\n200 0\n");
    server.stop();
}

/// `http.client`, and what no client of good manners sends.
const REQUESTS: &str = r#"
import http.client, socket, sys
host, port = sys.argv[1].rsplit(":", 1)
connection = http.client.HTTPConnection(host, int(port))
for _ in range(100):
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"Hello, world!\n")
connection.request("HEAD", "/")
answer = connection.getresponse()
assert (answer.status, answer.getheader("Content-Length"), answer.read()) == (200, "14", b"")
connection.request("POST", "/", body=b"x" * 60_000)
answer = connection.getresponse()
assert (answer.status, answer.read()) == (405, b"405 Method Not Allowed")
connection.request("GET", "/", headers={"Connection": "close"})
answer = connection.getresponse()
assert (answer.status, answer.getheader("Connection")) == (200, "close")

def raw(*pieces):
    client = socket.create_connection((host, int(port)))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        client.sendall(piece)
    return client.makefile("rb")

get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
answers = raw(get * 1000 + last).read()
assert answers.count(b"HTTP/1.1 200 OK\r\n") == 1001
assert answers.count(b"\r\n\r\nHello, world!\n") == 1001
pieces = get * 3 + last
answers = raw(*(pieces[at:at + 1] for at in range(len(pieces)))).read()
assert answers.count(b"\r\n\r\nHello, world!\n") == 4
body = b"POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\n" + last[:40]
answers = raw(body + last).read()
assert answers.count(b"HTTP/1.1 405 ") == 1 and answers.count(b"HTTP/1.1 200 ") == 1
for request, status in [
    (b"no request\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
    (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
    (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", b"400"),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"501"),
    (b"GET / HTTP/1.1\r\nX: ".ljust(65536, b"x"), b"431"),
]:
    answer = raw(request).read()
    assert answer.startswith(b"HTTP/1.1 " + status), answer
    assert b"Connection: close" in answer
print("done")
"#;

#[test]
fn python_is_answered() {
    if peer::is_there("python3") {
        let server = Program::start("http_hello", &[]);
        peer::python(REQUESTS, &[&server.addr]);
        server.stop();
    }
}

#[test]
fn wrk_finds_no_fault() {
    wrk(&[]);
}

const PIPELINE: &str = r#"
init = function(args)
  local requests = {}
  for i = 1, 16 do requests[i] = wrk.format() end
  pipelined = table.concat(requests)
end
request = function() return pipelined end
"#;

#[test]
fn wrk_finds_no_fault_with_requests_ahead() {
    let script = std::env::temp_dir().join(format!("greenlet-{}.lua", process::id()));
    fs::write(&script, PIPELINE).expect("can be written");
    wrk(&["--script", script.to_str().expect("is UTF-8")]);
    fs::remove_file(&script).expect("is there");
}

#[track_caller]
fn wrk(arguments: &[&str]) {
    if !peer::is_there("wrk") {
        return;
    }
    let server = Program::start("http_hello", &[]);
    let url = format!("http://{}/", server.addr);
    let load = [
        "--threads",
        "1",
        "--connections",
        "64",
        "--duration",
        "2s",
        "--timeout",
        "100s",
    ];
    let report = peer::run("wrk", &[&load, arguments, &[&url]].concat(), "");
    let requests = report.lines().find(|line| line.contains(" requests in "));
    let requests = requests.and_then(|line| line.split_whitespace().next()?.parse().ok());
    assert!(
        requests.is_some_and(|requests: u64| requests > 64),
        "{report}"
    );
    for fault in ["Socket errors", "Non-2xx"] {
        assert!(!report.contains(fault), "{report}");
    }
    server.stop();
}
