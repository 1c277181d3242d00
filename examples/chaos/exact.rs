//! The same each time: one thread, simulated time, nothing of the system's.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::{path::PathBuf, thread};

use greenlet::{sleep, spawn};

use crate::chaos::acts::ACTS;
use crate::chaos::faults;
use crate::chaos::feeder::feed;
use crate::chaos::life::{End, check_alone, live};
use crate::chaos::random::Random;
use crate::chaos::tally::Tally;
use crate::chaos::world::World;

/// Lives through so much simulated time; gives the trace: all acts, when they began and ended.
pub(crate) fn exact(length: Duration, seed: u64) -> (u64, Arc<Tally>) {
    let on_its_own = thread::spawn(move || {
        greenlet::__simulate();
        // Few of them: of memory for stacks. Whoever is not given one ends, and starts none.
        faults::make(Some(seed));
        let tally = Arc::new(Tally::new(ACTS.iter().map(|act| act.0)));
        let world = Arc::new(World::new(tally.clone(), false));
        let random = Random::new(seed);
        let feeder = {
            let (world, random) = (world.clone(), random.child());
            spawn(move || {
                while !world.is_over() {
                    feed(&world, &random);
                    sleep(Duration::from_micros(300));
                }
            })
        };
        let end = match random.one_in(2) {
            true => End::Finish,
            false => End::Kill,
        };
        let until = greenlet::__moment() + length;
        live(&world, &random, PathBuf::new(), until, end);
        world.is_over.store(true, Ordering::SeqCst);
        feeder.join().expect("feeds on");
        check_alone();
        faults::make(None);
        let world = Arc::into_inner(world).expect("nobody is left");
        let trace = world.trace();
        world.settle();
        (trace, tally)
    });
    on_its_own.join().expect("was checked")
}
