//! Whole programs: between two sides only the `use` lines differ.

mod producer_consumer {
    //! Producers share a buffer of a few places under a `Condvar`, a consumer reports over a channel.

    use std::collections::VecDeque;

    use super::super::sync::mpsc::{self, Receiver, Sender};
    use super::super::sync::{Arc, Condvar, Mutex};
    use super::super::{check, thread};

    const PLACES: usize = 2;

    #[derive(Default)]
    struct Buffer {
        items: Mutex<VecDeque<Option<u32>>>,
        changed: Condvar,
    }

    impl Buffer {
        fn put(&self, item: Option<u32>) {
            let items = self.items.lock().unwrap();
            let full = |items: &mut VecDeque<_>| items.len() == PLACES;
            let mut items = self.changed.wait_while(items, full).unwrap();
            items.push_back(item);
            self.changed.notify_all();
        }

        fn get(&self) -> Option<u32> {
            let items = self.items.lock().unwrap();
            let mut items = self
                .changed
                .wait_while(items, |items| items.is_empty())
                .unwrap();
            let item = items.pop_front().unwrap();
            self.changed.notify_all();
            item
        }
    }

    fn consume(buffer: &Buffer, producers: usize, report: &Sender<u32>) {
        let mut running = producers;
        while running > 0 {
            match buffer.get() {
                Some(item) => report.send(item).unwrap(),
                None => running -= 1,
            }
        }
    }

    fn main() -> Vec<u32> {
        let buffer = Arc::new(Buffer::default());
        let (report, reports): (Sender<u32>, Receiver<u32>) = mpsc::channel();
        let producers: Vec<_> = (0..3)
            .map(|producer| {
                let buffer = buffer.clone();
                thread::spawn(move || {
                    for n in 0..5 {
                        buffer.put(Some(producer * 10 + n));
                    }
                    buffer.put(None);
                })
            })
            .collect();
        let consumer = thread::spawn(move || consume(&buffer, 3, &report));
        let mut seen: Vec<_> = reports.iter().collect();
        consumer.join().unwrap();
        for producer in producers {
            producer.join().unwrap();
        }
        for tens in 0..3 {
            let of_one = seen.iter().filter(|&n| n / 10 == tens);
            assert!(of_one.is_sorted(), "{seen:?}");
        }
        seen.sort_unstable();
        seen
    }

    #[test]
    fn runs() {
        check(|| {
            let expected: Vec<_> = (0..3)
                .flat_map(|p| (0..5).map(move |n| p * 10 + n))
                .collect();
            assert_eq!(main(), expected);
        });
    }
}

mod parallel_sum {
    //! A slice is summed in parts, by threads that borrow it.

    use super::super::sync::atomic::{AtomicU64, Ordering};
    use super::super::{check, thread};

    fn sum(numbers: &[u64], parts: usize) -> u64 {
        let part = numbers.len().div_ceil(parts).max(1);
        thread::scope(|s| {
            let handles: Vec<_> = numbers
                .chunks(part)
                .map(|chunk| s.spawn(move || chunk.iter().sum::<u64>()))
                .collect();
            handles.into_iter().map(|h| h.join().unwrap()).sum()
        })
    }

    fn main() -> (u64, u64) {
        let numbers: Vec<u64> = (1..=1000).collect();
        let squares = AtomicU64::new(0);
        thread::scope(|s| {
            for chunk in numbers.chunks(100) {
                let squares = &squares;
                s.spawn(move || {
                    let part = chunk.iter().map(|n| n * n).sum();
                    squares.fetch_add(part, Ordering::Relaxed);
                });
            }
        });
        let parts = thread::available_parallelism().map_or(2, |n| n.get());
        (sum(&numbers, parts), squares.into_inner())
    }

    #[test]
    fn runs() {
        check(|| {
            assert_eq!(main(), (500_500, 333_833_500));
            assert_eq!(sum(&[], 4), 0);
        });
    }
}

mod cache {
    //! A cache that many read and few write.

    use std::collections::HashMap;
    use std::time::Duration;

    use super::super::sync::atomic::{AtomicUsize, Ordering};
    use super::super::sync::{Arc, RwLock};
    use super::super::{check, thread};

    #[derive(Default)]
    struct Cache {
        known: RwLock<HashMap<u64, Arc<str>>>,
        made: AtomicUsize,
    }

    impl Cache {
        fn get(&self, key: u64) -> Arc<str> {
            if let Some(found) = self.known.read().unwrap().get(&key) {
                return found.clone();
            }
            let mut known = self.known.write().unwrap();
            // Another one may have been faster.
            let value = known.entry(key).or_insert_with(|| self.make(key));
            value.clone()
        }

        fn make(&self, key: u64) -> Arc<str> {
            thread::sleep(Duration::from_micros(100));
            self.made.fetch_add(1, Ordering::Relaxed);
            format!("value {key}").into()
        }
    }

    fn main() -> (usize, usize) {
        let cache = Arc::new(Cache::default());
        let readers: Vec<_> = (0..8)
            .map(|reader| {
                let cache = Arc::clone(&cache);
                let builder = thread::Builder::new().name(format!("reader {reader}"));
                let read = move || {
                    for n in 0..20 {
                        let key = (n + reader) % 5;
                        assert_eq!(*cache.get(key), format!("value {key}"));
                    }
                };
                builder.spawn(read).expect("a thread")
            })
            .collect();
        for reader in readers {
            reader.join().unwrap();
        }
        let cache = Arc::into_inner(cache).expect("the readers are gone");
        let known = cache.known.into_inner().unwrap();
        (cache.made.into_inner(), known.len())
    }

    #[test]
    fn runs() {
        check(|| assert_eq!(main(), (5, 5)));
    }
}

mod phases {
    //! Prefix sums by doubling: nobody begins a step before all have ended the one before.

    use super::super::sync::{Barrier, Mutex};
    use super::super::{check, thread};

    fn main() -> (Vec<u32>, usize) {
        const COUNT: usize = 8;
        let cells: Vec<_> = (0..COUNT).map(|_| Mutex::new(1)).collect();
        let barrier = Barrier::new(COUNT);
        let leaders = Mutex::new(0);
        thread::scope(|s| {
            for i in 0..COUNT {
                let (cells, barrier, leaders) = (&cells, &barrier, &leaders);
                s.spawn(move || {
                    let mut step = 1;
                    while step < COUNT {
                        let left = match i.checked_sub(step) {
                            Some(left) => *cells[left].lock().unwrap(),
                            None => 0,
                        };
                        barrier.wait();
                        *cells[i].lock().unwrap() += left;
                        if barrier.wait().is_leader() {
                            *leaders.lock().unwrap() += 1;
                        }
                        step *= 2;
                    }
                });
            }
        });
        let sums = cells.into_iter().map(|cell| cell.into_inner().unwrap());
        (sums.collect(), leaders.into_inner().unwrap())
    }

    #[test]
    fn runs() {
        check(|| assert_eq!(main(), ((1..=8).collect(), 3)));
    }
}

mod config {
    //! Settings that are read once, by whoever comes first, and what is made of them.

    use std::cell::Cell;

    use super::super::sync::atomic::{AtomicU32, Ordering};
    use super::super::sync::{LazyLock, Once, OnceLock, mpsc};
    use super::super::{check, thread, thread_local};

    #[derive(Debug, PartialEq)]
    struct Config {
        workers: u32,
        greeting: String,
    }

    static CONFIG: OnceLock<Config> = OnceLock::new();
    static GREETINGS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let config = config();
        (0..config.workers)
            .map(|n| format!("{} {n}", config.greeting))
            .collect()
    });
    static READ: AtomicU32 = AtomicU32::new(0);
    static ANNOUNCE: Once = Once::new();
    static ANNOUNCED: AtomicU32 = AtomicU32::new(0);

    thread_local! {
        static GREETED: Cell<u32> = const { Cell::new(0) };
    }

    fn config() -> &'static Config {
        CONFIG.get_or_init(|| {
            READ.fetch_add(1, Ordering::Relaxed);
            // Others come while it is being read.
            thread::yield_now();
            parse("workers=4;greeting=hello")
        })
    }

    fn parse(text: &str) -> Config {
        let value = |wanted| {
            let mut pairs = text.split(';').filter_map(|pair| pair.split_once('='));
            pairs
                .find(|(key, _)| *key == wanted)
                .map(|(_, value)| value)
        };
        Config {
            workers: value("workers").unwrap().parse().unwrap(),
            greeting: value("greeting").unwrap().to_owned(),
        }
    }

    fn greet(n: usize) -> (u32, &'static str) {
        ANNOUNCE.call_once(|| {
            ANNOUNCED.fetch_add(1, Ordering::Relaxed);
        });
        GREETED.set(GREETED.get() + 1);
        (GREETED.get(), &GREETINGS[n])
    }

    fn main() -> Vec<(u32, &'static str)> {
        let (tx, rx) = mpsc::sync_channel(0);
        for n in (0..4).rev() {
            let tx = tx.clone();
            thread::spawn(move || tx.send(greet(n)).unwrap());
        }
        drop(tx);
        let mut greetings: Vec<_> = rx.into_iter().collect();
        greetings.sort_unstable();
        greetings
    }

    #[test]
    fn runs() {
        check(|| {
            let greetings = ["hello 0", "hello 1", "hello 2", "hello 3"];
            assert_eq!(main(), greetings.map(|text| (1, text)));
            assert_eq!(READ.load(Ordering::Relaxed), 1);
            assert_eq!(ANNOUNCED.load(Ordering::Relaxed), 1);
            assert!(CONFIG.set(parse("workers=1;greeting=late")).is_err());
            assert_eq!(CONFIG.get().unwrap().workers, 4);
        });
    }
}
