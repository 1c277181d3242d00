//! A server of connections.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use crate::event::flag::Event;
use crate::greenlet::builder::GreenletBuilder;
use crate::hub::owner::panicking;
use crate::hub::sleep::{sleep, yield_now};
use crate::net::addrs::ToSocketAddrs;
use crate::net::tcp_listener::TcpListener;
use crate::pool::bounded::Pool;
use crate::server::listener::Listener;
use crate::sys::fd::{AcceptFailure, accept_failure};
use crate::task::join_handle::JoinHandle;
use crate::task::spawn::spawn;

/// How long [`stop`](StreamServer::stop) lets connections go on; gevent's.
const GRACE: Duration = Duration::from_secs(1);

/// How soon accepting is tried again when there are too many descriptors, or there is no memory; doubled each time; gevent's.
const FIRST_DELAY: Duration = Duration::from_millis(10);
const LAST_DELAY: Duration = Duration::from_secs(1);

/// As good as no bound on connections: descriptors end before. A pool takes as many on every machine.
const UNBOUNDED: usize = 1 << 29;

type Handler<L> = dyn Fn(<L as Listener>::Stream, <L as Listener>::Addr);

/// Accepts connections and gives each a greenlet of its own, that runs the handler: `gevent.server.StreamServer`.
///
/// * Nothing is accepted before [`start`](Self::start). It serves on the thread that started it, whenever that waits.
/// * With [`max_connections`](Self::max_connections), further ones wait in the system's queue until one has ended.
/// * The handler owns the connection, which ends with it unless it is given away. What it returns is dropped. A panic in it is
///   reported by the panic hook, ends that connection, and nothing else.
/// * If there are too many descriptors, accepting rests for 10 ms, then for twice as long each time up to one second, and goes on when there is
///   room. An error of one connection is passed over. When the socket itself is at fault, accepting ends.
/// * A clone is the same server. Dropping it leaves it serving, as long as the thread does.
pub struct StreamServer<L: Listener = TcpListener>(Rc<Shared<L>>);

struct Shared<L: Listener> {
    /// Gone when it was stopped.
    listener: RefCell<Option<Rc<L>>>,
    handler: Rc<Handler<L>>,
    connections: RefCell<Pool>,
    acceptor: RefCell<Option<JoinHandle<()>>>,
    started: Cell<bool>,
    /// The end of the server, and what it died of if it was not stopped.
    ended: Event,
    fault: RefCell<Option<io::Error>>,
}

impl StreamServer {
    /// A server that listens at `addr`, with a handler. Port 0 is any that is free; see [`local_addr`](Self::local_addr).
    ///
    /// Does not switch, unless a name is to be resolved.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`].
    #[track_caller]
    pub fn bind<A, F, R>(addr: A, handler: F) -> io::Result<Self>
    where
        A: ToSocketAddrs,
        F: Fn(crate::net::tcp_stream::TcpStream, std::net::SocketAddr) -> R + 'static,
    {
        Ok(Self::new(TcpListener::bind(addr)?, handler))
    }
}

impl<L: Listener + 'static> StreamServer<L> {
    /// A server for a socket that listens already, of whatever kind.
    pub fn new<F, R>(listener: L, handler: F) -> Self
    where
        F: Fn(L::Stream, L::Addr) -> R + 'static,
    {
        StreamServer(Rc::new(Shared {
            listener: RefCell::new(Some(Rc::new(listener))),
            handler: Rc::new(move |stream, peer| drop(handler(stream, peer))),
            connections: RefCell::new(Pool::new(UNBOUNDED)),
            acceptor: RefCell::new(None),
            started: Cell::new(false),
            ended: Event::new(),
            fault: RefCell::new(None),
        }))
    }

    /// How many connections there may be at once; without it there is no bound.
    ///
    /// # Panics
    ///
    /// If it was started already, or `most` is zero.
    #[must_use]
    pub fn max_connections(self, most: usize) -> Self {
        assert!(most > 0, "a server without connections");
        assert!(
            !self.0.started.get(),
            "the server has started, with another bound"
        );
        self.0.connections.replace(Pool::new(most));
        self
    }

    /// Begins to accept. Does not switch; does nothing if it accepts already.
    ///
    /// # Panics
    ///
    /// If it was [stopped](Self::stop).
    #[track_caller]
    pub fn start(&self) {
        let listener = self.0.listener.borrow().clone();
        let listener = listener.expect("the server was stopped, and its socket is closed");
        if self.accepts() {
            return;
        }
        self.0.started.set(true);
        self.0.ended.clear();
        let shared = self.0.clone();
        let acceptor = spawn(move || {
            let fault = Fault(&shared);
            let connections = shared.connections.borrow().clone();
            let error = accept(&*listener, &connections, &shared.handler);
            fault.is(error);
        });
        self.0.acceptor.replace(Some(acceptor));
    }

    /// [Starts](Self::start), and waits until it was [stopped](Self::stop) by somebody else.
    ///
    /// A kill, or the end of an enclosing limit, ends the wait, and it goes on serving.
    ///
    /// # Errors
    ///
    /// What ended accepting if nobody did: something is wrong with the socket.
    #[track_caller]
    pub fn serve_forever(&self) -> io::Result<()> {
        self.start();
        self.0.ended.wait();
        self.0.fault.take().map_or(Ok(()), Err)
    }

    /// Ends accepting for now; connections go on. [`start`](Self::start) begins again. Those that come meanwhile wait in the system's queue.
    ///
    /// Switches if it was accepting.
    #[track_caller]
    pub fn stop_accepting(&self) {
        let acceptor = self.0.acceptor.take();
        if let Some(acceptor) = acceptor {
            acceptor.kill();
            acceptor.wait();
        }
    }

    /// As [`stop_timeout`](Self::stop_timeout) with a second, as gevent's.
    #[track_caller]
    pub fn stop(&self) -> bool {
        self.stop_timeout(GRACE)
    }

    /// Ends gracefully: closes the listening socket, lets the connections go on for so long at most, then kills those that are left, and waits for
    /// their end. Whether none had to be killed.
    ///
    /// Switches. When called by a handler it waits for nothing, says `false`, and its own connection is one of those that may go on for so long.
    ///
    /// A kill of the caller, or the end of an enclosing limit, ends the wait; nothing is accepted any more then, and connections go on.
    #[track_caller]
    pub fn stop_timeout(&self, grace: Duration) -> bool {
        self.0.listener.take();
        self.stop_accepting();
        let connections = self.0.connections.borrow().clone();
        if connections.runs_caller() {
            let server = self.clone();
            GreenletBuilder::new().spawn_admitted(move || server.stop_timeout(grace));
            return false;
        }
        let at_ease = connections.join_timeout(grace);
        if !at_ease {
            connections.kill();
        }
        self.0.ended.set();
        at_ease
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// What the system says; `NotConnected` if it was stopped.
    pub fn local_addr(&self) -> io::Result<L::Addr> {
        match &*self.0.listener.borrow() {
            Some(listener) => listener.local_addr(),
            None => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.0.connections.borrow().len()
    }

    /// Whether it accepts connections.
    pub fn accepts(&self) -> bool {
        let acceptor = self.0.acceptor.borrow();
        acceptor
            .as_ref()
            .is_some_and(|acceptor| !acceptor.is_finished())
    }
}

/// What ends accepting if nobody does.
struct Fault<'a, L: Listener>(&'a Shared<L>);

impl<L: Listener> Fault<'_, L> {
    fn is(&self, error: io::Error) {
        self.0.fault.replace(Some(error));
        self.0.ended.set();
    }
}

impl<L: Listener> Drop for Fault<'_, L> {
    fn drop(&mut self) {
        if panicking() {
            self.is(io::Error::other("the listener panicked"));
        }
    }
}

/// Accepts, until it is killed, or the socket is at fault: how.
fn accept<L: Listener + 'static>(
    listener: &L,
    connections: &Pool,
    handler: &Rc<Handler<L>>,
) -> io::Error {
    let mut delay = FIRST_DELAY;
    loop {
        connections.wait_available();
        let failed = match listener.accept() {
            Ok((stream, peer)) => {
                let handler = handler.clone();
                wait_for_room();
                connections.spawn(move || handler(stream, peer));
                delay = FIRST_DELAY;
                continue;
            }
            Err(error) => error,
        };
        if failed.kind() == ErrorKind::WouldBlock {
            // It does not wait, and would be asked for ever.
            return failed;
        }
        match accept_failure(&failed) {
            // The next may fail as soon: others have a turn.
            AcceptFailure::Connection => yield_now(),
            AcceptFailure::Exhausted => {
                sleep(delay);
                delay = LAST_DELAY.min(delay * 2);
            }
            AcceptFailure::Socket => return failed,
        }
    }
}

/// Waits as long as the thread may not have another greenlet.
fn wait_for_room() {
    let mut delay = FIRST_DELAY;
    while GreenletBuilder::new().admit().is_err() {
        sleep(delay);
        delay = LAST_DELAY.min(delay * 2);
    }
}

impl<L: Listener> Clone for StreamServer<L> {
    fn clone(&self) -> Self {
        StreamServer(self.0.clone())
    }
}

impl<L: Listener + 'static> fmt::Debug for StreamServer<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamServer")
            .field("accepts", &self.accepts())
            .field("connections", &self.connections())
            .finish()
    }
}
