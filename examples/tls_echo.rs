//! An echo server that speaks TLS: `rustls` over this crate's sockets, knowing nothing of greenlets.
//!
//! `cargo run --example tls_echo [ADDRESS [FILE]]` makes itself a certificate, and writes it to the file; then
//! `openssl s_client -connect 127.0.0.1:PORT -CAfile FILE`.

mod serve;

use std::env;
use std::error::Error;
use std::io::{self, Read, Write};
use std::sync::Arc;

use greenlet::fs;
use greenlet::net::TcpStream;
use greenlet::server::StreamServer;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const CHUNK: usize = 16 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let addr = arguments.next().unwrap_or("127.0.0.1:0".to_owned());
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
    if let Some(file) = arguments.next() {
        fs::write(file, cert.pem())?;
    }
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())?;
    let config = Arc::new(config);
    let server = StreamServer::bind(addr.as_str(), move |stream, peer| {
        if let Err(error) = echo(&config, stream) {
            println!("{peer}: {error}");
        }
    })?;
    Ok(serve::serve(&server, server.local_addr()?)?)
}

fn echo(config: &Arc<ServerConfig>, stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let connection = ServerConnection::new(config.clone())?;
    let mut tls = StreamOwned::new(connection, stream);
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = match tls.read(&mut chunk) {
            // It has said that it sends no more.
            Ok(0) => break,
            Ok(length) => length,
            // It is gone without a word.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        tls.write_all(&chunk[..length])?;
    }
    tls.conn.send_close_notify();
    tls.flush()?;
    Ok(())
}
