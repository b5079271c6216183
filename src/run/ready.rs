//! A run between its start and its training.

use super::job::Started;
use super::recorder::Tables;
use crate::records::Manifest;
use crate::train::State;

/// A run ready to be trained.
pub(super) struct Ready {
    pub(super) state: State,
    pub(super) tables: Tables,
    /// `run.json` as it was just written.
    pub(super) manifest: Manifest,
    pub(super) started: Started,
}
