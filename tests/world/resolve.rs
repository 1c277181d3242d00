//! Names: `net::ToSocketAddrs` and `net::lookup_host`.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use greenlet::net::{ToSocketAddrs, lookup_host};
use greenlet::threadpool::ThreadPool;
use greenlet::{JoinHandle, fs, join_all, sleep, spawn, timeout, yield_now};

use crate::fork::in_a_fork;
use crate::names::{asked, hold, release, wait_until_asked};
use crate::support::world_checked;

const SOON: Duration = Duration::from_millis(1);

fn home(port: u16) -> Vec<SocketAddr> {
    vec![SocketAddr::from(([127, 0, 0, 1], port))]
}

fn ours(what: impl ToSocketAddrs) -> Result<Vec<SocketAddr>, (io::ErrorKind, String)> {
    seen(what.to_socket_addrs().map(Iterator::collect))
}

fn stds(what: impl std::net::ToSocketAddrs) -> Result<Vec<SocketAddr>, (io::ErrorKind, String)> {
    seen(what.to_socket_addrs().map(Iterator::collect))
}

fn seen<T>(result: io::Result<T>) -> Result<T, (io::ErrorKind, String)> {
    result.map_err(|error| (error.kind(), error.to_string()))
}

fn spawn_ask(name: &'static str) -> JoinHandle<Vec<SocketAddr>> {
    spawn(move || lookup_host(name).unwrap().collect())
}

/// As std resolves it, whatever it is, and with the same error.
#[test]
fn everything_is_resolved_as_std_does_it() {
    world_checked(|| {
        let strings = [
            "127.0.0.1:80",
            "[::1]:80",
            "localhost:443",
            "some.test:1",
            "nobody.invalid:1",
            "127.0.0.1",
            "localhost",
            "",
            ":",
            ":80",
            "localhost:",
            "localhost:65536",
            "localhost:-1",
            "localhost:http",
            "a\0b:80",
            "::1:80",
            "[::1%9]:80",
        ];
        for string in strings {
            let expected = stds(string);
            assert_eq!(ours(string), expected, "{string:?}");
            assert_eq!(ours(string.to_owned()), expected, "{string:?}");
            let by_reference = <&&str as ToSocketAddrs>::to_socket_addrs(&&string);
            let by_reference = seen(by_reference.map(Iterator::collect));
            assert_eq!(by_reference, expected, "{string:?}");
            let pair = stds((string, 7));
            assert_eq!(ours((string, 7)), pair, "{string:?}");
            assert_eq!(ours((string.to_owned(), 7)), pair, "{string:?}");
        }
        for host in [
            "localhost",
            "127.0.0.1",
            "::1",
            "other.test",
            "none.invalid",
        ] {
            assert_eq!(ours((host, 80)), stds((host, 80)), "{host}");
        }
        let (v4, v6) = (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
        assert_eq!(ours((v4, 5)), stds((v4, 5)));
        assert_eq!(ours((v6, 5)), stds((v6, 5)));
        let (v4, v6) = (SocketAddrV4::new(v4, 6), SocketAddrV6::new(v6, 6, 1, 2));
        assert_eq!(ours(v4), stds(v4));
        assert_eq!(ours(v6), stds(v6));
        let both = [SocketAddr::V4(v4), SocketAddr::V6(v6)];
        assert_eq!(ours(both[0]), stds(both[0]));
        assert_eq!(ours((both[1].ip(), 9)), stds((both[1].ip(), 9)));
        assert_eq!(ours(&both[..]), stds(&both[..]));
    });
}

#[test]
fn what_is_no_name_is_told_at_once() {
    world_checked(|| {
        let other = spawn(|| ());
        assert_eq!(ours("1.2.3.4:5"), Ok(vec![([1, 2, 3, 4], 5).into()]));
        assert_eq!(ours(("1.2.3.4", 5)), Ok(vec![([1, 2, 3, 4], 5).into()]));
        assert!(ours("1.2.3.4").is_err() && ours("name.test:port").is_err());
        assert!(!other.is_finished(), "it switched");
        other.join().unwrap();
        assert_eq!((asked("1.2.3.4"), asked("name.test")), (0, 0));
    });
}

#[test]
fn others_go_on_meanwhile() {
    world_checked(|| {
        hold("slow.test");
        let asker = spawn_ask("slow.test:80");
        wait_until_asked("slow.test", 1);
        assert!(!asker.is_finished());
        let refused = asker.greenlet().try_switch::<(), ()>(()).unwrap_err();
        let waits = refused.to_string();
        assert!(waits.contains("the addresses of `slow.test`"), "{waits}");
        release("slow.test");
        assert_eq!(asker.join().unwrap(), home(80));
    });
}

#[test]
fn one_look_up_serves_all_who_ask_meanwhile_and_nobody_later() {
    world_checked(|| {
        hold("shared.test");
        let ports: Vec<_> = (1..=5_u16).collect();
        let ask = |port: u16| spawn(move || ours(("shared.test", port)));
        let askers: Vec<_> = ports.iter().map(|port| ask(*port)).collect();
        let elsewhere = thread::spawn(|| ours("shared.test:9"));
        wait_until_asked("shared.test", 1);
        askers[2].kill();
        sleep(SOON);
        release("shared.test");
        for (n, asker) in askers.into_iter().enumerate() {
            match n {
                2 => assert!(asker.join().is_err()),
                _ => assert_eq!(asker.join().unwrap(), Ok(home(ports[n]))),
            }
        }
        assert_eq!(elsewhere.join().unwrap(), Ok(home(9)));
        let before = asked("shared.test");
        assert!(before <= 2, "the thread alone may have come late: {before}");
        assert_eq!(ours("shared.test:1"), Ok(home(1)));
        assert_eq!(asked("shared.test"), before + 1);
    });
}

#[test]
fn who_gives_up_leaves_the_look_up_alone() {
    world_checked(|| {
        hold("left.test");
        let killed = spawn_ask("left.test:1");
        wait_until_asked("left.test", 1);
        killed.kill();
        assert!(killed.join().is_err());
        assert!(timeout(SOON, || ours("left.test:2")).is_err());
        // It still goes on, so this one asks for the same.
        let next = spawn_ask("left.test:3");
        yield_now();
        release("left.test");
        assert_eq!(next.join().unwrap(), home(3));
        assert_eq!(asked("left.test"), 1);
    });
}

#[test]
fn a_kill_that_is_pending_asks_nobody() {
    world_checked(|| {
        let asker = spawn(|| timeout(Duration::ZERO, || ours("never.test:1")));
        assert!(asker.join().unwrap().is_err());
        assert_eq!(asked("never.test"), 0);
    });
}

/// All the threads hang, and whoever needs no name does not feel it.
#[test]
fn names_that_hang_hold_up_other_names_only() {
    world_checked(|| {
        let names: Vec<_> = (0..10).map(|n| format!("hangs-{n}.test")).collect();
        for name in &names {
            hold(name);
        }
        let askers = names.iter().cloned();
        let askers: Vec<_> = askers.map(|name| spawn(move || ours((name, 1)))).collect();
        for name in &names {
            wait_until_asked(name, 1);
        }
        assert!(fs::metadata("src").unwrap().is_dir());
        assert_eq!(ThreadPool::new(1).apply(|| 5), 5);
        assert_eq!(ours("127.0.0.1:1"), Ok(home(1)));
        // One more has to wait, and is left out if nobody wants it any more.
        assert!(timeout(SOON, || ours("given-up.test:1")).is_err());
        let waits = Rc::new(Cell::new(true));
        let w = waits.clone();
        let last = spawn(move || {
            let result = ours("last.test:1");
            w.set(false);
            result
        });
        sleep(SOON);
        assert!(waits.get() && asked("last.test") == 0, "an eleventh thread");
        for name in &names {
            release(name);
        }
        for result in join_all(askers) {
            assert_eq!(result.unwrap(), Ok(home(1)));
        }
        assert_eq!(last.join().unwrap(), Ok(home(1)));
        assert_eq!(asked("given-up.test"), 0);
    });
}

#[test]
fn plain_threads_and_forks_resolve_as_well() {
    world_checked(|| {
        let thread = thread::spawn(|| ours("thread.test:1"));
        assert_eq!(thread.join().unwrap(), Ok(home(1)));
        // The threads are there, and idle, or in the middle of something.
        hold("stuck.test");
        let stuck = spawn_ask("stuck.test:1");
        wait_until_asked("stuck.test", 1);
        assert!(in_a_fork(|| {
            release("stuck.test");
            for name in ["localhost:1", "fork.test:1", "stuck.test:1"] {
                assert_eq!(ours(name), stds(name));
            }
            assert!(in_a_fork(|| assert_eq!(ours("fork.test:2"), Ok(home(2)))));
        }));
        release("stuck.test");
        assert_eq!(stuck.join().unwrap(), home(1));
    });
}
