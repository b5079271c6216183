//! The sheets of images of the runs, embedded as far as the page stays small enough to open on a phone.

use std::path::{Path, PathBuf};

use maud::{Markup, html};

use super::notes;
use crate::report::run_set::{Run, RunSet};
use crate::report::sheets::SheetKind;
use figure::raster::data_uri;

/// The limit of all embedded images together, in bytes.
const IMAGE_BUDGET: usize = 2_400_000;
/// Larger files are not sheets that this program wrote.
const MAX_FILE_SIZE: u64 = 2_000_000;
/// The sheets have a section of their own if no more than this number of runs has images; else they are below the rows of
/// the table.
const MAX_UNFOLDED: usize = 4;

/// The images of a page: a section, and what stands below each run of the table.
pub(super) struct Images {
    pub(super) section: Markup,
    pub(super) below: Vec<Markup>,
}

pub(super) fn images(set: &RunSet) -> Images {
    let sheets: Vec<(&Run, Vec<(&str, PathBuf)>)> = set.runs.iter().map(|run| (run, sheets_of(run))).collect();
    let with_images = sheets.iter().filter(|(_, sheets)| !sheets.is_empty()).count();
    let (embedded, omitted) = embedded(&sheets);
    let rows: Vec<Markup> = sheets.iter().zip(&embedded).map(|((run, _), images)| row(run, images)).collect();
    let mut remarks = Vec::new();
    if with_images < sheets.len() {
        remarks.push(format!("{} of {} runs have no images.", sheets.len() - with_images, sheets.len()));
    }
    if omitted > 0 {
        remarks.push(format!(
            "{omitted} more sheets are in the runs' images folders; with them the page would be too large."
        ));
    }
    let apart = with_images <= MAX_UNFOLDED;
    let section = html! {
        section #images aria-labelledby="images-h" {
            h2 #images-h { "Images" }
            @if with_images == 0 {
                p.muted {
                    "None of these runs has images. " code { "vae-bench eval RUN --images" } " draws those of a finished run, "
                    code { "--images" } " those of a new one; a merged table holds none."
                }
            } @else if apart {
                @for ((run, _), row) in sheets.iter().zip(&rows).filter(|((_, sheets), _)| !sheets.is_empty()) {
                    h3 { (run.name) }
                    (row)
                }
            } @else {
                p { "The images of a run are below its row in the " a href="#runs" { "table of runs" } ": click its name." }
            }
            @if with_images > 0 { (notes::list(&remarks)) }
        }
    };
    Images { section, below: if apart { Vec::new() } else { rows } }
}

fn row(run: &Run, images: &[(&str, String)]) -> Markup {
    html! {
        @if !images.is_empty() {
            div.sheets {
                @for (sheet, uri) in images {
                    img alt=(format!("{sheet} of {}", run.name)) src=(uri);
                }
            }
        }
    }
}

/// The sheets as data URIs, for each run, and how many there was no room for.
fn embedded<'a>(sheets: &[(&Run, Vec<(&'a str, PathBuf)>)]) -> (Vec<Vec<(&'a str, String)>>, usize) {
    // The first sheet of every run comes before the second of any, so that the budget is shared evenly.
    let mut left = IMAGE_BUDGET;
    let mut embedded = vec![Vec::new(); sheets.len()];
    let mut omitted = 0;
    for i in 0..sheets.iter().map(|(_, sheets)| sheets.len()).max().unwrap_or(0) {
        for ((_, sheets), embedded) in sheets.iter().zip(&mut embedded) {
            let Some((name, path)) = sheets.get(i) else { continue };
            match embeddable(path, left) {
                Some(uri) => {
                    left -= uri.len();
                    embedded.push((*name, uri));
                }
                None => omitted += 1,
            }
        }
    }
    (embedded, omitted)
}

/// The sheets of a run that exist, by name.
fn sheets_of(run: &Run) -> Vec<(&'static str, PathBuf)> {
    let Some(dir) = &run.dir else { return Vec::new() };
    let path = |kind: SheetKind| (kind.name(), dir.images_dir().join(format!("{}.png", kind.name())));
    SheetKind::ALL.into_iter().map(path).filter(|(_, path)| path.is_file()).collect()
}

/// The PNG at `path` as a data URI of at most `limit` bytes.
fn embeddable(path: &Path, limit: usize) -> Option<String> {
    let size = std::fs::metadata(path).ok()?.len();
    if size > MAX_FILE_SIZE || size as usize * 4 / 3 + 64 > limit {
        return None;
    }
    let bytes = std::fs::read(path).ok().filter(|bytes| bytes.starts_with(b"\x89PNG\r\n\x1a\n"))?;
    Some(data_uri("image/png", &bytes)).filter(|uri| uri.len() <= limit)
}
