//! A subscriber that writes down what it is told.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_core::span::Current;

/// What it was told, and what of it is still open.
#[derive(Default)]
pub struct Book {
    /// `enter outer`, `exit outer`; of events `DEBUG spawned in outer > inner`.
    pub log: Vec<String>,
    spans: HashMap<u64, Span>,
    /// What is entered, the innermost last.
    stack: Vec<u64>,
    last: u64,
}

#[derive(Clone)]
pub struct Span {
    pub name: &'static str,
    pub level: Level,
    pub fields: HashMap<&'static str, String>,
    /// The name of the one that was current when it was made.
    pub parent: Option<&'static str>,
    metadata: &'static Metadata<'static>,
    references: usize,
}

/// Called at every enter and exit, after it was written down.
type Act = Box<dyn Fn(&str) + Send + Sync>;

/// To be read while it is in use. It is for one thread.
#[derive(Clone)]
pub struct Recorder {
    book: Arc<Mutex<Book>>,
    act: Arc<Act>,
}

impl Recorder {
    pub fn new() -> Self {
        Recorder::with(|_| ())
    }

    pub fn with(act: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Recorder {
            book: Arc::default(),
            act: Arc::new(Box::new(act)),
        }
    }

    /// Is the calling thread's subscriber while `run` runs.
    pub fn record(&self, run: impl FnOnce()) {
        tracing::dispatcher::with_default(&Dispatch::new(self.clone()), run);
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn log(&self) -> Vec<String> {
        self.book().log.clone()
    }

    /// What was written down that contains this.
    pub fn lines(&self, part: &str) -> Vec<String> {
        let log = self.log();
        log.into_iter().filter(|it| it.contains(part)).collect()
    }

    fn act(&self, what: String) {
        self.book().log.push(what.clone());
        (self.act)(&what);
    }

    fn name(&self, id: &Id) -> &'static str {
        let book = self.book();
        let span = book.spans.get(&id.into_u64());
        span.map_or("something closed", |span| span.name)
    }
}

impl Book {
    /// Those that have not been closed.
    pub fn open(&self) -> Vec<&Span> {
        self.spans.values().collect()
    }

    /// Of those it is not to be told any more.
    pub fn forget_open(&mut self) {
        self.spans.clear();
    }

    /// The spans that are entered.
    pub fn path(&self) -> String {
        let open = self.stack.iter().filter_map(|id| self.spans.get(id));
        let names = open.map(|span| span.name);
        names.collect::<Vec<_>>().join(" > ")
    }
}

struct Fields<'a>(&'a mut HashMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut book = self.book();
        book.last += 1;
        let id = book.last;
        let mut fields = HashMap::new();
        attributes.record(&mut Fields(&mut fields));
        let parent = match attributes.is_contextual() {
            true => book
                .stack
                .last()
                .and_then(|id| book.spans.get(id))
                .map(|it| it.name),
            false => None,
        };
        let metadata = attributes.metadata();
        let span = Span {
            name: metadata.name(),
            level: *metadata.level(),
            fields,
            parent,
            metadata,
            references: 1,
        };
        book.spans.insert(id, span);
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = HashMap::new();
        event.record(&mut Fields(&mut fields));
        let mut book = self.book();
        let message = fields.remove("message").unwrap_or_default();
        let mut line = format!("{} {message} in {}", event.metadata().level(), book.path());
        if let Some(payload) = fields.get("payload") {
            line.push_str(&format!(": {payload}"));
        }
        if let Some(name) = fields.get("name") {
            line.push_str(&format!(" ({name})"));
        }
        book.log.push(line);
    }

    fn enter(&self, id: &Id) {
        self.book().stack.push(id.into_u64());
        self.act(format!("enter {}", self.name(id)));
    }

    fn exit(&self, id: &Id) {
        let mut book = self.book();
        let at = book.stack.iter().rposition(|it| *it == id.into_u64());
        if let Some(at) = at {
            book.stack.remove(at);
        }
        drop(book);
        self.act(format!("exit {}", self.name(id)));
    }

    fn clone_span(&self, id: &Id) -> Id {
        let mut book = self.book();
        book.spans.get_mut(&id.into_u64()).unwrap().references += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut book = self.book();
        let span = book.spans.get_mut(&id.into_u64()).unwrap();
        span.references -= 1;
        let last = span.references == 0;
        if last {
            book.spans.remove(&id.into_u64());
        }
        last
    }

    fn current_span(&self) -> Current {
        let book = self.book();
        let Some(id) = book.stack.last() else {
            return Current::none();
        };
        // As `tracing-subscriber`'s registry has it.
        let open = book.spans.get(id);
        open.map_or_else(Current::none, |span| {
            Current::new(Id::from_u64(*id), span.metadata)
        })
    }
}
