//! Reader-writer locks.

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread::{self, JoinHandle};

use crate::models::harness::{Bed, Hub};
use crate::util::primitive::check;
use crate::util::slot_list::Key;
use crate::wait::parker::{Token, Waiter};
use crate::wait::rw_permits::{Access, RwPermits};

/// A value behind a lock; loom watches that nobody touches it while another changes it.
struct Shared {
    permits: RwPermits,
    value: UnsafeCell<usize>,
}

// SAFETY: it is what is checked here.
unsafe impl Sync for Shared {}
// SAFETY: a number.
unsafe impl Send for Shared {}

impl Shared {
    fn new() -> Arc<Self> {
        let shared = Arc::new(Shared {
            permits: RwPermits::new(),
            value: UnsafeCell::new(0),
        });
        shared.nobody_is_left();
        shared
    }

    fn add(&self) {
        // SAFETY: only of a writer.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }

    fn value(&self) -> usize {
        // SAFETY: only of somebody who is in.
        self.value.with(|value| unsafe { *value })
    }

    fn nobody_is_left(&self) {
        let nobody_waits = || unreachable!("there is nobody to wait for");
        let entry = self.permits.enter_or_wait(Access::Write, nobody_waits);
        assert!(entry.is_none());
        self.permits.unlock_write();
        // Not as if somebody waited: the short ways go.
        assert!(self.permits.try_read() && self.permits.try_read());
        assert!(!self.permits.try_write());
        self.permits.unlock_read();
        self.permits.unlock_read();
        assert!(self.permits.try_write());
        assert!(!self.permits.try_read());
        self.permits.unlock_write();
    }

    /// All others have ended.
    fn check(&self, value: usize) {
        self.nobody_is_left();
        assert_eq!(self.value(), value);
    }

    fn try_enter(&self, access: Access) -> bool {
        match access {
            Access::Read => self.permits.try_read(),
            Access::Write => self.permits.try_write(),
        }
    }

    fn queue(&self, access: Access, hub: &Hub) -> Option<(Key, Waiter)> {
        self.permits.enter_or_wait(access, || hub.arm())
    }

    fn enter(&self, access: Access, hub: &Hub) {
        if !self.try_enter(access) && self.queue(access, hub).is_some() {
            assert_eq!(hub.park(), Token::READY);
        }
    }

    /// Waits, but not if the timer is first; whether it came in.
    fn enter_until_timer(&self, access: Access, hub: &Hub) -> bool {
        if self.try_enter(access) {
            return true;
        }
        let Some((key, waiter)) = self.queue(access, hub) else {
            return true;
        };
        let _ = waiter.unpark(Token::TIMED_OUT);
        let entered = hub.park() != Token::TIMED_OUT;
        if !entered {
            self.permits.leave(key);
        }
        entered
    }

    /// Does what one comes in for, and leaves.
    fn work(&self, access: Access) {
        match access {
            Access::Read => {
                self.value();
                self.permits.unlock_read();
            }
            Access::Write => {
                self.add();
                self.permits.unlock_write();
            }
        }
    }
}

/// A thread with a greenlet that does `f`.
fn spawn<R: 'static>(
    shared: &Arc<Shared>,
    f: impl FnOnce(&Shared, &Hub) -> R + 'static,
) -> JoinHandle<R> {
    let shared = shared.clone();
    thread::spawn(move || {
        let hub = Hub::new(Bed::OnBell);
        let result = f(&shared, &hub);
        hub.finish();
        result
    })
}

/// Where two wait for each other.
struct Meeting {
    here: Mutex<usize>,
    came: Condvar,
}

impl Meeting {
    fn new() -> Arc<Self> {
        Arc::new(Meeting {
            here: Mutex::new(0),
            came: Condvar::new(),
        })
    }

    fn meet(&self) {
        let mut here = self.here.lock().unwrap();
        *here += 1;
        self.came.notify_all();
        while *here < 2 {
            here = self.came.wait(here).unwrap();
        }
    }
}

/// Each of these comes in on a thread of its own, does its work, and leaves.
///
/// Nobody sees the value while it changes, and everybody who waits is woken.
fn everybody_comes_in<const N: usize>(accesses: [Access; N], preemptions: Option<usize>) {
    check(preemptions, move || {
        let shared = Shared::new();
        let visit = |access| {
            move |shared: &Shared, hub: &Hub| {
                shared.enter(access, hub);
                shared.work(access);
            }
        };
        let others: Vec<_> = accesses[1..]
            .iter()
            .map(|access| spawn(&shared, visit(*access)))
            .collect();
        let hub = Hub::new(Bed::OnBell);
        visit(accesses[0])(&shared, &hub);
        hub.finish();
        for other in others {
            other.join().unwrap();
        }
        let writers = accesses.iter().filter(|access| **access == Access::Write);
        shared.check(writers.count());
    });
}

#[test]
fn a_writer_excludes_a_writer() {
    everybody_comes_in([Access::Write; 2], None);
}

#[test]
fn a_writer_excludes_a_reader() {
    everybody_comes_in([Access::Read, Access::Write], None);
}

#[test]
fn two_writers_and_a_reader_come_in() {
    everybody_comes_in([Access::Write, Access::Write, Access::Read], Some(3));
}

#[test]
fn two_readers_and_a_writer_come_in() {
    everybody_comes_in([Access::Read, Access::Read, Access::Write], Some(3));
}

/// Two readers come while a writer leaves; each stays until the other is in.
#[test]
fn a_writer_that_leaves_lets_in_all_readers() {
    check(Some(3), || {
        let (shared, meeting) = (Shared::new(), Meeting::new());
        assert!(shared.permits.try_write());
        let reader = |meeting: Arc<Meeting>| {
            move |shared: &Shared, hub: &Hub| {
                shared.enter(Access::Read, hub);
                assert_eq!(shared.value(), 1);
                meeting.meet();
                shared.work(Access::Read);
            }
        };
        let readers = [(); 2].map(|()| spawn(&shared, reader(meeting.clone())));
        shared.work(Access::Write);
        for reader in readers {
            reader.join().unwrap();
        }
        shared.check(1);
    });
}

/// A writer that waits comes in before a reader that came after it.
#[test]
fn a_newcomer_does_not_overtake_a_writer() {
    check(Some(3), || {
        let shared = Shared::new();
        assert!(shared.permits.try_read());
        let hub = Hub::new(Bed::OnBell);
        assert!(shared.queue(Access::Write, &hub).is_some());
        let leaves = spawn(&shared, |shared, _| shared.work(Access::Read));
        let newcomer = spawn(&shared, |shared, hub| {
            shared.enter(Access::Read, hub);
            assert_eq!(shared.value(), 1);
            shared.work(Access::Read);
        });
        assert_eq!(hub.park(), Token::READY);
        shared.work(Access::Write);
        hub.finish();
        leaves.join().unwrap();
        newcomer.join().unwrap();
        shared.check(1);
    });
}

/// Nor does a writer overtake a reader: who comes after it finds what was there before.
#[test]
fn a_newcomer_does_not_overtake_a_reader() {
    check(Some(3), || {
        let shared = Shared::new();
        assert!(shared.permits.try_write());
        let hub = Hub::new(Bed::OnBell);
        assert!(shared.queue(Access::Read, &hub).is_some());
        let leaves = spawn(&shared, |shared, _| shared.work(Access::Write));
        let newcomer = spawn(&shared, |shared, hub| {
            shared.enter(Access::Write, hub);
            shared.work(Access::Write);
        });
        assert_eq!(hub.park(), Token::READY);
        assert_eq!(shared.value(), 1);
        shared.work(Access::Read);
        hub.finish();
        leaves.join().unwrap();
        newcomer.join().unwrap();
        shared.check(2);
    });
}

/// The lock is for whoever waits, or for all, however late the one who waits gives up.
fn one_gives_up(inside: Access, waits: Access) {
    check(None, move || {
        let shared = Shared::new();
        assert!(shared.try_enter(inside));
        let other = spawn(&shared, move |shared, hub| {
            let entered = shared.enter_until_timer(waits, hub);
            if entered {
                shared.work(waits);
            }
            entered
        });
        shared.work(inside);
        let worked = match other.join().unwrap() {
            true => vec![inside, waits],
            false => vec![inside],
        };
        let writers = worked.iter().filter(|access| **access == Access::Write);
        shared.check(writers.count());
    });
}

#[test]
fn a_writer_that_leaves_meets_the_timer_of_a_reader() {
    one_gives_up(Access::Write, Access::Read);
}

#[test]
fn a_writer_that_leaves_meets_the_timer_of_a_writer() {
    one_gives_up(Access::Write, Access::Write);
}

#[test]
fn a_reader_that_leaves_meets_the_timer_of_a_writer() {
    one_gives_up(Access::Read, Access::Write);
}

/// Two readers leave while the only one who waits gives up, and a third may come.
#[test]
fn readers_that_leave_meet_the_timer_of_a_writer() {
    check(Some(3), || {
        let shared = Shared::new();
        assert!(shared.permits.try_read() && shared.permits.try_read());
        let writer = spawn(&shared, |shared, hub| {
            let entered = shared.enter_until_timer(Access::Write, hub);
            if entered {
                shared.work(Access::Write);
            }
            usize::from(entered)
        });
        let reader = spawn(&shared, |shared, _| shared.work(Access::Read));
        shared.work(Access::Read);
        if shared.permits.try_read() {
            shared.work(Access::Read);
        }
        reader.join().unwrap();
        shared.check(writer.join().unwrap());
    });
}

/// One gives up, one waits on: the latter comes in.
#[test]
fn the_lock_passes_by_whoever_gives_up() {
    check(Some(3), || {
        let shared = Shared::new();
        assert!(shared.permits.try_write());
        let gives_up = spawn(&shared, |shared, hub| {
            let entered = shared.enter_until_timer(Access::Write, hub);
            if entered {
                shared.work(Access::Write);
            }
            usize::from(entered)
        });
        let stays = spawn(&shared, |shared, hub| {
            shared.enter(Access::Read, hub);
            assert!(shared.value() > 0);
            shared.work(Access::Read);
        });
        shared.work(Access::Write);
        stays.join().unwrap();
        shared.check(1 + gives_up.join().unwrap());
    });
}

/// A reader waits behind a writer that waits for a reader: once the writer gives up both readers are in.
#[test]
fn a_writer_that_gives_up_lets_in_the_readers_behind_it() {
    check(None, || {
        let shared = Shared::new();
        assert!(shared.permits.try_read());
        let writer = spawn(&shared, |shared, hub| {
            assert!(!shared.enter_until_timer(Access::Write, hub));
        });
        let reader = spawn(&shared, |shared, hub| {
            shared.enter(Access::Read, hub);
            shared.work(Access::Read);
        });
        reader.join().unwrap();
        writer.join().unwrap();
        shared.work(Access::Read);
        shared.check(0);
    });
}

/// A writer becomes a reader: who waits to read is in as well, who waits to write is not.
#[test]
fn a_downgrade_lets_in_readers_only() {
    check(Some(3), || {
        let shared = Shared::new();
        assert!(shared.permits.try_write());
        let reader = spawn(&shared, |shared, hub| {
            shared.enter(Access::Read, hub);
            assert_eq!(shared.value(), 1);
            shared.work(Access::Read);
        });
        let gives_up = spawn(&shared, |shared, hub| {
            assert!(!shared.enter_until_timer(Access::Write, hub));
        });
        shared.add();
        shared.permits.downgrade();
        assert_eq!(shared.value(), 1);
        reader.join().unwrap();
        gives_up.join().unwrap();
        shared.work(Access::Read);
        shared.check(1);
    });
}

/// What a writer did is seen by a newcomer, who had nothing to do with the one it let in, or passed by.
#[test]
fn a_newcomer_sees_what_was_unlocked_for_another() {
    check(Some(3), || {
        let shared = Shared::new();
        assert!(shared.permits.try_write());
        let gives_up = spawn(&shared, |shared, hub| {
            if shared.enter_until_timer(Access::Read, hub) {
                shared.permits.unlock_read();
            }
        });
        let newcomers = [Access::Read, Access::Write];
        let newcomer = spawn(&shared, move |shared, _| {
            let entered = newcomers.into_iter().find(|how| shared.try_enter(*how));
            if let Some(access) = entered {
                assert_eq!(shared.value(), 1);
                shared.work(access);
            }
            usize::from(entered == Some(Access::Write))
        });
        shared.work(Access::Write);
        gives_up.join().unwrap();
        shared.check(1 + newcomer.join().unwrap());
    });
}
