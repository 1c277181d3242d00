//! Two tasks take two locks, each in its own order. Each gets one, and waits for the other one for ever.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::hub::Deadlock;
use greenlet::sync::Mutex;
use greenlet::{Greenlet, JoinHandle, kill_all, wait_all, yield_now};

pub(crate) fn run() {
    let lock1 = Rc::new(Mutex::new("lock1"));
    let lock2 = Rc::new(Mutex::new("lock2"));
    let tasks = [
        task("task1", lock1.clone(), lock2.clone()),
        task("task2", lock2, lock1),
    ];
    // The hub finds that nothing can wake main any more, and throws what it found at it.
    let waits = catch_unwind(AssertUnwindSafe(|| wait_all(&tasks)));
    let payload = waits.expect_err("they never end");
    match payload.downcast::<Deadlock>() {
        Ok(deadlock) => println!("{deadlock}"),
        Err(another) => resume_unwind(another),
    }
    // Dying, they unlock what they hold.
    kill_all(&tasks);
}

fn task(
    name: &str,
    first: Rc<Mutex<&'static str>>,
    second: Rc<Mutex<&'static str>>,
) -> JoinHandle<()> {
    let builder = Greenlet::builder().name(name);
    let name = name.to_owned();
    builder.spawn(move || {
        let first = first.lock().expect("nobody panics");
        println!("{name} has {first}");
        yield_now();
        let second = second.lock().expect("nobody panics");
        println!("{name} has {second} as well");
    })
}
