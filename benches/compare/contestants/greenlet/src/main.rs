//! The workloads on greenlets, by the public API of the crate beside which this is, with its default settings: stacks of 64 KiB of
//! address space each, with guards.
//!
//! One thread. The main greenlet is that thread itself; where it takes part, it does so as any other greenlet would.

mod serve;
mod spawned;
mod switches;
mod waits;

use measure::Workload;

const WORKLOADS: &[Workload] = &[
    Workload::plain("switch", switches::switch),
    Workload::plain("switch_deep", switches::switch_deep),
    Workload::sized("ring", switches::ring),
    Workload::sized("yield", spawned::yields),
    Workload::plain("spawn_join", spawned::spawn_join),
    Workload::sized("spawn_many", spawned::spawn_many),
    Workload::plain("channel", waits::channel),
    Workload::plain("mutex", waits::mutex),
    Workload::sized("timer", waits::timer),
    Workload::sized("sleepers", waits::sleepers),
    Workload::sized("fanout", waits::fanout),
    Workload::sized("kill", waits::kill),
    Workload::plain("serve_echo", || serve::serve(serve::echo)),
    Workload::plain("serve_http", || serve::serve(serve::http)),
];

fn main() {
    measure::main(WORKLOADS, |workload| workload.run());
}
