//! The workloads on coroutines of may, on a scheduler with one worker thread.
//!
//! Settings: one worker, which may run where its caller lets it, for may would pin it to a core of its own choice otherwise. Stacks have
//! the default size of 4096 words, which its documentation calls big enough for simple coroutines; a smaller one would save address
//! space only, since no more than its highest pages are ever touched.
//!
//! What takes part in a measurement is a coroutine, not the main thread. A stack and its guard are two mappings, of which the
//! system lets a process have so many: more coroutines than that are refused. There are no timers to cancel.

mod serve;
mod spawned;
mod waits;

use std::fs;

use may::coroutine::Builder;
use measure::{Workload, refuse};

/// Mappings that are not of those who are counted: may's pool of coroutines, the program, the heap.
const OTHER_MAPPINGS: usize = 2_200;

/// In words: printing and reading files is done on the stack of the coroutine that measures.
const ROOMY: usize = 0x4000;

const WORKLOADS: &[Workload] = &[
    Workload::sized("yield", |n| spawned::yields(few(n))),
    Workload::plain("spawn_join", spawned::spawn_join),
    Workload::sized("spawn_many", |n| spawned::spawn_many(few(n))),
    Workload::plain("channel", waits::channel),
    Workload::plain("mutex", waits::mutex),
    Workload::sized("sleepers", |n| waits::sleepers(few(n))),
    Workload::sized("fanout", |n| waits::fanout(few(n))),
    Workload::sized("kill", |n| waits::kill(few(n))),
    Workload::plain("serve_echo", || serve::serve(serve::echo)),
    Workload::plain("serve_http", || serve::serve(serve::http)),
];

fn main() {
    measure::main(WORKLOADS, |workload| {
        may::config().set_workers(1).set_worker_pin(false);
        let builder = Builder::new().stack_size(ROOMY);
        let handle = may::go!(builder, move || workload.run()).expect("there is memory");
        handle.join().expect("does not panic");
    });
}

fn few(n: usize) -> usize {
    let limit = fs::read_to_string("/proc/sys/vm/max_map_count").expect("there is /proc");
    let limit: usize = limit.trim_ascii().parse().expect("is a number");
    let most = limit.saturating_sub(OTHER_MAPPINGS) / 2;
    if n > most {
        refuse(&format!(
            "{n} coroutines: the system lets a process have {limit} mappings, two for each"
        ));
    }
    n
}
