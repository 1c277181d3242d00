//! greenlet's documentation, "Creating and executing greenlets": construction, parents, throwing.

use std::cell::Cell;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::time::Instant;

use greenlet::{Greenlet, GreenletExit, State, SwitchError};

fn main() {
    run_it();
    record_times();
    parents();
    refused_parents();
    throw_into_it();
}

fn run_it() {
    println!("E4 construct one");
    let g = Greenlet::<()>::new(|()| println!("Running in the greenlet function."));
    println!("has its run, has not started: {}", g.state() == State::New);
    println!(
        "the parent is the current greenlet: {}",
        g.parent() == Some(greenlet::current())
    );

    println!("E5 the first switch calls its function");
    g.switch(());

    println!("E6 once started, it has no run that could be replaced");
    let silent = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let refused = catch_unwind(|| g.set_run(|()| ()));
    std::panic::set_hook(silent);
    println!("set_run panics: {}", refused.is_err());
}

fn record_times() {
    /// Composition instead of a subclass: a greenlet, and what it notes about its run.
    struct Timed {
        greenlet: Greenlet<()>,
        start: Rc<Cell<Option<Instant>>>,
        finish: Rc<Cell<Option<Instant>>>,
    }

    impl Timed {
        fn new(run: impl FnOnce() + 'static) -> Self {
            let start = Rc::new(Cell::new(None));
            let finish = Rc::new(Cell::new(None));
            let (started, finished) = (start.clone(), finish.clone());
            let greenlet = Greenlet::new(move |()| {
                started.set(Some(Instant::now()));
                run();
                finished.set(Some(Instant::now()));
            });
            Timed {
                greenlet,
                start,
                finish,
            }
        }
    }

    println!("E7 one that records when it ran");
    let timed = Timed::new(|| println!("Running in the timed greenlet."));
    timed.greenlet.switch(());
    let (start, finish) = (timed.start.get(), timed.finish.get());
    println!("{}", start.is_some() && finish >= start);
}

fn parents() {
    println!("E8 a parent given at construction receives the end of its child");
    let parent = Greenlet::<()>::new(|()| println!("In the parent."));
    let child = Greenlet::<()>::with_parent(|()| println!("In the child."), &parent);
    child.switch(());

    println!("E9 the same with a parent set later");
    let parent = Greenlet::<()>::new(|()| println!("In the parent."));
    let child = Greenlet::<()>::new(|()| println!("In the child."));
    child.set_parent(&parent).expect("they are unrelated");
    child.switch(());
}

fn refused_parents() {
    println!("E10 two greenlets cannot be each other's parent");
    let g1 = Greenlet::<()>::new(|()| ());
    let g2 = Greenlet::<()>::with_parent(|()| (), &g1);
    println!("{}", g1.set_parent(&g2).expect_err("that is a cycle"));

    // `g1.set_parent(&42)` does not compile. What is left to be refused when running is to give main a parent.
    println!("E11 not everything can be or have a parent");
    let refused = greenlet::main().set_parent(&g1);
    println!("{}", refused.expect_err("main has none"));
}

fn throw_into_it() {
    #[derive(Debug)]
    struct Custom;

    println!("E12 throw something that is caught inside");
    let g = Greenlet::<()>::new(|()| match greenlet::main().try_switch::<(), ()>(()) {
        Err(SwitchError::Thrown(payload)) if payload.is::<Custom>() => {
            println!("Caught exception in greenlet.");
        }
        other => unreachable!("{other:?} instead of what was thrown"),
    });
    g.switch(());
    g.throw(Box::new(Custom));

    println!("E13 throw something that nobody catches: it surfaces in the parent");
    let g = Greenlet::<()>::new(|()| greenlet::main().switch::<(), ()>(()));
    g.switch(());
    match g.try_throw(Box::new(Custom)) {
        Err(SwitchError::Thrown(payload)) => {
            println!("the parent got: {:?}", payload.downcast_ref::<Custom>());
        }
        other => unreachable!("{other:?} instead of what was thrown"),
    }

    println!("E14 throw GreenletExit: an end, not an error");
    let g = Greenlet::<()>::new(|()| greenlet::main().switch::<(), ()>(()));
    g.switch(());
    match g.try_throw(Box::new(GreenletExit)) {
        Err(SwitchError::Exited(exit)) => println!("{exit:?}"),
        other => unreachable!("{other:?} instead of an exit"),
    }
}
