//! Runs as people ask for them: several seeds, more epochs, names in place of paths, results found again, files that can be
//! moved and shared.

mod support;

use std::path::Path;

use serde_json::Value;
use support::{World, done, small};

fn bytes(run: &Path) -> [Vec<u8>; 3] {
    ["metrics.csv", "latents.csv", "model.safetensors"].map(|file| std::fs::read(run.join(file)).unwrap())
}

fn run_with(world: &World, out: &str, epochs: u32) -> std::path::PathBuf {
    let runs = std::fs::read_dir(world.path().join(out)).unwrap().map(|entry| entry.unwrap().path());
    let config = format!("\nepochs = {epochs}\n");
    let mut found =
        runs.filter(|run| std::fs::read_to_string(run.join("config.toml")).is_ok_and(|text| text.contains(&config)));
    found.next().unwrap()
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn more_epochs_go_on_from_the_finished_run_to_the_same_bytes_as_one_long_run() {
    let world = World::new();
    // Every kind of state that an epoch hands on: moments of the optimiser, a schedule, images drawn anew.
    let settings = ["--binarize", "dynamic", "--warmup", "linear:4epochs", "--train-size", "300"];
    let with = |epochs: &'static str, out: &'static str| {
        let all = [&settings[..], &["--epochs", epochs, "--out", out]].concat();
        world.run(&all).expect(0)
    };
    with("2", "out");
    with("3", "out");
    let continued = with("5", "out");
    assert!(continued.stderr.contains("continuing after epoch 3"), "{}", continued.stderr);
    assert!(!continued.stderr.contains("epoch 3/5"), "{}", continued.stderr);
    let whole = with("5", "whole");
    assert!(!whole.stderr.contains("continuing"), "{}", whole.stderr);
    assert_eq!(bytes(&run_with(&world, "out", 5)), bytes(&run_with(&world, "whole", 5)));
    // Another seed is another run, and --force begins anew.
    let other = [&settings[..], &["--epochs", "6", "--seed", "2"]].concat();
    assert!(!world.run(&other).expect(0).stderr.contains("continuing"));
    let forced = [&settings[..], &["--epochs", "5", "--force"]].concat();
    assert!(world.run(&forced).expect(0).stderr.contains("epoch 1/5"));
    assert_eq!(bytes(&run_with(&world, "out", 5)), bytes(&run_with(&world, "whole", 5)));
}

#[test]
fn a_checkpoint_that_is_damaged_or_gone_costs_time_and_no_bytes() {
    let world = World::new();
    world.run(&["--epochs", "2"]).expect(0);
    let checkpoint = world.only_run().join("checkpoint/state.safetensors");
    let mut text = std::fs::read(&checkpoint).unwrap();
    let middle = text.len() / 2;
    text[middle] ^= 1;
    std::fs::write(&checkpoint, text).unwrap();
    assert!(!world.run(&["--epochs", "3"]).expect(0).stderr.contains("continuing"));
    world.run(&["--epochs", "3", "--out", "whole"]).expect(0);
    assert_eq!(bytes(&run_with(&world, "out", 3)), bytes(&run_with(&world, "whole", 3)));
}

#[test]
fn clean_and_a_sweep_drop_checkpoints_of_finished_runs_unless_they_are_to_be_kept() {
    let world = World::new();
    let has = |run: &Path| run.join("checkpoint").exists();
    world.run(&[]).expect(0);
    assert!(has(&world.only_run()), "a single run can be continued");
    let dry = world.vae_bench(&["clean", "out", "--dry-run"]).expect(0).stdout;
    assert!(dry.starts_with("would free ") && dry.contains("1 finished run"), "{dry}");
    assert!(has(&world.only_run()));
    let before = bytes(&world.only_run());
    assert!(world.vae_bench(&["clean", "out"]).expect(0).stdout.starts_with("freed "));
    assert!(!has(&world.only_run()) && before == bytes(&world.only_run()));
    world.vae_bench(&["verify", "out"]).expect(0);
    assert!(world.run(&[]).expect(0).stderr.contains("finished before"));
    let mut sweep = vec!["sweep", "--grid", "seed=2,3"];
    sweep.extend(small(&["--out", "swept"]));
    world.vae_bench(&sweep).expect(0);
    sweep.extend(["--out", "kept", "--keep-checkpoints"]);
    let kept: Vec<&str> = sweep.into_iter().filter(|word| *word != "swept").collect();
    // `--out` was there twice: the first one goes with its value.
    let first = kept.iter().position(|word| *word == "--out").unwrap();
    let kept: Vec<&str> = kept.iter().enumerate().filter(|(i, _)| *i != first).map(|(_, word)| *word).collect();
    world.vae_bench(&kept).expect(0);
    let dirs = |out: &str| -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(world.path().join(out)).unwrap();
        entries.map(|e| e.unwrap().path()).filter(|path| path.is_dir()).collect()
    };
    assert!(dirs("swept").len() == 2 && !dirs("swept").iter().any(|run| has(run)));
    assert!(dirs("kept").len() == 2 && dirs("kept").iter().all(|run| has(run)));
}

#[test]
fn commands_are_written_as_they_come_to_mind() {
    let world = World::new();
    let settings = ["--data", "idx", "--data-dir", "data", "--hidden", "8", "--latent-dim", "2", "--epochs", "1"];
    let with = |words: &[&'static str]| world.vae_bench(&[words, &settings].concat());
    let answer = with(&["sweep", "--grid", "beta=1/784,4", "--out", "out"]).expect(0).stdout;
    assert!(answer.contains("0.0012755") && answer.contains("verdict"), "{answer}");
    // The form of earlier versions means the same runs.
    let old = with(&["sweep", "--grid", "beta=1/784,4", "--out", "out", "--"]).expect(0).stdout;
    assert!(old.contains("2 done before"), "{old}");
    let run = with(&["run", "--beta", "1/784", "--out", "out"]).expect(0);
    assert!(run.stderr.contains("finished before"), "{}", run.stderr);
    let seeds = with(&["--seeds", "1..3", "--beta", "1/784", "--out", "out"]).expect(0).stdout;
    assert!(seeds.contains("2 done now, 1 done before") && seeds.contains("(means over seeds)"), "{seeds}");
    let rows = objects(&with(&["--json", "--quiet", "--out", "out", "--seed", "9"]).expect(0).stdout);
    assert_eq!((rows.len(), rows[0]["type"].as_str(), rows[3]["type"].as_str()), (4, Some("epoch"), Some("run")));
    assert!(world.vae_bench(&["help"]).expect(0).stdout.contains("Usage: vae-bench"));
    assert!(world.vae_bench(&["help", "sweep"]).expect(0).stdout.contains("--grid"));
    // A sweep takes all settings, and its help does not repeat their pages.
    let help = world.vae_bench(&["sweep", "--help"]).expect(0).stdout;
    assert!(!help.contains("--latent-dim") && help.contains("Every flag of a run"), "{help}");
}

/// 14 x 14 images in `small`, 28 x 28 in `data`; `World::run` has 2 latents.
#[test]
fn a_number_in_pixels_or_latents_is_the_number_written_out_wherever_it_is_written() {
    let world = World::new();
    world.write_small_images("small");
    let on = |data: &'static str| {
        ["--data", "idx", "--data-dir", data, "--hidden", "8", "--latent-dim", "2", "--epochs", "0"]
    };
    let names = |args: &[&str]| {
        let dry = world.vae_bench(&[&["sweep", "--format", "ids"], args].concat()).expect(0).stdout;
        let mut names: Vec<String> = dry.lines().map(str::to_owned).collect();
        names.sort();
        names
    };
    for (data, pixels) in [("data", "784"), ("small", "196")] {
        let fraction = format!("1/{pixels}");
        // A run, and the same one with the number written out.
        let args = [&on(data)[..], &["--loss", "gaussian", "--out", "out"]].concat();
        world.vae_bench(&[&args[..], &["--beta", "1/pixels", "--sigma2", "1/latents"]].concat()).expect(0);
        let again = world.vae_bench(&[&args[..], &["--beta", &fraction, "--sigma2", "0.5"]].concat()).expect(0);
        assert!(again.stderr.contains("finished before"), "{}", again.stderr);
        // Axes, a file's axes and base, and flags over them.
        let written = names(&[&on(data)[..], &["--grid", &format!("beta={pixels},{fraction}")]].concat());
        assert_eq!(written.len(), 2);
        assert_eq!(names(&[&on(data)[..], &["--grid", "beta=pixels,1/pixels"]].concat()), written);
        std::fs::write(world.path().join("axes.toml"), "[grid]\nbeta = ['pixels', '1/pixels']\n").unwrap();
        assert_eq!(names(&[&["axes.toml"], &on(data)[..]].concat()), written);
        std::fs::write(world.path().join("not.toml"), "[grid]\nbeta = [1, 4]\n[[exclude]]\nbeta = '1/pixels'\n")
            .unwrap();
        world.vae_bench(&["sweep", "not.toml"]).expect(2).error_with(&["line 3", "[[exclude]]", "write one"]);
        std::fs::write(world.path().join("base.toml"), "beta = '1/pixels'\n").unwrap();
        let one = names(&[&on(data)[..], &["--config", "base.toml", "--grid", "seed=1"]].concat());
        assert!(one.len() == 1 && written.contains(&one[0]), "{one:?}");

        let config = world.vae_bench(&[&["--print-config", "--config", "base.toml"], &on(data)[..]].concat()).expect(0);
        let beta = config.stdout.lines().find(|line| line.starts_with("beta = ")).unwrap().to_owned();
        let number = beta["beta = ".len()..].split_whitespace().next().unwrap();
        assert_eq!(number.parse::<f64>().unwrap(), 1.0 / pixels.parse::<f64>().unwrap(), "{beta}");
        let output = world.command(&[&["explain", "--reduction", "mean", "--json"], &on(data)[..]].concat());
        let output = { output }.env("VAE_BENCH_BETA", "1/pixels").output().unwrap();
        let beta = objects(&done(output).expect(0).stdout.replace('\n', " "))[0]["beta_effective"].as_f64().unwrap();
        assert!((beta - 1.0).abs() < 1e-12, "{beta}");
    }
    let codes = ["explain", "--model", "vq-vae", "--lr", "1/latents", "--data", "idx", "--data-dir", "data"];
    world.vae_bench(&codes).expect(2).error_with(&["--lr 1/latents", "a VQ-VAE has no latents", "write the number"]);
    let both = [&["explain", "--pixels", "3072", "--beta", "1/pixels"], &on("data")[..]].concat();
    world.vae_bench(&both).expect(2).error_with(&["--pixels", "1/pixels", "write the number"]);
    world
        .vae_bench(&["ls", "out", "--filter", "beta=1/pixels"])
        .expect(2)
        .error_with(&["1/pixels", "write the number"]);
}

#[test]
fn runs_are_named_by_the_beginning_of_their_names_wherever_a_directory_goes() {
    let world = World::new();
    world.run(&["--beta", "1"]).expect(0);
    world.run(&["--beta", "4"]).expect(0);
    let names: Vec<String> =
        world.runs().iter().map(|run| run.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let b4 = names.iter().find(|name| name.contains("-b4-")).unwrap();
    let hash = b4.rsplit_once('-').unwrap().1;
    let in_out = |args: &[&str]| done(world.command(args).env("VAE_BENCH_OUT", "out").output().unwrap());
    for name in ["idx-bce-sum-b4", &hash[..6], "out/idx-bce-sum-b4", b4] {
        for command in [&["eval", "--samples", "1"][..], &["show"], &["verify"], &["merge"], &["report"]] {
            in_out(&[command, &[name]].concat()).expect(0);
        }
        in_out(&["compare", name, "idx-bce-sum-b1"]).expect(0);
        assert!(world.vae_bench(&["show", name, "--out", "out"]).expect(0).stdout.contains(b4));
    }
    let many = in_out(&["show", "idx-bce"]).expect(1).error_with(&["2 runs in out are called so", "write more"]);
    assert!(names.iter().all(|name| many.stderr.contains(name)), "{}", many.stderr);
    in_out(&["merge", "idx-bce-sum-b5"]).expect(1).error_with(&["no run in out is called so"]);
}

#[test]
fn ls_show_and_compare_find_runs_by_what_came_out() {
    let world = World::new();
    world.run(&["--beta", "10", "--tag", "paper", "--note", "the strong one"]).expect(0);
    world.run(&["--beta", "2.15"]).expect(0);
    world.run(&["--beta", "784", "--epochs", "6"]).expect(0);
    let names = |args: &[&str]| {
        let all = [&["ls", "out", "--format", "ids"], args].concat();
        world
            .vae_bench(&all)
            .expect(0)
            .stdout
            .lines()
            .map(|name| name.split('-').nth(3).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["b2.15", "b10", "b784"], "by number");
    assert_eq!(names(&["--sort", "-beta"]), ["b784", "b10", "b2.15"]);
    assert_eq!(names(&["--filter", "tag=paper"]), ["b10"]);
    assert_eq!(names(&["--filter", "tag!=paper", "--filter", "beta>3"]), ["b784"]);
    assert_eq!(names(&["--filter", "active-units=0"]), names(&["--filter", "latents=none-active"]));
    let kl = |args: &[&str]| {
        let all = [&["ls", "out", "--format", "jsonl"], args].concat();
        let found = objects(&world.vae_bench(&all).expect(0).stdout);
        found.iter().map(|run| run["final"]["kl"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert!(kl(&["--sort", "kl"]).is_sorted() && kl(&[]).len() == 3);
    let table = world.vae_bench(&["ls", "out"]).expect(0).stdout;
    assert!(table.contains("paper") && table.contains("3 runs") && table.contains("test K"), "{table}");
    world.vae_bench(&["ls", "out", "--sort", "negelbo"]).expect(2).error_with(&["did you mean neg-elbo?"]);
    world.vae_bench(&["ls", "out", "--filter", "verdikt=x"]).expect(2).error_with(&["verdikt"]);
    world
        .vae_bench(&["sweep", "--grid", "seed=1", "--data", "synthetic", "--filter", "verdict=collapsed"])
        .expect(2)
        .error_with(&["ls --filter"]);

    let shown = world.vae_bench(&["show", "idx-bce-sum-b10-", "--out", "out"]).expect(0).stdout;
    for word in ["the strong one", "paper", "--beta 10", "verdict", "state    done", "test K"] {
        assert!(shown.contains(word), "{shown}");
    }
    // A tag may come later: the run is not repeated for it.
    world.run(&["--beta", "2.15", "--tag", "late"]).expect(0);
    assert_eq!(names(&["--filter", "tag=late"]), ["b2.15"]);
    world.vae_bench(&["verify", "out"]).expect(0);

    let both = ["compare", "idx-bce-sum-b10-", "idx-bce-sum-b784", "--out", "out"];
    let text = world.vae_bench(&both).expect(0).stdout;
    for word in ["beta", "784", "epochs", "neg_elbo", "B - A"] {
        assert!(text.contains(word), "{text}");
    }
    assert!(!text.contains("latent-dim"), "{text}");
    let object = &objects(&world.vae_bench(&[&both[..], &["--json"]].concat()).expect(0).stdout)[0];
    assert_eq!(
        (&object["type"], &object["settings"]["beta"]),
        (&"comparison".into(), &serde_json::json!([10.0, 784.0]))
    );
    assert_eq!(object["comparable"], true);
}

#[test]
fn ls_and_status_of_vq_vaes_have_the_use_of_their_entries_and_no_column_that_follows_from_another() {
    let world = World::new();
    let base = ["--model", "vq-vae", "--codes", "2", "--code-dim", "4", "--codebook-size", "8", "--epochs", "1"];
    world.run(&base).expect(0);
    world.run(&[&base[..], &["--codebook-update", "ema"]].concat()).expect(0);
    let header = |text: &str, word: &str| text.lines().find(|line| line.contains(word)).unwrap().to_owned();
    let words =
        |line: &str| line.split("  ").map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let ls = world.vae_bench(&["ls", "out"]).expect(0).stdout;
    // Weight and decay of a codebook are there under one of its updates alone, and say nothing more.
    let expected =
        ["verdict", "codebook-update", "test R", "test K", "test -ELBO", "perplexity", "codes used", "time", "run"];
    assert_eq!(words(&header(&ls, "verdict")), expected, "{ls}");
    let status = world.vae_bench(&["status", "out"]).expect(0).stdout;
    let expected = ["codebook-update", "rho", "test R", "test K", "test -ELBO", "perplexity", "codes used", "verdict"];
    assert_eq!(words(&header(&status, "test K")), expected, "{status}");
    // Beside a VAE, which has other settings, the family is the difference.
    world.run(&["--epochs", "1"]).expect(0);
    let ls = world.vae_bench(&["ls", "out"]).expect(0).stdout;
    let expected = [
        "verdict",
        "model",
        "codebook-update",
        "test R",
        "test K",
        "test -ELBO",
        "active",
        "perplexity",
        "codes used",
        "time",
        "run",
    ];
    assert_eq!(words(&header(&ls, "verdict")), expected, "{ls}");
    let least = world.vae_bench(&["ls", "out", "--filter", "perplexity>1", "--format", "ids"]).expect(0).stdout;
    assert_eq!(least.lines().count(), 2, "{least}");
}

#[test]
fn status_and_the_end_of_a_sweep_say_what_came_out_ordered_by_number() {
    let world = World::new();
    let sweep = ["sweep", "--grid", "beta=10,2.15,1", "--seeds", "1..2", "--data", "idx", "--data-dir", "data"];
    let rest = ["--hidden", "8", "--latent-dim", "2", "--epochs", "1", "--out", "out"];
    let end = world.vae_bench(&[&sweep[..], &rest].concat()).expect(0).stdout;
    let status = world.vae_bench(&["status", "out"]).expect(0).stdout;
    for text in [&end, &status] {
        let rows: Vec<&str> = text.lines().skip_while(|line| !line.contains("test K")).skip(1).take(3).collect();
        let betas: Vec<&str> = rows.iter().map(|row| row.split_whitespace().next().unwrap()).collect();
        assert_eq!(betas, ["1", "2.15", "10"], "{text}");
        assert!(rows.iter().all(|row| row.split_whitespace().nth(1) == Some("2")), "two seeds each: {text}");
    }
    assert!(status.contains("6 runs: 6 done"), "{status}");
}

#[test]
fn a_sweep_file_to_begin_with_is_valid_and_never_overwritten() {
    let world = World::new();
    let said = world.vae_bench(&["init", "my.toml"]).expect(0).stdout;
    assert!(said.contains("vae-bench sweep my.toml --dry-run"), "{said}");
    let listed = ["sweep", "my.toml", "--dry-run", "--data", "idx", "--data-dir", "data", "--train-size", "300"];
    let listed = world.vae_bench(&listed).expect(0).stdout;
    assert!(listed.contains("12 runs: 12 pending"), "{listed}");
    world.vae_bench(&["init", "my.toml"]).expect(2).error_with(&["my.toml", "exists"]);
    // What is commented out is valid too.
    let text = std::fs::read_to_string(world.path().join("my.toml")).unwrap();
    let all: String = text
        .lines()
        .map(|line| {
            format!("{}\n", line.strip_prefix("# ").filter(|l| l.contains('=') || l.starts_with('[')).unwrap_or(line))
        })
        .collect();
    std::fs::write(world.path().join("all.toml"), all).unwrap();
    let listed = ["sweep", "all.toml", "--dry-run", "--data", "idx", "--data-dir", "data", "--train-size", "300"];
    assert!(world.vae_bench(&listed).expect(0).stdout.contains("pending"));
}

#[test]
fn print_config_says_where_each_value_comes_from_and_can_be_run() {
    let world = World::new();
    std::fs::write(world.path().join("c.toml"), "lr = 0.01\nepochs = 1\n").unwrap();
    let args = ["--print-config", "--config", "c.toml", "--preset", "beta-vae", "--seed", "7"];
    let output = world.command(&args).env("VAE_BENCH_HIDDEN", "16").output().unwrap();
    let text = done(output).expect(0).stdout;
    for (line, source) in [
        ("seed = 7", "# --seed"),
        ("hidden = [16]", "# VAE_BENCH_HIDDEN"),
        ("lr = 0.01", "# c.toml"),
        ("beta = 4.0", "# preset beta-vae"),
        ("latent-dim = ", "# "),
        ("init = \"pytorch\"", "# default"),
    ] {
        let found = text.lines().find(|found| found.starts_with(line)).unwrap_or_else(|| panic!("{line}: {text}"));
        assert!(found.contains(source), "{found}");
    }
    assert!(!world.path().join("results").exists());
    std::fs::write(world.path().join("all.toml"), &text).unwrap();
    let again = world.vae_bench(&["--print-config", "--config", "all.toml"]).expect(0).stdout;
    let settings =
        |text: &str| text.lines().map(|line| line.split("  #").next().unwrap().trim().to_owned()).collect::<Vec<_>>();
    assert_eq!(settings(&again), settings(&text));
}

#[test]
fn a_machine_is_named_in_the_record_only_where_that_is_asked_for() {
    let world = World::new();
    let host = |json: &Path| {
        let manifest: Value = serde_json::from_slice(&std::fs::read(json.join("run.json")).unwrap()).unwrap();
        manifest["host"]["name"].clone()
    };
    world.run(&["--epochs", "0"]).expect(0);
    assert_eq!(host(&world.only_run()), Value::Null);
    world.run(&["--epochs", "0", "--force", "--record-host"]).expect(0);
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(host(&world.only_run()), name.trim());
    let swept = small(&["--grid", "seed=2", "--record-host", "--out", "swept"]);
    world.vae_bench(&[&["sweep"], &swept[..]].concat()).expect(0);
    let run = std::fs::read_dir(world.path().join("swept")).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_dir());
    assert_eq!(host(&run.unwrap()), name.trim());
}

/// `format!` cannot pad to more than 65,535 characters.
#[test]
fn a_very_long_value_or_tag_is_shown_like_any_other() {
    let world = World::new();
    let widths = vec!["1"; 40_000].join(",");
    let config = world.vae_bench(&["--print-config", "--hidden", &widths]).expect(0).stdout;
    assert!(config.lines().any(|line| line.starts_with("hidden = [1, 1, ") && line.ends_with("# --hidden")));
    let tag = "x".repeat(70_000);
    world.run(&["--epochs", "0", "--tag", &tag]).expect(0);
    assert!(world.vae_bench(&["ls", "out", "--format", "table"]).expect(0).stdout.contains("1 run"));
}

#[test]
fn compare_draws_the_images_of_both_models_side_by_side_where_that_is_asked_for() {
    let world = World::new();
    world.run(&["--epochs", "1", "--beta", "784"]).expect(0);
    world.run(&["--epochs", "1", "--beta", "1"]).expect(0);
    let compare = ["compare", "idx-bce-sum-b784", "idx-bce-sum-b1-", "--out", "out", "--images"];
    let done = world.vae_bench(&[&compare[..], &["sheet.svg"]].concat()).expect(0);
    assert_eq!(done.stdout.lines().last(), Some("sheet.svg"));
    let svg = std::fs::read_to_string(world.path().join("sheet.svg")).unwrap();
    assert!(svg.matches("<image").count() >= 3, "the originals and two models");
    // JSON stays alone on stdout.
    let done = world.vae_bench(&[&compare[..], &["sheet.png", "--json"]].concat()).expect(0);
    assert!(done.stderr.contains("sheet.png") && objects(&done.stdout)[0]["type"] == "comparison", "{}", done.stderr);
    assert!(std::fs::read(world.path().join("sheet.png")).unwrap().starts_with(b"\x89PNG"));
    world
        .vae_bench(&[&compare[..], &["sheet.gif"]].concat())
        .expect(2)
        .error_with(&["sheet.gif", ".png, .svg or .pdf"]);
    // Other test images cannot stand beside each other.
    world.run(&["--epochs", "1", "--test-size", "100"]).expect(0);
    let mixed = world.vae_bench(&["ls", "out", "--filter", "test-size=100", "--format", "ids"]).expect(0).stdout;
    let mixed = ["compare", mixed.trim(), "idx-bce-sum-b784", "--out", "out", "--images", "no.png"];
    let refused = world.vae_bench(&mixed).expect(1);
    assert!(refused.stderr.contains("tested on other images"), "{}", refused.stderr);
}

#[test]
fn a_run_says_nothing_of_the_machine_and_its_data_is_found_by_digest() {
    let world = World::new();
    let home = world.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::rename(world.path().join("data"), home.join("data")).unwrap();
    let data = home.join("data");
    let args = small(&["--data-dir", data.to_str().unwrap()]);
    done(world.command(&args).env("HOME", &home).output().unwrap()).expect(0);
    let run = world.only_run();
    for file in ["config.toml", "run.json"] {
        let text = std::fs::read_to_string(run.join(file)).unwrap();
        assert!(!text.contains(home.to_str().unwrap()) && !text.contains("data-dir ="), "{text}");
    }
    let json: Value = serde_json::from_str(&world.read("run.json")).unwrap();
    assert_eq!(json["host"]["name"], Value::Null);
    assert_eq!((&json["type"], &json["schema"]), (&"run".into(), &1.into()));
    let last = world.read("metrics.csv").lines().last().unwrap().to_owned();
    assert!(last.contains(&json["final"]["recon"].to_string()), "{last}");
    assert_eq!(json["argv"][0], "vae-bench");
    // Moved, the run is evaluated and repeated without a word about where its data is.
    std::fs::rename(&run, world.path().join("moved")).unwrap();
    world.vae_bench(&["eval", "moved", "--samples", "1"]).expect(0);
    world.vae_bench(&["--config", "moved/config.toml", "--out", "out"]).expect(0);
    assert_eq!(bytes(&world.only_run()), bytes(&world.path().join("moved")));
    // On a machine that has not seen the data, it must be named.
    let elsewhere =
        world.command(&["eval", "moved", "--samples", "1"]).env("XDG_CACHE_HOME", world.path().join("new")).output();
    done(elsewhere.unwrap()).expect(2).error_with(&["--data-dir"]);
}

#[test]
fn without_mnist_a_run_is_named_after_its_data_and_a_sweep_does_not_begin() {
    let world = World::new();
    let small = ["--train-size", "200", "--test-size", "100", "--hidden", "8", "--epochs", "1", "--out", "out"];
    let done = world.vae_bench(&small).expect(0);
    let name = world.only_run().file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.starts_with("synthetic-bce-sum-b1-z20-s1-"), "{name}");
    assert!(done.stdout.lines().last().unwrap().contains("SYNTHETIC digits, not MNIST"), "{}", done.stdout);
    let sweep = world.vae_bench(&[&["sweep", "--grid", "beta=1,2"], &small[..6], &["--out", "swept"]].concat());
    sweep.expect(3).error_with(&["MNIST", "--data synthetic", "--data-dir"]);
    assert!(!world.path().join("swept").exists());
    world
        .vae_bench(&[&["sweep", "--grid", "beta=1,2", "--data", "synthetic", "--format", "ids"], &small[..6]].concat())
        .expect(0);
}

#[test]
fn every_object_says_what_it_is_and_which_schema_it_follows() {
    let world = World::new();
    world.run(&["--beta", "1"]).expect(0);
    world.run(&["--beta", "2"]).expect(0);
    let data = ["--data", "idx", "--data-dir", "data"];
    let commands: [(&[&str], &[&str]); 8] = [
        (&["ls", "out", "--format", "jsonl"], &["listed-run"]),
        (&["status", "out", "--format", "jsonl"], &["planned-run"]),
        (&["show", "idx-bce-sum-b1", "--out", "out", "--json"], &["run"]),
        (&["compare", "idx-bce-sum-b1", "idx-bce-sum-b2", "--out", "out", "--json"], &["comparison"]),
        (&["eval", "idx-bce-sum-b1", "--out", "out", "--json", "--samples", "1"], &["evaluation"]),
        (&["presets", "--json"], &["preset"]),
        (&[&small(&["--beta", "1"])[..], &["--json"]].concat(), &["epoch", "run"]),
        (&[&["sweep", "--grid", "beta=1,3"], &small(&[])[..], &["--json"]].concat(), &["run", "sweep"]),
    ];
    for (args, kinds) in commands {
        for object in objects(&world.vae_bench(args).expect(0).stdout) {
            let kind = object["type"].as_str().unwrap();
            assert!(kinds.contains(&kind) && object["schema"] == 1, "{args:?}: {object}");
            // docs/json.md names every field.
            let page = include_str!("../docs/json.md");
            assert!(page.contains(&format!("## `{kind}`")), "{kind}");
            for field in
                object.as_object().unwrap().keys().filter(|field| !["type", "schema"].contains(&field.as_str()))
            {
                assert!(page.contains(&format!("`{field}`")), "{kind}.{field}");
            }
        }
    }
    let text = world.vae_bench(&[&["explain", "--json"], &data[..]].concat()).expect(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["type"], "explanation");
}
