//! Source: `test_generator.py` and `test_generator_nested.py`. Generators: built from raw switches and parents as the
//! originals are, and with [`greenlet::Generator`].
//!
//! Adapted: a raw generator is known by an entry in a table, not by its class. Giving past the nearest consumer exists for
//! raw generators only; giving outside of a generator is an error for raw ones, and cannot be written with a `Yielder`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::rc::Rc;

use greenlet::{AnyGreenlet, Generator, Greenlet, GreenletId, Yielder, census, current};

use crate::support::{Token, leak_checked};

thread_local! {
    /// The raw generators of this thread, each with the one that gave past it.
    static GENLETS: RefCell<HashMap<GreenletId, Option<AnyGreenlet>>> = RefCell::default();
}

/// A generator made of switches and a parent that changes.
struct Genlet<T: 'static> {
    greenlet: Greenlet<(), Option<T>>,
    gives: PhantomData<T>,
}

impl<T: 'static> Genlet<T> {
    fn new(body: impl FnOnce() + 'static) -> Self {
        let greenlet = Greenlet::new(move |()| {
            body();
            None
        });
        GENLETS.with_borrow_mut(|all| all.insert(greenlet.id(), None));
        Genlet {
            greenlet,
            gives: PhantomData,
        }
    }
}

impl<T: 'static> Drop for Genlet<T> {
    fn drop(&mut self) {
        GENLETS.with_borrow_mut(|all| all.remove(&self.greenlet.id()));
    }
}

/// The generator that gave past `genlet`.
fn inner_of(genlet: &AnyGreenlet) -> Option<AnyGreenlet> {
    GENLETS.with_borrow(|all| all.get(&genlet.id()).cloned().flatten())
}

impl<T: 'static> Iterator for Genlet<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.greenlet.is_dead() {
            return None;
        }
        let mut source = self.greenlet.any();
        while let Some(inner) = inner_of(&source) {
            source = inner;
        }
        if source == self.greenlet {
            self.greenlet.set_parent(&current()).unwrap();
        }
        source.switch::<(), Option<T>>(())
    }
}

/// The call was not made in that many nested generators.
#[derive(Debug, PartialEq)]
struct OutsideGenlet;

/// Gives `value` to the consumer `level` generators up.
fn give<T: 'static>(value: T, level: u32) -> Result<(), OutsideGenlet> {
    let mut g = current();
    for left in (1..=level).rev() {
        if !GENLETS.with_borrow(|all| all.contains_key(&g.id())) {
            return Err(OutsideGenlet);
        }
        let parent = g.parent().unwrap();
        if left > 1 {
            GENLETS.with_borrow_mut(|all| {
                if let Some(inner) = all.get_mut(&parent.id()) {
                    *inner = Some(g);
                }
            });
        }
        g = parent;
    }
    g.switch::<Option<T>, ()>(Some(value));
    Ok(())
}

type Seen = Rc<RefCell<Vec<u32>>>;

/// A generator over `u32`, of whichever make.
type Numbers = Box<dyn Iterator<Item = u32>>;

/// Pushes what `push` makes of each number up to `n`, then gives the number.
fn counter_raw(n: u32, seen: Seen, push: fn(u32) -> u32) -> Numbers {
    Box::new(Genlet::new(move || {
        for i in 0..n {
            seen.borrow_mut().push(push(i));
            give(i, 1).unwrap();
        }
    }))
}

fn counter(n: u32, seen: Seen, push: fn(u32) -> u32) -> Numbers {
    Box::new(Generator::new(move |y: &Yielder<u32>| {
        for i in 0..n {
            seen.borrow_mut().push(push(i));
            y.give(i);
        }
    }))
}

/// test_generator (Y)
#[test]
fn producer_and_consumer_alternate() {
    for make in [counter_raw, counter] {
        leak_checked(move || {
            let seen = Seen::default();
            for _ in 0..3 {
                for j in make(5, seen.clone(), |i| i) {
                    seen.borrow_mut().push(j);
                }
            }
            assert_eq!(*seen.borrow(), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4].repeat(3));
        });
    }
}

/// test_layered_genlets (Y)
#[test]
fn an_inner_generator_can_give_past_its_consumer() {
    leak_checked(|| {
        let seen = Seen::default();
        let outer = {
            let seen = seen.clone();
            Genlet::<u32>::new(move || {
                let inner = Genlet::<u32>::new(|| {
                    for i in 1_u32..5 {
                        give(i, 1).unwrap();
                        give(i * i, 2).unwrap();
                    }
                });
                for i in inner {
                    seen.borrow_mut().push(i);
                }
            })
        };
        for i in outer {
            seen.borrow_mut().push(i);
        }
        assert_eq!(*seen.borrow(), [1, 1, 2, 4, 3, 9, 4, 16]);
        assert!(GENLETS.with_borrow(HashMap::is_empty));
    });
}

type Lists = Box<dyn Iterator<Item = Vec<u32>>>;

fn without(list: &[u32], e: u32) -> Vec<u32> {
    list.iter().copied().filter(|x| *x != e).collect()
}

fn permutations_raw(list: Vec<u32>) -> Lists {
    let token = Token::new();
    Box::new(Genlet::new(move || {
        let _token = token;
        if list.len() <= 1 {
            give(list, 1).unwrap();
            return;
        }
        for &e in &list {
            for rest in permutations_raw(without(&list, e)) {
                give([&[e], &*rest].concat(), 1).unwrap();
            }
        }
    }))
}

fn permutations(list: Vec<u32>) -> Lists {
    let token = Token::new();
    Box::new(Generator::new(move |y: &Yielder<Vec<u32>>| {
        let _token = token;
        if list.len() <= 1 {
            return y.give(list);
        }
        for &e in &list {
            for rest in permutations(without(&list, e)) {
                y.give([&[e], &*rest].concat());
            }
        }
    }))
}

/// test_permutations (Y, and what is left unfinished does not leak)
#[test]
fn recursive_generators_permute_and_unfinished_ones_are_ended() {
    for make in [permutations_raw, permutations] {
        leak_checked(move || {
            let all: Vec<_> = make(vec![0, 1, 2, 3]).collect();
            assert_eq!(all.len(), 24);
            assert!(all.is_sorted_by(|a, b| a < b), "each once, in order");
            assert_eq!(census().stacks, 0);

            let pairs: Vec<_> = make(vec![0, 1, 2, 3]).zip(make(vec![0, 1, 2])).collect();
            let expected = [
                (vec![0, 1, 2, 3], vec![0, 1, 2]),
                (vec![0, 1, 3, 2], vec![0, 2, 1]),
                (vec![0, 2, 1, 3], vec![1, 0, 2]),
                (vec![0, 2, 3, 1], vec![1, 2, 0]),
                (vec![0, 3, 1, 2], vec![2, 0, 1]),
                (vec![0, 3, 2, 1], vec![2, 1, 0]),
            ];
            assert_eq!(pairs, expected);
            assert_eq!((census().stacks, Token::alive()), (0, 0));

            let mut unfinished = make(vec![0, 1, 2, 3]);
            unfinished.next();
            assert_eq!((census().stacks, Token::alive()), (4, 4));
            drop(unfinished);
            assert_eq!((census().stacks, Token::alive()), (0, 0));
        });
    }
}

/// An ordinary function between the body and the giving.
fn nested_raw(i: u32) {
    give(i, 1).unwrap();
}

fn nested(y: &Yielder<u32>, i: u32) {
    y.give(i);
}

/// test_genlet_simple (Y)
#[test]
fn values_can_be_given_from_nested_calls() {
    fn direct_iterator(n: u32, seen: Seen) -> Numbers {
        Box::new((0..n).inspect(move |i| seen.borrow_mut().push(i + 1)))
    }
    fn from_nested_raw(n: u32, seen: Seen) -> Numbers {
        Box::new(Genlet::new(move || {
            for i in 0..n {
                seen.borrow_mut().push(i + 1);
                nested_raw(i);
            }
        }))
    }
    fn from_nested(n: u32, seen: Seen) -> Numbers {
        Box::new(Generator::new(move |y: &Yielder<u32>| {
            for i in 0..n {
                seen.borrow_mut().push(i + 1);
                nested(y, i);
            }
        }))
    }
    let makes: [fn(u32, Seen) -> Numbers; 5] = [
        direct_iterator,
        |n, seen| counter_raw(n, seen, |i| i + 1),
        |n, seen| counter(n, seen, |i| i + 1),
        from_nested_raw,
        from_nested,
    ];
    for make in makes {
        leak_checked(move || {
            let seen = Seen::default();
            for _ in 0..3 {
                for j in make(5, seen.clone()) {
                    seen.borrow_mut().push(j);
                }
            }
            assert_eq!(*seen.borrow(), [1, 0, 2, 1, 3, 2, 4, 3, 5, 4].repeat(3));
        });
    }
}

/// test_genlet_bad (Y)
#[test]
fn giving_outside_of_a_generator_is_an_error() {
    leak_checked(|| {
        assert_eq!(give(10, 1), Err(OutsideGenlet));
        let plain = Greenlet::new(|()| give(10, 1));
        assert_eq!(plain.switch(()), Err(OutsideGenlet));
        // One level too many, too.
        let mut genlet = Genlet::<u32>::new(|| assert_eq!(give(10, 2), Err(OutsideGenlet)));
        assert_eq!(genlet.next(), None);
    });
}

fn ascending_raw(n: u32) -> Numbers {
    Box::new(Genlet::new(move || {
        if n == 0 {
            return;
        }
        for i in ascending_raw(n - 1) {
            give(i, 1).unwrap();
        }
        give(n, 1).unwrap();
    }))
}

fn ascending(n: u32) -> Generator<u32> {
    Generator::new(move |y: &Yielder<u32>| {
        if n > 0 {
            y.delegate(ascending(n - 1));
            y.give(n);
        }
    })
}

/// test_nested_genlets (Y)
#[test]
fn generators_recurse() {
    leak_checked(|| {
        assert_eq!(ascending_raw(5).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(ascending(5).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    });
}
