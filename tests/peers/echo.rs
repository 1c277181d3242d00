//! Python and `echo_server`.

use crate::peer;
use crate::program::Program;

/// The server gives each its own lines, in order, however they are cut.
const CLIENTS: &str = r#"
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
clients = [socket.create_connection((host, int(port))) for _ in range(50)]
files = [client.makefile("rb") for client in clients]
for file in files:
    assert file.readline() == b"Welcome to the echo server! Type quit to exit.\r\n"
for round in range(20):
    for number, client in enumerate(clients):
        client.sendall(b"client %d " % number)
    for number, client in enumerate(clients):
        client.sendall(b"round %d\n" % round)
    for number, file in enumerate(files):
        line = file.readline()
        assert line == b"client %d round %d\n" % (number, round), line
for client in clients[:25]:
    client.sendall(b"QUIT\r\nnobody reads this\n")
for client in clients[25:]:
    client.sendall(b"without an end")
    client.shutdown(socket.SHUT_WR)
assert all(file.read() == b"" for file in files[:25])
assert all(file.read() == b"without an end" for file in files[25:])
print("done")
"#;

#[test]
fn python_gets_its_lines_back() {
    if peer::is_there("python3") {
        let server = Program::start("echo_server", &[]);
        peer::python(CLIENTS, &[&server.addr]);
        server.stop();
    }
}

/// Longer than the server's pieces, and than all buffers between.
const LONG_LINE: &str = r#"
import socket, sys, threading
host, port = sys.argv[1].rsplit(":", 1)
client = socket.create_connection((host, int(port)))
file = client.makefile("rb")
file.readline()
line = bytes(range(32, 127)) * 200_000 + b"\n"
sender = threading.Thread(target=client.sendall, args=(line,))
sender.start()
assert file.readline() == line
sender.join()
print("done")
"#;

#[test]
fn python_gets_a_long_line_back() {
    if peer::is_there("python3") {
        let server = Program::start("echo_server", &[]);
        peer::python(LONG_LINE, &[&server.addr]);
        server.stop();
    }
}

/// Gone in the middle, with something unread: a reset.
const RESETS: &str = r#"
import socket, struct, sys
host, port = sys.argv[1].rsplit(":", 1)
for _ in range(100):
    client = socket.create_connection((host, int(port)))
    client.sendall(b"a line\n" * 100 + b"and a half")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
client = socket.create_connection((host, int(port)))
client.sendall(b"still there?\nquit\n")
assert client.makefile("rb").read().endswith(b"\r\nstill there?\n")
print("done")
"#;

#[test]
fn resets_hurt_nobody_else() {
    if peer::is_there("python3") {
        let server = Program::start("echo_server", &[]);
        peer::python(RESETS, &[&server.addr]);
        server.stop();
    }
}
