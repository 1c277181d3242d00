//! No handle, nor anything that holds one, can leave its thread.

use std::marker::PhantomData;
use std::rc::Rc;

use greenlet::{
    AccessError, AnyGreenlet, Census, Generator, Greenlet, GreenletBuilder, GreenletExit,
    GreenletId, LocalKey, ParentError, Payload, State, SwitchError, WeakGreenlet, Yielder, trace,
};

trait Not {
    const SEND: bool = false;
    const SYNC: bool = false;
}

/// Its inherent constant hides that of the trait where `T` is `Send`.
#[allow(dead_code)]
struct Sends<T: ?Sized>(PhantomData<T>);

/// As above, where `T` is `Sync`.
#[allow(dead_code)]
struct Shares<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> Not for Sends<T> {}
impl<T: ?Sized> Not for Shares<T> {}

impl<T: ?Sized + Send> Sends<T> {
    const SEND: bool = true;
}

impl<T: ?Sized + Sync> Shares<T> {
    const SYNC: bool = true;
}

macro_rules! auto {
    ($t:ty) => {
        (<Sends<$t>>::SEND, <Shares<$t>>::SYNC)
    };
}

#[test]
fn handles_and_what_holds_them_stay_on_their_thread() {
    let stay = [
        auto!(AnyGreenlet),
        auto!(Greenlet<(), ()>),
        auto!(WeakGreenlet<(), ()>),
        auto!(Generator<(), ()>),
        auto!(Yielder<()>),
        auto!(GreenletBuilder),
        auto!(trace::Observer),
        auto!(SwitchError<AnyGreenlet>),
        auto!(SwitchError<Rc<()>>),
    ];
    assert_eq!(stay, [(false, false); 9]);
}

#[test]
fn what_only_tells_may_travel() {
    let travel = [
        auto!(GreenletId),
        auto!(Census),
        auto!(State),
        auto!(GreenletExit),
        auto!(ParentError),
        auto!(AccessError),
        auto!(trace::Event),
        // Names a value, of each greenlet of each thread, and holds none.
        auto!(LocalKey<Rc<()>>),
    ];
    assert_eq!(travel, [(true, true); 8]);
    assert_eq!(auto!(Payload), (true, false));
    assert_eq!(auto!(SwitchError<String>), (true, false));
}
