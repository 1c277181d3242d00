//! Everything that greenlets can wait for, all at once, at random, on several threads, with kills, limits, panics and ends of threads in
//! between; and that nothing of it is lost, held twice, left waiting or leaked. For the example `soak` and the test `chaos`.
//!
//! A run is made of rounds. In each, some threads live in one [world](world::World): on each of them greenlets do one [act](acts::ACTS) after the other.
//! In the end nobody is left, and what the world holds is counted; then what the process holds.
//!
//! Every greenlet decides at random by a generator of its own, all of them grown from the seed. What threads and the system do at the same time
//! is not in the seed's power, so two runs are alike, and not the same. [`exact`] is the same each time: on one thread, on time that is simulated,
//! without anything of the system's.
#![allow(dead_code, reason = "the example and the test each use their part")]

mod acts;
mod feeder;
mod home;
mod life;
mod locks;
mod messages;
mod net;
mod pipes;
mod random;
mod round;
mod streams;
mod system;
mod tally;
mod tasks;
mod vitals;
mod world;

pub(crate) mod exact;
pub(crate) mod faults;
pub(crate) mod run;
