//! Looking names up: a thread asks the system, and only the greenlets wait that asked for the name.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use crate::hub::awaited::Awaited;
use crate::hub::begin::place;
use crate::hub::wait_on::{Waited, wait_on};
use crate::threadpool::per_process::PerProcess;
use crate::threadpool::workers::Workers;
use crate::util::deadline::Deadline;
use crate::util::primitive::Latch;
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// How many names are looked up at one time; the documentation of `net` says so.
const MOST: usize = 10;

static RESOLVER: PerProcess<Resolver> = PerProcess::new(Resolver::new);

struct Resolver {
    workers: Arc<Workers>,
    /// Those that have not ended, by name: whoever asks for the same name meanwhile waits for the same end.
    going: Latch<BTreeMap<String, Arc<LookUp>>>,
}

struct LookUp {
    host: String,
    end: Latch<End>,
}

struct End {
    answer: Option<Arc<Answer>>,
    askers: WaitQueue,
}

/// The addresses, with port zero. `None` if nobody was there to ask.
type Answer = Option<io::Result<Vec<SocketAddr>>>;

/// The addresses of a name, with that port.
///
/// Switches, unless the answer is there before the caller could wait. A kill, or the end of an enclosing limit, ends the wait; the
/// look-up goes on by itself, or is left out if it has not begun.
#[track_caller]
pub(crate) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    // What is raised now is raised before anything was done.
    place().check();
    let look_up = RESOLVER.get().ask(host);
    let answer = look_up.wait();
    match &*answer {
        Some(Ok(addresses)) => {
            let mut addresses = addresses.clone();
            for address in &mut addresses {
                address.set_port(port);
            }
            Ok(addresses)
        }
        Some(Err(error)) => Err(again(error)),
        None => panic!("the system refuses a thread to look names up"),
    }
}

/// The same error for another one who asked.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

impl Resolver {
    fn new() -> Self {
        Resolver {
            workers: Workers::new(MOST),
            going: Latch::new(BTreeMap::new()),
        }
    }

    /// A look-up of that name which has not ended.
    fn ask(&'static self, host: &str) -> Arc<LookUp> {
        let mut going = self.going.lock();
        if let Some(look_up) = going.get(host) {
            return look_up.clone();
        }
        let look_up = Arc::new(LookUp {
            host: host.to_owned(),
            end: Latch::new(End {
                answer: None,
                askers: WaitQueue::new(),
            }),
        });
        going.insert(host.to_owned(), look_up.clone());
        drop(going);
        let promise = Promise(self, look_up.clone());
        self.workers.submit(Box::new(move || promise.keep()));
        look_up
    }

    /// From here on whoever asks has another one begin.
    fn forget(&self, look_up: &Arc<LookUp>) {
        let mut going = self.going.lock();
        let known = going.get(&look_up.host);
        if known.is_some_and(|known| Arc::ptr_eq(known, look_up)) {
            going.remove(&look_up.host);
        }
    }

    /// Whether anybody wants to know. If not, nobody will: it is forgotten.
    fn is_wanted(&self, look_up: &Arc<LookUp>) -> bool {
        let mut going = self.going.lock();
        // The table has one of these, and so has the promise; who asks takes one under the lock.
        let wanted = Arc::strong_count(look_up) > 2;
        if !wanted {
            going.remove(&look_up.host);
        }
        wanted
    }
}

impl LookUp {
    #[track_caller]
    fn wait(&self) -> Arc<Answer> {
        let waited = wait_on(
            &self.end,
            Deadline::Never,
            self,
            |end| end.answer.clone().ok_or(()),
            |end| &mut end.askers,
        );
        match waited {
            Waited::Done(answer) => answer,
            _ => {
                let answer = self.end.lock().answer.clone();
                answer.expect("they are woken at the end")
            }
        }
    }

    fn complete(&self, answer: Answer) {
        let mut end = self.end.lock();
        if end.answer.is_none() {
            end.answer = Some(Arc::new(answer));
            end.askers.wake_all(Token::READY);
        }
    }
}

impl Awaited for LookUp {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the addresses of `{}`", self.host)
    }
}

/// That the look-up ends. If this is dropped, so was the job.
struct Promise(&'static Resolver, Arc<LookUp>);

impl Promise {
    /// The whole of it, on a thread.
    fn keep(self) {
        let Promise(resolver, look_up) = &self;
        if !resolver.is_wanted(look_up) {
            return;
        }
        let answer = (look_up.host.as_str(), 0).to_socket_addrs();
        let answer = answer.map(Iterator::collect);
        resolver.forget(look_up);
        look_up.complete(Some(answer));
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let Promise(resolver, look_up) = self;
        resolver.forget(look_up);
        look_up.complete(None);
    }
}
