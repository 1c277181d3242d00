//! What has to hold when nobody runs any more, and at the end.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::TryLockError;

use greenlet::hub::{self, Deadlock};
use greenlet::{GreenletId, sleep};

use crate::primitives::pipes::Passed;
use crate::primitives::program::{CHANNELS, MEETING, PIPES, Patience, SEMAPHORES, Who};
use crate::primitives::run::is_expected;
use crate::primitives::world::{Wait, World, units};

/// Rounds of killing all that is left. A program may swallow as many kills as it has operations.
const ROUNDS: usize = 500;

impl World {
    /// All greenlets that are left wait for ever: each for something that is not to be had.
    pub fn check_quiet(&self) {
        let stats = hub::stats();
        self.check(stats.runnable == 0 && stats.timers == 0, || {
            format!("nobody should run any more: {stats:?}")
        });
        let stuck = self.stuck();
        for (who, wait) in &stuck {
            self.check(!self.is_to_be_had(*wait, &stuck), || {
                format!("{who} waits for {wait:?}, which it could have")
            });
        }
        for which in 0..SEMAPHORES {
            self.check_units(which, true);
        }
        self.check_report(&stuck);
    }

    fn stuck(&self) -> Vec<(Who, Wait)> {
        let all = 0..self.greenlets.borrow().len();
        let left = all.filter(|who| self.is_left(*who));
        left.map(|who| {
            let wait = self.greenlets.borrow()[who].waits_for.get();
            self.check(wait.is_some(), || {
                format!("{who} is alive, and waits for nothing")
            });
            (who, wait.unwrap_or(Wait::Sleep))
        })
        .collect()
    }

    fn is_left(&self, who: Who) -> bool {
        let name = self.name(who);
        !name.is_dead() && name != greenlet::main()
    }

    fn is_to_be_had(&self, wait: Wait, stuck: &[(Who, Wait)]) -> bool {
        let is_free = |which: usize| {
            !matches!(
                self.mutexes[which].try_lock(),
                Err(TryLockError::WouldBlock)
            )
        };
        let ended = |who: Who| self.name(who).is_dead();
        match wait {
            // Time has passed.
            Wait::Sleep => true,
            Wait::Mutex(which) => is_free(which),
            Wait::Change(notifications, which) => {
                self.notifications_of_all.get() > notifications && is_free(which)
            }
            Wait::Read => !matches!(self.rwlock.try_read(), Err(TryLockError::WouldBlock)),
            Wait::Write => !matches!(self.rwlock.try_write(), Err(TryLockError::WouldBlock)),
            Wait::Unit(which) => self.semaphores[which].available() > 0,
            Wait::Meeting => {
                let waiting = stuck.iter().filter(|(_, wait)| *wait == Wait::Meeting);
                waiting.count() >= MEETING
            }
            Wait::Event(which) => self.events[which].is_set(),
            Wait::Result => self.result.is_set(),
            Wait::Put(pipe) => self.can_put(pipe),
            Wait::Get(pipe) => self.can_get(pipe),
            // It would be asked about itself.
            Wait::Select(0, 0) => false,
            Wait::Select(from, to) => self.can_get(from) || self.can_put(to),
            Wait::Done => self.pipes.joinable.unfinished() == 0,
            Wait::Once => self.once.is_completed() || self.runner.get().is_none(),
            Wait::Lock => !self.lock.locked(),
            Wait::RLock => self.rlock_holder.get().is_none(),
            // It has given the lock up, and may wait for that.
            Wait::Condition => false,
            Wait::End(who) => ended(who),
            Wait::EndOfAny(one, other) => ended(one) || ended(other),
            Wait::Children | Wait::SwitchBack => stuck.len() < 2,
            Wait::Slot => self.pool.free_count() > 0,
        }
    }

    /// Whether it would be refused, too: then whoever waits should have been told.
    fn can_put(&self, pipe: usize) -> bool {
        let item = self.ledger.item(pipe, usize::MAX);
        let number = self.ledger.len() - 1;
        let passed = self.pipes.put(pipe, item, Patience::None);
        if passed == Passed::Yes {
            self.ledger.sent(number);
        }
        passed == Passed::Yes || (passed == Passed::Closed && pipe >= CHANNELS)
    }

    fn can_get(&self, pipe: usize) -> bool {
        match self.pipes.get(pipe, Patience::None) {
            Ok(item) => {
                self.ledger.got(pipe, usize::MAX, &item);
                true
            }
            Err(passed) => passed == Passed::Closed && pipe >= CHANNELS,
        }
    }

    /// Cycles of owners are told, and nothing else is.
    fn check_report(&self, stuck: &[(Who, Wait)]) {
        let told: BTreeSet<GreenletId> = hub::deadlocks()
            .iter()
            .flat_map(Deadlock::cycle)
            .map(|parked| parked.id())
            .collect();
        let expected: BTreeSet<GreenletId> = stuck
            .iter()
            .filter(|(who, _)| self.comes_back(*who, stuck))
            .map(|(who, _)| self.name(*who).id())
            .collect();
        let is_unclear = stuck.iter().any(|(_, wait)| {
            matches!(
                wait,
                Wait::Children
                    | Wait::SwitchBack
                    | Wait::EndOfAny(..)
                    | Wait::Change(..)
                    | Wait::Condition
            )
        });
        let holds = match is_unclear {
            true => expected.is_subset(&told),
            false => expected == told,
        };
        self.check(holds, || {
            format!("cycles of {expected:?} are told as {told:?}")
        });
    }

    /// Whether the way from one who waits to the owner of what it waits for leads back.
    fn comes_back(&self, who: Who, stuck: &[(Who, Wait)]) -> bool {
        let mut at = who;
        for _ in stuck {
            let Some((_, wait)) = stuck.iter().find(|(other, _)| *other == at) else {
                return false;
            };
            let owner = match *wait {
                Wait::Mutex(which) => self.holders[which].get(),
                Wait::Read | Wait::Write => self.writer.get(),
                Wait::RLock => self.rlock_holder.get().map(|(who, _)| who),
                Wait::Once => self.runner.get(),
                Wait::End(other) => Some(other),
                _ => None,
            };
            match owner {
                Some(owner) if owner == who => return true,
                Some(owner) => at = owner,
                None => return false,
            }
        }
        false
    }

    /// Kills whoever is left, until nobody is.
    pub fn sweep(&self) {
        for _ in 0..ROUNDS {
            let all = 0..self.greenlets.borrow().len();
            let left: Vec<_> = all.filter(|who| self.is_left(*who)).collect();
            if left.is_empty() {
                break;
            }
            for who in left {
                self.kill(who);
            }
            sleep(units(100));
        }
        let greenlets = self.greenlets.take();
        for (who, greenlet) in greenlets.into_iter().enumerate() {
            self.check(
                greenlet.name.is_dead() || greenlet.name == greenlet::main(),
                || {
                    let waits_for = greenlet.waits_for.get();
                    format!("{who} cannot be killed: it waits for {waits_for:?}")
                },
            );
            let handle = greenlet.handle.filter(|handle| handle.is_finished());
            let handle = handle.map(|handle| Rc::into_inner(handle).expect("nobody else waits"));
            if let Some(Err(payload)) = handle.map(|handle| handle.join())
                && !is_expected(&*payload)
            {
                resume_unwind(payload);
            }
        }
    }

    /// Everything is where it belongs, and nobody is there.
    pub fn check_end(&self) {
        for which in 0..SEMAPHORES {
            self.check_units(which, true);
        }
        let is_free = |mutex: &greenlet::sync::Mutex<()>| {
            !matches!(mutex.try_lock(), Err(TryLockError::WouldBlock))
        };
        self.check(
            self.mutexes.iter().all(is_free),
            || "a mutex is left locked",
        );
        let write = self.rwlock.try_write();
        self.check(
            !matches!(write, Err(TryLockError::WouldBlock)),
            || "a reader or a writer is left",
        );
        self.check(
            !self.lock.locked() && !self.rlock.locked(),
            || "a lock is left",
        );
        self.check(self.met.get() == MEETING * self.led.get(), || {
            format!("{} have met, led {} times", self.met.get(), self.led.get())
        });
        self.check(self.pool.is_empty(), || "the pool has members");
        self.check(self.pooled.get() == 0, || "the pool runs something");
        for pipe in 0..PIPES {
            while let Ok(item) = self.pipes.get(pipe, Patience::None) {
                self.ledger.got(pipe, usize::MAX, &item);
            }
        }
        self.ledger.settle();
    }
}
