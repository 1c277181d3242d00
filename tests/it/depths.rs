//! How deep greenlets go, by the place where they were made.

use std::hint::black_box;
use std::time::Duration;

use greenlet::debug::{self, SpawnSite};
use greenlet::{Greenlet, JoinHandle};

use crate::stacks::dig;
use crate::support::leak_checked;

/// What the library itself and this test have on a stack beside what they dig.
const FRAMES: usize = 24 << 10;
const TICK: Duration = Duration::from_millis(1);

fn site_at(line: u32) -> Option<SpawnSite> {
    let sites = debug::stack_depths().sites;
    sites
        .into_iter()
        .find(|site| site.created_at.line() == line)
}

/// Digs in a greenlet that is spawned here; in which line that is.
fn shallow() -> (JoinHandle<u8>, u32) {
    (greenlet::spawn(|| dig(1)), line!())
}

fn deep() -> (JoinHandle<u8>, u32) {
    (greenlet::spawn(|| dig(30_000)), line!())
}

#[test]
fn each_place_has_its_own_depth_the_deepest_first() {
    leak_checked(|| {
        debug::measure_stacks(true);
        let (_, deep_line) = deep();
        let (_, shallow_line) = shallow();
        deep().0.join().unwrap();
        shallow().0.join().unwrap();
        let depths = debug::stack_depths();
        assert_eq!(depths.sites.len(), 2, "{depths}");
        let [first, second] = [depths.sites[0], depths.sites[1]];
        assert_eq!(first.created_at.line(), deep_line);
        assert_eq!(second.created_at.line(), shallow_line);
        assert_eq!((first.greenlets, second.greenlets), (2, 2));
        let range = 30_000..30_000 + FRAMES;
        assert!(range.contains(&first.deepest), "{depths}");
        // On the stack that a deep one has used before.
        assert!((1..FRAMES).contains(&second.deepest), "{depths}");
    });
}

#[test]
fn nothing_is_measured_that_starts_while_it_is_off() {
    leak_checked(|| {
        let (unmeasured, _) = deep();
        unmeasured.join().unwrap();
        let parked = Greenlet::new(|()| greenlet::main().switch::<(), ()>(()));
        parked.switch(());
        debug::measure_stacks(true);
        assert_eq!(debug::stack_depths().sites, []);
        parked.switch(());
        assert_eq!(debug::stack_depths().sites, []);
        let (measured, _) = deep();
        measured.join().unwrap();
        debug::measure_stacks(false);
        assert_eq!(debug::stack_depths().sites.len(), 1, "can be read");
        shallow().0.join().unwrap();
        assert_eq!(debug::stack_depths().sites.len(), 1);
        debug::measure_stacks(true);
        assert_eq!(debug::stack_depths().sites, [], "begins anew");
    });
}

#[test]
fn those_that_have_not_ended_are_counted_as_well() {
    leak_checked(|| {
        debug::measure_stacks(true);
        let line = line!() + 1;
        let g = Greenlet::new(|()| {
            dig(10_000);
            greenlet::main().switch::<(), ()>(());
            dig(30_000);
        });
        assert_eq!(site_at(line), None, "it has not started");
        g.switch(());
        let parked = site_at(line).unwrap();
        assert_eq!(parked.greenlets, 1);
        assert!((10_000..30_000).contains(&parked.deepest), "{parked:?}");
        g.switch(());
        let ended = site_at(line).unwrap();
        assert_eq!(ended.greenlets, 1);
        assert!(ended.deepest >= 30_000, "{ended:?}");
    });
}

#[test]
fn what_is_suggested_has_room_for_twice_as_much_and_is_no_more_than_it_takes() {
    leak_checked(|| {
        debug::measure_stacks(true);
        let run = |size| {
            let built = Greenlet::builder().stack_size(size);
            built.build(|()| dig(100_000)).switch(());
            let sites = debug::stack_depths().sites;
            sites[0]
        };
        let found = run(1 << 20);
        assert!(found.stack_size >= 1 << 20, "{found:?}");
        assert!(found.suggested >= 2 * found.deepest, "{found:?}");
        assert!(found.suggested < 4 * found.deepest, "{found:?}");
        debug::measure_stacks(true);
        let again = run(found.suggested);
        let more = again.stack_size - found.suggested;
        assert!(more < 1024, "asked for and got: {again:?}");
    });
}

#[test]
fn the_table_names_the_places() {
    leak_checked(|| {
        debug::measure_stacks(true);
        let (handle, line) = deep();
        handle.join().unwrap();
        let table = debug::stack_depths().to_string();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 2, "{table}");
        assert!(lines[0].ends_with("suggested  created at"), "{table}");
        let place = format!("tests/it/depths.rs:{line}:");
        assert!(lines[1].contains(&place), "{table}");
    });
}

#[test]
fn one_that_is_measured_is_dumped_as_others_are() {
    leak_checked(|| {
        #[inline(never)]
        fn waits_inside() {
            greenlet::main().switch::<(), ()>(());
            black_box(());
        }
        debug::measure_stacks(true);
        let g = Greenlet::builder()
            .name("measured")
            .build(|()| waits_inside());
        g.switch(());
        let dump = debug::dump();
        let mut greenlets = dump.threads[0].greenlets.iter();
        let found = greenlets.find(|greenlet| greenlet.name.is_some()).unwrap();
        let backtrace = found.backtrace.to_string();
        assert!(backtrace.contains("waits_inside"), "{backtrace}");
        assert!(!backtrace.contains("leak_checked"), "{backtrace}");
        g.switch(());
    });
}

/// A look at how much memory is left takes kilobytes of stack: not those of somebody who only parks.
#[test]
fn whoever_parks_needs_no_more_of_its_stack_when_others_need_new_ones() {
    /// None is kept of that size.
    const LARGE: usize = 1 << 30;

    fn parks_before(size: usize) -> SpawnSite {
        let (parks, line) = (greenlet::spawn(|| greenlet::sleep(TICK)), line!());
        let next = Greenlet::builder().stack_size(size).spawn(|| ());
        next.join().unwrap();
        parks.join().unwrap();
        site_at(line).unwrap()
    }

    leak_checked(|| {
        const USUAL: usize = 1 << 13;
        Greenlet::builder()
            .stack_size(USUAL)
            .build(|()| ())
            .switch(());
        debug::measure_stacks(true);
        let before = parks_before(USUAL);
        let after = parks_before(LARGE);
        assert_eq!((before.greenlets, after.greenlets), (1, 2));
        assert!(
            after.deepest < before.deepest + (1 << 10),
            "{before:?}, {after:?}"
        );
    });
}
