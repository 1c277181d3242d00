//! Whoever waits for others must not wait for ever because all others wait for the like: here is somebody who does what is missing.
//!
//! It does only what is missing: a wake-up that was lost stays lost, and is found.

use std::sync::atomic::Ordering;

use crate::chaos::pipes::Limit;
use crate::chaos::random::Random;
use crate::chaos::world::World;

/// One round of that. Waits for short at most.
pub(crate) fn feed(world: &World, random: &Random) {
    if let Ok(mut tokens) = world.tokens.try_lock()
        && *tokens == 0
    {
        *tokens = 1;
        world.tokens_made.fetch_add(1, Ordering::SeqCst);
        world.token.notify_one();
    }
    match world.event.is_set() {
        true => world.event.clear(),
        false => world.event.set(),
    }
    for counted in &world.pipes {
        if counted.pipe.is_empty() {
            counted.put(random.next(), Limit::Not);
        }
        if counted.pipe.is_full() {
            counted.get(Limit::Not);
        }
    }
    for stream in &world.streams {
        stream.feed(random);
    }
}
