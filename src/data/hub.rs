//! The download from the Hugging Face hub: two parquet files, each one plain GET, under limits on time, silence and size.
//!
//! Nothing is written to disk here. Every wait can be ended by the stop flag, and ending it drops the request, whatever
//! state it was in: resolving a name, connecting, waiting for an answer, or reading a body.

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use candle_datasets::hub::FileReader;
use indicatif::{ProgressBar, ProgressStyle};
use parquet::file::reader::SerializedFileReader;
use reqwest::{Client, Response};

use super::fetch_error::FetchError;
use super::idx::IdxFile;
use super::known::{HubSource, KnownDataset};
use super::pictures::{decode, unexpected};
use crate::error::Error;

/// How often the stop flag and the limits are looked at.
const POLL: Duration = Duration::from_millis(20);

/// What a download may cost before it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From a request to the head of its answer, redirections included.
    pub answer: Duration,
    /// Between two pieces of a body.
    pub silence: Duration,
    /// All requests together.
    pub total: Duration,
    /// Bytes of all bodies together.
    pub bytes: u64,
}

impl Default for Limits {
    /// A machine without network must not keep its user waiting; 18 MB (MNIST) may take five minutes.
    fn default() -> Self {
        Limits {
            answer: Duration::from_secs(10),
            silence: Duration::from_secs(20),
            total: Duration::from_secs(300),
            bytes: 128 << 20,
        }
    }
}

/// The hub, or a server that speaks like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// `https://huggingface.co`, without a slash at its end.
    pub endpoint: String,
    /// When to give up.
    pub limits: Limits,
}

impl Hub {
    /// The hub that the environment names (`HF_ENDPOINT`), with the default limits; none where it forbids the network
    /// (`HF_HUB_OFFLINE`).
    pub fn from_env() -> Option<Self> {
        let set = |value: String| !matches!(value.to_lowercase().as_str(), "" | "0" | "false" | "no");
        if std::env::var("HF_HUB_OFFLINE").is_ok_and(set) {
            return None;
        }
        let endpoint = std::env::var("HF_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty());
        let endpoint = endpoint.unwrap_or_else(|| "https://huggingface.co".into());
        Some(Hub { endpoint: endpoint.trim_end_matches('/').to_owned(), limits: Limits::default() })
    }

    /// Train images, train labels, test images, test labels of `known`, which the hub has at `source`.
    ///
    /// # Errors
    /// [`FetchError::Unreachable`] where no whole file arrived within the limits; [`FetchError::Failed`] where one did and
    /// is not readable as pictures, and once `stop` is set.
    pub fn download(
        &self,
        known: &KnownDataset,
        source: HubSource,
        stop: &AtomicBool,
    ) -> Result<[IdxFile; 4], FetchError> {
        let [test, train] = self.get_both(known, source, stop)?;
        let (train_images, train_labels) = self.pictures(train, known, known.train_images, stop)?;
        let (test_images, test_labels) = self.pictures(test, known, known.test_images, stop)?;
        Ok([train_images, train_labels, test_images, test_labels])
    }

    /// The bodies of the two files, test images first: the smaller one shows sooner that the hub is out of reach.
    fn get_both(&self, known: &KnownDataset, source: HubSource, stop: &AtomicBool) -> Result<[Vec<u8>; 2], FetchError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::Run(format!("the download cannot be started ({e})")))?;
        let client = Client::builder().build().map_err(|e| unreachable(known, &innermost(&e)))?;
        let bar = progress_bar(known);
        let mut transfer = Transfer { known, limits: self.limits, stop, bar, started: Instant::now(), received: 0 };
        let revision = source.revision.replace('/', "%2F");
        let url = |file: &str| format!("{}/datasets/{}/resolve/{revision}/{file}", self.endpoint, source.repository);
        let bodies = runtime.block_on(async {
            let test = transfer.get(&client, &url(source.test)).await?;
            Ok([test, transfer.get(&client, &url(source.train)).await?])
        });
        transfer.bar.finish_and_clear();
        // A name that is still being resolved must not hold up the end.
        runtime.shutdown_background();
        bodies
    }

    fn pictures(
        &self,
        parquet: Vec<u8>,
        known: &KnownDataset,
        images: usize,
        stop: &AtomicBool,
    ) -> Result<(IdxFile, IdxFile), FetchError> {
        let reader = SerializedFileReader::new(bytes::Bytes::from(parquet))
            .map_err(|e| unexpected(&format!("it is no parquet file ({e})")))?;
        let rows = reader.metadata().file_metadata().num_rows();
        if usize::try_from(rows) != Ok(images) {
            return Err(unexpected(&format!("it has {rows} rows, not {images}")).into());
        }
        Ok(decode(&reader, (known.height, known.width), stop)?)
    }
}

/// One download under way.
struct Transfer<'a> {
    known: &'a KnownDataset,
    limits: Limits,
    stop: &'a AtomicBool,
    bar: ProgressBar,
    started: Instant,
    /// Bytes of all bodies so far.
    received: u64,
}

impl Transfer<'_> {
    /// The body of `url`.
    async fn get(&mut self, client: &Client, url: &str) -> Result<Vec<u8>, FetchError> {
        let answer = self.wait(client.get(url).send(), self.limits.answer).await?;
        let mut response = answer.map_err(|e| unreachable(self.known, &innermost(&e)))?;
        if !response.status().is_success() {
            return Err(unreachable(self.known, &format!("{url} is answered with {}", response.status())));
        }
        let length = self.announced(&response)?;
        let mut body = Vec::new();
        loop {
            let piece = self.wait(response.chunk(), self.limits.silence).await?;
            let Some(piece) = piece.map_err(|e| unreachable(self.known, &innermost(&e)))? else { break };
            self.received += piece.len() as u64;
            if self.received > self.limits.bytes {
                return Err(self.too_large());
            }
            body.extend_from_slice(&piece);
            self.bar.set_position(self.received);
        }
        // HTTP notices a body that ends early; this is for servers that announce no length and for proxies.
        match length {
            Some(length) if length != body.len() as u64 => Err(unreachable(self.known, "the answer ended early")),
            _ => Ok(body),
        }
    }

    /// The length that the server announces, if it may be that long.
    fn announced(&self, response: &Response) -> Result<Option<u64>, FetchError> {
        let length = response.content_length();
        if let Some(length) = length {
            if self.received.saturating_add(length) > self.limits.bytes {
                return Err(self.too_large());
            }
            self.bar.set_length(self.received + length);
        }
        Ok(length)
    }

    /// Waits for `future` for at most `limit`, within the limit for all, while the stop flag is down.
    async fn wait<T>(&self, future: impl Future<Output = T>, limit: Duration) -> Result<T, FetchError> {
        let begun = Instant::now();
        let mut future = pin!(future);
        loop {
            if self.stop.load(Ordering::Relaxed) {
                let why = format!("interrupted while downloading {}; the same command begins anew", self.known.title);
                return Err(Error::Interrupted(why).into());
            }
            if self.started.elapsed() >= self.limits.total {
                let why = format!("not done after {}", humantime::format_duration(self.limits.total));
                return Err(unreachable(self.known, &why));
            }
            if begun.elapsed() >= limit {
                let why = format!("no answer for {}", humantime::format_duration(limit));
                return Err(unreachable(self.known, &why));
            }
            if let Ok(done) = tokio::time::timeout(POLL, future.as_mut()).await {
                return Ok(done);
            }
        }
    }

    fn too_large(&self) -> FetchError {
        unreachable(self.known, &format!("the server sends more than {} bytes", self.limits.bytes))
    }
}

/// The innermost cause is the one that says something: "connection refused", "dns error".
fn innermost(why: &dyn std::error::Error) -> String {
    let mut cause = why;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().replace('\n', " ")
}

fn unreachable(known: &KnownDataset, why: &str) -> FetchError {
    FetchError::Unreachable(Error::Data(format!(
        "{} could not be downloaded from the Hugging Face hub ({why}); check the network, or name the directory of the \
         four files with --data-dir",
        known.title
    )))
}

/// Bytes on a terminal, one line elsewhere.
fn progress_bar(known: &KnownDataset) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        // A reader that has gone away must not stop the download.
        let _ = writeln!(std::io::stderr(), "downloading {} from the Hugging Face hub (once)", known.title);
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::no_length();
    let template = format!("downloading {} {{bar:30}} {{bytes}}/{{total_bytes}} {{eta}}", known.title);
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}
