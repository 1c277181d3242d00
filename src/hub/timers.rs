//! Deadlines of any number, in a hierarchical timing wheel.
//!
//! Time is counted in ticks of 1024 ns since the wheel was made. A deadline is rounded up to a tick, so no timer fires
//! early. `elapsed` is the tick up to which timers have been handed out.
//!
//! ```text
//! level     8             …  2              1            0
//! 64 slots  of 2^48 ticks    of 4096 ticks  of 64 ticks  of one tick
//! ```
//!
//! A tick is a number of nine digits in base 64. A timer waits at the level of the highest digit in which its tick differs
//! from `elapsed`, in the slot of that digit. When `elapsed` comes to the start of a slot, its timers differ from
//! `elapsed` in lower digits only: they cascade to lower levels, which are all empty then. From this follow:
//!
//! * **H1** The timers of a level come before those of the levels above it, and the slots of a level hold later timers the
//!   higher their number. So the earliest timer is in the lowest slot in use of the lowest level in use.
//! * **H2** The timers of a slot are in the order in which they were armed: a timer that was armed later finds the slot only
//!   after those armed earlier have cascaded there.
//! * **H3** The slot of `elapsed` itself, at level 0, holds the run: timers that are due, sorted by deadline.
//!   While there is a run, `elapsed` stays.
//!
//! A deadline that is not after `elapsed` comes too late for the wheel. It goes to a heap beside it, and is due at once.

use std::mem;
use std::time::{Duration, Instant};

use crate::util::slot_list::{Key, List, Slots};

/// The nanoseconds of a tick, as a power of two.
const TICK_BITS: u32 = 10;

/// A digit of a tick chooses among the 64 slots of a level: as many as there are bits in the bitmap of the level.
const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;

/// Nine digits are 2^54 ticks: 584 years.
const LEVELS: usize = 9;
const LAST_TICK: u64 = (1 << (LEVELS as u32 * DIGIT_BITS)) - 1;

/// A slot with at most so many timers is searched for the exact deadline to sleep until.
const FEW: usize = 8;

/// Names an armed timer until it fires or is cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerKey(Key);

struct Timer<T> {
    /// Nanoseconds since the start of the wheel, at most its end; zero for what is before.
    deadline: u64,
    place: Place,
    payload: T,
}

#[derive(Clone, Copy)]
enum Place {
    /// In this list of the wheel.
    Slot(u16),
    /// At this index of the heap.
    Late(u32),
}

/// Timers that are armed, each with a payload.
pub(crate) struct Timers<T> {
    start: Instant,
    elapsed: u64,
    /// Which slots of a level are in use.
    occupied: [u64; LEVELS],
    /// The slots of all levels.
    slots: [List; LEVELS * SLOTS],
    timers: Slots<Timer<T>>,
    late: Late,
    /// Room for sorting; otherwise empty.
    batch: Vec<(u64, usize, Key)>,
}

impl<T> Timers<T> {
    pub(crate) fn new(now: Instant) -> Self {
        Timers {
            start: now,
            elapsed: 0,
            occupied: [0; LEVELS],
            slots: [List::new(); LEVELS * SLOTS],
            timers: Slots::new(),
            late: Late::default(),
            batch: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.timers.len()
    }

    /// A deadline whose tick has passed is due at once; one after the end of the wheel counts as the end.
    pub(crate) fn arm(&mut self, at: Instant, payload: T) -> TimerKey {
        let deadline = self.nanos(at);
        let tick = tick_from(deadline);
        // Right for the wheel; the heap overwrites it.
        let slot = slot_of(tick, self.elapsed);
        let timer = Timer {
            deadline,
            place: Place::Slot(slot as u16),
            payload,
        };
        if tick <= self.elapsed {
            let key = self.timers.insert(timer);
            self.late.push(&mut self.timers, at, key);
            return TimerKey(key);
        }
        self.occupy(slot);
        TimerKey(self.slots[slot].push_back(&mut self.timers, timer))
    }

    /// The timer must be armed: neither given out by `pop_due` nor cancelled before.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> T {
        self.take(key.0)
    }

    /// When an armed timer is due, to the nanosecond that it counts.
    pub(crate) fn due(&self, key: TimerKey) -> Instant {
        self.start + Duration::from_nanos(self.timers.get(key.0).deadline)
    }

    /// When to call `pop_due` next: never later than the earliest deadline, rounded up to a tick. It may be earlier if many
    /// deadlines are near each other and still far; to call `pop_due` then brings `next` closer.
    pub(crate) fn next(&self) -> Option<Instant> {
        if let Some(deadline) = self.late.earliest() {
            return Some(deadline);
        }
        let slot = self.earliest_slot()?;
        let start = self.start_of(slot);
        let tick = match slot / SLOTS {
            0 => start,
            _ => self.earliest_of_few(slot).unwrap_or(start),
        };
        Some(self.start + Duration::from_nanos(tick << TICK_BITS))
    }

    /// Takes out the timer that is due with the earliest deadline, of equal ones the first armed. `now` is from a
    /// monotonic clock.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<T> {
        if let Some(key) = self.first_due() {
            return Some(self.take(key));
        }
        let now = self.nanos(now) >> TICK_BITS;
        self.advance(now);
        self.first_due().map(|key| self.take(key))
    }

    fn nanos(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.start).as_nanos();
        nanos.min(u128::from(LAST_TICK << TICK_BITS)) as u64
    }

    /// The first of the run and the heap. Of equal deadlines those in the run were armed before `elapsed` came there,
    /// those in the heap after.
    fn first_due(&self) -> Option<Key> {
        let run = self.slots[run_of(self.elapsed)].front();
        let late = self.late.first();
        let (Some(in_run), Some(in_heap)) = (run, late) else {
            return run.or(late);
        };
        let run_is_first = self.timers.get(in_run).deadline <= self.timers.get(in_heap).deadline;
        Some(if run_is_first { in_run } else { in_heap })
    }

    fn take(&mut self, key: Key) -> T {
        match self.timers.get(key).place {
            Place::Slot(slot) => {
                let slot = usize::from(slot);
                let timer = self.slots[slot].remove(&mut self.timers, key);
                if self.slots[slot].is_empty() {
                    self.occupied[slot / SLOTS] &= !(1 << (slot % SLOTS));
                }
                timer.payload
            }
            Place::Late(index) => {
                self.late.remove(&mut self.timers, index as usize);
                self.timers.remove(key).payload
            }
        }
    }

    fn occupy(&mut self, slot: usize) {
        self.occupied[slot / SLOTS] |= 1 << (slot % SLOTS);
    }

    /// Makes the earliest tick with timers the run if it is not after `now`. Nothing may be due yet.
    fn advance(&mut self, now: u64) {
        while let Some(slot) = self.earliest_slot() {
            let start = self.start_of(slot);
            if start > now {
                break;
            }
            self.elapsed = start;
            if slot < SLOTS {
                return self.sort(slot);
            }
            self.cascade(slot);
        }
        self.elapsed = self.elapsed.max(now);
    }

    /// By H1.
    fn earliest_slot(&self) -> Option<usize> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        Some(level * SLOTS + self.occupied[level].trailing_zeros() as usize)
    }

    /// The first tick of a slot: the higher digits are those of `elapsed`, the lower ones zero.
    fn start_of(&self, slot: usize) -> u64 {
        let shift = (slot / SLOTS) as u32 * DIGIT_BITS;
        let above = shift + DIGIT_BITS;
        (self.elapsed >> above << above) | ((slot % SLOTS) as u64) << shift
    }

    fn earliest_of_few(&self, slot: usize) -> Option<u64> {
        let mut deadlines = self.slots[slot]
            .keys(&self.timers)
            .map(|key| self.timers.get(key).deadline);
        let earliest = deadlines.by_ref().take(FEW).min();
        earliest
            .filter(|_| deadlines.next().is_none())
            .map(tick_from)
    }

    /// Distributes a slot whose start has come over the levels below.
    fn cascade(&mut self, slot: usize) {
        let mut list = mem::replace(&mut self.slots[slot], List::new());
        self.occupied[slot / SLOTS] &= !(1 << (slot % SLOTS));
        while let Some(key) = list.front() {
            let timer = self.timers.get_mut(key);
            let to = slot_of(tick_from(timer.deadline), self.elapsed);
            timer.place = Place::Slot(to as u16);
            self.occupy(to);
            list.transfer(&mut self.timers, key, &mut self.slots[to]);
        }
    }

    /// Sorts a slot by deadline; equal ones stay in the order of arming, which is that of the list (H2).
    fn sort(&mut self, slot: usize) {
        let mut list = self.slots[slot];
        let deadline = |key| self.timers.get(key).deadline;
        if list.keys(&self.timers).is_sorted_by_key(deadline) {
            return;
        }
        let keys = list.keys(&self.timers).enumerate();
        self.batch
            .extend(keys.map(|(place, key)| (deadline(key), place, key)));
        // Not the stable sort: that one allocates.
        self.batch
            .sort_unstable_by_key(|&(deadline, place, _)| (deadline, place));
        let mut sorted = List::new();
        for (_, _, key) in self.batch.drain(..) {
            list.transfer(&mut self.timers, key, &mut sorted);
        }
        self.slots[slot] = sorted;
    }
}

/// Rounds up to a tick.
fn tick_from(nanos: u64) -> u64 {
    nanos.div_ceil(1 << TICK_BITS)
}

/// Where a tick belongs in the wheel: the level and the slot of the highest digit in which it differs from `elapsed`.
fn slot_of(tick: u64, elapsed: u64) -> usize {
    let highest_bit = ((tick ^ elapsed) | 1).ilog2();
    let level = highest_bit / DIGIT_BITS;
    let digit = (tick >> (level * DIGIT_BITS)) as usize % SLOTS;
    level as usize * SLOTS + digit
}

fn run_of(elapsed: u64) -> usize {
    elapsed as usize % SLOTS
}

/// A binary heap of timers in which every timer knows its index, so that any of them can be removed.
#[derive(Default)]
struct Late {
    heap: Vec<LateTimer>,
    pushed: u64,
}

struct LateTimer {
    deadline: Instant,
    number: u64,
    key: Key,
}

impl LateTimer {
    fn is_before(&self, other: &LateTimer) -> bool {
        (self.deadline, self.number) < (other.deadline, other.number)
    }
}

impl Late {
    fn first(&self) -> Option<Key> {
        self.heap.first().map(|timer| timer.key)
    }

    fn earliest(&self) -> Option<Instant> {
        self.heap.first().map(|timer| timer.deadline)
    }

    fn push<T>(&mut self, timers: &mut Slots<Timer<T>>, deadline: Instant, key: Key) {
        self.pushed += 1;
        self.heap.push(LateTimer {
            deadline,
            number: self.pushed,
            key,
        });
        self.rise(timers, self.heap.len() - 1);
    }

    fn remove<T>(&mut self, timers: &mut Slots<Timer<T>>, index: usize) {
        self.heap.swap_remove(index);
        if index < self.heap.len() {
            let index = self.rise(timers, index);
            self.sink(timers, index);
        }
    }

    fn rise<T>(&mut self, timers: &mut Slots<Timer<T>>, mut index: usize) -> usize {
        while index > 0 {
            let parent = (index - 1) / 2;
            if !self.heap[index].is_before(&self.heap[parent]) {
                break;
            }
            self.heap.swap(index, parent);
            self.tell(timers, index);
            index = parent;
        }
        self.tell(timers, index);
        index
    }

    fn sink<T>(&mut self, timers: &mut Slots<Timer<T>>, mut index: usize) {
        loop {
            let (left, right) = (2 * index + 1, 2 * index + 2);
            let mut first = index;
            for child in [left, right] {
                if child < self.heap.len() && self.heap[child].is_before(&self.heap[first]) {
                    first = child;
                }
            }
            if first == index {
                return self.tell(timers, index);
            }
            self.heap.swap(index, first);
            self.tell(timers, index);
            index = first;
        }
    }

    /// Tells a timer its index.
    fn tell<T>(&self, timers: &mut Slots<Timer<T>>, index: usize) {
        timers.get_mut(self.heap[index].key).place = Place::Late(index as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    const TICK: Duration = Duration::from_nanos(1 << TICK_BITS);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    fn all_due<T>(timers: &mut Timers<T>, now: Instant) -> Vec<T> {
        std::iter::from_fn(|| timers.pop_due(now)).collect()
    }

    /// Sleeps from `now` until everything is given out; how often it had to wake up.
    fn wake_ups<T>(timers: &mut Timers<T>, mut now: Instant) -> usize {
        let mut count = 0;
        while let Some(next) = timers.next() {
            assert!(next > now, "there is nothing to wait for");
            now = next;
            count += 1;
            all_due(timers, now);
        }
        count
    }

    #[test]
    fn the_earliest_comes_first_and_equals_in_the_order_of_arming() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        let ms = |n| start + Duration::from_millis(n);
        for (at, name) in [(9, "c"), (5, "a"), (9, "d"), (7, "b"), (9, "e")] {
            timers.arm(ms(at), name);
        }
        assert_eq!(timers.len(), 5);
        assert_eq!(all_due(&mut timers, ms(4)), [""; 0]);
        assert_eq!(all_due(&mut timers, ms(8)), ["a", "b"]);
        assert_eq!(all_due(&mut timers, ms(20)), ["c", "d", "e"]);
        assert_eq!(timers.len(), 0);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_timer_fires_at_the_end_of_its_tick_and_no_earlier() {
        let start = Instant::now();
        for nanos in [1, 1023, 1024, 1025, 64 * 1024, 70_000_000_001] {
            let mut timers = Timers::new(start);
            timers.arm(start + Duration::from_nanos(nanos), ());
            let end = start + Duration::from_nanos(nanos.next_multiple_of(1024));
            assert_eq!(timers.next(), Some(end));
            assert_eq!(timers.pop_due(end - Duration::from_nanos(1)), None);
            assert_eq!(timers.next(), Some(end));
            assert_eq!(timers.pop_due(end), Some(()));
        }
    }

    #[test]
    fn deadlines_that_have_passed_are_due_at_once_in_order() {
        let start = Instant::now();
        let now = start + Duration::from_secs(1);
        let mut timers = Timers::new(start);
        assert_eq!(timers.pop_due(now), None);
        for (millis, name) in [(30, "d"), (10, "b"), (20, "c"), (0, "a"), (999, "e")] {
            timers.arm(start + Duration::from_millis(millis), name);
        }
        assert_eq!(timers.next(), Some(start));
        assert_eq!(all_due(&mut timers, now), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn one_armed_for_the_past_overtakes_what_is_due() {
        let start = Instant::now();
        let nanos = |n| start + Duration::from_nanos(n);
        let mut timers = Timers::new(start);
        for (at, name) in [(5030, "later"), (5020, "first"), (5025, "same")] {
            timers.arm(nanos(at), name);
        }
        assert_eq!(timers.pop_due(nanos(6000)), Some("first"));
        for (at, name) in [(5031, "last"), (5025, "same again"), (100, "past")] {
            timers.arm(nanos(at), name);
        }
        let order = ["past", "same", "same again", "later", "last"];
        assert_eq!(all_due(&mut timers, nanos(6000)), order);
    }

    #[test]
    fn what_is_due_can_still_be_cancelled() {
        let start = Instant::now();
        let now = start + Duration::from_secs(1);
        let mut timers = Timers::new(start);
        let in_run: Vec<_> = (0..5).map(|i| timers.arm(start + TICK, i)).collect();
        assert_eq!(timers.pop_due(now), Some(0));
        let in_heap: Vec<_> = (5..10).map(|i| timers.arm(start, i)).collect();
        assert_eq!(timers.cancel(in_run[2]), 2);
        assert_eq!(timers.cancel(in_heap[0]), 5);
        assert_eq!(timers.cancel(in_heap[3]), 8);
        assert_eq!(all_due(&mut timers, now), [6, 7, 9, 1, 3, 4]);
    }

    #[test]
    fn cancelling_leaves_nothing_to_wake_up_for() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        let second = Duration::from_secs(1);
        let keys: Vec<_> = (1..=100)
            .map(|i| timers.arm(start + second * i, i))
            .collect();
        let past = timers.arm(start, 0);
        for (key, i) in keys.into_iter().zip(1..) {
            assert_eq!(timers.cancel(key), i);
        }
        assert_eq!(timers.cancel(past), 0);
        assert_eq!((timers.len(), timers.next()), (0, None));
        assert_eq!(timers.pop_due(start + 200 * second), None);
    }

    #[test]
    fn few_timers_wake_once_each() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        for i in 1..=FEW as u32 {
            timers.arm(start + i * Duration::from_millis(7001), i);
        }
        assert_eq!(wake_ups(&mut timers, start), FEW);
    }

    #[test]
    fn many_timers_far_away_wake_at_most_once_more_a_level() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        for i in 0..1000 {
            timers.arm(start + 100 * YEAR + Duration::from_nanos(i % 7), i);
        }
        assert!(wake_ups(&mut timers, start) <= LEVELS);
    }

    #[test]
    fn a_crowd_does_not_hide_its_earliest() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        let at = |i| start + YEAR + i * TICK;
        for i in (0..3 * FEW as u32).rev() {
            timers.arm(at(i), i);
            assert!(timers.next().unwrap() <= at(i) + TICK);
        }
    }

    #[test]
    fn a_near_deadline_is_near_in_the_wheel_after_a_long_silence() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        let now = start + YEAR;
        timers.arm(now + YEAR, "far");
        assert_eq!(timers.pop_due(now), None);
        let near = timers.arm(now + TICK, "near");
        let place = timers.timers.get(near.0).place;
        assert!(matches!(place, Place::Slot(slot) if usize::from(slot) < 2 * SLOTS));
    }

    #[test]
    fn the_end_of_the_wheel_is_hundreds_of_years_away() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        for i in 0..3 {
            timers.arm(start + 600 * YEAR, i);
        }
        let cancelled = timers.arm(start + 700 * YEAR, 3);
        assert!(timers.next().unwrap() > start + 500 * YEAR);
        assert_eq!(timers.pop_due(start + 500 * YEAR), None);
        assert_eq!(timers.cancel(cancelled), 3);
        assert_eq!(all_due(&mut timers, start + 650 * YEAR), [0, 1, 2]);
        timers.arm(start + 640 * YEAR, 4);
        assert_eq!(all_due(&mut timers, start + 650 * YEAR), [4]);
    }

    #[test]
    fn the_same_work_again_needs_no_more_memory() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        let mut capacities = Vec::new();
        for round in 1..=4 {
            let now = start + round * Duration::from_secs(10);
            // Falling deadlines within a tick, so that there is something to sort.
            for i in 0..500 {
                timers.arm(now - Duration::from_nanos(i), i);
            }
            assert_eq!(all_due(&mut timers, now + TICK).len(), 500);
            for i in 0..500 {
                timers.arm(start, i);
            }
            assert_eq!(all_due(&mut timers, now + TICK).len(), 500);
            let (late, batch) = (timers.late.heap.capacity(), timers.batch.capacity());
            capacities.push((late, batch, timers.timers.capacity()));
        }
        assert!(capacities[0].1 > 0, "nothing was sorted");
        assert!(
            capacities.iter().all(|c| *c == capacities[0]),
            "{capacities:?}"
        );
    }

    #[test]
    fn a_timer_is_small() {
        assert!(size_of::<Timer<u64>>() <= 24);
    }

    #[test]
    fn a_million_random_timers_with_cancels() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next_random = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        // Deadlines of all sizes, up to 2^40 ns.
        let mut armed: Vec<_> = (0..1_000_000)
            .map(|_| {
                let at = start + Duration::from_nanos(next_random() >> (24 + next_random() % 40));
                (timers.arm(at, at), at)
            })
            .collect();
        for _ in 0..600_000 {
            let (key, at) = armed.swap_remove(next_random() as usize % armed.len());
            assert_eq!(timers.cancel(key), at);
        }
        assert_eq!(timers.len(), armed.len());
        let mut expected: Vec<_> = armed.into_iter().map(|(_, at)| at).collect();
        expected.sort();
        let mut fired = Vec::new();
        for second in (0..1200).step_by(60) {
            let now = start + Duration::from_secs(second);
            while let Some(at) = timers.pop_due(now) {
                assert!(at <= now);
                fired.push(at);
            }
        }
        assert!(fired == expected, "another order, or others");
        assert_eq!(timers.len(), 0);
    }

    #[derive(Clone, Debug)]
    enum Act {
        /// At so many nanoseconds from now.
        Arm(i64),
        /// At the deadline of an armed timer.
        ArmEqual(usize),
        Cancel(usize),
        Advance(u64),
        AdvanceAndPopOne(u64),
        Pop(usize),
        SleepUntilNext,
    }

    /// Of all sizes, from a few nanoseconds to some years.
    fn jump() -> impl Strategy<Value = u64> {
        (0..58_u32, any::<u64>()).prop_map(|(bits, random)| random & ((1 << bits) - 1))
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => jump().prop_map(|n| Act::Arm(n as i64)),
            2 => (0..200_000_i64).prop_map(Act::Arm),
            2 => (-5000..5000_i64).prop_map(Act::Arm),
            1 => jump().prop_map(|n| Act::Arm(-(n as i64))),
            3 => any::<usize>().prop_map(Act::ArmEqual),
            3 => any::<usize>().prop_map(Act::Cancel),
            1 => jump().prop_map(Act::Advance),
            1 => (0..3000_u64).prop_map(Act::Advance),
            1 => jump().prop_map(Act::AdvanceAndPopOne),
            1 => (0..20_usize).prop_map(Act::Pop),
            2 => Just(Act::SleepUntilNext),
        ]
    }

    fn act_in_the_past() -> impl Strategy<Value = Act> {
        prop_oneof![
            6 => (-1_000_000..-1024_i64).prop_map(Act::Arm),
            1 => any::<usize>().prop_map(Act::ArmEqual),
            3 => any::<usize>().prop_map(Act::Cancel),
            1 => (0..3_usize).prop_map(Act::Pop),
        ]
    }

    /// The wheel beside the sorted map it should be equal to. A payload is the number of its arming.
    struct Pair {
        start: Instant,
        now: Instant,
        timers: Timers<u64>,
        model: BTreeMap<(Instant, u64), TimerKey>,
        armed: u64,
    }

    impl Pair {
        fn new() -> Self {
            let start = Instant::now();
            Pair {
                start,
                now: start,
                timers: Timers::new(start),
                model: BTreeMap::new(),
                armed: 0,
            }
        }

        fn round_up(&self, at: Instant) -> Instant {
            let nanos = at.saturating_duration_since(self.start).as_nanos() as u64;
            self.start + Duration::from_nanos(nanos.next_multiple_of(1024))
        }

        fn earliest(&self) -> Option<Instant> {
            self.model.keys().next().map(|&(at, _)| at)
        }

        fn pick(&self, i: usize) -> Option<(Instant, u64)> {
            self.model.keys().nth(i % self.model.len().max(1)).copied()
        }

        fn arm(&mut self, at: Instant) {
            self.armed += 1;
            let key = self.timers.arm(at, self.armed);
            self.model.insert((at, self.armed), key);
        }

        /// False if nothing was due.
        fn pop(&mut self) -> bool {
            let due = self
                .earliest()
                .is_some_and(|at| self.round_up(at) <= self.now);
            let expected = due.then(|| self.model.pop_first().unwrap().0.1);
            assert_eq!(self.timers.pop_due(self.now), expected);
            due
        }

        fn pop_all(&mut self) {
            while self.pop() {}
            assert!(self.timers.next().is_none_or(|next| next > self.now));
        }

        /// True if there was something to sleep for.
        fn sleep_until_next(&mut self) -> bool {
            let next = self.timers.next();
            self.now = self.now.max(next.unwrap_or(self.now));
            self.pop_all();
            next.is_some()
        }

        fn step(&mut self, act: &Act) {
            let nanos = Duration::from_nanos;
            match *act {
                Act::Arm(n) if n < 0 => {
                    // Not every clock has an instant so long ago.
                    let at = self.now.checked_sub(nanos(n.unsigned_abs()));
                    self.arm(at.unwrap_or(self.start));
                }
                Act::Arm(n) => self.arm(self.now + nanos(n as u64)),
                Act::ArmEqual(i) => {
                    if let Some((at, _)) = self.pick(i) {
                        self.arm(at);
                    }
                }
                Act::Cancel(i) => {
                    if let Some((at, number)) = self.pick(i) {
                        let key = self.model.remove(&(at, number)).unwrap();
                        assert_eq!(self.timers.cancel(key), number);
                    }
                }
                Act::Advance(n) => {
                    self.now += nanos(n);
                    self.pop_all();
                }
                Act::AdvanceAndPopOne(n) => {
                    self.now += nanos(n);
                    self.pop();
                }
                Act::Pop(times) => {
                    for _ in 0..times {
                        self.pop();
                    }
                }
                Act::SleepUntilNext => {
                    self.sleep_until_next();
                }
            }
        }

        fn check(&self) {
            assert_eq!(self.timers.len(), self.model.len());
            let next = self.timers.next();
            let earliest = self.earliest().map(|at| self.round_up(at));
            assert_eq!(next.is_none(), earliest.is_none());
            let (Some(next), Some(earliest)) = (next, earliest) else {
                return;
            };
            assert!(next <= earliest);
            if self.model.len() <= FEW {
                assert_eq!(next.max(self.now), earliest.max(self.now), "not exact");
            }
        }
    }

    proptest! {
        #[test]
        fn the_wheel_is_a_sorted_map(acts in vec(act(), 1..150)) {
            let mut pair = Pair::new();
            for act in &acts {
                pair.step(act);
                pair.check();
            }
            let mut turns = 0;
            while pair.sleep_until_next() {
                pair.check();
                turns += 1;
                assert!(turns <= acts.len() * LEVELS);
            }
            assert!(pair.model.is_empty());
        }

        #[test]
        fn what_is_late_is_a_sorted_map_too(acts in vec(act_in_the_past(), 1..150)) {
            let mut pair = Pair::new();
            pair.step(&Act::Advance(1_000_000));
            for act in &acts {
                pair.step(act);
                pair.check();
            }
            pair.pop_all();
            assert!(pair.model.is_empty());
        }
    }
}
