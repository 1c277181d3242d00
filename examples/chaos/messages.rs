//! Acts: queues and channels.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use greenlet::channel::{self, Receiver, after, never, select};
use greenlet::queue::JoinableQueue;
use greenlet::scope;
use greenlet::sync::mpsc;

use crate::chaos::pipes::{Item, Ledger};
use crate::chaos::world::{Actor, expect};

/// Gets from one of all kinds of queues and channels, or puts.
pub(crate) fn pipe(a: &Actor) {
    let pipe = a.pick(&a.world.pipes);
    if a.random.one_in(2) {
        pipe.put(a.random.next(), a.limit());
    } else if pipe.get(a.limit()) {
        a.stumble();
    }
}

/// What is left in a channel in the end is got, whatever ends it.
struct Rest<'a>(&'a Ledger, &'a Receiver<Item>);

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        let mut raised = None;
        loop {
            // Now and then it lets others have a turn, and so it may be killed.
            match catch_unwind(AssertUnwindSafe(|| self.1.try_recv())) {
                Ok(Ok(item)) => self.0.got(&item),
                Ok(Err(_)) => break,
                Err(payload) => raised = Some(payload),
            }
        }
        if let Some(payload) = raised {
            resume_unwind(payload);
        }
    }
}

/// Several senders and receivers, each of which may send and receive on whatever channel is ready.
pub(crate) fn selects(a: &Actor) {
    let ledger = &a.world.ledger;
    let (one, other) = (
        channel::bounded(0),
        channel::bounded(a.random.below(3) as usize),
    );
    let work = |a: Actor| {
        for _ in 0..a.random.below(8) {
            let number = a.random.next();
            let item = || Item::new(number, ledger);
            select! {
                recv(one.1) -> got => ledger.got(&got.unwrap()),
                recv(other.1) -> got => ledger.got(&got.unwrap()),
                send(one.0, item()) -> put => { put.unwrap(); ledger.put(number) }
                send(other.0, item()) -> put => { put.unwrap(); ledger.put(number) }
                recv(never::<()>()) -> _ => unreachable!(),
                recv(after(a.limit_of_time())) -> moment => assert!(moment.is_ok()),
            }
            a.pause();
        }
    };
    // Outside, so that they come after all who work. Also one without room keeps what a receiver had no time for who met a sender.
    let _rest = [&one.1, &other.1].map(|receiver| Rest(ledger, receiver));
    scope(|s| {
        let working: Vec<_> = (0..a.random.below(4) + 1)
            .map(|_| {
                let (a, work) = (a.child(), &work);
                s.spawn(move || work(a))
            })
            .collect();
        for worker in working {
            expect(worker.join());
        }
    });
}

/// Several senders and one receiver, as std has it.
pub(crate) fn mpsc_act(a: &Actor) {
    let (senders, each) = (a.random.below(4) + 1, a.random.below(10));
    let received = scope(|s| {
        if a.random.one_in(2) {
            let (sender, receiver) = mpsc::channel();
            for _ in 0..senders {
                let (a, sender) = (a.child(), sender.clone());
                s.spawn(move || {
                    for n in 0..each {
                        a.pause();
                        // The receiver may have been killed.
                        let _ = sender.send(n);
                    }
                });
            }
            drop(sender);
            receiver.iter().map(|n| n + 1).sum::<u64>()
        } else {
            let (sender, receiver) = mpsc::sync_channel(a.random.below(3) as usize);
            for _ in 0..senders {
                let (a, sender) = (a.child(), sender.clone());
                s.spawn(move || {
                    for n in 0..each {
                        a.pause();
                        // The receiver may have been killed.
                        let _ = sender.send(n);
                    }
                });
            }
            drop(sender);
            receiver.iter().map(|n| n + 1).sum::<u64>()
        }
    });
    let sent = senders * each * (each + 1) / 2;
    a.assert(received == sent, "not what was sent");
}

/// Workers that say when they are done with what they got.
pub(crate) fn joinable(a: &Actor) {
    let jobs = JoinableQueue::bounded(2);
    let (all, done) = (a.random.below(10), Cell::new(0));
    scope(|s| {
        for _ in 0..2 {
            let (a, jobs, done) = (a.child(), &jobs, &done);
            s.spawn(move || {
                while jobs.get().is_ok() {
                    a.pause();
                    done.set(done.get() + 1);
                    jobs.task_done();
                }
            });
        }
        for job in 0..all {
            jobs.put(job).unwrap();
        }
        jobs.join();
        a.assert(done.get() == all, "jobs were left");
        jobs.shutdown();
    });
}
