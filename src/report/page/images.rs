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
/// The sheets are unfolded if no more than this number of runs has images.
const MAX_UNFOLDED: usize = 4;

pub(super) fn section(set: &RunSet) -> Markup {
    let sheets: Vec<(&Run, Vec<(&str, PathBuf)>)> = set.runs.iter().map(|run| (run, sheets_of(run))).collect();
    let with_images = sheets.iter().filter(|(_, sheets)| !sheets.is_empty()).count();
    html! {
        section #images aria-labelledby="images-h" {
            h2 #images-h { "Images" }
            @if with_images == 0 {
                p {
                    "None of these runs has images. " code { "vae-bench eval RUN --images" } " draws those of a finished run, "
                    code { "--images" } " those of a new one; a merged table holds none."
                }
            } @else {
                (embedded(&sheets, with_images))
            }
        }
    }
}

fn embedded(sheets: &[(&Run, Vec<(&str, PathBuf)>)], with_images: usize) -> Markup {
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
    let mut remarks = Vec::new();
    if with_images < sheets.len() {
        remarks.push(format!("{} of {} runs have no images.", sheets.len() - with_images, sheets.len()));
    }
    if omitted > 0 {
        remarks.push(format!(
            "{omitted} more sheets are in the runs' images folders; with them the page would be too large."
        ));
    }
    html! {
        @for ((run, _), images) in sheets.iter().zip(&embedded).filter(|(_, images)| !images.is_empty()) {
            details open[with_images <= MAX_UNFOLDED] {
                summary { (run.name) }
                div.sheets {
                    @for (sheet, uri) in images {
                        img alt=(format!("{sheet} of {}", run.name)) src=(uri);
                    }
                }
            }
        }
        (notes::list(&remarks))
    }
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
