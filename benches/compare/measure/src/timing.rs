//! The clock, and how often to do what is too short for it.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long a loop has to take to be believed.
const LONG_ENOUGH: Duration = Duration::from_millis(50);

/// Calls `run` with twice as many rounds each time, until those take long enough; what one unit of the last call took, in nanoseconds.
///
/// `run` gives the time that the rounds took, so that it may prepare and clear up off the clock. A round is so many `units`.
pub fn calibrate(units: usize, mut run: impl FnMut(u64) -> Duration) -> f64 {
    let mut rounds = 1;
    loop {
        let took = run(rounds);
        if took >= LONG_ENOUGH {
            return took.as_nanos() as f64 / (rounds as f64 * units as f64);
        }
        rounds *= 2;
    }
}

/// How long so many calls of `f` take.
#[inline]
pub fn time(rounds: u64, mut f: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..rounds {
        f();
    }
    start.elapsed()
}

/// Calls `last` under so many frames of more than 64 bytes each.
#[inline(never)]
pub fn under_frames(frames: usize, last: &mut dyn FnMut()) {
    let room = black_box([frames; 8]);
    match frames {
        0 => last(),
        _ => under_frames(frames - 1, last),
    }
    black_box(&room);
}
