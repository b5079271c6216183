//! The data of a sweep: each set is read once, when the first run needs it, and shared by all that use it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::data::{DataSource, Dataset, Identity, Loaded, identify, load, load_until};
use crate::error::Result;
use crate::spec::{RunSpec, Settings};

type Source = (DataSource, Option<PathBuf>);

/// Train size, test size, seed.
type Part = (Source, Option<usize>, Option<usize>, u64);

/// The data sets in use.
#[derive(Debug, Default)]
pub struct Library {
    shelves: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    identities: HashMap<Source, Identity>,
    whole: HashMap<Source, Arc<Dataset>>,
    /// Parts go with the last run that uses them.
    parts: HashMap<Part, Weak<Dataset>>,
    warnings: Vec<String>,
}

impl Library {
    /// Which data the run with these settings uses; read only where nothing less will tell.
    ///
    /// # Errors
    /// As [`load`].
    pub fn identity(&self, settings: &Settings) -> Result<Identity> {
        let source = (settings.data.unwrap_or(DataSource::Auto), settings.data_dir.clone());
        let mut shelves = self.lock();
        if let Some(known) = shelves.identities.get(&source) {
            return Ok(known.clone());
        }
        let identity = match identify(source.0, source.1.as_deref()) {
            Some(identity) => identity,
            None => {
                let Loaded { dataset, warning } = load(source.0, source.1.as_deref())?;
                shelves.warnings.extend(warning);
                let identity = dataset.identity();
                let found = (identity.name.source(), source.1.clone());
                shelves.whole.insert(found, Arc::new(dataset));
                identity
            }
        };
        shelves.identities.insert(source, identity.clone());
        Ok(identity)
    }

    /// The images of a run whose source is that of [`Library::identity`]; `stop` ends a download.
    ///
    /// # Errors
    /// As [`load`], and where the run asks for more images than there are.
    pub fn images(&self, spec: &RunSpec, settings: &Settings, stop: &AtomicBool) -> Result<Arc<Dataset>> {
        let data = spec.data();
        let source = (data.source, settings.data_dir.clone());
        let mut shelves = self.lock();
        let whole = match shelves.whole.get(&source) {
            Some(whole) => Arc::clone(whole),
            None => {
                let loaded = Arc::new(load_until(source.0, source.1.as_deref(), stop)?.dataset);
                shelves.whole.insert(source.clone(), Arc::clone(&loaded));
                loaded
            }
        };
        if data.train_size.is_none() && data.test_size.is_none() {
            return Ok(whole);
        }
        let part = (source, data.train_size, data.test_size, spec.seed());
        if let Some(known) = shelves.parts.get(&part).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let images = Arc::new(Dataset::clone(&whole).subset(data.train_size, data.test_size, spec.seed())?);
        shelves.parts.retain(|_, images| images.strong_count() > 0);
        shelves.parts.insert(part, Arc::downgrade(&images));
        Ok(images)
    }

    /// What must be said of the data; each once.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().warnings)
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        // What a panicking job was about to add is not there; all else is whole.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
