//! All there is to do.

use crate::chaos::world::Actor;
use crate::chaos::{locks, messages, net, streams, system, tasks};

type Act = (&'static str, fn(&Actor));

/// Each is as likely as any other.
pub(crate) const ACTS: &[Act] = &[
    ("Mutex", locks::mutex),
    ("RwLock, read", locks::rwlock_read),
    ("RwLock, write, downgrade", locks::rwlock_write),
    ("RLock", locks::rlock),
    ("Semaphores", locks::semaphore),
    ("Condvar", locks::condvar),
    ("Event", locks::event),
    ("Barrier", locks::barrier),
    ("AsyncResult, OnceLock", locks::results),
    ("queues and channels", messages::pipe),
    ("select!", messages::selects),
    ("mpsc", messages::mpsc_act),
    ("JoinableQueue", messages::joinable),
    ("sleep, yield_now", tasks::waits),
    ("timeout", tasks::timeouts),
    ("spawn, join, kill, throw", tasks::spawned),
    ("wait_any, kill_all", tasks::races),
    ("scope", tasks::scopes),
    ("Pool", tasks::pools),
    ("switch, throw", tasks::switches),
    ("switch around", tasks::rings),
    ("Generator", tasks::generators),
    ("GreenletExit", tasks::exits),
    ("ThreadPool", tasks::threads),
    ("shared streams", streams::stream),
    ("shared streams, again", streams::stream),
    ("TCP", net::tcp),
    ("Unix sockets", net::unix),
    ("UDP", net::udp),
    ("readiness", net::readiness),
    ("files", system::files),
    ("names", system::names),
    ("processes", system::processes),
];
