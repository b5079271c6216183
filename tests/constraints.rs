//! GECO and ControlVAE end to end: what they hold, what a wrong reduction makes of it, and their column.

mod support;

use std::fs;

use support::{World, csv};

/// The column `name` of the test rows of the only run, by epochs; it must have a value in every row.
fn column(world: &World, name: &str) -> Vec<f64> {
    let (header, rows) = csv(&world.read("metrics.csv"));
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let test = rows.iter().filter(|row| row[at("split")] == "test");
    test.map(|row| row[at(name)].parse().unwrap()).collect()
}

fn last(world: &World, name: &str) -> f64 {
    *column(world, name).last().unwrap()
}

/// A run on 2,000 synthetic digits with these flags.
fn trained(flags: &str) -> World {
    let world = World::new();
    let usual = "--data synthetic --train-size 2000 --test-size 500 --batch-size 20 --hidden 64 --latent-dim 8 \
                 --out out --threads 1 --quiet";
    let words = format!("{usual} {flags}");
    world.vae_bench(&words.split_whitespace().collect::<Vec<_>>()).expect(0);
    world
}

#[test]
fn geco_comes_near_its_tolerance_and_control_vae_to_its_target() {
    let world =
        trained("--loss mse --geco-tolerance 22 --geco-rate 0.0003 --geco-decay 0.9 --geco-lambda 0.1 --epochs 12");
    let s = last(&world, "recon");
    assert!((s - 22.0).abs() < 2.2, "S = {s}");
    let (lambda, effective) = (last(&world, "multiplier"), last(&world, "beta_sigma2"));
    assert!((effective - 0.5 / lambda).abs() < 1e-12 * effective, "b / (2 a lambda): {effective} {lambda}");

    let world = trained("--loss mse --target-kl 8 --pi-ki 0.001 --epochs 8");
    let k = last(&world, "kl");
    assert!((k - 8.0).abs() < 0.8, "K = {k}");
    let (beta, effective) = (last(&world, "multiplier"), last(&world, "beta_sigma2"));
    assert!(beta > 0.0 && (effective - 0.5 * beta).abs() < 1e-12 * effective, "beta b / (2a): {effective} {beta}");
}

#[test]
fn a_tolerance_meant_for_a_sum_is_met_by_any_mean_and_k_collapses() {
    let world = trained("--loss mse --reduction mean --geco-tolerance 35 --geco-rate 0.0003 --epochs 8");
    assert!(last(&world, "kl") < 0.01);
    let lambda = column(&world, "multiplier");
    assert_eq!(lambda[0], 1.0);
    assert!(lambda.windows(2).all(|two| two[1] < two[0]), "{lambda:?}");
    assert!(world.read("run.json").contains("\"controlled\""));
}

#[test]
fn a_target_for_a_sum_is_out_of_reach_of_a_mean_and_beta_stays_at_its_least() {
    let world = trained("--loss mse --kl-reduction mean --target-kl 8 --epochs 8");
    assert!(last(&world, "kl") > 16.0, "nothing holds K down");
    assert!(column(&world, "multiplier").iter().all(|&beta| beta < 1e-3));
}

#[test]
fn a_table_has_the_multiplier_where_one_of_its_runs_has_one() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    let plain = world.vae_bench(&["merge", "out"]).expect(0).stdout;
    assert!(!plain.contains("multiplier") && !plain.contains("geco") && !plain.contains("target_kl"), "{plain}");
    assert!(!world.read("metrics.csv").contains("multiplier"));
    world.run(&["--epochs", "1", "--target-kl", "3"]).expect(0);
    world.vae_bench(&["merge", "out", "--out", "both.csv"]).expect(0);
    let (header, rows) = csv(&fs::read_to_string(world.path().join("both.csv")).unwrap());
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    assert!(!header.iter().any(|column| column.starts_with("geco")), "{header:?}");
    for row in rows {
        assert_eq!(row[at("multiplier")].is_empty(), row[at("target_kl")].is_empty(), "{row:?}");
    }
    // The table reads back, and plots draw the path.
    world.run(&["--epochs", "2", "--target-kl", "3"]).expect(0);
    world.vae_bench(&["plot", "out", "--kind", "curves", "--panel", "multiplier", "--out", "plots"]).expect(0);
    let drawn = fs::read_dir(world.path().join("plots")).unwrap().count();
    assert!(drawn > 0);
}

#[test]
fn explain_says_what_is_held_per_image_and_what_a_linear_vae_makes_of_it() {
    let world = World::new();
    let explained = |flags: &str| {
        let words = format!("explain --data idx --data-dir data {flags}");
        world.vae_bench(&words.split_whitespace().collect::<Vec<_>>()).expect(0).stdout
    };
    let mean = explained("--loss mse --reduction mean --geco-tolerance 15");
    for words in ["lambda * (", "S = 11760 per image", "without any latent", "K collapses"] {
        assert!(mean.contains(words), "{words}\n{mean}");
    }
    let mean = explained("--loss mse --kl-reduction mean --latent-dim 10 --target-kl 20");
    for words in ["K = 200 nats per image", "beta stays between 0 and 1"] {
        assert!(mean.contains(words), "{words}\n{mean}");
    }
    let sum = explained("--loss mse --target-kl 30");
    for words in ["K = 30.000", "its beta comes to"] {
        assert!(sum.contains(words), "{words}\n{sum}");
    }
    let likelihood = explained("--loss bce --geco-tolerance 90");
    assert!(likelihood.contains("not predicted, because the weight is found while training"), "{likelihood}");
}
