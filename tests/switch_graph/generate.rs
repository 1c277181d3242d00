//! Random programs.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::program::{Act, Catch, Op, Program, Slot};

/// Programs of 2 to 12 greenlets, most of them small.
pub(crate) fn programs() -> impl Strategy<Value = Program> {
    prop_oneof![5 => fresh(), 1 => varied()]
}

fn fresh() -> impl Strategy<Value = Program> {
    let slots = prop_oneof![3 => 2..=4_usize, 3 => 4..=6_usize, 1 => 7..=12_usize];
    slots.prop_flat_map(program)
}

/// Plays of several greenlets, which chance does not find.
const PLAYS: [&str; 12] = [
    // An observer that diverts a start, a death and a throw (55).
    "t | -create:1:- -create:2:- -divert:2:8 -switch:1:1:t -switch:2:4:t -divert:1:9 -switch:2:5:t -switch:1:6:t \
       | -switch:0:2:t -switch:0:2:t | -switch:0:3:t -divert:1:7 -return:3 |",
    "t | -create:1:- -create:2:- -switch:1:1:t -divert:0:9 -throw:1:4:t adrop:1 -switch:2:1:t -kill:2 -kill:1 \
       | aswitch:0:2:t -divert:2:8 -switch:0:2:t | -switch:0:3:t -divert:0:7 -exit:0:t |",
    // A temporary parent whose lineage leads back to its child.
    "- | -create:1:- -create:2:- -kill:2 -switch:1:0:t -kill:1 -state:1 -switch:1:1:t \
       | xswitch:0:0:t -reparent:1:2 -reparent:2:1 | |",
    // Kills that do not end in the order in which they began.
    "- | -create:3:- -create:1:3 -create:2:- -switch:1:1:t -kill:1 -parent:1 -switch:2:0:t -parent:1 \
       | xswitch:0:0:- xswitch:2:0:- -switch:0:0:- -switch:0:0:- | -kill:1 -switch:0:0:t |",
    "- | -create:3:- -create:1:3 -create:2:- -switch:1:1:t -drop:1 -switch:2:0:t -switch:1:0:t \
       | xswitch:0:0:- -own:1 xswitch:2:0:- -switch:0:0:- -switch:0:0:- | -drop:1 -switch:0:0:t |",
    // A destructor that runs while others go on.
    "- | -create:1:- -create:2:- -switch:1:0:t -kill:1 -drop:2 -switch:1:3:t -switch:2:0:t \
       | -guard:switch:2:1:t -guard:switch:0:1:t -switch:0:0:t | -switch:0:2:t -kill:1 |",
    // A lineage of links that own.
    "- | -create:1:- -create:2:1 -create:3:2 -switch:1:0:t -switch:2:0:t -switch:3:0:t -drop:1 -drop:2 -drop:3 \
       | -guard:state:3 -switch:0:0:t | -guard:state:1 -switch:0:0:t | -guard:state:2 -switch:0:0:t",
    // An end that climbs over the new and the dead.
    "- | -create:1:- -create:2:1 -create:3:2 -switch:3:0:t -state:2 -switch:2:1:t -state:1 \
       | -return:1 | -switch:0:0:t -raise | -switch:0:0:t -panic:3",
    // Survival by an owner taken in time.
    "- | -create:1:- -create:2:- -switch:1:0:t -drop:1 -switch:1:2:t -drop:1 -state:1 \
       | xswitch:0:0:t -own:1 -switch:0:1:t -switch:2:1:t | -drop:1 -switch:1:0:t |",
    // A parent that changes while its child is killed.
    "- | -create:1:- -create:2:- -create:3:- -switch:1:0:t -switch:2:0:t -kill:1 -parent:1 \
       | -guard:reparent:1:2 -guard:reparent:2:1 -switch:0:0:t | aswitch:0:0:t -switch:0:0:t | -return:1",
    // Without an owner from the start.
    "t | -create:1:- -create:2:1 -switch:1:0:t -switch:2:0:t -state:1 -switch:2:0:t -state:1 \
       | -drop:1 -guard:switch:2:0:t -switch:0:1:t | -switch:0:2:t -drop:2 |",
    // Thrown at who waits for an end.
    "- | -create:1:- -create:2:- -switch:1:0:t adrop:1 akill:1 -state:1 \
       | xswitch:0:1:t -throw:0:7:t xswitch:0:1:t | -exit:0:t |",
];

/// A play with some operations taken away or put in.
fn varied() -> impl Strategy<Value = Program> {
    let place = (any::<Index>(), any::<Index>());
    let change = (place, prop::option::weighted(0.6, op(4, 1)));
    let play = prop::sample::select(PLAYS.to_vec());
    let changes = vec(change, 0..6);
    (play, prop::bool::weighted(0.2), changes).prop_map(|(text, traced, changes)| {
        let mut program: Program = text.parse().expect("plays are programs");
        program.traced |= traced;
        for ((script, at), op) in changes {
            let script = script.index(program.scripts.len());
            let script = &mut program.scripts[script];
            match op {
                Some(op) => script.insert(at.index(script.len() + 1), op),
                None if script.is_empty() => {}
                None => drop(script.remove(at.index(script.len()))),
            }
        }
        program
    })
}

fn program(slots: usize) -> impl Strategy<Value = Program> {
    // Main creates some of the greenlets before anything else, so that there is somebody to act on.
    let creations = (1..slots).map(creation).collect::<Vec<_>>();
    let main = (creations, script(slots, 0, 1..12)).prop_map(|(creations, ops)| {
        let creations = creations.into_iter().flatten();
        creations.chain(ops).collect()
    });
    let scripts = (1..slots)
        .map(|me| script(slots, me, 0..8))
        .collect::<Vec<_>>();
    (prop::bool::weighted(0.3), main, scripts).prop_map(
        |(traced, main, scripts): (_, Vec<Op>, _)| {
            let scripts = std::iter::once(main).chain(scripts).collect();
            Program { traced, scripts }
        },
    )
}

fn creation(slot: Slot) -> impl Strategy<Value = Option<Op>> {
    let parent = prop_oneof![3 => Just(None), 2 => (0..slot).prop_map(Some)];
    let op = parent.prop_map(move |parent| Op {
        catch: Catch::Nothing,
        act: Act::Create { slot, parent },
    });
    prop::option::weighted(0.8, op)
}

fn script(slots: usize, me: Slot, length: Range<usize>) -> impl Strategy<Value = Vec<Op>> {
    let one = op(slots, me).prop_map(|op| vec![op]);
    let parts = vec(prop_oneof![12 => one, 1 => idiom(slots, me)], length);
    parts.prop_map(|parts| parts.concat())
}

/// Operations that mean something only one after the other, and seldom meet by chance.
fn idiom(slots: usize, me: Slot) -> impl Strategy<Value = Vec<Op>> {
    let idioms = [
        // Survive a kill, and go back to somebody.
        "xswitch:0:1:t -own:ME -switch:0:2:t",
        "xswitch:0:1:t -switch:A:2:t",
        "xswitch:A:1:t -switch:B:2:t -switch:0:3:t",
        "aswitch:A:1:- -kill:A -switch:B:2:t",
        // Start one, then end it.
        "-switch:A:1:t -kill:A -state:A",
        "-switch:A:1:t -drop:A -state:A",
        "-switch:A:1:t -drop:A -switch:B:1:t -drop:B",
        // Leave without an owner.
        "-drop:ME -drop:ME -switch:0:1:t",
        // Hit who waits for an end.
        "-guard:throw:0:1:t -switch:0:1:t",
        "-guard:switch:A:1:t -switch:0:1:t",
        // An end that goes through others.
        "-reparent:A:B -reparent:B:ME -switch:A:1:t",
        "-reparent:A:B -throw:A:1:t",
        "-reparent:A:B -drop:B -drop:A",
    ];
    let idiom = prop::sample::select(idioms.to_vec());
    (idiom, 1..slots, 1..slots).prop_map(move |(text, a, b)| {
        let text = text.replace("ME", &me.to_string());
        let text = text
            .replace('A', &a.to_string())
            .replace('B', &b.to_string());
        let ops = text.split(' ').map(str::parse);
        ops.collect::<Result<_, _>>().expect("idioms are programs")
    })
}

fn op(slots: usize, me: Slot) -> impl Strategy<Value = Op> {
    let catch = prop_oneof![
        5 => Just(Catch::Nothing),
        1 => Just(Catch::Errors),
        1 => Just(Catch::Exits),
        3 => Just(Catch::All),
    ];
    let guard = simple(slots, me).prop_map(|act| Act::Guard(Box::new(act)));
    let act = prop_oneof![
        70 => simple(slots, me),
        7 => guard,
        2 => (0..100_i64).prop_map(Act::Return),
        2 => (0..100_i64).prop_map(Act::Panic),
        2 => Just(Act::Exit),
        1 => Just(Act::Again),
    ];
    (catch, act).prop_map(|(catch, act)| Op { catch, act })
}

/// What also a guard may do.
fn simple(slots: usize, me: Slot) -> impl Strategy<Value = Act> {
    let slot = 0..slots;
    // Control goes forth and back more often than around, and not often nowhere.
    let other = (0..slots - 1).prop_map(move |slot| slot + usize::from(slot >= me));
    let to = prop_oneof![6 => other.clone(), if me == 0 { 0 } else { 5 } => Just(0), 1 => Just(me)];
    let own = prop_oneof![1 => slot.clone(), 1 => Just(me)];
    let child = prop_oneof![8 => 1..slots, 1 => Just(0)];
    let parent = prop::option::of(slot.clone());
    prop_oneof![
        2 => (slot.clone(), parent).prop_map(|(slot, parent)| Act::Create { slot, parent }),
        18 => (to.clone(), 0..100_i64, any::<bool>())
            .prop_map(|(to, value, tried)| Act::Switch { to, value, tried }),
        3 => (to.clone(), 0..100_i64, any::<bool>())
            .prop_map(|(to, error, tried)| Act::Throw { to, error, tried }),
        2 => (to, any::<bool>()).prop_map(|(to, tried)| Act::ThrowExit { to, tried }),
        4 => child.clone().prop_map(Act::Kill),
        6 => slot.clone().prop_map(Act::Drop),
        2 => own.prop_map(Act::Own),
        4 => (child, slot.clone()).prop_map(|(slot, parent)| Act::Reparent { slot, parent }),
        2 => slot.clone().prop_map(Act::State),
        2 => slot.prop_map(Act::Parent),
        1 => (0..100_i64).prop_map(Act::Sabotage),
        2 => (0..slots, 0..100_i64).prop_map(|(to, value)| Act::Divert { to, value }),
    ]
}
