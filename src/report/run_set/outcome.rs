//! How a run ended, as one of a closed set.

use crate::records::Status;

/// How a run ended, or how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All latents are active.
    AllActive,
    /// Some latents are active.
    SomeActive,
    /// Every codebook entry of a VQ-VAE is used.
    AllCodes,
    /// Some codebook entries are used.
    DeadCodes,
    /// The codes of a VQ-VAE run away from their entries.
    Unstable,
    /// One codebook entry is used.
    OneCode,
    /// No latent is active, and the reconstruction is that of the average image.
    Collapsed,
    /// No latent is active, and the reconstruction is not that of the average image, or was not held against it.
    NoneActive,
    /// No epoch was trained.
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
    pub const ALL: [Outcome; 13] = [
        Outcome::AllActive,
        Outcome::SomeActive,
        Outcome::AllCodes,
        Outcome::DeadCodes,
        Outcome::Unstable,
        Outcome::OneCode,
        Outcome::Collapsed,
        Outcome::NoneActive,
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
            // The second words are those of tables that earlier versions wrote.
            (Status::Completed, "all-active" | "healthy") => Outcome::AllActive,
            (Status::Completed, "some-active" | "partly-collapsed") => Outcome::SomeActive,
            (Status::Completed, "collapsed") => Outcome::Collapsed,
            (Status::Completed, "none-active" | "unconverged") => Outcome::NoneActive,
            (Status::Completed, "all-codes") => Outcome::AllCodes,
            (Status::Completed, "dead-codes") => Outcome::DeadCodes,
            (Status::Completed, "unstable") => Outcome::Unstable,
            (Status::Completed, "one-code") => Outcome::OneCode,
            (Status::Completed, "untrained") => Outcome::Untrained,
            (Status::Completed, _) => Outcome::NotJudged,
        }
    }

    /// The outcome in words.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::AllActive => "all active",
            Outcome::SomeActive => "some active",
            Outcome::AllCodes => "all codes used",
            Outcome::DeadCodes => "some codes unused",
            Outcome::Unstable => "unstable",
            Outcome::OneCode => "one code used",
            Outcome::Collapsed => "collapsed",
            Outcome::NoneActive => "none active",
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
            Outcome::AllActive | Outcome::SomeActive | Outcome::AllCodes | Outcome::DeadCodes => Some(true),
            Outcome::Collapsed | Outcome::OneCode => Some(false),
            Outcome::NoneActive
            | Outcome::Untrained
            | Outcome::Diverged
            | Outcome::Unstable
            | Outcome::Running
            | Outcome::Interrupted
            | Outcome::NotJudged => None,
        }
    }
}
