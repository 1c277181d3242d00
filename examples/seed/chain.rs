//! Three tasks in a fixed order: each one waits for its lock, and then releases the next one's.

use std::rc::Rc;

use greenlet::lock::Lock;
use greenlet::{JoinHandle, join_all, sleep, spawn};

use super::time::SECOND;

/// The seed's goes round for ever.
pub(crate) const ROUNDS: u32 = 3;

pub(crate) fn run(rounds: u32) {
    let [lock1, lock2, lock3] = [(); 3].map(|()| Rc::new(Lock::new()));
    // Whoever has not had its turn is locked out.
    lock2.acquire();
    lock3.acquire();
    let tasks = [
        task("task1", rounds, lock1.clone(), lock2.clone()),
        task("task2", rounds, lock2, lock3.clone()),
        task("task3", rounds, lock3, lock1),
    ];
    for result in join_all(tasks) {
        result.expect("does not panic");
    }
}

fn task(name: &'static str, rounds: u32, mine: Rc<Lock>, next: Rc<Lock>) -> JoinHandle<()> {
    spawn(move || {
        for _ in 0..rounds {
            mine.acquire();
            println!("{name}");
            sleep(SECOND);
            // Not the one that this task has acquired: anybody may release a lock.
            next.release();
        }
    })
}
