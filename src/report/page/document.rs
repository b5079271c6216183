//! The page as a whole: head, sections, style and script.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{configurations, images, opening, plots, provenance, runs};
use crate::model::ModelName;
use crate::report::run_set::RunSet;
use figure::color::css_palette;
use figure::raster::data_uri;
use figure::{BOLD_FILE, REGULAR_FILE, Theme};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page loads nothing: styles, script, fonts and images are part of the file.
const CONTENT_POLICY: &str =
    "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// Whether the page reloads itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Never: the page is final.
    Never,
    /// After this number of seconds: the page is rewritten while runs go on.
    Every(u32),
}

/// The page about a set of runs, under `title` or their number.
pub fn page(set: &RunSet, title: Option<&str>, refresh: Refresh) -> String {
    let runs = match set.runs.len() {
        1 => "1 run".to_owned(),
        n => format!("{n} runs"),
    };
    let title = title.map_or_else(|| format!("vae-bench: {runs}"), str::to_owned);
    let images = images::images(set);
    // A single run is looked at before it is plotted.
    let one = set.runs.len() == 1;
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title, refresh))
            body {
                a.skip href="#main" { "Skip to the findings" }
                nav aria-label="Sections" {
                    @if one { a href="#images" { "Images" } }
                    a href="#plots" { "Plots" }
                    a href="#findings" { "Findings" }
                    a href="#runs" { "Runs" }
                    @if !one { a href="#images" { "Images" } }
                    a href="#settings" { "Settings" }
                }
                main {
                    (opening::section(set, &title))
                    @if one { (images.section) }
                    (plots::section(set))
                    (configurations::section(set))
                    (runs::section(set, &images.below))
                    @if !one { (images.section) }
                    (provenance::section(set))
                }
                footer.muted {
                    b { "R" } " is the reconstruction loss of an image summed over its pixels, " b { "K" } " its KL summed over its \
                     latents, whatever was trained. Effective beta is the weight of K divided by that of R."
                    @if set.runs.iter().any(|run| run.model() == ModelName::VqVae) {
                        " Of a VQ-VAE with N codes from K entries, K is the constant N ln K, " b { "C" } " is the squared \
                         distance of an image's codes from their entries, and rho is the weight of the commitment term divided \
                         by that of R."
                    }
                }
                div #tip role="status" aria-live="polite" {}
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

fn head(title: &str, refresh: Refresh) -> Markup {
    let seconds = match refresh {
        Refresh::Never => None,
        Refresh::Every(seconds) => Some(seconds),
    };
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta http-equiv="Content-Security-Policy" content=(CONTENT_POLICY);
            meta name="color-scheme" content="light dark";
            @if let Some(seconds) = seconds {
                meta http-equiv="refresh" content=(seconds);
            }
            link rel="icon" href="data:,";
            title { (title) }
            style {
                (PreEscaped(font_face(400, REGULAR_FILE))) (PreEscaped(font_face(700, BOLD_FILE)))
                (PreEscaped(palette())) (PreEscaped(STYLE))
            }
        }
    }
}

/// The embedded font of the plots as a CSS rule.
fn font_face(weight: u32, file: &[u8]) -> String {
    let uri = data_uri("font/ttf", file);
    format!("@font-face {{ font-family: plots; font-weight: {weight}; src: url({uri}) format(\"truetype\"); }}\n")
}

/// The colors of data for light and for dark screens; paper is light.
fn palette() -> String {
    let (light, dark) = (css_palette(Theme::Light), css_palette(Theme::Dark));
    format!(":root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n")
}
