//! Switching by hand: there and back, and in a ring, where each switches to the next.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

use greenlet::{AnyGreenlet, Greenlet};
use measure::{calibrate, print_ns, time, under_frames};

/// Frames below the greenlet's end.
const DEEP: usize = 200;

/// A greenlet that sends back what it gets.
pub(crate) fn switch() {
    let main = greenlet::main();
    there_and_back(&Greenlet::new(move |mut value: u64| {
        loop {
            value = main.switch(value);
        }
    }));
}

/// It does so from a depth of calls.
pub(crate) fn switch_deep() {
    let main = greenlet::main();
    there_and_back(&Greenlet::new(move |mut value: u64| {
        under_frames(DEEP, &mut || {
            loop {
                value = main.switch(value);
            }
        });
        value
    }));
}

fn there_and_back(echo: &Greenlet<u64>) {
    print_ns(calibrate(1, |rounds| {
        time(rounds, || {
            black_box(echo.switch(black_box(7)));
        })
    }));
}

/// Each takes a count of hops that are left, and passes one less on; at none, main gets it.
pub(crate) fn ring(n: usize) {
    let first = Rc::new(RefCell::new(None::<AnyGreenlet>));
    let mut greenlets = Vec::<Greenlet<u64>>::with_capacity(n);
    for _ in 0..n {
        // Made from the last to the first; the last one's neighbour is not there yet.
        let neighbour = greenlets.last().map(Greenlet::any);
        let (first, main) = (first.clone(), greenlet::main());
        greenlets.push(Greenlet::new(move |mut left: u64| {
            let neighbour = neighbour
                .or_else(|| first.borrow().clone())
                .expect("the ring is closed before it runs");
            loop {
                left = match left {
                    0 => main.switch::<u64, u64>(0),
                    _ => neighbour.switch::<u64, u64>(left - 1),
                }
            }
        }));
    }
    let first_of_all = greenlets.last().expect("there is one");
    *first.borrow_mut() = Some(first_of_all.any());
    // Everyone has begun before the clock does.
    first_of_all.switch(n as u64);
    print_ns(calibrate(1, |hops| {
        time(1, || {
            black_box(first_of_all.switch(black_box(hops)));
        })
    }));
}
