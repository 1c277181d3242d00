//! Programs that hang, each in its own way, and what there is to be seen of it: `dump`, `deadlock`, `watchdog`, `overflow`.

use std::env;
use std::hint::black_box;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use greenlet::debug::{Watchdog, dump};
use greenlet::net::{TcpListener, TcpStream};
use greenlet::sync::Mutex;
use greenlet::{Greenlet, JoinHandle, join_all, sleep, yield_now};

fn main() -> io::Result<()> {
    match env::args().nth(1).as_deref() {
        None | Some("dump") => slow_server()?,
        Some("deadlock") => two_locks(),
        Some("watchdog") => blocking_call()?,
        Some("overflow") => deep_recursion(),
        Some(other) => println!("there is no {other}"),
    }
    Ok(())
}

#[track_caller]
fn start<T>(name: &str, f: impl FnOnce() -> T + 'static) -> JoinHandle<T>
where
    T: 'static,
{
    Greenlet::builder().name(name).spawn(f)
}

/// One holds a lock while it waits for a server that does not answer.
fn slow_server() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut server = TcpStream::connect(listener.local_addr()?)?;
    server.set_read_timeout(Some(Duration::from_secs(10)))?;
    let cache = Rc::new(Mutex::new([0; 64]));
    let refresh = start("refresh", {
        let cache = cache.clone();
        move || {
            let mut cache = cache.lock().unwrap();
            fetch(&mut server, &mut *cache)
        }
    });
    let handler = start("handler", move || cache.lock().unwrap().len());
    sleep(Duration::from_millis(20));
    print!("{}", dump());
    refresh.kill();
    handler.join().expect("the lock is free again");
    Ok(())
}

fn fetch(server: &mut TcpStream, into: &mut [u8]) -> io::Result<usize> {
    server.read(into)
}

/// Each has what the other one wants.
fn two_locks() {
    let (left, right) = (Rc::new(Mutex::new(())), Rc::new(Mutex::new(())));
    let take = |name, first: &Rc<Mutex<()>>, second: &Rc<Mutex<()>>| {
        let (first, second) = (first.clone(), second.clone());
        start(name, move || {
            let _first = first.lock().unwrap();
            yield_now();
            let _second = second.lock().unwrap();
        })
    };
    join_all([take("one", &left, &right), take("two", &right, &left)]);
}

/// A call that knows nothing of greenlets.
fn blocking_call() -> io::Result<()> {
    let (tell, told) = mpsc::channel();
    let _watchdog = Watchdog::with(Duration::from_millis(100), move |hogged| {
        eprint!("{hogged}");
        // Nobody listens any more the second time.
        _ = tell.send(());
    })?;
    let importer = start("importer", move || told.recv());
    let other = start("other", || ());
    importer.join().unwrap().expect("it is told of");
    other.join().unwrap();
    Ok(())
}

fn deep_recursion() {
    fn descend(depth: u64) -> u64 {
        let frame = black_box([depth; 8]);
        match depth {
            u64::MAX => 0,
            _ => descend(depth + 1) + black_box(frame)[0],
        }
    }
    start("parser", || descend(0)).join().expect("it overflows");
}
