//! `Barrier`.

use super::check;
use super::sync::atomic::{AtomicUsize, Ordering};
use super::sync::{Arc, Barrier, BarrierWaitResult};
use super::thread;

#[test]
fn nobody_goes_on_before_all_have_come() {
    check(|| {
        const COUNT: usize = 10;
        let shared = Arc::new((Barrier::new(COUNT), AtomicUsize::new(0)));
        let handles: Vec<_> = (0..COUNT)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let (barrier, before) = &*shared;
                    before.fetch_add(1, Ordering::SeqCst);
                    barrier.wait();
                    before.load(Ordering::SeqCst)
                })
            })
            .collect();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), COUNT);
        }
    });
}

#[test]
fn one_leads_each_time() {
    check(|| {
        let barrier = Arc::new(Barrier::new(4));
        let handles: Vec<_> = (0..4)
            .map(|_| {
                let barrier = barrier.clone();
                thread::spawn(move || (0..10).filter(|_| barrier.wait().is_leader()).count())
            })
            .collect();
        let leads: usize = handles.into_iter().map(|h| h.join().unwrap()).sum();
        assert_eq!(leads, 10);
    });
}

#[test]
fn one_alone_leads() {
    check(|| {
        static BARRIER: Barrier = Barrier::new(1);
        let result: BarrierWaitResult = BARRIER.wait();
        assert!(result.is_leader());
        assert!(Barrier::new(0).wait().is_leader());
        assert_eq!(format!("{BARRIER:?}"), "Barrier { .. }");
        let text = "BarrierWaitResult { is_leader: true }";
        assert_eq!(format!("{result:?}"), text);
    });
}
