//! greenlet's documentation, "Garbage collection and greenlets": what dropping the last owner does, and cycles.

use std::cell::RefCell;
use std::panic::{catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};

use greenlet::{AnyGreenlet, Greenlet, GreenletExit};

fn main() {
    dropped_while_it_waits();
    println!("E21 a cycle in a function");
    make_pair();
    println!("the function has returned");
    println!("E22 a cycle in a greenlet");
    Greenlet::<()>::new(|()| drop(make_pair())).switch(());
    println!("the greenlet has ended");
    cycle_given_away();
    cycle_in_a_suspended_greenlet();
}

fn dropped_while_it_waits() {
    println!("E20 the last owner of a greenlet in an endless loop goes");
    let g = Greenlet::<()>::new(|()| {
        println!("Beginning greenlet");
        loop {
            println!("Switching to parent");
            if let Err(payload) = catch_unwind(|| greenlet::main().switch::<(), ()>(())) {
                if payload.is::<GreenletExit>() {
                    println!("Got GreenletExit; quitting");
                }
                resume_unwind(payload);
            }
        }
    });
    g.switch(());
    drop(g);
}

/// One half of a cycle. It points back by a `Weak`, for Rust collects no garbage: a cycle that owns itself would be a leak.
struct Half {
    name: &'static str,
    #[expect(dead_code, reason = "owns")]
    forth: Option<Rc<Half>>,
    back: RefCell<Weak<Half>>,
}

impl Drop for Half {
    fn drop(&mut self) {
        println!("finalizing the {} half", self.name);
    }
}

fn make_pair() -> Rc<Half> {
    let second = Rc::new(Half {
        name: "second",
        forth: None,
        back: RefCell::default(),
    });
    let first = Rc::new(Half {
        name: "first",
        forth: Some(second.clone()),
        back: RefCell::default(),
    });
    second.back.replace(Rc::downgrade(&first));
    first
}

fn cycle_given_away() {
    println!("E23 a cycle made in a greenlet, dropped after it switched away");
    let g = Greenlet::<(), Rc<Half>>::new(|()| {
        let main: AnyGreenlet = greenlet::main();
        main.switch::<Rc<Half>, ()>(make_pair());
        unreachable!("nobody comes back")
    });
    let pair = g.switch(());
    println!("the greenlet has switched away");
    drop(pair);
}

fn cycle_in_a_suspended_greenlet() {
    println!("E24 a cycle held by the variables of a suspended greenlet");
    let g = Greenlet::<()>::new(|()| {
        let _pair = make_pair();
        greenlet::main().switch::<(), ()>(());
    });
    g.switch(());
    println!("it lives as long as the greenlet does");
    drop(g);

    // Greenlets that name each other are no such cycle: names own nothing.
    let g1 = Greenlet::<()>::empty();
    let name1 = g1.any();
    let g2 = Greenlet::<()>::new(move |()| {
        let _pair = make_pair();
        name1.switch::<(), ()>(());
    });
    let name2 = g2.any();
    g1.set_run(move |()| {
        name2.switch::<(), ()>(());
        greenlet::main().switch::<(), ()>(());
    });
    g1.switch(());
    println!("two suspended greenlets name each other");
    drop((g1, g2));
}
