//! A tiny language about greenlets: plain data, shared by the property test, the oracle and the fuzz target.
//!
//! A program has a script for each of its greenlets; greenlet 0 is main, the others are created by the scripts.
//! A greenlet runs its script from the top when it is started and returns the value it received last. All values
//! are `i64`. Slots that were not created yet make an operation do nothing.

use std::fmt;
use std::str::FromStr;

pub(crate) type Slot = usize;

/// How many operations one run of a program may execute. After that scripts return, and guards do nothing.
pub(crate) const STEPS: u32 = 150;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Whether an observer logs every switch.
    pub(crate) traced: bool,
    pub(crate) scripts: Vec<Vec<Op>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) catch: Catch,
    pub(crate) act: Act,
}

/// What is caught around one operation, logged, and forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Catch {
    Nothing,
    Errors,
    /// Swallows a `GreenletExit`.
    Exits,
    All,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The parent is the creator if none is said. A slot is created once.
    Create {
        slot: Slot,
        parent: Option<Slot>,
    },
    /// If `tried`, everything but a thrown exit is an answer; else only a value is.
    Switch {
        to: Slot,
        value: i64,
        tried: bool,
    },
    Throw {
        to: Slot,
        error: i64,
        tried: bool,
    },
    ThrowExit {
        to: Slot,
        tried: bool,
    },
    Kill(Slot),
    /// Drops one of the owners that the table of handles holds.
    Drop(Slot),
    /// Puts one more owner into the table.
    Own(Slot),
    Reparent {
        slot: Slot,
        parent: Slot,
    },
    State(Slot),
    Parent(Slot),
    /// Puts a guard onto the frame that logs, and does this, when it is dropped. What escapes it is caught.
    Guard(Box<Act>),
    /// The observer panics with this error at the next switch.
    Sabotage(i64),
    /// The observer switches there at the next switch, before it lets that go on.
    Divert {
        to: Slot,
        value: i64,
    },
    Return(i64),
    Panic(i64),
    /// Unwinds with a `GreenletExit` of one's own.
    Exit,
    /// Goes back to the top of the script.
    Again,
}

/// What unwinds a greenlet, as the logs call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unwind {
    Error(i64),
    Exit,
    /// A switch or throw that was not tried was refused.
    Refused,
    /// A child of a greenlet whose switch was not tried has exited.
    Exited,
    /// Nothing that a program can raise.
    Unknown(String),
}

impl Catch {
    pub(crate) fn catches(self, unwind: &Unwind) -> bool {
        match self {
            Catch::Nothing => false,
            Catch::Errors => *unwind != Unwind::Exit,
            Catch::Exits => *unwind == Unwind::Exit,
            Catch::All => true,
        }
    }
}

impl fmt::Display for Unwind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unwind::Error(error) => write!(f, "error {error}"),
            Unwind::Exit => f.write_str("exit"),
            Unwind::Refused => f.write_str("refused"),
            Unwind::Exited => f.write_str("exited"),
            Unwind::Unknown(what) => write!(f, "unknown {what}"),
        }
    }
}

impl Act {
    /// The names of all operations.
    pub(crate) const NAMES: [&str; 17] = [
        "create", "switch", "throw", "exit", "kill", "drop", "own", "reparent", "state", "parent",
        "guard", "sabotage", "divert", "return", "panic", "raise", "again",
    ];

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Act::Create { .. } => "create",
            Act::Switch { .. } => "switch",
            Act::Throw { .. } => "throw",
            Act::ThrowExit { .. } => "exit",
            Act::Kill(_) => "kill",
            Act::Drop(_) => "drop",
            Act::Own(_) => "own",
            Act::Reparent { .. } => "reparent",
            Act::State(_) => "state",
            Act::Parent(_) => "parent",
            Act::Guard(_) => "guard",
            Act::Sabotage(_) => "sabotage",
            Act::Divert { .. } => "divert",
            Act::Return(_) => "return",
            Act::Panic(_) => "panic",
            Act::Exit => "raise",
            Act::Again => "again",
        }
    }

    /// From the words of its text.
    fn from_words(words: &[&str]) -> Option<Act> {
        let slot = |at: usize| words.get(at)?.parse::<Slot>().ok();
        let number = |at: usize| words.get(at)?.parse::<i64>().ok();
        let tried = |at: usize| words.get(at).map(|word| *word == "t");
        Some(match *words.first()? {
            "create" => Act::Create {
                slot: slot(1)?,
                parent: slot(2),
            },
            "switch" => Act::Switch {
                to: slot(1)?,
                value: number(2)?,
                tried: tried(3)?,
            },
            "throw" => Act::Throw {
                to: slot(1)?,
                error: number(2)?,
                tried: tried(3)?,
            },
            "exit" => Act::ThrowExit {
                to: slot(1)?,
                tried: tried(2)?,
            },
            "kill" => Act::Kill(slot(1)?),
            "drop" => Act::Drop(slot(1)?),
            "own" => Act::Own(slot(1)?),
            "reparent" => Act::Reparent {
                slot: slot(1)?,
                parent: slot(2)?,
            },
            "state" => Act::State(slot(1)?),
            "parent" => Act::Parent(slot(1)?),
            "guard" => Act::Guard(Box::new(Act::from_words(&words[1..])?)),
            "sabotage" => Act::Sabotage(number(1)?),
            "divert" => Act::Divert {
                to: slot(1)?,
                value: number(2)?,
            },
            "return" => Act::Return(number(1)?),
            "panic" => Act::Panic(number(1)?),
            "raise" => Act::Exit,
            "again" => Act::Again,
            _ => return None,
        })
    }
}

/// Words joined by colons: `switch:2:5:t`.
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |tried: &bool| if *tried { "t" } else { "-" };
        f.write_str(self.name())?;
        match self {
            Act::Create { slot, parent: None } => write!(f, ":{slot}:-"),
            Act::Create {
                slot,
                parent: Some(parent),
            }
            | Act::Reparent { slot, parent } => write!(f, ":{slot}:{parent}"),
            Act::Switch { to, value, tried } => write!(f, ":{to}:{value}:{}", way(tried)),
            Act::Throw { to, error, tried } => write!(f, ":{to}:{error}:{}", way(tried)),
            Act::ThrowExit { to, tried } => write!(f, ":{to}:{}", way(tried)),
            Act::Kill(slot)
            | Act::Drop(slot)
            | Act::Own(slot)
            | Act::State(slot)
            | Act::Parent(slot) => write!(f, ":{slot}"),
            Act::Divert { to, value } => write!(f, ":{to}:{value}"),
            Act::Guard(act) => write!(f, ":{act}"),
            Act::Sabotage(number) | Act::Return(number) | Act::Panic(number) => {
                write!(f, ":{number}")
            }
            Act::Exit | Act::Again => Ok(()),
        }
    }
}

/// One line: `t` if traced, then the scripts; the letter before each operation is what is caught around it.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.traced { "t" } else { "-" })?;
        for script in &self.scripts {
            f.write_str(" |")?;
            for Op { catch, act } in script {
                let catch = match catch {
                    Catch::Nothing => '-',
                    Catch::Errors => 'e',
                    Catch::Exits => 'x',
                    Catch::All => 'a',
                };
                write!(f, " {catch}{act}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl FromStr for Op {
    type Err = String;

    fn from_str(text: &str) -> Result<Op, String> {
        let catch = match text.chars().next() {
            Some('-') => Catch::Nothing,
            Some('e') => Catch::Errors,
            Some('x') => Catch::Exits,
            Some('a') => Catch::All,
            _ => return Err(format!("what does `{text}` catch?")),
        };
        let words: Vec<&str> = text[1..].split(':').collect();
        let act = Act::from_words(&words).ok_or_else(|| format!("what is `{text}`?"))?;
        Ok(Op { catch, act })
    }
}

impl FromStr for Program {
    type Err = String;

    fn from_str(text: &str) -> Result<Program, String> {
        let mut parts = text.split('|');
        let traced = parts.next().map(str::trim) == Some("t");
        let scripts = parts
            .map(|script| script.split_whitespace().map(str::parse).collect())
            .collect::<Result<Vec<Vec<Op>>, String>>()?;
        match scripts.len() {
            0 => Err("a program without scripts".to_owned()),
            _ => Ok(Program { traced, scripts }),
        }
    }
}

/// What greenlet `of` logs when it finds that `slot` has this parent.
pub(crate) fn parent_line(of: Slot, slot: Slot, parent: Option<Slot>) -> String {
    match parent {
        Some(parent) => format!("{of} sees parent of {slot}: {parent}"),
        None => format!("{of} sees parent of {slot}: none"),
    }
}
