//! What safe code cannot do: programs that are refused, each beside one that differs in just that and is not. Which error it is is
//! checked by a nightly toolchain only.
//!
//! # To leave the thread
//!
//! Greenlets, and all that names them, belong to the thread that made them.
//!
//! ```compile_fail,E0277
//! let greenlet = greenlet::Greenlet::new(|x: i32| x);
//! std::thread::spawn(move || greenlet.switch(1));
//! ```
//! ```
//! let greenlet = greenlet::Greenlet::new(|x: i32| x);
//! greenlet::spawn(move || greenlet.switch(1));
//! ```
//!
//! ```compile_fail,E0277
//! let name = greenlet::current();
//! std::thread::spawn(move || name.kill());
//! ```
//! ```
//! let name = greenlet::current().id(); // a number
//! std::thread::spawn(move || println!("{name:?}"));
//! ```
//!
//! ```compile_fail,E0277
//! let name = greenlet::current();
//! std::thread::scope(|s| { s.spawn(|| name.is_dead()); });
//! ```
//! ```
//! let name = greenlet::current().name();
//! std::thread::scope(|s| { s.spawn(|| name.is_none()); });
//! ```
//!
//! ```compile_fail,E0277
//! let weak = greenlet::Greenlet::new(|x: i32| x).downgrade();
//! std::thread::spawn(move || weak.upgrade().is_none());
//! ```
//! ```compile_fail,E0277
//! let numbers = greenlet::Generator::<i32>::new(|y| y.give(1));
//! std::thread::spawn(move || numbers.count());
//! ```
//! ```
//! let numbers = vec![1].into_iter();
//! std::thread::spawn(move || numbers.count());
//! ```
//!
//! ```compile_fail,E0277
//! let handle = greenlet::spawn(|| ());
//! std::thread::spawn(move || handle.kill());
//! ```
//! ```compile_fail,E0277
//! let handle = greenlet::thread::spawn(|| ());
//! std::thread::spawn(move || handle.join());
//! ```
//! ```
//! let handle = std::thread::spawn(|| ());
//! std::thread::spawn(move || handle.join());
//! ```
//!
//! ```compile_fail,E0277
//! let group = greenlet::pool::Group::new();
//! std::thread::spawn(move || group.join());
//! ```
//! ```
//! let pool = greenlet::threadpool::ThreadPool::new(1);
//! std::thread::spawn(move || pool.join());
//! ```
//!
//! # To unlock elsewhere
//!
//! It is a greenlet that holds a lock, so a guard stays on its thread, as std's do.
//!
//! ```compile_fail,E0277
//! static MUTEX: greenlet::sync::Mutex<i32> = greenlet::sync::Mutex::new(1);
//! let guard = MUTEX.lock().unwrap();
//! std::thread::spawn(move || drop(guard));
//! ```
//! ```
//! static MUTEX: greenlet::sync::Mutex<i32> = greenlet::sync::Mutex::new(1);
//! std::thread::spawn(move || drop(MUTEX.lock().unwrap()));
//! ```
//!
//! ```compile_fail,E0277
//! static LOCK: greenlet::sync::RwLock<i32> = greenlet::sync::RwLock::new(1);
//! let guard = LOCK.read().unwrap();
//! std::thread::spawn(move || drop(guard));
//! ```
//! ```compile_fail,E0277
//! static LOCK: greenlet::sync::RwLock<i32> = greenlet::sync::RwLock::new(1);
//! let guard = LOCK.write().unwrap();
//! std::thread::spawn(move || drop(guard));
//! ```
//! ```compile_fail,E0277
//! static LOCK: greenlet::lock::Lock = greenlet::lock::Lock::new();
//! let held = LOCK.hold();
//! std::thread::spawn(move || drop(held));
//! ```
//! ```
//! static LOCK: greenlet::lock::Lock = greenlet::lock::Lock::new();
//! LOCK.acquire();
//! std::thread::spawn(|| LOCK.release()).join().unwrap(); // anybody may release that one
//! ```
//!
//! # To share what may not be shared
//!
//! ```compile_fail,E0277
//! use std::rc::Rc;
//! static MUTEX: greenlet::sync::Mutex<Option<Rc<i32>>> = greenlet::sync::Mutex::new(None);
//! ```
//! ```
//! use std::sync::Arc;
//! static MUTEX: greenlet::sync::Mutex<Option<Arc<i32>>> = greenlet::sync::Mutex::new(None);
//! ```
//!
//! A reader-writer lock hands out references, so what is in it has to be `Sync` as well.
//!
//! ```compile_fail,E0277
//! static LOCK: greenlet::sync::RwLock<std::cell::Cell<i32>> = greenlet::sync::RwLock::new(std::cell::Cell::new(1));
//! ```
//! ```
//! static MUTEX: greenlet::sync::Mutex<std::cell::Cell<i32>> = greenlet::sync::Mutex::new(std::cell::Cell::new(1));
//! ```
//!
//! ```compile_fail,E0277
//! static ONCE: greenlet::sync::OnceLock<std::cell::Cell<i32>> = greenlet::sync::OnceLock::new();
//! ```
//! ```
//! static ONCE: greenlet::sync::OnceLock<i32> = greenlet::sync::OnceLock::new();
//! ```
//!
//! ```compile_fail,E0277
//! let (sender, receiver) = greenlet::channel::unbounded::<std::rc::Rc<i32>>();
//! std::thread::spawn(move || receiver.recv().is_ok());
//! ```
//! ```
//! let (sender, receiver) = greenlet::channel::unbounded::<std::sync::Arc<i32>>();
//! std::thread::spawn(move || receiver.recv().is_ok());
//! ```
//!
//! ```compile_fail,E0277
//! let (sender, receiver) = greenlet::sync::mpsc::channel::<std::rc::Rc<i32>>();
//! std::thread::spawn(move || receiver.recv().is_ok());
//! ```
//! ```
//! let (sender, receiver) = greenlet::sync::mpsc::channel::<std::sync::Arc<i32>>();
//! std::thread::spawn(move || receiver.recv().is_ok());
//! ```
//!
//! ```compile_fail,E0277
//! static QUEUE: greenlet::queue::Queue<std::rc::Rc<i32>> = greenlet::queue::Queue::new();
//! ```
//! ```
//! static QUEUE: greenlet::queue::Queue<std::sync::Arc<i32>> = greenlet::queue::Queue::new();
//! ```
//!
//! ```compile_fail,E0277
//! static RESULT: greenlet::event::AsyncResult<std::rc::Rc<i32>> = greenlet::event::AsyncResult::new();
//! ```
//! ```
//! static RESULT: greenlet::event::AsyncResult<std::sync::Arc<i32>> = greenlet::event::AsyncResult::new();
//! ```
//!
//! ```compile_fail,E0277
//! let shared = std::rc::Rc::new(1);
//! greenlet::threadpool::ThreadPool::new(1).apply(move || *shared);
//! ```
//! ```
//! let shared = std::sync::Arc::new(1);
//! greenlet::threadpool::ThreadPool::new(1).apply(move || *shared);
//! ```
//!
//! # To outlive what is borrowed
//!
//! ```compile_fail,E0373
//! let word = String::from("gone");
//! greenlet::spawn(|| println!("{word}"));
//! ```
//! ```
//! let word = String::from("kept");
//! greenlet::spawn(move || println!("{word}"));
//! ```
//!
//! ```compile_fail,E0597
//! let word = String::from("gone");
//! let borrowed = &word;
//! greenlet::spawn(move || println!("{borrowed}"));
//! ```
//! ```
//! let word = String::from("borrowed");
//! let borrowed = &word;
//! greenlet::scope(|s| { s.spawn(move || println!("{borrowed}")); });
//! ```
//!
//! ```compile_fail,E0373
//! let word = String::from("gone");
//! let greenlet = greenlet::Greenlet::new(|(): ()| word.len());
//! ```
//! ```compile_fail,E0373
//! let words = vec!["gone"];
//! let lengths = greenlet::Generator::<usize>::new(|y| words.iter().for_each(|word| y.give(word.len())));
//! ```
//! ```
//! let words = vec!["kept"];
//! let lengths = greenlet::Generator::<usize>::new(move |y| words.iter().for_each(|word| y.give(word.len())));
//! ```
//!
//! A scoped greenlet borrows what is outside the scope, and nothing in it.
//!
//! ```compile_fail,E0597
//! greenlet::scope(|s| {
//!     let inside = 1;
//!     let borrowed = &inside;
//!     s.spawn(move || println!("{borrowed}"));
//! });
//! ```
//! ```
//! let outside = 1;
//! greenlet::scope(|s| {
//!     let borrowed = &outside;
//!     s.spawn(move || println!("{borrowed}"));
//! });
//! ```
//!
//! While it may run nobody else changes that.
//!
//! ```compile_fail,E0499
//! let mut number = 1;
//! greenlet::scope(|s| {
//!     s.spawn(|| number += 1);
//!     s.spawn(|| number += 1);
//! });
//! ```
//! ```
//! let mut number = 1;
//! greenlet::scope(|s| { s.spawn(|| number += 1); });
//! greenlet::scope(|s| { s.spawn(|| number += 1); });
//! ```
//!
//! Neither the scope nor a handle of it gets out.
//!
//! ```compile_fail,E0521
//! let mut escaped = None;
//! greenlet::scope(|s| escaped = Some(s));
//! ```
//! ```compile_fail
//! let handle = greenlet::scope(|s| s.spawn(|| 1)); // a lifetime may not live long enough, which has no number
//! handle.join().unwrap();
//! ```
//! ```
//! let one = greenlet::scope(|s| s.spawn(|| 1).join().unwrap());
//! ```
//!
//! ```compile_fail,E0505
//! let mutex = greenlet::sync::Mutex::new(1);
//! let guard = mutex.lock().unwrap();
//! drop(mutex);
//! drop(guard);
//! ```
//! ```compile_fail,E0597
//! let guard;
//! {
//!     let mutex = greenlet::sync::Mutex::new(1);
//!     guard = mutex.lock().unwrap();
//! }
//! drop(guard);
//! ```
//! ```
//! let mutex = greenlet::sync::Mutex::new(1);
//! let guard = mutex.lock().unwrap();
//! drop(guard);
//! drop(mutex);
//! ```
//!
//! What a greenlet has of its own dies with it, so no reference gets out of `with`; nor does a yielder out of its generator.
//!
//! ```compile_fail
//! greenlet::thread_local!(static NAME: String = String::from("mine"));
//! let escaped: &'static str = NAME.with(|name| name.as_str()); // a lifetime may not live long enough, which has no number
//! ```
//! ```
//! greenlet::thread_local!(static NAME: String = String::from("mine"));
//! let copied: String = NAME.with(|name| name.clone());
//! ```
//!
//! ```compile_fail,E0521
//! use std::{cell::Cell, rc::Rc};
//! let escaped: Rc<Cell<Option<&'static greenlet::Yielder<i32>>>> = Rc::default();
//! let outside = escaped.clone();
//! let numbers = greenlet::Generator::<i32>::new(move |y| outside.set(Some(y)));
//! ```
//! ```
//! use std::{cell::Cell, rc::Rc};
//! let escaped: Rc<Cell<Option<i32>>> = Rc::default();
//! let outside = escaped.clone();
//! let numbers = greenlet::Generator::<i32>::new(move |y| outside.set(Some(y.give(1)).map(|()| 1)));
//! ```
//!
//! # To send another type
//!
//! ```compile_fail,E0308
//! let double = greenlet::Greenlet::new(|x: i32| 2 * x);
//! double.switch("two");
//! ```
//! ```
//! let double = greenlet::Greenlet::new(|x: i32| 2 * x);
//! double.switch(2);
//! ```
