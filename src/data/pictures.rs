//! Pictures in a parquet file, as the Hugging Face hub has them, turned back into the IDX files they came from, so that
//! their SHA-256 can be checked like that of any other copy.

use std::io::Cursor;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_datasets::hub::FileReader;
use image::{ImageFormat, ImageReader};
use parquet::record::{Field, Row};

use super::idx::{IdxFile, Kind};
use crate::error::{Error, Result};

/// Images of `height` x `width` and their labels, from rows of {image: {bytes: PNG, path}, label}.
///
/// # Errors
/// [`Error::Data`] for rows that are not such pictures, [`Error::Interrupted`] once `stop` is set.
pub(super) fn decode<R: FileReader>(
    reader: &R,
    (height, width): (usize, usize),
    stop: &AtomicBool,
) -> Result<(IdxFile, IdxFile)> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    let rows = reader.get_row_iter(None).map_err(|e| unexpected(&format!("its rows cannot be read ({e})")))?;
    for (i, row) in rows.enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted("interrupted; the same command begins the download anew".into()));
        }
        let row = row.map_err(|e| unexpected(&format!("row {i} cannot be read ({e})")))?;
        let (png, label) = columns(&row).ok_or_else(|| unexpected(&format!("row {i} is no picture with a label")))?;
        pixels.extend(grey(png, height, width).map_err(|why| unexpected(&format!("picture {i} {why}")))?);
        labels.push(label);
    }
    let n = labels.len();
    Ok((IdxFile::build(Kind::Images, &[n, height, width], &pixels), IdxFile::build(Kind::Labels, &[n], &labels)))
}

/// The grey levels of a PNG; the error completes the sentence "picture N ...".
fn grey(png: &[u8], height: usize, width: usize) -> Result<Vec<u8>, String> {
    let mut reader = ImageReader::with_format(Cursor::new(png), ImageFormat::Png);
    // Checked against the header, before anything is allocated for what it claims.
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(16 << 20);
    reader.limits(limits);
    let picture = reader.decode().map_err(|e| format!("is damaged ({e})"))?.to_luma8();
    if picture.dimensions() != (width as u32, height as u32) {
        return Err(format!("is not {height} x {width}"));
    }
    Ok(picture.into_raw())
}

/// The error for a download that is not what the hub had when this was written.
pub(super) fn unexpected(what: &str) -> Error {
    Error::Data(format!(
        "the downloaded file is not as expected: {}; get the four IDX files elsewhere and name their directory with \
         --data-dir, or use --data synthetic",
        what.replace('\n', " ")
    ))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::reader::SerializedFileReader;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    static NEVER: AtomicBool = AtomicBool::new(false);

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
        let (images, labels) = decode(&reader, (28, 28), &NEVER).unwrap();
        assert_eq!(images, IdxFile::build(Kind::Images, &[2, 28, 28], &[first, second].concat()));
        assert_eq!(labels, IdxFile::build(Kind::Labels, &[2], &[5, 0]));
    }

    #[test]
    fn a_damaged_picture_is_named_and_nothing_panics() {
        let good = png(&[0; 784], 28);
        // A header that claims 100,000 x 100,000 pixels: 10 GB, if it were believed.
        let mut claims_billions = good.clone();
        claims_billions[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
        for (picture, label, word) in [
            (good[..60].to_vec(), 1, "picture 1 is damaged"),
            (b"no png".to_vec(), 1, "picture 1 is damaged"),
            (png(&[0; 100], 10), 1, "not 28 x 28"),
            (claims_billions, 1, "picture 1 is damaged"),
            (good.clone(), 300, "no picture with a label"),
        ] {
            let message =
                decode(&parquet_of(&[good.clone(), picture], &[0, label]), (28, 28), &NEVER).unwrap_err().to_string();
            assert!(message.contains(word) && message.contains("--data-dir"), "{message}");
        }
    }

    #[test]
    fn a_signal_ends_it_between_two_pictures() {
        let reader = parquet_of(&[png(&[0; 784], 28)], &[1]);
        let stopped = decode(&reader, (28, 28), &AtomicBool::new(true));
        assert!(matches!(stopped, Err(Error::Interrupted(_))), "{stopped:?}");
    }
}
