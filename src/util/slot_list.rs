//! Doubly linked lists whose nodes live in one slab.
//!
//! A node is named by its [`Key`] as long as it lives, whatever list it is in, so removing from the middle costs as much as
//! removing from an end. Nodes are reused: once the slab has grown to what is needed at a time, nothing is allocated.
//!
//! [`Slots`] may hold many [`List`]s; every call on a list has to be given the slots it began with.

use std::iter;
use std::num::NonZeroU32;

use slab::Slab;

/// Names a node until it is removed; the number may then name another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key(NonZeroU32);

impl Key {
    /// Counted from one, so that a link that may be absent takes four bytes as well.
    #[inline]
    fn of(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Key(number.expect("there are fewer than 2^32 nodes"))
    }

    #[inline]
    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

struct Node<T> {
    /// Of the first in its list, whatever was there once.
    prev: Option<Key>,
    next: Option<Key>,
    value: T,
}

/// The nodes of any number of lists.
pub(crate) struct Slots<T> {
    nodes: Slab<Node<T>>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Slots { nodes: Slab::new() }
    }

    /// Nodes in all lists and in none.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Nodes there is room for without a further allocation.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.nodes.capacity()
    }

    /// A node in no list.
    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> Key {
        self.insert_behind(None, value)
    }

    /// A node that says it is behind that one.
    #[inline]
    fn insert_behind(&mut self, prev: Option<Key>, value: T) -> Key {
        let entry = self.nodes.vacant_entry();
        let key = Key::of(entry.key());
        entry.insert(Node {
            prev,
            next: None,
            value,
        });
        key
    }

    /// Takes out a node that is in no list.
    #[inline]
    pub(crate) fn remove(&mut self, key: Key) -> T {
        self.nodes.remove(key.index()).value
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> &T {
        &self.node(key).value
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> &mut T {
        &mut self.node_mut(key).value
    }

    /// The node behind this one in its list.
    #[inline]
    pub(crate) fn next(&self, key: Key) -> Option<Key> {
        self.node(key).next
    }

    #[inline]
    fn node(&self, key: Key) -> &Node<T> {
        &self.nodes[key.index()]
    }

    #[inline]
    fn node_mut(&mut self, key: Key) -> &mut Node<T> {
        &mut self.nodes[key.index()]
    }
}

/// The two ends of a list. A copy is a view that the next change outdates.
#[derive(Clone, Copy)]
pub(crate) struct List {
    head: Option<Key>,
    tail: Option<Key>,
}

impl List {
    pub(crate) const fn new() -> Self {
        List {
            head: None,
            tail: None,
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    #[inline]
    pub(crate) fn front(&self) -> Option<Key> {
        self.head
    }

    /// The nodes from front to back.
    pub(crate) fn keys<T>(&self, slots: &Slots<T>) -> impl Iterator<Item = Key> {
        iter::successors(self.head, |&key| slots.next(key))
    }

    #[inline(always)]
    pub(crate) fn push_back<T>(&mut self, slots: &mut Slots<T>, value: T) -> Key {
        let key = slots.insert_behind(self.tail, value);
        self.append(slots, key);
        key
    }

    /// Takes a node of this list out of it and out of the slots.
    #[inline]
    pub(crate) fn remove<T>(&mut self, slots: &mut Slots<T>, key: Key) -> T {
        let Node { prev, next, value } = slots.nodes.remove(key.index());
        self.close_gap(slots, key, prev, next);
        value
    }

    /// Takes the first node out of this list, which goes on with the one behind it, if any. It stays in the slots.
    #[inline]
    pub(crate) fn detach_front(&mut self, next: Option<Key>) {
        self.head = next;
        if next.is_none() {
            self.tail = None;
        }
    }

    #[cfg(test)]
    pub(crate) fn pop_front<T>(&mut self, slots: &mut Slots<T>) -> Option<T> {
        self.head.map(|key| self.remove(slots, key))
    }

    /// Moves a node of this list to the end of another. Its key stays valid.
    pub(crate) fn transfer<T>(&mut self, slots: &mut Slots<T>, key: Key, to: &mut List) {
        self.unlink(slots, key);
        to.link_back(slots, key);
    }

    #[inline]
    fn link_back<T>(&mut self, slots: &mut Slots<T>, key: Key) {
        let node = slots.node_mut(key);
        node.prev = self.tail;
        node.next = None;
        self.append(slots, key);
    }

    /// What else belongs to a node's being the last.
    #[inline]
    fn append<T>(&mut self, slots: &mut Slots<T>, key: Key) {
        match self.tail {
            Some(tail) => slots.node_mut(tail).next = Some(key),
            None => self.head = Some(key),
        }
        self.tail = Some(key);
    }

    #[inline]
    fn unlink<T>(&mut self, slots: &mut Slots<T>, key: Key) {
        let Node { prev, next, .. } = *slots.node(key);
        self.close_gap(slots, key, prev, next);
    }

    /// Joins the neighbours of a node that goes.
    #[inline]
    fn close_gap<T>(
        &mut self,
        slots: &mut Slots<T>,
        key: Key,
        prev: Option<Key>,
        next: Option<Key>,
    ) {
        let is_first = self.head == Some(key);
        match prev {
            _ if is_first => self.head = next,
            Some(prev) => slots.node_mut(prev).next = next,
            None => unreachable!("the node is in another list"),
        }
        match next {
            Some(next) => slots.node_mut(next).prev = prev,
            None => {
                debug_assert_eq!(self.tail, Some(key), "the node is in another list");
                self.tail = if is_first { None } else { prev };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::VecDeque;

    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn links_take_eight_bytes() {
        assert_eq!(size_of::<Node<u64>>(), 16);
        assert_eq!(size_of::<List>(), 8);
    }

    #[test]
    #[should_panic(expected = "fewer than 2^32 nodes")]
    #[cfg(target_pointer_width = "64")]
    fn keys_do_not_wrap() {
        assert_eq!(
            Key::of(u32::MAX as usize - 1).index(),
            u32::MAX as usize - 1
        );
        Key::of(u32::MAX as usize);
    }

    #[derive(Clone, Debug)]
    enum Act {
        Push(usize),
        Pop(usize),
        Remove(usize),
        Transfer(usize, usize),
        Change(usize),
    }

    const LISTS: usize = 3;

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (0..LISTS).prop_map(Act::Push),
            1 => (0..LISTS).prop_map(Act::Pop),
            1 => any::<usize>().prop_map(Act::Remove),
            2 => (any::<usize>(), 0..LISTS).prop_map(|(i, to)| Act::Transfer(i, to)),
            1 => any::<usize>().prop_map(Act::Change),
        ]
    }

    /// Lists that share their slots beside the queues they should be equal to, which hold keys and values.
    struct Pair {
        slots: Slots<u32>,
        lists: [List; LISTS],
        model: [VecDeque<(Key, u32)>; LISTS],
        pushed: u32,
    }

    impl Pair {
        /// Some node: its list and its place there.
        fn pick(&self, i: usize) -> Option<(usize, usize)> {
            let places = self.model.iter().enumerate();
            let mut places =
                places.flat_map(|(list, queue)| (0..queue.len()).map(move |at| (list, at)));
            places.nth(i % self.slots.len().max(1))
        }

        fn step(&mut self, act: &Act) {
            let slots = &mut self.slots;
            match *act {
                Act::Push(list) => {
                    self.pushed += 1;
                    let key = self.lists[list].push_back(slots, self.pushed);
                    self.model[list].push_back((key, self.pushed));
                }
                Act::Pop(list) => {
                    let expected = self.model[list].pop_front().map(|(_, value)| value);
                    assert_eq!(self.lists[list].pop_front(slots), expected);
                }
                Act::Remove(i) => {
                    let Some((list, at)) = self.pick(i) else {
                        return;
                    };
                    let (key, value) = self.model[list].remove(at).unwrap();
                    assert_eq!(self.lists[list].remove(&mut self.slots, key), value);
                }
                Act::Transfer(i, to) => {
                    let Some((list, at)) = self.pick(i) else {
                        return;
                    };
                    if list == to {
                        return;
                    }
                    let entry = self.model[list].remove(at).unwrap();
                    self.model[to].push_back(entry);
                    let mut from = self.lists[list];
                    from.transfer(&mut self.slots, entry.0, &mut self.lists[to]);
                    self.lists[list] = from;
                }
                Act::Change(i) => {
                    let Some((list, at)) = self.pick(i) else {
                        return;
                    };
                    let (key, value) = &mut self.model[list][at];
                    *value += 1000;
                    *self.slots.get_mut(*key) += 1000;
                }
            }
        }

        fn check(&self) {
            let mut nodes = 0;
            for (list, queue) in self.lists.iter().zip(&self.model) {
                let found = list
                    .keys(&self.slots)
                    .map(|key| (key, *self.slots.get(key)));
                assert!(found.eq(queue.iter().copied()));
                assert_eq!(list.front(), queue.front().map(|&(key, _)| key));
                assert_eq!(list.is_empty(), queue.is_empty());
                // Backwards too: every link has its opposite.
                let behind = |&key: &Key| match list.head == Some(key) {
                    false => self.slots.node(key).prev,
                    true => None,
                };
                let back = iter::successors(list.tail, behind);
                assert!(back.eq(queue.iter().rev().map(|&(key, _)| key)));
                nodes += queue.len();
            }
            assert_eq!(self.slots.len(), nodes);
        }
    }

    proptest! {
        #[test]
        fn lists_are_queues(acts in vec(act(), 1..200)) {
            let mut pair = Pair {
                slots: Slots::new(),
                lists: [List::new(); LISTS],
                model: Default::default(),
                pushed: 0,
            };
            for act in &acts {
                pair.step(act);
                pair.check();
            }
        }
    }
}
