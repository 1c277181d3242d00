//! `signal::end_on_ctrl_c`: each case runs in a process of its own, this program started again, which is sent `SIGINT`.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use greenlet::hub;
use greenlet::lock::Semaphore;
use greenlet::signal::{self, Signals, end_on_ctrl_c};
use greenlet::{sleep, spawn, spawn_later, yield_now};

/// Tells a child which case it is.
const CASE: &str = "GREENLET_CTRL_C_CASE";

const HOUR: Duration = Duration::from_secs(3600);
const MS: Duration = Duration::from_millis(1);

/// A name, what the child does, and what is done to it.
type Case = (&'static str, fn(), fn(Player));

const CASES: &[Case] = &[
    (
        "the first ends all greenlets, and then the run",
        ends,
        |mut player| {
            player.interrupt();
            player.says(&["unwound", "unwound", "unwound", "later", "run is over"]);
            player.ends(|status| status.success());
        },
    ),
    (
        "main that joins goes on with an error",
        joins,
        |mut player| {
            player.interrupt();
            player.says(&["killed"]);
            player.ends(|status| status.success());
        },
    ),
    ("the second ends the process", lingers, |mut player| {
        player.interrupt();
        player.says(&["lingers"]);
        player.interrupt();
        player.ends(|status| status.signal() == Some(2));
    }),
    (
        "the second ends one that never waits",
        computes,
        |mut player| {
            player.interrupt();
            player.says(&["first"]);
            player.interrupt();
            player.ends(|status| status.signal() == Some(2));
        },
    ),
    ("who lives on is killed again", swallows, |mut player| {
        player.interrupt();
        player.says(&["again", "again", "again", "run is over"]);
        player.ends(|status| status.success());
    }),
    (
        "each thread that asked is ended",
        on_threads,
        |mut player| {
            player.interrupt();
            player.says(&["thread is over", "thread is over", "run is over"]);
            player.ends(|status| status.success());
        },
    ),
    ("a receiver is told as well", is_received, |mut player| {
        player.interrupt();
        player.says(&["received SIGINT", "run is over"]);
        player.ends(|status| status.success());
    }),
    (
        "a destructor that panics keeps nobody alive",
        panics,
        |mut player| {
            player.interrupt();
            player.says(&["unwound", "run is over"]);
            player.ends(|status| status.success());
        },
    ),
    (
        "it does not hold up the run",
        holds_nothing_up,
        |mut player| {
            player.says(&["run is over"]);
            player.ends(|status| status.success());
        },
    ),
    (
        "nor beside a thread that blocks",
        beside_a_thread,
        |mut player| {
            player.says(&["run is over"]);
            player.ends(|status| status.success());
        },
    ),
    (
        "nor with greenlets that wait for ever",
        beside_the_hopeless,
        |mut player| {
            player.says(&["run is over"]);
            player.ends(|status| status.success());
        },
    ),
    ("it hides no deadlock", deadlocks, |player| {
        player.ends(|status| status.code() == Some(101));
    }),
    (
        "asked for after the first it ends all at once",
        asks_late,
        |mut player| {
            player.interrupt();
            player.says(&["run is over", "asks again", "run is over"]);
            player.ends(|status| status.success());
        },
    ),
];

/// Says so when it is dropped.
struct Says(&'static str);

impl Drop for Says {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn run() {
    println!("ready");
    hub::run();
    println!("run is over");
}

fn ends() {
    for _ in 0..2 {
        end_on_ctrl_c().unwrap();
    }
    for _ in 0..3 {
        drop(spawn(|| {
            let _says = Says("unwound");
            sleep(HOUR);
        }));
    }
    drop(spawn(|| {
        struct Spawns;

        impl Drop for Spawns {
            fn drop(&mut self) {
                drop(spawn(|| {
                    let _says = Says("later");
                    sleep(HOUR);
                }));
                // It begins to run before it is killed.
                yield_now();
            }
        }

        let _spawns = Spawns;
        sleep(HOUR);
    }));
    yield_now();
    run();
}

fn joins() {
    end_on_ctrl_c().unwrap();
    let sleeper = spawn(|| sleep(HOUR));
    println!("ready");
    drop(sleeper.join().unwrap_err());
    println!("killed");
}

fn lingers() {
    struct Lingers;

    impl Drop for Lingers {
        fn drop(&mut self) {
            println!("lingers");
            sleep(HOUR);
        }
    }

    end_on_ctrl_c().unwrap();
    drop(spawn(|| {
        let _lingers = Lingers;
        sleep(HOUR);
    }));
    yield_now();
    run();
}

fn computes() {
    let signals = Signals::new([signal::SIGINT]).unwrap();
    end_on_ctrl_c().unwrap();
    drop(spawn(move || {
        // One that has not begun would never do so.
        println!("ready");
        while signals.try_recv().is_none() {
            std::hint::spin_loop();
        }
        println!("first");
        loop {
            std::hint::spin_loop();
        }
    }));
    hub::run();
    println!("run is over");
}

fn swallows() {
    end_on_ctrl_c().unwrap();
    drop(spawn(|| {
        for _ in 0..3 {
            drop(catch_unwind(|| sleep(HOUR)));
            println!("again");
        }
    }));
    yield_now();
    run();
}

fn panics() {
    struct Panics;

    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }

    end_on_ctrl_c().unwrap();
    // It never begins: what it captured is dropped by whoever kills it.
    let panics = Panics;
    drop(spawn_later(HOUR, move || drop(panics)));
    drop(spawn(|| {
        let _says = Says("unwound");
        sleep(HOUR);
    }));
    yield_now();
    run();
}

fn on_threads() {
    end_on_ctrl_c().unwrap();
    let (tell, told) = mpsc::channel();
    let threads = [(); 2].map(|()| {
        let tell = tell.clone();
        thread::spawn(move || {
            end_on_ctrl_c().unwrap();
            drop(spawn(|| sleep(HOUR)));
            yield_now();
            tell.send(()).unwrap();
            hub::run();
            println!("thread is over");
        })
    });
    told.recv().unwrap();
    told.recv().unwrap();
    println!("ready");
    for thread in threads {
        thread.join().unwrap();
    }
    drop(spawn(|| sleep(HOUR)));
    hub::run();
    println!("run is over");
}

fn is_received() {
    end_on_ctrl_c().unwrap();
    let signals = Signals::new([signal::SIGINT]).unwrap();
    drop(spawn(|| sleep(HOUR)));
    println!("ready");
    println!("received {}", signals.recv().unwrap());
    hub::run();
    println!("run is over");
}

fn holds_nothing_up() {
    end_on_ctrl_c().unwrap();
    drop(spawn(|| sleep(MS)));
    run();
}

fn beside_a_thread() {
    let (_tell, told) = mpsc::channel::<()>();
    drop(thread::spawn(move || told.recv()));
    end_on_ctrl_c().unwrap();
    drop(spawn(|| sleep(MS)));
    run();
}

fn beside_the_hopeless() {
    end_on_ctrl_c().unwrap();
    drop(spawn(|| Semaphore::new(0).acquire()));
    run();
}

fn deadlocks() {
    end_on_ctrl_c().unwrap();
    let waits = spawn(|| Semaphore::new(0).acquire());
    println!("ready");
    drop(waits.join());
}

fn asks_late() {
    end_on_ctrl_c().unwrap();
    drop(spawn(|| sleep(HOUR)));
    run();
    println!("asks again");
    end_on_ctrl_c().unwrap();
    drop(spawn(|| sleep(HOUR)));
    hub::run();
    println!("run is over");
}

/// A child that is ready.
struct Player {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    name: &'static str,
}

impl Player {
    fn start(name: &'static str) -> Player {
        let mut child = Command::new(env::current_exe().unwrap())
            .env(CASE, name)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut player = Player { child, lines, name };
        assert_eq!(player.line(), "ready", "{name}");
        player
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn interrupt(&self) {
        let kill = format!("kill -INT {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    fn says(&mut self, wanted: &[&str]) {
        for wanted in wanted {
            assert_eq!(self.line(), *wanted, "{}", self.name);
        }
    }

    fn ends(mut self, well: fn(&ExitStatus) -> bool) {
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        assert!(well(&status), "{}: {status}: {stderr}", self.name);
        assert_eq!(self.line(), "", "{}", self.name);
    }
}

fn main() {
    if let Ok(name) = env::var(CASE) {
        let case = CASES.iter().find(|case| case.0 == name);
        return case.expect("is a case").1();
    }
    let mut failed = 0;
    for (name, _, test) in CASES {
        let passed = catch_unwind(AssertUnwindSafe(|| test(Player::start(name)))).is_ok();
        println!("{} ... {}", name, if passed { "ok" } else { "FAILED" });
        failed += usize::from(!passed);
    }
    assert_eq!(failed, 0, "of {} cases", CASES.len());
}
