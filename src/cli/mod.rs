//! From what was typed to what happens, and from what happened to the terminal.
//!
//! Each command has a module with its arguments and its `run`; `args` puts them together for clap, `dispatch` parses
//! and calls. The rest is shared: settings' flags, threads, signals, progress.

mod answers;
mod args;
mod bar_terminal;
mod clean;
mod compare;
mod completions;
mod data;
mod digits;
mod dispatch;
mod display;
mod eval;
mod eval_codes;
mod evaluated_run;
mod explain;
mod export;
mod init;
mod json;
mod list;
mod ls;
mod man;
mod merge;
mod plot;
mod presets;
mod print_config;
mod probe;
mod progress;
mod report;
mod run_args;
mod run_names;
mod running_args;
mod setting_args;
mod show;
mod signals;
mod status;
mod sweep;
mod sweep_args;
mod sweep_display;
mod threads;
mod train;
mod usage;
mod variables;
mod verify;
mod watch;

pub use args::Cli;
pub use dispatch::main;
