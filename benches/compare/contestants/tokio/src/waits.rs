//! Tasks that wait: for each other, for a lock, for a moment, for a notification, for their end.

use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use measure::{Lap, Sleepers, calibrate, print_ns};
use tokio::spawn;
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::{JoinHandle, unconstrained, yield_now};
use tokio::time::{Sleep, sleep, sleep_until};

use crate::{run, runtime};

/// More than it takes one to be spawned and to fall asleep.
const TO_FALL_ASLEEP: Duration = Duration::from_micros(10);

pub(crate) fn channel() {
    let runtime = runtime();
    print_ns(calibrate(1, |rounds| {
        let (there, mut in_there) = mpsc::channel::<u64>(1);
        let (back, mut from_there) = mpsc::channel(1);
        runtime.spawn(async move {
            while let Some(message) = in_there.recv().await {
                back.send(message).await.expect("somebody receives");
            }
        });
        run(&runtime, async move {
            let start = Instant::now();
            for _ in 0..rounds {
                there.send(black_box(7)).await.expect("somebody receives");
                black_box(from_there.recv().await.expect("somebody sends"));
            }
            start.elapsed()
        })
    }));
}

pub(crate) fn mutex() {
    let runtime = runtime();
    print_ns(calibrate(1, |rounds| {
        run(&runtime, async move {
            let mutex = Mutex::new(0_u64);
            let start = Instant::now();
            for _ in 0..rounds {
                *black_box(&mutex).lock().await += 1;
            }
            start.elapsed()
        })
    }));
}

/// A `Sleep` is pending from its first poll on, and cancelled by its drop. One of those that are pending is due sooner than what is armed,
/// as in a program at work: what is due before all others is told to the poller, by a call of the system each time.
pub(crate) fn timer(n: usize) {
    let hour = Duration::from_secs(3600);
    let limit = Duration::from_secs(30);
    let sooner = Duration::from_secs(20);
    let runtime = runtime();
    let pending = run(
        &runtime,
        unconstrained(async move {
            let others = (0..n).map(|_| sleep(hour));
            let mut pending: Vec<_> = others.chain([sleep(sooner)]).map(Box::pin).collect();
            for timer in &mut pending {
                arm(timer.as_mut()).await;
            }
            pending
        }),
    );
    print_ns(calibrate(1, |rounds| {
        run(
            &runtime,
            unconstrained(async move {
                let start = Instant::now();
                for _ in 0..rounds {
                    arm(pin!(sleep(limit))).await;
                }
                start.elapsed()
            }),
        )
    }));
    drop(pending);
}

/// Polls once. Its caller is unconstrained: from a task that has used up its budget a poll would not reach the timer.
async fn arm(mut timer: Pin<&mut Sleep>) {
    poll_fn(|context| {
        assert!(timer.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

pub(crate) fn sleepers(n: usize) {
    run(&runtime(), async move {
        let sleepers = Sleepers::start(n, TO_FALL_ASLEEP);
        let due = sleepers.due().into();
        let counted = Arc::new(Lap::of(n));
        let handles: Vec<_> = (0..n)
            .map(|_| {
                let counted = counted.clone();
                spawn(async move {
                    counted.done();
                    sleep_until(due).await;
                })
            })
            .collect();
        while counted.left() > 0 {
            yield_now().await;
        }
        let asleep = sleepers.asleep();
        for handle in handles {
            handle.await.expect("returns");
        }
        asleep.joined();
    });
}

/// So many that wait for one notification, and then say that they have run.
async fn waiters(n: usize, notify: &Arc<Notify>, lap: &Arc<Lap>) -> Vec<JoinHandle<()>> {
    let arrived = Arc::new(Lap::of(n));
    let handles = (0..n)
        .map(|_| {
            let (notify, arrived, lap) = (notify.clone(), arrived.clone(), lap.clone());
            spawn(async move {
                arrived.done();
                notify.notified().await;
                lap.done();
            })
        })
        .collect();
    while arrived.left() > 0 {
        yield_now().await;
    }
    handles
}

pub(crate) fn fanout(n: usize) {
    let runtime = runtime();
    let once = |_| {
        run(&runtime, async move {
            let (notify, lap) = (Arc::new(Notify::new()), Arc::new(Lap::of(n)));
            let handles = waiters(n, &notify, &lap).await;
            lap.begin();
            notify.notify_waiters();
            for handle in handles {
                handle.await.expect("returns");
            }
            lap.took()
        })
    };
    print_ns(calibrate(n, |rounds| (0..rounds).map(once).sum()));
}

pub(crate) fn kill(n: usize) {
    let runtime = runtime();
    let once = |_| {
        run(&runtime, async move {
            let (notify, lap) = (Arc::new(Notify::new()), Arc::new(Lap::of(n)));
            let handles = waiters(n, &notify, &lap).await;
            let start = Instant::now();
            for handle in &handles {
                handle.abort();
            }
            for handle in handles {
                let end = handle.await.expect_err("never notified");
                assert!(end.is_cancelled());
            }
            start.elapsed()
        })
    };
    print_ns(calibrate(n, |rounds| (0..rounds).map(once).sum()));
}
