//! What items go through, and where they are.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use greenlet::channel::{
    self, Receiver, RecvTimeoutError, Select, SendTimeoutError, Sender, TryRecvError, TrySendError,
};
use greenlet::queue::{GetError, JoinableQueue, LifoQueue, PriorityQueue, PutError, Queue};

use crate::primitives::program::{CHANNELS, PIPES, Patience, Program, Who};
use crate::primitives::world::{Faults, units};

/// What becomes of every item, and whether it may get lost.
pub struct Ledger {
    items: RefCell<Vec<Record>>,
    /// What each greenlet got last from each other one through each pipe.
    last: RefCell<HashMap<(usize, Who, Who), usize>>,
    /// Pipes whose content was thrown away.
    pub emptied: [Cell<bool>; PIPES],
    faults: Rc<Faults>,
}

struct Record {
    pipe: usize,
    sent: bool,
    got: bool,
    dropped: bool,
}

pub struct Item {
    number: usize,
    from: Who,
    ledger: Rc<Ledger>,
}

impl Ledger {
    pub fn new(faults: &Rc<Faults>) -> Rc<Self> {
        Rc::new(Ledger {
            items: RefCell::default(),
            last: RefCell::default(),
            emptied: Default::default(),
            faults: faults.clone(),
        })
    }

    pub fn item(self: &Rc<Self>, pipe: usize, from: Who) -> Item {
        let mut items = self.items.borrow_mut();
        items.push(Record {
            pipe,
            sent: false,
            got: false,
            dropped: false,
        });
        Item {
            number: items.len() - 1,
            from,
            ledger: self.clone(),
        }
    }

    /// How many there are so far; the next one has this number.
    pub fn len(&self) -> usize {
        self.items.borrow().len()
    }

    pub fn sent(&self, number: usize) {
        self.items.borrow_mut()[number].sent = true;
    }

    /// `who` has got an item through a pipe, in the order of sending unless the pipe has another one.
    pub fn got(&self, pipe: usize, who: Who, item: &Item) {
        let record = &mut self.items.borrow_mut()[item.number];
        self.faults
            .check(!record.got && !record.dropped, || "an item was got twice");
        self.faults
            .check(record.pipe == pipe, || "an item came out of another pipe");
        record.got = true;
        let is_ordered = !matches!(pipe, LIFO | PRIORITY);
        let last = self
            .last
            .borrow_mut()
            .insert((pipe, item.from, who), item.number);
        self.faults.check(
            !is_ordered || last.is_none_or(|last| last < item.number),
            || "items of one sender were got in another order",
        );
    }

    /// Nothing that was sent is missing, everything is dropped.
    pub fn settle(&self) {
        for (number, record) in self.items.borrow().iter().enumerate() {
            let lost = record.sent && !record.got && !self.emptied[record.pipe].get();
            self.faults.check(!lost, || {
                format!(
                    "item {number} was sent through pipe {}, and is lost",
                    record.pipe
                )
            });
            self.faults
                .check(record.dropped, || format!("item {number} leaked"));
        }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        let record = &mut self.ledger.items.borrow_mut()[self.number];
        let twice = std::mem::replace(&mut record.dropped, true);
        self.ledger
            .faults
            .check(!twice, || "an item was dropped twice");
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    /// Many are equal.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.number % 3).cmp(&(other.number % 3))
    }
}

/// What came of a put or a get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    Yes,
    /// Full, empty, or the limit is up.
    No,
    /// Nobody is at the other end any more.
    Closed,
}

const LIFO: usize = CHANNELS + 1;
const PRIORITY: usize = CHANNELS + 2;

/// Three channels (of which the first holds nothing, and the last anything), then four queues.
pub struct Pipes {
    senders: [RefCell<Option<Rc<Sender<Item>>>>; CHANNELS],
    receivers: [RefCell<Option<Rc<Receiver<Item>>>>; CHANNELS],
    fifo: Queue<Item>,
    lifo: LifoQueue<Item>,
    priority: PriorityQueue<Item>,
    pub joinable: JoinableQueue<Item>,
}

impl Pipes {
    pub fn new(program: &Program) -> Self {
        let channels = [
            channel::bounded(0),
            channel::bounded(program.capacity),
            channel::unbounded(),
        ];
        let (senders, receivers) = channels
            .map(|(sender, receiver)| {
                let (sender, receiver) = (Rc::new(sender), Rc::new(receiver));
                (RefCell::new(Some(sender)), RefCell::new(Some(receiver)))
            })
            .into_iter()
            .unzip::<_, _, Vec<_>, Vec<_>>();
        Pipes {
            senders: senders.try_into().expect("as many"),
            receivers: receivers.try_into().expect("as many"),
            fifo: Queue::bounded(program.capacity),
            lifo: LifoQueue::new(),
            priority: PriorityQueue::bounded(program.capacity),
            joinable: JoinableQueue::new(),
        }
    }

    /// A sender of one's own, so that the last to go may be anybody's.
    fn sender(&self, pipe: usize) -> Option<Sender<Item>> {
        let sender = self.senders[pipe].borrow();
        sender.as_deref().cloned()
    }

    fn receiver(&self, pipe: usize) -> Option<Receiver<Item>> {
        let receiver = self.receivers[pipe].borrow();
        receiver.as_deref().cloned()
    }

    pub fn close_sender(&self, pipe: usize) {
        drop(self.senders[pipe].take());
    }

    pub fn close_receiver(&self, pipe: usize, ledger: &Ledger) {
        ledger.emptied[pipe].set(true);
        drop(self.receivers[pipe].take());
    }

    pub fn shut_down(&self, pipe: usize, now: bool, ledger: &Ledger) {
        if now {
            ledger.emptied[pipe].set(true);
        }
        match (pipe - CHANNELS, now) {
            (0, false) => self.fifo.shutdown(),
            (0, true) => self.fifo.shutdown_now(),
            (1, false) => self.lifo.shutdown(),
            (1, true) => self.lifo.shutdown_now(),
            (2, false) => self.priority.shutdown(),
            (2, true) => self.priority.shutdown_now(),
            (_, false) => self.joinable.shutdown(),
            (_, true) => self.joinable.shutdown_now(),
        }
    }

    pub fn put(&self, pipe: usize, item: Item, patience: Patience) -> Passed {
        macro_rules! put {
            ($queue:expr) => {
                match patience {
                    Patience::None => of_put($queue.try_put(item)),
                    Patience::Limit(limit) => of_put($queue.put_timeout(item, units(limit))),
                    Patience::Forever => of_put($queue.put(item)),
                }
            };
        }
        match pipe.checked_sub(CHANNELS) {
            None => match self.sender(pipe) {
                Some(sender) => send(&sender, item, patience),
                None => Passed::Closed,
            },
            Some(0) => put!(self.fifo),
            Some(1) => put!(self.lifo),
            Some(2) => put!(self.priority),
            Some(_) => put!(self.joinable),
        }
    }

    pub fn get(&self, pipe: usize, patience: Patience) -> Result<Item, Passed> {
        macro_rules! get {
            ($queue:expr) => {
                match patience {
                    Patience::None => $queue.try_get(),
                    Patience::Limit(limit) => $queue.get_timeout(units(limit)),
                    Patience::Forever => $queue.get(),
                }
                .map_err(of_get)
            };
        }
        match pipe.checked_sub(CHANNELS) {
            None => match self.receiver(pipe) {
                Some(receiver) => receive(&receiver, patience),
                None => Err(Passed::Closed),
            },
            Some(0) => get!(self.fifo),
            Some(1) => get!(self.lifo),
            Some(2) => get!(self.priority),
            Some(_) => get!(self.joinable),
        }
    }

    /// Receives from one channel, or sends to another, whichever can be done.
    pub fn select(
        &self,
        from: usize,
        to: usize,
        patience: Patience,
        item: impl FnOnce() -> Item,
    ) -> Selected {
        let (Some(receiver), Some(sender)) = (self.receiver(from), self.sender(to)) else {
            return Selected::Nothing;
        };
        let mut select = Select::new();
        let receiving = select.recv(&receiver);
        select.send(&sender);
        let operation = match patience {
            Patience::None => select.try_select().ok(),
            Patience::Limit(limit) => select.select_timeout(units(limit)).ok(),
            Patience::Forever => Some(select.select()),
        };
        let Some(operation) = operation else {
            return Selected::Nothing;
        };
        match operation.index() == receiving {
            true => Selected::Received(operation.recv(&receiver).ok()),
            false => Selected::Sent(operation.send(&sender, item()).is_ok()),
        }
    }
}

pub enum Selected {
    Nothing,
    Received(Option<Item>),
    Sent(bool),
}

fn send(sender: &Sender<Item>, item: Item, patience: Patience) -> Passed {
    match patience {
        Patience::None => match sender.try_send(item) {
            Ok(()) => Passed::Yes,
            Err(TrySendError::Full(_)) => Passed::No,
            Err(TrySendError::Disconnected(_)) => Passed::Closed,
        },
        Patience::Limit(limit) => match sender.send_timeout(item, units(limit)) {
            Ok(()) => Passed::Yes,
            Err(SendTimeoutError::Timeout(_)) => Passed::No,
            Err(SendTimeoutError::Disconnected(_)) => Passed::Closed,
        },
        Patience::Forever => match sender.send(item) {
            Ok(()) => Passed::Yes,
            Err(_) => Passed::Closed,
        },
    }
}

fn receive(receiver: &Receiver<Item>, patience: Patience) -> Result<Item, Passed> {
    match patience {
        Patience::None => receiver.try_recv().map_err(|error| match error {
            TryRecvError::Empty => Passed::No,
            TryRecvError::Disconnected => Passed::Closed,
        }),
        Patience::Limit(limit) => {
            let received = receiver.recv_timeout(units(limit));
            received.map_err(|error| match error {
                RecvTimeoutError::Timeout => Passed::No,
                RecvTimeoutError::Disconnected => Passed::Closed,
            })
        }
        Patience::Forever => receiver.recv().map_err(|_| Passed::Closed),
    }
}

fn of_put(result: Result<(), PutError<Item>>) -> Passed {
    match result {
        Ok(()) => Passed::Yes,
        Err(PutError::Full(_)) => Passed::No,
        Err(PutError::ShutDown(_)) => Passed::Closed,
    }
}

fn of_get(error: GetError) -> Passed {
    match error {
        GetError::Empty => Passed::No,
        GetError::ShutDown => Passed::Closed,
    }
}
