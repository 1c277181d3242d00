//! A dump as JSON says what the dump says.

use std::rc::Rc;
use std::time::Duration;

use greenlet::debug::{Backtrace, GreenletDump, dump};
use greenlet::event::Event;
use greenlet::{Greenlet, hub, spawn, timeout, yield_now};
use serde_json::{Value, json, to_value};

use crate::support::leak_checked;

fn backtrace(of: &Backtrace) -> Value {
    let frames: Vec<Value> = of
        .frames()
        .iter()
        .map(|frame| {
            let at = frame.at.as_ref();
            json!({
                "function": frame.function,
                "at": at.map(|(file, line)| format!("{file}:{line}")),
            })
        })
        .collect();
    json!({"frames": frames, "remark": of.remark()})
}

/// What is to be read of one greenlet.
fn expected(of: &GreenletDump) -> Value {
    let number = |id: greenlet::GreenletId| {
        let number: u64 = id.to_string().trim_start_matches('#').parse().unwrap();
        number
    };
    json!({
        "id": number(of.id),
        "name": of.name,
        "is_main": of.is_main,
        "activity": format!("{:?}", of.activity).to_lowercase(),
        "waits_for": of.waits_for,
        "held_by": of.held_by.map(number),
        "waited": of.waited.map(|it| it.as_secs_f64()),
        "time_left": of.time_left.map(|it| it.as_secs_f64()),
        "waits_at": of.waits_at.map(ToString::to_string),
        "created_by": of.created_by.map(number),
        "created_at": of.created_at.map(ToString::to_string),
        "stack": of.stack.map(|stack| json!({
            "size": stack.size,
            "in_use": stack.in_use,
            "high_water": stack.high_water,
        })),
        "backtrace": backtrace(&of.backtrace),
    })
}

#[test]
fn a_dump_as_json_has_all_of_its_fields() {
    leak_checked(|| {
        let event = Rc::new(Event::new());
        let waiter = Greenlet::builder().name("waiter").spawn({
            let event = event.clone();
            move || timeout(Duration::from_secs(3600), || event.wait()).unwrap()
        });
        yield_now();
        let runnable = spawn(|| ());
        let suspended = Greenlet::new(|()| greenlet::main().switch::<(), ()>(()));
        suspended.switch(());
        let dump = dump();
        let read = to_value(&dump).unwrap();

        let [thread] = dump.threads.as_slice() else {
            panic!("{dump}");
        };
        let stats = thread.stats.unwrap();
        let all: Vec<Value> = thread.greenlets.iter().map(expected).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(
            read["threads"],
            json!([{
                "thread": thread.thread,
                "stats": {
                    "spawned": stats.spawned,
                    "runnable": stats.runnable,
                    "timers": stats.timers,
                    "live": stats.live,
                    "parked": stats.parked,
                    "stacks": stats.stacks,
                    "pooled_stacks": stats.pooled_stacks,
                    "stack_bytes": stats.stack_bytes,
                },
                "greenlets": all,
            }])
        );
        assert_eq!(read["silent"], json!([]));

        // And in its own words, for one of them.
        let greenlets = read["threads"][0]["greenlets"].as_array().unwrap();
        let waiter_read = greenlets.iter().find(|it| it["name"] == "waiter").unwrap();
        assert_eq!(waiter_read["activity"], "parked");
        assert_eq!(waiter_read["waits_for"], "an `Event`");
        assert!(waiter_read["stack"]["in_use"].as_u64().unwrap() > 0);
        let at = waiter_read["waits_at"].as_str().unwrap();
        let mut parts = at.rsplit(':');
        assert!(parts.next().unwrap().parse::<u32>().is_ok(), "{at}");
        assert!(parts.next().unwrap().parse::<u32>().is_ok(), "{at}");
        assert!(parts.next().unwrap().ends_with("serialized.rs"), "{at}");
        let frames = waiter_read["backtrace"]["frames"].as_array().unwrap();
        let is_here = |it: &Value| {
            let function = it["function"].as_str();
            function.is_some_and(|it| it.contains("a_dump_as_json_has_all"))
        };
        assert!(frames.iter().any(is_here), "{frames:?}");

        event.set();
        waiter.join().unwrap();
        runnable.join().unwrap();
        drop(suspended);
        hub::run();
    });
}

#[test]
fn seconds_are_numbers_and_what_is_not_there_is_null() {
    leak_checked(|| {
        let sleeper = spawn(|| greenlet::sleep(Duration::from_secs(3600)));
        yield_now();
        let read = to_value(dump()).unwrap();
        let greenlets = read["threads"][0]["greenlets"].as_array().unwrap();
        let [main, sleeping] = greenlets.as_slice() else {
            panic!("{greenlets:?}");
        };
        let left = sleeping["time_left"].as_f64().unwrap();
        assert!(left > 0.0 && left <= 3600.0, "{left}");
        assert!(sleeping["waited"].is_f64());
        for nothing in ["name", "held_by"] {
            assert_eq!(sleeping[nothing], Value::Null);
        }
        for nothing in ["created_by", "created_at", "waits_for", "stack"] {
            assert_eq!(main[nothing], Value::Null);
        }
        sleeper.kill();
        assert!(sleeper.join().is_err());
    });
}
