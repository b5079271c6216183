//! Data sets through the real binary: sizes and contents that must be refused before a run starts.

mod support;

use std::path::Path;

use support::World;
use vae_bench::data::idx::{IdxFile, Kind};

/// Four IDX files in `dir`, `n` training and `n` test images of `height` x `width`, byte `i` being `byte(i)`.
fn write(dir: &Path, n: usize, (height, width): (usize, usize), byte: impl Fn(usize) -> u8) {
    std::fs::create_dir_all(dir).unwrap();
    let content: Vec<u8> = (0..n * height * width).map(byte).collect();
    for prefix in ["train", "t10k"] {
        let images = IdxFile::build(Kind::Images, &[n, height, width], &content);
        let labels = IdxFile::build(Kind::Labels, &[n], &vec![0; n]);
        std::fs::write(dir.join(format!("{prefix}-images-idx3-ubyte")), images.bytes()).unwrap();
        std::fs::write(dir.join(format!("{prefix}-labels-idx1-ubyte")), labels.bytes()).unwrap();
    }
}

#[test]
fn constant_images_with_a_weight_of_1_over_their_variance_are_refused_before_the_run() {
    let world = World::new();
    for (name, byte) in [("black", 0), ("grey", 100), ("white", 255)] {
        write(&world.path().join(name), 20, (5, 5), |_| byte);
        let args = ["--data-dir", name, "--loss", "mse", "--recon-weight", "1/data-variance"];
        world.run(&args).expect(3).error_with(&["one value", "1/data-variance"]);
        assert!(world.runs().iter().all(|run| !run.join("run.json").exists()), "{name} left a record");
        let explain = [&["explain", "--data", "idx"], &args[..]].concat();
        world.vae_bench(&explain).expect(3).error_with(&["one value"]);
        // Without that weight they are as good as any.
        world.run(&["--data-dir", name, "--loss", "mse", "--out", "fine"]).expect(0);
    }
}

#[test]
fn images_of_300_by_300_are_explained_and_larger_matrices_refused_with_the_figure() {
    let world = World::new();
    write(&world.path().join("large"), 10, (300, 300), |i| (i * 7 % 241) as u8);
    let explain = ["explain", "--data", "idx", "--data-dir", "large", "--loss", "mse"];
    world.vae_bench(&explain).expect(0);
    let drawn = [&explain[..], &["--binarize", "dynamic"]].concat();
    world.vae_bench(&drawn).expect(3).error_with(&["90000 x 90000", "64.8 GB", "4096"]);
}

#[test]
fn images_beyond_a_million_pixels_are_refused_by_their_header() {
    let world = World::new();
    write(&world.path().join("huge"), 2, (1025, 1024), |_| 1);
    let args = ["data", "info", "--data", "idx", "--data-dir", "huge"];
    world.vae_bench(&args).expect(3).error_with(&["images-idx3-ubyte", "bytes 8-15", "1049600 pixels", "1048576"]);
    write(&world.path().join("largest"), 2, (1024, 1024), |i| i as u8);
    world.vae_bench(&["data", "info", "--data", "idx", "--data-dir", "largest"]).expect(0);
}

#[test]
fn data_info_measures_the_mean_training_image_on_both_splits() {
    let world = World::new();
    let dir = world.path().join("two");
    write(&dir, 2, (1, 1), |i| if i == 0 { 255 } else { 51 });
    // The test images are others: 0 and 0.2 against a training mean of 0.6.
    let test = IdxFile::build(Kind::Images, &[2, 1, 1], &[0, 51]);
    std::fs::write(dir.join("t10k-images-idx3-ubyte"), test.bytes()).unwrap();
    let info = world.vae_bench(&["data", "info", "--data", "idx", "--data-dir", "two"]).expect(0).stdout;
    // S: (0.4^2 + 0.4^2)/2 on the training, (0.6^2 + 0.4^2)/2 on the test images.
    // BCE there: -0.1 ln 0.6 - 0.9 ln 0.4 = 0.87574.
    assert!(info.contains("S 0.160 here") && info.contains("BCE 0.876 and S 0.260 here"), "{info}");
}

#[test]
fn data_commands_take_the_name_of_a_known_data_set() {
    let world = World::new();
    world.vae_bench(&["data", "verify", "mnist", "--data-dir", "data"]).expect(3).error_with(&["not MNIST's"]);
    world.vae_bench(&["data", "verify", "letters"]).expect(2).error_with(&["letters", "mnist"]);
    world.vae_bench(&["data", "fetch", "letters"]).expect(2).error_with(&["letters", "mnist"]);
}

#[test]
fn digits_are_not_taken_for_fashion_mnist() {
    let world = World::new();
    let refused = world.vae_bench(&["--data", "fashion-mnist", "--data-dir", "data"]).expect(3);
    assert!(refused.stderr.contains("Fashion-MNIST") && refused.stderr.contains("--data idx"), "{}", refused.stderr);
}
