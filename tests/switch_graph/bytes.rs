//! Programs out of bytes, for the fuzzer.

use crate::program::{Act, Catch, Op, Program, Slot};

/// A byte of settings, then four bytes an operation; operations with the high bit set begin the next script.
pub(crate) fn program(bytes: &[u8]) -> Option<Program> {
    let (&settings, rest) = bytes.split_first()?;
    let slots = 2 + usize::from(settings >> 1) % 11;
    let mut scripts = vec![Vec::new()];
    for bytes in rest.chunks_exact(4) {
        let &[kind, first, second, third] = bytes else {
            unreachable!("chunks of four")
        };
        if kind & 0x80 != 0 {
            if scripts.len() == slots {
                break;
            }
            scripts.push(Vec::new());
        }
        let catch = match third & 3 {
            0 => Catch::Nothing,
            1 => Catch::Errors,
            2 => Catch::Exits,
            _ => Catch::All,
        };
        let act = act(
            kind & 0x7f,
            usize::from(first) % slots,
            second,
            third >> 2,
            slots,
        );
        scripts.last_mut()?.push(Op { catch, act });
    }
    scripts.resize(slots, Vec::new());
    Some(Program {
        traced: settings & 1 != 0,
        scripts,
    })
}

fn act(kind: u8, slot: Slot, second: u8, third: u8, slots: usize) -> Act {
    let other = usize::from(second) % slots;
    let number = i64::from(second);
    let tried = third & 1 != 0;
    match kind % 19 {
        0 => Act::Create { slot, parent: None },
        1 => Act::Create {
            slot,
            parent: Some(other),
        },
        2 | 3 => Act::Switch {
            to: slot,
            value: number,
            tried,
        },
        4 => Act::Throw {
            to: slot,
            error: number,
            tried,
        },
        5 => Act::ThrowExit { to: slot, tried },
        6 => Act::Kill(slot),
        7 => Act::Drop(slot),
        8 => Act::Own(slot),
        9 => Act::Reparent {
            slot,
            parent: other,
        },
        10 => Act::State(slot),
        11 => Act::Parent(slot),
        // What a guard does takes one number; never another guard, whose kind this is.
        12 | 13 => Act::Guard(Box::new(act(second % 12, slot, third, second, slots))),
        14 => Act::Sabotage(number),
        18 => Act::Divert {
            to: slot,
            value: number,
        },
        15 => Act::Return(number),
        16 => Act::Panic(number),
        _ if tried => Act::Exit,
        _ => Act::Again,
    }
}
