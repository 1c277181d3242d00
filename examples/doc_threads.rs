//! greenlet's documentation, "Greenlets and threads": handles stay on their thread, names in the form of ids may travel.

use std::sync::mpsc;
use std::thread;

use greenlet::{Greenlet, GreenletId};

fn main() {
    another_threads_main();
    the_end_of_a_thread();
    ids_outlive_their_greenlets();
}

/// Python finds out when running that a greenlet belongs to another thread. Here the handle cannot get there: the
/// documentation of `Greenlet` and of `AnyGreenlet` has examples that do not compile.
fn another_threads_main() {
    println!("E25 another thread's main greenlet cannot be switched to, only named");
    let theirs: GreenletId = in_thread(|| greenlet::main().id());
    println!("it is ours: {}", theirs == greenlet::main().id());
}

fn the_end_of_a_thread() {
    struct Report(mpsc::Sender<&'static str>);

    impl Drop for Report {
        fn drop(&mut self) {
            self.0
                .send("a greenlet was killed")
                .expect("main still listens");
        }
    }

    println!("E26 when a thread ends, its greenlets are dead");
    let (sender, receiver) = mpsc::channel();
    in_thread(move || {
        let report = Report(sender.clone());
        let g = Greenlet::<()>::new(move |()| {
            let _report = report;
            greenlet::main().switch::<(), ()>(());
        });
        g.switch(());
        // Nobody will drop this owner, so the greenlet is left to the end of the thread.
        std::mem::forget(g);
        sender
            .send("the thread is done")
            .expect("main still listens");
    });
    for message in receiver {
        println!("{message}");
    }
}

fn ids_outlive_their_greenlets() {
    println!(
        "E27 of the greenlets of a thread that has ended, ids remain, which are never given again"
    );
    let (main, child) = in_thread(|| {
        let child = Greenlet::<()>::new(|()| ());
        (greenlet::main().id(), child.id())
    });
    let later = in_thread(|| greenlet::main().id());
    println!(
        "three different ones: {}",
        main != child && main != later && child != later
    );
}

fn in_thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    thread::spawn(run).join().expect("it does not panic")
}
