//! Files changed behind a run's back: flipped bits, edited tables, other runs of the same name, records of earlier versions.

use std::path::{Path, PathBuf};

use vae_bench::data::Binarize;
use vae_bench::error::Error;
use vae_bench::files::Disk;
use vae_bench::records::{Manifest, RunRecord, Status, sha256};
use vae_bench::rng::{Purpose, Stream};
use vae_bench::run::{Existing, Started, read_model, verify_run};

use crate::lab::*;

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}

/// Flips `flips` random bits, one at a time, in the files of the run that `template` holds.
fn flip(template: &Path, flips: usize) {
    let mut stream = Stream::new(1, Purpose::Subset, 0, 0);
    let names: Vec<PathBuf> =
        files(template).iter().map(|path| path.strip_prefix(template).unwrap().to_owned()).collect();
    let (mut named, mut mended, mut exceptions) = (0, 0, Vec::new());
    for i in 0..flips {
        let out = scratch();
        copy(template, out.path());
        let name = &names[i % names.len()];
        let path = out.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = (stream.uniform() * (bytes.len() * 8) as f32) as usize;
        bytes[at / 8] ^= 1 << (at % 8);
        std::fs::write(&path, &bytes).unwrap();
        let short = path.file_name().unwrap().to_string_lossy().into_owned();

        let (dir, spec) = (dir(out.path()), spec(1));
        let verified = verify_run(&dir);
        if !verified.files.iter().any(|file| file.content.is_err() && file.file.ends_with(&short)) {
            exceptions.push(format!("{short}, bit {at}: `verify` does not name it: {verified:?}"));
        }
        let finished = Manifest::read(&dir.manifest()).is_ok_and(|manifest| manifest.status == Status::Completed);
        let read = if short == "model.safetensors" {
            read_model(&dir, &spec, 9).err().map(|e| e.to_string())
        } else {
            RunRecord::read(&dir).err().map(|e| e.to_string())
        };
        if finished && short != "state.safetensors" && !read.is_some_and(|why| why.contains(&short)) {
            exceptions.push(format!("{short}, bit {at}: read without a word"));
        }
        let mut display = Quiet::default();
        match run_with(out.path(), &Disk::default(), Existing::Keep, &mut display, 1) {
            Err(why) if why.to_string().contains(&short) => named += 1,
            Err(why) => exceptions.push(format!("{short}, bit {at}: another is named: {why}")),
            Ok(_) if results(out.path()) != *undisturbed() => {
                exceptions.push(format!("{short}, bit {at}: other results"));
            }
            Ok(done) if done.started == Started::Finished => mended += 1,
            Ok(_) if display.warnings.iter().any(|warning| warning.contains(&short)) => mended += 1,
            Ok(_) => exceptions.push(format!("{short}, bit {at}: mended without a word")),
        }
    }
    println!("{flips} flipped bits: {named} refused by name, {mended} mended or without effect");
    assert!(exceptions.is_empty(), "{} of {flips}: {exceptions:#?}", exceptions.len());
}

#[test]
fn each_of_a_thousand_flipped_bits_is_named_or_without_effect() {
    let flips = if all() { 1000 } else { 200 };
    let (finished, _) = Scene::Forced.template();
    flip(finished.path(), flips);
    let (interrupted, _) = Scene::Interrupted.template();
    flip(interrupted.path(), flips);
}

#[test]
fn an_edited_table_is_refused_with_a_hint_and_never_extended() {
    let (template, _) = Scene::Interrupted.template();
    let whole = std::fs::read_to_string(dir(template.path()).metrics()).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let mut swapped = lines.clone();
    swapped.swap(1, 2);
    for edited in [
        whole.replace('\n', "\r\n"),
        format!("# my best run\n{whole}"),
        whole.replacen("1,train", "1,Train", 1),
        format!("{}\n", swapped.join("\n")),
        "\0".repeat(whole.len()),
    ] {
        let out = scratch();
        copy(template.path(), out.path());
        let path = dir(out.path()).metrics();
        std::fs::write(&path, &edited).unwrap();
        let why = run(out.path(), &plain(), Existing::Keep).unwrap_err().to_string();
        assert!(why.contains("metrics.csv") && why.contains("restore it") && why.contains("--force"), "{why}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), edited, "left as it was");
        run(out.path(), &plain(), Existing::Repeat).unwrap();
        whole_after_restart(out.path()).unwrap();
    }
}

#[test]
fn a_completed_run_whose_last_rows_are_gone_is_not_believed_and_made_whole() {
    let (template, _) = Scene::Forced.template();
    let whole = std::fs::read_to_string(dir(template.path()).metrics()).unwrap();
    for kept in [1, 3, whole.lines().count() - 1] {
        let out = scratch();
        copy(template.path(), out.path());
        let path = dir(out.path()).metrics();
        let cut: String = whole.split_inclusive('\n').take(kept).collect();
        std::fs::write(&path, cut).unwrap();
        let why = RunRecord::read(&dir(out.path())).unwrap_err().to_string();
        assert!(why.contains("metrics.csv") && why.contains("SHA-256"), "{why}");
        let state = vae_bench::sweep::State::of(&dir(out.path()));
        assert!(state.reason().is_some_and(|why| why.contains("metrics.csv")), "{state:?}");
        whole_after_restart(out.path()).unwrap();
    }
}

#[test]
fn config_toml_is_written_anew_where_it_is_damaged() {
    for scene in [Scene::Interrupted, Scene::Forced] {
        for damage in ["", "beta = ", "beta = 2.0\n"] {
            let (out, _) = scene.template();
            let config = dir(out.path()).config();
            let before = std::fs::read(&config).unwrap();
            std::fs::write(&config, damage).unwrap();
            whole_after_restart(out.path()).unwrap();
            assert_eq!(std::fs::read(&config).unwrap(), before);
        }
    }
}

#[test]
fn another_run_of_the_same_name_is_refused_and_left_alone() {
    for scene in [Scene::Interrupted, Scene::Forced] {
        let (out, _) = scene.template();
        // What a collision of the names' hashes would leave: a whole run of another seed under this name.
        let dir = dir(out.path());
        let other = std::fs::read_to_string(dir.config()).unwrap().replace("seed = 1", "seed = 2");
        std::fs::write(dir.config(), &other).unwrap();
        let mut manifest = Manifest::read(&dir.manifest()).unwrap();
        manifest.files[0].sha256 = sha256(other.as_bytes());
        manifest.write(&plain(), &dir.manifest()).unwrap();
        for existing in [Existing::Keep, Existing::Repeat] {
            let before = results(out.path());
            let why = run(out.path(), &plain(), existing).unwrap_err();
            assert!(matches!(&why, Error::Run(text) if text.contains("holds another run")), "{why}");
            assert_eq!(results(out.path()), before);
        }
    }
}

#[test]
fn records_of_an_earlier_version_are_read_and_its_unfinished_runs_begin_anew() {
    // Finished: no generation, no digests, no seal.
    let (out, _) = Scene::Forced.template();
    let dir_of = dir(out.path());
    forget_digests(&dir_of.manifest());
    RunRecord::read(&dir_of).unwrap();
    assert_eq!(run(out.path(), &plain(), Existing::Keep).unwrap().started, Started::Finished);

    // Interrupted: the first layout of the checkpoint, whose sums have no list of terms, is not guessed at: the run begins
    // anew.
    let (out, _) = Scene::Interrupted.template();
    let dir_of = dir(out.path());
    forget_digests(&dir_of.manifest());
    let bytes = std::fs::read(dir_of.checkpoint()).unwrap();
    let tensors = candle_core::safetensors::load_buffer(&bytes, &candle_core::Device::Cpu).unwrap();
    let name = dir_of.path().file_name().unwrap().to_string_lossy().into_owned();
    let facts = [("version".to_owned(), "1".to_owned()), ("run".to_owned(), name)].into();
    std::fs::write(dir_of.checkpoint(), safetensors::serialize(tensors, Some(facts)).unwrap()).unwrap();
    let finished = whole_after_restart(out.path()).unwrap();
    assert_eq!(finished.started, Started::Fresh);
}

fn forget_digests(path: &Path) {
    let mut manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for key in ["generation", "attempt", "request", "files", "sha256"] {
        manifest.as_object_mut().unwrap().remove(key);
    }
    std::fs::write(path, serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
}

#[test]
fn a_checkpoint_of_a_later_version_is_refused_and_kept() {
    let (out, _) = Scene::Interrupted.template();
    let path = dir(out.path()).checkpoint();
    let mut bytes = std::fs::read(&path).unwrap();
    let key = b"\"version\":\"3\"";
    let at = bytes.windows(key.len()).position(|window| window == key).unwrap();
    bytes[at + key.len() - 2] = b'7';
    std::fs::write(&path, &bytes).unwrap();
    let why = run(out.path(), &plain(), Existing::Keep).unwrap_err().to_string();
    assert!(why.contains("later version") && why.contains("state.safetensors"), "{why}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn counters_that_contradict_each_other_start_the_run_anew() {
    // Sealed, so that only the counters can tell: recorded, batches, images, steps.
    for (counter, value) in [(0, 9i64), (0, 2), (1, 4), (1, 0), (2, 21), (2, 7), (3, 5), (3, -1)] {
        let (out, _) = Scene::Interrupted.template();
        let dir_of = dir(out.path());
        forget_digests(&dir_of.manifest());
        let bytes = std::fs::read(dir_of.checkpoint()).unwrap();
        let mut tensors = candle_core::safetensors::load_buffer(&bytes, &candle_core::Device::Cpu).unwrap();
        let mut counters = tensors["counters"].to_vec1::<i64>().unwrap();
        assert_ne!(counters[counter], value);
        counters[counter] = value;
        let counters = candle_core::Tensor::new(counters, &candle_core::Device::Cpu).unwrap();
        tensors.insert("counters".to_owned(), counters);
        let name = dir_of.path().file_name().unwrap().to_string_lossy().into_owned();
        let facts = [("version".to_owned(), "1".to_owned()), ("run".to_owned(), name)].into();
        std::fs::write(dir_of.checkpoint(), safetensors::serialize(tensors, Some(facts)).unwrap()).unwrap();
        let mut display = Quiet::default();
        let done = run_with(out.path(), &plain(), Existing::Keep, &mut display, 1).unwrap();
        assert_eq!(done.started, Started::Fresh, "counter {counter} = {value}: {:?}", display.warnings);
        assert!(display.warnings[0].contains("anew"), "{:?}", display.warnings);
        assert_eq!(results(out.path()), *undisturbed());
    }
    // A spec that this file does not use otherwise.
    assert_eq!(spec(1).data().pixels.binarize, Binarize::None);
}
