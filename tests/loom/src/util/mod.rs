//! What `wait/` stands on.

pub(crate) mod primitive;

#[path = "../../../../src/util/slot_list.rs"]
pub(crate) mod slot_list;
