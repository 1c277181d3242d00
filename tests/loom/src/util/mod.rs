//! What `wait/` stands on.

pub(crate) mod primitive;

#[path = "../../../../src/util/slot_list.rs"]
pub(crate) mod slot_list;

#[path = "../../../../src/util/bias.rs"]
pub(crate) mod bias;

#[path = "../../../../src/util/biased.rs"]
pub(crate) mod biased;
