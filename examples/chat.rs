//! A chat room over TCP: what one says goes to everybody else, and nobody waits for a slow reader.
//!
//! `cargo run --example chat [ADDRESS]`, then `nc 127.0.0.1 PORT` from several terminals.

mod serve;

use std::cell::RefCell;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;

use greenlet::net::TcpStream;
use greenlet::queue::Queue;
use greenlet::server::StreamServer;
use greenlet::{scope, yield_now};

/// Longer lines are several.
const LONGEST: u64 = 1024;

/// Who leaves more lines unread is put out.
const BACKLOG: usize = 100;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1);
    let addr = addr.as_deref().unwrap_or("127.0.0.1:0");
    let room = Room::default();
    let chat = move |stream, _| chat(&room, Rc::new(stream));
    let server = StreamServer::bind(addr, chat)?;
    serve::serve(&server, server.local_addr()?)
}

/// Reads what one guest says, while another greenlet writes what that guest is to hear.
fn chat(room: &Room, stream: Rc<TcpStream>) -> io::Result<()> {
    let mut lines = BufReader::new(&*stream);
    (&*stream).write_all(b"What is your name?\n")?;
    let Some(name) = line(&mut lines)?.filter(|name| !name.is_empty()) else {
        return Ok(());
    };
    scope(|s| {
        let presence = room.enter(name, stream.clone());
        let guest = presence.guest.clone();
        s.spawn(move || guest.hear());
        while let Some(said) = line(&mut lines)? {
            presence.tell_others(&format!("{}: {said}\n", presence.guest.name));
            // Or whoever says much at once would have others put out who only had no turn to hear it.
            yield_now();
        }
        Ok(())
    })
}

/// The next line without its end; `None` after the last.
fn line(lines: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    lines.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
    let text = String::from_utf8_lossy(&line);
    Ok((!line.is_empty()).then(|| text.trim_end().to_owned()))
}

/// Who is there.
#[derive(Default)]
struct Room(RefCell<Vec<Rc<Guest>>>);

struct Guest {
    name: String,
    stream: Rc<TcpStream>,
    /// What others have said.
    unread: Queue<Rc<str>>,
}

impl Room {
    fn enter(&self, name: String, stream: Rc<TcpStream>) -> Presence<'_> {
        let unread = Queue::bounded(BACKLOG);
        let guest = Rc::new(Guest {
            name,
            stream,
            unread,
        });
        self.0.borrow_mut().push(guest.clone());
        let present = self.0.borrow();
        let names: Vec<_> = present.iter().map(|guest| guest.name.as_str()).collect();
        guest.tell(format!("* here: {}\n", names.join(", ")).into());
        let presence = Presence { room: self, guest };
        presence.tell_others(&format!("* {} has come\n", presence.guest.name));
        presence
    }
}

impl Guest {
    /// Never waits.
    fn tell(&self, said: Rc<str>) {
        if self.unread.try_put(said).is_err() {
            // It does not read. Both its greenlets find the connection ended; it may have ended by itself already.
            let _ = self.stream.shutdown(Shutdown::Both);
        }
    }

    /// Writes what it is told until it is told no more.
    fn hear(&self) -> io::Result<()> {
        let mut stream = &*self.stream;
        let mut unread = self.unread.iter();
        unread.try_for_each(|said| stream.write_all(said.as_bytes()))
    }
}

/// A guest as long as it is in the room, which it leaves in whatever way its connection ends.
struct Presence<'a> {
    room: &'a Room,
    guest: Rc<Guest>,
}

impl Presence<'_> {
    fn tell_others(&self, said: &str) {
        let said: Rc<str> = said.into();
        for guest in self.room.0.borrow().iter() {
            if !Rc::ptr_eq(guest, &self.guest) {
                guest.tell(said.clone());
            }
        }
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        let mut present = self.room.0.borrow_mut();
        present.retain(|guest| !Rc::ptr_eq(guest, &self.guest));
        drop(present);
        self.guest.unread.shutdown();
        self.tell_others(&format!("* {} has gone\n", self.guest.name));
    }
}
