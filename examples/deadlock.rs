//! Two tasks that wait for each other's locks: the report of a deadlock, caught, so that the program goes on.

mod seed;

fn main() {
    seed::deadlock::run();
}
