//! greenlet's documentation, "greenlet: concepts": siblings, the main greenlet, where an error surfaces.

use greenlet::{Greenlet, SwitchError};

fn main() {
    two_siblings();
    am_i_main();
    an_error_goes_to_the_parent();
}

fn two_siblings() {
    println!("E1 two siblings");
    let gr1 = Greenlet::<(), &str>::empty();
    let name1 = gr1.any();
    let gr2 = Greenlet::<()>::new(move |()| {
        println!("[gr2] test1 -> test2");
        name1.switch::<(), ()>(());
        println!("This is never printed.");
    });
    let name2 = gr2.any();
    gr1.set_run(move |()| {
        println!("[gr1] main -> test1");
        name2.switch::<(), ()>(());
        println!("[gr1] test1 <- test2");
        "test1 done"
    });
    // gr1 was entered last by gr2, but its result goes to its parent, which is main.
    println!("{:?}", gr1.switch(()));
    println!("gr1 is dead: {}", gr1.is_dead());
    println!("gr2 is dead: {}", gr2.is_dead());
}

fn am_i_main() {
    fn is_main() -> bool {
        greenlet::current().parent().is_none()
    }
    println!("E2 am I main?");
    println!("{}", is_main());
    println!("{}", Greenlet::new(|()| is_main()).switch(()));
}

fn an_error_goes_to_the_parent() {
    println!("E3 an error surfaces in the parent, not in the one that switched");
    let gr2 = Greenlet::<()>::new(|()| panic!("test2 fails"));
    let name2 = gr2.any();
    let gr1 = Greenlet::<()>::new(move |()| {
        name2.switch::<(), ()>(());
        println!("This is never printed.");
    });
    let Err(SwitchError::Thrown(payload)) = gr1.try_switch(()) else {
        unreachable!("test2 always fails");
    };
    println!("main got: {:?}", payload.downcast_ref::<&str>());
    // The panic never passed through test1, which still waits.
    println!("gr1 is dead: {}", gr1.is_dead());
    println!("gr2 is dead: {}", gr2.is_dead());
}
