//! Two tasks add a million each to one number; a lock keeps the second one out while the first one sleeps.

mod seed;

fn main() {
    seed::mutex::run();
}
