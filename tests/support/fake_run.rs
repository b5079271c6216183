//! Fake runs: the directory of one real run, copied with other names, settings and numbers.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A run that was never trained.
pub struct FakeRun<'a> {
    pub name: &'a str,
    pub reduction: &'a str,
    pub beta: f64,
    pub seed: u64,
    pub epochs: u32,
}

/// A verdict of a settled training with these judgements on the latents and against the average image.
pub fn verdict(latents: &str, average_image: &str) -> Value {
    json!({
        "latents": latents, "average_image": average_image, "training": "settled", "objective": "beta-elbo",
        "active_units": null, "latent_dim": 4, "floor": 205.0, "diverged_in": null
    })
}

impl FakeRun<'_> {
    /// Writes the run below `out`; files that it does not replace are those of the run in `pattern` (784 pixels, 4
    /// latents, bce).
    pub fn write(&self, pattern: &Path, out: &Path) -> PathBuf {
        let dir = out.join(self.name);
        std::fs::create_dir_all(&dir).unwrap();
        let a = if self.reduction == "mean" { 1.0 / 784.0 } else { 1.0 };
        let effective = self.beta / a;
        let config = std::fs::read_to_string(pattern.join("config.toml")).unwrap();
        let set = |line: &str| {
            let key = line.split(" =").next().unwrap();
            match key {
                "reduction" => format!("reduction = \"{}\"", self.reduction),
                "beta" => format!("beta = {:?}", self.beta),
                "seed" => format!("seed = {}", self.seed),
                "epochs" => format!("epochs = {}", self.epochs),
                _ => line.to_owned(),
            }
        };
        std::fs::write(dir.join("config.toml"), config.lines().map(|line| set(line) + "\n").collect::<String>())
            .unwrap();

        let mut manifest: Value = serde_json::from_slice(&std::fs::read(pattern.join("run.json")).unwrap()).unwrap();
        let share = 1.0 / (1.0 + effective / 10.0);
        let active = (4.0 * share).round() as u32;
        manifest["run"] = json!(self.name);
        manifest["objective"] =
            json!({ "recon_weight": a, "kl_weight": self.beta, "beta_effective": effective, "beta_sigma2": null });
        manifest["verdict"] = verdict(
            match active {
                0 => "none-active",
                4 => "all-active",
                _ => "some-active",
            },
            if active == 0 { "at" } else { "recon-and-bound-below" },
        );
        // Made by hand, so without digests of its files, as runs of earlier versions.
        for key in ["generation", "attempt", "files", "sha256"] {
            manifest.as_object_mut().unwrap().remove(key);
        }
        std::fs::write(dir.join("run.json"), serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();

        let header =
            "epoch,split,objective,recon_term,kl_term,recon,kl,neg_elbo,beta_effective,beta_sigma2,active_units\n";
        let mut metrics = header.to_owned();
        for epoch in 0..=self.epochs {
            let late = f64::from(epoch) / f64::from(self.epochs.max(1));
            for split in ["train", "test"] {
                if epoch == 0 && split == "train" {
                    continue;
                }
                let wobble = 0.3 * (self.seed as f64 * 1.7 + f64::from(epoch)).sin();
                let recon = 205.0 - 125.0 * share * late.sqrt() + wobble + if split == "train" { 1.0 } else { 0.0 };
                let kl = 26.0 * share * late.sqrt() + 0.05 * wobble.abs();
                let units = if split == "test" { active.to_string() } else { String::new() };
                metrics.push_str(&format!(
                    "{epoch},{split},{},{},{},{recon},{kl},{},{effective},,{units}\n",
                    a * recon + self.beta * kl,
                    a * recon,
                    self.beta * kl,
                    recon + kl
                ));
            }
        }
        std::fs::write(dir.join("metrics.csv"), metrics).unwrap();
        let latents: String = (1..=4).map(|i| format!("{i},{},{}\n", 8.0 * share / f64::from(i), share)).collect();
        std::fs::write(dir.join("latents.csv"), format!("latent,kl,mean_variance\n{latents}")).unwrap();
        dir
    }
}

/// Writes `count` runs below `out`: reductions sum and mean, 25 values of beta over five decades, several seeds.
pub fn many_fake_runs(pattern: &Path, out: &Path, count: usize) {
    for i in 0..count {
        let reduction = if i % 2 == 0 { "sum" } else { "mean" };
        let beta = 10f64.powf(-2.0 + 5.0 * ((i / 2) % 25) as f64 / 24.0) / if i % 2 == 0 { 1.0 } else { 784.0 };
        let (seed, name) = (1 + (i / 50) as u64, format!("bce-{reduction}-{i:03}"));
        FakeRun { name: &name, reduction, beta, seed, epochs: 10 }.write(pattern, out);
    }
}
