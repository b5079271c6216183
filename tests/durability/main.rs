//! Every operation on a file of a run killed, half written, failed, stopped at or cut off from power; every bit of its files
//! flipped. In-process, on a run of three epochs that takes milliseconds.
//!
//! `DURABILITY=all` takes every schedule instead of a sample; `scripts/crash_harness.sh` prints the counts.

#[path = "../support/mod.rs"]
mod support;

mod damage;
mod faults;
mod fence;
mod force;
mod lab;
mod power;
mod verify;
