//! Servers over TCP: a task for each connection.

use std::future::Future;
use std::io;
use std::net::Ipv4Addr;

use measure::{ANSWER, end_of_head, print_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink, stdin};
use tokio::net::{TcpListener, TcpStream};
use tokio::spawn;

use crate::{run, runtime};

const ROOM: usize = 4096;

pub(crate) fn serve_echo() {
    serve(echo);
}

pub(crate) fn serve_http() {
    serve(http);
}

/// Serves until stdin ends.
fn serve<C>(converse: impl Fn(TcpStream) -> C + Send + 'static)
where
    C: Future<Output = io::Result<()>> + Send + 'static,
{
    run(&runtime(), async move {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port is free");
        print_port(listener.local_addr().expect("is bound").port());
        spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accepts");
                spawn(converse(stream));
            }
        });
        let read = copy(&mut stdin(), &mut sink()).await;
        read.expect("stdin can be read");
    });
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut message = vec![0; ROOM];
    loop {
        match stream.read(&mut message).await? {
            0 => return Ok(()),
            count => stream.write_all(&message[..count]).await?,
        }
    }
}

async fn http(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = vec![0; ROOM];
    let mut filled = 0;
    loop {
        match stream.read(&mut received[filled..]).await? {
            0 => return Ok(()),
            count => filled += count,
        }
        while let Some(end) = end_of_head(&received[..filled]) {
            stream.write_all(ANSWER).await?;
            received.copy_within(end..filled, 0);
            filled -= end;
        }
    }
}
