//! How a dump is written.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::debug::dump::{Activity, Dump, GreenletDump, ThreadDump};
use crate::util::id::GreenletId;

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, thread) in self.threads.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{thread}")?;
        }
        for thread in &self.silent {
            writeln!(
                f,
                "\nthread {thread}: does not answer, for what runs there does not wait"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for ThreadDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "thread {}: {} greenlets",
            self.thread,
            self.greenlets.len()
        )?;
        if let Some(stats) = self.stats {
            write!(f, ", {} runnable, {} timers", stats.runnable, stats.timers)?;
        }
        writeln!(f)?;
        Tree::of(self).write(f)
    }
}

/// As `` `worker` (#7), parked ``.
impl fmt::Display for GreenletDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.is_main) {
            (Some(name), _) => write!(f, "`{name}` ({}), ", self.id)?,
            (None, true) => write!(f, "main ({}), ", self.id)?,
            (None, false) => write!(f, "{}, ", self.id)?,
        }
        write!(f, "{}", self.activity)
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Activity::New => "not started",
            Activity::Running => "running",
            Activity::Runnable => "runnable",
            Activity::Parked => "parked",
            Activity::Suspended => "suspended",
        })
    }
}

/// Who was made by whom.
struct Tree<'a> {
    children: HashMap<Option<GreenletId>, Vec<&'a GreenletDump>>,
    labels: HashMap<GreenletId, &'a GreenletDump>,
}

impl<'a> Tree<'a> {
    fn of(thread: &'a ThreadDump) -> Self {
        let ids: HashSet<_> = thread
            .greenlets
            .iter()
            .map(|greenlet| greenlet.id)
            .collect();
        let mut children: HashMap<_, Vec<_>> = HashMap::new();
        for greenlet in &thread.greenlets {
            // Who was made by a dead one stands at the root.
            let by = greenlet.created_by.filter(|by| ids.contains(by));
            children.entry(by).or_default().push(greenlet);
        }
        let labels = thread.greenlets.iter();
        Tree {
            children,
            labels: labels.map(|greenlet| (greenlet.id, greenlet)).collect(),
        }
    }

    /// A loop: a lineage may be of any length.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = |by| self.children.get(&by).into_iter().flatten().rev();
        let mut todo: Vec<_> = below(None).map(|greenlet| (0, *greenlet)).collect();
        while let Some((depth, greenlet)) = todo.pop() {
            self.write_one(f, depth, greenlet)?;
            todo.extend(below(Some(greenlet.id)).map(|child| (depth + 1, *child)));
        }
        Ok(())
    }

    fn write_one(
        &self,
        f: &mut fmt::Formatter<'_>,
        depth: usize,
        greenlet: &GreenletDump,
    ) -> fmt::Result {
        let indent = "  ".repeat(depth.min(20) + 1);
        writeln!(f, "{indent}{greenlet}")?;
        let indent = format!("{indent}    ");
        if let Some(waits_for) = &greenlet.waits_for {
            write!(f, "{indent}waits for {waits_for}")?;
            if let Some(holder) = greenlet
                .held_by
                .filter(|_| !waits_for.starts_with("the end of"))
            {
                write!(f, ", held by {}", self.label(holder))?;
            }
            if let Some(waited) = greenlet.waited {
                write!(f, ", for {:.3} s", waited.as_secs_f64())?;
            }
            if let Some(left) = greenlet.time_left {
                write!(f, ", {:.3} s left", left.as_secs_f64())?;
            }
            if let Some(waits_at) = greenlet.waits_at {
                write!(f, ", at {waits_at}")?;
            }
            writeln!(f)?;
        }
        if let Some(created_at) = greenlet.created_at {
            writeln!(f, "{indent}created at {created_at}")?;
        }
        if let Some(stack) = greenlet.stack {
            write!(f, "{indent}stack: ")?;
            if let Some(in_use) = stack.in_use {
                write!(f, "{in_use} bytes in use, ")?;
            }
            writeln!(f, "{} at most, of {}", stack.high_water, stack.size)?;
        }
        for frame in greenlet.backtrace.frames() {
            writeln!(f, "{indent}in {frame}")?;
        }
        match greenlet.backtrace.remark() {
            None => Ok(()),
            Some(remark) => writeln!(f, "{indent}({remark})"),
        }
    }

    fn label(&self, id: GreenletId) -> String {
        match self
            .labels
            .get(&id)
            .and_then(|greenlet| greenlet.name.as_ref())
        {
            Some(name) => format!("`{name}` ({id})"),
            None => id.to_string(),
        }
    }
}
