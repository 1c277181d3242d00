//! Acts: greenlets that are spawned, scoped, pooled, made by hand, limited, ended.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::rc::Rc;

use greenlet::pool::Pool;
use greenlet::{
    Generator, Greenlet, GreenletExit, Outcome, SwitchError, greenlet_local, scope, sleep, spawn,
    spawn_later, timeout, trim_stacks, wait_any_timeout, yield_now,
};

use crate::chaos::world::{Actor, OnPurpose, expect, is_expected};

greenlet_local! {
    static OWN: Cell<u64> = Cell::new(0);
}

pub(crate) fn waits(a: &Actor) {
    let began = a.now();
    let length = a.random.micros(2_000);
    sleep(length);
    assert!(a.now() - began >= length, "a sleep was too short");
    yield_now();
}

pub(crate) fn timeouts(a: &Actor) {
    let (outer, inner) = (a.limit_of_time(), a.limit_of_time());
    let result = timeout(outer, || {
        let result = timeout(inner, || {
            a.stumble();
            sleep(a.random.micros(1_500));
        });
        a.stumble();
        result.is_ok()
    });
    a.event(match result {
        Ok(true) => "limits kept",
        Ok(false) => "inner limits elapsed",
        Err(_) => "outer limits elapsed",
    });
}

pub(crate) fn spawned(a: &Actor) {
    let value = a.random.next();
    let child = a.child();
    let work = move || {
        OWN.set(value);
        child.stumble();
        child.stumble();
        OWN.get()
    };
    let handle = match a.random.one_in(4) {
        true => spawn_later(a.limit_of_time(), work),
        false => spawn(work),
    };
    if a.random.one_in(3) {
        let world = a.world.clone();
        handle.on_exit(move |outcome| {
            world.tally.event(match outcome {
                Outcome::Returned => "exits: returned",
                Outcome::Panicked => "exits: panicked",
                Outcome::Killed => "exits: killed",
            });
        });
    }
    let joined = match a.random.below(6) {
        0 | 1 => handle.join(),
        2 => {
            a.pause();
            handle.kill();
            handle.join()
        }
        3 => {
            handle.throw(Box::new(OnPurpose));
            handle.join()
        }
        4 => match handle.join_timeout(a.limit_of_time()) {
            Ok(joined) => joined,
            Err(handle) => {
                handle.greenlet().kill();
                handle.join()
            }
        },
        // Detached: it goes on by itself.
        _ => return,
    };
    if let Some(found) = expect(joined) {
        assert_eq!(found, value, "a result, and a greenlet's own");
    }
}

pub(crate) fn races(a: &Actor) {
    let handles: Vec<_> = (0..a.random.below(4) + 1)
        .map(|_| {
            let child = a.child();
            spawn(move || sleep(child.random.micros(1_500)))
        })
        .collect();
    let all: Vec<_> = handles.iter().collect();
    if let Some(first) = wait_any_timeout(&all, a.limit_of_time()) {
        assert!(handles[first].is_finished());
    }
    greenlet::kill_all(&handles);
    for joined in greenlet::join_all(handles) {
        expect(joined);
    }
}

pub(crate) fn scopes(a: &Actor) {
    let numbers: Vec<_> = (0..a.random.below(6))
        .map(|_| a.random.below(100))
        .collect();
    let sum = Cell::new(0);
    scope(|s| {
        for number in &numbers {
            let (a, sum) = (a.child(), &sum);
            s.spawn(move || {
                a.pause();
                sum.set(sum.get() + number);
            });
        }
        a.stumble();
    });
    a.assert(sum.get() == numbers.iter().sum(), "not all were counted");
}

pub(crate) fn pools(a: &Actor) {
    let pool = Pool::new(a.random.below(3) as usize + 1);
    let (count, child) = (a.random.below(8), a.child());
    let work = move |n: u64| {
        child.pause();
        n * n
    };
    let squares: Vec<_> = (0..count).map(|n| n * n).collect();
    match a.random.below(4) {
        0 => a.assert(pool.map(work, 0..count) == squares, "not all were squared"),
        1 => {
            let results: Vec<_> = pool.imap(work, 0..count).filter_map(expect).collect();
            a.assert(results == squares, "not all were squared");
        }
        2 => {
            let unordered = pool.imap_unordered(work, 0..count);
            let mut results: Vec<_> = unordered.filter_map(expect).collect();
            results.sort();
            a.assert(results == squares, "not all were squared");
        }
        _ => {
            for n in 0..count {
                let child = a.child();
                drop(pool.spawn(move || {
                    child.stumble();
                    n
                }));
            }
            a.pause();
            match a.random.one_in(2) {
                true => pool.kill(),
                false => pool.join(),
            }
            assert!(pool.is_empty() || !pool.join_timeout(a.limit_of_time()) || pool.is_empty());
        }
    }
}

/// What a switch to a new greenlet may say, where there are faults.
fn has_no_stack<V>(error: &SwitchError<V>) -> bool {
    matches!(error, SwitchError::NoStack { .. })
}

/// Made by hand: switched to and fro, waits inside, thrown at, or left in the middle.
pub(crate) fn switches(a: &Actor) {
    let here = greenlet::current();
    let (child, steps) = (a.child(), a.random.below(6));
    let g = Greenlet::new(move |mut n: u64| {
        for _ in 0..steps {
            child.stumble();
            n = match here.try_switch::<u64, u64>(n + 1) {
                Ok(next) => next,
                // It does not wait for a switch any more, but for the end of this, which it has killed.
                Err(SwitchError::Parked { value, .. }) => return value,
                Err(SwitchError::Thrown(payload)) => resume_unwind(payload),
                Err(error) => panic!("{error}"),
            };
        }
        n + 1
    });
    let mut n = a.random.below(1_000);
    for _ in 0..a.random.below(8) {
        match g.try_switch(n) {
            Ok(next) => {
                assert_eq!(next, n + 1, "what was sent, and one more");
                n = next;
            }
            Err(SwitchError::Dead(same)) => {
                assert!(same == n && g.is_dead());
                return;
            }
            // Its panic, or what was thrown here meanwhile.
            Err(SwitchError::Thrown(payload)) => return expect(Err(payload)).unwrap_or(()),
            // The thread ends.
            Err(SwitchError::Exited(_)) => return,
            Err(error) if has_no_stack(&error) => return a.event("no stack"),
            Err(error) => panic!("{error}"),
        }
        a.pause();
    }
    match a.random.below(3) {
        0 => g.kill(),
        1 => {
            if let Err(SwitchError::Thrown(payload)) = g.try_throw(Box::new(OnPurpose)) {
                assert!(is_expected(&*payload));
            }
        }
        _ => {}
    }
}

/// A ring of greenlets made by hand, which hand a value around.
pub(crate) fn rings(a: &Actor) {
    let (size, laps) = (a.random.below(5) as usize + 1, a.random.below(5));
    let here = greenlet::current();
    let ring: Rc<Vec<Greenlet<u64, u64>>> = Rc::new((0..size).map(|_| Greenlet::empty()).collect());
    for at in 0..size {
        let names: Vec<_> = ring.iter().map(|g| g.any()).collect();
        let (next, here) = (names[(at + 1) % size].clone(), here.clone());
        let limit = laps * size as u64;
        ring[at].set_run(move |mut n: u64| {
            loop {
                n = match n < limit && !next.is_dead() {
                    true => next.switch(n + 1),
                    false => here.switch(n),
                };
            }
        });
    }
    match ring[0].try_switch(0) {
        Ok(n) => assert_eq!(n, laps * size as u64),
        Err(SwitchError::Thrown(payload)) => expect(Err(payload)).unwrap_or(()),
        Err(error) if has_no_stack(&error) => a.event("no stack"),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn generators(a: &Actor) {
    let (child, count) = (a.child(), a.random.below(8));
    let mut generator = Generator::new(move |y| {
        for n in 0..count {
            child.pause();
            y.give(n);
        }
        count
    });
    let wanted = a.random.below(10);
    let given: Vec<_> = generator.by_ref().take(wanted as usize).collect();
    let all = given.iter().copied().eq(0..count.min(wanted));
    a.assert(all, "not all was given");
    if wanted > count {
        a.assert(generator.result() == Some(count), "no result");
    }
}

/// Ends itself.
pub(crate) fn exits(a: &Actor) {
    let child = a.child();
    let handle = spawn(move || {
        child.pause();
        if child.random.one_in(2) {
            resume_unwind(Box::new(GreenletExit));
        }
        child.stumble();
    });
    expect(handle.join());
    if a.random.one_in(50) {
        trim_stacks();
        greenlet::census();
    }
}

/// Work for other OS threads.
pub(crate) fn threads(a: &Actor) {
    let Some(threads) = &a.world.threads else {
        return;
    };
    let (n, child) = (a.random.below(1_000), a.random.child());
    let work = move || {
        match child.below(20) {
            0 => resume_unwind(Box::new(OnPurpose)),
            1 => sleep(child.micros(1_000)),
            // On a pool's thread, with a hub of its own, whose end it waits for or not.
            2 => drop(spawn(|| sleep(std::time::Duration::from_micros(100)))),
            3 => expect(spawn(yield_now).join()).unwrap_or_default(),
            _ => {}
        }
        n + 1
    };
    match a.random.below(4) {
        0 => {
            let sum: u64 = threads.map(|n: u64| n, 0..10).into_iter().sum();
            assert_eq!(sum, 45);
        }
        1 => {
            let job = threads.spawn(work);
            match job.join_timeout(a.limit_of_time()) {
                Ok(joined) => assert!(expect(joined).is_none_or(|found| found == n + 1)),
                Err(_still_going) => a.event("jobs left alone"),
            }
        }
        _ => {
            let joined = threads.spawn(work).join();
            assert!(expect(joined).is_none_or(|found| found == n + 1));
        }
    }
}
