//! Runs the user's function in the user's Python: the only file of the probe that runs code or does I/O.
//!
//! The process gets one line of what to load on stdin and then one request for every call: a line of JSON and the numbers as
//! float64, little-endian. It answers with a line each. What the user's code itself prints is kept, for when it fails.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::design::Inputs;
use super::oracle::{Oracle, Part, Reply, Unanswered};
use crate::choice::Choice;
use crate::error::{Error, Result};

/// Loads the function, makes tensors, calls.
const ORACLE: &str = include_str!("oracle.py");
/// No line of the conversation is longer.
const LONGEST_LINE: u64 = 1 << 22;
/// So much of what the code prints is kept.
const KEPT: usize = 1 << 16;

/// How images reach the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// [B, D]
    Flat,
    /// [B, channels, side, side]
    Nchw,
    /// [B, side, side, channels]
    Nhwc,
}

/// The floating-point type of the tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Tried first: hypotheses part further.
    Double,
    /// Where the function takes nothing else.
    Single,
}

/// What to run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Job {
    /// The file.
    pub file: Option<PathBuf>,
    /// `function` or `Class.method` in it.
    pub function: Option<String>,
    /// An expression in place of both.
    pub expression: Option<String>,
    /// What the function is given, in its order.
    pub args: Option<String>,
    /// NAME=VALUE for its other arguments.
    pub set: Vec<String>,
    /// What a model that it calls returns.
    pub model_returns: String,
    /// The library, where it is not told by the imports.
    pub framework: Option<String>,
    /// Whether only imports, functions, classes and constants of the file are run.
    pub definitions_only: bool,
    /// The one layout to try.
    pub layout: Option<Layout>,
}

/// What was loaded.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// torch, tensorflow, jax or numpy.
    pub framework: String,
    /// Its version.
    pub version: String,
    /// Which argument gets what.
    pub arguments: Vec<String>,
    /// What the arguments' names say the last one is.
    pub sampling: String,
    /// Parameters that are numbers.
    pub parameters: Vec<(String, f64)>,
    /// Layouts of images in the order of trying.
    pub layouts: Vec<Layout>,
}

/// A Python process with the function loaded.
pub struct Python {
    child: Child,
    to: ChildStdin,
    from: Receiver<std::io::Result<String>>,
    printed: Arc<Mutex<Vec<u8>>>,
    deadline: Instant,
    limit: Duration,
    /// What was loaded.
    pub ready: Ready,
    /// How images are sent.
    pub layout: Layout,
    /// In what type.
    pub precision: Precision,
    /// Channels of an image.
    pub channels: usize,
}

/// What came of loading.
pub enum Started {
    /// The function can be asked.
    Ready(Box<Python>),
    /// The code failed, with these words.
    Raised(String),
}

impl Layout {
    /// The shape of the images, in words.
    pub fn shape(self, channels: usize, side: usize) -> String {
        match self {
            Layout::Flat => format!("[B, {}]", channels * side * side),
            Layout::Nchw => format!("[B, {channels}, {side}, {side}]"),
            Layout::Nhwc => format!("[B, {side}, {side}, {channels}]"),
        }
    }
}

impl Precision {
    /// The name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Double => "float64",
            Precision::Single => "float32",
        }
    }
}

impl Python {
    /// Starts `program` and loads what `job` names.
    ///
    /// # Errors
    /// [`Error::Usage`] where the program or the function is not there, or an argument is unknown; [`Error::Run`] where it
    /// takes longer than `limit`, which counts for everything that is asked later too.
    pub fn start(program: &str, job: &Job, limit: Duration, channels: usize) -> Result<Started> {
        let mut child = Command::new(program)
            .args(["-u", "-c", ORACLE])
            .env("TF_CPP_MIN_LOG_LEVEL", "3")
            .env("TF_ENABLE_ONEDNN_OPTS", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| {
                Error::Usage(format!("--python {program}: cannot be run ({e}); name another with --python"))
            })?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(to), Some(out), Some(err)) = pipes else {
            return Err(Error::Run(format!("{program} has no pipes")));
        };
        let (send, from) = channel();
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            loop {
                let mut line = Vec::new();
                let read = (&mut out).take(LONGEST_LINE).read_until(b'\n', &mut line);
                let done = !matches!(read, Ok(n) if n > 0);
                if done || send.send(read.map(|_| String::from_utf8_lossy(&line).into_owned())).is_err() {
                    break;
                }
            }
        });
        let printed = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&printed);
        std::thread::spawn(move || {
            let mut err = err;
            let mut some = [0; 4096];
            while let Ok(n @ 1..) = err.read(&mut some) {
                let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&some[..n]);
                let excess = kept.len().saturating_sub(KEPT);
                kept.drain(..excess);
            }
        });
        let ready = Ready {
            framework: String::new(),
            version: String::new(),
            arguments: Vec::new(),
            sampling: String::new(),
            parameters: Vec::new(),
            layouts: Vec::new(),
        };
        let mut python = Python {
            child,
            to,
            from,
            printed,
            deadline: Instant::now() + limit,
            limit,
            ready,
            layout: Layout::Flat,
            precision: Precision::Double,
            channels,
        };
        let mut line = serde_json::to_vec(job).map_err(|e| Error::Usage(format!("the job cannot be written ({e})")))?;
        line.push(b'\n');
        python.send(&line)?;
        let answer = python.receive()?;
        if let Some(ready) = answer.get("ready") {
            python.ready = serde_json::from_value(ready.clone())
                .map_err(|e| Error::Run(format!("{program} answered strangely ({e})")))?;
            return Ok(Started::Ready(Box::new(python)));
        }
        if let Some(raised) = answer["raised"].as_str() {
            return Ok(Started::Raised(raised.to_owned()));
        }
        Err(Error::Usage(answer["wrong"].as_str().unwrap_or("it answered strangely").to_owned()))
    }

    /// What the code has printed so far: its end.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.printed.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        // A process that has ended says why below.
        let _ = self.to.write_all(bytes).and_then(|()| self.to.flush());
        Ok(())
    }

    fn receive(&mut self) -> Result<Value> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.from.recv_timeout(left) {
            Ok(Ok(line)) => serde_json::from_str(&line)
                .map_err(|e| Error::Run(format!("the Python process answered strangely ({e})"))),
            Err(RecvTimeoutError::Timeout) => Err(Error::Run(format!(
                "the code ran longer than {} s and was ended: give it more with --time-limit, or --definitions-only where it \
                 trains when imported",
                self.limit.as_secs_f64()
            ))),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                // Its last words may still be on their way.
                let status = self.child.wait().map_or_else(|e| e.to_string(), |status| status.to_string());
                std::thread::sleep(Duration::from_millis(50));
                let words = self.printed();
                let last = words.trim_end().lines().last().unwrap_or_default();
                Err(Error::Run(format!("the Python process ended ({status}): {last}")))
            }
        }
    }

    fn call(&mut self, inputs: &Inputs) -> Result<Value> {
        let shape = inputs.shape;
        let request = json!({
            "batch": shape.batch,
            "pixels": shape.pixels,
            "latents": shape.latents,
            "channels": self.channels,
            "seed": inputs.seed,
            "set": inputs.set,
            "layout": self.layout.name(),
            "precision": self.precision.name(),
        });
        let mut bytes = format!("{request}\n").into_bytes();
        for numbers in [&inputs.recon, &inputs.x, &inputs.mean, &inputs.logvar, &inputs.noise] {
            bytes.extend(numbers.iter().flat_map(|v| v.to_le_bytes()));
        }
        self.send(&bytes)?;
        self.receive()
    }
}

impl Oracle for Python {
    fn ask(&mut self, inputs: &Inputs) -> Result<Reply, Unanswered> {
        let answer = self.call(inputs).map_err(Unanswered::Broken)?;
        if let Some(text) = answer["raised"].as_str().or_else(|| answer["wrong"].as_str()) {
            return Err(Unanswered::Raised(text.to_owned()));
        }
        let part = |cell: &Value| {
            let value = cell[1].as_str()?.parse().ok()?;
            let rounding = cell[3].as_f64()?;
            Some((Part { name: cell[0].as_str()?.to_owned(), value, per_image: cell[2].as_bool()? }, rounding))
        };
        let strange = || Unanswered::Broken(Error::Run(format!("the Python process answered strangely: {answer}")));
        let cells = answer["parts"].as_array().ok_or_else(strange)?;
        let parts: Option<Vec<_>> = cells.iter().map(part).collect();
        let (parts, roundings): (Vec<_>, Vec<_>) = parts.ok_or_else(strange)?.into_iter().unzip();
        let own: f64 = match self.precision {
            Precision::Double => f64::EPSILON,
            Precision::Single => f64::from(f32::EPSILON),
        };
        Ok(Reply { parts, rounding: roundings.into_iter().fold(own, f64::max) })
    }

    fn parameters(&self) -> Vec<(String, f64)> {
        self.ready.parameters.clone()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
