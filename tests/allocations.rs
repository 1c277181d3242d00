//! What allocates, counted by the allocator: waiting, waking and switching do not, once a program has come to its steady state.
//!
//! Each test runs its subject until everything has grown to what is needed at a time, then again, and counts. Memory
//! that is needed for good, such as a longer queue's, comes in the first run; what comes in the second comes for ever.
#![allow(unsafe_code, reason = "an allocator is unsafe by nature")]

#[path = "support/mod.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use greenlet::event::{AsyncResult, Event};
use greenlet::lock::{BoundedSemaphore, Condition, Lock, RLock, Semaphore};
use greenlet::net::{TcpListener, TcpStream, UdpSocket};
use greenlet::os::unix::net::UnixStream;
use greenlet::queue::{BasicQueue, Channel, JoinableQueue, Kind, LifoQueue, PriorityQueue, Queue};
use greenlet::sync::{Barrier, Condvar, Mutex, RwLock, mpsc};
use greenlet::{
    Greenlet, JoinHandle, channel, io, kill_all, sleep, spawn, thread, timeout, wait_all, yield_now,
};
use support::leak_checked;

/// Longer than any test takes.
const HOUR: Duration = Duration::from_secs(3600);

/// How often a subject is run before it is counted, and while it is.
const ROUNDS: usize = 1000;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Whether the next allocation is to leave a trace of where it was made.
    static WATCHING: Cell<bool> = const { Cell::new(false) };
    static FIRST: RefCell<Option<Backtrace>> = const { RefCell::new(None) };
}

/// Every thread counts its own: the other tests are none of its business.
fn count() {
    let made = ALLOCATIONS.get() + 1;
    if WATCHING.replace(false) {
        let trace = Backtrace::force_capture();
        FIRST.set(Some(trace));
    }
    // Without those of the trace.
    ALLOCATIONS.set(made);
}

// SAFETY: all is left to the system's allocator. Counting itself allocates nothing, as those thread-locals need no
// initialisation and have no destructor. A trace does allocate, but only once, for watching is over by then; and nobody watches while a
// thread begins or ends, when there might be no thread-local for it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as promised by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often this thread allocates meanwhile.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

/// How often this thread allocates in `rounds` rounds that follow as many others.
fn steady(rounds: usize, mut round: impl FnMut()) -> usize {
    (0..rounds).for_each(|_| round());
    allocations(|| (0..rounds).for_each(|_| round()))
}

#[track_caller]
fn allocates_nothing(round: impl FnMut()) {
    allocates_nothing_in(ROUNDS, round);
}

#[track_caller]
fn allocates_nothing_in(rounds: usize, mut round: impl FnMut()) {
    (0..rounds).for_each(|_| round());
    WATCHING.set(true);
    let made = allocations(|| (0..rounds).for_each(|_| round()));
    WATCHING.set(false);
    if let Some(first) = FIRST.take() {
        panic!("{made} allocations in {rounds} rounds, the first of them here:\n{first}");
    }
}

/// Runs `body` again and again in a greenlet of its own.
fn for_ever(mut body: impl FnMut() + 'static) -> JoinHandle<()> {
    spawn(move || {
        loop {
            body();
        }
    })
}

fn end(greenlets: &[JoinHandle<()>]) {
    kill_all(greenlets);
    wait_all(greenlets);
}

#[test]
fn what_allocates_is_counted() {
    let made = allocations(|| {
        drop(black_box(Box::new(1)));
        let mut bytes = black_box(vec![0_u8; 100]);
        bytes.reserve(1000);
        black_box(&bytes);
    });
    assert_eq!(made, 3, "a box, a zeroed vector, and its growth");
    assert_eq!(steady(10, || drop(black_box(Box::new(1)))), 10);
    // Also what is made on the stack of another greenlet, and far below the test.
    leak_checked(|| {
        let main = greenlet::main();
        let other = Greenlet::<(), ()>::new(move |()| {
            loop {
                drop(black_box(Box::new(1)));
                main.switch::<(), ()>(());
            }
        });
        assert_eq!(steady(10, || other.switch(())), 10);
    });
}

#[test]
#[should_panic(expected = "10 allocations in 10 rounds, the first of them here:")]
fn whoever_allocates_is_found() {
    allocates_nothing_in(10, || drop(black_box(Box::new(1))));
}

#[test]
fn other_threads_are_not_counted() {
    const MEETINGS: usize = 10;
    let meeting = Arc::new(std::sync::Barrier::new(2));
    let theirs = meeting.clone();
    let other = std::thread::spawn(move || {
        for _ in 0..2 * MEETINGS {
            theirs.wait();
            drop(black_box(Box::new(1)));
            theirs.wait();
        }
    });
    allocates_nothing_in(MEETINGS, || {
        meeting.wait();
        meeting.wait();
    });
    other.join().unwrap();
}

#[test]
fn switching_allocates_nothing() {
    leak_checked(|| {
        let main = greenlet::main();
        let other = Greenlet::<[u64; 8], [u64; 8]>::new(move |mut value| {
            loop {
                value[0] += 1;
                value = main.switch(value);
            }
        });
        let mut value = [0; 8];
        allocates_nothing(|| value = other.switch(value));
        assert_eq!(value[0], 2 * ROUNDS as u64);
    });
}

#[test]
fn yielding_allocates_nothing() {
    leak_checked(|| {
        let others: Vec<_> = (0..100).map(|_| for_ever(yield_now)).collect();
        allocates_nothing(yield_now);
        end(&others);
    });
}

#[test]
fn parking_and_unparking_allocate_nothing() {
    leak_checked(|| {
        let main = thread::current();
        let other = thread::spawn(move || {
            loop {
                thread::park();
                main.unpark();
            }
        });
        let thread = other.thread().clone();
        allocates_nothing(|| {
            thread.unpark();
            thread::park();
            // What is there already, and a limit that elapses.
            thread::current().unpark();
            thread::park_timeout(HOUR);
            thread::park_timeout(Duration::from_micros(1));
        });
        let others = [other.into_handle()];
        end(&others);
    });
}

#[test]
fn sleeping_allocates_nothing() {
    leak_checked(|| {
        let nap = |micros| move || sleep(Duration::from_micros(micros));
        allocates_nothing(nap(0));
        allocates_nothing(nap(1));
        allocates_nothing_in(100, nap(100));
    });
}

/// Those that are due within one tick are sorted, for which there is to be room. On simulated time it is known when that is.
#[test]
fn many_that_sleep_allocate_nothing() {
    leak_checked(|| {
        greenlet::__simulate();
        let tick = Duration::from_nanos(1024);
        let sleepers = (1..=50).map(|n| {
            spawn(move || {
                // Out of order, within a tick.
                sleep(tick * 1000 - Duration::from_nanos(n));
                loop {
                    sleep(tick * n as u32);
                }
            })
        });
        let others: Vec<_> = sleepers.collect();
        sleep(tick * 1001);
        allocates_nothing(|| sleep(tick / 2));
        allocates_nothing(|| sleep(tick * 7));
        end(&others);
    });
}

#[test]
fn a_free_lock_allocates_nothing() {
    leak_checked(|| {
        let (mutex, rwlock) = (Mutex::new(0), RwLock::new(0));
        let (semaphore, bounded) = (Semaphore::new(1), BoundedSemaphore::new(1));
        let (lock, rlock, condition) = (Lock::new(), RLock::new(), Condition::new());
        allocates_nothing(|| {
            *mutex.lock().unwrap() += 1;
            *rwlock.write().unwrap() += 1;
            drop((rwlock.read().unwrap(), rwlock.read().unwrap()));
            drop((semaphore.hold(), bounded.hold()));
            drop((lock.hold(), rlock.hold(), rlock.hold(), condition.hold()));
            assert!(semaphore.acquire_timeout(HOUR) && !semaphore.try_acquire());
            semaphore.release();
        });
    });
}

/// Others do the same all the while. Each is to yield while it has what it holds, so that it is waited for.
fn contended(hold: impl Fn() + 'static) {
    let hold = Rc::new(hold);
    let others: Vec<_> = (0..5)
        .map(|_| {
            let hold = hold.clone();
            for_ever(move || hold())
        })
        .collect();
    allocates_nothing(|| hold());
    end(&others);
}

#[test]
fn waiting_for_a_mutex_allocates_nothing() {
    leak_checked(|| {
        let mutex = Mutex::new(0);
        contended(move || {
            let mut held = mutex.lock().unwrap();
            yield_now();
            *held += 1;
        });
    });
}

#[test]
fn waiting_for_a_rwlock_allocates_nothing() {
    leak_checked(|| {
        let (lock, turn) = (RwLock::new(0), Cell::new(0));
        contended(move || {
            turn.set(turn.get() + 1);
            if turn.get() % 3 == 0 {
                let mut held = lock.write().unwrap();
                yield_now();
                *held += 1;
            } else {
                let held = lock.read().unwrap();
                yield_now();
                drop(held);
            }
        });
    });
}

#[test]
fn waiting_for_a_semaphore_allocates_nothing() {
    leak_checked(|| {
        let (semaphore, bounded) = (Semaphore::new(2), BoundedSemaphore::new(2));
        contended(move || {
            let held = semaphore.hold();
            yield_now();
            drop(held);
            assert!(bounded.acquire_timeout(HOUR));
            yield_now();
            bounded.release();
        });
    });
}

#[test]
fn waiting_for_a_lock_allocates_nothing() {
    leak_checked(|| {
        let lock = Lock::new();
        contended(move || {
            let held = lock.hold();
            yield_now();
            drop(held);
        });
    });
}

#[test]
fn waiting_for_an_rlock_allocates_nothing() {
    leak_checked(|| {
        let lock = RLock::new();
        contended(move || {
            let held = (lock.hold(), lock.hold());
            yield_now();
            drop(held);
        });
    });
}

#[test]
fn waiting_for_a_condvar_allocates_nothing() {
    leak_checked(|| {
        let shared = Rc::new((Mutex::new(false), Condvar::new()));
        let theirs = shared.clone();
        let others = [for_ever(move || {
            let (theirs_now, changed) = &*theirs;
            let held = theirs_now.lock().unwrap();
            let mut held = changed.wait_while(held, |theirs| !*theirs).unwrap();
            *held = false;
            changed.notify_all();
        })];
        let (theirs_now, changed) = &*shared;
        allocates_nothing(|| {
            let mut held = theirs_now.lock().unwrap();
            *held = true;
            changed.notify_one();
            let waited = changed.wait_timeout_while(held, HOUR, |theirs| *theirs);
            assert!(!waited.unwrap().1.timed_out());
        });
        end(&others);
    });
}

#[test]
fn waiting_for_a_condition_allocates_nothing() {
    leak_checked(|| {
        let shared = Rc::new((Cell::new(false), Condition::new()));
        let theirs = shared.clone();
        let others = [for_ever(move || {
            let (theirs_now, changed) = &*theirs;
            let held = changed.hold();
            changed.wait_for(|| theirs_now.replace(false));
            changed.notify_all();
            drop(held);
        })];
        let (theirs_now, changed) = &*shared;
        allocates_nothing(|| {
            let held = changed.hold();
            theirs_now.set(true);
            changed.notify_one();
            assert!(changed.wait_for_timeout(HOUR, || !theirs_now.get()));
            drop(held);
        });
        end(&others);
    });
}

#[test]
fn meeting_at_a_barrier_allocates_nothing() {
    leak_checked(|| {
        let barrier = Rc::new(Barrier::new(4));
        let others: Vec<_> = (1..4)
            .map(|_| {
                let barrier = barrier.clone();
                for_ever(move || _ = barrier.wait())
            })
            .collect();
        allocates_nothing(|| _ = barrier.wait());
        end(&others);
    });
}

#[test]
fn waiting_for_an_event_allocates_nothing() {
    leak_checked(|| {
        let events = Rc::new((Event::new(), Event::new()));
        let others: Vec<_> = (0..10)
            .map(|_| {
                let events = events.clone();
                for_ever(move || {
                    events.0.wait();
                    events.1.wait();
                })
            })
            .collect();
        yield_now();
        allocates_nothing(|| {
            for event in [&events.0, &events.1] {
                event.set();
                event.wait();
                yield_now();
                event.clear();
            }
            assert!(!events.0.wait_timeout(Duration::from_micros(1)));
        });
        end(&others);
    });
}

/// Each is new: what it is set to lies on the heap, for all who get it, and so does the place of the first who waits for it.
#[test]
fn a_result_that_is_waited_for_is_two_allocations() {
    leak_checked(|| {
        let results: Rc<[_]> = (0..2 * ROUNDS).map(|_| AsyncResult::new()).collect();
        let theirs = results.clone();
        let other = spawn(move || {
            for (n, result) in theirs.iter().enumerate() {
                result.set(n);
                yield_now();
            }
        });
        let mut asked = results.iter().enumerate();
        let made = steady(ROUNDS, || {
            let (n, result) = asked.next().unwrap();
            assert_eq!(result.get(), n);
        });
        assert_eq!(made, ROUNDS * 2);
        allocates_nothing(|| assert_eq!(results[0].get(), 0));
        other.join().unwrap();
    });
}

/// Each message is answered, and both ends wait for it.
fn there_and_back(channels: [(channel::Sender<usize>, channel::Receiver<usize>); 2]) {
    leak_checked(move || {
        let [(there, t), (back, b)] = channels;
        let echo = spawn(move || t.iter().for_each(|n| back.send(n).unwrap()));
        allocates_nothing(|| {
            there.send(1).unwrap();
            assert_eq!(b.recv(), Ok(1));
            there.send_timeout(2, HOUR).unwrap();
            assert_eq!(b.recv_timeout(HOUR), Ok(2));
            assert!(b.recv_timeout(Duration::from_micros(1)).is_err());
        });
        drop(there);
        echo.join().unwrap();
    });
}

#[test]
fn a_rendezvous_channel_allocates_nothing() {
    there_and_back([channel::bounded(0), channel::bounded(0)]);
}

#[test]
fn a_bounded_channel_allocates_nothing() {
    there_and_back([channel::bounded(1), channel::bounded(1)]);
}

#[test]
fn an_unbounded_channel_allocates_nothing() {
    there_and_back([channel::unbounded(), channel::unbounded()]);
}

#[test]
fn senders_that_wait_for_room_allocate_nothing() {
    for capacity in [0, 1, 3] {
        leak_checked(move || {
            let (sender, receiver) = channel::bounded(capacity);
            let others: Vec<_> = (0..10)
                .map(|n| {
                    let sender = sender.clone();
                    for_ever(move || sender.send(n).unwrap())
                })
                .collect();
            allocates_nothing(|| assert!(receiver.recv().unwrap() < 10));
            end(&others);
        });
    }
}

/// What an unbounded channel holds is in one block, which is doubled when it is full, and kept.
#[test]
fn an_unbounded_channel_grows_by_doubling_and_only_once() {
    leak_checked(|| {
        let (sender, receiver) = channel::unbounded();
        let fill = || (0..1 << 14).for_each(|n: usize| sender.send(n).unwrap());
        let drain = || receiver.try_iter().take(1 << 14).count();
        let made = allocations(fill);
        assert!((1..=14).contains(&made), "{made} allocations");
        assert_eq!(drain(), 1 << 14);
        allocates_nothing_in(2, || {
            fill();
            assert_eq!(drain(), 1 << 14);
        });
        // At a constant length, whatever it is.
        (0..100).for_each(|n| sender.send(n).unwrap());
        allocates_nothing(|| {
            sender.send(1).unwrap();
            receiver.recv().unwrap();
        });
    });
}

#[test]
fn the_channels_of_std_allocate_nothing() {
    leak_checked(|| {
        let ((there, t), (back, b)) = (mpsc::channel(), mpsc::channel());
        let echo = spawn(move || t.iter().for_each(|n: usize| back.send(n).unwrap()));
        allocates_nothing(|| {
            there.send(1).unwrap();
            assert_eq!(b.recv(), Ok(1));
        });
        drop(there);
        echo.join().unwrap();
    });
    for bound in [0, 1] {
        leak_checked(move || {
            let ((there, t), (back, b)) = (mpsc::sync_channel(bound), mpsc::sync_channel(bound));
            let echo = spawn(move || t.iter().for_each(|n: usize| back.send(n).unwrap()));
            allocates_nothing(|| {
                there.send(1).unwrap();
                assert_eq!(b.recv(), Ok(1));
            });
            drop(there);
            echo.join().unwrap();
        });
    }
}

/// The wake-ups of another thread come by its mail.
#[test]
fn messages_between_threads_allocate_nothing() {
    leak_checked(|| {
        let ((there, t), (back, b)) = (channel::bounded(1), channel::bounded(1));
        // Later it may be a matter of chance whether a message finds somebody who waits for it, or has to be kept.
        for (sender, receiver) in [(&there, &t), (&back, &b)] {
            sender.send(0).unwrap();
            assert_eq!(receiver.recv(), Ok(0));
        }
        let thread = std::thread::spawn(move || {
            for n in t {
                // So late that the other one waits for it, if not each time.
                std::thread::sleep(Duration::from_micros(200));
                back.send(n).unwrap();
            }
        });
        allocates_nothing_in(100, || {
            there.send(1).unwrap();
            assert_eq!(b.recv(), Ok(1));
        });
        drop(there);
        thread.join().unwrap();
    });
}

/// Both ends wait for each other: the getter for an item, and the putter for room, if that is bounded.
fn put_and_get<K: Kind<Item = usize> + 'static>(make: fn() -> BasicQueue<K>) {
    leak_checked(move || {
        let (there, back) = (Rc::new(make()), Rc::new(make()));
        let (t, b) = (there.clone(), back.clone());
        let others = [for_ever(move || b.put(t.get().unwrap()).unwrap())];
        allocates_nothing(|| {
            there.put(1).unwrap();
            assert_eq!(back.get(), Ok(1));
            there.put_timeout(2, HOUR).unwrap();
            assert_eq!(back.get_timeout(HOUR), Ok(2));
        });
        end(&others);
    });
}

#[test]
fn a_queue_allocates_nothing() {
    put_and_get(Queue::new);
    put_and_get(|| Queue::bounded(1));
}

#[test]
fn a_lifo_queue_allocates_nothing() {
    put_and_get(LifoQueue::new);
    put_and_get(|| LifoQueue::bounded(1));
}

#[test]
fn a_priority_queue_allocates_nothing() {
    put_and_get(PriorityQueue::new);
    put_and_get(|| PriorityQueue::bounded(1));
}

#[test]
fn a_rendezvous_queue_allocates_nothing() {
    put_and_get(Channel::new);
}

#[test]
fn a_joinable_queue_allocates_nothing() {
    leak_checked(|| {
        let queue = Rc::new(JoinableQueue::new());
        let theirs = queue.clone();
        let others = [for_ever(move || {
            theirs.get().unwrap();
            theirs.task_done();
        })];
        allocates_nothing(|| {
            queue.put(1).unwrap();
            queue.join();
        });
        end(&others);
    });
}

/// That does not elapse: one that does ends the wait by an unwind, which allocates what it carries.
#[test]
fn a_limit_allocates_nothing() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let theirs = semaphore.clone();
        let others = [for_ever(move || {
            theirs.release();
            yield_now();
        })];
        allocates_nothing(|| {
            timeout(HOUR, || ()).unwrap();
            timeout(HOUR, || semaphore.acquire()).unwrap();
            timeout(HOUR, || timeout(HOUR / 2, yield_now))
                .unwrap()
                .unwrap();
        });
        end(&others);
    });
}

/// What comes is what went; each end waits for it.
fn ping_pong<S: Read + Write + 'static>(mut here: S, mut there: S) {
    let echo = spawn(move || {
        let mut message = [0; 64];
        while there.read_exact(&mut message).is_ok() {
            there.write_all(&message).unwrap();
        }
    });
    let mut message = [0; 64];
    allocates_nothing(|| {
        here.write_all(&[7; 64]).unwrap();
        here.read_exact(&mut message).unwrap();
    });
    assert_eq!(message, [7; 64]);
    drop(here);
    echo.join().unwrap();
}

#[test]
fn a_tcp_stream_allocates_nothing() {
    leak_checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        ping_pong(here, listener.accept().unwrap().0);
    });
}

#[test]
fn a_unix_stream_allocates_nothing() {
    leak_checked(|| {
        let (here, there) = UnixStream::pair().unwrap();
        ping_pong(here, there);
    });
}

#[test]
fn a_udp_socket_allocates_nothing() {
    leak_checked(|| {
        let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (here, there) = (bind(), Arc::new(bind()));
        here.connect(there.local_addr().unwrap()).unwrap();
        let theirs = there.clone();
        let others = [for_ever(move || {
            let mut message = [0; 64];
            let (len, from) = theirs.recv_from(&mut message).unwrap();
            theirs.send_to(&message[..len], from).unwrap();
        })];
        let mut message = [0; 64];
        allocates_nothing(|| {
            here.send(&[7; 64]).unwrap();
            assert_eq!(here.recv(&mut message).unwrap(), 64);
        });
        end(&others);
    });
}

/// More than a pipe holds, so that the writer waits as well.
#[test]
fn a_pipe_allocates_nothing() {
    leak_checked(|| {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let other = spawn(move || while writer.write_all(&[7; 1 << 17]).is_ok() {});
        let mut some = [0; 1 << 12];
        allocates_nothing(|| reader.read_exact(&mut some).unwrap());
        drop(reader);
        other.join().unwrap();
    });
}

/// Its control block, with its body and its result: the one thing that is new about it. Its stack comes from the pool, and so
/// does what the hub keeps of it.
const OF_A_GREENLET: usize = 1;

#[test]
fn a_greenlet_that_is_spawned_and_joined_is_one_allocation() {
    leak_checked(|| {
        let made = steady(ROUNDS, || assert_eq!(spawn(|| 1).join().unwrap(), 1));
        assert_eq!(made, ROUNDS * OF_A_GREENLET);
        let waits = || spawn(yield_now).join().unwrap();
        assert_eq!(steady(ROUNDS, waits), ROUNDS * OF_A_GREENLET);
        let many = || {
            let others: [JoinHandle<()>; 20] = std::array::from_fn(|_| spawn(yield_now));
            others.into_iter().for_each(|other| other.join().unwrap());
        };
        assert_eq!(steady(100, many), 100 * 20 * OF_A_GREENLET);
    });
}

#[test]
fn a_greenlet_that_is_made_by_hand_is_one_allocation_too() {
    leak_checked(|| {
        let by_hand = || assert_eq!(Greenlet::new(|n: u32| n + 1).switch(1), 2);
        assert_eq!(steady(ROUNDS, by_hand), ROUNDS * OF_A_GREENLET);
    });
}
