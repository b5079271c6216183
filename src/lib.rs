//! vae-bench: what a VAE's loss reductions really do to beta, settled by experiment.
//!
//! Data flows one way: flags -> [`spec::RunSpec`] -> ([`data`], [`model`], [`objective`]) -> [`train`] ->
//! [`metrics::EpochRecord`] -> [`records`] -> tables and comparisons. Imports point downward in this list only.
//!
//! | room | what it does |
//! |---|---|
//! | [`cli`] | flags to typed commands, and results to the terminal; nothing else knows clap but the names of choices |
//! | [`sweep`] | many runs: written as axes, planned, done side by side and in shards, merged into one tidy table |
//! | [`run`] | one spec end to end: directory, lock, checkpoint, resume |
//! | [`explain`] | what an objective really is, before anything is trained |
//! | [`probe`] | what a loss function of somebody else optimises, found by asking it |
//! | [`report`] | tables, sentences, plots, sheets of images and a page, from records and weights only |
//! | [`records`] | the files of a run: names, formats, reading back |
//! | [`train`], [`evaluate`], [`importance`] | THE training loop, and what is measured on a model that stands still |
//! | [`spec`] | everything that determines a run, validated once, then immutable; [`spec::presets`] has the conventions of public code bases by name |
//! | [`objective`] | weights on R and K: likelihoods, KL, reductions |
//! | [`model`], [`optimizer`] | the MLP VAE, the MLP VQ-VAE, and their steps |
//! | [`engine`] | the kernels of `crates/kernels` on Candle's tensors |
//! | [`data`] | MNIST, synthetic digits, IDX files, batches |
//! | [`streams`] | everything random that a run used, for a replay elsewhere |
//! | [`metrics`], [`verdict`] | plain numbers about an epoch, and what they say |
//! | [`rng`], [`device`], [`choice`], [`files`], [`terminal`], [`text`], [`error`] | named random streams, devices, names of choices, atomic writes, stdout and stderr, words, errors |
#![forbid(unsafe_code)]

pub mod choice;
pub mod cli;
pub mod data;
pub mod device;
pub mod engine;
pub mod error;
pub mod evaluate;
pub mod explain;
pub mod files;
pub mod importance;
pub mod metrics;
pub mod model;
pub mod objective;
pub mod optimizer;
pub mod pass;
pub mod probe;
pub mod records;
pub mod report;
pub mod rng;
pub mod run;
pub mod spec;
pub mod streams;
pub mod sweep;
pub mod terminal;
pub mod terms;
pub mod text;
pub mod train;
pub mod verdict;
