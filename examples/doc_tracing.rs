//! greenlet's documentation, "Tracing and profiling greenlets": an observer that prints every transfer of control.

use greenlet::trace::{self, Event};
use greenlet::{Greenlet, GreenletExit, SwitchError};

fn main() {
    println!("E32 every transfer between main, origin and target");
    let origin = Greenlet::<()>::empty();
    let origin_name = origin.any();
    let target = Greenlet::<()>::new(move |()| origin_name.switch(()));
    let target_name = target.any();
    origin.set_run(move |()| {
        target_name.switch::<(), ()>(());
        target_name.throw::<()>(Box::new(GreenletExit));
    });

    let names = [
        (greenlet::main(), "main"),
        (origin.any(), "origin"),
        (target.any(), "target"),
    ];
    trace::set(move |event, from, to| {
        let name_of = |wanted| {
            let found = names.iter().find(|(greenlet, _)| greenlet == wanted);
            found.map_or("a stranger", |(_, name)| name)
        };
        let how = match event {
            Event::Switch => "switch",
            Event::Throw => "throw",
            _ => return,
        };
        println!(
            "Transfer from {} to {} with {how}",
            name_of(from),
            name_of(to)
        );
    });
    // What target exits with goes to its parent, which is main.
    let end = origin.try_switch(());
    trace::clear();
    println!(
        "target exited: {}",
        matches!(end, Err(SwitchError::Exited(_)))
    );
}
