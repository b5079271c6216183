//! How a run ended, as one of a closed set.

use crate::records::Status;

/// How a run ended, or how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All latents are active.
    Healthy,
    /// Some latents are inactive.
    PartlyCollapsed,
    /// No latent is active, and the reconstruction is that of the average image.
    Collapsed,
    /// No latent is active, and the reconstruction is not that of the average image.
    Untrained,
    /// The objective became infinite or NaN.
    Diverged,
    /// The run is in progress.
    Running,
    /// The run was stopped and can be resumed.
    Interrupted,
    /// The run is completed and was not judged.
    NotJudged,
}

impl Outcome {
    /// All outcomes, from the best to the least known.
    pub const ALL: [Outcome; 8] = [
        Outcome::Healthy,
        Outcome::PartlyCollapsed,
        Outcome::Collapsed,
        Outcome::Untrained,
        Outcome::Diverged,
        Outcome::Running,
        Outcome::Interrupted,
        Outcome::NotJudged,
    ];

    /// The outcome for a status and the name of a verdict as records and tables hold it.
    pub fn new(status: Status, verdict: &str) -> Self {
        match (status, verdict) {
            (Status::Running, _) => Outcome::Running,
            (Status::Interrupted, _) => Outcome::Interrupted,
            (Status::Diverged, _) | (Status::Completed, "diverged") => Outcome::Diverged,
            (Status::Completed, "healthy") => Outcome::Healthy,
            (Status::Completed, "partly-collapsed") => Outcome::PartlyCollapsed,
            (Status::Completed, "collapsed") => Outcome::Collapsed,
            (Status::Completed, "unconverged") => Outcome::Untrained,
            (Status::Completed, _) => Outcome::NotJudged,
        }
    }

    /// The outcome in words.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::Healthy => "healthy",
            Outcome::PartlyCollapsed => "partly collapsed",
            Outcome::Collapsed => "collapsed",
            Outcome::Untrained => "untrained",
            Outcome::Diverged => "diverged",
            Outcome::Running => "under way",
            Outcome::Interrupted => "interrupted",
            Outcome::NotJudged => "without a verdict",
        }
    }

    /// Whether the trained model uses its latents; `None` where its latents were not judged.
    pub fn uses_latents(self) -> Option<bool> {
        match self {
            Outcome::Healthy | Outcome::PartlyCollapsed => Some(true),
            Outcome::Collapsed => Some(false),
            Outcome::Untrained | Outcome::Diverged | Outcome::Running | Outcome::Interrupted | Outcome::NotJudged => {
                None
            }
        }
    }
}
