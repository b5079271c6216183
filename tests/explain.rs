//! What the program says of an objective without training it, through the real binary.

mod support;

use support::{World, real_mnist};
use vae_bench::spec::presets::{PRESETS, VQ_PRESETS};

fn json(world: &World, args: &[&str]) -> serde_json::Value {
    let all = [&["explain", "--data", "idx", "--data-dir", "data", "--json"], args].concat();
    serde_json::from_str(&world.vae_bench(&all).expect(0).stdout).unwrap()
}

#[test]
fn every_preset_explains_itself_with_its_effective_value() {
    let world = World::new();
    for preset in PRESETS {
        let found = json(&world, &["--preset", preset.name]);
        assert_eq!(found["preset"], preset.name);
        let values = ["beta_effective", "beta_sigma2", "beta_sigma2_per_mse"];
        assert!(values.iter().any(|key| found[key].is_number()), "{found}");
    }
    assert_eq!(json(&world, &["--preset", "keras-2016-05"])["beta_effective"], 392.0);
    assert_eq!(json(&world, &["--preset", "log-mse"])["beta_sigma2_per_mse"], 392.0);
    assert_eq!(json(&world, &["--preset", "beta-vae", "--beta", "2"])["beta_effective"], 2.0, "a flag beside it wins");
}

#[test]
fn the_mean_of_squared_errors_is_explained_in_full() {
    let world = World::new();
    let found = json(&world, &["--loss", "mse", "--reduction", "mean", "--pixels", "12288"]);
    assert_eq!(found["recon_weight"], 1.0 / 784.0);
    assert_eq!(found["kl_weight"], 1.0);
    assert_eq!(found["beta_sigma2"], 392.0);
    assert_eq!(found["beta_effective"], serde_json::Value::Null);
    assert_eq!(found["canonical"], "--loss mse --reduction sum --beta 784");
    assert_eq!(found["carried"]["effective"], 6144.0);
    assert_eq!(found["carried"]["beta_to_keep"], 392.0 / 6144.0);
    assert_eq!(found["expected"]["active_units"], 0);
    let text =
        world.vae_bench(&["explain", "--data", "idx", "--data-dir", "data", "--loss", "mse", "--reduction", "mean"]);
    for word in ["COLLAPSE", "b/(2a) = 392", "0.0012755 * S", "probabilistic PCA"] {
        assert!(text.stdout.contains(word), "{word} is not in\n{}", text.stdout);
    }
}

#[test]
fn one_kl_is_broken_into_its_terms() {
    let world = World::new();
    let text = world.vae_bench(&["explain", "kl", "--mean", "1.5", "--logvar", "0"]).expect(0).stdout;
    assert!(text.contains("1.125 nats") && text.contains("2.25"), "{text}");
    // sigma = 0.1: 0.5 * (0.01 - 1 - ln 0.01) = 1.8076, not -ln 0.1 = 2.3026.
    let text = world.vae_bench(&["explain", "kl", "--mean", "0", "--logvar", "-4.605170185988091"]).expect(0).stdout;
    assert!(text.contains("1.8075"), "{text}");
    world.vae_bench(&["explain", "kl", "--mean", "nan", "--logvar", "0"]).expect(2).error_with(&["finite"]);
}

#[test]
fn presets_are_listed_with_a_b_and_the_effective_value() {
    let world = World::new();
    let table = world.vae_bench(&["presets"]).expect(0).stdout;
    for preset in PRESETS {
        let row = table.lines().find(|line| line.starts_with(&format!("{} ", preset.name))).unwrap();
        assert!(row.contains(preset.objective), "{row}");
    }
    let lines = world.vae_bench(&["presets", "--json"]).expect(0).stdout;
    assert_eq!(lines.lines().count(), PRESETS.len() + VQ_PRESETS.len());
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["source"].is_string()));
}

#[test]
fn a_run_of_a_preset_says_what_departed_from_it() {
    let world = World::new();
    let args = [
        "--preset",
        "beta-vae",
        "--beta",
        "2",
        "--hidden",
        "16",
        "--data",
        "idx",
        "--data-dir",
        "data",
        "--out",
        "out",
    ];
    let done = world.vae_bench(&[&args[..], &["--epochs", "1"]].concat()).expect(0);
    assert!(
        done.stdout.contains("beta-vae, but --beta 2.0 (preset: 4.0), --hidden 16 (preset: 400)"),
        "{}",
        done.stdout
    );
    let pure = ["--preset", "vae-burn", "--epochs", "1", "--data", "idx", "--data-dir", "data", "--out", "out2"];
    let done = world.vae_bench(&pure).expect(0);
    assert!(done.stdout.contains("vae-burn, as it is"), "{}", done.stdout);
    world.vae_bench(&["--preset", "kears"]).expect(2).error_with(&["kears", "keras-2016-05"]);
}

#[test]
fn what_contradicts_itself_names_both_sides() {
    let world = World::new();
    for (args, words) in [
        (&["--output", "tanh"][..], &["--output-activation tanh", "--loss bce"][..]),
        (&["--pixel-range", "symmetric"], &["--pixel-range symmetric", "--loss bce"]),
        (&["--capacity", "25", "--beta", "4"], &["--beta 4", "--capacity 25"]),
        (&["--capacity", "25", "--free-bits", "image:3"], &["--free-bits image:3", "--capacity 25"]),
        (&["--gamma", "100"], &["--gamma 100", "--capacity"]),
        (&["--geco-tolerance", "15", "--beta", "4"], &["--beta 4", "--geco-tolerance 15"]),
        (&["--geco-tolerance", "15", "--target-kl", "20"], &["--target-kl 20", "--geco-tolerance 15"]),
        (&["--target-kl", "20", "--warmup", "linear:2"], &["--warmup linear:2", "--target-kl 20"]),
        (&["--target-kl", "20", "--capacity", "5"], &["--target-kl 20", "--capacity 5"]),
        (&["--geco-rate", "0.1"], &["--geco-rate 0.1", "--geco-tolerance"]),
        (&["--pi-ki", "0.1"], &["--pi-ki 0.1", "--target-kl"]),
        (&["--target-kl", "20", "--beta-min", "2"], &["--beta-min 2", "--beta-max 1"]),
        (&["--geco-tolerance", "inf"], &["--geco-tolerance", "finite"]),
        (
            &["--kl", "monte-carlo", "--free-bits", "latent:0.1"],
            &["--free-bits latent:0.1", "--kl-estimator monte-carlo"],
        ),
        (
            &["--kl", "monte-carlo", "--sampling", "keras-2016-05"],
            &["--sampling keras-2016-05", "--kl-estimator monte-carlo"],
        ),
        (&["--laplace-scale", "2"], &["--laplace-scale 2", "--loss bce"]),
        (&["--rmsprop-alpha", "0.9"], &["--rmsprop-alpha 0.9", "--optimizer adam"]),
        (&["--warmup", "linear"], &["--warmup", "linear:5epochs"]),
        (&["--free-bits", "image"], &["--free-bits", "image:10"]),
        (&["--recon-weight", "-2"], &["--recon-weight", "1/data-variance"]),
    ] {
        world.run(args).expect(2).error_with(words);
    }
}

#[test]
fn eval_measures_a_finished_run_as_its_last_row_says() {
    let world = World::new();
    world.run(&["--loss", "gaussian-learned"]).expect(0);
    let run = world.only_run();
    let found = world.vae_bench(&["eval", run.to_str().unwrap(), "--json"]).expect(0).stdout;
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let (_, rows) = support::csv(&world.read("metrics.csv"));
    let last = rows.last().unwrap();
    assert_eq!(found["recon"].as_f64().unwrap(), last[5].parse::<f64>().unwrap());
    assert_eq!(found["kl"].as_f64().unwrap(), last[6].parse::<f64>().unwrap());
    assert_eq!(found["active_units"].to_string(), last[10]);
    assert_eq!(found["kl_per_latent"].as_array().unwrap().len(), 4);
    assert_eq!(found["iw_samples"], 64);
    assert!(found["iw_nll"].as_f64().unwrap() < found["neg_elbo"].as_f64().unwrap(), "64 samples are a tighter bound");
    let without = world.vae_bench(&["eval", run.to_str().unwrap(), "--samples", "0"]).expect(0).stdout;
    assert!(!without.contains("log p(x)"), "{without}");
    world.vae_bench(&["eval", "nowhere"]).expect(1).error_with(&["nowhere"]);
}

#[test]
fn the_prediction_on_mnist_is_that_of_probabilistic_pca() {
    // Eigenvalues of MNIST's covariance: 5.117, 3.741, 3.253, ...; S and K of the optimum at s = 1 with 50 latents.
    let Some(dir) = real_mnist() else { return };
    let world = World::new();
    let args = ["explain", "--json", "--data", "mnist", "--data-dir", dir.to_str().unwrap()];
    let args =
        [&args[..], &["--hidden", "", "--latent-dim", "50", "--loss", "gaussian", "--reduction", "sum"]].concat();
    for (s, kept, recon, kl) in
        [("0.5", 23, 28.697, 10.175), ("1", 12, 36.809, 4.334), ("3", 3, 49.615, 0.418), ("392", 0, 52.725, 0.0)]
    {
        let found = world.vae_bench(&[&args[..], &["--beta", s]].concat()).expect(0).stdout;
        let expected = &serde_json::from_str::<serde_json::Value>(&found).unwrap()["expected"];
        assert_eq!(expected["active_units"], kept);
        assert!((expected["collapses_above"].as_f64().unwrap() - 5.117).abs() < 5e-4);
        assert!((expected["recon"].as_f64().unwrap() - recon).abs() < 2e-3, "{expected}");
        assert!((expected["kl"].as_f64().unwrap() - kl).abs() < 2e-3, "{expected}");
    }
}
