//! Ten tasks print the same; a semaphore lets two in at a time.

mod seed;

fn main() {
    seed::semaphore::run();
}
