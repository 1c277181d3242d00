//! `biased` with threads of the system; the model checker has its own.

use std::sync::Barrier;
use std::thread;

use crate::sys::membarrier;
use crate::util::biased::Biased;

#[test]
fn nothing_is_lost_where_the_bias_ends() {
    const TIMES: u64 = 500;
    for _ in 0..100 {
        let lock = Biased::new(0);
        *lock.lock() += TIMES;
        let begin = Barrier::new(3);
        let add = || {
            begin.wait();
            for _ in 0..TIMES {
                *lock.lock() += 1;
            }
        };
        thread::scope(|s| {
            s.spawn(add);
            s.spawn(add);
            add();
        });
        assert_eq!(*lock.lock(), 4 * TIMES);
    }
}

#[test]
#[should_panic(expected = "in twice")]
fn the_owner_does_not_come_in_twice() {
    assert!(membarrier::is_supported(), "nobody would be in twice");
    let lock = Biased::new(0);
    let _first = lock.lock();
    drop(lock.lock());
}
