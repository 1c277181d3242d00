//! The time, from one place, so that a simulation can put its own in its stead.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    /// The time of a thread on which it is simulated.
    static SIMULATED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// This moment.
#[inline]
pub(crate) fn now() -> Instant {
    match SIMULATED.get() {
        None => Instant::now(),
        Some(moment) => moment,
    }
}

/// Nobody can run before `moment`: where time is simulated, it is that moment now. False elsewhere.
pub(crate) fn skip_to(moment: Instant) -> bool {
    let Some(now) = SIMULATED.get() else {
        return false;
    };
    SIMULATED.set(Some(now.max(moment)));
    true
}

/// From here on this thread's time stands still while anybody runs, and passes at once when nobody can: for this crate's tests. To be called
/// before the thread's first wait.
#[doc(hidden)]
pub fn simulate() {
    SIMULATED.set(Some(now()));
}

/// Lets so much of simulated time pass while somebody runs, for this crate's tests.
#[doc(hidden)]
pub fn pass(duration: Duration) {
    SIMULATED.set(Some(now() + duration));
}

/// This moment, for this crate's tests.
#[doc(hidden)]
pub fn moment() -> Instant {
    now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_run_backwards() {
        let earlier = now();
        assert!(now() >= earlier);
        assert!(!skip_to(earlier));
    }

    #[test]
    fn simulated_it_passes_when_told_to() {
        simulate();
        let began = now();
        assert_eq!(now(), began);
        let later = began + Duration::from_secs(3600);
        assert!(skip_to(later) && skip_to(began));
        assert_eq!(moment(), later);
        pass(Duration::from_secs(1));
        assert_eq!(now(), later + Duration::from_secs(1));
    }
}
