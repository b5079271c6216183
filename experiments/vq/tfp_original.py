"""tensorflow/probability's own examples/vq_vae.py (05fd85e) run as published, and measured on all test images.

    git clone https://github.com/tensorflow/probability && cd probability
    git show 05fd85e:tensorflow_probability/examples/vq_vae.py >/tmp/vq_vae.py
    VAE_BENCH_DATA_DIR=DIR python experiments/vq/tfp_original.py /tmp/vq_vae.py >results/vq/tfp-original.csv

Needs tensorflow, tf-keras and tensorflow-probability. That file was written for TensorFlow 1.9: its names are found under
tensorflow.compat.v1, its MNIST reader is replaced by one of local files (all training images but the first 5,000, in their order, as
its own reader kept them), its pictures are not drawn, and its held-out images are the 10,000 test images. Network, loss, codebook,
optimiser and training loop are its own.
"""

import argparse
import contextlib
import gzip
import os
import sys
import tempfile
import types

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
tf.logging.set_verbosity(tf.logging.ERROR)


def idx(name, header):
    path = os.path.join(os.environ["VAE_BENCH_DATA_DIR"], name)
    opened = open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")
    with opened as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


def split(name, images):
    pixels = idx(f"{name}-images-idx3-ubyte", 16).reshape(-1, 784)[-images:].astype(np.float32) / 255
    return types.SimpleNamespace(images=pixels, labels=idx(f"{name}-labels-idx1-ubyte", 8)[-images:], num_examples=images)


def read_data_sets(_directory):
    return types.SimpleNamespace(train=split("train", 55000), validation=split("t10k", 10000))


def example(path):
    """The module of the example, with today's names for what has moved."""
    with open(path) as file:
        source = file.read()
    for old, new in [
        ("import tensorflow as tf\n", "import tensorflow.compat.v1 as tf\n"),
        ("from tensorflow.contrib.learn.python.learn.datasets import mnist\n", ""),
        ("from matplotlib import cm\nfrom matplotlib import figure\nfrom matplotlib.backends import backend_agg\n", ""),
    ]:
        if old not in source:
            sys.exit(f"{path} is not examples/vq_vae.py of 05fd85e: it has no line {old.splitlines()[0]!r}")
        source = source.replace(old, new)
    module = types.ModuleType("tfp_example")
    module.mnist = types.SimpleNamespace(read_data_sets=read_data_sets)
    exec(compile(source, path, "exec"), module.__dict__)
    return module


def measured(module, seen):
    """Hooks onto the example: `seen` gets the held-out images' mean NLL, mean squared distance and codes, and gives the seed."""
    make, pipeline, quantize = module.make_vq_vae, module.build_input_pipeline, module.VectorQuantizer.__call__

    def build_input_pipeline(*args):
        tf.set_random_seed(seen["seed"])
        built = pipeline(*args)
        seen["handle"], seen["heldout"] = built[2], built[4]
        return built

    def quantize_and_keep(self, codes):
        entries, one_hot = quantize(self, codes)
        seen["distance"] = tf.reduce_mean(tf.reduce_sum(tf.square(codes - entries), axis=[1, 2]))
        seen["codes"] = tf.argmax(one_hot[:, 0, :], axis=1)
        return entries, one_hot

    def make_vq_vae(images, *args):
        loss, distribution = make(images, *args)
        seen["nll"] = -tf.reduce_mean(distribution.log_prob(images))
        return loss, distribution

    def visualize_training(*_args, prefix, **_kwargs):
        if prefix.endswith("_validation"):
            session = tf.get_default_session()
            held_out = {seen["handle"]: session.run(seen["heldout"].string_handle())}
            seen["result"] = session.run([seen["nll"], seen["distance"], seen["codes"]], feed_dict=held_out)

    module.make_vq_vae, module.build_input_pipeline = make_vq_vae, build_input_pipeline
    module.VectorQuantizer.__call__, module.visualize_training = quantize_and_keep, visualize_training


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=10000)
    args = parser.parse_args()
    module, seen = example(args.file), {}
    measured(module, seen)
    print("seed,steps,recon,code_distance,perplexity,codes_used")
    for seed in args.seeds:
        seen["seed"] = seed
        with tempfile.TemporaryDirectory() as directory, open(os.devnull, "w") as quiet:
            module.FLAGS.unparse_flags()
            module.FLAGS(["", f"--max_steps={args.steps}", f"--viz_steps={args.steps}", f"--model_dir={directory}"])
            # Its main turns these three into lists and a function.
            module.FLAGS.encoder_layers, module.FLAGS.decoder_layers = "256,128", "128,256"
            module.FLAGS.activation = "elu"
            with contextlib.redirect_stdout(quiet):
                module.main([])
        nll, distance, codes = seen["result"]
        share = np.bincount(codes) / len(codes)
        used = share[share > 0]
        print(seed, args.steps, nll, distance, float(np.exp(-(used * np.log(used)).sum())), len(used), sep=",", flush=True)


if __name__ == "__main__":
    main()
