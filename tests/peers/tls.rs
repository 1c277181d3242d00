//! OpenSSL and Python, and `tls_echo`.

use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};

use crate::peer;
use crate::program::Program;

/// A server, and where its certificate is.
fn start(test: &str) -> (Program, PathBuf) {
    let file = std::env::temp_dir().join(format!("greenlet-{}-{test}.pem", process::id()));
    let server = Program::start(
        "tls_echo",
        &["127.0.0.1:0", file.to_str().expect("is UTF-8")],
    );
    (server, file)
}

#[test]
fn openssl_gets_its_lines_back() {
    if !peer::is_there("openssl") {
        return;
    }
    for version in ["-tls1_2", "-tls1_3"] {
        let (server, certificate) = start(version);
        let mut command = Command::new("openssl");
        command
            .args(["s_client", "-quiet", "-no_ign_eof", version])
            .args(["-connect", &server.addr, "-CAfile"])
            .arg(&certificate)
            .args(["-verify_return_error", "-verify_hostname", "localhost"]);
        let mut client = Program::start_at_once(&mut command);
        for number in 0..100 {
            client.ask(&format!("line {number}"));
            assert_eq!(client.says("line "), number.to_string());
        }
        client.close();
        let (status, stderr) = client.ended();
        assert!(status.success(), "{version}: {status}: {stderr}");
        fs::remove_file(certificate).expect("is there");
        server.stop();
    }
}

/// Much, both ways at once; who does not trust; and who does not speak TLS.
const CLIENTS: &str = r#"
import socket, ssl, sys, threading
host, port = sys.argv[1].rsplit(":", 1)
def connect():
    return socket.create_connection((host, int(port)))

trusting = ssl.create_default_context(cafile=sys.argv[2])
data = bytes(range(256)) * 8192
def talk():
    with trusting.wrap_socket(connect(), server_hostname="localhost") as client:
        for at in range(0, len(data), 50_000):
            piece = data[at:at + 50_000]
            client.sendall(piece)
            got = b""
            while len(got) < len(piece):
                got += client.recv(65536)
            assert got == piece
        client.unwrap()
        results.append(True)
results = []
threads = [threading.Thread(target=talk) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(results) == 8

try:
    ssl.create_default_context().wrap_socket(connect(), server_hostname="localhost")
    raise Exception("the certificate is trusted")
except ssl.SSLCertVerificationError:
    pass
plain = connect()
plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
while plain.recv(1000): pass
talk()
print("done")
"#;

#[test]
fn python_gets_its_data_back() {
    if peer::is_there("python3") {
        let (server, certificate) = start("python");
        peer::python(
            CLIENTS,
            &[&server.addr, certificate.to_str().expect("is UTF-8")],
        );
        fs::remove_file(certificate).expect("is there");
        server.stop();
    }
}
