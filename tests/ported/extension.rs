//! Source: `test_extension_interface.py`. The one test of the C interface that is about greenlets rather than about C.

use greenlet::{AnyGreenlet, Greenlet, current, main};

use crate::support::{Token, leak_checked};

/// test_setparent (Y)
#[test]
fn a_suspended_grandchild_that_was_reparented_goes_to_its_new_parent() {
    leak_checked(|| {
        let token = Token::new();
        let outer = Greenlet::new(move |()| {
            let inner = Greenlet::new(move |()| {
                let _token = token;
                let parent = || current().parent().unwrap();
                parent().switch::<_, ()>("to the creator");
                parent().switch::<_, ()>("to the new parent");
                "end"
            });
            assert_eq!(inner.switch(()), "to the creator");
            main().switch::<Greenlet<(), &str>, ()>(inner);
        });
        let inner: Greenlet<(), &str> = outer.any().switch(());
        let creator: AnyGreenlet = outer.any();
        assert_eq!(inner.parent(), Some(creator));
        inner.set_parent(&main()).unwrap();
        assert_eq!(inner.switch(()), "to the new parent");
        assert!(inner.is_active() && outer.is_active());
        // Its end goes there as well.
        assert_eq!(inner.switch(()), "end");
        assert!(inner.is_dead() && outer.is_active());
    });
}
