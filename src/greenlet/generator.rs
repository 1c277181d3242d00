//! Generators: iterators whose body is ordinary code that gives values from any depth.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::greenlet::block::AnyGreenlet;
use crate::greenlet::handle::Greenlet;
use crate::greenlet::thread::current;

/// Iterates over the values that its body gives.
///
/// The body runs on a stack of its own, from one [`give`](Yielder::give) to the next, while the consumer waits in
/// [`next`](Iterator::next). It may give values from any depth of calls. Generators nest, and one
/// [delegates](Yielder::delegate) to another. A panic in the body continues in `next`. Dropping a generator that has not
/// finished kills its greenlet, whose destructors run.
///
/// ```
/// use greenlet::{Generator, Yielder};
///
/// fn walk(depth: u32, y: &Yielder<u32>) {
///     if depth > 0 {
///         walk(depth - 1, y);
///         y.give(depth);
///         walk(depth - 1, y);
///     }
/// }
///
/// let mut ruler = Generator::new(|y| walk(3, y));
/// assert_eq!(ruler.by_ref().collect::<Vec<_>>(), [1, 2, 1, 3, 1, 2, 1]);
/// assert_eq!(ruler.result(), Some(()));
/// ```
pub struct Generator<Y, R = ()> {
    greenlet: Greenlet<(), Option<Y>>,
    shared: Rc<Shared<R>>,
    finished: bool,
}

struct Shared<R> {
    consumer: Rc<RefCell<Option<AnyGreenlet>>>,
    result: RefCell<Option<R>>,
}

/// The body's side of a [`Generator`].
pub struct Yielder<Y> {
    consumer: Rc<RefCell<Option<AnyGreenlet>>>,
    give: fn(&AnyGreenlet, Y),
}

impl<Y: 'static, R: 'static> Generator<Y, R> {
    /// A generator over the values that `body` gives. Nothing runs until the first [`next`](Iterator::next).
    #[track_caller]
    pub fn new(body: impl FnOnce(&Yielder<Y>) -> R + 'static) -> Self {
        let consumer = Rc::new(RefCell::new(None));
        let shared = Rc::new(Shared {
            consumer: consumer.clone(),
            result: RefCell::new(None),
        });
        let inner = Rc::downgrade(&shared);
        let greenlet = Greenlet::new(move |()| {
            let yielder = Yielder {
                consumer,
                give: |consumer, value| consumer.switch(Some(value)),
            };
            let result = body(&yielder);
            if let Some(shared) = inner.upgrade() {
                shared.result.replace(Some(result));
            }
            None
        });
        Generator {
            greenlet,
            shared,
            finished: false,
        }
    }

    /// What the body returned: once, after the last value.
    pub fn result(&mut self) -> Option<R> {
        self.shared.result.take()
    }
}

impl<Y: 'static, R: 'static> Iterator for Generator<Y, R> {
    type Item = Y;

    /// Runs the body up to its next value; `None` once it has returned.
    ///
    /// # Panics
    ///
    /// With a panic of the body, after which the generator is finished. If called by the body itself, or by a greenlet that has the
    /// body's greenlet for an ancestor: nobody could receive its end.
    #[track_caller]
    fn next(&mut self) -> Option<Y> {
        if self.finished || self.greenlet.is_dead() {
            return None;
        }
        let me = current();
        let is_parent = self.greenlet.parent().as_ref() == Some(&me);
        if !is_parent && self.greenlet.set_parent(&me).is_err() {
            panic!("greenlet {me:?} cannot consume a generator from within its own body");
        }
        self.shared.consumer.replace(Some(me));
        let next = self.greenlet.switch(());
        self.finished = next.is_none();
        next
    }
}

impl<Y: 'static, R: 'static> std::iter::FusedIterator for Generator<Y, R> {}

impl<Y: 'static> Yielder<Y> {
    /// Gives `value` to the consumer, and waits until it wants the next.
    ///
    /// # Panics
    ///
    /// If the generator is dropped meanwhile, with [`GreenletExit`](crate::GreenletExit), which should be let through.
    #[track_caller]
    pub fn give(&self, value: Y) {
        let consumer = self.consumer.borrow().clone();
        let consumer = consumer.expect("the body runs because somebody consumes");
        (self.give)(&consumer, value);
    }

    /// Gives all values of `inner`, in its place; its result.
    ///
    /// ```
    /// use greenlet::{Generator, Yielder};
    ///
    /// fn count(n: u32) -> Generator<u32, u32> {
    ///     Generator::new(move |y: &Yielder<u32>| {
    ///         if n == 0 {
    ///             return 0;
    ///         }
    ///         y.give(n);
    ///         1 + y.delegate(count(n - 1))
    ///     })
    /// }
    ///
    /// let mut generator = count(3);
    /// assert_eq!(generator.by_ref().collect::<Vec<_>>(), [3, 2, 1]);
    /// assert_eq!(generator.result(), Some(3));
    /// ```
    ///
    /// # Panics
    ///
    /// With a panic of `inner`, or if its result was [taken](Generator::result) before.
    #[track_caller]
    pub fn delegate<R: 'static>(&self, mut inner: Generator<Y, R>) -> R {
        for value in inner.by_ref() {
            self.give(value);
        }
        let result = inner.result();
        result.expect("the result of the inner generator was taken before")
    }
}

impl<Y, R> fmt::Debug for Generator<Y, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Generator({:?})", self.greenlet)
    }
}

impl<Y> fmt::Debug for Yielder<Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}
