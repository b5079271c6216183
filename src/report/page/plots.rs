//! The plots, each with a caption that says how to read the plot.

use maud::{Markup, PreEscaped, html};

use super::notes;
use crate::report::plots::{Kind, draw};
use crate::report::run_set::RunSet;
use figure::svg::{SvgTarget, svg};

pub(super) fn section(set: &RunSet) -> Markup {
    let drawn: Vec<_> = Kind::ALL.into_iter().map(|kind| (kind, draw(kind, set))).collect();
    let remarks: Vec<String> = drawn.iter().flat_map(|(_, drawn)| drawn.notes.clone()).collect();
    html! {
        section #plots aria-labelledby="plots-h" {
            h2 #plots-h { "Plots" }
            p.hint {
                "Point at a mark for its values, or tap it; with the keyboard, focus a plot and use the arrow keys."
            }
            @for (kind, drawn) in &drawn {
                @for plot in &drawn.plots {
                    figure id=(format!("plot-{}", plot.name)) {
                        div.wide { (PreEscaped(svg(&plot.figure, SvgTarget::Page))) }
                        figcaption { (caption(*kind)) }
                    }
                }
            }
            (notes::list(&remarks))
        }
    }
}

/// How to read a plot of this kind; claims about the results belong to the findings.
fn caption(kind: Kind) -> &'static str {
    match kind {
        Kind::RateDistortion => {
            "Each mark is a run; lower is better on both axes. Lines join the means of runs that differ only in the weights \
             of their terms, in the order of the effective weight."
        }
        Kind::Terms => {
            "Each row shows one quantity, against beta as it is written and, where the loss defines one, against the effective \
             weight, which takes the reductions into account."
        }
        Kind::Curves => {
            "Top row: the terms as the optimiser saw them, on logarithmic axes; they differ by factors of the batch size and \
             the number of pixels and cannot be compared between reductions. Bottom row: the same runs per image, which can."
        }
        Kind::Latents => {
            "The KL of each latent in descending order. A collapsed model has none above 0; a partly collapsed model has some \
             at 0."
        }
        Kind::Floors => {
            "A collapsed model outputs the average image: its R lies on the dashed line and its K is 0. Grey pixels have an \
             entropy of their own, and no model goes below it."
        }
    }
}
