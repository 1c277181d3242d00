//! Python and `udp_echo`, and its own client.

use crate::example;
use crate::peer;
use crate::program::Program;

/// Asks again for what is lost, as datagrams may be.
const CLIENT: &str = r#"
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect((host, int(port)))
client.settimeout(1)
for length in (0, 1, 1000, 9000, 60000):
    message = b"%d" % length * length
    message = message[:length]
    for attempt in range(60):
        client.send(message)
        try:
            while client.recv(65536) != message: pass
            break
        except socket.timeout: pass
    else:
        raise Exception("no answer")
print("done")
"#;

#[test]
fn python_gets_its_datagrams_back() {
    if peer::is_there("python3") {
        let server = Program::start("udp_echo", &[]);
        peer::python(CLIENT, &[&server.addr]);
        server.stop();
    }
}

#[test]
fn the_client_gets_its_messages_back() {
    let server = Program::start("udp_echo", &[]);
    let client = example::binary("udp_echo");
    let client = client.to_str().expect("is UTF-8");
    let answers = peer::run(
        client,
        &["send", &server.addr, "one", "two words", "three"],
        "",
    );
    assert_eq!(answers, "one\ntwo words\nthree\n");
    server.stop();
}
