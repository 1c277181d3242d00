//! One round: some threads live in one world, until it is over.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::chaos::faults;
use crate::chaos::feeder::feed;
use crate::chaos::life::{End, check_alone, live};
use crate::chaos::random::Random;
use crate::chaos::tally::Tally;
use crate::chaos::world::World;

/// Threads beside the one that is there in all rounds.
const OTHERS: u64 = 2;

pub(crate) fn round(tally: &Arc<Tally>, random: &Random, dir: &Path) {
    let world = Arc::new(World::new(tally.clone(), true));
    faults::make(Some(random.next()));
    let until = Instant::now() + Duration::from_millis(200 + random.below(800));
    let others: Vec<_> = (0..OTHERS)
        .map(|number| {
            let (world, random) = (world.clone(), random.child());
            let dir = dir.join(number.to_string());
            thread::spawn(move || generations(&world, &random, &dir, until))
        })
        .collect();
    let feeder = {
        let (world, random) = (world.clone(), random.child());
        thread::spawn(move || {
            while Arc::strong_count(&world) > 2 {
                feed(&world, &random);
                thread::sleep(Duration::from_micros(300));
            }
        })
    };
    let end = match random.one_in(2) {
        true => End::Finish,
        false => End::Kill,
    };
    let own = dir.join("own");
    std::fs::create_dir_all(&own).expect("a directory");
    live(&world, &random.child(), own.clone(), until, end);
    let _ = std::fs::remove_dir_all(own);
    check_alone();
    for other in others {
        other.join().expect("was checked");
    }
    world.is_over.store(true, Ordering::SeqCst);
    feeder.join().expect("feeds on");
    faults::make(None);
    let world = Arc::into_inner(world).expect("nobody is left");
    world.settle();
}

/// Threads come and go, one after the other.
fn generations(world: &Arc<World>, random: &Random, dir: &Path, until: Instant) {
    let mut number = 0;
    while Instant::now() < until {
        let end = match random.below(4) {
            0 => End::Finish,
            1 => End::Kill,
            _ => End::Leave,
        };
        let length = Duration::from_millis(random.below(300));
        let (world, random) = (world.clone(), random.child());
        let dir = dir.join(number.to_string());
        std::fs::create_dir_all(&dir).expect("a directory");
        let its = dir.clone();
        let lives = thread::spawn(move || {
            let until = until.min(Instant::now() + length);
            live(&world, &random, its, until, end);
            if end != End::Leave {
                check_alone();
            }
        });
        lives.join().expect("was checked");
        // A call whose caller was killed may go on still, and make a file.
        let _ = std::fs::remove_dir_all(dir);
        number += 1;
    }
}
