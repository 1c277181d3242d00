//! What of a program goes through queues and channels, both in one way.

use greenlet::channel::{self, Receiver, Sender};
use greenlet::queue::{GetError, PutError, Queue};

use crate::program::{self, PipeKind, Seen, Units};
use crate::real::units;
use crate::support::Token;

pub struct Item {
    op: usize,
    _token: Token,
}

pub enum Pipe {
    Queue(Box<Queue<Item>>),
    Channel(Sender<Item>, Receiver<Item>),
}

impl Pipe {
    pub fn new(pipe: &program::Pipe) -> Self {
        match (pipe.kind, pipe.capacity) {
            (PipeKind::Queue, None) => Pipe::Queue(Box::default()),
            (PipeKind::Queue, Some(capacity)) => Pipe::Queue(Box::new(Queue::bounded(capacity))),
            (PipeKind::Channel, capacity) => {
                let (sender, receiver) = capacity.map_or_else(channel::unbounded, channel::bounded);
                Pipe::Channel(sender, receiver)
            }
        }
    }

    pub fn put(&self, op: usize, limit: Option<Units>) -> Seen {
        let item = item(op);
        let refused = match (self, limit.map(units)) {
            (Pipe::Queue(queue), None) => queue.put(item).err().map(PutError::into_inner),
            (Pipe::Queue(queue), Some(limit)) => {
                let put = queue.put_timeout(item, limit);
                put.err().map(PutError::into_inner)
            }
            (Pipe::Channel(sender, _), None) => sender.send(item).err().map(|error| error.0),
            (Pipe::Channel(sender, _), Some(limit)) => {
                let sent = sender.send_timeout(item, limit);
                sent.err().map(|error| error.into_inner())
            }
        };
        match limit {
            None => {
                assert!(refused.is_none(), "put without a limit");
                Seen::Done
            }
            Some(_) => said(op, refused),
        }
    }

    pub fn try_put(&self, op: usize) -> Seen {
        let item = item(op);
        let refused = match self {
            Pipe::Queue(queue) => queue.try_put(item).err().map(PutError::into_inner),
            Pipe::Channel(sender, _) => {
                let sent = sender.try_send(item);
                sent.err().map(|error| error.into_inner())
            }
        };
        said(op, refused)
    }

    pub fn get(&self, limit: Option<Units>) -> Seen {
        let got = match (self, limit.map(units)) {
            (Pipe::Queue(queue), None) => Some(queue.get().expect("not shut down")),
            (Pipe::Queue(queue), Some(limit)) => open(queue.get_timeout(limit)),
            (Pipe::Channel(_, receiver), None) => Some(receiver.recv().expect("connected")),
            (Pipe::Channel(_, receiver), Some(limit)) => receiver.recv_timeout(limit).ok(),
        };
        seen(got)
    }

    pub fn try_get(&self) -> Seen {
        seen(self.take())
    }

    fn take(&self) -> Option<Item> {
        match self {
            Pipe::Queue(queue) => open(queue.try_get()),
            Pipe::Channel(_, receiver) => receiver.try_recv().ok(),
        }
    }

    /// Takes out what is there.
    pub fn empty(&self) -> Vec<usize> {
        let items = std::iter::from_fn(|| self.take());
        items.map(|item| item.op).collect()
    }
}

fn item(op: usize) -> Item {
    Item {
        op,
        _token: Token::new(),
    }
}

/// Whether it was put; if not, it is given back.
fn said(op: usize, refused: Option<Item>) -> Seen {
    assert!(refused.as_ref().is_none_or(|item| item.op == op));
    Seen::Said(refused.is_none())
}

fn open(got: Result<Item, GetError>) -> Option<Item> {
    assert!(!matches!(got, Err(GetError::ShutDown)));
    got.ok()
}

fn seen(got: Option<Item>) -> Seen {
    got.map_or(Seen::Said(false), |item| Seen::Got(item.op))
}
