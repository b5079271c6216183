//! The VQ-VAE: its gradients against PyTorch, both engines, and runs through the real binary.

mod support;

use candle_core::{DType, Device, Tensor};
use support::World;
use vae_bench::engine::{Backend, Engine};
use vae_bench::model::{
    Activation, Architecture, CodeShape, CodebookInit, CodebookRule, Init, LatentShape, LogSigma, Model, Start,
};
use vae_bench::objective::{Control, Objective, Time};
use vae_bench::pass::{Batch, Latents};
use vae_bench::spec::presets::VQ_PRESETS;
use vae_bench::spec::{RunSpec, Settings};
use vae_bench::terms::Term;

const PIXELS: usize = 6;
const IMAGES: usize = 3;

/// 6-4-(2 codes of 2 numbers from 3 entries)-4-6, ReLU.
fn model(engine: Engine, dtype: DType) -> Model {
    let shape = CodeShape {
        codes: 2,
        code_dim: 2,
        codebook_size: 3,
        rule: CodebookRule::Gradient,
        init: CodebookInit::Uniform,
    };
    let architecture = Architecture {
        pixels: PIXELS,
        hidden: vec![4],
        latents: LatentShape::Codes(shape),
        activation: Activation::Relu,
        log_sigma: LogSigma::Absent,
    };
    let backend = Backend::new(engine, dtype, &Device::Cpu).unwrap();
    let start = Start { init: Init::Pytorch, seed: 1, output_bias: None };
    let model = Model::new(&architecture, &start, &backend).unwrap();
    for (p, (_, parameter)) in model.parameters().iter().enumerate() {
        let values: Vec<f64> = (0..parameter.elem_count()).map(|i| (1.3 * i as f64 + p as f64).sin()).collect();
        let values = Tensor::from_vec(values, parameter.shape(), &Device::Cpu).unwrap();
        parameter.set(&values.to_dtype(dtype).unwrap()).unwrap();
    }
    model
}

fn batch(dtype: DType) -> Batch {
    let x: Vec<f64> = (0..IMAGES * PIXELS).map(|i| f64::from((i * 7 % 11) as u8) / 11.0).collect();
    let x = Tensor::from_vec(x, (IMAGES, PIXELS), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    Batch { x, noise: Tensor::zeros((IMAGES, 0), dtype, &Device::Cpu).unwrap() }
}

fn objective(toml: &str) -> Objective {
    let usual = "model = 'vq-vae'\nloss = 'bce'\ncodes = 2\ncode-dim = 2\ncodebook-size = 3\n";
    RunSpec::resolve(&Settings::parse(&format!("{usual}{toml}")).unwrap()).unwrap().objective_for(PIXELS, 1.0)
}

/// The gradient of every parameter, as the optimiser would get it.
fn gradients(engine: Engine, dtype: DType, objective: &Objective) -> Vec<Vec<f32>> {
    let model = model(engine, dtype);
    let mut pass = model.pass(&batch(dtype), &objective.recon).unwrap();
    let value = objective.value(&pass, Time::END, Control::Fixed).unwrap();
    let store = value.loss.backward().unwrap();
    pass.tape.gradients(&store).unwrap().iter().map(|gradient| gradient.to_vec().unwrap()).collect()
}

const ENGINES: [(Engine, DType, f64); 3] =
    [(Engine::Candle, DType::F64, 2e-6), (Engine::Candle, DType::F32, 2e-5), (Engine::Fused, DType::F32, 2e-5)];

#[test]
fn terms_and_gradients_are_those_of_pytorch() {
    // import torch, math; F = torch.nn.functional; torch.set_default_dtype(torch.float64)
    // shapes = [(4,6), (4,), (4,4), (4,), (4,4), (4,), (6,4), (6,), (3,2)]
    // P = [torch.tensor([math.sin(1.3*i + p) for i in range(math.prod(s))]).reshape(s).requires_grad_()
    //      for p, s in enumerate(shapes)]
    // x = torch.tensor([(i*7 % 11)/11 for i in range(18)]).reshape(3, 6)
    // z = F.linear(torch.relu(F.linear(x, P[0], P[1])), P[2], P[3]).reshape(6, 2)
    // codes = torch.cdist(z, P[8]).argmin(1); e = P[8][codes]
    // cb = (z.detach() - e).pow(2).sum()/3; cm = (z - e.detach()).pow(2).sum()/3
    // st = (z + (e - z).detach()).reshape(3, 4)
    // l = F.linear(torch.relu(F.linear(st, P[4], P[5])), P[6], P[7])
    // r = F.binary_cross_entropy_with_logits(l, x, reduction='none').sum(1).mean()
    // (r + 0.7/2*cb + 0.25/2*cm).backward()
    // for p in P: g = p.grad.flatten(); print(sum(g[i]*math.cos(i) for i in range(len(g))), g.abs().sum())
    let expected = [
        (-0.090843745774, 12.81547728329),
        (2.081200546765, 4.672542789573),
        (1.582679938903, 7.517188335107),
        (3.559350764571, 4.618782543186),
        (-0.45026349407, 4.169197169808),
        (-0.932985565171, 2.17012291053),
        (-0.906732041908, 7.842504132601),
        (1.003395004691, 1.875391884445),
        (0.818536562879, 1.086916147845),
    ];
    let objective = objective("codebook-weight = 0.7\ncommitment-cost = 0.25\nvq-reduction = 'code-mean'");
    for (engine, dtype, tolerance) in ENGINES {
        let pass = model(engine, dtype).pass(&batch(dtype), &objective.recon).unwrap();
        let Latents::Codes(latents) = &pass.latents else { panic!("a VQ-VAE has codes") };
        assert_eq!(latents.codes, [0, 1, 2, 0, 2, 0]);
        let ledgers = objective.value(&pass, Time::END, Control::Fixed).unwrap().ledgers;
        let close = |found: Option<&f64>, expected: f64| (found.unwrap() / expected - 1.0).abs() < 3e-6;
        assert!(close(ledgers.canonical.get(Term::Recon), 7.408424042005184));
        assert!(close(ledgers.canonical.get(Term::Commitment), 0.9775463224609716));
        assert!(close(ledgers.canonical.get(Term::Kl), 2.0 * 3f64.ln()));
        assert!(close(ledgers.weighted.get(Term::Codebook), 0.35 * 0.9775463224609716));
        assert!(close(ledgers.weighted.get(Term::Commitment), 0.125 * 0.9775463224609716));
        assert_eq!(ledgers.weighted.get(Term::Kl), None);
        let found = gradients(engine, dtype, &objective);
        assert_eq!(found.len(), expected.len());
        for (gradient, (projection, size)) in found.iter().zip(expected) {
            let along: f64 = gradient.iter().enumerate().map(|(i, &g)| f64::from(g) * (i as f64).cos()).sum();
            let total: f64 = gradient.iter().map(|&g| f64::from(g).abs()).sum();
            assert!((along - projection).abs() < tolerance * size, "{engine:?} {dtype:?}: {along} is not {projection}");
            assert!((total - size).abs() < tolerance * size, "{engine:?} {dtype:?}: {total} is not {size}");
        }
        // P[8].grad
        let codebook = [0.414423880, 0.203494843, -0.140420877, -0.167639411, -0.065178155, 0.095758982];
        for (found, expected) in found[8].iter().zip(codebook) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{engine:?} {dtype:?}: {found} is not {expected}");
        }
    }
}

#[test]
fn each_stop_gradient_keeps_its_term_away_from_the_other_side() {
    for (engine, dtype, _) in ENGINES {
        let of = |codebook: f64, commitment: f64| {
            gradients(
                engine,
                dtype,
                &objective(&format!("codebook-weight = {codebook}\ncommitment-cost = {commitment}")),
            )
        };
        // A codebook term of weight 0 is refused: its codebook would never move.
        let (none, only_codebook, only_commitment) = (of(1e-30, 0.0), of(1.0, 0.0), of(1e-30, 1.0));
        assert!(none[8].iter().all(|&g| g.abs() < 1e-29), "the reconstruction gives the codebook no gradient");
        assert_eq!(only_codebook[..8], none[..8], "the codebook term moves the entries alone");
        assert!(only_codebook[8].iter().any(|&g| g != 0.0));
        assert!(only_commitment[8].iter().all(|&g| g.abs() < 1e-29), "the commitment term moves the encoder alone");
        assert_ne!(only_commitment[..4], none[..4]);
        assert_eq!(only_commitment[4..8], none[4..8], "the decoder sees neither");
        // Straight through: the encoder has gradient from the reconstruction.
        assert!(none[0].iter().any(|&g| g != 0.0));
    }
}

#[test]
fn two_epochs_are_those_of_a_float64_replay() {
    // scripts/parity_vq.py: VqReplay in PyTorch, float64, over the streams that `export` writes of this very run, gives
    // objective, recon, code_distance and perplexity (of the test images) for every row.
    let run = [
        "--model",
        "vq-vae",
        "--data",
        "synthetic",
        "--train-size",
        "300",
        "--test-size",
        "200",
        "--hidden",
        "24",
        "--codes",
        "4",
        "--code-dim",
        "3",
        "--codebook-size",
        "8",
        "--epochs",
        "2",
        "--batch-size",
        "64",
        "--seed",
        "3",
    ];
    type Rows = [(&'static str, [f64; 4]); 5];
    let gradient: Rows = [
        ("0,test", [546.709749, 546.655319, 0.174177, 4.610962]),
        ("1,train", [545.114164, 545.007408, 0.341621, f64::NAN]),
        ("1,test", [542.434305, 542.174734, 0.830628, 3.629838]),
        ("2,train", [540.84119, 540.405706, 1.393549, f64::NAN]),
        ("2,test", [537.9292, 537.150709, 2.491172, 2.220517]),
    ];
    let ema: Rows = [
        ("0,test", [550.03558, 549.97364, 2.973105, 1.946183]),
        ("1,train", [545.893525, 545.863068, 1.461931, f64::NAN]),
        ("1,test", [541.658609, 541.649448, 0.439731, 1.754765]),
        ("2,train", [539.719626, 539.709252, 0.497967, f64::NAN]),
        ("2,test", [536.097912, 536.08395, 0.670163, 1.754765]),
    ];
    let averages = ["--codebook-update", "ema", "--ema-start", "zeros", "--codebook-init", "normal"];
    for (more, expected) in [
        ([&["--vq-reduction", "code-mean"][..], &[]].concat(), gradient),
        ([&["--vq-reduction", "mean"][..], &averages].concat(), ema),
    ] {
        let world = World::new();
        world.vae_bench(&[&run[..], &more, &["--quiet", "--out", "out"]].concat()).expect(0);
        let text = world.read("metrics.csv");
        let (header, rows) = text.split_once('\n').unwrap();
        assert_eq!(rows.lines().count(), expected.len());
        for (row, (name, values)) in rows.lines().zip(expected) {
            assert!(row.starts_with(name), "{row}");
            for (column, value) in ["objective", "recon", "code_distance", "perplexity"].into_iter().zip(values) {
                let found = cell(row, header, column);
                match value.is_nan() {
                    true => assert_eq!(found, "", "{name} {column}"),
                    false => {
                        let gap = (found.parse::<f64>().unwrap() / value - 1.0).abs();
                        assert!(gap < 1e-4, "{name} {column}: {found} is not {value}");
                    }
                }
            }
        }
    }
}

const SMALL: [&str; 12] =
    ["--model", "vq-vae", "--hidden", "32", "--codes", "4", "--code-dim", "3", "--codebook-size", "8", "--epochs", "2"];

fn run(world: &World, more: &[&str]) -> Vec<String> {
    let data = ["--data", "idx", "--data-dir", "data", "--quiet", "--out", "out"];
    world.vae_bench(&[&SMALL, &data[..], more].concat()).expect(0);
    world.read("metrics.csv").lines().map(str::to_owned).collect()
}

fn cell(row: &str, header: &str, name: &str) -> String {
    let at = header.split(',').position(|column| column == name).unwrap();
    row.split(',').nth(at).unwrap().to_owned()
}

#[test]
fn a_run_has_its_own_columns_and_empty_cells_for_those_of_a_vae() {
    let world = World::new();
    let lines = run(&world, &[]);
    let header = &lines[0];
    assert!(
        header.ends_with(
            "active_units,codebook_term,commitment_term,code_distance,perplexity,codes_used,commitment_ratio"
        )
    );
    for row in &lines[1..] {
        for empty in ["kl_term", "beta_effective", "beta_sigma2", "active_units"] {
            assert_eq!(cell(row, header, empty), "", "{empty}");
        }
        let number = |name: &str| cell(row, header, name).parse::<f64>().unwrap();
        assert!((number("kl") - 4.0 * 8f64.ln()).abs() < 1e-12, "N ln K");
        assert!((number("neg_elbo") - number("recon") - number("kl")).abs() < 1e-9);
        assert_eq!(number("commitment_ratio"), 0.25);
        assert_eq!(number("codebook_term"), number("code_distance"));
        assert_eq!(number("commitment_term"), 0.25 * number("code_distance"));
        let is_test = cell(row, header, "split") == "test";
        assert_eq!(cell(row, header, "perplexity").is_empty(), !is_test, "over the whole test set alone");
        if is_test {
            assert!((1.0..=8.0).contains(&number("perplexity")) && number("codes_used") <= 8.0);
        }
    }
    let json: serde_json::Value = serde_json::from_str(&world.read("run.json")).unwrap();
    assert_eq!(json["objective"]["commitment_ratio"], 0.25);
    assert_eq!(json["objective"]["kl_weight"], serde_json::Value::Null);
    assert_eq!(json["verdict"]["codebook"]["size"], 8);
    let uses: u64 =
        world.read("codes.csv").lines().skip(1).map(|l| l.split(',').nth(1).unwrap().parse::<u64>().unwrap()).sum();
    let images = json["data"]["test_images"].as_u64().unwrap();
    assert_eq!(uses, 4 * images, "every code of every test image is counted once");
}

#[test]
fn an_ema_codebook_has_no_codebook_term_and_moves() {
    let world = World::new();
    for start in ["ones", "zeros", "smoothed", "debiased"] {
        let name = ["--codebook-update", "ema", "--ema-start", start, "--out", start];
        let data = ["--data", "idx", "--data-dir", "data", "--quiet"];
        world.vae_bench(&[&SMALL, &data[..], &name].concat()).expect(0);
        let dir = std::fs::read_dir(world.path().join(start)).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(dir.join("metrics.csv")).unwrap();
        let (header, rows) = text.split_once('\n').unwrap();
        for row in rows.lines() {
            assert_eq!(cell(row, header, "codebook_term"), "", "{start}");
            assert_ne!(cell(row, header, "commitment_term"), "", "{start}");
        }
        let tensors = candle_core::safetensors::load(dir.join("model.safetensors"), &Device::Cpu).unwrap();
        assert_eq!(tensors["codebook.weight"].dims(), [8, 3]);
        assert_eq!(tensors.len(), 2 * 4 + 1, "what a decoder needs, without the averages: {:?}", tensors.keys());
    }
}

#[test]
fn the_same_bytes_at_any_threads_and_on_every_instruction_set() {
    let mut seen: Option<(String, Vec<u8>)> = None;
    for (threads, isa) in [("1", "portable"), ("2", "avx2"), ("4", "avx512"), ("2", "neon"), ("3", "portable")] {
        let world = World::new();
        let data = ["--data", "idx", "--data-dir", "data", "--quiet", "--out", "out", "--threads", threads];
        let more = ["--codebook-update", "ema", "--codebook-init", "k-means", "--restart-dead", "0.5"];
        let all = [&SMALL, &data[..], &more].concat();
        let done = support::done(world.command(&all).env("VAE_BENCH_ISA", isa).output().unwrap());
        if done.stderr.contains("VAE_BENCH_ISA") {
            continue; // The processor lacks it.
        }
        done.expect(0);
        let now = (world.read("metrics.csv"), std::fs::read(world.only_run().join("model.safetensors")).unwrap());
        assert!(*seen.get_or_insert_with(|| now.clone()) == now, "{threads} threads, {isa}");
    }
}

#[test]
fn settings_of_one_family_are_refused_beside_the_other_with_both_named() {
    let world = World::new();
    let vq = ["--model", "vq-vae"];
    for (args, names) in [
        (&["--model", "vq-vae", "--beta", "4"][..], ["--beta 4", "--model vq-vae"]),
        (&["--model", "vq-vae", "--latent-dim", "2"][..], ["--latent-dim 2", "--model vq-vae"]),
        (&["--model", "vq-vae", "--kl-reduction", "mean"][..], ["--kl-reduction mean", "--model vq-vae"]),
        (&["--model", "vq-vae", "--capacity", "3"][..], ["--capacity 3", "--model vq-vae"]),
        (&["--model", "vq-vae", "--geco-tolerance", "3"], ["--geco-tolerance 3", "--model vq-vae"]),
        (&["--model", "vq-vae", "--target-kl", "3"], ["--target-kl 3", "--model vq-vae"]),
        (&["--codes", "4"][..], ["--codes 4", "--model vae"]),
        (&["--model", "vae", "--commitment-cost", "1"][..], ["--commitment-cost 1", "--model vae"]),
        (&["--ema-start", "ones"][..], ["--ema-start ones", "--model vae"]),
        (&["--model", "vq-vae", "--codebook-decay", "0.9"][..], ["--codebook-decay 0.9", "--codebook-update gradient"]),
        (
            &["--model", "vq-vae", "--codebook-update", "ema", "--codebook-weight", "2"][..],
            ["--codebook-weight 2", "--codebook-update ema"],
        ),
    ] {
        world.vae_bench(args).expect(2).error_with(&names);
    }
    world.vae_bench(&[&vq[..], &["--codes", "0"]].concat()).expect(2);
}

#[test]
fn a_vae_has_the_identity_that_it_had_before_there_was_another_family() {
    let plain = RunSpec::resolve(&Settings::parse("data = 'mnist'").unwrap()).unwrap();
    let named = RunSpec::resolve(&Settings::parse("data = 'mnist'\nmodel = 'vae'").unwrap()).unwrap();
    assert_eq!(plain.to_toml(), named.to_toml());
    assert!(!plain.to_toml().contains("model") && !plain.to_toml().contains("code"), "{}", plain.to_toml());
}

#[test]
fn every_vq_preset_is_listed_explained_and_trains_an_epoch() {
    let world = World::new();
    let table = world.vae_bench(&["presets"]).expect(0).stdout;
    for preset in VQ_PRESETS {
        let row = table.lines().find(|line| line.starts_with(&format!("{} ", preset.name))).unwrap();
        assert!(row.contains(preset.objective), "{row}");
        let all = ["explain", "--data", "idx", "--data-dir", "data", "--json", "--preset", preset.name];
        let found: serde_json::Value = serde_json::from_str(&world.vae_bench(&all).expect(0).stdout).unwrap();
        assert_eq!(found["preset"], preset.name);
        assert!(found["commitment_ratio"].is_number() && found["rate_bits"].is_number(), "{found}");
        assert_eq!(found["elsewhere"].as_array().unwrap().len(), 3);
        let train = ["--preset", preset.name, "--data", "idx", "--data-dir", "data", "--quiet", "--epochs", "1"];
        world.vae_bench(&[&train[..], &["--hidden", "16", "--out", "presets"]].concat()).expect(0);
    }
}

#[test]
fn the_batch_sum_doubles_the_printed_terms_with_the_batch_and_not_the_canonical_distance() {
    let world = World::new();
    let explain = |batch: &str| -> serde_json::Value {
        let all = ["explain", "--data", "idx", "--data-dir", "data", "--json", "--preset", "vq-pythae-main"];
        serde_json::from_str(&world.vae_bench(&[&all[..], &["--batch-size", batch]].concat()).expect(0).stdout).unwrap()
    };
    let (small, large) = (explain("16"), explain("32"));
    assert_eq!(small["commitment_weight"], 4.0);
    assert_eq!(large["commitment_weight"], 8.0);
    assert_eq!(large["codebook_weight"], 32.0);
    assert_eq!(large["recon_weight"], small["recon_weight"]);
    assert_eq!(small["elsewhere"][0]["commitment_weight"], 8.0, "explain says what twice the batch makes of it");
    // The untrained model is the same at any batch size: its canonical C is, and the printed terms are not.
    let untrained = |batch: &str, out: &str| {
        let run = ["--preset", "vq-pythae-main", "--data", "idx", "--data-dir", "data", "--quiet", "--epochs", "0"];
        world.vae_bench(&[&run[..], &["--batch-size", batch, "--out", out]].concat()).expect(0);
        let dir = std::fs::read_dir(world.path().join(out)).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(dir.join("metrics.csv")).unwrap();
        let (header, row) = text.trim_end().split_once('\n').unwrap();
        let number = |name: &str| cell(row, header, name).parse::<f64>().unwrap();
        (number("code_distance"), number("codebook_term"), number("commitment_term"))
    };
    let ((c, codebook, commitment), (c2, codebook2, commitment2)) = (untrained("16", "a"), untrained("32", "b"));
    assert_eq!(c, c2);
    assert_eq!((codebook2, commitment2), (2.0 * codebook, 2.0 * commitment));
}

#[test]
fn eval_refuses_the_importance_weighted_estimate_with_the_reason() {
    let world = World::new();
    run(&world, &[]);
    let dir = world.only_run();
    let text = world.vae_bench(&["eval", dir.to_str().unwrap(), "--quiet"]).expect(0).stdout;
    for word in ["N ln K", "perplexity", "codes used", "one-hot"] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    let json = world.vae_bench(&["eval", dir.to_str().unwrap(), "--json", "--images"]).expect(0).stdout;
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["iw_nll"], serde_json::Value::Null);
    assert!(dir.join("images/code-use.png").exists() && dir.join("images/samples.png").exists());
}

#[test]
fn merge_plot_and_report_take_both_families_together() {
    let world = World::new();
    let data = ["--data", "idx", "--data-dir", "data", "--quiet", "--out", "runs", "--epochs", "2", "--hidden", "32"];
    world.vae_bench(&[&["--latent-dim", "4"], &data[..]].concat()).expect(0);
    for seed in ["1", "2"] {
        world.vae_bench(&[&SMALL[..2], &SMALL[4..10], &data[..], &["--seed", seed]].concat()).expect(0);
    }
    world.vae_bench(&["merge", "runs", "--out", "all.csv"]).expect(0);
    world.vae_bench(&["merge", "runs", "--mean", "--out", "mean.csv"]).expect(0);
    let table = std::fs::read_to_string(world.path().join("all.csv")).unwrap();
    let (header, rows) = table.split_once('\n').unwrap();
    assert_eq!(rows.lines().count(), 3 * 5);
    for row in rows.lines() {
        let is_vq = cell(row, header, "model") == "vq-vae";
        assert_eq!(cell(row, header, "codes").is_empty(), !is_vq);
        assert_eq!(cell(row, header, "commitment_ratio").is_empty(), !is_vq);
        assert_eq!(cell(row, header, "beta_effective").is_empty(), is_vq);
    }
    let mean = std::fs::read_to_string(world.path().join("mean.csv")).unwrap();
    assert_eq!(mean.lines().count(), 1 + 2 * 2, "a VAE and a VQ-VAE, both splits of each:\n{mean}");
    for from in ["runs", "all.csv"] {
        world.vae_bench(&["plot", from, "--out", "plots"]).expect(0);
        world.vae_bench(&["report", from, "--out", "page.html"]).expect(0);
        let page = std::fs::read_to_string(world.path().join("page.html")).unwrap();
        assert!(page.contains("vq-vae"), "the page of {from} does not name the family");
    }
}

#[test]
fn a_run_that_was_stopped_goes_on_to_the_same_bytes() {
    // The checkpoint holds the codebook and its averages.
    let world = World::new();
    let ema = ["--codebook-update", "ema", "--ema-start", "debiased", "--restart-dead", "0.5", "--epochs", "40"];
    let data = ["--data", "idx", "--data-dir", "data", "--quiet"];
    world.vae_bench(&[&SMALL[..10], &data[..], &ema, &["--out", "whole"]].concat()).expect(0);
    let whole = std::fs::read_dir(world.path().join("whole")).unwrap().next().unwrap().unwrap().path();
    let args = [&SMALL[..10], &data[..], &ema, &["--out", "killed"]].concat();
    let killed = world.path().join("killed").join(whole.file_name().unwrap());
    for _ in 0..4 {
        let mut child = world.command(&args).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            // Killed as soon as there is a checkpoint to go on from.
            if killed.join("checkpoint/state.safetensors").exists() {
                let _ = child.kill();
            }
        }
    }
    world.vae_bench(&args).expect(0);
    for file in ["metrics.csv", "codes.csv", "model.safetensors"] {
        assert!(std::fs::read(killed.join(file)).unwrap() == std::fs::read(whole.join(file)).unwrap(), "{file}");
    }
}
