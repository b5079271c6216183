//! The plots, each with a caption that says how to read the plot.

use maud::{Markup, PreEscaped, html};

use super::findings::main_group;
use super::notes;
use crate::report::plots::{Axes, Kind, Plot, draw};
use crate::report::run_set::{RunSet, name_of_group};
use figure::chart::Chart;
use figure::svg::{SvgTarget, svg};

/// The widths of half a page, of a whole one and of a phone, in pixels.
const HALF: f64 = 600.0;
const WHOLE: f64 = 1180.0;
const PHONE: f64 = 350.0;
/// A chart with more columns takes the whole width.
const MAX_COLUMNS_OF_HALF: usize = 2;

pub(super) fn section(set: &RunSet) -> Markup {
    // One point in a plane shows nothing that its numbers do not say.
    let compares = |kind: &Kind| matches!(kind, Kind::RateDistortion | Kind::Floors | Kind::Terms);
    let kinds = Kind::FROM_RECORDS.into_iter().filter(|kind| set.runs.len() > 1 || !compares(kind));
    let drawn: Vec<_> = kinds.map(|kind| draw(kind, set, &Axes::default())).collect();
    let remarks: Vec<String> = drawn.iter().flat_map(|drawn| drawn.notes.clone()).collect();
    // The plots of the group that the page begins with come first.
    let main = main_group(set).map_or_else(String::new, |(key, _)| name_of_group(&key));
    let mut plots: Vec<&Plot> = drawn.iter().flat_map(|drawn| &drawn.plots).collect();
    plots.sort_by_key(|plot| !plot.name.ends_with(&main));
    let (whole, half): (Vec<&Plot>, Vec<&Plot>) = plots.into_iter().partition(|plot| is_whole(&plot.chart));
    html! {
        section #plots aria-labelledby="plots-h" {
            h2 #plots-h { "Plots" }
            p.hint { "Point at a mark for its values, or tap it; with the keyboard, focus a plot and use the arrow keys." }
            div.figures {
                @for plot in half.into_iter().chain(whole) {
                    figure.whole[is_whole(&plot.chart)] id=(format!("plot-{}", plot.name)) {
                        h3 { (plot.chart.caption.title) }
                        (picture(&plot.chart))
                        figcaption {
                            (plot.chart.caption.subtitle) ". " (how_to_read(plot.kind)) " " (plot.chart.notes().join(" "))
                        }
                    }
                }
            }
            @if !remarks.is_empty() {
                details.hint { summary { "Plots that could not be drawn: " (remarks.len()) } (notes::list(&remarks)) }
            }
        }
    }
}

fn is_whole(chart: &Chart) -> bool {
    chart.columns > MAX_COLUMNS_OF_HALF
}

/// The chart laid out for a wide and for a narrow screen, of which the style of the page shows one.
pub(super) fn picture(chart: &Chart) -> Markup {
    let wide = if is_whole(chart) { WHOLE } else { HALF };
    let at = |width: f64| PreEscaped(svg(&chart.figure_without_caption(width), SvgTarget::Page));
    html! {
        div.wide { (at(wide)) }
        div.narrow { (at(PHONE)) }
    }
}

/// How to read a plot of this kind; claims about the results belong to the findings.
fn how_to_read(kind: Kind) -> &'static str {
    match kind {
        Kind::RateDistortion => "Each mark is a run; to the left is better at the same height.",
        Kind::Terms => "",
        Kind::Curves => {
            "Top row: the terms as the optimiser saw them, which cannot be compared between reductions. Bottom row: the same \
             runs per image, which can."
        }
        Kind::Latents => "A collapsed model has no latent above 0.",
        Kind::Floors => "A model that ignores z can draw the average image at best: its R is on the dashed line.",
        Kind::Digits => "The same test images through every run; rows are runs.",
    }
}
