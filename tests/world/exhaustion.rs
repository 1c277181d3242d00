//! Too many descriptors.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread;

use greenlet::net::{TcpListener, TcpStream};
use greenlet::server::StreamServer;
use greenlet::{hub, sleep, spawn, timeout, yield_now};

use crate::limits::{descriptor_limit, set_descriptor_limit};
use crate::sockets::{ANY, SOON, listener, pair};
use crate::support::{descriptors, world_checked};

/// Lets the process have no further descriptors, until it is dropped.
struct Exhausted {
    before: libc::rlimit,
    files: Vec<File>,
}

impl Exhausted {
    fn new() -> Self {
        let before = descriptor_limit();
        set_descriptor_limit(libc::rlimit {
            rlim_cur: descriptors() as u64 + 20,
            ..before
        });
        let mut files = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
        }
        Exhausted { before, files }
    }

    /// So many may be opened.
    fn make_room(&mut self, count: usize) {
        self.files.truncate(self.files.len() - count);
    }
}

impl Drop for Exhausted {
    fn drop(&mut self) {
        set_descriptor_limit(self.before);
    }
}

fn are_too_many<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EMFILE));
}

#[test]
fn accepting_fails_and_the_connection_waits_for_room() {
    world_checked(|| {
        let (listener, addr) = listener();
        assert!(timeout(SOON, || listener.accept()).is_err());
        let clients = [(); 2].map(|()| TcpStream::connect(addr).unwrap());
        let mut exhausted = Exhausted::new();
        are_too_many(listener.accept());
        are_too_many(listener.accept());
        exhausted.make_room(1);
        let (first, peer) = listener.accept().unwrap();
        assert_eq!(peer, clients[0].local_addr().unwrap());
        are_too_many(listener.accept());
        drop(first);
        assert_eq!(
            listener.accept().unwrap().1,
            clients[1].local_addr().unwrap()
        );
        // And it waits as ever.
        assert!(timeout(SOON, || listener.accept()).is_err());
    });
}

#[test]
fn connecting_and_duplicating_fail_and_can_be_tried_again() {
    world_checked(|| {
        let (listener, addr) = listener();
        let mut exhausted = Exhausted::new();
        are_too_many(TcpStream::connect(addr));
        are_too_many(TcpListener::bind(ANY));
        are_too_many(listener.try_clone());
        exhausted.make_room(10);
        let stream = TcpStream::connect(addr).unwrap();
        drop(listener.accept().unwrap());
        drop(stream);
    });
}

#[test]
fn a_first_wait_fails_and_later_ones_work() {
    world_checked(|| {
        let (here, mut there) = pair();
        let mut exhausted = Exhausted::new();
        let mut failed = 0;
        // What a hub needs to wait is there in part, then.
        while let Ok(read) = timeout(SOON, || (&here).read(&mut [0])) {
            are_too_many(read);
            failed += 1;
            assert!(failed < 10);
            exhausted.make_room(1);
        }
        assert!(failed > 0);
        there.write_all(b"x").unwrap();
        assert_eq!((&here).read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn a_wait_on_a_further_thread_fails_there_only() {
    world_checked(|| {
        let (here, mut there) = pair();
        let here = Arc::new(here);
        assert!(timeout(SOON, || (&*here).read(&mut [0])).is_err());
        let exhausted = Exhausted::new();
        let elsewhere = here.clone();
        thread::spawn(move || are_too_many((&*elsewhere).read(&mut [0])))
            .join()
            .unwrap();
        let reader = spawn(move || (&*here).read(&mut [0]));
        yield_now();
        there.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 1);
        drop(exhausted);
    });
}

#[test]
fn a_server_rests_and_serves_again_when_there_is_room() {
    world_checked(|| {
        let server =
            StreamServer::bind(ANY, |mut stream: TcpStream, _| stream.write_all(b"served"));
        let server = server.unwrap();
        server.start();
        let addr = server.local_addr().unwrap();
        sleep(SOON);
        let mut clients = [(); 3].map(|()| TcpStream::connect(addr).unwrap());
        let exhausted = Exhausted::new();
        sleep(15 * SOON);
        assert!(server.accepts() && server.connections() == 0);
        drop(exhausted);
        for client in &mut clients {
            let mut said = String::new();
            client.read_to_string(&mut said).unwrap();
            assert_eq!(said, "served");
        }
        drop(clients);
        assert!(server.stop());
    });
}

#[test]
fn a_server_that_rests_can_be_stopped() {
    world_checked(|| {
        let server = StreamServer::bind(ANY, |_: TcpStream, _| ()).unwrap();
        server.start();
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let exhausted = Exhausted::new();
        sleep(2 * SOON);
        assert!(server.stop());
        drop((exhausted, client));
        hub::run();
    });
}
