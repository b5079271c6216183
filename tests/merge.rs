//! Merged tables through the real binary: which rows stand together, and what one bad run does to the others.

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use support::{World, csv, done};

/// The cells of a column.
fn column(table: &str, name: &str) -> Vec<String> {
    let (header, rows) = csv(table);
    let at = header.iter().position(|column| column == name).unwrap();
    rows.into_iter().map(|row| row[at].clone()).collect()
}

#[test]
fn an_analytic_and_a_monte_carlo_run_are_two_settings_in_the_report_of_their_table() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    world.run(&["--epochs", "1", "--kl", "monte-carlo"]).expect(0);
    world.vae_bench(&["merge", "out", "--out", "table.csv"]).expect(0);
    world.vae_bench(&["report", "table.csv", "--out", "page.html"]).expect(0);
    let page = fs::read_to_string(world.path().join("page.html")).unwrap();
    assert!(!page.contains("2 seeds"), "one seed of each");
    assert!(page.contains("monte-carlo"), "the command that repeats it names the estimator");
}

#[test]
fn images_of_two_sizes_are_never_averaged_and_the_reason_is_told() {
    let world = World::new();
    world.write_small_images("small");
    for data in ["data", "small"] {
        for seed in ["1", "2"] {
            world.run(&["--epochs", "2", "--data-dir", data, "--seed", seed]).expect(0);
        }
    }
    let mean = world.vae_bench(&["merge", "out", "--mean"]).expect(0);
    assert_eq!(column(&mean.stdout, "n"), ["2"; 4], "two sizes, two splits");
    assert!(mean.stderr.contains("these runs differ in image size, test images"), "{}", mean.stderr);
    let each = world.vae_bench(&["merge", "out"]).expect(0);
    let mut keys = column(&each.stdout, "comparable");
    keys.sort();
    keys.dedup();
    let [large, small] = &keys[..] else { panic!("{keys:?}") };
    assert!(large.ends_with("/200x784/none/unit/mass") || small.ends_with("/200x784/none/unit/mass"), "{keys:?}");
    assert!(large.ends_with("/200x196/none/unit/mass") || small.ends_with("/200x196/none/unit/mass"), "{keys:?}");

    let plotted = world.vae_bench(&["plot", "out", "--kind", "curves", "--out", "p"]).expect(0);
    assert_eq!(plotted.stdout.lines().count(), 4, "a picture of each size, as SVG and PNG: {}", plotted.stdout);
    assert!(plotted.stderr.contains("these runs differ in image size"), "{}", plotted.stderr);
    let reported = world.vae_bench(&["report", "out", "--out", "page.html"]).expect(0);
    assert!(reported.stderr.contains("these runs differ in image size"), "{}", reported.stderr);
    let page = fs::read_to_string(world.path().join("page.html")).unwrap();
    assert!(page.contains("2 seeds") && !page.contains("4 seeds"));
}

/// z under `--sampling keras-2016-05` is drawn nearly without noise, so that its R says nothing beside one that was measured
/// under the noise of q.
#[test]
fn runs_whose_z_is_drawn_with_other_noise_are_set_apart_everywhere() {
    let world = World::new();
    let other = ["--sampling", "keras-2016-05"];
    for seed in ["1", "2"] {
        world.run(&["--epochs", "2", "--seed", seed]).expect(0);
        world.run(&[&["--epochs", "2", "--seed", seed][..], &other].concat()).expect(0);
    }
    let why = "these runs differ in the noise that z is drawn with, so recon and neg_elbo can be compared";
    let mean = world.vae_bench(&["merge", "out", "--mean"]).expect(0);
    assert!(mean.stderr.contains(why), "{}", mean.stderr);
    let mut keys = column(&mean.stdout, "comparable");
    keys.sort();
    keys.dedup();
    assert!(matches!(&keys[..], [usual, apart] if *apart == format!("{usual}/keras-2016-05")), "{keys:?}");

    world.vae_bench(&["merge", "out", "--out", "table.csv"]).expect(0);
    // As earlier versions wrote it: one key for both.
    let table = fs::read_to_string(world.path().join("table.csv")).unwrap();
    fs::write(world.path().join("old.csv"), table.replace("/mass/keras-2016-05", "/mass")).unwrap();
    for from in ["out", "table.csv", "old.csv"] {
        let plotted = world.vae_bench(&["plot", from, "--kind", "rate-distortion", "--out", "p"]).expect(0);
        assert!(plotted.stderr.contains(why), "{from}: {}", plotted.stderr);
        for name in ["rate-distortion-idx-bce.svg", "rate-distortion-idx-bce-keras-2016-05.svg"] {
            let picture = fs::read_to_string(world.path().join("p").join(name)).unwrap();
            assert_eq!(picture.matches("class=\"pt\"").count(), 2, "{from}: {name}");
        }
        let reported = world.vae_bench(&["report", from, "--out", "page.html"]).expect(0);
        assert!(reported.stderr.contains(why), "{from}: {}", reported.stderr);
        let page = fs::read_to_string(world.path().join("page.html")).unwrap();
        assert!(page.contains("z drawn with the noise of keras-2016-05"), "{from}");
    }

    let listed = world.vae_bench(&["ls", "out"]).expect(0);
    assert!(listed.stderr.contains(why) && listed.stdout.contains("sampling"), "{} {}", listed.stdout, listed.stderr);
    let run = |sampling: &str| {
        let only = format!("sampling={sampling}");
        let names = world.vae_bench(&["ls", "out", "--filter", &only, "--format", "ids"]).expect(0).stdout;
        names.lines().next().unwrap().to_owned()
    };
    let compared = world.vae_bench(&["compare", &run("standard"), &run("keras-2016-05"), "--out", "out"]).expect(0);
    assert!(compared.stderr.contains(why), "{}", compared.stderr);
}

#[test]
fn a_subset_of_the_test_images_is_set_apart_from_all_of_them() {
    let world = World::new();
    let usual = ["--data", "synthetic", "--epochs", "1", "--train-size", "200"];
    world.run(&usual).expect(0);
    world.run(&[&usual[..], &["--test-size", "100"]].concat()).expect(0);
    let mean = world.vae_bench(&["merge", "out", "--mean"]).expect(0);
    assert_eq!(column(&mean.stdout, "n"), ["1"; 4]);
    assert!(mean.stderr.contains("differ in number of test images, test images"), "{}", mean.stderr);
    assert!(mean.stderr.contains("/100x784/") && mean.stderr.contains("/10000x784/"), "{}", mean.stderr);
}

fn copy_run(from: &Path, to: &Path) -> PathBuf {
    let to = to.join(from.file_name().unwrap());
    fs::create_dir_all(&to).unwrap();
    for file in ["config.toml", "metrics.csv", "run.json"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
    // As a run of an earlier version, without digests of its files: the tests below change them.
    let manifest = to.join("run.json");
    let mut facts: serde_json::Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    for key in ["generation", "attempt", "request", "files", "sha256"] {
        facts.as_object_mut().unwrap().remove(key);
    }
    fs::write(&manifest, serde_json::to_vec_pretty(&facts).unwrap()).unwrap();
    to
}

#[test]
fn equal_copies_of_a_run_are_one_and_unequal_ones_are_refused_with_both_paths() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    let copy = copy_run(&world.only_run(), &world.path().join("elsewhere"));
    let alone = world.vae_bench(&["merge", "out"]).expect(0);
    assert_eq!(alone.stderr, "");
    let both = world.vae_bench(&["merge", "elsewhere", "out"]).expect(0);
    assert_eq!(both.stdout, alone.stdout);
    assert!(both.stderr.contains("copies of one run lie in several directories"), "{}", both.stderr);

    let metrics = fs::read_to_string(copy.join("metrics.csv")).unwrap();
    fs::write(copy.join("metrics.csv"), metrics.replacen("1,test,", "1,test,9", 1)).unwrap();
    for command in [&["merge"][..], &["merge", "--mean"], &["plot", "--out", "p"], &["report", "--out", "page.html"]] {
        let refused = world.vae_bench(&[command, &["elsewhere", "out"]].concat()).expect(1);
        assert_eq!(refused.stdout, "");
        refused.error_with(&["elsewhere", "out/", "metrics.csv", "other rows"]);
    }
    // A copy that was never finished says nothing against the one that was.
    let manifest = fs::read_to_string(copy.join("run.json")).unwrap();
    fs::write(copy.join("run.json"), manifest.replace("\"completed\"", "\"interrupted\"")).unwrap();
    let finished = world.vae_bench(&["merge", "elsewhere", "out"]).expect(0);
    assert_eq!((finished.stdout, finished.stderr), (alone.stdout, String::new()));
}

#[test]
fn a_torn_row_of_an_unfinished_run_leaves_out_that_run_alone() {
    let world = World::new();
    for seed in ["1", "2"] {
        world.run(&["--epochs", "1", "--seed", seed]).expect(0);
    }
    let whole = world.vae_bench(&["merge", "out"]).expect(0).stdout;
    let torn = copy_run(&world.runs()[0], &world.path().join("elsewhere"));
    let torn_in = world.out().join("torn");
    fs::rename(torn, &torn_in).unwrap();
    let edit = |file: &str, change: &dyn Fn(String) -> String| {
        fs::write(torn_in.join(file), change(fs::read_to_string(torn_in.join(file)).unwrap())).unwrap();
    };
    edit("metrics.csv", &|text| text + "2,train,1.2");
    edit("run.json", &|text| text.replace("\"completed\"", "\"running\""));
    let merged = world.vae_bench(&["merge", "out"]).expect(0);
    assert_eq!(merged.stdout, whole);
    assert!(merged.stderr.contains("out/torn: not finished, left out"), "{}", merged.stderr);
    let status = world.vae_bench(&["status", "out"]).expect(0);
    assert!(status.stdout.contains("2 done, 1 unfinished"), "{}", status.stdout);

    // The settings of a run are what `status` needs; without them, that run alone is not listed.
    edit("config.toml", &|_| "beta = ".to_owned());
    let status = world.vae_bench(&["status", "out"]).expect(0);
    assert!(status.stdout.contains("2 runs: 2 done"), "{}", status.stdout);
    assert!(status.stderr.contains("torn") && status.stderr.contains("config.toml"), "{}", status.stderr);
}

#[test]
fn a_finished_run_that_is_damaged_is_named_and_the_table_of_the_others_ends_with_exit_code_1() {
    let world = World::new();
    for seed in ["1", "2"] {
        world.run(&["--epochs", "1", "--seed", seed]).expect(0);
    }
    let damaged = world.runs()[1].join("metrics.csv");
    let rows = fs::read_to_string(&damaged).unwrap();
    fs::write(&damaged, rows.replacen("1,train,", "1,train,x", 1)).unwrap();
    let merged = world.vae_bench(&["merge", "out", "--final"]).expect(1);
    assert_eq!(column(&merged.stdout, "seed"), ["1", "1"]);
    assert!(merged.stderr.contains("left out") && merged.stderr.contains("metrics.csv"), "{}", merged.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_table_that_does_not_reach_stdout_whole_is_an_error_unless_its_reader_left() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    let full = File::options().write(true).open("/dev/full").unwrap();
    done(world.command(&["merge", "out"]).stdout(full).output().unwrap()).expect(1).error_with(&[
        "stdout",
        "no space left",
        "incomplete",
    ]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    done(world.command(&["merge", "out"]).stdout(writer).output().unwrap()).expect(0);
}

#[test]
fn the_four_judgements_are_columns_with_the_words_of_run_json() {
    let world = World::new();
    world.run(&["--epochs", "2", "--beta", "784"]).expect(0);
    let record: serde_json::Value = serde_json::from_str(&world.read("run.json")).unwrap();
    let table = world.vae_bench(&["merge", "out"]).expect(0).stdout;
    for judgement in ["latents", "average_image", "training", "objective"] {
        let word = record["verdict"][judgement].as_str().unwrap();
        let cells = column(&table, &format!("verdict_{judgement}"));
        assert!(!cells.is_empty() && cells.iter().all(|cell| cell == word), "{judgement}: {cells:?}, not {word}");
    }
}

#[test]
fn a_name_for_idx_files_is_in_the_tables_and_not_in_the_id() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    let unnamed = world.only_run();
    fs::remove_dir_all(world.out()).unwrap();
    world.run(&["--epochs", "1", "--data-name", "fashion-mnist"]).expect(0);
    let named = world.only_run();
    assert_eq!(unnamed, named, "a name does not change a result");
    assert!(fs::read_to_string(named.join("config.toml")).unwrap().contains("data-name = \"fashion-mnist\""));
    let table = world.vae_bench(&["merge", "out"]).expect(0).stdout;
    assert!(column(&table, "comparable")[0].starts_with("idx:fashion-mnist/"), "{table}");
    assert_eq!(column(&table, "data_name")[0], "fashion-mnist");
    world.vae_bench(&["eval", named.to_str().unwrap(), "--samples", "2"]).expect(0);
    let refused = world.vae_bench(&["--data", "synthetic", "--data-name", "mine"]).expect(2);
    assert!(
        refused.stderr.contains("--data-name") && refused.stderr.contains("--data synthetic"),
        "{}",
        refused.stderr
    );
    world.run(&["--data-name", "two words"]).expect(2);
}
