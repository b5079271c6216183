//! What a user can get wrong: one line that names the thing and gives a hint, the right exit code, no file left behind.

mod support;

#[cfg(unix)]
use std::process::Command;
#[cfg(unix)]
use std::time::{Duration, Instant};

use support::{World, small};
use vae_bench::data::idx::{IdxFile, Kind};

#[test]
fn a_wrong_flag_is_named_with_a_hint_and_exits_2() {
    let world = World::new();
    let cases: &[(&[&str], &[&str])] = &[
        (&["--loss", "l1"], &["'l1'", "--loss", "bce", "mse", "gaussian"]),
        (&["--beta", "-1"], &["--beta", "'-1'", "0 or more"]),
        (&["--beta", "nan"], &["--beta", "'nan'", "finite"]),
        (&["--beta", "one"], &["--beta", "'one'", "not a number"]),
        (&["--latent-dim", "0"], &["--latent-dim", "'0'", "1 or more"]),
        (&["--hidden", "0,5"], &["--hidden", "width 0", "linear VAE"]),
        (&["--hidden", "400,,200"], &["--hidden", "400,200"]),
        (&["--hidden", "-5"], &["--hidden", "not a width"]),
        (&["--batch-size", "0"], &["--batch-size", "'0'", "1 or more"]),
        (&["--epochs", "-3"], &["--epochs", "'-3'", "whole number"]),
        (&["--sigma2", "0", "--loss", "gaussian"], &["--sigma2", "'0'", "above 0"]),
        (&["--sigma2", "2"], &["--sigma2 2", "--loss bce", "contradict"]),
        (&["--lr", "0"], &["--lr", "'0'", "above 0"]),
        (&["--lr", "inf"], &["--lr", "'inf'", "finite"]),
        (&["--adam-beta1", "1"], &["--adam-beta1", "'1'", "below 1"]),
        (&["--adam-eps", "0"], &["--adam-eps", "'0'", "above 0"]),
        (&["--optimizer", "sgd", "--adam-eps", "1e-4"], &["--adam-eps 0.0001", "--optimizer sgd", "contradict"]),
        (&["--hidden", "999999999"], &["parameters", "GiB", "--hidden"]),
        (&["--hidden", "99999999999999999999"], &["--hidden", "not a width"]),
        (&["--latent-dim", "18446744073709551615"], &["GiB", "--latent-dim"]),
        (&["--threads", "0"], &["--threads", "1 to"]),
        (&["--threads", "99999999"], &["--threads", "1 to"]),
        (&["--device", "tpu"], &["--device", "cuda:0"]),
        (&["--device", "cuda:0"], &["--device cuda:0", "--features cuda", "--device cpu"]),
        (&["--train-size", "601"], &["--train-size 601", "600"]),
        (&["--train-size", "0"], &["--train-size", "'0'", "1 or more"]),
        (&["--config", "nowhere.toml"], &["nowhere.toml", "no such file"]),
        (&["--los", "bce"], &["there is no flag --los", "did you mean --loss?", "see `vae-bench --help`"]),
        (&["--loss", "bce", "--loss", "mse"], &["--loss is given twice"]),
        (&["--preset", "kerasio"], &["'kerasio'", "did you mean keras-io?"]),
        (&["--preset", "qqqqqq"], &["'qqqqqq'", "keras-io", "sigma-vae"]),
        (&["--beta", "1/batch-pixels"], &["--beta", "--kl-weight 1/batch-pixels"]),
        (&["--adam-beta1", "pixels"], &["--adam-beta1", "784 pixels", "below 1"]),
        (&["--lr", "0/latents"], &["--lr", "latents", "above 0"]),
        (&["--beta", "1/0"], &["--beta", "'1/0'", "finite"]),
        (&["--output", "digits"], &["--output-activation", "'digits'", "--out"]),
        (&["--seeds", "3"], &["--seeds", "1..3"]),
        (&["--seeds", "1..3", "--seed", "1"], &["--seeds", "--seed", "contradict"]),
    ];
    for (args, words) in cases {
        world.run(args).expect(2).error_with(words);
        assert!(!world.out().exists(), "{args:?} left files behind");
    }
}

#[test]
fn an_error_of_a_command_names_what_is_missing_or_meant_and_the_help_of_that_command() {
    let world = World::new();
    let cases: &[(&[&str], &[&str])] = &[
        (&["trian"], &["there is no command 'trian'", "see `vae-bench --help`"]),
        (&["rum"], &["did you mean run?"]),
        (&["data"], &["vae-bench data needs one of fetch, verify, info", "see `vae-bench data --help`"]),
        (&["data", "fetsh"], &["did you mean fetch?", "see `vae-bench data --help`"]),
        (&["explain", "kl"], &["needs --mean <MEAN>, --logvar <LOGVAR>", "see `vae-bench explain kl --help`"]),
        (&["plot", "runs", "--format", "x"], &["--format 'x'", "svg, png, pdf", "see `vae-bench plot --help`"]),
        (&["plot", "runs", "--kind", "termz"], &["--kind 'termz'", "did you mean terms?", "curves"]),
        (&["--data", "synthetic", "merge", "out"], &["--data goes after the name of the command"]),
        (&["merge"], &["vae-bench merge needs <RUNS>..."]),
        (&["sweep"], &["vae-bench sweep needs", "FILE.toml"]),
        (&["sweep", "--grid", "betta=1,2"], &["betta=1,2", "did you mean beta?"]),
        (&["sweep", "--grid", "seed=1-3"], &["\"1-3\" is not a whole number, 0 or more"]),
        (&["sweep", "--grid", "beta=1,2", "--beta", "3"], &["beta=1,2", "--beta 3", "contradict"]),
        (&["sweep", "--grid", "seed=1,2", "--beta", "1", "--", "--beta", "2"], &["--beta 1", "--beta 2", "after --"]),
    ];
    for (args, words) in cases {
        let done = world.vae_bench(args).expect(2).error_with(words);
        for debris in ["tip:", ":;", "u64", "the following", "field `", "Usage"] {
            assert!(!done.stderr.contains(debris), "{args:?}: {}", done.stderr);
        }
    }
}

#[test]
fn an_unknown_key_in_a_config_file_is_named_with_its_line() {
    let world = World::new();
    std::fs::write(world.path().join("c.toml"), "beta = 2.0\nlatent_dim = 5\n").unwrap();
    world.run(&["--config", "c.toml"]).expect(2).error_with(&["c.toml", "line 2", "latent_dim", "latent-dim"]);
    assert!(!world.out().exists());
}

#[test]
fn a_wrong_variable_is_named_with_the_flag_that_it_stands_for() {
    let world = World::new();
    let cases: &[(&[&str], &str, &str, &[&str])] = &[
        (&small(&[]), "VAE_BENCH_LR", "fast", &["VAE_BENCH_LR", "--lr", "'fast'", "not a number"]),
        (&small(&[]), "VAE_BENCH_LOSS", "l1", &["VAE_BENCH_LOSS", "--loss", "'l1'", "bce"]),
        (&["data", "info"], "VAE_BENCH_DATA", "cifar", &["VAE_BENCH_DATA ", "--data ", "'cifar'", "mnist"]),
        (&["data", "verify"], "VAE_BENCH_DATA_DIR", "", &["VAE_BENCH_DATA_DIR", "--data-dir"]),
        (&["sweep", "--grid", "seed=1"], "VAE_BENCH_LR", "fast", &["VAE_BENCH_LR", "--lr", "'fast'"]),
        (&["sweep", "--grid", "seed=1"], "VAE_BENCH_JOBS", "0", &["VAE_BENCH_JOBS", "--jobs", "'0'"]),
    ];
    for (args, name, value, words) in cases {
        support::done(world.command(args).env(name, value).output().unwrap()).expect(2).error_with(words);
        assert!(!world.out().exists());
    }
    // The flag wins over its variable, and is named alone where the flag is what is wrong.
    let output = world.command(&small(&["--lr", "1e-3"])).env("VAE_BENCH_LR", "fast").output().unwrap();
    support::done(output).expect(0);
    let output = world.command(&small(&["--lr", "slow"])).env("VAE_BENCH_LR", "fast").output().unwrap();
    let done = support::done(output).expect(2);
    assert!(!done.stderr.contains("VAE_BENCH"), "{}", done.stderr);
}

#[test]
fn a_wrong_variable_breaks_no_command_that_does_not_use_it() {
    let world = World::new();
    world.run(&[]).expect(0);
    let run = world.only_run();
    let commands: &[&[&str]] = &[
        &["merge", "out"],
        &["status", "out"],
        &["presets"],
        &["eval", run.to_str().unwrap(), "--samples", "1"],
        &["plot", "out"],
        &["report", "out"],
        &["explain", "kl", "--mean", "0", "--logvar", "0"],
        &["data", "info", "--data", "idx", "--data-dir", "data"],
        &["completions", "fish"],
        &["--help"],
    ];
    for args in commands {
        let mut command = world.command(args);
        command.env("VAE_BENCH_LR", "fast").env("VAE_BENCH_EPOCHS", "").env("VAE_BENCH_DEVICE", "tpu");
        support::done(command.output().unwrap()).expect(0);
    }
}

#[test]
fn help_shows_the_variables_of_a_command() {
    let world = World::new();
    assert!(world.vae_bench(&["eval", "--help"]).expect(0).stdout.contains("[env: VAE_BENCH_DATA_DIR=]"));
}

#[test]
fn data_that_is_missing_or_lies_exits_3_with_the_file_and_the_byte() {
    let world = World::new();
    let images = "train-images-idx3-ubyte";
    let labels = "train-labels-idx1-ubyte";
    let good = std::fs::read(world.path().join("data").join(images)).unwrap();
    let mut wrong_magic = good.clone();
    wrong_magic[3] = 1;
    let mut four_billion = good.clone();
    four_billion[4..8].copy_from_slice(&4_000_000_000u32.to_be_bytes());
    let few_labels = IdxFile::build(Kind::Labels, &[10], &[0; 10]).bytes().to_vec();
    let cases: [(&str, &str, Vec<u8>, &[&str]); 5] = [
        ("truncated", images, good[..1000].to_vec(), &["cannot hold", "bytes 4-15"]),
        ("magic", images, wrong_magic, &["bytes 0-3 say 2049", "2051"]),
        ("billions", images, four_billion, &["4000000000", "bytes 4-15"]),
        ("labels", labels, few_labels, &["10 labels", "600 images"]),
        ("not-gz", "train-images-idx3-ubyte.gz", b"not gzip at all".to_vec(), &["not gzip"]),
    ];
    for (name, file, bytes, words) in cases {
        let dir = world.write_data(name, 600, 200);
        if file.ends_with(".gz") {
            std::fs::remove_file(dir.join(images)).unwrap();
        }
        std::fs::write(dir.join(file), bytes).unwrap();
        let done = world.vae_bench(&["--data", "idx", "--data-dir", name, "--out", "out"]).expect(3);
        done.error_with(words).error_with(&[file, "replace the file"].map(|w| if name == "labels" { file } else { w }));
        assert!(!world.out().exists(), "{name} left files behind");
    }
    world.vae_bench(&["--data-dir", "nowhere", "--out", "out"]).expect(3).error_with(&["nowhere", "--data-dir"]);
    std::fs::create_dir(world.path().join("empty")).unwrap();
    world
        .vae_bench(&["--data", "mnist", "--data-dir", "empty"])
        .expect(3)
        .error_with(&["train-images-idx3-ubyte", "data fetch"]);
}

#[test]
fn well_formed_files_that_are_not_mnists_are_refused_with_the_way_to_use_them() {
    let world = World::new();
    for source in ["mnist", "auto"] {
        world
            .vae_bench(&["--data", source, "--data-dir", "data", "--out", "out"])
            .expect(3)
            .error_with(&["not MNIST's", "--data idx --data-dir data"]);
    }
    let done = world.vae_bench(&["data", "verify", "--data-dir", "data"]).expect(3);
    assert_eq!(done.stdout.matches("FAILED").count(), 4, "{}", done.stdout);
}

#[test]
fn an_output_that_cannot_be_written_exits_1_and_says_where_to_write_instead() {
    let world = World::new();
    std::fs::write(world.path().join("file"), "in the way").unwrap();
    let args = ["--data", "idx", "--data-dir", "data", "--hidden", "8", "--epochs", "1", "--out", "file/runs"];
    world.vae_bench(&args).expect(1).error_with(&["file/runs", "cannot create", "--out"]);
    world.run(&[]).expect(0);
    world.vae_bench(&["merge", "out", "--out", "file/table.csv"]).expect(1).error_with(&["file/table.csv", "--out"]);
    world.vae_bench(&["merge", "nowhere"]).expect(1).error_with(&["nowhere"]);
    world.vae_bench(&["merge", "data"]).expect(1).error_with(&["no run in it"]);
}

#[test]
fn offline_mnist_is_an_error_with_the_ways_out() {
    let world = World::new();
    world.vae_bench(&["--data", "mnist"]).expect(3).error_with(&["--data-dir"]);
    world.vae_bench(&["data", "fetch"]).expect(3).error_with(&["--data-dir"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_in_the_place_of_a_runs_file_is_named_and_neither_waited_for_nor_read_without_end() {
    let world = World::new();
    world.run(&[]).expect(0);
    let run = world.only_run();
    let files = ["metrics.csv", "timing.csv", "latents.csv", "config.toml", "model.safetensors"];
    let others = ["run.json", "checkpoint/state.safetensors"];
    let kept: Vec<_> =
        files.iter().chain(&others).map(|file| (run.join(file), std::fs::read(run.join(file)).unwrap())).collect();
    let page: &[&str] = &["report", "out", "--out", "page.html"];
    let commands: [&[&str]; 5] = [&["status", "out"], &["merge", "out"], &["verify", "out"], page, &small(&[])];
    for (file, device) in files.iter().flat_map(|file| [(file, None), (file, Some("/dev/zero"))]) {
        for command in commands {
            std::fs::remove_file(run.join(file)).unwrap();
            match device {
                Some(device) => std::os::unix::fs::symlink(device, run.join(file)).unwrap(),
                None => assert!(Command::new("mkfifo").arg(run.join(file)).status().unwrap().success()),
            }
            let mut child = world.command(command).spawn().unwrap();
            let begun = Instant::now();
            while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = child.kill();
            let done = support::done(child.wait_with_output().unwrap());
            assert!(matches!(done.code, Some(0 | 1)), "{command:?} on {file}: {:?} {}", done.code, done.stderr);
            // Only `verify`, and the command that makes the run whole, read the weights; `status` says "failed".
            let reads_it = match (*file, command[0]) {
                (_, "status") | ("model.safetensors", "merge" | "report") => false,
                (_, _) => true,
            };
            let told = format!("{}{}", done.stdout, done.stderr);
            assert!(!reads_it || told.contains(file), "{command:?} on {file}: {told}");
            for (path, bytes) in &kept {
                let _ = std::fs::remove_file(path);
                std::fs::write(path, bytes).unwrap();
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_beyond_the_limit_on_sizes_is_an_error_and_no_signal() {
    let world = World::new();
    let run = world.command(&small(&[]));
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""]).arg(run.get_program()).args(run.get_args());
    limited.current_dir(world.path());
    support::done(limited.output().unwrap()).expect(1).error_with(&["ulimit -f", "the same command"]);
    world.run(&[]).expect(0);
}
