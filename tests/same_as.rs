//! What `explain` calls "the same as" trains the same trajectory. Under SGD a common factor of the objective is a factor of
//! the learning rate, so that at lr / scale both commands must end in the same terms, up to float32 rounding.

mod support;

use support::{World, csv};
use vae_bench::spec::presets::PRESETS;

/// The learning rate of the canonical objective.
const LR: f64 = 2e-4;

/// The network, the data and the optimiser, which are no part of the objective. Every batch is full.
const SAME: &str = "--data idx --data-dir data --hidden 16 --latent-dim 4 --activation relu --init pytorch --output-bias zero \
                    --batch-size 100 --optimizer sgd --epochs 2";

/// (R, K) of the test images before and after the training with these flags.
fn terms(world: &World, flags: &str, lr: f64) -> [(f64, f64); 2] {
    let _ = std::fs::remove_dir_all(world.out());
    let words = format!("{flags} {SAME} --lr {lr} --out out --threads 1 --quiet");
    world.vae_bench(&words.split_whitespace().collect::<Vec<_>>()).expect(0);
    let (header, rows) = csv(&world.read("metrics.csv"));
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let test: Vec<_> = rows.iter().filter(|row| row[at("split")] == "test").collect();
    [test[0], test[test.len() - 1]].map(|row| (row[at("recon")].parse().unwrap(), row[at("kl")].parse().unwrap()))
}

/// The command that `explain` calls the same as these flags, and the factor between the two.
fn canonical(world: &World, flags: &str) -> (String, f64) {
    let words = format!("explain {flags} {SAME} --json");
    let words: Vec<&str> = words.split_whitespace().collect();
    let found: serde_json::Value = serde_json::from_str(&world.vae_bench(&words).expect(0).stdout).unwrap();
    (found["canonical"].as_str().unwrap().to_owned(), found["scale"].as_f64().unwrap())
}

#[track_caller]
fn assert_same_trajectory(world: &World, flags: &str) {
    let (command, scale) = canonical(world, flags);
    let [before, (recon, kl)] = terms(world, flags, LR / scale);
    let [_, (same_recon, same_kl)] = terms(world, &command, LR);
    let context = format!("{flags}\nis said to be the same as {scale} times\n{command}");
    let learned = (before.0 - recon).abs();
    assert!(learned > 5e-5 * recon.abs(), "nothing was learned: R {} to {recon}\n{context}", before.0);
    assert!((recon - same_recon).abs() < 0.01 * learned, "R {} to {recon} and {same_recon}\n{context}", before.0);
    let moved = (before.1 - kl).abs().max(0.01);
    assert!((kl - same_kl).abs() < 0.01 * moved, "K {} to {kl} and {same_kl}\n{context}", before.1);
}

const LOSSES: [&str; 8] = [
    "--loss bce",
    "--loss mse",
    "--loss gaussian --sigma2 0.3",
    "--loss gaussian-learned",
    "--loss gaussian-optimal",
    "--loss log-mse --log-mse-scale half-pixels",
    "--loss laplace --laplace-scale 0.5",
    "--loss continuous-bernoulli",
];

const CONSTRAINTS: [&str; 8] = [
    "--beta 0.5",
    "--beta WEIGHT --warmup linear:1epochs",
    "--beta WEIGHT --free-bits latent:0.02",
    "--beta WEIGHT --free-bits latent-batch:0.02",
    "--beta WEIGHT --free-bits image:0.1",
    "--capacity 2 --gamma WEIGHT",
    "--beta WEIGHT --kl-estimator monte-carlo",
    "--beta WEIGHT --sampling keras-2016-05",
];

/// `weight` is the beta or gamma of the constraints, as large as the reductions bear.
fn every_constraint(reductions: [&str; 2], weight: &str) {
    let world = World::new();
    for loss in LOSSES {
        for constraint in CONSTRAINTS {
            let [recon, kl] = reductions;
            let constraint = constraint.replace("WEIGHT", weight);
            assert_same_trajectory(&world, &format!("{loss} {constraint} --reduction {recon} --kl-reduction {kl}"));
        }
    }
}

#[test]
fn summed_losses_beside_a_mean_kl_train_the_same() {
    every_constraint(["sum", "mean"], "30");
}

#[test]
fn mean_losses_train_the_same() {
    every_constraint(["mean", "sum"], "0.05");
}

#[test]
fn losses_summed_over_the_batch_train_the_same() {
    every_constraint(["batch-sum", "batch-sum"], "30");
}

#[test]
fn a_tolerance_a_rate_and_a_lambda_that_are_scaled_with_the_reduction_train_the_same() {
    let world = World::new();
    // 20 per image under each reduction, with a rate at which lambda moves by some percent.
    for (reductions, controller) in [
        ("--kl-reduction sum", "--geco-tolerance 20 --geco-rate 1e-5"),
        ("--kl-reduction mean", "--geco-tolerance 20 --geco-rate 1e-5"),
        ("--reduction mean", "--geco-tolerance 20/pixels --geco-rate 0.004 --geco-lambda pixels"),
        ("--reduction batch-sum", "--geco-tolerance 2000 --geco-rate 1e-7"),
        ("--recon-weight 0.25 --kl-weight 2", "--geco-tolerance 5 --geco-rate 4e-5"),
    ] {
        for loss in ["--loss mse", "--loss bce", "--loss gaussian --sigma2 0.3"] {
            assert_same_trajectory(&world, &format!("{loss} {reductions} {controller}"));
        }
    }
    for scale in ["0.5", "3"] {
        let controller = "--target-kl 0.05 --pi-kp 20 --pi-ki 2 --beta-max 100";
        assert_same_trajectory(&world, &format!("--loss mse --recon-weight {scale} {controller}"));
    }
}

#[test]
fn a_target_on_a_kl_of_another_reduction_is_said_to_be_the_same_as_nothing() {
    // The proportional part is a sigmoid of the error, so that no gains make up for a mean.
    let world = World::new();
    let words = format!("explain --loss mse --kl-reduction mean --target-kl 1 {SAME} --json");
    let words: Vec<&str> = words.split_whitespace().collect();
    let found: serde_json::Value = serde_json::from_str(&world.vae_bench(&words).expect(0).stdout).unwrap();
    assert!(found["canonical"].is_null() && found["constraint"]["per_image"] == 4.0, "{found}");
}

#[test]
fn every_preset_trains_the_same() {
    let world = World::new();
    for preset in PRESETS {
        assert_same_trajectory(&world, &format!("--preset {}", preset.name));
    }
}

#[test]
fn another_weight_or_a_lost_constraint_is_noticed() {
    let world = World::new();
    for (flags, lost) in [("--beta 30", "--beta 31"), ("--beta 30 --free-bits latent:0.02", "--beta 30")] {
        let [_, (_, kl)] = terms(&world, &format!("--loss mse {flags}"), LR);
        let [_, (_, other)] = terms(&world, &format!("--loss mse {lost}"), LR);
        assert!((kl - other).abs() > 2e-4 * kl.abs().max(0.01), "{flags}: K {kl} and {other}");
    }
}
