//! K of every latent, the largest first, and which latents are active.

use super::group::Group;
use crate::evaluate::ACTIVE_VARIANCE;
use crate::metrics::LatentRecord;
use crate::model::ModelName;
use crate::report::run_set::Run;
use crate::text::significant;
use figure::chart::{Axis, Chart, Content, Entry, Plot};
use figure::scale::{Origin, Scale, drawable};
use figure::{Color, Dash, Fill, Shape};

/// With more runs the curves are lines without marks.
const MAX_RUNS_WITH_MARKS: usize = 24;

pub(super) fn chart(group: &Group<'_>) -> Result<Chart, String> {
    let known: Vec<&Run> = group.runs.iter().copied().filter(|run| !run.latents.is_empty()).collect();
    if known.is_empty() {
        let how = if group.runs.iter().all(|run| run.model() == ModelName::VqVae) {
            "a VQ-VAE has no latents with a K of their own; its codes.csv says how often each entry is used"
        } else if group.runs.iter().any(|run| run.dir.is_some()) {
            "no run has a latents.csv; `vae-bench eval RUN` writes one"
        } else {
            "a merged table does not hold the KL of every latent; name run directories"
        };
        return Err(how.into());
    }
    let marks = known.len() <= MAX_RUNS_WITH_MARKS;
    let missing = group.runs.len() - known.len();
    let mut notes = Vec::new();
    if missing > 0 {
        notes.push(format!("Runs not drawn because their latents were not measured: {missing}."));
    }
    let mut legend = group.legend_of(&known, Some(Dash::Solid));
    if marks {
        let key = |fill, label: &str| Entry::Key {
            color: Color::Text,
            shape: Some((Shape::Circle, fill)),
            dash: None,
            label: label.into(),
        };
        legend.push(key(Fill::Solid, "active latent"));
        legend.push(key(Fill::Hollow, "inactive latent"));
        notes.push(format!(
            "A latent is active if the variance of its posterior mean exceeds {ACTIVE_VARIANCE} (Burda et al. 2016)."
        ));
    }
    let most = known.iter().map(|run| run.latents.len()).max().unwrap_or(1);
    let values = known.iter().flat_map(|run| run.latents.iter().map(|l| l.kl));
    let content = known.iter().flat_map(|run| curve(group, run, marks)).collect();
    let plot = Plot {
        name: "latents".into(),
        heading: String::new(),
        x: Axis { label: "latents in the order of their K".into(), scale: Scale::integers(1, most as u32) },
        y: Axis { label: "K of a latent (nats per image)".into(), scale: Scale::linear(values, Origin::Zero) },
        content,
        labels: Vec::new(),
        note: None,
    };
    let caption = group.caption("K of every latent after training", notes);
    Ok(Chart { caption, legend, panels: vec![plot], columns: 1, size: (640.0, 320.0) })
}

/// The latents of a run in the order of their K.
fn curve(group: &Group<'_>, run: &Run, marks: bool) -> Vec<Content> {
    let mut latents: Vec<&LatentRecord> = run.latents.iter().filter(|l| drawable(l.kl)).collect();
    latents.sort_by(|a, b| b.kl.total_cmp(&a.kl));
    let style = group.style(run);
    let active = latents.iter().filter(|l| l.mean_variance > ACTIVE_VARIANCE).count();
    let (label, all) = (group.label(run), latents.len());
    let points = latents.iter().zip(1u32..).map(|(l, rank)| (f64::from(rank), l.kl)).collect();
    let on_line = (!marks).then(|| format!("{label}, {}: {active} of {all} latents active", run.seed()));
    let mut content =
        vec![Content::Line { points, color: style.color, width: 1.3, dash: Dash::Solid, tooltip: on_line }];
    if marks {
        content.extend(latents.iter().zip(1u32..).map(|(latent, rank)| Content::Mark {
            at: (f64::from(rank), latent.kl),
            shape: style.shape,
            size: 0.8 * style.size,
            color: style.color,
            fill: if latent.mean_variance > ACTIVE_VARIANCE { Fill::Solid } else { Fill::Hollow },
            tooltip: Some(format!(
                "{label}, {}: latent {} has K {}, variance of its posterior mean {}; {active} of {all} active",
                run.seed(),
                latent.latent,
                significant(latent.kl),
                significant(latent.mean_variance)
            )),
        }));
    }
    content
}
