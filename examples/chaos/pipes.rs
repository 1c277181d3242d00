//! Whatever hands items from one to another: all kinds of queues and channels, alike.

use std::cmp::Ordering as Order;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use greenlet::channel::{self, Receiver, Sender};
use greenlet::queue::{Channel, JoinableQueue, LifoQueue, PriorityQueue, Queue};

/// What was put in and got out, of all pipes together.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    put: AtomicU64,
    put_sum: AtomicU64,
    got: AtomicU64,
    got_sum: AtomicU64,
    alive: AtomicI64,
}

impl Ledger {
    pub(crate) fn put(&self, number: u64) {
        self.put.fetch_add(1, Ordering::SeqCst);
        self.put_sum.fetch_add(number, Ordering::SeqCst);
    }

    pub(crate) fn got(&self, item: &Item) {
        self.got.fetch_add(1, Ordering::SeqCst);
        self.got_sum.fetch_add(item.number, Ordering::SeqCst);
    }

    /// Nobody puts or gets any more, and the pipes are empty.
    pub(crate) fn check(&self, name: &str) {
        let read = |count: &AtomicU64| count.load(Ordering::SeqCst);
        let (put, got) = (read(&self.put), read(&self.got));
        assert_eq!(put, got, "{name}: put, and got");
        let (put, got) = (read(&self.put_sum), read(&self.got_sum));
        assert_eq!(put, got, "{name}: other items than were put");
        let alive = self.alive.load(Ordering::SeqCst);
        assert_eq!(alive, 0, "{name}: items were forgotten");
    }
}

/// Counts itself.
pub(crate) struct Item {
    pub(crate) number: u64,
    ledger: Arc<Ledger>,
}

impl Item {
    pub(crate) fn new(number: u64, ledger: &Arc<Ledger>) -> Self {
        ledger.alive.fetch_add(1, Ordering::SeqCst);
        Item {
            number,
            ledger: ledger.clone(),
        }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.ledger.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Order {
        self.number.cmp(&other.number)
    }
}

/// For how long one waits.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    Not,
    For(Duration),
    Forever,
}

pub(crate) trait Pipe: Send + Sync {
    /// Gives the item back if it was not taken.
    fn put(&self, item: Item, limit: Limit) -> Result<(), Item>;
    fn get(&self, limit: Limit) -> Option<Item>;
    fn is_empty(&self) -> bool;
    fn is_full(&self) -> bool;
}

macro_rules! queues {
    ($($queue:ident $after_get:expr,)*) => {
        $(
            impl Pipe for $queue<Item> {
                fn put(&self, item: Item, limit: Limit) -> Result<(), Item> {
                    let put = match limit {
                        Limit::Not => self.try_put(item),
                        Limit::For(limit) => self.put_timeout(item, limit),
                        Limit::Forever => self.put(item),
                    };
                    put.map_err(|error| error.into_inner())
                }

                fn get(&self, limit: Limit) -> Option<Item> {
                    let got = match limit {
                        Limit::Not => self.try_get(),
                        Limit::For(limit) => self.get_timeout(limit),
                        Limit::Forever => self.get(),
                    };
                    let after_get: fn(&Self) = $after_get;
                    got.inspect(|_| after_get(self)).ok()
                }

                fn is_empty(&self) -> bool {
                    self.is_empty()
                }

                fn is_full(&self) -> bool {
                    self.is_full()
                }
            }
        )*
    };
}

queues! {
    Queue |_| {},
    LifoQueue |_| {},
    PriorityQueue |_| {},
    Channel |_| {},
    JoinableQueue Self::task_done,
}

impl Pipe for (Sender<Item>, Receiver<Item>) {
    fn put(&self, item: Item, limit: Limit) -> Result<(), Item> {
        match limit {
            Limit::Not => self.0.try_send(item).map_err(|error| error.into_inner()),
            Limit::For(limit) => {
                let sent = self.0.send_timeout(item, limit);
                sent.map_err(|error| error.into_inner())
            }
            Limit::Forever => self.0.send(item).map_err(|error| error.into_inner()),
        }
    }

    fn get(&self, limit: Limit) -> Option<Item> {
        match limit {
            Limit::Not => self.1.try_recv().ok(),
            Limit::For(limit) => self.1.recv_timeout(limit).ok(),
            Limit::Forever => self.1.recv().ok(),
        }
    }

    fn is_empty(&self) -> bool {
        self.1.is_empty()
    }

    fn is_full(&self) -> bool {
        self.1.is_full()
    }
}

/// A pipe, and what went through it.
pub(crate) struct Counted {
    name: &'static str,
    pub(crate) pipe: Box<dyn Pipe>,
    pub(crate) ledger: Arc<Ledger>,
}

impl Counted {
    fn new(name: &'static str, pipe: impl Pipe + 'static) -> Self {
        Counted {
            name,
            pipe: Box::new(pipe),
            ledger: Arc::default(),
        }
    }

    /// Whether an item of that number was put.
    pub(crate) fn put(&self, number: u64, limit: Limit) -> bool {
        let item = Item::new(number, &self.ledger);
        let is_put = self.pipe.put(item, limit).is_ok();
        if is_put {
            self.ledger.put(number);
        }
        is_put
    }

    /// Whether an item was got.
    pub(crate) fn get(&self, limit: Limit) -> bool {
        let got = self.pipe.get(limit);
        got.inspect(|item| self.ledger.got(item)).is_some()
    }

    /// Nobody puts or gets any more.
    pub(crate) fn settle(self) {
        while self.get(Limit::Not) {}
        drop(self.pipe);
        self.ledger.check(self.name);
    }
}

/// One of each kind of queue, and of channel.
pub(crate) fn one_of_each() -> Vec<Counted> {
    vec![
        Counted::new("Queue", Queue::bounded(2)),
        Counted::new("LifoQueue", LifoQueue::bounded(3)),
        Counted::new("PriorityQueue", PriorityQueue::bounded(3)),
        Counted::new("queue::Channel", Channel::new()),
        Counted::new("JoinableQueue", JoinableQueue::bounded(2)),
        Counted::new("channel without room", channel::bounded(0)),
        Counted::new("channel with room", channel::bounded(2)),
    ]
}
