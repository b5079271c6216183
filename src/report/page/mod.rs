//! One page that tells the whole story: a single HTML file that opens anywhere and asks nobody for anything.

mod provenance;
mod runs;
mod words;

use std::fmt::Write;
use std::path::PathBuf;

use crate::report::plots::{Kind, draw};
use crate::report::sheets::SHEETS;
use crate::report::study::{Run, Study};
use figure::escape::escape;
use figure::raster::data_uri;
use figure::svg::{SvgTarget, svg};
use figure::{BOLD_FILE, REGULAR_FILE};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Whether the page will change under its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// It is finished.
    Never,
    /// It is written anew while runs go on, and looks again after so many seconds.
    Every(u32),
}

/// So many bytes of images at most: a page has to open on a phone.
const IMAGE_BUDGET: usize = 2_400_000;
/// A larger file is not one of ours.
const LARGEST_IMAGE: u64 = 2_000_000;

/// The page of a study.
pub fn page(study: &Study, refresh: Refresh) -> String {
    let mut body = String::new();
    let n = study.runs.len();
    let runs = if n == 1 { "1 run".to_owned() } else { format!("{n} runs") };
    let title = format!("vae-bench: {runs}");
    let _ = write!(
        body,
        "<a class=\"skip\" href=\"#main\">Skip to the findings</a>\n<header><h1>{title}</h1>\n<p class=\"lead\">What each objective \
         really optimised, and what came of it: <b>R</b> is the reconstruction loss of an image summed over its pixels, \
         <b>K</b> its KL summed over its latents, whatever was trained.</p>\n<nav aria-label=\"Sections\"><a href=\"#main\">Findings\
         </a> <a href=\"#plots\">Plots</a> <a href=\"#images\">Images</a> <a href=\"#runs\">Runs</a> <a href=\"#settings\">Settings \
         and commands</a></nav></header>\n<main id=\"main\" tabindex=\"-1\">\n"
    );
    words::section(&mut body, study);
    plots_section(&mut body, study);
    images_section(&mut body, study);
    runs::section(&mut body, study);
    provenance::section(&mut body, study);
    body.push_str("</main>\n<div id=\"tip\" role=\"status\" aria-live=\"polite\"></div>\n");
    let face = |weight: u32, file: &[u8]| {
        let uri = data_uri("font/ttf", file);
        format!("@font-face {{ font-family: plots; font-weight: {weight}; src: url({uri}) format(\"truetype\"); }}\n")
    };
    let fonts = face(400, REGULAR_FILE) + &face(700, BOLD_FILE);
    let refresh = match refresh {
        Refresh::Never => String::new(),
        Refresh::Every(seconds) => format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">\n"),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src \
         'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<meta name=\"color-scheme\" \
         content=\"light dark\">\n{refresh}<link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{fonts}{STYLE}</style>\n</head>\n<body>\n{body}<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// How a plot is read.
fn caption(kind: Kind) -> &'static str {
    match kind {
        Kind::RateDistortion => {
            "Each mark is a run. Under one network and one way of training, runs of every reduction lie on one curve: the \
             effective beta alone says where. Less of both is better; a smaller beta buys a lower R with a higher K."
        }
        Kind::Terms => {
            "The same runs twice. Against beta as it is written, every reduction is another curve; against the effective \
             weight they fall together. What a reduction does is to move beta."
        }
        Kind::Curves => {
            "Above what the optimiser saw, on logarithmic axes: its numbers differ by factors of the batch and of the pixels, \
             and cannot be compared. Below the same runs in nats per image, which can."
        }
        Kind::Latents => "A collapsed model has no latent with a K above 0; a partly collapsed one has a tail of them.",
        Kind::Floors => {
            "A collapsed model paints the average image: its R sits on the dashed line, its K on 0. Grey pixels have an \
             entropy of their own, and no model goes below it."
        }
    }
}

fn plots_section(out: &mut String, study: &Study) {
    out.push_str("<section id=\"plots\" aria-labelledby=\"plots-h\"><h2 id=\"plots-h\">Plots</h2>\n");
    out.push_str(
        "<p class=\"hint\">Point at a mark for its values, or tap it; with the keyboard, step onto a plot and use the arrow \
         keys.</p>\n",
    );
    let mut notes = Vec::new();
    for kind in Kind::ALL {
        let drawn = draw(kind, study);
        for plot in &drawn.plots {
            let _ = writeln!(
                out,
                "<figure id=\"plot-{}\"><div class=\"wide\">{}</div><figcaption>{}</figcaption></figure>",
                escape(&plot.name),
                svg(&plot.figure, SvgTarget::Page),
                caption(kind)
            );
        }
        notes.extend(drawn.notes);
    }
    list_of_notes(out, &notes);
    out.push_str("</section>\n");
}

/// Sentences of lesser weight.
fn list_of_notes(out: &mut String, notes: &[String]) {
    if notes.is_empty() {
        return;
    }
    out.push_str("<ul class=\"notes\">");
    for note in notes {
        let _ = write!(out, "<li>{}</li>", escape(note));
    }
    out.push_str("</ul>\n");
}

/// The sheets of a run that are on disk, by name.
fn sheets_of(run: &Run) -> Vec<(&'static str, PathBuf)> {
    let Some(dir) = &run.dir else { return Vec::new() };
    let path = |name: &'static str| (name, dir.images_dir().join(format!("{name}.png")));
    SHEETS.into_iter().map(path).filter(|(_, path)| path.is_file()).collect()
}

fn images_section(out: &mut String, study: &Study) {
    out.push_str("<section id=\"images\" aria-labelledby=\"images-h\"><h2 id=\"images-h\">Images</h2>\n");
    let all: Vec<(&Run, Vec<(&str, PathBuf)>)> = study.runs.iter().map(|run| (run, sheets_of(run))).collect();
    let with = all.iter().filter(|(_, sheets)| !sheets.is_empty()).count();
    if with == 0 {
        out.push_str(
            "<p>None of these runs has images. <code>vae-bench eval RUN --images</code> paints those of a finished run, \
             <code>--images</code> those of a new one; a merged table holds none.</p>\n</section>\n",
        );
        return;
    }
    // The first sheet of every run before the second of any: a budget is spent fairly.
    let mut left = IMAGE_BUDGET;
    let mut embedded = vec![Vec::new(); all.len()];
    let most = all.iter().map(|(_, sheets)| sheets.len()).max().unwrap_or(0);
    let mut omitted = 0;
    for i in 0..most {
        for ((_, sheets), embedded) in all.iter().zip(&mut embedded) {
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
    for ((run, _), images) in all.iter().zip(&embedded).filter(|(_, images)| !images.is_empty()) {
        let name = escape(&run.name);
        let open = if with <= 4 { " open" } else { "" };
        let _ = writeln!(out, "<details{open}><summary>{name}</summary><div class=\"sheets\">");
        for (sheet, uri) in images {
            let _ = writeln!(out, "<img alt=\"{sheet} of {name}\" src=\"{uri}\">");
        }
        out.push_str("</div></details>\n");
    }
    let mut notes = Vec::new();
    if with < all.len() {
        notes.push(format!("{} of {} runs have no images.", all.len() - with, all.len()));
    }
    if omitted > 0 {
        notes.push(format!(
            "{omitted} more sheets lie in the runs' images folders; the page would be too large with them."
        ));
    }
    list_of_notes(out, &notes);
    out.push_str("</section>\n");
}

/// The PNG at `path` as a data URI of at most `left` bytes.
fn embeddable(path: &PathBuf, left: usize) -> Option<String> {
    let size = std::fs::metadata(path).ok()?.len();
    if size > LARGEST_IMAGE || size as usize * 4 / 3 + 64 > left {
        return None;
    }
    let bytes = std::fs::read(path).ok().filter(|bytes| bytes.starts_with(b"\x89PNG\r\n\x1a\n"))?;
    Some(data_uri("image/png", &bytes)).filter(|uri| uri.len() <= left)
}
