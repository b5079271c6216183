//! The data sets of a sweep: each is read once, when the first run needs it, and shared by all runs that use it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::data::{DataSource, Dataset, Identity, IdxName, Loaded, identify, load, load_until};
use crate::error::{Error, Result};
use crate::spec::{RunSpec, Settings};

/// What was asked for, the directory that was named, the user's name for its files, and the side of its images.
pub(super) type Source = (DataSource, Option<PathBuf>, Option<IdxName>, Option<usize>);

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
    (spec.data().source, settings.data_dir.clone(), settings.data_name.clone(), spec.data().resize)
}

impl DatasetCache {
    /// Which data the run with these settings uses; read only where nothing less will tell.
    ///
    /// # Errors
    /// As [`load`].
    pub fn identity(&self, settings: &Settings) -> Result<Identity> {
        let side = settings.resize.map(|n| n.get());
        let asked = settings.data.unwrap_or(DataSource::Auto);
        let source = (asked, settings.data_dir.clone(), settings.data_name.clone(), side);
        let mut entries = self.lock();
        if let Some(known) = entries.identities.get(&source) {
            return Ok(known.clone());
        }
        let identity = match identify(source.0, source.1.as_deref()) {
            Some(identity) => identity.resized(side),
            None => {
                let Loaded { dataset, warning } = load(source.0, source.1.as_deref())?;
                entries.warnings.extend(warning);
                let dataset = dataset.named(source.2.clone()).resized(side)?;
                let identity = dataset.identity();
                let found = (identity.name.source(), source.1.clone(), source.2.clone(), side);
                entries.whole.insert(found, Arc::new(dataset));
                identity
            }
        };
        entries.identities.insert(source, identity.clone());
        Ok(identity)
    }

    /// The images of a run whose source is that of [`DatasetCache::identity`], read on the threads of `readers`.
    ///
    /// Called from a thread outside of that pool. A thread of the pool that waits for a part of its work takes up any
    /// other job of the pool meanwhile; a second call of this function there would wait for the lock that the same
    /// thread holds, without end.
    ///
    /// # Errors
    /// As [`load`], and where the run asks for more images than there are.
    pub fn images(
        &self,
        spec: &RunSpec,
        settings: &Settings,
        readers: &rayon::ThreadPool,
        stop: &AtomicBool,
    ) -> Result<Arc<Dataset>> {
        let data = spec.data();
        let source = source(spec, settings);
        let mut entries = self.lock();
        let whole = match (entries.whole.get(&source), entries.failures.get(&source)) {
            (Some(whole), _) => Arc::clone(whole),
            (None, Some(why)) => return Err(Error::Data(why.clone())),
            (None, None) => match readers.install(|| {
                let loaded = load_until(source.0, source.1.as_deref(), stop)?;
                loaded.dataset.named(source.2.clone()).resized(source.3)
            }) {
                Ok(dataset) => {
                    let whole = Arc::new(dataset);
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
        let cut = || Dataset::clone(&whole).subset(data.train_size, data.test_size, spec.seed());
        let images = Arc::new(readers.install(cut)?);
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Workers that ask for the same files at the same moment, again and again: one that reads them while it holds the
    /// cache's lock must not be given the next worker's request by the pool.
    #[test]
    fn workers_that_ask_at_the_same_time_never_wait_for_each_other_without_end() {
        const ROUNDS: usize = 200;
        let dir = tempfile::tempdir().unwrap();
        for (stem, header, content) in [
            ("train-images-idx3", &[0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0, 4][..], 9 * 16),
            ("train-labels-idx1", &[0, 0, 8, 1, 0, 0, 0, 9][..], 9),
            ("t10k-images-idx3", &[0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 4][..], 5 * 16),
            ("t10k-labels-idx1", &[0, 0, 8, 1, 0, 0, 0, 5][..], 5),
        ] {
            let file: Vec<u8> = header.iter().copied().chain((0..content).map(|i| (i % 10) as u8)).collect();
            std::fs::write(dir.path().join(format!("{stem}-ubyte")), file).unwrap();
        }
        let (done, rounds) = mpsc::channel();
        // On a thread of its own, which a failure leaves behind: a deadlock cannot be joined.
        std::thread::spawn(move || {
            let settings =
                Settings { data: Some(DataSource::Idx), data_dir: Some(dir.path().to_owned()), ..Settings::default() };
            let spec = RunSpec::resolve(&settings).unwrap();
            let readers = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            for round in 0..ROUNDS {
                let cache = DatasetCache::default();
                std::thread::scope(|scope| {
                    for _ in 0..4 {
                        scope.spawn(|| cache.images(&spec, &settings, &readers, &AtomicBool::new(false)).unwrap());
                    }
                });
                done.send(round).unwrap();
            }
        });
        for round in 0..ROUNDS {
            assert_eq!(rounds.recv_timeout(Duration::from_secs(20)), Ok(round), "four workers wait for each other");
        }
    }
}
