//! What is told to `tracing` of spawned greenlets: a span each, and how they begin and end.

use std::{mem, thread};

use tracing::{Span, debug, info_span, warn};

use crate::greenlet::block::{AnyGreenlet, Block};
use crate::greenlet::subscriber::quietly;
use crate::greenlet::unwind::Payload;
use crate::task::packet::Outcome;

/// In which a spawned greenlet runs.
pub(crate) struct Told(Span);

impl Told {
    /// The caller spawns that greenlet.
    pub(crate) fn of(greenlet: &AnyGreenlet) -> Self {
        let tell = || {
            let Block { id, name, .. } = greenlet.block();
            let (id, name, at) = (id.get(), name.as_deref(), greenlet.block().created_at);
            debug!(target: "greenlet", id, name, %at, "spawned");
            info_span!(target: "greenlet", "greenlet", id, name, %at)
        };
        Told(quietly(tell).unwrap_or_else(Span::none))
    }

    pub(crate) fn enter(&self) {
        quietly(|| {
            self.0
                .with_subscriber(|(id, subscriber)| subscriber.enter(id))
        });
    }

    /// It has ended. That is told, and the span closed, before anybody else hears of it.
    pub(crate) fn exit<T>(
        self,
        greenlet: &AnyGreenlet,
        outcome: Outcome,
        result: &thread::Result<T>,
    ) {
        ended(greenlet, outcome, result.as_ref().err());
        quietly(|| {
            self.0
                .with_subscriber(|(id, subscriber)| subscriber.exit(id))
        });
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let span = mem::replace(&mut self.0, Span::none());
        quietly(|| drop(span));
    }
}

/// A spawned greenlet has ended.
pub(crate) fn ended(greenlet: &AnyGreenlet, outcome: Outcome, payload: Option<&Payload>) {
    let id = greenlet.block().id.get();
    let name = greenlet.block().name.as_deref();
    quietly(|| match outcome {
        Outcome::Returned => debug!(target: "greenlet", id, name, "returned"),
        Outcome::Killed => debug!(target: "greenlet", id, name, "was killed"),
        Outcome::Panicked => {
            let payload = payload.and_then(words);
            warn!(target: "greenlet", id, name, payload, "panicked");
        }
    });
}

/// What a panic says, if it says something.
fn words(payload: &Payload) -> Option<&str> {
    match payload.downcast_ref::<String>() {
        Some(words) => Some(words),
        None => payload.downcast_ref::<&str>().copied(),
    }
}
