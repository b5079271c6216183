//! The plots, each with a caption that says how to read the plot.

use maud::{Markup, PreEscaped, html};

use super::notes;
use crate::report::plots::{Kind, draw};
use crate::report::study::Study;
use figure::svg::{SvgTarget, svg};

pub(super) fn section(study: &Study) -> Markup {
    let drawn: Vec<_> = Kind::ALL.into_iter().map(|kind| (kind, draw(kind, study))).collect();
    let remarks: Vec<String> = drawn.iter().flat_map(|(_, drawn)| drawn.notes.clone()).collect();
    html! {
        section #plots aria-labelledby="plots-h" {
            h2 #plots-h { "Plots" }
            p.hint {
                "Point at a mark for its values, or tap it; with the keyboard, step onto a plot and use the arrow keys."
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
