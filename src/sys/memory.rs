//! How much memory is left, and how much of it stacks may take.
//!
//! A stack is address space, and memory only where it is touched. The system gives out more of it than it has; when all is touched it kills a process, and not always the one that
//! is at fault. So the memory that is left is looked at before address space for more stacks is reserved: what the machine has, what the control groups allow in which the
//! process is, and what its own limits allow. A sixteenth of each is left to everything else.
#![allow(unsafe_code)]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that may be reserved before the next look. What a program needs that is not large comes without any.
static BUDGET: AtomicUsize = AtomicUsize::new(64 << 20);

/// How many slots with so many bytes of memory may be reserved, `wanted` at most, each of which takes `stride` bytes of address space.
///
/// Half of what a look shows is then reserved without another: a look takes some ten microseconds.
pub(crate) fn affordable(wanted: usize, size: usize, stride: usize) -> usize {
    let len = wanted.saturating_mul(stride);
    let pay = |budget: usize| budget.checked_sub(len);
    let paid = BUDGET.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay);
    if paid.is_ok() {
        return wanted;
    }
    let room = Room::now();
    let slots = room.slots(wanted, size, stride);
    let rest = (room.memory.min(room.addresses) / 2).saturating_sub(slots.saturating_mul(stride));
    BUDGET.store(rest, Ordering::Relaxed);
    slots
}

/// Bytes that may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    /// Of memory.
    memory: usize,
    /// Of address space.
    addresses: usize,
}

impl Room {
    /// How many slots may be reserved. One that is larger than the memory that is left is not touched throughout, it is hoped.
    fn slots(self, wanted: usize, size: usize, stride: usize) -> usize {
        if self.memory == 0 {
            return 0;
        }
        let touched = (self.memory / size).max(1);
        wanted.min(touched).min(self.addresses / stride)
    }

    #[cfg(target_os = "linux")]
    fn now() -> Room {
        Room {
            memory: memory(Path::new("/proc"), Path::new("/sys/fs/cgroup")),
            addresses: addresses(),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn now() -> Room {
        Room {
            memory: usize::MAX,
            addresses: usize::MAX,
        }
    }
}

/// What may be taken if so much is `left` of `all`.
fn without_reserve(left: usize, all: usize) -> usize {
    left.saturating_sub(all / 16)
}

/// What may be taken of the machine's memory, and of that of the control groups. What cannot be read does not count.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn memory(proc: &Path, cgroup: &Path) -> usize {
    let machine = of_machine(proc).unwrap_or(usize::MAX);
    let groups = fs::read_to_string(proc.join("self/cgroup")).unwrap_or_default();
    let groups = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let version = match controllers {
            "" => &V2,
            _ if controllers.split(',').any(|name| name == "memory") => &V1,
            _ => return None,
        };
        Some(version.of_lineage(cgroup, path))
    });
    groups.fold(machine, usize::min)
}

/// What may be taken before there is neither memory nor swap.
fn of_machine(proc: &Path) -> Option<usize> {
    let text = fs::read_to_string(proc.join("meminfo")).ok()?;
    let bytes = |name| Some(field(&text, name)? << 10);
    let left = bytes("MemAvailable:")? + bytes("SwapFree:").unwrap_or(0);
    Some(without_reserve(left, bytes("MemTotal:")?))
}

/// How control groups tell of memory.
struct Version {
    mount: &'static str,
    limit: &'static str,
    used: &'static str,
    /// What of it is only kept as long as there is nothing better to do with it.
    caches: [&'static str; 2],
}

const V2: Version = Version {
    mount: "",
    limit: "memory.max",
    used: "memory.current",
    caches: ["active_file", "inactive_file"],
};

const V1: Version = Version {
    mount: "memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    caches: ["total_active_file", "total_inactive_file"],
};

impl Version {
    /// What may be taken of a group and all those that it is in. In a container its own may be the root of what is mounted.
    fn of_lineage(&self, cgroup: &Path, path: &str) -> usize {
        let root = cgroup.join(self.mount);
        let lineage = Path::new(path.trim_start_matches('/')).ancestors();
        let groups = lineage.filter_map(|group| self.of_group(&root.join(group)));
        groups.min().unwrap_or(usize::MAX)
    }

    fn of_group(&self, group: &Path) -> Option<usize> {
        let read = |file| fs::read_to_string(group.join(file)).ok();
        let number = |file| read(file)?.trim().parse::<usize>().ok();
        // "max" in version 2, as large as can be in version 1.
        let limit = number(self.limit).filter(|limit| *limit < 1 << 60)?;
        let stat = read("memory.stat").unwrap_or_default();
        let caches = self.caches.iter().filter_map(|name| field(&stat, name));
        let used = number(self.used)?.saturating_sub(caches.sum());
        Some(without_reserve(limit.saturating_sub(used), limit))
    }
}

/// The number that follows a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<usize> {
    let mut lines = text.lines().map(str::split_whitespace);
    let mut line = lines.find(|words| words.clone().next() == Some(name))?;
    line.nth(1)?.parse().ok()
}

/// What may be taken of the address space and the data that the process's own limits allow (`ulimit -v`, `ulimit -d`).
#[cfg(target_os = "linux")]
fn addresses() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let left = |resource, name| {
        let limit = limit_of(resource)?;
        let used = field(&status, name)? << 10;
        Some(without_reserve(limit.saturating_sub(used), limit))
    };
    let space = left(libc::RLIMIT_AS, "VmSize:").unwrap_or(usize::MAX);
    let data = left(libc::RLIMIT_DATA, "VmData:").unwrap_or(usize::MAX);
    space.min(data)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(all(target_os = "linux", not(target_env = "gnu")))]
type Resource = libc::c_int;

/// One of the process's own limits, if it is one.
#[cfg(target_os = "linux")]
fn limit_of(resource: Resource) -> Option<usize> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: writes to `limit`.
    let done = unsafe { libc::getrlimit(resource, &raw mut limit) };
    if done != 0 || limit.rlim_cur == libc::RLIM_INFINITY {
        return None;
    }
    usize::try_from(limit.rlim_cur).ok()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const MIB: usize = 1 << 20;

    /// A directory of a test's own, with files in it.
    struct Files(PathBuf);

    impl Files {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let dir = std::env::temp_dir();
            let dir = dir.join(format!("greenlet-memory-{}-{name}", std::process::id()));
            for (path, text) in files {
                let path = dir.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Files(dir)
        }

        fn memory(&self) -> usize {
            memory(&self.0.join("proc"), &self.0.join("cgroup"))
        }
    }

    impl Drop for Files {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    const MEMINFO: &str =
        "MemTotal:  16384 kB\nMemFree: 1 kB\nMemAvailable:  8192 kB\nSwapTotal: 9 kB\n";

    #[test]
    fn a_sixteenth_of_the_machine_is_left_alone() {
        let files = Files::new("machine", &[("proc/meminfo", MEMINFO)]);
        assert_eq!(files.memory(), 7 * MIB);
        let low = MEMINFO.replace("8192", "1000");
        let files = Files::new("low", &[("proc/meminfo", &low)]);
        assert_eq!(files.memory(), 0);
        let swap = format!("{low}SwapFree: 1024 kB\n");
        let files = Files::new("swap", &[("proc/meminfo", &swap)]);
        assert_eq!(files.memory(), 1000 << 10);
        assert_eq!(Files::new("none", &[]).memory(), usize::MAX);
    }

    #[test]
    fn the_narrowest_control_group_counts_without_what_it_only_caches() {
        let files = Files::new(
            "v2",
            &[
                ("proc/meminfo", MEMINFO),
                ("proc/self/cgroup", "0::/outer/inner\n"),
                ("cgroup/memory.max", "1\n"),
                ("cgroup/outer/memory.max", "4194304\n"),
                ("cgroup/outer/memory.current", "3145728\n"),
                (
                    "cgroup/outer/memory.stat",
                    "anon 1\nactive_file 1048576\ninactive_file 524288\n",
                ),
                ("cgroup/outer/inner/memory.max", "max\n"),
                ("cgroup/outer/inner/memory.current", "99999999999\n"),
            ],
        );
        assert_eq!(files.memory(), 4 * MIB - 3 * MIB / 2 - MIB / 4);
    }

    #[test]
    fn control_groups_of_version_1_count_as_well() {
        let files = Files::new(
            "v1",
            &[
                ("proc/self/cgroup", "9:cpu:/x\n4:memory:/not/mounted\n"),
                ("cgroup/memory/memory.limit_in_bytes", "16777216\n"),
                ("cgroup/memory/memory.usage_in_bytes", "4194304\n"),
                ("cgroup/memory/memory.stat", "total_inactive_file 1048576\n"),
            ],
        );
        assert_eq!(files.memory(), 12 * MIB);
        let files = Files::new(
            "v1-unlimited",
            &[
                ("proc/self/cgroup", "4:memory:/\n"),
                (
                    "cgroup/memory/memory.limit_in_bytes",
                    "9223372036854771712\n",
                ),
                ("cgroup/memory/memory.usage_in_bytes", "4194304\n"),
            ],
        );
        assert_eq!(files.memory(), usize::MAX);
    }

    #[test]
    fn fewer_slots_are_reserved_when_less_is_left_and_none_when_nothing_is() {
        let room = |memory, addresses| Room { memory, addresses };
        assert_eq!(room(100, 1000).slots(50, 10, 10), 10);
        assert_eq!(room(1000, 100).slots(50, 10, 10), 10);
        assert_eq!(room(1000, 1000).slots(50, 10, 10), 50);
        assert_eq!(room(100, 100).slots(50, 10, 20), 5);
        assert_eq!(
            room(5, 1000).slots(50, 10, 10),
            1,
            "larger than what is left"
        );
        assert_eq!(room(1000, 5).slots(50, 10, 10), 0, "there is no such space");
        assert_eq!(room(0, 1000).slots(50, 10, 10), 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_has_some_left() {
        let room = Room::now();
        assert!(room.memory > 0 && room.addresses > 0, "{room:?}");
        assert!(room.memory < usize::MAX, "meminfo can be read");
    }
}
