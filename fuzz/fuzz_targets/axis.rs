#![no_main]

#[path = "../../tests/readers/targets.rs"]
#[allow(dead_code, reason = "one target of all")]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::axis(bytes));
