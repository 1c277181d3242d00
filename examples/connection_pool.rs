//! Many greenlets share a few connections: four queries, each of which takes the server a while, on three connections. After gevent's
//! `psycopg2_pool`.
//!
//! `cargo run --example connection_pool`

use std::cell::Cell;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::net::TcpStream;
use greenlet::queue::Queue;
use greenlet::server::StreamServer;
use greenlet::{join_all, sleep, spawn};

const CONNECTIONS: usize = 3;

const QUERIES: usize = 4;

/// How long a query takes.
const UNIT: Duration = Duration::from_millis(200);

fn main() -> Result<(), Box<dyn Error>> {
    let database = Database::start()?;
    let pool = Rc::new(ConnectionPool::new(
        database.server.local_addr()?,
        CONNECTIONS,
    ));
    println!("{QUERIES} queries on {CONNECTIONS} connections");
    let start = Instant::now();
    let queries = (1..=QUERIES).map(|number| {
        let pool = pool.clone();
        spawn(move || pool.connection()?.query(&format!("query {number}")))
    });
    for answer in join_all(queries) {
        println!("{}", answer.expect("does not panic")?);
    }
    let units = start.elapsed().div_duration_f32(UNIT);
    // Two of them, and what else the machine has to do.
    eprintln!("they took {units:.1} times as long as one");
    println!("at most {} were under way at once", pool.most.get());
    println!("{} connections were made", database.made.get());
    drop(pool);
    database.server.stop();
    Ok(())
}

/// Connections that are made when they are first needed, and lent.
struct ConnectionPool {
    addr: SocketAddr,
    /// `None` stands for one that is not made yet. Who takes one waits until there is one, in the order of coming.
    free: Queue<Option<Connection>>,
    lent: Cell<usize>,
    /// How many were lent at once.
    most: Cell<usize>,
}

impl ConnectionPool {
    fn new(addr: SocketAddr, size: usize) -> Self {
        let free = Queue::new();
        for _ in 0..size {
            free.put(None).expect("nobody shuts it down");
        }
        let [lent, most] = [0, 0].map(Cell::new);
        ConnectionPool {
            addr,
            free,
            lent,
            most,
        }
    }

    fn connection(&self) -> io::Result<Lent<'_>> {
        let connection = self.free.get().expect("nobody shuts it down");
        self.lent.set(self.lent.get() + 1);
        self.most.set(self.most.get().max(self.lent.get()));
        let mut lent = Lent {
            pool: self,
            connection,
        };
        if lent.connection.is_none() {
            lent.connection = Some(Connection::to(self.addr)?);
        }
        Ok(lent)
    }
}

/// A place in the pool, which goes back however its user ends.
struct Lent<'a> {
    pool: &'a ConnectionPool,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // One that is in the middle of something is of no use to others.
        let connection = self
            .connection
            .take()
            .filter(|connection| connection.is_idle);
        let pool = self.pool;
        pool.lent.set(pool.lent.get() - 1);
        pool.free.put(connection).expect("nobody shuts it down");
    }
}

impl Deref for Lent<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("is there until it is dropped")
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
            .as_mut()
            .expect("is there until it is dropped")
    }
}

struct Connection {
    stream: BufReader<TcpStream>,
    is_idle: bool,
}

impl Connection {
    fn to(addr: SocketAddr) -> io::Result<Self> {
        let stream = BufReader::new(TcpStream::connect(addr)?);
        Ok(Connection {
            stream,
            is_idle: true,
        })
    }

    fn query(&mut self, query: &str) -> io::Result<String> {
        self.is_idle = false;
        self.stream
            .get_mut()
            .write_all(format!("{query}\n").as_bytes())?;
        let mut answer = String::new();
        self.stream.read_line(&mut answer)?;
        self.is_idle = true;
        Ok(answer.trim_end().to_owned())
    }
}

/// What the connections go to.
struct Database {
    server: StreamServer,
    /// How many connections there were.
    made: Rc<Cell<usize>>,
}

impl Database {
    fn start() -> io::Result<Self> {
        let made = Rc::new(Cell::new(0));
        let counted = made.clone();
        let server = StreamServer::bind("127.0.0.1:0", move |stream, _| {
            counted.set(counted.get() + 1);
            answer(&stream)
        })?;
        server.start();
        Ok(Database { server, made })
    }
}

fn answer(mut stream: &TcpStream) -> io::Result<()> {
    for query in BufReader::new(stream).lines() {
        sleep(UNIT);
        stream.write_all(format!("the answer to {}\n", query?).as_bytes())?;
    }
    Ok(())
}
