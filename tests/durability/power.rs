//! Power cuts: what the disk holds of a run after each operation, under the four extremes that a file system allows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use vae_bench::run::Started;

use crate::lab::*;

/// What reaches the disk of what was not synced.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Nothing.
    Nothing,
    /// Names of files, and the lengths of their contents, which are zeros.
    NamesAndLengths,
    /// Names of files.
    Names,
    /// Contents of files.
    Contents,
}

#[derive(Clone, Default)]
struct File {
    written: Vec<u8>,
    synced: Vec<u8>,
}

/// A file system in memory that knows what was synced.
#[derive(Clone, Default)]
struct Model {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    dirs: BTreeSet<PathBuf>,
    synced_dirs: BTreeSet<PathBuf>,
}

impl Model {
    /// What lies in `path`, all of it synced.
    fn of(path: &Path) -> Self {
        let mut model = Model::default();
        model.dirs.insert(path.to_owned());
        model.load(path);
        (model.synced_names, model.synced_dirs) = (model.names.clone(), model.dirs.clone());
        model
    }

    fn load(&mut self, path: &Path) {
        for entry in std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                self.dirs.insert(entry.clone());
                self.load(&entry);
            } else {
                let content = std::fs::read(&entry).unwrap();
                self.names.insert(entry, self.files.len());
                self.files.push(File { written: content.clone(), synced: content });
            }
        }
    }

    fn apply(&mut self, operation: &Kept) {
        match operation {
            Kept::CreateDir(path) => {
                self.dirs.insert(path.clone());
            }
            Kept::Create(path) => {
                self.names.insert(path.clone(), self.files.len());
                self.files.push(File::default());
            }
            Kept::Append(_) => {}
            Kept::Write(path, bytes) => self.files[self.names[path]].written.extend(bytes),
            Kept::Sync(path) => {
                let file = &mut self.files[self.names[path]];
                file.synced = file.written.clone();
            }
            Kept::SyncDir(dir) => {
                let below = |path: &PathBuf| path.parent() == Some(dir);
                self.synced_names.retain(|path, _| !below(path));
                let now = self.names.iter().filter(|(path, _)| below(path)).map(|(path, file)| (path.clone(), *file));
                self.synced_names.extend(now);
                self.synced_dirs.extend(self.dirs.iter().filter(|path| below(path)).cloned());
            }
            Kept::Rename(from, to) => {
                let file = self.names.remove(from).unwrap();
                self.names.insert(to.clone(), file);
            }
            Kept::Link(from, to) => {
                self.names.insert(to.clone(), self.names[from]);
            }
            Kept::Remove(path) => {
                self.names.remove(path);
            }
        }
    }

    /// Writes what a power cut leaves, with `from` in its paths replaced by `to`.
    fn write(&self, cut: Cut, from: &Path, to: &Path) {
        let (names, dirs) = match cut {
            Cut::Nothing | Cut::Contents => (&self.synced_names, &self.synced_dirs),
            Cut::NamesAndLengths | Cut::Names => (&self.names, &self.dirs),
        };
        for dir in dirs {
            std::fs::create_dir_all(to.join(dir.strip_prefix(from).unwrap())).unwrap();
        }
        for (path, &file) in names {
            if !dirs.contains(path.parent().unwrap()) {
                continue;
            }
            let File { written, synced } = &self.files[file];
            let content = match cut {
                Cut::Nothing | Cut::Names => synced.clone(),
                Cut::Contents => written.clone(),
                Cut::NamesAndLengths => {
                    let mut content = synced.clone();
                    content.resize(written.len().max(synced.len()), 0);
                    content
                }
            };
            std::fs::write(to.join(path.strip_prefix(from).unwrap()), content).unwrap();
        }
    }
}

#[test]
fn a_power_cut_after_any_operation_loses_no_epoch_beyond_the_last_checkpoint() {
    let (mut schedules, mut exceptions) = (0, Vec::new());
    for scene in SCENES {
        let (out, existing) = scene.template();
        let mut model = Model::of(out.path());
        let script = std::sync::Arc::new(Script::default());
        let watch = std::sync::Arc::clone(&script) as std::sync::Arc<dyn vae_bench::files::Watch>;
        run(out.path(), &vae_bench::files::Disk::watched(watch), existing).unwrap();
        let operations = script.kept.lock().unwrap().clone();
        let mut checkpoints = 0u32;
        for n in 0..=operations.len() {
            if all() || n % 3 == 0 || n + 12 > operations.len() {
                for cut in [Cut::Nothing, Cut::NamesAndLengths, Cut::Names, Cut::Contents] {
                    let after = scratch();
                    model.write(cut, out.path(), after.path());
                    schedules += 1;
                    match whole_after_restart(after.path()) {
                        Err(why) => exceptions.push(format!("{scene:?} {n} {cut:?}: {why}")),
                        Ok(finished) => {
                            let kept = match finished.started {
                                Started::Finished => u32::MAX,
                                Started::Fresh => 0,
                                Started::Resumed { after_epoch } | Started::Continued { after_epoch } => {
                                    after_epoch + 1
                                }
                            };
                            // Only a run that begins here has its first checkpoint here, of epoch 0.
                            if matches!(scene, Scene::Fresh) && kept < checkpoints.min(EPOCHS + 1) {
                                exceptions.push(format!("{n} {cut:?}: {checkpoints} checkpoints, {kept} epochs kept"));
                            }
                        }
                    }
                }
            }
            if let Some(operation) = operations.get(n) {
                model.apply(operation);
                if *operation == Kept::SyncDir(dir(out.path()).checkpoint_dir()) {
                    checkpoints += 1;
                }
            }
        }
        assert!(checkpoints >= 2, "{scene:?}: {checkpoints} checkpoints");
    }
    println!("power cut: {schedules} schedules, {} exceptions", exceptions.len());
    assert!(exceptions.is_empty(), "{} of {schedules}: {exceptions:#?}", exceptions.len());
}
