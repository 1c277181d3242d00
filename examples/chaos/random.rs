//! Random decisions: a generator for each greenlet, all of them grown from one seed.

use std::cell::Cell;
use std::time::Duration;

/// splitmix64. Shared by reference, since a greenlet's closures all draw from it.
#[derive(Debug)]
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(Cell::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut mixed = self.0.get();
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Where it has come to.
    pub(crate) fn state(&self) -> u64 {
        self.0.get()
    }

    pub(crate) fn below(&self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Less than so many microseconds.
    pub(crate) fn micros(&self, most: u64) -> Duration {
        Duration::from_micros(self.below(most))
    }

    /// One for another greenlet.
    pub(crate) fn child(&self) -> Random {
        Random::new(self.next())
    }

    /// Bytes of any length below `most`.
    pub(crate) fn bytes(&self, most: u64) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.next() as u8).collect()
    }
}
