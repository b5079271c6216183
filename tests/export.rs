//! `export --streams`: what is written is what the run used.

mod support;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::Optimizer as _;
use support::{TEST, TRAIN, World, csv};
use vae_bench::engine::Backend;
use vae_bench::model::{Model, Start, Vae};
use vae_bench::objective::{Control, Moment, Time};
use vae_bench::optimizer::Optimizer;
use vae_bench::pass::Batch;
use vae_bench::records::{RunDir, RunRecord};
use vae_bench::spec::RunSpec;
use vae_bench::terms::{Ledgers, Term};

type Tensors = HashMap<String, Tensor>;

fn export(world: &World) -> Tensors {
    let run = world.only_run();
    let told = world.vae_bench(&["export", run.to_str().unwrap(), "--streams", "replay.safetensors"]).expect(0);
    assert!(told.stdout.contains("replay.safetensors") && told.stdout.contains("epochs 0 to 2"), "{}", told.stdout);
    candle_core::safetensors::load(world.path().join("replay.safetensors"), &Device::Cpu).unwrap()
}

/// The pixels of the images numbered `indices`, as the run saw them.
fn pixels(streams: &Tensors, binarized: &str, grey: &str, indices: &Tensor) -> Tensor {
    match streams.get(binarized) {
        Some(bits) => bits.index_select(indices, 0).unwrap().to_dtype(DType::F32).unwrap(),
        None => {
            let grey = streams[grey].flatten_from(1).unwrap().index_select(indices, 0).unwrap();
            let divided = grey.to_dtype(DType::F64).unwrap() / 255.0;
            divided.unwrap().to_dtype(DType::F32).unwrap()
        }
    }
}

/// Trains two epochs from the exported tensors alone, and holds every row of metrics.csv to the ledgers.
fn replays(args: &[&str]) {
    let world = World::new();
    world.run(args).expect(0);
    let streams = export(&world);
    let record = RunRecord::read(&RunDir::new(world.only_run())).unwrap();
    let spec = RunSpec::resolve(&record.settings).unwrap();
    let model = Model::Vae(
        Vae::new(
            &spec.architecture(784),
            &Start { init: spec.network().init, seed: 99, output_bias: None },
            &Backend::FUSED,
        )
        .unwrap(),
    );
    for (name, parameter) in model.parameters() {
        parameter.set(&streams[&format!("initial.{name}")]).unwrap();
    }
    let parameters = model.parameters().iter().map(|(_, p)| p.clone()).collect();
    let mut optimizer = Optimizer::new(parameters, spec.training().optimizer).unwrap();
    let objective = spec.objective_for(784, 1.0);
    let (_, rows) = csv(&world.read("metrics.csv"));
    let number = |row: usize, column: usize| rows[row][column].parse::<f64>().unwrap();
    let close = |found: f64, expected: f64, name: &str| {
        assert!(
            (found - expected).abs() < 2e-7 * expected.abs().max(1e-3),
            "{args:?} {name}: {found} is not {expected}"
        );
    };
    let steps = TRAIN.div_ceil(128) as u64;
    for epoch in 0..=2u64 {
        if epoch > 0 {
            let (mut sums, order) = (Ledgers::default(), &streams[&format!("order.epoch.{epoch}")]);
            let noise = &streams[&format!("noise.train.epoch.{epoch}")];
            for first in (0..TRAIN).step_by(128) {
                let n = 128.min(TRAIN - first);
                let drawn = format!("binarized.train.epoch.{epoch}");
                let drawn = if streams.contains_key(&drawn) { drawn } else { "binarized.train".to_owned() };
                let x = pixels(&streams, &drawn, "images.train", &order.narrow(0, first, n).unwrap());
                let noise = noise.narrow(0, first, n).unwrap();
                let mut pass = model.pass(&Batch { x, noise }, &objective.recon).unwrap();
                let time = Time { step: optimizer.steps(), steps_per_epoch: steps };
                let value = objective.value(&pass, time, Control::Fixed).unwrap();
                let gradients = pass.tape.gradients(&value.loss.backward().unwrap()).unwrap();
                optimizer.step_with(&gradients).unwrap();
                sums.add(&value.ledgers, n);
            }
            let train = sums.divided_by(TRAIN as f64);
            let row = 2 * epoch as usize - 1;
            close(train.objective(), number(row, 2), "train objective");
            close(train.canonical.get(Term::Recon).copied().unwrap(), number(row, 5), "train recon");
            close(train.canonical.get(Term::Kl).copied().unwrap(), number(row, 6), "train kl");
        }
        let all = Tensor::arange(0u32, TEST as u32, &Device::Cpu).unwrap();
        let x = pixels(&streams, "binarized.test", "images.test", &all);
        let noise = streams[&format!("noise.test.epoch.{epoch}")].clone();
        let pass = model.pass(&Batch { x, noise }, &objective.recon).unwrap();
        let averages = objective.averages(&pass).unwrap();
        let test = objective.ledgers(&averages, 128, Moment::as_written(Time::END)).unwrap();
        let row = 2 * epoch as usize;
        close(test.canonical.get(Term::Recon).copied().unwrap(), number(row, 5), "test recon");
        close(test.canonical.get(Term::Kl).copied().unwrap(), number(row, 6), "test kl");
    }
}

#[test]
fn a_run_on_grey_pixels_repeats_from_its_streams() {
    replays(&["--loss", "bce", "--init", "pytorch", "--output-bias", "data-mean"]);
}

#[test]
fn runs_on_drawn_pixels_repeat_from_their_streams() {
    replays(&["--loss", "bce", "--binarize", "dynamic", "--seed", "5"]);
    replays(&["--loss", "gaussian-learned", "--binarize", "static", "--init", "normal", "--train-size", "600"]);
}

#[test]
fn tensors_have_the_documented_names_shapes_and_types() {
    let world = World::new();
    world.run(&["--binarize", "dynamic"]).expect(0);
    let streams = export(&world);
    let expected = [
        ("initial.encoder.0.weight", DType::F32, vec![32, 784]),
        ("initial.decoder.1.bias", DType::F32, vec![784]),
        ("images.train", DType::U8, vec![TRAIN, 28, 28]),
        ("images.test", DType::U8, vec![TEST, 28, 28]),
        ("order.epoch.1", DType::U32, vec![TRAIN]),
        ("noise.train.epoch.2", DType::F32, vec![TRAIN, 4]),
        ("noise.test.epoch.0", DType::F32, vec![TEST, 4]),
        ("binarized.train.epoch.2", DType::U8, vec![TRAIN, 784]),
        ("binarized.test", DType::U8, vec![TEST, 784]),
    ];
    for (name, dtype, shape) in expected {
        assert_eq!((streams[name].dtype(), streams[name].dims()), (dtype, &shape[..]), "{name}");
    }
    // 10 parameters, 2 sets of images, the binary test images, 3 noises of the test images, 3 tensors for each epoch.
    assert_eq!(streams.len(), 10 + 2 + 1 + 3 + 2 * 3);
}

#[test]
fn what_would_be_too_large_is_refused_with_its_size_and_what_fits() {
    let world = World::new();
    world.run(&[]).expect(0);
    let run = world.only_run();
    let export = |size: &str, more: &[&str]| {
        let args = ["export", run.to_str().unwrap(), "--streams", "f.safetensors", "--max-size", size];
        world.vae_bench(&[&args[..], more].concat())
    };
    // The images take 627,200 bytes, the weights 207,... and each epoch 15,200.
    export("850000", &[]).expect(2).error_with(&["--max-size", "MiB", "--epochs"]);
    export("1000", &[]).expect(2).error_with(&["--max-size", "epoch 0 alone"]);
    assert!(!world.path().join("f.safetensors").exists());
    export("1MiB", &["--epochs", "1"]).expect(0);
    let written = std::fs::metadata(world.path().join("f.safetensors")).unwrap().len();
    assert!(written < 1 << 20, "{written}");
    export("1GiB", &["--epochs", "7"]).expect(2).error_with(&["--epochs 7", "2"]);
    let nowhere = ["export", run.to_str().unwrap(), "--streams", "no/such/place"];
    world.vae_bench(&nowhere).expect(1).error_with(&["no/such/place", "--streams"]);
}
