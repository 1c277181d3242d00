//! Greenlet-locals: [`greenlet_local!`](crate::greenlet_local) and [`LocalKey`].

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::ptr;
use std::rc::Rc;

use crate::greenlet::local_map::LocalMap;
use crate::greenlet::thread::current;

/// Declares values of which every greenlet has its own, in the shape of [`std::thread_local!`].
///
/// A value is made when its greenlet first uses it, and dropped when the greenlet dies, before its parent goes on. A new
/// greenlet starts fresh; its [builder](crate::GreenletBuilder) can let it inherit copies
/// ([`inherit_locals`](crate::GreenletBuilder::inherit_locals)) or share
/// ([`share_locals`](crate::GreenletBuilder::share_locals)). Code that runs on no greenlet of one's own has the
/// values of the thread's main greenlet.
///
/// ```
/// use greenlet::{Greenlet, greenlet_local};
/// use std::cell::Cell;
///
/// greenlet_local! {
///     static DEPTH: Cell<u32> = Cell::new(0);
/// }
///
/// DEPTH.set(5);
/// let g = Greenlet::new(|()| DEPTH.get());
/// assert_eq!(g.switch(()), 0);
/// let h = Greenlet::builder().inherit_locals().build(|()| DEPTH.replace(7));
/// assert_eq!(h.switch(()), 5);
/// assert_eq!(DEPTH.get(), 5);
/// ```
#[macro_export]
macro_rules! greenlet_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = const $init:block; $($rest:tt)*) => {
        $crate::greenlet_local!($(#[$attr])* $vis static $name: $t = $init);
        $crate::greenlet_local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = const $init:block) => {
        $crate::greenlet_local!($(#[$attr])* $vis static $name: $t = $init);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = $init:expr; $($rest:tt)*) => {
        $crate::greenlet_local!($(#[$attr])* $vis static $name: $t = $init);
        $crate::greenlet_local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = $init:expr) => {
        $(#[$attr])*
        $vis static $name: $crate::LocalKey<$t> = {
            fn init() -> $t {
                $init
            }
            // By auto-reference the first trait is chosen where the type is `Clone`, else the second.
            #[allow(unused_imports, clippy::needless_borrow)]
            fn cloner() -> Option<fn(&$t) -> $t> {
                use $crate::__private::{ClonesNot as _, Clones as _};
                (&$crate::__private::Probe::<$t>::NEW).cloner()
            }
            $crate::LocalKey::__new(init, cloner)
        };
    };
}

/// A key declared by [`greenlet_local!`](crate::greenlet_local), with the shape of
/// [`std::thread::LocalKey`].
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
    cloner: fn() -> Option<Copier<T>>,
}

/// Copies a value for a greenlet that inherits.
type Copier<T> = fn(&T) -> T;

/// The greenlet is dead, or its locals are being dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a greenlet-local was used while its greenlet's locals are being dropped")
    }
}

impl Error for AccessError {}

/// A value with the way to copy it.
struct Local<T: 'static> {
    value: T,
    cloner: Option<Copier<T>>,
}

fn copy_local<T: 'static>(local: &dyn Any) -> Option<Rc<dyn Any>> {
    let local = local.downcast_ref::<Local<T>>()?;
    let cloner = local.cloner?;
    Some(Rc::new(Local {
        value: cloner(&local.value),
        cloner: Some(cloner),
    }))
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn __new(init: fn() -> T, cloner: fn() -> Option<Copier<T>>) -> Self {
        LocalKey { init, cloner }
    }

    /// Calls `f` with the running greenlet's value, made now if it is the first use.
    ///
    /// The reference is good over a switch inside `f`.
    ///
    /// # Panics
    ///
    /// If the greenlet's locals are being dropped.
    pub fn with<F: FnOnce(&T) -> R, R>(&'static self, f: F) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Like [`with`](Self::with).
    ///
    /// # Errors
    ///
    /// If the greenlet's locals are being dropped.
    pub fn try_with<F: FnOnce(&T) -> R, R>(&'static self, f: F) -> Result<R, AccessError> {
        let local = self.local(|| (self.init)())?;
        Ok(f(&local.value))
    }

    /// The running greenlet's value; `make` makes it at the first use.
    fn local(&'static self, make: impl FnOnce() -> T) -> Result<Rc<Local<T>>, AccessError> {
        let key = ptr::from_ref(self).addr();
        if let Some(found) = self.map()?.get(key) {
            return Ok(Self::downcast(found));
        }
        let value = make();
        let map = self.map()?;
        if let Some(found) = map.get(key) {
            // Making it used it: that one stays.
            return Ok(Self::downcast(found));
        }
        let local = Rc::new(Local {
            value,
            cloner: (self.cloner)(),
        });
        map.insert(key, local.clone(), copy_local::<T>);
        Ok(local)
    }

    fn map(&self) -> Result<Rc<LocalMap>, AccessError> {
        let me = current();
        let block = me.block();
        if block.locals_gone.get() {
            return Err(AccessError);
        }
        let map = block.locals.borrow_mut().get_or_insert_default().clone();
        Ok(map)
    }

    fn downcast(found: Rc<dyn Any>) -> Rc<Local<T>> {
        found.downcast().expect("a key has one type")
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the value; the initial one is not made.
    pub fn set(&'static self, value: T) {
        let mut value = Some(value);
        let local = self.local(|| Cell::new(value.take().expect("made once")));
        let local = local.unwrap_or_else(|error| panic!("{error}"));
        if let Some(value) = value {
            local.value.set(value);
        }
    }

    /// A copy of the value.
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the value, leaving the default.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Replaces the value; the old one.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with the value borrowed.
    pub fn with_borrow<F: FnOnce(&T) -> R, R>(&'static self, f: F) -> R {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Calls `f` with the value borrowed mutably.
    pub fn with_borrow_mut<F: FnOnce(&mut T) -> R, R>(&'static self, f: F) -> R {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// Sets the value; the initial one is not made.
    pub fn set(&'static self, value: T) {
        let mut value = Some(value);
        let local = self.local(|| RefCell::new(value.take().expect("made once")));
        let local = local.unwrap_or_else(|error| panic!("{error}"));
        if let Some(value) = value {
            local.value.replace(value);
        }
    }

    /// Takes the value, leaving the default.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Replaces the value; the old one.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// For the macro: whether a type is `Clone`, found out where it is named.
#[doc(hidden)]
pub mod probe {
    use std::marker::PhantomData;

    #[allow(missing_debug_implementations)]
    pub struct Probe<T>(PhantomData<T>);

    impl<T> Probe<T> {
        pub const NEW: Self = Probe(PhantomData);
    }

    pub trait Clones<T> {
        fn cloner(&self) -> Option<fn(&T) -> T>;
    }

    impl<T: Clone> Clones<T> for Probe<T> {
        fn cloner(&self) -> Option<fn(&T) -> T> {
            Some(T::clone)
        }
    }

    pub trait ClonesNot<T> {
        fn cloner(&self) -> Option<fn(&T) -> T>;
    }

    impl<T> ClonesNot<T> for &Probe<T> {
        fn cloner(&self) -> Option<fn(&T) -> T> {
            None
        }
    }
}
