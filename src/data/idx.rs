//! The IDX file format of MNIST, read with suspicion: every claim of the header is checked before it is believed.
//!
//! Big-endian: `00 00 08 N` (08 = unsigned bytes, N dimensions), N sizes of 32 bits, then the bytes.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// More content than this is refused: 2 GiB, forty times MNIST.
const MAX_CONTENT: u64 = 2 << 30;

/// Larger images than this many pixels are refused (1024 x 1024): statistics and models grow with every pixel.
pub const MAX_PIXELS: u64 = 1 << 20;

/// No deflate stream unpacks to more than this many times its size.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// Bytes that are unpacked at a time, while those before are hashed: they stay in a core's second-level cache.
const PIECE: usize = 1 << 18;

/// Bytes set aside before any content was read; more are set aside only as content arrives. MNIST's 47 MB fit at once.
const FIRST_ALLOCATION: usize = 64 << 20;

/// What a file must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Magic 2051: [n, height, width] bytes.
    Images,
    /// Magic 2049: `[n]` bytes.
    Labels,
}

impl Kind {
    fn dimensions(self) -> usize {
        match self {
            Kind::Images => 3,
            Kind::Labels => 1,
        }
    }

    /// Bytes before the content.
    fn header_len(self) -> usize {
        4 + 4 * self.dimensions()
    }

    fn magic(self) -> u32 {
        0x0800 + self.dimensions() as u32
    }
}

/// A whole IDX file in memory; verified against its own header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdxFile {
    header: Vec<u8>,
    content: Vec<u8>,
    dims: Vec<usize>,
    sha256: [u8; 32],
}

impl IdxFile {
    /// Builds the file that holds `content` with these sizes.
    pub fn build(kind: Kind, dims: &[usize], content: &[u8]) -> Self {
        let mut header = kind.magic().to_be_bytes().to_vec();
        for &size in dims {
            header.extend((size as u32).to_be_bytes());
        }
        let sha256 = Sha256::new().chain_update(&header).chain_update(content).finalize().into();
        IdxFile { header, content: content.to_vec(), dims: dims.to_vec(), sha256 }
    }

    /// Reads `path`, gzip-compressed where its first bytes say so (its name does not matter).
    ///
    /// # Errors
    /// Every one is an [`Error::Data`] that names the file, the byte and the hint.
    pub fn read(path: &Path, kind: Kind) -> Result<Self> {
        let unreadable = |e: std::io::Error| {
            let e = Error::input(path, "read", e);
            Error::Data(e.to_string())
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let stored = file.metadata().map_err(unreadable)?.len();
        let mut start = [0u8; 2];
        let got = read_up_to(&mut file, &mut start).map_err(unreadable)?;
        let file = start[..got].chain(BufReader::with_capacity(1 << 18, file));
        read_stored(path, kind, &start[..got], file, stored)
    }

    /// Reads `bytes`, what the file at `path` holds, as [`IdxFile::read`] does.
    ///
    /// # Errors
    /// As [`IdxFile::read`].
    pub fn parse(path: &Path, kind: Kind, bytes: &[u8]) -> Result<Self> {
        read_stored(path, kind, &bytes[..bytes.len().min(2)], bytes, bytes.len() as u64)
    }

    /// The sizes: `[n, height, width]` or `[n]`.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// SHA-256 of the whole file, uncompressed, in hexadecimal.
    pub fn sha256(&self) -> String {
        hex(&self.sha256)
    }

    /// The whole file, header included.
    pub fn bytes(&self) -> Vec<u8> {
        [self.header.as_slice(), &self.content].concat()
    }

    /// The content alone.
    pub fn into_content(self) -> Vec<u8> {
        self.content
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Container {
    Raw,
    Gzip,
}

fn broken(path: &Path, what: &str) -> Error {
    Error::Data(format!(
        "{}: {what}; replace the file (`vae-bench data fetch` downloads MNIST into the cache)",
        path.display()
    ))
}

/// Reads until `buffer` is full or the input ends.
fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// Reads what is stored in `stored` bytes, which `file` gives and which begin with `start`.
fn read_stored(path: &Path, kind: Kind, start: &[u8], file: impl BufRead + Send, stored: u64) -> Result<IdxFile> {
    if start == [0x1f, 0x8b] {
        let limit = stored.saturating_mul(MAX_DEFLATE_RATIO);
        read_content(path, kind, MultiGzDecoder::new(file), limit, Container::Gzip)
    } else {
        if path.extension().is_some_and(|e| e == "gz") {
            return Err(broken(path, "is named .gz, but bytes 0-1 are not gzip's 1f 8b"));
        }
        read_content(path, kind, file, stored, Container::Raw)
    }
}

/// Reads header and content from `input`, which can give at most `limit` bytes.
fn read_content(
    path: &Path,
    kind: Kind,
    mut input: impl Read + Send,
    limit: u64,
    container: Container,
) -> Result<IdxFile> {
    let damaged = |e: std::io::Error| match container {
        Container::Gzip => broken(path, &format!("its gzip stream is damaged or cut ({e})")),
        Container::Raw => broken(path, &format!("cannot be read ({e})")),
    };
    let mut header = vec![0u8; kind.header_len()];
    let got = read_up_to(&mut input, &mut header).map_err(damaged)?;
    let word = |i: usize| {
        let mut bytes = [0u8; 4];
        bytes.copy_from_slice(&header[4 * i..4 * i + 4]);
        u32::from_be_bytes(bytes)
    };
    if got >= 4 && word(0) != kind.magic() {
        let what = match kind {
            Kind::Images => "images",
            Kind::Labels => "labels",
        };
        let magic = word(0);
        return Err(broken(path, &format!("bytes 0-3 say {magic}, but IDX {what} begin with {}", kind.magic())));
    }
    if got < header.len() {
        return Err(broken(path, &format!("ends at byte {got}, within its header of {} bytes", header.len())));
    }
    let sizes: Vec<u32> = (1..=kind.dimensions()).map(word).collect();
    let claim = sizes.iter().try_fold(1u64, |product, &n| product.checked_mul(u64::from(n))).unwrap_or(u64::MAX);
    let shown = sizes.iter().map(u32::to_string).collect::<Vec<_>>().join(" x ");
    let last = header.len() - 1;
    if sizes.contains(&0) {
        return Err(broken(path, &format!("bytes 4-{last} say {shown}: nothing in it")));
    }
    if claim > MAX_CONTENT {
        return Err(broken(
            path,
            &format!("bytes 4-{last} say {shown} = {claim} bytes, more than the 2 GiB that are read"),
        ));
    }
    let pixels = sizes[1..].iter().fold(1u64, |product, &n| product.saturating_mul(u64::from(n)));
    if pixels > MAX_PIXELS {
        return Err(broken(
            path,
            &format!(
                "bytes 8-{last} say images of {pixels} pixels, more than the {MAX_PIXELS} (1024 x 1024) that are read"
            ),
        ));
    }
    let needed = header.len() as u64 + claim;
    if needed > limit {
        return Err(broken(
            path,
            &format!("bytes 4-{last} say {shown} = {claim} bytes, which a file of this size cannot hold"),
        ));
    }
    // One byte more than claimed detects a file that goes on.
    let wanted = claim as usize + 1;
    let mut hash = Sha256::new().chain_update(&header);
    let mut content: Vec<u8> = Vec::with_capacity(wanted.min(FIRST_ALLOCATION));
    // Each piece is hashed and kept on one thread while the next one is unpacked on another.
    let (mut piece, mut next) = (vec![0; wanted.min(PIECE)], vec![0; wanted.min(PIECE)]);
    let mut filled = read_up_to(&mut input, &mut piece).map_err(damaged)?;
    while filled > 0 {
        let left = wanted - content.len() - filled;
        let unpack = || read_up_to(&mut input, &mut next[..left.min(PIECE)]);
        let keep = || {
            hash.update(&piece[..filled]);
            if content.capacity() - content.len() < filled {
                let most = wanted.min(2 * content.capacity()) - content.len();
                content.reserve_exact(most.max(filled));
            }
            content.extend_from_slice(&piece[..filled]);
        };
        let (read, ()) = rayon::join(unpack, keep);
        filled = read.map_err(damaged)?;
        std::mem::swap(&mut piece, &mut next);
    }
    let filled = content.len();
    let found = (header.len() + filled) as u64;
    if found < needed {
        return Err(broken(
            path,
            &format!("ends at byte {found}, but bytes 4-{last} say {shown}, which ends at byte {needed}"),
        ));
    }
    if found > needed {
        return Err(broken(path, &format!("goes on after byte {needed}, where bytes 4-{last} ({shown}) end it")));
    }
    let dims = sizes.iter().map(|&n| n as usize).collect();
    Ok(IdxFile { header, content, dims, sha256: hash.finalize().into() })
}

/// Bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(name: &str, bytes: &[u8], kind: Kind) -> Result<IdxFile> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let read = IdxFile::read(&path, kind);
        let parsed = IdxFile::parse(&path, kind, bytes);
        assert_eq!(read.as_ref().map_err(ToString::to_string), parsed.as_ref().map_err(ToString::to_string));
        read
    }

    fn two_images() -> Vec<u8> {
        IdxFile::build(Kind::Images, &[2, 2, 3], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).bytes()
    }

    #[test]
    fn raw_and_gzipped_files_give_the_same() {
        let bytes = two_images();
        let raw = read("a", &bytes, Kind::Images).unwrap();
        assert_eq!(raw, read("a.gz", &gz(&bytes), Kind::Images).unwrap());
        assert_eq!(raw, read("named-without-gz", &gz(&bytes), Kind::Images).unwrap());
        assert_eq!(raw.dims(), [2, 2, 3]);
        assert_eq!(raw.into_content(), (1..=12).collect::<Vec<u8>>());
    }

    #[test]
    fn content_of_many_pieces_is_kept_and_hashed_whole() {
        let content: Vec<u8> = (0..3 * PIECE as u64 + 17).map(|i| (i * i / 251) as u8).collect();
        let bytes = IdxFile::build(Kind::Labels, &[content.len()], &content).bytes();
        for stored in [bytes.clone(), gz(&bytes)] {
            let file = read("x", &stored, Kind::Labels).unwrap();
            assert_eq!(file.sha256(), hex(&Sha256::digest(&bytes)));
            assert!(file.into_content() == content);
        }
        let message = read("x", &gz(&bytes[..bytes.len() - 1]), Kind::Labels).unwrap_err().to_string();
        assert!(message.contains(&format!("ends at byte {}", bytes.len() - 1)), "{message}");
    }

    #[test]
    fn every_lie_of_a_header_is_named_with_its_bytes() {
        let bytes = two_images();
        let mut claims_billions = bytes.clone();
        claims_billions[4..8].copy_from_slice(&4_000_000_000u32.to_be_bytes());
        let mut claims_all = bytes.clone();
        claims_all[4..16].fill(0xff);
        let mut claims_none = bytes.clone();
        claims_none[4..8].fill(0);
        let mut longer = bytes.clone();
        longer.push(0);
        // 1 x 2^31 pixels in a gzip file of 2 MB, which could unpack to as much: 2.2 TB of statistics.
        let mut huge_image = bytes.clone();
        huge_image[4..16].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1, 0x80, 0, 0, 0]);
        let mut wide_image = vec![0; 20 << 20];
        wide_image[..16].copy_from_slice(&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 4, 1, 0, 0, 4, 0]);
        let cases: Vec<(Vec<u8>, Kind, &str)> = vec![
            (vec![], Kind::Images, "ends at byte 0"),
            (bytes[..3].to_vec(), Kind::Images, "ends at byte 3"),
            (bytes[..20].to_vec(), Kind::Images, "cannot hold"),
            (gz(&bytes[..20]), Kind::Images, "ends at byte 20"),
            (gz(&bytes)[..20].to_vec(), Kind::Images, "damaged or cut"),
            (bytes.clone(), Kind::Labels, "bytes 0-3 say 2051, but IDX labels begin with 2049"),
            (claims_billions.clone(), Kind::Images, "more than the 2 GiB"),
            (gz(&claims_billions), Kind::Images, "more than the 2 GiB"),
            (claims_all, Kind::Images, "more than the 2 GiB"),
            (claims_none, Kind::Images, "nothing in it"),
            (gz(&huge_image), Kind::Images, "bytes 8-15 say images of 2147483648 pixels, more than the 1048576"),
            (wide_image, Kind::Images, "images of 1049600 pixels"),
            (longer.clone(), Kind::Images, "goes on after byte 28"),
            (gz(&longer), Kind::Images, "goes on after byte 28"),
        ];
        for (bytes, kind, expected) in cases {
            let message = read("x", &bytes, kind).unwrap_err().to_string();
            assert!(message.contains(expected), "{message:?} lacks {expected:?}");
            assert!(message.contains("/x") && message.contains("data fetch"), "{message}");
        }
        let message = read("x.gz", &bytes, Kind::Images).unwrap_err().to_string();
        assert!(message.contains("not gzip"), "{message}");
    }

    #[test]
    fn no_single_changed_byte_makes_it_panic() {
        let bytes = two_images();
        for packed in [bytes.clone(), gz(&bytes)] {
            for i in 0..packed.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut changed = packed.clone();
                    changed[i] = value;
                    let _ = read("x", &changed, Kind::Images);
                }
            }
        }
    }
}
