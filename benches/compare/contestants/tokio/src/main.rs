//! The workloads on tasks of tokio, on a runtime of the kind `current_thread` with its default settings.
//!
//! What takes part in a measurement is a task that was spawned: tokio's documentation says of the future that is given to `block_on` that
//! it "will not perform as fast as those spawned as workers".

mod serve;
mod spawned;
mod waits;

use std::future::Future;

use measure::Workload;
use tokio::runtime::{Builder, Runtime};

const WORKLOADS: &[Workload] = &[
    Workload::sized("yield", spawned::yields),
    Workload::plain("spawn_join", spawned::spawn_join),
    Workload::sized("spawn_many", spawned::spawn_many),
    Workload::plain("channel", waits::channel),
    Workload::plain("mutex", waits::mutex),
    Workload::sized("timer", waits::timer),
    Workload::sized("sleepers", waits::sleepers),
    Workload::sized("fanout", waits::fanout),
    Workload::sized("kill", waits::kill),
    Workload::plain("serve_echo", serve::serve_echo),
    Workload::plain("serve_http", serve::serve_http),
];

fn main() {
    measure::main(WORKLOADS, |workload| workload.run());
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime can be made")
}

/// Runs a task of its own to its end.
fn run<T: Send + 'static>(runtime: &Runtime, task: impl Future<Output = T> + Send + 'static) -> T {
    let task = runtime.spawn(task);
    runtime.block_on(task).expect("does not panic")
}
