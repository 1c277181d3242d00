//! greenlet's documentation, "Context variables": greenlet-locals that start fresh, copied or shared.

use std::cell::Cell;

use greenlet::{Greenlet, greenlet_local};

greenlet_local! {
    static VAR: Cell<i32> = Cell::new(0);
}

fn main() {
    VAR.set(1);

    println!("E28 by default a greenlet starts with fresh values");
    Greenlet::<()>::new(|()| look_and_set("fresh")).switch(());
    outside();

    println!("E29 it can start with copies");
    let copied = Greenlet::builder().inherit_locals();
    copied.build(|()| look("copied")).switch(());
    outside();

    println!("E30 it can share the values, and what it changes is seen outside");
    let shared = Greenlet::builder().share_locals();
    shared.build(|()| look_and_set("shared")).switch(());
    outside();
    VAR.set(1);

    println!("E31 a copy that is changed leaves the original alone");
    let copied = Greenlet::builder().inherit_locals();
    copied.build(|()| look_and_set("copied")).switch(());
    outside();
}

fn look(how: &str) {
    println!("inside, {how}: {}", VAR.get());
}

fn look_and_set(how: &str) {
    look(how);
    VAR.set(2);
}

fn outside() {
    println!("outside: {}", VAR.get());
}
