"""The default model of vae-bench in JAX, for scripts/bench_peers.sh and scripts/bench_sweep.sh to time.

A whole epoch is one XLA program (lax.scan over the batches, buffers donated), the fastest way to train it in JAX on a
processor. Prints `epoch,seconds,loss` for each epoch; the first includes the compilation. The loss is the average of
R + K over the epoch, in nats an image, which shows that all peers learn the same thing.

With --seeds N the models of N seeds are trained side by side (vmap), and the loss is their mean.

    jax_vae.py --data MNIST_DIR [--epochs 10] [--threads N] [--seed 1] [--seeds 1]
"""

import functools
import os
import time

from flags import arguments

args = arguments(__doc__, side_by_side=True)

# XLA starts a thread for every processor it may run on and has no flag for another number, so this must come first.
if args.threads:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import optax

from mnist import train_images

BATCH = 128
LAYERS = {"encoder": (784, 400), "mean": (400, 20), "logvar": (400, 20), "hidden": (20, 400), "decoder": (400, 784)}

images = jnp.asarray(train_images(args.data))
adam = optax.adam(1e-3)


def initial_parameters(key):
    """Uniform within 1/sqrt(inputs), weights and biases: PyTorch's default."""
    parameters = {}
    for name, (inputs, outputs) in LAYERS.items():
        key, for_weight, for_bias = jax.random.split(key, 3)
        bound = inputs**-0.5
        parameters[name] = {
            "weight": jax.random.uniform(for_weight, (inputs, outputs), minval=-bound, maxval=bound),
            "bias": jax.random.uniform(for_bias, (outputs,), minval=-bound, maxval=bound),
        }
    return parameters


def summed_loss(parameters, x, key):
    def dense(name, inputs):
        return inputs @ parameters[name]["weight"] + parameters[name]["bias"]

    h = jax.nn.relu(dense("encoder", x))
    mean, logvar = dense("mean", h), dense("logvar", h)
    z = mean + jnp.exp(logvar / 2) * jax.random.normal(key, mean.shape)
    logits = dense("decoder", jax.nn.relu(dense("hidden", z)))
    recon = optax.sigmoid_binary_cross_entropy(logits, x).sum()
    kl = (mean**2 + jnp.exp(logvar) - 1 - logvar).sum() / 2
    return recon + kl


def train_step(images, state, rows):
    parameters, moments, key, total = state
    key, for_noise = jax.random.split(key)
    loss, gradients = jax.value_and_grad(summed_loss)(parameters, images[rows], for_noise)
    updates, moments = adam.update(gradients, moments, parameters)
    return (optax.apply_updates(parameters, updates), moments, key, total + loss), None


def train_epoch(images, parameters, moments, key):
    key, for_order = jax.random.split(key)
    order = jax.random.permutation(for_order, len(images))
    full = len(images) // BATCH * BATCH
    step = functools.partial(train_step, images)
    state, _ = jax.lax.scan(step, (parameters, moments, key, 0.0), order[:full].reshape(-1, BATCH))
    # The short last batch has a shape of its own, which a scan cannot hold.
    if full < len(images):
        state, _ = step(state, order[full:])
    return state


def untrained(seed):
    key, for_init = jax.random.split(jax.random.PRNGKey(seed))
    parameters = initial_parameters(for_init)
    return parameters, adam.init(parameters), key


if args.seeds == 1:
    parameters, moments, key = untrained(args.seed)
else:
    parameters, moments, key = jax.vmap(untrained)(jnp.arange(args.seed, args.seed + args.seeds))
    train_epoch = jax.vmap(train_epoch, in_axes=(None, 0, 0, 0))
# The images are an argument: as a constant of the program, XLA would spend the compilation looking at them.
train_epoch = jax.jit(train_epoch, donate_argnums=(1, 2))
for epoch in range(1, args.epochs + 1):
    start = time.perf_counter()
    parameters, moments, key, total = train_epoch(images, parameters, moments, key)
    loss = float(total.mean()) / len(images)  # waits for the epoch
    print(f"{epoch},{time.perf_counter() - start:.6f},{loss:.4f}", flush=True)
