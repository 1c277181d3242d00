//! `server`: accepting, bounds, faults, and the end.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use greenlet::net::{TcpListener, TcpStream, UdpSocket};
use greenlet::os::unix::net::{UnixListener, UnixStream};
use greenlet::server::{DatagramServer, Listener, StreamServer};
use greenlet::{hub, join_all, sleep, spawn, timeout, yield_now};

use crate::support::{Bell, TempDir, world_checked};

const ANY: &str = "127.0.0.1:0";
const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn echo(mut stream: TcpStream, _peer: SocketAddr) {
    let mut buffer = [0; 256];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        stream.write_all(&buffer[..count]).unwrap();
    }
}

fn echo_server() -> (StreamServer, SocketAddr) {
    let server = StreamServer::bind(ANY, echo).unwrap();
    server.start();
    let addr = server.local_addr().unwrap();
    (server, addr)
}

/// Says `word` and hears it again.
fn ask(stream: &mut TcpStream, word: &[u8]) {
    stream.write_all(word).unwrap();
    let mut heard = vec![0; word.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(heard, word);
}

/// Waits until `done`.
fn until(done: impl Fn() -> bool) {
    while !done() {
        sleep(SOON);
    }
}

#[test]
fn each_connection_has_a_greenlet_of_its_own() {
    world_checked(|| {
        let (server, addr) = echo_server();
        let mut clients: Vec<_> = (0..20).map(|_| TcpStream::connect(addr).unwrap()).collect();
        for (n, client) in clients.iter_mut().enumerate().rev() {
            ask(client, n.to_string().as_bytes());
        }
        assert_eq!(server.connections(), 20);
        drop(clients);
        until(|| server.connections() == 0);
        assert!(server.stop());
    });
}

#[test]
fn nothing_is_accepted_before_the_start() {
    world_checked(|| {
        let server = StreamServer::bind(ANY, echo).unwrap();
        let mut client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        client.write_all(b"early").unwrap();
        sleep(SOON);
        assert!(!server.accepts() && server.connections() == 0);
        server.start();
        server.start();
        let mut heard = [0; 5];
        client.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"early");
        drop(client);
        server.stop();
    });
}

#[test]
fn accepting_rests_and_goes_on() {
    world_checked(|| {
        let (server, addr) = echo_server();
        let mut first = TcpStream::connect(addr).unwrap();
        ask(&mut first, b"first");
        server.stop_accepting();
        assert!(!server.accepts());
        let mut second = TcpStream::connect(addr).unwrap();
        ask(&mut first, b"still there");
        assert_eq!(server.connections(), 1);
        server.start();
        ask(&mut second, b"second");
        drop((first, second));
        assert!(server.stop());
    });
}

#[test]
fn a_bound_on_connections_is_kept_and_the_others_wait() {
    world_checked(|| {
        let now = Rc::new(Cell::new(0_usize));
        let most = Rc::new(Cell::new(0));
        let counts = (now.clone(), most.clone());
        let server = StreamServer::bind(ANY, move |stream, peer| {
            let (now, most) = &counts;
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            echo(stream, peer);
            now.set(now.get() - 1);
        });
        let server = server.unwrap().max_connections(3);
        server.start();
        let addr = server.local_addr().unwrap();
        let clients = (0..20).map(|n: u32| {
            spawn(move || {
                let mut client = TcpStream::connect(addr).unwrap();
                ask(&mut client, &n.to_be_bytes());
            })
        });
        for served in join_all(clients) {
            served.unwrap();
        }
        until(|| server.connections() == 0);
        assert_eq!((now.get(), most.get()), (0, 3));
        server.stop();
    });
}

#[test]
fn past_the_threads_limit_of_greenlets_a_connection_waits_for_its_handler() {
    world_checked(|| {
        let (server, addr) = echo_server();
        // The one that accepts, and one that handles.
        let limits = hub::Limits {
            greenlets: Some(2),
            ..hub::Limits::default()
        };
        hub::set_limits(limits);
        let mut first = TcpStream::connect(addr).unwrap();
        ask(&mut first, b"one");
        let mut second = TcpStream::connect(addr).unwrap();
        second.write_all(b"two").unwrap();
        sleep(20 * SOON);
        assert_eq!(server.connections(), 1);
        drop(first);
        let mut heard = [0; 3];
        second.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"two");
        drop(second);
        hub::set_limits(hub::Limits::default());
        assert!(server.stop());
    });
}

#[test]
fn a_panic_in_a_handler_ends_its_connection_and_nothing_else() {
    world_checked(|| {
        let server = StreamServer::bind(ANY, |stream, peer: SocketAddr| {
            if peer.ip().is_ipv4() {
                let mut stream: TcpStream = stream;
                let mut first = [0];
                stream.read_exact(&mut first).unwrap();
                assert_ne!(first, *b"!", "as was asked for");
                stream.write_all(&first).unwrap();
            }
        });
        let server = server.unwrap();
        server.start();
        let addr = server.local_addr().unwrap();
        let mut client = TcpStream::connect(addr).unwrap();
        client.write_all(b"!").unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        let mut client = TcpStream::connect(addr).unwrap();
        ask(&mut client, b"?");
        drop(client);
        assert!(server.stop());
    });
}

#[test]
fn stop_lets_connections_come_to_their_end() {
    world_checked(|| {
        let (server, addr) = echo_server();
        let mut client = TcpStream::connect(addr).unwrap();
        ask(&mut client, b"before");
        let stopping = {
            let server = server.clone();
            spawn(move || server.stop_timeout(HOUR))
        };
        until(|| !server.accepts());
        ask(&mut client, b"after");
        let refused = TcpStream::connect(addr).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert!(!stopping.is_finished());
        drop(client);
        assert!(stopping.join().unwrap());
    });
}

#[test]
fn stop_kills_what_is_left_after_the_grace_period() {
    world_checked(|| {
        let unwound = Rc::new(Cell::new(0));
        let rung = unwound.clone();
        let server = StreamServer::bind(ANY, move |stream, peer| {
            let _bell = Bell(rung.clone());
            echo(stream, peer);
        });
        let server = server.unwrap();
        server.start();
        let addr = server.local_addr().unwrap();
        let mut clients: Vec<_> = (0..5).map(|_| TcpStream::connect(addr).unwrap()).collect();
        clients.iter_mut().for_each(|client| ask(client, b"hello"));
        assert!(!server.stop_timeout(SOON));
        assert_eq!((unwound.get(), server.connections()), (5, 0));
        for mut client in clients {
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
        assert_eq!(
            server.local_addr().unwrap_err().kind(),
            ErrorKind::NotConnected
        );
    });
}

#[test]
#[should_panic(expected = "the server was stopped")]
fn a_stopped_server_cannot_start_again() {
    world_checked(|| {
        let (server, _) = echo_server();
        server.stop();
        server.start();
    });
}

#[test]
fn a_handler_may_stop_its_server() {
    world_checked(|| {
        let own: Rc<RefCell<Option<StreamServer>>> = Rc::default();
        let theirs = own.clone();
        let server = StreamServer::bind(ANY, move |mut stream: TcpStream, _| {
            let server = theirs.borrow().clone().unwrap();
            assert!(!server.stop_timeout(HOUR));
            stream.write_all(b"bye").unwrap();
        });
        own.replace(Some(server.unwrap()));
        let server = own.borrow().clone().unwrap();
        server.start();
        let mut client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).unwrap();
        assert_eq!(said, "bye");
        hub::run();
        assert_eq!(server.connections(), 0);
        own.take();
    });
}

#[test]
fn serving_for_ever_ends_when_it_is_stopped() {
    world_checked(|| {
        let server = StreamServer::bind(ANY, echo).unwrap();
        let stopper = {
            let server = server.clone();
            spawn(move || {
                until(|| server.accepts());
                server.stop()
            })
        };
        server.serve_forever().unwrap();
        assert!(stopper.join().unwrap());
    });
}

#[test]
fn serving_for_ever_ends_with_the_fault_of_the_socket() {
    world_checked(|| {
        let listener = TcpListener::bind(ANY).unwrap();
        let other = listener.try_clone().unwrap();
        let server = StreamServer::new(listener, echo);
        spawn(move || {
            sleep(SOON);
            other.close();
        });
        assert!(server.serve_forever().is_err());
        assert!(!server.accepts());
        server.stop();
    });
}

#[test]
fn a_wait_for_the_end_may_be_limited_and_the_server_goes_on() {
    world_checked(|| {
        let (server, addr) = echo_server();
        assert!(timeout(SOON, || server.serve_forever()).is_err());
        let mut client = TcpStream::connect(addr).unwrap();
        ask(&mut client, b"still serving");
        assert!(timeout(SOON, || server.stop_timeout(HOUR)).is_err());
        ask(&mut client, b"the client is let go on");
        assert!(!server.accepts());
        drop(client);
        assert!(server.stop());
    });
}

#[test]
fn a_server_that_is_dropped_goes_on_as_long_as_its_thread() {
    world_checked(|| {
        let served = thread::spawn(|| {
            let (server, addr) = echo_server();
            drop(server);
            let mut client = TcpStream::connect(addr).unwrap();
            ask(&mut client, b"hello");
            addr
        });
        let refused = TcpStream::connect(served.join().unwrap()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

/// What it accepts is an error, at once.
struct Failing(fn() -> io::Error);

impl Listener for Failing {
    type Stream = ();
    type Addr = ();

    fn accept(&self) -> io::Result<((), ())> {
        Err((self.0)())
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn connections_that_fail_one_after_another_starve_nobody() {
    world_checked(|| {
        let server = StreamServer::new(
            Failing(|| io::Error::from_raw_os_error(libc::ECONNABORTED)),
            |(), ()| (),
        );
        server.start();
        sleep(SOON);
        assert!(server.accepts());
        assert!(server.stop());
    });
}

#[test]
fn a_socket_that_does_not_wait_is_at_fault() {
    world_checked(|| {
        let listener = TcpListener::bind(ANY).unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = StreamServer::new(listener, echo);
        let error = server.serve_forever().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        server.stop();
    });
}

#[test]
fn a_server_that_has_failed_fails_again_when_it_is_started_again() {
    world_checked(|| {
        let server = StreamServer::new(
            Failing(|| io::Error::from_raw_os_error(libc::EINVAL)),
            |(), ()| (),
        );
        for _ in 0..3 {
            let error = server.serve_forever().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        }
        server.stop();
    });
}

#[test]
fn a_stop_that_is_given_up_at_once_has_closed_the_socket() {
    world_checked(|| {
        let (server, addr) = echo_server();
        let mut client = TcpStream::connect(addr).unwrap();
        ask(&mut client, b"hello");
        let stopping = {
            let server = server.clone();
            spawn(move || server.stop_timeout(HOUR))
        };
        // It waits for the end of the acceptor first.
        yield_now();
        stopping.kill();
        stopping.wait();
        assert!(!server.accepts());
        sleep(SOON);
        let refused = TcpStream::connect(addr).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        ask(&mut client, b"still there");
        drop(client);
        assert!(server.stop());
    });
}

#[test]
fn no_connection_is_lost_when_accepting_ends_as_it_comes() {
    world_checked(|| {
        let (server, addr) = echo_server();
        for turns in 0..5 {
            let mut client = TcpStream::connect(addr).unwrap();
            (0..turns).for_each(|_| yield_now());
            server.stop_accepting();
            server.start();
            ask(&mut client, b"hello");
        }
        until(|| server.connections() == 0);
        assert!(server.stop());
    });
}

#[test]
fn serving_for_ever_ends_if_the_listener_panics() {
    world_checked(|| {
        let server = StreamServer::new(Failing(|| panic!("as was asked for")), |(), ()| ());
        let error = server.serve_forever().unwrap_err();
        assert_eq!(error.to_string(), "the listener panicked");
        server.stop();
    });
}

#[test]
fn a_server_of_a_unix_socket() {
    world_checked(|| {
        let dir = TempDir::new();
        let path = dir.join("socket");
        let server = StreamServer::new(UnixListener::bind(&path).unwrap(), |mut stream, _| {
            let mut word = [0; 5];
            stream.read_exact(&mut word)?;
            stream.write_all(&word)
        });
        server.start();
        assert_eq!(server.local_addr().unwrap().as_pathname(), Some(&*path));
        let mut client = UnixStream::connect(&path).unwrap();
        client.write_all(b"hello").unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "hello");
        assert!(server.stop());
    });
}

/// Answers in capitals, and panics when asked to.
fn shout(socket: &UdpSocket, data: &[u8], peer: SocketAddr) {
    assert_ne!(data, b"!", "as was asked for");
    sleep(SOON);
    socket.send_to(&data.to_ascii_uppercase(), peer).unwrap();
}

#[test]
fn each_datagram_has_a_greenlet_of_its_own() {
    world_checked(|| {
        let server = DatagramServer::bind(ANY, shout).unwrap().max_connections(2);
        server.start();
        let addr = server.local_addr().unwrap();
        let client = UdpSocket::bind(ANY).unwrap();
        client.set_read_timeout(Some(HOUR)).unwrap();
        let words = ["a", "b", "!", "", "cd"];
        for word in words {
            client.send_to(word.as_bytes(), addr).unwrap();
        }
        let mut heard = Vec::new();
        let mut answer = [0; 16];
        for _ in 0..4 {
            let (count, peer) = client.recv_from(&mut answer).unwrap();
            assert_eq!(peer, addr);
            heard.push(String::from_utf8_lossy(&answer[..count]).into_owned());
        }
        heard.sort();
        assert_eq!(heard, ["", "A", "B", "CD"]);
        assert!(server.stop());
        assert_eq!(
            server.local_addr().unwrap_err().kind(),
            ErrorKind::NotConnected
        );
    });
}
