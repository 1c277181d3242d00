//! greenlet's documentation, "Switching between greenlets": passing values, and what the dead answer.

use greenlet::{Greenlet, SwitchError};

fn main() {
    passing_values();
    packing();
    poking_the_dead();
}

fn passing_values() {
    println!("E15 values passed along");
    let gr1 = Greenlet::<(&str, &str), ()>::empty();
    let name1 = gr1.any();
    let gr2 = Greenlet::<String, ()>::new(move |text| {
        println!("{text}");
        name1.switch::<i32, ()>(42);
    });
    let name2 = gr2.any();
    gr1.set_run(move |(x, y)| {
        let number: i32 = name2.switch(format!("{x}{y}"));
        println!("{number}");
    });
    gr1.switch(("hello", " world"));
}

/// Where Python packs positional and keyword arguments into one object, a type says what can be sent.
#[derive(Debug)]
enum Message {
    One(i32),
    Several(&'static [&'static str]),
    Named(&'static [(&'static str, &'static str)]),
    Both(
        &'static [&'static str],
        &'static [(&'static str, &'static str)],
    ),
    Stop,
}

fn packing() {
    println!("E16 whatever is to be sent, packed into one type");
    let g = Greenlet::<Message, ()>::new(|first| {
        let mut message = first;
        loop {
            match message {
                Message::Both(words, names) => println!("{} {names:?}", words.join(" ")),
                Message::One(number) => println!("{number}"),
                Message::Several(words) => println!("{words:?}"),
                Message::Named(names) => println!("{names:?}"),
                Message::Stop => return,
            }
            message = greenlet::main().switch(());
        }
    });
    let english = &[("language", "en")];
    g.switch(Message::Both(&["hello", "world"], english));
    g.switch(Message::One(42));
    g.switch(Message::Several(&["how", "are", "you"]));
    g.switch(Message::Named(english));
    g.switch(Message::Both(&["howdy"], &[("language", "en_US")]));
    g.switch(Message::Both(&["all", "y'all"], &[("language", "en_US")]));
    g.switch(Message::Stop);
    println!("dead: {}", g.is_dead());
}

/// In Python, switching to the dead answers with what was sent, which nothing tells from a real answer. Here it
/// is refused, and the value handed back.
fn poking_the_dead() {
    println!("E17 outer switches to its inner greenlet twice");
    let inner = Greenlet::<(), i32>::empty();
    let name = inner.any();
    let outer = Greenlet::<()>::new(move |()| {
        name.set_parent(&greenlet::current())
            .expect("outer is no child of inner");
        println!("inner gave {}", name.switch::<(), i32>(()));
        println!("{}", refusal(name.try_switch::<(), i32>(())));
    });
    inner.set_run(|()| 42);
    outer.switch(());

    println!("E18 main switches to the dead inner greenlet");
    println!("{}", refusal(inner.try_switch(())));
}

fn refusal(answer: Result<i32, SwitchError<()>>) -> String {
    match answer {
        Err(SwitchError::Dead(value)) => format!("it is dead; back comes {value:?}"),
        other => unreachable!("{other:?} from a dead greenlet"),
    }
}
