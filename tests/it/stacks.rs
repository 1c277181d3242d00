//! Stacks as the census shows them.

use greenlet::Greenlet;

use crate::support::leak_checked;

fn suspended(size: usize) -> Greenlet<(), ()> {
    let g = Greenlet::builder()
        .stack_size(size)
        .build(|()| greenlet::main().switch::<(), ()>(()));
    g.switch(());
    g
}

/// Goes down until `bytes` of stack are in use.
pub(crate) fn dig(bytes: usize) -> u8 {
    fn deeper(top: usize, bytes: usize) -> u8 {
        let hole = std::hint::black_box([1u8; 512]);
        if top - hole.as_ptr().addr() < bytes {
            return std::hint::black_box(deeper(top, bytes)) | hole[bytes % 512];
        }
        hole[0]
    }
    let top = 0u8;
    deeper((&raw const top).addr(), bytes)
}

#[test]
fn a_new_greenlet_has_no_stack() {
    leak_checked(|| {
        let g = Greenlet::new(|()| ());
        let census = greenlet::census();
        assert_eq!(
            (census.greenlets, census.stacks, census.reserved_bytes),
            (2, 0, 0)
        );
        drop(g);
    });
}

#[test]
fn a_stack_goes_to_the_pool_at_death_and_is_used_again() {
    leak_checked(|| {
        let g = suspended(1000);
        assert_eq!(
            (greenlet::census().stacks, greenlet::census().pooled_stacks),
            (1, 0)
        );
        g.kill();
        assert_eq!(
            (greenlet::census().stacks, greenlet::census().pooled_stacks),
            (0, 1)
        );
        let again = suspended(1000);
        assert_eq!(
            (greenlet::census().stacks, greenlet::census().pooled_stacks),
            (1, 0)
        );
        let large = suspended(1 << 20);
        assert_eq!(
            (greenlet::census().stacks, greenlet::census().pooled_stacks),
            (2, 0)
        );
        drop((again, large));
        assert_eq!(greenlet::census().pooled_stacks, 2);
    });
}

#[test]
fn the_size_that_was_asked_for_can_be_used() {
    leak_checked(|| {
        for size in [16 << 10, 100_000, 1 << 20, 8 << 20] {
            let g = Greenlet::builder()
                // What the library and the last call of `dig` need beside.
                .stack_size(size + 3000)
                .build(move |()| dig(size));
            assert!(g.any().switch::<(), u8>(()) > 0);
        }
    });
}

#[test]
fn trim_gives_the_memory_of_pooled_stacks_back() {
    leak_checked(|| {
        let g = Greenlet::builder()
            .stack_size(2 << 20)
            .build(|()| dig(1 << 20));
        g.any().switch::<(), u8>(());
        assert!(greenlet::census().committed_bytes > 1 << 20);
        let kept = suspended(1000);
        assert_eq!(greenlet::trim_stacks(), 1);
        let committed = greenlet::census().committed_bytes;
        assert!((1..1 << 16).contains(&committed), "{committed}");
        kept.switch(());
        // Trimmed stacks are as good as new ones.
        let g = Greenlet::builder()
            .stack_size(2 << 20)
            .build(|()| dig(1 << 20));
        g.any().switch::<(), u8>(());
    });
}

#[test]
fn the_default_stack_is_enough_for_printing_and_a_panic_with_a_full_backtrace() {
    leak_checked(|| {
        let g: Greenlet<(), ()> = Greenlet::new(|()| {
            let backtrace = std::backtrace::Backtrace::force_capture();
            let text = format!("{backtrace:#?} {:#?}", [Some([["deep"; 3]; 3]); 3]);
            println!("{}", text.len());
            panic!("with a backtrace, if one is asked for");
        });
        assert!(g.try_switch(()).is_err());
    });
}
