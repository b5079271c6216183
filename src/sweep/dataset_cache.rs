//! The data sets of a sweep: each is read once, when the first run needs it, and shared by all runs that use it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::data::{DataSource, Dataset, Identity, Loaded, identify, load, load_until};
use crate::error::{Error, Result};
use crate::spec::{RunSpec, Settings};

/// What was asked for, and the directory that was named.
pub(super) type Source = (DataSource, Option<PathBuf>);

/// Train size, test size, seed.
type Subset = (Source, Option<usize>, Option<usize>, u64);

/// The data sets in use.
#[derive(Debug, Default)]
pub struct DatasetCache {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    identities: HashMap<Source, Identity>,
    whole: HashMap<Source, Arc<Dataset>>,
    /// Why a data set is missing or damaged: found out once, not once per run.
    failures: HashMap<Source, String>,
    /// Subsets are dropped with the last run that uses them.
    subsets: HashMap<Subset, Weak<Dataset>>,
    warnings: Vec<String>,
}

/// Which data set a run reads: runs of one source share its failures too.
pub(super) fn source(spec: &RunSpec, settings: &Settings) -> Source {
    (spec.data().source, settings.data_dir.clone())
}

impl DatasetCache {
    /// Which data the run with these settings uses; read only where nothing less will tell.
    ///
    /// # Errors
    /// As [`load`].
    pub fn identity(&self, settings: &Settings) -> Result<Identity> {
        let source = (settings.data.unwrap_or(DataSource::Auto), settings.data_dir.clone());
        let mut entries = self.lock();
        if let Some(known) = entries.identities.get(&source) {
            return Ok(known.clone());
        }
        let identity = match identify(source.0, source.1.as_deref()) {
            Some(identity) => identity,
            None => {
                let Loaded { dataset, warning } = load(source.0, source.1.as_deref())?;
                entries.warnings.extend(warning);
                let identity = dataset.identity();
                let found = (identity.name.source(), source.1.clone());
                entries.whole.insert(found, Arc::new(dataset));
                identity
            }
        };
        entries.identities.insert(source, identity.clone());
        Ok(identity)
    }

    /// The images of a run whose source is that of [`DatasetCache::identity`].
    ///
    /// # Errors
    /// As [`load`], and where the run asks for more images than there are.
    pub fn images(&self, spec: &RunSpec, settings: &Settings, stop: &AtomicBool) -> Result<Arc<Dataset>> {
        let data = spec.data();
        let source = source(spec, settings);
        let mut entries = self.lock();
        let whole = match (entries.whole.get(&source), entries.failures.get(&source)) {
            (Some(whole), _) => Arc::clone(whole),
            (None, Some(why)) => return Err(Error::Data(why.clone())),
            (None, None) => match load_until(source.0, source.1.as_deref(), stop) {
                Ok(loaded) => {
                    let whole = Arc::new(loaded.dataset);
                    entries.whole.insert(source.clone(), Arc::clone(&whole));
                    whole
                }
                Err(why) => {
                    if let Error::Data(why) = &why {
                        entries.failures.insert(source, why.clone());
                    }
                    return Err(why);
                }
            },
        };
        if data.train_size.is_none() && data.test_size.is_none() {
            return Ok(whole);
        }
        let subset = (source, data.train_size, data.test_size, spec.seed());
        if let Some(known) = entries.subsets.get(&subset).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let images = Arc::new(Dataset::clone(&whole).subset(data.train_size, data.test_size, spec.seed())?);
        entries.subsets.retain(|_, images| images.strong_count() > 0);
        entries.subsets.insert(subset, Arc::downgrade(&images));
        Ok(images)
    }

    /// Warnings about the data, each given once.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().warnings)
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // A poisoned lock is safe to reuse: entries are added whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
