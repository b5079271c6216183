//! Every operation on a file of a run killed, half written, failed, stopped at or cut off from power; every bit of its files
//! flipped. In-process, on a run of three epochs that takes milliseconds.
//!
//! No test here starts another process: between fork and exec a child holds the files of all threads, and with them the
//! system's lock on a run that its owner has just dropped, which the next start would then find at work.
//!
//! `DURABILITY=all` takes every schedule instead of a sample; `scripts/crash_harness.sh` prints the counts.

mod damage;
mod faults;
mod fence;
mod force;
mod lab;
mod power;
mod sweep;
