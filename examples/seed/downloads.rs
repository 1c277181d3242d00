//! Three downloads in a pool; whoever asked for one is called back when it is done.

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use greenlet::pool::Pool;
use greenlet::{join_all, sleep};

/// `second` is how long a second is. If it is zero the order is always the same.
pub(crate) fn run(second: Duration) {
    let p = Pool::new(3);
    let downloads = ["进程1", "进程2", "进程3"]
        .map(|name| p.apply_async(move || download(name, second), alter_user));
    p.join();
    for result in join_all(downloads) {
        result.expect("does not panic");
    }
}

fn download(name: &str, second: Duration) -> String {
    for i in 1..4 {
        println!("{name}下载文件{i}");
        sleep(random(1, 3) * second);
    }
    format!("{name}下载完成")
}

fn alter_user(msg: &impl Display) {
    println!("{msg}");
}

fn random(least: u32, most: u32) -> u32 {
    // Its keys are random.
    let number = RandomState::new().hash_one(()) as u32;
    least + number % (most - least + 1)
}
