//! How often what took how long.

use std::fmt;
use std::time::Duration;

/// The bound of the first bucket: 64 ns.
const FIRST: u32 = 6;
/// The bound of the last one that has one: 73 minutes.
const LAST: u32 = 42;
/// One more, for what is longer still.
const BUCKETS: usize = (LAST - FIRST) as usize + 2;

/// Durations, counted in buckets: each is twice as wide as the one before it, from 64 ns to more than an hour.
///
/// To count one more costs a few nanoseconds, and no memory. [`Display`](fmt::Display) is a small table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
    count: u64,
    sum: Duration,
    max: Duration,
}

impl Histogram {
    pub(crate) const fn new() -> Self {
        Histogram {
            buckets: [0; BUCKETS],
            count: 0,
            sum: Duration::ZERO,
            max: Duration::ZERO,
        }
    }

    pub(crate) fn record(&mut self, duration: Duration) {
        self.buckets[bucket_of(duration)] += 1;
        self.count += 1;
        self.sum = self.sum.saturating_add(duration);
        self.max = self.max.max(duration);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest; zero if none was counted.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// What the fraction `q` of them did not exceed: the upper bound of the bucket in which that one is, or the longest if that is less. Zero if
    /// none was counted.
    ///
    /// # Panics
    ///
    /// If `q` is not between 0 and 1.
    pub fn quantile(&self, q: f64) -> Duration {
        assert!((0.0..=1.0).contains(&q), "{q} is no fraction");
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "not negative, and a histogram is not exact"
        )]
        let rank = ((q * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (bound, count) in self.buckets() {
            seen += count;
            if seen >= rank {
                return bound.min(self.max);
            }
        }
        self.max
    }

    /// The upper bound of every bucket, and how many are in it. The last one has none, for which it says [`Duration::MAX`].
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.buckets
            .iter()
            .enumerate()
            .map(|(index, count)| (bound(index), *count))
    }
}

fn bound(index: usize) -> Duration {
    match index + 1 == BUCKETS {
        true => Duration::MAX,
        false => Duration::from_nanos(1 << (index + FIRST as usize)),
    }
}

/// A duration is at most as long as the bound of its bucket.
fn bucket_of(duration: Duration) -> usize {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let bits = u64::BITS - nanos.saturating_sub(1).leading_zeros();
    (bits.clamp(FIRST, LAST + 1) - FIRST) as usize
}

/// How wide the longest bar is.
const BAR: u64 = 40;

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Histogram {
            count, sum, max, ..
        } = self;
        writeln!(f, "{count}, {sum:.1?} in all, {max:.1?} at most")?;
        let most = self.buckets.iter().max().copied().unwrap_or_default();
        let used = |(_, count): &(Duration, u64)| *count > 0;
        for (bound, count) in self.buckets().filter(used) {
            let bound = match bound {
                Duration::MAX => "more".to_owned(),
                bound => format!("{bound:.1?}"),
            };
            let bar = "#".repeat((count * BAR).div_ceil(most) as usize);
            writeln!(f, "{bound:>10} {count:>10} {bar}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NANO: Duration = Duration::from_nanos(1);

    fn of(durations: &[Duration]) -> Histogram {
        let mut histogram = Histogram::new();
        for duration in durations {
            histogram.record(*duration);
        }
        histogram
    }

    fn used(histogram: &Histogram) -> Vec<(Duration, u64)> {
        histogram.buckets().filter(|(_, n)| *n > 0).collect()
    }

    #[test]
    fn each_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        for power in FIRST..=LAST {
            let bound = Duration::from_nanos(1 << power);
            let after = match power {
                LAST => Duration::MAX,
                power => Duration::from_nanos(2 << power),
            };
            assert_eq!(used(&of(&[bound])), [(bound, 1)]);
            assert_eq!(used(&of(&[bound + NANO])), [(after, 1)]);
        }
        let first = Duration::from_nanos(64);
        assert_eq!(used(&of(&[Duration::ZERO, NANO])), [(first, 2)]);
        assert_eq!(used(&of(&[Duration::MAX])), [(Duration::MAX, 1)]);
        let hour = Duration::from_secs(3600);
        assert!(used(&of(&[hour]))[0].0 < Duration::MAX);
    }

    #[test]
    fn count_sum_and_max_are_exact() {
        let histogram = of(&[NANO * 3, NANO * 1_000, NANO * 20]);
        assert_eq!(histogram.count(), 3);
        assert_eq!(histogram.sum(), NANO * 1_023);
        assert_eq!(histogram.max(), NANO * 1_000);
    }

    #[test]
    fn a_quantile_is_the_bound_of_its_bucket_or_the_longest() {
        let mut histogram = of(&[NANO; 98]);
        histogram.record(NANO * 1_000);
        histogram.record(NANO * 5_000);
        assert_eq!(histogram.quantile(0.0), NANO * 64);
        assert_eq!(histogram.quantile(0.5), NANO * 64);
        assert_eq!(histogram.quantile(0.98), NANO * 64);
        assert_eq!(histogram.quantile(0.99), NANO * 1_024);
        assert_eq!(histogram.quantile(1.0), NANO * 5_000);
        assert_eq!(Histogram::new().quantile(0.5), Duration::ZERO);
        assert_eq!(of(&[Duration::MAX]).quantile(0.5), Duration::MAX);
    }

    #[test]
    fn it_is_written_as_a_table() {
        let histogram = of(&[NANO, NANO, NANO, NANO * 100, Duration::from_secs(7200)]);
        let text = histogram.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(lines[0], "5, 7200.0s in all, 7200.0s at most");
        let columns = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>();
        assert_eq!(columns(1), ["64.0ns", "3", "#".repeat(40).as_str()]);
        assert_eq!(columns(2), ["128.0ns", "1", "#".repeat(14).as_str()]);
        assert_eq!(columns(3)[..2], ["more", "1"]);
        assert_eq!(Histogram::new().to_string().lines().count(), 1);
    }
}
