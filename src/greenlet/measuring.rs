//! What is measured of a thread's greenlets: how long they run at a time, and how long they wait for their turn.
//!
//! A *slice* is what one greenlet runs between two switches; it ends when the greenlet leaves, and the next begins when one arrives. What the
//! hub does between the two is nobody's. A *delay* is from becoming runnable to running. Where nothing happens between two greenlets the clock
//! is read once for both.

use std::panic::Location;
use std::time::{Duration, Instant};

use crate::util::histogram::Histogram;
use crate::util::id::GreenletId;

/// What a greenlet ran between two switches.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slice {
    /// Which greenlet.
    pub greenlet: GreenletId,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Where it was spawned or created; `None` for main.
    pub created_at: Option<&'static Location<'static>>,
    /// For how long it ran.
    pub took: Duration,
}

pub(crate) struct Measuring {
    pub(crate) slices: Histogram,
    pub(crate) delays: Histogram,
    pub(crate) longest: Option<Slice>,
    /// The last one, until it was told of.
    #[cfg(feature = "tracing")]
    pub(crate) untold: Option<Duration>,
    /// Slices that take longer are told of.
    #[cfg(feature = "tracing")]
    pub(crate) limit: Duration,
    /// When the present slice began.
    began: Instant,
    /// When the one before it ended, as long as nothing has happened since.
    left: Option<Instant>,
    /// Since when who is runnable, by its place in the registry. A place may have been another's, who died before its turn.
    ready: Vec<Option<(GreenletId, Instant)>>,
}

impl Measuring {
    /// It is in the midst of a slice that begins now.
    pub(crate) fn new(now: Instant) -> Self {
        Measuring {
            slices: Histogram::new(),
            delays: Histogram::new(),
            longest: None,
            #[cfg(feature = "tracing")]
            untold: None,
            #[cfg(feature = "tracing")]
            limit: Duration::MAX,
            began: now,
            left: None,
            ready: Vec::new(),
        }
    }

    /// The present slice is over: how long it was, and whether it is the longest so far.
    pub(crate) fn end_slice(&mut self, now: Instant) -> (Duration, bool) {
        let took = now.saturating_duration_since(self.began);
        self.left = Some(now);
        self.slices.record(took);
        #[cfg(feature = "tracing")]
        {
            self.untold = (took > self.limit).then_some(took);
        }
        let longest = self.longest.as_ref();
        (took, longest.is_none_or(|longest| took > longest.took))
    }

    /// The hub does something before the next slice begins.
    pub(crate) fn is_interrupted(&mut self) {
        self.left = None;
    }

    /// When whoever arrives now does so.
    pub(crate) fn arrival(&mut self, now: impl FnOnce() -> Instant) -> Instant {
        self.left.take().unwrap_or_else(now)
    }

    pub(crate) fn begin_slice(&mut self, now: Instant) {
        self.began = now;
    }

    /// A greenlet has become runnable.
    pub(crate) fn note_ready(&mut self, id: GreenletId, place: usize, now: Instant) {
        if place >= self.ready.len() {
            self.ready.resize(place + 1, None);
        }
        self.ready[place] = Some((id, now));
    }

    /// It runs.
    pub(crate) fn note_turn(&mut self, id: GreenletId, place: usize, now: Instant) {
        let since = self.ready.get_mut(place).and_then(Option::take);
        if let Some((_, since)) = since.filter(|(of, _)| *of == id) {
            self.delays.record(now.saturating_duration_since(since));
        }
    }
}
