//! Scopes whose owner is left over when its thread ends, and threads of a pool that are the only ones that could wake main.

use greenlet::thread::park;
use greenlet::threadpool::ThreadPool;
use greenlet::{scope, spawn, yield_now};

use crate::{Case, Says, on_a_thread, say, succeeds};

pub(crate) const CASES: &[Case] = &[
    ("thread_leaves_a_scope", thread_leaves_a_scope),
    ("busy_thread_of_a_pool", busy_thread_of_a_pool),
];

/// Says that it was dropped, several turns after it began to be.
struct Borrows<'a>(&'a String);

impl Drop for Borrows<'_> {
    fn drop(&mut self) {
        yield_now();
        say(self.0);
    }
}

fn leave_a_scope() {
    let owner = spawn(|| {
        let _says = Says("the owner is unwound");
        let text = String::from("a child is unwound");
        scope(|s| {
            s.spawn(|| {
                let _borrows = Borrows(&text);
                park();
            });
        });
    });
    yield_now();
    yield_now();
    drop(owner);
}

fn thread_leaves_a_scope() {
    on_a_thread(leave_a_scope);
}

#[test]
fn an_owner_is_unwound_behind_its_children() {
    assert_eq!(
        succeeds("thread_leaves_a_scope"),
        [
            "a child is unwound",
            "the owner is unwound",
            "the thread has ended"
        ]
    );
}

fn busy_thread_of_a_pool() {
    let pool = ThreadPool::new(1);
    for n in 0..100 {
        let main = greenlet::thread::current();
        drop(pool.spawn(move || {
            if n % 8 == 0 {
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
            main.unpark();
        }));
        park();
    }
    pool.join();
}

#[test]
fn a_busy_thread_of_a_pool_is_no_deadlock() {
    succeeds("busy_thread_of_a_pool");
}
