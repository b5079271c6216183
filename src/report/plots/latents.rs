//! K of every latent, the largest first, and which latents are active.

use super::group::{Group, series_shape};
use crate::evaluate::ACTIVE_VARIANCE;
use crate::metrics::LatentRecord;
use crate::report::run_set::Run;
use crate::text::significant;
use figure::layout::{Axis, Entry, Grid, Layout};
use figure::scale::{Origin, Scale, drawable};
use figure::{Color, Dash, Figure, Fill, Item, Shape};

/// With more runs the curves are lines without marks.
const MAX_RUNS_WITH_MARKS: usize = 24;

pub(super) fn figure(group: &Group<'_>) -> Result<Figure, String> {
    let known: Vec<&Run> = group.runs.iter().copied().filter(|run| !run.latents.is_empty()).collect();
    if known.is_empty() {
        let how = if group.runs.iter().any(|run| run.dir.is_some()) {
            "no run has a latents.csv; `vae-bench eval RUN` writes one"
        } else {
            "a merged table does not hold the KL of every latent; name run directories"
        };
        return Err(how.into());
    }
    let sorted = |run: &Run| {
        let mut latents: Vec<LatentRecord> = run.latents.iter().filter(|l| drawable(l.kl)).cloned().collect();
        latents.sort_by(|a, b| b.kl.total_cmp(&a.kl));
        latents
    };
    let coloring = group.coloring();
    let marks = known.len() <= MAX_RUNS_WITH_MARKS;
    let missing = group.runs.len() - known.len();
    let mut notes = Vec::new();
    if missing > 0 {
        notes.push(format!("Runs not drawn because their latents were not measured: {missing}."));
    }
    let mut legend = group.legend(&coloring, |i| (marks.then(|| (series_shape(i), Fill::Solid)), Some(Dash::Solid)));
    if marks {
        let key = |fill, label: &str| Entry::Key {
            color: Color::Text,
            shape: Some((Shape::Circle, fill)),
            dash: None,
            label: label.into(),
        };
        legend.push(key(Fill::Solid, "filled: active"));
        legend.push(key(Fill::Hollow, "hollow: inactive"));
        notes.push(format!(
            "A latent is active if the variance of its posterior mean exceeds {ACTIVE_VARIANCE} (Burda et al. 2016)."
        ));
    }
    let most = known.iter().map(|run| run.latents.len()).max().unwrap_or(1);
    let values = known.iter().flat_map(|run| run.latents.iter().map(|l| l.kl));
    let x = Axis { label: "latents, ordered by K".into(), scale: Scale::integers(1, most as u32) };
    let y = Axis { label: "K of the latent (nats per image)".into(), scale: Scale::linear(values, Origin::Zero) };
    let caption = group.caption("KL of every latent", notes);
    let mut layout = Layout::new(&caption, Grid { columns: 1, rows: 1, width: 560.0, height: 320.0 }, &legend);
    let panel = layout.panel((0, 0), "K per latent, test images, last epoch", x, y);
    for run in known {
        let color = group.color(run, &coloring);
        let latents = sorted(run);
        let active = latents.iter().filter(|l| l.mean_variance > ACTIVE_VARIANCE).count();
        let label = &group.series[group.series_of(run)].label;
        let all = latents.len();
        let rank = |i: usize| (i + 1) as f64;
        let points: Vec<(f64, f64)> = latents.iter().enumerate().map(|(i, l)| (rank(i), l.kl)).collect();
        let on_line = (!marks).then(|| format!("{label}, {}: {active} of {all} latents active", run.seed()));
        for points in panel.line(&points) {
            layout.figure.items.push(Item::Line {
                points,
                color,
                width: 1.3,
                dash: Dash::Solid,
                tooltip: on_line.clone(),
            });
        }
        if !marks {
            continue;
        }
        for (i, latent) in latents.iter().enumerate() {
            let Some(at) = panel.point(rank(i), latent.kl) else { continue };
            let fill = if latent.mean_variance > ACTIVE_VARIANCE { Fill::Solid } else { Fill::Hollow };
            let tooltip = format!(
                "{label}, {}: latent {} has K {}, variance of its posterior mean {}; {active} of {all} active",
                run.seed(),
                latent.latent,
                significant(latent.kl),
                significant(latent.mean_variance)
            );
            layout.figure.mark(at, group.shape(run, &coloring), color, fill, Some(tooltip));
        }
    }
    Ok(layout.figure)
}
