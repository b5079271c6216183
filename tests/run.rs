//! One run through the real binary: its files, its determinism, and that nothing is ever lost.

mod support;

use std::time::{Duration, Instant};

use support::{TRAIN, World, csv, done, small};

#[test]
fn a_run_leaves_every_file_of_the_contract() {
    let world = World::new();
    let done = world.run(&[]).expect(0);
    let name = world.only_run().file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("idx-bce-sum-b1-z4-s1-") && name.len() == "idx-bce-sum-b1-z4-s1-".len() + 16, "{name}");
    for file in ["config.toml", "metrics.csv", "timing.csv", "run.json", "model.safetensors", "checkpoint"] {
        assert!(world.only_run().join(file).exists(), "{file}");
    }
    let left = std::fs::read_dir(world.only_run()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with(".lock")));
    assert!(done.stdout.contains("verdict") && done.stdout.contains(&name), "{}", done.stdout);

    let (header, rows) = csv(&world.read("metrics.csv"));
    let contract = "epoch,split,objective,recon_term,kl_term,recon,kl,neg_elbo,beta_effective,beta_sigma2,active_units";
    assert_eq!(header.join(","), contract);
    let keys: Vec<_> = rows.iter().map(|row| format!("{} {}", row[0], row[1])).collect();
    assert_eq!(keys, ["0 test", "1 train", "1 test", "2 train", "2 test"]);
    for row in &rows {
        let value = |i: usize| row[i].parse::<f64>().unwrap();
        assert_eq!(value(2), value(3) + value(4), "objective = recon_term + kl_term");
        assert_eq!(value(7), value(5) + value(6), "neg_elbo = recon + kl");
        assert_eq!((row[8].as_str(), row[9].as_str()), ("1.0", ""), "beta_effective, no beta_sigma2 for bce");
        assert_eq!(row[10].is_empty(), row[1] == "train", "active units are measured on test alone");
    }
    let json: serde_json::Value = serde_json::from_str(&world.read("run.json")).unwrap();
    assert_eq!(json["status"], "completed");
    assert_eq!(json["data"]["name"], "idx");
    assert_eq!(json["objective"]["beta_effective"], 1.0);
    assert_eq!(json["objective"]["beta_sigma2"], serde_json::Value::Null);
}

#[test]
fn the_same_spec_gives_the_same_bytes_at_any_number_of_threads() {
    let tables: Vec<_> = [&[][..], &["--threads", "1"], &["--threads", "2"], &["--threads", "3"]]
        .into_iter()
        .map(|threads| {
            let world = World::new();
            world.run(&[&["--hidden", "400", "--latent-dim", "20"], threads].concat()).expect(0);
            (world.read("metrics.csv"), std::fs::read(world.only_run().join("model.safetensors")).unwrap())
        })
        .collect();
    assert!(tables.windows(2).all(|pair| pair[0] == pair[1]));
    let world = World::new();
    world.run(&["--hidden", "400", "--latent-dim", "20", "--seed", "2"]).expect(0);
    assert_ne!(world.read("metrics.csv"), tables[0].0, "another seed is another run");
}

#[test]
fn a_finished_run_is_not_repeated_unless_forced() {
    let world = World::new();
    world.run(&[]).expect(0);
    let first = (world.read("metrics.csv"), world.read("timing.csv"), world.read("run.json"));
    let again = world.run(&["--threads", "1"]).expect(0);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    assert!(again.stdout.contains("verdict"), "the result is shown all the same");
    assert_eq!(first, (world.read("metrics.csv"), world.read("timing.csv"), world.read("run.json")));
    world.run(&["--force"]).expect(0);
    assert_eq!(first.0, world.read("metrics.csv"));
    assert_ne!(first.1, world.read("timing.csv"), "the clock of a repeated run is its own");
}

/// Waits until `metrics.csv` of the only run has `rows` rows.
fn wait_for_rows(world: &World, rows: usize) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        let found = world.runs().first().and_then(|run| std::fs::read_to_string(run.join("metrics.csv")).ok());
        if found.is_some_and(|text| text.lines().count() > rows) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the run wrote no {rows} rows in a minute");
}

#[test]
fn a_run_killed_at_any_moment_ends_with_the_bytes_of_an_undisturbed_one() {
    killed_and_resumed(&["--epochs", "6", "--batch-size", "16", "--binarize", "dynamic"]);
}

#[test]
fn what_finds_a_weight_goes_on_where_a_killed_run_left_it() {
    killed_and_resumed(&["--epochs", "6", "--batch-size", "16", "--loss", "mse", "--geco-tolerance", "30"]);
    killed_and_resumed(&["--epochs", "6", "--batch-size", "16", "--target-kl", "6", "--pi-ki", "0.001"]);
}

fn killed_and_resumed(args: &[&str]) {
    let args = small(args);
    let undisturbed = World::new();
    undisturbed.vae_bench(&args).expect(0);
    let world = World::new();
    for rows in [1, 4, 7] {
        let mut child = world.command(&args).spawn().unwrap();
        wait_for_rows(&world, rows);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(!world.read("run.json").contains("completed"), "killed too late to test anything");
    // Each process took over from the one before.
    let dead_ones_lock = world.read(".lock.3");
    let resumed = world.vae_bench(&args).expect(0);
    assert!(resumed.stderr.contains("resuming"), "{}", resumed.stderr);
    assert_eq!(world.read("metrics.csv"), undisturbed.read("metrics.csv"));
    assert_eq!(csv(&world.read("timing.csv")).1.len(), 6, "one row of the clock an epoch");
    let model = |world: &World| std::fs::read(world.only_run().join("model.safetensors")).unwrap();
    assert!(model(&world) == model(&undisturbed), "the same weights");

    // Killed after the last file, before the lock was given back: the next look takes it away.
    let lock = world.only_run().join(".lock.9");
    std::fs::write(&lock, dead_ones_lock).unwrap();
    world.vae_bench(&args).expect(0);
    assert!(!lock.exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_sigterm_checkpoint_within_the_epoch_and_exit_75() {
    let args = small(&["--epochs", "4", "--batch-size", "1", "--optimizer", "rmsprop"]);
    let undisturbed = World::new();
    undisturbed.vae_bench(&args).expect(0);
    for signal in ["INT", "TERM"] {
        let world = World::new();
        let child = world.command(&args).spawn().unwrap();
        wait_for_rows(&world, 1);
        // Epoch 1 has 600 steps of one image; a moment later some are done and most are not.
        std::thread::sleep(Duration::from_millis(30));
        let kill = std::process::Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let stopped = done(child.wait_with_output().unwrap()).expect(75);
        assert!(stopped.stderr.contains("the same command resumes"), "{}", stopped.stderr);
        assert!(world.read("run.json").contains("\"interrupted\""));
        world.vae_bench(&args).expect(0);
        assert_eq!(world.read("metrics.csv"), undisturbed.read("metrics.csv"), "after SIG{signal}");
    }
}

#[test]
fn rows_written_after_the_last_checkpoint_are_cut_off_and_not_doubled() {
    let world = World::new();
    world.run(&["--epochs", "3"]).expect(0);
    let whole = world.read("metrics.csv");
    // As a crash between the table and run.json would leave it: rows and clock run ahead of the checkpoint.
    let run = world.only_run();
    std::fs::write(run.join("metrics.csv"), format!("{whole}4,train,1,1,1,1,1,1,1,,\n4,te")).unwrap();
    let json = world.read("run.json").replace("completed", "running");
    std::fs::write(run.join("run.json"), json).unwrap();
    world.run(&["--epochs", "3"]).expect(0);
    assert_eq!(world.read("metrics.csv"), whole);
    assert!(world.read("run.json").contains("\"completed\""));
}

#[test]
fn a_damaged_checkpoint_starts_the_run_anew_and_says_so() {
    let world = World::new();
    world.run(&[]).expect(0);
    let whole = world.read("metrics.csv");
    let run = world.only_run();
    let json = world.read("run.json").replace("completed", "running");
    let checkpoint = run.join("checkpoint/state.safetensors");
    let good = std::fs::read(&checkpoint).unwrap();
    for bytes in [&good[..good.len() / 2], b"", b"\xff\xff\xff\xff\xff\xff\xff\xff{}"] {
        std::fs::write(&checkpoint, bytes).unwrap();
        std::fs::write(run.join("run.json"), &json).unwrap();
        let done = world.run(&[]).expect(0);
        assert!(done.stderr.contains("cannot be used") && done.stderr.contains("anew"), "{}", done.stderr);
        assert_eq!(world.read("metrics.csv"), whole);
    }
}

#[test]
fn a_diverged_run_exits_4_keeps_its_last_good_weights_and_is_not_repeated() {
    let world = World::new();
    // Steps of this size throw the weights out of f32 within the second epoch at the latest.
    let args = ["--optimizer", "sgd", "--lr", "0.01", "--reduction", "batch-sum", "--epochs", "3"];
    let done = world.run(&args).expect(4);
    assert!(done.stdout.contains("DIVERGED") && done.stdout.contains("--lr"), "{}", done.stdout);
    let json: serde_json::Value = serde_json::from_str(&world.read("run.json")).unwrap();
    assert_eq!((&json["status"], &json["verdict"]["training"]), (&"diverged".into(), &"diverged".into()));
    assert!(!world.read("metrics.csv").to_lowercase().contains("nan"), "no row of nonsense");
    assert!(world.read("metrics.csv").lines().count() >= 2);
    assert!(world.runs()[0].join("checkpoint/state.safetensors").exists());
    let again = world.run(&args).expect(4);
    assert!(again.stderr.contains("not repeated"), "{}", again.stderr);
}

#[test]
fn the_config_of_a_run_repeats_it_and_a_flag_on_top_wins() {
    let world = World::new();
    world.run(&["--loss", "gaussian", "--sigma2", "0.5", "--hidden", ""]).expect(0);
    let config = world.only_run().join("config.toml");
    let config = config.to_str().unwrap();
    let repeated = world.vae_bench(&["--config", config, "--out", "out"]).expect(0);
    assert!(repeated.stderr.contains("not repeated"), "the same spec, the same directory: {}", repeated.stderr);
    world.vae_bench(&["--config", config, "--out", "out", "--sigma2", "2"]).expect(0);
    assert_eq!(world.runs().len(), 2);
}

#[test]
fn a_flag_beats_a_variable_and_a_variable_beats_the_file() {
    let world = World::new();
    std::fs::write(world.path().join("c.toml"), "beta = 2.0\nseed = 2\nlatent-dim = 2\n").unwrap();
    let args = ["--data", "idx", "--data-dir", "data", "--out", "out", "--hidden", "8", "--epochs", "0"];
    let output = world
        .command(&[&args[..], &["--config", "c.toml", "--beta", "4"]].concat())
        .env("VAE_BENCH_BETA", "3")
        .env("VAE_BENCH_SEED", "3")
        .output()
        .unwrap();
    done(output).expect(0);
    let config = world.read("config.toml");
    for line in ["beta = 4.0", "seed = 3", "latent-dim = 2"] {
        assert!(config.contains(line), "{config}");
    }
}

#[test]
fn without_data_or_network_the_synthetic_digits_stand_in_and_say_so() {
    let world = World::new();
    let args = ["--epochs", "1", "--train-size", "500", "--test-size", "100", "--hidden", "16", "--out", "out"];
    let done = world.vae_bench(&args).expect(0);
    assert!(done.stderr.contains("SYNTHETIC") && done.stderr.contains("!!!!"), "{}", done.stderr);
    assert!(done.stdout.contains("SYNTHETIC digits, not MNIST, 500 training and 100 test images"), "{}", done.stdout);
    let asked = world.vae_bench(&[&args[..], &["--data", "synthetic", "--out", "out2"]].concat());
    assert_eq!(asked.code, Some(2), "--out twice is refused: {}", asked.stderr);
    let asked = world.vae_bench(&[&args[..], &["--data", "synthetic"]].concat()).expect(0);
    assert!(!asked.stderr.contains("SYNTHETIC"), "asked for, so no warning");
    assert!(asked.stderr.contains("not repeated"), "the same data, so the same run");
}

#[test]
fn json_lines_carry_the_rows_and_the_end_and_quiet_is_quiet() {
    let world = World::new();
    let done = world.run(&["--json"]).expect(0);
    let lines: Vec<serde_json::Value> = done.stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[1]["split"], "train");
    assert_eq!(lines[5]["status"], "completed");
    let row = lines[4].as_object().unwrap();
    assert!(
        row.iter().all(|(key, value)| ["type", "schema"].contains(&key.as_str()) || lines[5]["final"][key] == *value)
    );
    assert_eq!(done.stderr, "");
    let quiet = world.run(&["--quiet", "--force"]).expect(0);
    assert_eq!(quiet.stderr, "");
    assert!(quiet.stdout.contains("verdict"));
}

#[test]
fn every_loss_reduction_optimiser_and_shape_trains() {
    let world = World::new();
    for args in [
        &["--loss", "mse", "--reduction", "mean"][..],
        &["--loss", "gaussian", "--reduction", "batch-sum", "--lr", "1e-5"],
        &["--kl-reduction", "mean", "--reduction", "sum"],
        &["--optimizer", "sgd", "--lr", "1e-4"],
        &["--optimizer", "adagrad", "--lr", "0.01"],
        &["--hidden", "40,20", "--activation", "tanh", "--init", "glorot", "--output-bias", "data-mean"],
        &["--hidden", "", "--loss", "mse", "--init", "normal", "--output-bias", "data-mean"],
        &["--activation", "softplus", "--binarize", "static"],
        &["--binarize", "threshold", "--batch-size", "1000000"],
        &["--train-size", "1", "--test-size", "1"],
        &["--beta", "0"],
        &["--capacity", "5", "--gamma", "10", "--capacity-rise", "linear:1"],
        &["--geco-tolerance", "0.05", "--reduction", "mean", "--loss", "mse"],
        &["--target-kl", "5", "--engine", "candle"],
        &["--free-bits", "latent-batch:0.1", "--warmup", "cyclical:10steps"],
        &["--loss", "laplace", "--pixel-range", "symmetric", "--output", "tanh"],
        &["--loss", "continuous-bernoulli", "--kl", "monte-carlo"],
        &["--loss", "log-mse", "--output", "sigmoid", "--recon-weight", "1/data-variance"],
    ] {
        let done = world.run(args).expect(0);
        assert!(done.stdout.contains("verdict"), "{args:?}");
    }
    assert_eq!(world.runs().len(), 18);
}

#[test]
fn the_short_last_batch_weighs_as_many_images_as_it_has() {
    // 600 images in batches of 599 and of 600, with steps so small that nothing moves: the epoch's averages must agree.
    // Averaged by batches, the last single image would weigh as much as the 599 others.
    let mean = |batch: &str| {
        let world = World::new();
        world.run(&["--epochs", "1", "--lr", "1e-30", "--batch-size", batch, "--beta", "0"]).expect(0);
        csv(&world.read("metrics.csv")).1[1][6].parse::<f64>().unwrap()
    };
    let (one, two) = (mean(&TRAIN.to_string()), mean("599"));
    assert!((one - two).abs() < 1e-6 * one, "{one} {two}");
}

#[test]
fn merge_makes_one_tidy_table_in_any_order_of_its_arguments() {
    let world = World::new();
    for seed in ["1", "2"] {
        world.run(&["--seed", seed]).expect(0);
    }
    let runs = world.runs();
    let (a, b) = (runs[0].to_str().unwrap(), runs[1].to_str().unwrap());
    let table = world.vae_bench(&["merge", a, b]).expect(0).stdout;
    assert_eq!(table, world.vae_bench(&["merge", b, a]).expect(0).stdout);
    assert_eq!(table, world.vae_bench(&["merge", "out"]).expect(0).stdout);
    let (header, rows) = csv(&table);
    assert!(rows.len() == 10 && rows.iter().all(|row| row.len() == header.len()));
    world.vae_bench(&["merge", "out", "--final", "--out", "t.csv"]).expect(0);
    let (_, rows) = csv(&std::fs::read_to_string(world.path().join("t.csv")).unwrap());
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    assert_eq!(rows.len(), 4, "train and test of two runs");
    assert!(rows.iter().all(|row| row[column("epoch")] == "2" && row[column("data")] == "idx"));
    let metrics = std::fs::read_to_string(runs[0].join("metrics.csv")).unwrap();
    let measured = column("epoch")..column("train_images");
    assert!(metrics.contains(&rows[1][measured].join(",")), "the cells of metrics.csv to the byte");
}

#[test]
fn help_explains_every_choice_with_its_formula_and_shows_three_examples() {
    let world = World::new();
    let help = world.vae_bench(&["--help"]).expect(0).stdout;
    for word in ["Objective:", "Data:", "Model:", "Training:", "Running:", "1/n", "max(l,0)", "2*pi*sigma2", "784"] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
    assert!(help.matches("\n  vae-bench ").count() >= 3);
    assert!(world.vae_bench(&["completions", "bash"]).expect(0).stdout.contains("--kl-reduction"));
    assert!(world.vae_bench(&["man"]).expect(0).stdout.contains(".TH vae-bench"));
    assert!(world.vae_bench(&["--version"]).expect(0).stdout.starts_with("vae-bench 0."));
}

#[test]
fn a_run_by_candles_own_layers_agrees_with_the_kernels_and_has_another_name() {
    let world = World::new();
    let rows = |engine: &str| {
        world.run(&["--engine", engine, "--epochs", "1", "--out", engine]).expect(0);
        let out = world.path().join(engine);
        let run =
            std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
        let text = std::fs::read_to_string(run.join("metrics.csv")).unwrap();
        (run.file_name().unwrap().to_owned(), csv(&text).1)
    };
    let ((fused_name, fused), (plain_name, plain)) = (rows("fused"), rows("candle"));
    assert_ne!(fused_name, plain_name, "the engine is part of what determines the bytes");
    for (fused, plain) in fused.iter().flatten().zip(plain.iter().flatten()) {
        match (fused.parse::<f64>(), plain.parse::<f64>()) {
            (Ok(fused), Ok(plain)) => assert!((fused - plain).abs() <= 1e-4 * plain.abs().max(1e-2), "{fused} {plain}"),
            (fused, plain) => assert_eq!(fused.is_ok(), plain.is_ok()),
        }
    }
}

/// pytorch/examples of 2017 divides the KL by the batch size that was asked for: a data set of half a batch has half of it.
#[test]
fn a_batch_larger_than_the_data_has_the_weights_of_the_images_in_it() {
    let world = World::new();
    world.run(&["--preset", "pytorch-examples-2017", "--train-size", "64", "--epochs", "1"]).expect(0);
    let (header, rows) = csv(&world.read("metrics.csv"));
    let cell = |row: &Vec<String>, name: &str| -> f64 {
        row[header.iter().position(|column| column == name).unwrap()].parse().unwrap()
    };
    for row in &rows {
        assert_eq!(cell(row, "beta_effective"), 0.5, "{row:?}");
        let weight = cell(row, "kl_term") / cell(row, "kl");
        assert!((weight * 784.0 / 0.5 - 1.0).abs() < 1e-5, "{row:?}: the KL weighs {weight}");
    }
    assert_eq!(rows.len(), 3, "the untrained model, and both splits of one epoch");
}

/// z of the first Keras example is drawn with 0.01 * exp(logvar), K is that of N(mean, exp(logvar)): R + K bounds nothing.
#[test]
fn a_run_whose_z_is_not_drawn_from_its_q_has_no_neg_elbo_and_says_so() {
    let world = World::new();
    world.run(&["--preset", "keras-2016-05", "--epochs", "1"]).expect(0);
    let (header, rows) = csv(&world.read("metrics.csv"));
    let cells = |name: &str| -> Vec<String> {
        let at = header.iter().position(|column| column == name).unwrap();
        rows.iter().map(|row| row[at].clone()).collect()
    };
    assert_eq!(cells("neg_elbo"), ["", "", ""]);
    assert!(cells("kl").iter().all(|cell| !cell.is_empty()));
    let record: serde_json::Value = serde_json::from_str(&world.read("run.json")).unwrap();
    assert_eq!(record["verdict"]["objective"], "other-noise");
}
