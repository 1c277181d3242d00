//! What the servers of HTTP share: nothing of a request is looked at but its end.

/// What is answered to every request.
pub const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

/// Where the first head that has come as a whole ends: behind its blank line.
pub fn end_of_head(received: &[u8]) -> Option<usize> {
    const BLANK: &[u8] = b"\r\n\r\n";
    let mut windows = received.windows(BLANK.len());
    windows
        .position(|window| window == BLANK)
        .map(|at| at + BLANK.len())
}
