//! Random programs: every value's destructor may do anything, and does not let a panic out. Nothing may be dropped twice or
//! never, and the process has to live.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use greenlet::{AnyGreenlet, Generator, Greenlet, GreenletExit, greenlet_local, trace};

use crate::support::Token;

thread_local! {
    static RNG: Cell<u64> = const { Cell::new(1) };
    static BUDGET: Cell<i32> = const { Cell::new(0) };
}
// Slots live in a leaked box, so that no std thread-local is borrowed over a switch.
#[derive(Clone, Copy)]
struct World(
    &'static RefCell<Vec<Option<Greenlet<V, V>>>>,
    &'static RefCell<Vec<AnyGreenlet>>,
);
thread_local!(static WORLD: Cell<Option<World>> = const { Cell::new(None) });

fn world() -> World {
    WORLD.get().unwrap()
}
fn rnd(n: u64) -> u64 {
    let mut x = RNG.get();
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    RNG.set(x);
    (x >> 20) % n
}

struct Inner(#[allow(dead_code)] Token, bool);
impl Drop for Inner {
    fn drop(&mut self) {
        if self.1 && rnd(3) == 0 {
            let _ = catch_unwind(AssertUnwindSafe(act));
        }
    }
}
struct V(#[allow(dead_code)] Inner, #[allow(dead_code)] Box<u64>);
struct W(#[allow(dead_code)] Inner, #[allow(dead_code)] [u8; 100]);
fn v() -> V {
    V(Inner(Token::new(), true), Box::new(rnd(9)))
}
fn w() -> W {
    W(Inner(Token::new(), true), [1; 100])
}

greenlet_local! {
    static L1: RefCell<Option<V>> = RefCell::new(None);
    static L2: RefCell<Vec<W>> = RefCell::new(Vec::new());
    static L3: Copyable = Copyable(v());
}
struct Copyable(#[allow(dead_code)] V);
impl Clone for Copyable {
    fn clone(&self) -> Self {
        act();
        Copyable(v())
    }
}

const SLOTS: u64 = 6;

fn pick() -> Option<AnyGreenlet> {
    let names = world().1.borrow();
    match rnd(8) {
        0 => Some(greenlet::main()),
        1 => Some(greenlet::current()),
        2 => greenlet::current().parent(),
        _ if names.is_empty() => None,
        _ => {
            let back = 1 + rnd(10.min(names.len() as u64)) as usize;
            Some(names[names.len() - back].clone())
        }
    }
}

fn body_v(arg: V) -> V {
    let _keep = arg;
    let _more = v();
    for _ in 0..rnd(8) {
        act();
    }
    v()
}
fn body_w(arg: V) -> W {
    let _keep = arg;
    for _ in 0..rnd(8) {
        act();
    }
    w()
}

fn act() {
    if BUDGET.get() <= 0 {
        return;
    }
    BUDGET.set(BUDGET.get() - 1);
    match rnd(24) {
        0..=4 => {
            let c = v();
            let mut b = Greenlet::builder();
            if rnd(2) == 0
                && let Some(p) = pick()
            {
                b = b.parent(&p);
            }
            b = match rnd(4) {
                0 => b.share_locals(),
                1 => b.inherit_locals(),
                _ => b,
            };
            let g: Greenlet<V, V> = match rnd(3) {
                0 => b
                    .build::<V, W>(move |a| {
                        let _c = c;
                        body_w(a)
                    })
                    .cast(),
                1 if rnd(4) == 0 => Greenlet::empty(),
                _ => b.build(move |a| {
                    let _c = c;
                    body_v(a)
                }),
            };
            world().1.borrow_mut().push(g.any());
            let i = rnd(SLOTS) as usize;
            let old = world().0.borrow_mut()[i].replace(g);
            drop(old);
        }
        5..=10 => {
            if let Some(g) = pick() {
                match rnd(4) {
                    0 => drop(g.try_switch::<W, V>(w())),
                    1 => drop(g.try_switch::<V, W>(v())),
                    2 => drop(g.switch::<V, V>(v())),
                    _ => drop(g.try_switch::<V, V>(v())),
                }
            }
        }
        11 => {
            if let Some(g) = pick() {
                if rnd(2) == 0 {
                    drop(g.try_throw::<V>(Box::new(5u8)));
                } else {
                    drop(g.try_throw::<W>(Box::new(GreenletExit)));
                }
            }
        }
        12 | 13 => {
            if let Some(g) = pick() {
                g.kill();
            }
        }
        14 => {
            let i = rnd(SLOTS) as usize;
            let old = world().0.borrow_mut()[i].take();
            drop(old);
        }
        15 | 16 => {
            if let (Some(a), Some(b)) = (pick(), pick()) {
                let _ = a.set_parent(&b);
            }
        }
        17 => match rnd(4) {
            0 => drop(trace::clear()),
            _ => {
                let c = v();
                drop(trace::set(move |_, _, target| {
                    let _c = &c;
                    let known = world().1.borrow().contains(target);
                    if !known {
                        world().1.borrow_mut().push(target.clone());
                    }
                    if rnd(6) == 0 {
                        act();
                    }
                }));
            }
        },
        18 => match rnd(3) {
            0 => {
                let old = L1.replace(Some(v()));
                drop(old);
            }
            1 => L2.with(|l| l.borrow_mut().push(w())),
            _ => L3.with(|_| act()),
        },
        19 => {
            let _ = catch_unwind(AssertUnwindSafe(act));
        }
        20 => {
            if rnd(2) == 0 {
                resume_unwind(Box::new(7u16));
            }
        }
        21 => {
            if let Some(g) = pick()
                && g.state() == greenlet::State::New
            {
                let c = v();
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    g.cast::<V, V>().set_run(move |a| {
                        let _c = c;
                        body_v(a)
                    })
                }));
            }
        }
        22 => {
            let c = v();
            let mut g = Generator::new(move |y| {
                world().1.borrow_mut().push(greenlet::current());
                let _c = c;
                for _ in 0..rnd(4) {
                    y.give(v());
                    act();
                }
                v()
            });
            for _ in 0..rnd(4) {
                drop(g.next());
                act();
            }
            drop(g.result());
        }
        _ => {
            let g = Greenlet::<V, V>::current();
            act();
            drop(g);
        }
    }
}

fn once(seed: u64, budget: i32) {
    std::thread::spawn(move || {
        RNG.set(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let w = World(
            Box::leak(Box::new(RefCell::new((0..SLOTS).map(|_| None).collect()))),
            Box::leak(Box::new(RefCell::new(Vec::new()))),
        );
        WORLD.set(Some(w));
        BUDGET.set(budget);
        while BUDGET.get() > 0 {
            let _ = catch_unwind(AssertUnwindSafe(act));
        }
        trace::clear();
        for _ in 0..20 {
            for i in 0..SLOTS as usize {
                let old = w.0.borrow_mut()[i].take();
                let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
            }
            let names = w.1.borrow().clone();
            for g in names {
                let _ = catch_unwind(AssertUnwindSafe(|| g.kill()));
            }
        }
        trace::clear();
        drop(L1.replace(None));
        drop(L2.replace(Vec::new()));
        w.1.borrow_mut().clear();
        // L3 of main may be there.
        let main_locals = 1;
        let census = greenlet::census();
        assert_eq!(census.stacks + 1, census.greenlets, "{census:?}");
        // One that caught its exit in a destructor, before anybody could know its name, may be left.
        assert!(
            census.greenlets > 1 || Token::alive() <= main_locals,
            "values leaked"
        );
        assert!(Token::alive() >= 0, "dropped twice");
    })
    .join()
    .unwrap_or_else(|_| panic!("seed {seed}"));
}

/// `GREENLET_ATTACK_SEEDS` chooses others, as `FROM-TO`.
#[test]
fn random_programs_of_destructors_that_do_everything_break_nothing() {
    let chosen = std::env::var("GREENLET_ATTACK_SEEDS");
    let (from, to) = match &chosen {
        Ok(seeds) => seeds.split_once('-').expect("FROM-TO"),
        Err(_) => ("1", "600"),
    };
    for seed in from.parse().unwrap()..to.parse().unwrap() {
        once(seed, 30 + (seed % 200) as i32);
    }
}
