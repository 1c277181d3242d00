//! Python and `chat`.

use crate::peer;
use crate::program::Program;

const GUESTS: &str = r#"
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
class Guest:
    def __init__(self, name, receive=None):
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.connect((host, int(port)))
        self.file = self.socket.makefile("r")
        assert self.file.readline() == "What is your name?\n"
        self.say(name)
    def say(self, line):
        self.socket.sendall(line.encode() + b"\n")
    def hears(self, line):
        heard = self.file.readline()
        assert heard == line + "\n", (heard, line)
"#;

#[track_caller]
fn guests(script: &str) {
    if peer::is_there("python3") {
        let server = Program::start("chat", &[]);
        peer::python(&format!("{GUESTS}{script}print('done')"), &[&server.addr]);
        server.stop();
    }
}

#[test]
fn everybody_hears_the_others() {
    guests(
        r#"
ann = Guest("Ann")
ann.hears("* here: Ann")
bob = Guest("Bob")
bob.hears("* here: Ann, Bob")
ann.hears("* Bob has come")
ann.say("hello")
bob.hears("Ann: hello")
bob.say("hello, Ann")
ann.hears("Bob: hello, Ann")
cid = Guest("Cid")
cid.hears("* here: Ann, Bob, Cid")
ann.hears("* Cid has come")
bob.hears("* Cid has come")
bob.say("bye")
bob.socket.shutdown(socket.SHUT_WR)
assert bob.file.read() == ""
for other in ann, cid:
    other.hears("Bob: bye")
    other.hears("* Bob has gone")
"#,
    );
}

#[test]
fn who_does_not_read_is_put_out_and_holds_up_nobody() {
    guests(
        r#"
ann = Guest("Ann")
ann.hears("* here: Ann")
slow = Guest("Slow", receive=4096)
ann.hears("* Slow has come")
bob = Guest("Bob")
bob.hears("* here: Ann, Slow, Bob")
ann.hears("* Bob has come")
for number in range(100_000):
    bob.say("x" * 1000)
    heard = ann.file.readline()
    if heard == "* Slow has gone\n":
        break
    assert heard == "Bob: " + "x" * 1000 + "\n", heard
else:
    raise Exception("Slow is still there")
"#,
    );
}
