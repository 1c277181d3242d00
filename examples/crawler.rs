//! Crawls a web site, four pages at a time, and follows every link once. The site is one that it serves itself.
//!
//! `cargo run --example crawler`

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use greenlet::net::TcpStream;
use greenlet::pool::Pool;
use greenlet::queue::Queue;
use greenlet::server::StreamServer;
use greenlet::sleep;

const AT_ONCE: usize = 4;

/// How long the site takes for a page.
const DELAY: Duration = Duration::from_millis(20);

/// The pages, with what they link to.
const SITE: &[(&str, &[&str])] = &[
    ("/", &["/animals", "/plants", "/about"]),
    ("/about", &["/", "/imprint"]),
    (
        "/animals",
        &["/animals/cat", "/animals/dog", "/animals/eel", "/"],
    ),
    ("/animals/cat", &["/animals/dog", "/animals"]),
    ("/animals/dog", &["/animals/cat", "/animals"]),
    ("/animals/eel", &["/animals"]),
    ("/plants", &["/plants/oak", "/plants/rose", "/"]),
    ("/plants/oak", &["/plants"]),
    ("/plants/rose", &["/plants/oak", "/plants/thorn"]),
];

fn main() -> io::Result<()> {
    let site = StreamServer::bind("127.0.0.1:0", serve)?;
    site.start();
    let found = crawl(site.local_addr()?);
    for (path, page) in &found {
        match page {
            Ok(links) => println!("{path} links to {} pages", links.len()),
            Err(error) => println!("{path}: {error}"),
        }
    }
    println!("{} addresses in all", found.len());
    site.stop();
    Ok(())
}

/// The links of a page, or why there are none.
type Page = io::Result<Vec<String>>;

fn crawl(addr: SocketAddr) -> BTreeMap<String, Page> {
    let pool = Pool::new(AT_ONCE);
    let fetched = Rc::new(Queue::new());
    let mut known = BTreeSet::from(["/".to_owned()]);
    let mut found = BTreeMap::new();
    let mut new = vec!["/".to_owned()];
    while found.len() < known.len() {
        for path in new.drain(..) {
            let fetched = fetched.clone();
            // Waits while four are under way.
            pool.spawn(move || {
                let page = fetch(addr, &path);
                fetched.put((path, page)).expect("nobody shuts it down");
            });
        }
        let (path, page) = fetched.get().expect("nobody shuts it down");
        let links = page.iter().flatten();
        new.extend(links.filter(|link| known.insert(link.to_string())).cloned());
        found.insert(path, page);
        eprintln!("{} of {} pages", found.len(), known.len());
    }
    found
}

fn fetch(addr: SocketAddr, path: &str) -> Page {
    let mut stream = TcpStream::connect(addr)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    if !head.starts_with("HTTP/1.1 200 ") {
        let status = head.lines().next().unwrap_or_default();
        return Err(io::Error::other(status.to_owned()));
    }
    let links = body.split("href=\"").skip(1);
    let links = links.filter_map(|link| link.split('"').next());
    Ok(links.map(str::to_owned).collect())
}

/// One page.
fn serve(stream: TcpStream, _: SocketAddr) -> io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    // Up to the empty line behind the headers.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    sleep(DELAY);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match SITE.iter().find(|page| page.0 == path) {
        Some((_, links)) => {
            let links = links.iter();
            (
                "200 OK",
                links.map(|link| format!("<a href=\"{link}\">")).collect(),
            )
        }
        None => ("404 Not Found", String::new()),
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    (&stream).write_all(answer.as_bytes())
}
