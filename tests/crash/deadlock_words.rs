//! What reports say of each primitive, and where.

use std::panic::Location;
use std::rc::Rc;

use greenlet::event::{AsyncResult, Event};
use greenlet::lock::{BoundedSemaphore, Condition, Lock, RLock, Semaphore};
use greenlet::queue::{Channel, JoinableQueue, LifoQueue, PriorityQueue, Queue};
use greenlet::sync::{Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, mpsc};
use greenlet::{join_all, spawn, wait_all, yield_now};

use super::caught;

/// Waits in each of the ways there are.
pub(crate) fn wait_in_all_ways() {
    locks();
    events_and_queues();
    guards();
    once();
    ends();
    println!("all are named");
}

fn locks() {
    let lock = Lock::new();
    lock.acquire();
    says_held("a `Lock`", || lock.acquire());
    says_held("a `Lock`", || lock.hold());
    let rlock = Rc::new(RLock::new());
    let holds = rlock.clone();
    let holder = spawn(move || {
        holds.acquire();
        Semaphore::new(0).acquire();
    });
    yield_now();
    says_held("an `RLock`", || rlock.acquire());
    let semaphore = Semaphore::new(0);
    says("a unit of a `Semaphore`", || semaphore.acquire());
    says("a unit of a `Semaphore`", || semaphore.hold());
    let bounded = BoundedSemaphore::new(1);
    bounded.acquire();
    says("a unit of a `BoundedSemaphore`", || bounded.acquire());
    bounded.release();
    let condition = Condition::new();
    condition.acquire();
    says("a notification of a `Condition`", || condition.wait());
    says("a notification of a `Condition`", || {
        condition.wait_for(|| false)
    });
    holder.kill();
    holder.wait();
}

fn events_and_queues() {
    let event = Event::new();
    says("an `Event`", || event.wait());
    let result = AsyncResult::<i32>::new();
    says("an `AsyncResult`", || result.wait());
    says("an `AsyncResult`", || result.get());
    let queue = Queue::<i32>::bounded(1);
    says("an item of a `Queue`", || queue.get());
    says("an item of a `Queue`", || queue.iter().next());
    queue.put(1).unwrap();
    says("room in a `Queue`", || queue.put(2).unwrap());
    let lifo = LifoQueue::<i32>::new();
    says("an item of a `LifoQueue`", || lifo.get());
    let priority = PriorityQueue::<i32>::new();
    says("an item of a `PriorityQueue`", || priority.get());
    let joinable = JoinableQueue::new();
    joinable.put(1).unwrap();
    says("the items of a `JoinableQueue` to be done", || {
        joinable.join()
    });
    let channel = Channel::new();
    says("a getter of a `Channel`", || channel.put(1).unwrap());
    says("an item of a `Channel`", || channel.get());
}

fn guards() {
    let mutex = Mutex::new(());
    let guard = mutex.lock();
    says_held("a `Mutex`", || mutex.lock());
    drop(guard);
    let rwlock = RwLock::new(());
    let guard = rwlock.write();
    says_held("an `RwLock`", || rwlock.read());
    says_held("an `RwLock`", || rwlock.write());
    drop(guard);
    let guard = rwlock.read();
    says("an `RwLock`", || rwlock.write());
    drop(guard);
    let condvar = Condvar::new();
    says("a notification of a `Condvar`", || {
        condvar.wait(mutex.lock().unwrap())
    });
    says("a notification of a `Condvar`", || {
        condvar.wait_while(mutex.lock().unwrap(), |()| true)
    });
    let barrier = Barrier::new(2);
    says("the others at a `Barrier`", || barrier.wait());
    let (sender, receiver) = mpsc::channel::<i32>();
    says("a message of an `mpsc` channel", || receiver.recv());
    says("a message of an `mpsc` channel", || receiver.iter().next());
    drop(sender);
    let (sender, receiver) = mpsc::sync_channel(0);
    says("room in an `mpsc` channel", || sender.send(1));
    drop(receiver);
}

fn once() {
    let (once, cell) = (Rc::new(Once::new()), Rc::new(OnceLock::new()));
    let lazy = Rc::new(LazyLock::new(|| Semaphore::new(0).acquire()));
    let (once2, cell2, lazy2) = (once.clone(), cell.clone(), lazy.clone());
    let begun = [
        spawn(move || once2.call_once(|| Semaphore::new(0).acquire())),
        spawn(move || *cell2.get_or_init(|| Semaphore::new(0).acquire())),
        spawn(move || **lazy2),
    ];
    yield_now();
    says_held("a `Once`", || once.call_once(|| ()));
    says_held("a `Once`", || *cell.get_or_init(|| ()));
    says_held("a `Once`", || **lazy);
    greenlet::kill_all(&begun);
}

fn ends() {
    let never = || spawn(|| Semaphore::new(0).acquire());
    says_held("the end of", || never().wait());
    says_held("the end of", || never().join());
    says_held("the end of", || wait_all(&[never()]));
    says_held("the end of", || join_all([never()]));
}

/// Main waits for what is called `words`, and nobody is known to hold it.
#[track_caller]
fn says<R>(words: &str, waits: impl FnOnce() -> R) {
    assert_eq!(report(waits), (words.to_owned(), false));
}

/// Main waits for what is called `words`, and somebody holds it.
#[track_caller]
fn says_held<R>(words: &str, waits: impl FnOnce() -> R) {
    assert_eq!(report(waits), (words.to_owned(), true));
}

/// What main is said to wait for in `waits`, and whether it is held.
#[track_caller]
fn report<R>(waits: impl FnOnce() -> R) -> (String, bool) {
    let deadlock = caught(|| drop(waits()));
    let main = &deadlock.parked()[0];
    assert_eq!(main.id(), greenlet::main().id());
    let at = main.parked_at();
    assert_eq!(at.file(), Location::caller().file(), "it waits at {at}");
    // Without the number of the greenlet whose end it is.
    let words = main.waits_for().split(" #").next().expect("is the first");
    (words.to_owned(), main.held_by().is_some())
}
