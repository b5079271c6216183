//! Draws a training step of the default model: what each thread does when, and where it waits.
//!
//!     cargo run --release --features timeline --example timeline [THREADS] [trace.json]
//!
//! Trains 300 steps on the images of `--data auto` (MNIST of VAE_BENCH_DATA_DIR or of the cache), writes the step of median
//! length and its neighbours in Chrome's trace format, which <https://ui.perfetto.dev> opens, and prints where the time of
//! the last 200 steps went, in percent of all threads' time. A thread waits while it is in no kernel and in no span of the
//! training loop and another thread is.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use candle_nn::Optimizer as _;
use kernels::timeline::{self, Event};
use vae_bench::data::{DataSource, load};
use vae_bench::engine::Backend;
use vae_bench::metrics::{EpochRecord, TimingRecord};
use vae_bench::model::{Model, Start, Vae};
use vae_bench::optimizer::Optimizer;
use vae_bench::spec::{RunSpec, Settings};
use vae_bench::train::{Flow, Observer, ResumePoint, State, Task, train};

const STEPS: usize = 300;
const WARM_UP: usize = 100;

struct StopAfter(usize);

impl Observer for StopAfter {
    type Error = candle_core::Error;

    fn batch(&mut self, _: &Task<'_>, state: &State) -> Flow {
        if state.progress.batches == self.0 { Flow::Stop } else { Flow::Continue }
    }

    fn epoch(
        &mut self,
        _: &Task<'_>,
        _: &State,
        _: &[EpochRecord],
        _: Option<TimingRecord>,
    ) -> Result<Flow, candle_core::Error> {
        // Only steps are of interest, not the test row of the untrained model.
        timeline::take();
        Ok(Flow::Continue)
    }
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let threads = std::env::args().nth(1).map_or(Ok(2), |n| n.parse())?;
    let file = std::env::args().nth(2).unwrap_or_else(|| "trace.json".to_owned());
    kernels::pages::prefer_large();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let events = pool.install(steps)?;

    // A step lasts until the next one begins: the sums of the epoch and the hand-over of the batch are in it.
    let mut begins: Vec<Instant> =
        events.iter().filter(|event| event.name == "step").map(|event| event.begin).collect();
    begins.sort();
    let windows = &begins[WARM_UP.min(begins.len().saturating_sub(2))..];
    let (first, last) = (windows[0], windows[windows.len() - 1]);
    let mut lengths: Vec<_> = windows.windows(2).map(|pair| (pair[1] - pair[0], pair[0])).collect();
    lengths.sort();
    let (median, drawn) = lengths[lengths.len() / 2];
    println!("{threads} threads, {} steps, median {:.0} us\n", lengths.len(), median.as_secs_f64() * 1e6);

    let inside: Vec<&Event> =
        events.iter().filter(|event| event.begin >= first && event.end <= last && event.name != "step").collect();
    print_shares(&inside, (first, last), threads);
    let drawn: Vec<&Event> =
        events.iter().filter(|event| event.end + median >= drawn && event.begin <= drawn + 2 * median).collect();
    std::fs::write(&file, trace(&drawn))?;
    println!("\nthe step of median length, one before and one after it: {file}");
    Ok(())
}

/// Trains [`STEPS`] steps of the default run; what happened meanwhile.
fn steps() -> Result<Vec<Event>, Box<dyn Error + Send + Sync>> {
    let spec = RunSpec::resolve(&Settings::parse("epochs = 1")?)?;
    let dir = std::env::var_os("VAE_BENCH_DATA_DIR").map(PathBuf::from);
    let data = load(DataSource::Auto, dir.as_deref())?.dataset;
    let (seed, training) = (spec.seed(), spec.training());
    let start = Start { init: spec.network().init, seed, output_bias: None };
    let model = Model::Vae(Vae::new(&spec.architecture(data.pixels()), &start, &Backend::FUSED)?);
    let parameters = model.parameters().iter().map(|(_, parameter)| parameter.clone()).collect();
    let optimizer = Optimizer::new(parameters, training.optimizer)?;
    let task = Task {
        objective: spec.objective_for(data.pixels(), f64::NAN),
        data: &data,
        pixels: spec.data().pixels,
        batch_size: training.batch_size,
        epochs: 1,
        seed,
    };
    let mut state = State { model, optimizer, control: task.objective.control(), progress: ResumePoint::default() };
    train(&task, &mut state, &mut StopAfter(STEPS))?;
    Ok(timeline::take())
}

/// What each thread is in at a time: the names of its innermost events, cut into pieces that do not overlap.
fn pieces(events: &[&Event], thread: usize) -> Vec<(Instant, Instant, String)> {
    let mut own: Vec<&&Event> = events.iter().filter(|event| event.thread == Some(thread)).collect();
    own.sort_by_key(|event| (event.begin, std::cmp::Reverse(event.end)));
    let (mut out, mut open): (Vec<_>, Vec<&Event>) = (Vec::new(), Vec::new());
    let mut at = None;
    let mut until = |open: &mut Vec<&Event>, time: Option<Instant>, at: &mut Option<Instant>| {
        while let Some(inner) = open.last() {
            let end = time.map_or(inner.end, |time| time.min(inner.end));
            if let Some(begin) = *at
                && begin < end
            {
                out.push((begin, end, inner.name.clone()));
            }
            *at = Some(end);
            if time.is_some_and(|time| inner.end > time) {
                return;
            }
            open.pop();
        }
    };
    for event in own {
        until(&mut open, Some(event.begin), &mut at);
        at = Some(event.begin);
        open.push(event);
    }
    until(&mut open, None, &mut at);
    out
}

/// Prints the share of all threads' time by name, then of waiting and of the rest.
fn print_shares(events: &[&Event], (first, last): (Instant, Instant), threads: usize) {
    let of_threads: Vec<_> = (0..threads).map(|thread| pieces(events, thread)).collect();
    let mut seconds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (thread, pieces) in of_threads.iter().enumerate() {
        for (begin, end, name) in pieces {
            seconds.entry(name.clone()).or_insert_with(|| vec![0.0; threads])[thread] += (*end - *begin).as_secs_f64();
        }
    }
    // Between two neighbouring boundaries every thread is either in a piece or not.
    let mut changes: Vec<(Instant, usize, bool)> = of_threads
        .iter()
        .enumerate()
        .flat_map(|(thread, pieces)| pieces.iter().flat_map(move |p| [(p.0, thread, true), (p.1, thread, false)]))
        .collect();
    changes.sort();
    let (mut busy, mut at) = (vec![0i32; threads], first);
    let (mut waits, mut none) = (vec![0.0; threads], 0.0);
    for (time, thread, begins) in changes {
        let length = (time - at).as_secs_f64();
        if busy.iter().all(|&n| n <= 0) {
            none += length;
        } else {
            (0..threads).filter(|&t| busy[t] <= 0).for_each(|t| waits[t] += length);
        }
        busy[thread] += if begins { 1 } else { -1 };
        at = time;
    }
    let all = (last - first).as_secs_f64();
    let print = |name: &str, of_threads: &[f64]| {
        let each: String = of_threads.iter().map(|s| format!("{:>8.1}", 100.0 * s / all)).collect();
        println!("{name:<44}{:>8.1}{each}", 100.0 * of_threads.iter().sum::<f64>() / (all * threads as f64));
    };
    let names: String = (0..threads).map(|thread| format!("{:>8}", format!("no. {thread}"))).collect();
    println!("{:<44}{:>8}{names}", "percent of the time of", "all");
    let mut seconds: Vec<_> = seconds.into_iter().collect();
    seconds.sort_by(|a, b| b.1.iter().sum::<f64>().total_cmp(&a.1.iter().sum()));
    seconds.iter().for_each(|(name, of_threads)| print(name, of_threads));
    print("waiting for another thread", &waits);
    print("no thread in a kernel or a span", &vec![none; threads]);
}

/// Chrome's trace format: complete events, times in microseconds from the first.
fn trace(events: &[&Event]) -> String {
    let Some(zero) = events.iter().map(|event| event.begin).min() else { return "[]".to_owned() };
    let rows: Vec<_> = events
        .iter()
        .map(|event| {
            serde_json::json!({
                "name": event.name,
                "ph": "X",
                "ts": (event.begin - zero).as_secs_f64() * 1e6,
                "dur": (event.end - event.begin).as_secs_f64() * 1e6,
                "pid": 1,
                "tid": event.thread.unwrap_or(usize::MAX >> 12),
            })
        })
        .collect();
    serde_json::json!({ "traceEvents": rows }).to_string()
}
