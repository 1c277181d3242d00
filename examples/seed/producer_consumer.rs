//! One task fills a queue, another one empties it. Neither goes on when the stock leaves its bounds.

use std::rc::Rc;

use greenlet::queue::Queue;
use greenlet::{join_all, spawn, yield_now};

/// Enough to read all that was there at first. The seed's goes on for ever.
pub(crate) const ROUNDS: u32 = 26;

pub(crate) fn run(rounds: u32) {
    let q1 = Rc::new(Queue::new());
    for i in 1..500 {
        q1.put(format!("初始数据{i}")).expect("is open");
    }
    let t1 = {
        let q1 = q1.clone();
        spawn(move || write(&q1, rounds))
    };
    let t2 = spawn(move || read(&q1, rounds));
    for result in join_all([t1, t2]) {
        result.expect("does not panic");
    }
}

fn write(q1: &Queue<String>, rounds: u32) {
    for _ in 0..rounds {
        if q1.len() <= 600 {
            for i in 1..51 {
                q1.put(format!("新数据{i}")).expect("is open");
            }
        }
        // Nothing else here would let the other task have a turn.
        yield_now();
    }
}

fn read(q1: &Queue<String>, rounds: u32) {
    for _ in 0..rounds {
        if q1.len() >= 100 {
            for _ in 0..20 {
                println!("读取 {}", q1.get().expect("is open"));
            }
        }
        yield_now();
    }
}
