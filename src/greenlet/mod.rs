//! How control moves: greenlets, their control blocks, the switch.
//!
//! In reading order:
//!
//! * `unwind` what an unwinding greenlet carries: [`Payload`](crate::Payload), [`GreenletExit`](crate::GreenletExit).
//! * `kind` what a pending call expects to receive, checked before every switch.
//! * `local_map` the values of greenlet-locals of one greenlet.
//! * `alert` what has to be seen to on an arrival.
//! * `measuring` how long greenlets run at a time, and wait for their turn.
//! * `spans` what a greenlet has entered, for `tracing`.
//! * `kills` the kills that wait for the end of one victim.
//! * `marks` how deep greenlets go on their stacks.
//! * `blueprint` what a control block is made of.
//! * `block` control blocks, names, per-thread state: the data that everything below works on.
//! * `passage` what whoever leaves puts down for the next.
//! * `label` how a greenlet is called in messages.
//! * `panicking` who unwinds.
//! * `switch` leaving one greenlet for another; the trampoline.
//! * `kill` killing, and what the drop of a last owner does.
//! * `deliver` the rule of delivery: where a death goes.
//! * `annex` something of one's own beside a control block.
//! * `body` from first switch to death: the typed part of a greenlet's life.
//! * `thread` the greenlets of this thread: current, main, the end of the thread.
//! * `subscriber` how subscribers of `tracing` are called.
//! * `error` what a refused switch gives back.
//! * `exchange` one typed switch or throw, from check to arrival.
//! * `any` what can be done by name: [`AnyGreenlet`](crate::AnyGreenlet).
//! * `handle` [`Greenlet`](crate::Greenlet), [`WeakGreenlet`](crate::WeakGreenlet).
//! * `builder` greenlets with a name, a stack size, inherited locals.
//! * `locals` [`greenlet_local!`](crate::greenlet_local).
//! * `trace` observers of every switch.
//! * `generator` iterators over greenlets.
//! * `census` what is alive, pooled and committed.

pub(crate) mod unwind;

pub(crate) mod kind;

pub(crate) mod local_map;

pub(crate) mod alert;

pub(crate) mod measuring;

#[cfg(feature = "tracing")]
pub(crate) mod spans;

pub(crate) mod kills;

pub(crate) mod marks;

pub(crate) mod state;

pub(crate) mod blueprint;

pub(crate) mod block;

pub(crate) mod passage;

pub(crate) mod label;

pub(crate) mod panicking;

pub(crate) mod switch;

pub(crate) mod kill;

pub(crate) mod deliver;

pub(crate) mod annex;

pub(crate) mod body;

pub(crate) mod thread;

#[cfg(feature = "tracing")]
pub(crate) mod subscriber;

pub(crate) mod error;

pub(crate) mod exchange;

pub(crate) mod any;

pub(crate) mod handle;

pub(crate) mod builder;

pub(crate) mod locals;

pub mod trace;

pub(crate) mod generator;

pub(crate) mod census;
