"""Loss functions in JAX, written for this table in the styles of public code."""

import jax
import jax.numpy as jnp


@jax.vmap
def kl_divergence(mean, logvar):
    return -0.5 * jnp.sum(1 + logvar - jnp.square(mean) - jnp.exp(logvar))


@jax.vmap
def binary_cross_entropy_with_logits(logits, labels):
    logits = jax.nn.log_sigmoid(logits)
    return -jnp.sum(labels * logits + (1.0 - labels) * jnp.log(-jnp.expm1(logits)))


def compute_metrics(recon_x, x, mean, logvar):
    bce = binary_cross_entropy_with_logits(recon_x, x).mean()
    kld = kl_divergence(mean, logvar).mean()
    return {"bce": bce, "kld": kld, "loss": bce + kld}


@jax.jit
def mean_logits_and_mean_kl(logits, x, mu, logvar, beta=0.5):
    softplus = jax.nn.softplus(logits)
    recon = jnp.mean(softplus - x * logits)
    return recon + beta * jnp.mean(0.5 * (jnp.exp(logvar) + mu**2 - 1.0 - logvar))


def sampled_sum(rng, recon, x, mu, sigma):
    z = mu + sigma * jax.random.normal(rng, mu.shape, mu.dtype)
    log_q = jax.scipy.stats.norm.logpdf(z, mu, sigma).sum()
    log_p = jax.scipy.stats.norm.logpdf(z).sum()
    log_likelihood = jnp.sum(x * jnp.log(recon) + (1 - x) * jnp.log1p(-recon))
    return -(log_likelihood + log_p - log_q)


def squared_error_summed(x_hat, x, mu, log_std):
    recon = 0.5 * jnp.sum((x_hat - x) ** 2)
    kl = jnp.sum(-log_std + 0.5 * (jnp.exp(2 * log_std) + mu**2) - 0.5)
    return (recon + kl) / x.shape[0]


def mean_square_and_summed_kl(recon, images, mu, logvar):
    return jnp.mean((recon - images) ** 2) - 0.5 * jnp.sum(1 + logvar - mu**2 - jnp.exp(logvar))


def gaussian_of_sigma(recon, x, mu, logvar, sigma=0.1):
    log_prob = jax.scipy.stats.norm.logpdf(x, recon, sigma).reshape(x.shape[0], -1).sum(-1)
    return jnp.mean(-log_prob + kl_divergence(mu, logvar))


def softplus_sigma(recon, x, mu, scale):
    sigma = jax.nn.softplus(scale)
    kl = 0.5 * (mu**2 + sigma**2 - 2 * jnp.log(sigma) - 1)
    return jnp.abs(recon - x).sum(-1).mean() + kl.sum(-1).mean()


def saturating_penalty(recon, x, mu, logvar):
    return jnp.mean(jnp.sum((recon - x) ** 2, -1)) + jnp.mean(jnp.sum(jnp.tanh(mu**2 + logvar**2), -1))
