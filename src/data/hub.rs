//! MNIST from the Hugging Face Hub through candle-datasets: parquet with PNGs, turned back into the IDX files it came
//! from, so that its SHA-256 can be checked like that of any other copy.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use candle_datasets::hub::{FileReader, from_hub};
use hf_hub::progress::{DownloadEvent, ProgressEvent, ProgressHandler};
use hf_hub::{HFClient, HFClientSync};
use indicatif::{ProgressBar, ProgressStyle};
use parquet::record::{Field, Row};

use super::idx::{IdxFile, Kind};
use crate::error::{Error, Result};

const DATASET: &str = "ylecun/mnist";
const REVISION: &str = "refs/convert/parquet";
const TRAIN: &str = "mnist/train/0000.parquet";
const TEST: &str = "mnist/test/0000.parquet";

/// A machine without network must not keep its user waiting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// Silence in the middle of a transfer is allowed for this long.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// Train images, train labels, test images, test labels, from the hub's cache or the network.
///
/// # Errors
/// [`Error::Data`]: offline (`HF_HUB_OFFLINE`), unreachable, or not readable as MNIST.
pub fn download() -> Result<[IdxFile; 4]> {
    if std::env::var("HF_HUB_OFFLINE").is_ok_and(|v| !matches!(v.to_lowercase().as_str(), "" | "0" | "false" | "no")) {
        return Err(Error::Data(
            "HF_HUB_OFFLINE is set, so MNIST is not downloaded; unset it, or name the files with --data-dir".into(),
        ));
    }
    let client = client().map_err(unreachable)?;
    // Asked for by name first: this shows progress, and leaves the files where candle-datasets looks for them.
    let (owner, name) = hf_hub::split_id(DATASET);
    let repository = client.dataset(owner, name);
    for file in [TEST, TRAIN] {
        let bar = Arc::new(Bar::new());
        let sent = repository.download_file().filename(file).revision(REVISION).progress(bar.clone()).send();
        bar.0.finish_and_clear();
        sent.map_err(unreachable)?;
    }
    let readers = from_hub(&client, DATASET.to_owned()).map_err(unreachable)?;
    let mut train = None;
    let mut test = None;
    for reader in readers {
        let rows = reader.metadata().file_metadata().num_rows();
        match rows {
            60_000 => train = Some(decode(&reader)?),
            10_000 => test = Some(decode(&reader)?),
            _ => return Err(unexpected(&format!("a file of {rows} rows"))),
        }
    }
    match (train, test) {
        (Some((train_images, train_labels)), Some((test_images, test_labels))) => {
            Ok([train_images, train_labels, test_images, test_labels])
        }
        _ => Err(unexpected("not one file of 60,000 rows and one of 10,000")),
    }
}

fn client() -> hf_hub::HFResult<HFClientSync> {
    let http = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build()
        .map_err(|e| hf_hub::HFError::Other(e.to_string()))?;
    HFClient::builder().client(http).retry_max_attempts(1).build_sync()
}

fn unreachable(why: impl std::error::Error) -> Error {
    // The innermost cause is the one that says something: "connection refused", "dns error".
    let mut cause: &dyn std::error::Error = &why;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Error::Data(format!(
        "MNIST could not be downloaded from the Hugging Face hub ({}); check the network, or name the directory of \
         the four files with --data-dir",
        cause.to_string().replace('\n', " ")
    ))
}

fn unexpected(what: &str) -> Error {
    Error::Data(format!(
        "the hub's {DATASET} is not as expected: {what}; get the four files and name them with --data-dir"
    ))
}

/// Rows of {image: {bytes: PNG, path}, label} to an image and a label file.
fn decode<R: FileReader>(reader: &R) -> Result<(IdxFile, IdxFile)> {
    let rows = reader.metadata().file_metadata().num_rows().max(0) as usize;
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for (i, row) in reader.get_row_iter(None).map_err(unreachable)?.enumerate() {
        let row = row.map_err(|e| unexpected(&format!("row {i} cannot be read ({e})")))?;
        let (png, label) = columns(&row).ok_or_else(|| unexpected(&format!("row {i} is no picture with a label")))?;
        let picture = image::load_from_memory_with_format(png, image::ImageFormat::Png)
            .map_err(|e| unexpected(&format!("picture {i} is damaged ({e})")))?
            .to_luma8();
        if picture.dimensions() != (28, 28) {
            return Err(unexpected(&format!("picture {i} is not 28 x 28")));
        }
        pixels.extend_from_slice(picture.as_raw());
        labels.push(label);
    }
    if labels.len() != rows {
        return Err(unexpected(&format!("{} rows where {rows} were promised", labels.len())));
    }
    Ok((IdxFile::build(Kind::Images, &[rows, 28, 28], &pixels), IdxFile::build(Kind::Labels, &[rows], &labels)))
}

fn columns(row: &Row) -> Option<(&[u8], u8)> {
    let (mut png, mut label) = (None, None);
    for (_, field) in row.get_column_iter() {
        match field {
            Field::Group(picture) => {
                png = picture.get_column_iter().find_map(|(_, field)| match field {
                    Field::Bytes(bytes) => Some(bytes.data()),
                    _ => None,
                });
            }
            Field::Long(class) => label = u8::try_from(*class).ok(),
            _ => {}
        }
    }
    Some((png?, label?))
}

/// Bytes on a terminal, one line elsewhere.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            crate::terminal::say(&format!("downloading {DATASET} from the Hugging Face hub (once)"));
            return Bar(ProgressBar::hidden());
        }
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template("downloading MNIST {bar:30} {bytes}/{total_bytes} {eta}") {
            bar.set_style(style);
        }
        Bar(bar)
    }
}

impl ProgressHandler for Bar {
    fn on_progress(&self, event: &ProgressEvent) {
        match event {
            ProgressEvent::Download(DownloadEvent::Start { total_bytes, .. }) => self.0.set_length(*total_bytes),
            ProgressEvent::Download(DownloadEvent::Progress { files }) => {
                self.0.set_position(files.iter().map(|f| f.bytes_completed).sum());
            }
            ProgressEvent::Download(DownloadEvent::AggregateProgress { bytes_completed, .. }) => {
                self.0.set_position(*bytes_completed);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::reader::SerializedFileReader;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// A parquet file as the hub has it: {image: {bytes, path}, label}, one row a picture.
    fn parquet_of(pictures: &[Vec<u8>], labels: &[i64]) -> SerializedFileReader<bytes::Bytes> {
        let schema = "message m { optional group image { optional binary bytes; optional binary path (UTF8); }
                                  optional int64 label; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut file = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut file, schema, Default::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for values in [pictures.to_vec(), vec![b"a.png".to_vec(); pictures.len()]] {
            let values: Vec<ByteArray> = values.into_iter().map(ByteArray::from).collect();
            let mut column = group.next_column().unwrap().unwrap();
            let levels = vec![2; values.len()];
            column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
            column.close().unwrap();
        }
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(labels, Some(&vec![1; labels.len()]), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        SerializedFileReader::new(bytes::Bytes::from(file)).unwrap()
    }

    fn png(pixels: &[u8], side: u32) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let image = image::GrayImage::from_raw(side, side, pixels.to_vec()).unwrap();
        image.write_to(&mut out, image::ImageFormat::Png).unwrap();
        out.into_inner()
    }

    #[test]
    fn pictures_in_parquet_become_the_idx_files_they_came_from() {
        let first: Vec<u8> = (0..784u32).map(|i| (i % 251) as u8).collect();
        let second = vec![255u8; 784];
        let reader = parquet_of(&[png(&first, 28), png(&second, 28)], &[5, 0]);
        let (images, labels) = decode(&reader).unwrap();
        assert_eq!(images, IdxFile::build(Kind::Images, &[2, 28, 28], &[first, second].concat()));
        assert_eq!(labels, IdxFile::build(Kind::Labels, &[2], &[5, 0]));
    }

    #[test]
    fn a_damaged_picture_is_named_and_nothing_panics() {
        let good = png(&[0; 784], 28);
        for (picture, label, word) in [
            (good[..60].to_vec(), 1, "picture 1 is damaged"),
            (b"no png".to_vec(), 1, "picture 1 is damaged"),
            (png(&[0; 100], 10), 1, "not 28 x 28"),
            (good.clone(), 300, "no picture with a label"),
        ] {
            let message = decode(&parquet_of(&[good.clone(), picture], &[0, label])).unwrap_err().to_string();
            assert!(message.contains(word) && message.contains("--data-dir"), "{message}");
        }
    }
}
