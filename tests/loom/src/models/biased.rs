//! A lock that one thread has to itself at first.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::util::biased::Biased;
use crate::util::primitive::check;

/// loom sees whether two threads are in at once, and whether one does not see what another one did.
fn add_one(lock: &Biased<UnsafeCell<usize>>) {
    let held = lock.lock();
    // SAFETY: it is just this that loom checks.
    held.with_mut(|value| unsafe { *value += 1 });
}

fn sum(lock: &Biased<UnsafeCell<usize>>) -> usize {
    // SAFETY: as above.
    lock.lock().with(|value| unsafe { *value })
}

/// M3: the owner goes in and out while another one ends that.
#[test]
fn the_owner_and_another_one_take_turns() {
    check(Some(4), || {
        let lock = Arc::new(Biased::new(UnsafeCell::new(0)));
        add_one(&lock);
        let other = {
            let lock = lock.clone();
            thread::spawn(move || {
                add_one(&lock);
                add_one(&lock);
            })
        };
        add_one(&lock);
        add_one(&lock);
        other.join().unwrap();
        assert_eq!(sum(&lock), 5);
    });
}

/// M3: two others at once, of which only one ends it.
#[test]
fn the_owner_and_two_others_take_turns() {
    check(Some(3), || {
        let lock = Arc::new(Biased::new(UnsafeCell::new(0)));
        add_one(&lock);
        let others = [(); 2].map(|()| {
            let lock = lock.clone();
            thread::spawn(move || add_one(&lock))
        });
        add_one(&lock);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(sum(&lock), 4);
    });
}
