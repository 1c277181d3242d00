//! The program that is looked at: greenlets of several kinds, and a place to stop when all of them wait.

use std::hint::black_box;
use std::rc::Rc;

use greenlet::Greenlet;
use greenlet::event::Event;

/// Tells the child what it does when all of them wait.
pub const ROLE: &str = "GREENLET_GDB_CHILD";

/// It goes on, to a good end.
pub const GOES_ON: &str = "goes on";

/// It aborts.
pub const ABORTS: &str = "aborts";

pub fn run(how: &str) {
    let aborts = how == ABORTS;
    let event = Rc::new(Event::new());
    let waiter = Greenlet::builder().name("waiter").spawn({
        let event = event.clone();
        move || fetches(&event)
    });
    let switches = Greenlet::builder()
        .name("switches")
        .build(|n: i32| gives_back(n));
    switches.switch(7);
    let _new = Greenlet::builder().name("new").build(|()| ());
    let looker = Greenlet::builder().name("looker").spawn(move || {
        greenlet::spawn(|| ());
        look_at_me();
        if aborts {
            std::process::abort();
        }
        event.set();
    });
    main_waits(looker);
    assert_eq!(waiter.join().unwrap(), 42);
    switches.switch(14);
}

/// Waits in the hub.
#[inline(never)]
fn fetches(event: &Event) -> i32 {
    let answer = black_box(42);
    event.wait();
    black_box(answer)
}

/// Waits in a switch.
#[inline(never)]
fn gives_back(n: i32) {
    let doubled = black_box(2 * n);
    let back = greenlet::main().switch::<(), i32>(());
    assert_eq!(back, doubled);
}

#[inline(never)]
fn main_waits(looker: greenlet::JoinHandle<()>) {
    looker.join().unwrap();
}

/// Where gdb stops.
#[inline(never)]
pub fn look_at_me() {
    black_box(());
}
