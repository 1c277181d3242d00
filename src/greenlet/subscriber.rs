//! How subscribers of `tracing` are called: spans go with the greenlet that has entered them, and long slices are told of.
//!
//! A subscriber keeps one stack of entered spans a thread. So what a greenlet has entered is exited when it leaves, and entered again, in the same
//! order, when it arrives; by whoever arrives, as all that is the user's on the way of a switch.
//!
//! A subscriber should not wait or switch. If it does so when it is called from here, it is not called for switches until it goes on, so spans
//! may be taken for those of another greenlet; nothing else comes of it. But should it have a lock meanwhile that it takes at each call, the greenlet
//! comes back through the subscriber, and waits for itself.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::dispatcher::{Dispatch, get_default};
use tracing::level_filters::LevelFilter;

use crate::greenlet::alert;
use crate::greenlet::block::{AnyGreenlet, Block, Thread};
use crate::greenlet::kill::put_off;
use crate::greenlet::panicking::catch_in;
use crate::greenlet::spans::{Entered, Spans};
use crate::greenlet::thread::if_here;
use crate::greenlet::unwind::drop_quietly;

/// There is a limit, in case of a subscriber that is not impressed by an exit.
const MOST: usize = 256;

impl Thread {
    /// Whether a subscriber is to hear of switches: looked at now and then, for nobody says when there is one.
    #[inline]
    pub(crate) fn look_for_subscriber(&self) {
        if LevelFilter::current() != LevelFilter::OFF {
            self.alert.raise(alert::SPANS);
        }
    }

    /// Has subscribers see a switch from `origin` to `me`.
    pub(crate) fn tell(&self, origin: &AnyGreenlet, me: &AnyGreenlet) {
        if self.tells.replace(true) {
            if origin.block().is_dead() {
                // What it still has was not entered again, and nobody else will close it.
                self.left_open.take_from(&origin.block().spans);
            }
            return;
        }
        self.tell_of_slice(origin);
        if origin != me && self.alert.get() & alert::SPANS != 0 {
            let spans = &origin.block().spans;
            spans.leave();
            if origin.block().is_dead() {
                // It has left some for ever.
                spans.forget();
            }
            me.block().spans.enter();
        }
        self.left_open.forget();
        self.tells.set(false);
    }

    /// The slice that is over may have been long. Told while the spans of `origin`, who ran it, are still entered.
    fn tell_of_slice(&self, origin: &AnyGreenlet) {
        let mut measuring = self.measuring.borrow_mut();
        let Some(took) = measuring.as_mut().and_then(|it| it.untold.take()) else {
            return;
        };
        drop(measuring);
        let Block { id, name, .. } = origin.block();
        let (id, name) = (id.get(), name.as_deref());
        quietly(|| tracing::warn!(target: "greenlet", id, name, ?took, "kept the others waiting"));
    }
}

impl Spans {
    /// Exits all that is entered on this thread.
    fn leave(&self) {
        let subscriber = get_default(Dispatch::clone);
        for _ in 0..MOST {
            let current = || {
                let current = subscriber.current_span();
                current.id().map(|id| subscriber.clone_span(id))
            };
            let Some(id) = quietly(current).flatten() else {
                return;
            };
            self.push(Entered {
                subscriber: subscriber.clone(),
                id: id.clone(),
            });
            quietly(|| subscriber.exit(&id));
        }
    }

    /// Enters it all again.
    fn enter(&self) {
        while let Some(entered) = self.pop() {
            quietly(|| entered.subscriber.enter(&entered.id));
            entered.close();
        }
    }

    /// Keeps it open no longer.
    fn forget(&self) {
        while let Some(entered) = self.pop() {
            entered.close();
        }
    }
}

impl Entered {
    /// The subscriber may go with it, which calls it as well.
    fn close(self) {
        quietly(move || self.subscriber.try_close(self.id));
    }
}

/// Calls a subscriber. If it panics, the panic hook has seen it, and that is all.
pub(crate) fn quietly<T>(call: impl FnOnce() -> T) -> Option<T> {
    let Some(thread) = if_here() else {
        return catch_unwind(AssertUnwindSafe(call))
            .map_err(drop_quietly)
            .ok();
    };
    // If it waited it may have been hit by a kill, which was meant for the greenlet that it was called by.
    catch_in(thread.running(), call)
        .map_err(|unwound| put_off(thread, unwound))
        .ok()
}
