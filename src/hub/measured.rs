//! How long greenlets run at a time, and wait for their turn, as it is measured if somebody asks for it.

use std::fmt;
#[cfg(feature = "tracing")]
use std::time::Duration;

use crate::greenlet::alert;
use crate::greenlet::measuring::{Measuring, Slice};
use crate::greenlet::thread::here;
use crate::hub::begin::hub;
use crate::sys::clock;
use crate::util::histogram::Histogram;

/// What was [measured](measured) of a thread's greenlets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measured {
    /// The slices: what greenlets ran between two switches. Long ones keep others waiting. The present one is not over, so it is not counted.
    pub slices: Histogram,
    /// How long greenlets waited for their turn, from becoming runnable to running.
    pub delays: Histogram,
    /// The longest slice, and who ran it.
    pub longest: Option<Slice>,
}

/// Begins to measure this thread's greenlets, from nothing, or ends it.
///
/// While it is on, a switch costs about a hundred nanoseconds more, most of them for reading the clock. While it is off, it costs nothing.
///
/// ```
/// use greenlet::{hub, spawn, yield_now};
/// use std::time::{Duration, Instant};
///
/// hub::measure(true);
/// let hog = greenlet::Greenlet::builder().name("hog").spawn(|| {
///     let began = Instant::now();
///     while began.elapsed() < Duration::from_millis(5) {}
/// });
/// let other = spawn(|| ());
/// other.join().unwrap();
/// hub::measure(false);
///
/// let measured = hub::measured();
/// println!("{measured}");
/// assert_eq!(measured.longest.unwrap().name.as_deref(), Some("hog"));
/// assert!(measured.delays.max() >= Duration::from_millis(5));
/// ```
pub fn measure(on: bool) {
    let thread = here();
    let hub = hub(thread);
    hub.is_measured.set(on);
    if on {
        let fresh = Measuring::new(clock::now());
        thread.measuring.replace(Some(Box::new(fresh)));
        thread.alert.raise(alert::MEASURED);
    } else {
        thread.alert.lower(alert::MEASURED);
    }
}

/// From here on a slice of this thread's that takes longer than `limit` is told to `tracing`, as a warning. Begins to [`measure`], which ends it.
///
/// ```
/// # use std::time::Duration;
/// greenlet::hub::warn_of_slices(Duration::from_millis(100));
/// ```
#[cfg(feature = "tracing")]
pub fn warn_of_slices(limit: Duration) {
    measure(true);
    if let Some(measuring) = here().measuring.borrow_mut().as_mut() {
        measuring.limit = limit;
    }
}

/// What was measured of this thread's greenlets since [`measure`] was called last to begin it. Who was runnable then already is not counted for
/// that turn.
pub fn measured() -> Measured {
    match here().measuring.borrow().as_ref() {
        None => Measured {
            slices: Histogram::new(),
            delays: Histogram::new(),
            longest: None,
        },
        Some(measuring) => Measured {
            slices: measuring.slices.clone(),
            delays: measuring.delays.clone(),
            longest: measuring.longest.clone(),
        },
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { slices, delays, .. } = self;
        write!(f, "slices: {slices}delays: {delays}")?;
        match &self.longest {
            None => Ok(()),
            Some(longest) => writeln!(f, "longest slice: {longest}"),
        }
    }
}

/// As `` 12ms of greenlet `worker` (#7), created at src/main.rs:3:5 ``.
impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Slice { greenlet, took, .. } = self;
        match &self.name {
            Some(name) => write!(f, "{took:.1?} of greenlet `{name}` ({greenlet})")?,
            None => write!(f, "{took:.1?} of greenlet {greenlet}")?,
        }
        match self.created_at {
            None => Ok(()),
            Some(created_at) => write!(f, ", created at {created_at}"),
        }
    }
}
