//! What whoever leaves puts down for whoever arrives next.

use crate::greenlet::alert;
use crate::greenlet::block::{AnyGreenlet, Arrival, Thread};
use crate::greenlet::measuring::Slice;
use crate::sys::clock;

impl Thread {
    /// Remembers that the running greenlet is about to leave, for whoever arrives next.
    #[cold]
    pub(crate) fn note_origin(&self) {
        let me = self.current();
        if self.alert.get() & alert::MEASURED != 0 {
            self.end_slice(&me);
        }
        if me.is_forsaken() {
            self.alert.raise(alert::FORSAKEN);
        }
        self.origin.replace(Some(me));
    }

    /// Has the next who arrives drop this.
    pub(crate) fn bury(&self, arrival: Arrival) {
        self.graves.borrow_mut().push(arrival);
        self.alert.raise(alert::GRAVES);
    }

    /// Puts down what `target` will find instead of a value. It must be the next to run.
    pub(crate) fn announce(&self, target: &AnyGreenlet, arrival: Arrival) {
        target.block().arrival.set(Some(Box::new(arrival)));
        self.alert.raise(alert::ARRIVAL);
    }

    fn end_slice(&self, me: &AnyGreenlet) {
        let mut measuring = self.measuring.borrow_mut();
        let measuring = measuring.as_mut().expect("there when the alert is");
        let (took, is_longest) = measuring.end_slice(clock::now());
        if is_longest {
            let block = me.block();
            measuring.longest = Some(Slice {
                greenlet: block.id,
                name: block.name.as_deref().map(str::to_owned),
                created_at: (!block.is_main()).then_some(block.created_at),
                took,
            });
        }
    }

    /// `me` has arrived: its slice begins, if somebody has left for it, and its turn has come, if it was waiting for that.
    pub(crate) fn begin_slice(&self, me: &AnyGreenlet) {
        let was_left = self.origin.borrow().is_some();
        let mut measuring = self.measuring.borrow_mut();
        let measuring = measuring.as_mut().expect("there when the alert is");
        let now = measuring.arrival(clock::now);
        if was_left {
            measuring.begin_slice(now);
        }
        let block = me.block();
        measuring.note_turn(block.id, block.registered.get(), now);
    }

    /// `greenlet` has become runnable.
    #[cold]
    pub(crate) fn note_ready(&self, greenlet: &AnyGreenlet) {
        let block = greenlet.block();
        let mut measuring = self.measuring.borrow_mut();
        let measuring = measuring.as_mut().expect("there when it is measured");
        measuring.note_ready(block.id, block.registered.get(), clock::now());
    }

    /// The hub does something between two greenlets.
    pub(crate) fn note_pause(&self) {
        if self.alert.get() & alert::MEASURED != 0
            && let Some(measuring) = self.measuring.borrow_mut().as_mut()
        {
            measuring.is_interrupted();
        }
    }
}
