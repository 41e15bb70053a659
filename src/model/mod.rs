//! Plain values and their state machines. Depends on nothing of ours; does no I/O, reads no clock and no randomness:
//! `now` is a parameter of every function that decides by time.

pub mod clock;
pub mod ids;
pub mod name;
pub mod random;
pub mod secret;
