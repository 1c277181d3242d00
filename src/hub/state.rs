//! A thread's hub: what there is of it, and how it begins and ends.
//!
//! * **S3** `HubPart::data` is a boxed [`Hub`], freed at the end of the thread's state, when nothing but main is left. From then on only
//!   names are dropped, until that state is gone as well, so nobody asks for the hub (B8).
#![allow(unsafe_code)]

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::greenlet::block::{AnyGreenlet, Arrival, Block, Thread};
use crate::hub::limits::Limits;
use crate::hub::reactor::Reactor;
use crate::hub::roll::{self, Beat};
use crate::hub::seat::Seat;
use crate::hub::stretch::Stretch;
use crate::hub::timers::Timers;
use crate::sys::clock;
use crate::wait::parker::{Home, Parker, Waiter};
use crate::wait::run_queue::RunQueue;

/// What a timer does.
pub(crate) enum Due {
    /// Ends a wait.
    Wake(Waiter),
    /// Gives a spawned greenlet its first turn.
    Start(AnyGreenlet),
    /// A limit that a greenlet runs under has elapsed.
    Elapse(AnyGreenlet, u64),
}

/// Somebody waits until there is nothing to do.
#[derive(Clone, Copy)]
pub(crate) struct Drain {
    pub(crate) waiter: Waiter,
    pub(crate) until: Until,
}

/// When there is nothing to do any more.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// Nothing can make anybody runnable, but so many timers of whoever waits.
    Drained(usize),
    /// No greenlet is about to die.
    Settled,
}

/// One thread's scheduler.
pub(crate) struct Hub {
    pub(crate) home: &'static Home,
    pub(crate) greenlet: AnyGreenlet,
    pub(crate) beat: Arc<Beat>,
    pub(crate) run_queue: RefCell<RunQueue<AnyGreenlet>>,
    pub(crate) timers: RefCell<Timers<Due>>,
    reactor: OnceCell<Reactor>,
    pub(crate) stretch: Stretch,
    /// New ones for which there was no stack yet.
    pub(crate) starved: RefCell<VecDeque<AnyGreenlet>>,
    pub(crate) drain: Cell<Option<Drain>>,
    /// Those with something to be raised whose waits are not interruptible.
    pub(crate) shielded: RefCell<Vec<AnyGreenlet>>,
    /// Those with something to be raised that no wait in the hub has heard: they are hit where they wait in a switch.
    pub(crate) strikes: RefCell<VecDeque<AnyGreenlet>>,
    pub(crate) next_limit: Cell<u64>,
    /// How many greenlets were spawned and have not ended.
    pub(crate) spawned: Cell<usize>,
    /// Whether anybody has to look at `limits`.
    pub(crate) is_limited: Cell<bool>,
    pub(crate) limits: Cell<Limits>,
    /// As `alert::MEASURED`, at hand where somebody becomes runnable.
    pub(crate) is_measured: Cell<bool>,
    pub(crate) mail: RefCell<Vec<&'static Parker>>,
    #[expect(
        clippy::vec_box,
        reason = "a block points to a seat, which must not move"
    )]
    spare_seats: RefCell<Vec<Box<Seat>>>,
}

/// The running greenlet, its seat, and its hub.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) thread: &'a Thread,
    pub(crate) hub: &'a Hub,
    pub(crate) me: &'a Block,
    pub(crate) seat: &'a Seat,
}

impl<'a> Place<'a> {
    /// That of a thread that has a hub.
    #[inline(always)]
    pub(crate) fn of(thread: &'a Thread) -> Self {
        let hub = Hub::of(thread);
        let me = thread.running();
        let seat = hub.seat(me);
        Place {
            thread,
            hub,
            me,
            seat,
        }
    }
}

impl Hub {
    /// The hub of a thread that has one.
    #[inline]
    pub(crate) fn of(thread: &Thread) -> &Hub {
        let part = thread.hub_part.get().expect("the hub has begun");
        // SAFETY: there as long as anybody asks for it (S3).
        unsafe { part.data.cast::<Hub>().as_ref() }
    }

    /// What a thread's new hub is. `wake` makes the greenlet of a key runnable; called on this thread.
    pub(crate) fn new(greenlet: AnyGreenlet, wake: fn(usize)) -> Box<Hub> {
        Box::new(Hub {
            home: Home::move_in(wake),
            greenlet,
            beat: Arc::default(),
            run_queue: RefCell::new(RunQueue::new()),
            timers: RefCell::new(Timers::new(clock::now())),
            reactor: OnceCell::new(),
            stretch: Stretch::new(),
            starved: RefCell::default(),
            drain: Cell::new(None),
            shielded: RefCell::default(),
            strikes: RefCell::default(),
            next_limit: Cell::new(0),
            spawned: Cell::new(0),
            is_limited: Cell::new(false),
            limits: Cell::default(),
            is_measured: Cell::new(false),
            mail: RefCell::default(),
            spare_seats: RefCell::default(),
        })
    }

    /// The reactor, made at the first wait for an fd.
    pub(crate) fn reactor(&self) -> io::Result<&Reactor> {
        if let Some(reactor) = self.reactor.get() {
            return Ok(reactor);
        }
        let reactor = Reactor::new()?;
        self.home.set_poke(reactor.poke());
        Ok(self.reactor.get_or_init(|| reactor))
    }

    /// The reactor, if somebody has waited for an fd.
    #[inline]
    pub(crate) fn reactor_if_any(&self) -> Option<&Reactor> {
        self.reactor.get()
    }

    /// The reactor, if somebody waits for an fd.
    #[inline]
    pub(crate) fn awaited_reactor(&self) -> Option<&Reactor> {
        self.reactor.get().filter(|reactor| reactor.is_awaited())
    }

    /// Makes a greenlet of this thread runnable (W7: it is not in the queue).
    #[inline(always)]
    pub(crate) fn make_runnable(&self, greenlet: AnyGreenlet) {
        if self.is_measured.get() {
            greenlet.block().thread().note_ready(&greenlet);
        }
        self.run_queue.borrow_mut().push(greenlet);
    }

    /// Makes the greenlet to which a parker belongs runnable.
    #[inline(always)]
    pub(crate) fn make_runnable_by_key(&self, thread: &Thread, key: usize) {
        let greenlet = thread.registry.borrow()[key].clone();
        self.make_runnable(greenlet);
    }

    /// The seat of a greenlet of this thread that has not ended.
    #[inline]
    pub(crate) fn seat<'a>(&self, block: &'a Block) -> &'a Seat {
        match Seat::of(block) {
            Some(seat) => seat,
            None => self.take_seat(block),
        }
    }

    #[cold]
    fn take_seat<'a>(&self, block: &'a Block) -> &'a Seat {
        let spare = self.spare_seats.borrow_mut().pop();
        let seat = spare.unwrap_or_else(|| Seat::new(self.home.take_parker()));
        seat.assign(block);
        Seat::of(block).expect("just assigned")
    }
}

/// Takes back the seat of a greenlet that is about to end. It may run between two greenlets, so nothing of the user's is dropped here.
pub(crate) fn vacate(thread: &Thread, block: &Block) {
    let hub = Hub::of(thread);
    let Some(seat) = Seat::reclaim(block) else {
        return;
    };
    if let Some(unheard) = seat.kill.take() {
        // What it was to die of came too late.
        thread.bury(Arrival::Thrown(unheard));
    }
    seat.pending.set(false);
    seat.shielded.set(false);
    hub.spare_seats.borrow_mut().push(seat);
}

/// Frees the hub of a thread that ends. Nothing but main is left.
pub(crate) fn free(thread: &Thread) {
    let Some(part) = thread.hub_part.get() else {
        return;
    };
    vacate(thread, thread.main().block());
    // SAFETY: as boxed by `begin`; nobody asks for the hub any more (S3).
    let hub = unsafe { Box::from_raw(part.data.cast::<Hub>().as_ptr()) };
    // Those that were killed before their first turn are in it still.
    debug_assert!(hub.run_queue.borrow().count(|greenlet| !greenlet.is_dead()) == 0);
    for seat in hub.spare_seats.take() {
        hub.home.give_back_parker(seat.parker);
    }
    roll::strike_off(hub.home);
    hub.home.move_out();
}
