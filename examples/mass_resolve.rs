//! Looks many names up, ten at most at a time, and gives up what has not come after a limit. After gevent's `dns_mass_resolve`.
//!
//! `cargo run --example mass_resolve [NAMES]`

use std::cell::RefCell;
use std::env;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use greenlet::net::lookup_host;
use greenlet::pool::Pool;

const AT_ONCE: usize = 10;

const LIMIT: Duration = Duration::from_secs(10);

/// Known without a network; the last two are addresses already, in the notations of old.
const NAMES: &[&str] = &["localhost", "127.0.0.1", "127.1", "0x7f000001"];

/// Of a name.
type Answer = Result<IpAddr, String>;

fn main() {
    let mut names: Vec<String> = env::args().skip(1).collect();
    if names.is_empty() {
        names = NAMES.iter().map(|&name| name.to_owned()).collect();
    }
    let found: Rc<RefCell<Vec<Option<Answer>>>> = Rc::new(RefCell::new(vec![None; names.len()]));
    let pool = Pool::new(AT_ONCE);
    for (at, name) in names.iter().cloned().enumerate() {
        let found = found.clone();
        // Comes back at once; it is the look-up that waits for its turn.
        pool.apply_async(
            move || resolve(&name),
            move |answer| found.borrow_mut()[at] = Some(answer.clone()),
        );
    }
    if !pool.join_timeout(LIMIT) {
        pool.kill();
    }

    let found = found.take();
    let resolved = found.iter().filter(|answer| matches!(answer, Some(Ok(_))));
    let resolved = resolved.count();
    for (name, answer) in names.iter().zip(found) {
        match answer {
            Some(Ok(ip)) => println!("{name} = {ip}"),
            Some(Err(error)) => println!("{name}: {error}"),
            None => println!("{name}: no answer in {LIMIT:?}"),
        }
    }
    println!("{resolved} of {} names are known", names.len());
}

/// The first address, of the old kind if there is one.
fn resolve(name: &str) -> Answer {
    let addrs: io::Result<Vec<SocketAddr>> = lookup_host((name, 0)).map(Iterator::collect);
    let addrs = addrs.map_err(|error| error.to_string())?;
    let old = addrs.iter().find(|addr| addr.is_ipv4());
    let first = old.or(addrs.first()).map(SocketAddr::ip);
    first.ok_or_else(|| "no address".to_owned())
}
