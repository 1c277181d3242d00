//! Observers of every switch on a thread.
//!
//! One observer a thread, as in greenlet. It is called *after* control has moved, on the stack of the target and with the target
//! current, before the target's code goes on (greenlet item 52): for every switch, throw, start, death and kill.
//! A switch to oneself is an event with origin and target equal. What is refused is no event.
//!
//! An observer may switch; the switches are observed too, and what was on its way to the target is kept for it
//! (item 55). An observer that panics is removed, and the target gets the panic instead of what was sent (item 54).
//!
//! ```
//! use greenlet::{Greenlet, trace};
//! use std::{cell::RefCell, rc::Rc};
//!
//! let log = Rc::new(RefCell::new(Vec::new()));
//! let main = greenlet::current();
//! let g = Greenlet::new(|n: i32| n);
//!
//! let seen = log.clone();
//! trace::set(move |event, origin, target| {
//!     seen.borrow_mut().push((event, origin.clone(), target.clone()));
//! });
//! g.switch(1);
//! trace::clear();
//!
//! assert_eq!(*log.borrow(), [
//!     (trace::Event::Switch, main.clone(), g.any()), // started
//!     (trace::Event::Switch, g.any(), main), // its end
//! ]);
//! ```

use std::fmt;
use std::rc::Rc;

use crate::greenlet::alert;
use crate::greenlet::block::{AnyGreenlet, Observe};
use crate::greenlet::thread::here;

/// How control moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// With a value, or by the end of a greenlet that returned or exited.
    Switch,
    /// With something thrown, or by the end of a greenlet that panicked.
    Throw,
}

/// An observer that was set; set it again with [`restore`](Self::restore).
#[derive(Clone)]
pub struct Observer(Rc<Observe>);

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer(..)")
    }
}

impl Observer {
    /// Makes it this thread's observer again; the one it replaces.
    ///
    /// ```
    /// use greenlet::trace;
    ///
    /// trace::set(|_, _, _| ());
    /// let first = trace::set(|_, _, _| ()).unwrap();
    /// let second = first.restore();
    /// assert!(second.is_some() && trace::get().is_some());
    /// # trace::clear();
    /// ```
    pub fn restore(self) -> Option<Observer> {
        let thread = here();
        thread.alert.raise(alert::TRACED);
        thread.observer.replace(Some(self.0)).map(Observer)
    }
}

/// Calls `observer(event, origin, target)` after every switch on this thread; the observer that it replaces.
pub fn set(observer: impl Fn(Event, &AnyGreenlet, &AnyGreenlet) + 'static) -> Option<Observer> {
    let observe = move |is_throw: bool, origin: &AnyGreenlet, target: &AnyGreenlet| {
        let event = if is_throw {
            Event::Throw
        } else {
            Event::Switch
        };
        observer(event, origin, target);
    };
    Observer(Rc::new(observe)).restore()
}

/// This thread's observer.
pub fn get() -> Option<Observer> {
    here().observer.borrow().clone().map(Observer)
}

/// Removes this thread's observer, which is returned.
pub fn clear() -> Option<Observer> {
    let thread = here();
    thread.alert.lower(alert::TRACED);
    thread.observer.take().map(Observer)
}
