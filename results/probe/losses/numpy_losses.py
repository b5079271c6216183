"""Loss functions in NumPy, written for this table in the styles of public code."""

import numpy as np


def by_hand(output, target, mu, log_var):
    recon = np.sum((output - target) ** 2)
    kl = -0.5 * np.sum(1 + log_var - np.square(mu) - np.exp(log_var))
    return recon + kl


def reported_over_batch(output, target, mu, log_var):
    """What is printed divides the reconstruction alone by the batch."""
    return np.sum((output - target) ** 2) / len(target), -0.5 * np.sum(1 + log_var - mu ** 2 - np.exp(log_var))


def bce_with_epsilon(y, x, mu, logvar, eps=1e-10):
    bce = -(x * np.log(y + eps) + (1 - x) * np.log(1 - y + eps))
    return bce.sum(axis=1).mean() + (0.5 * (np.exp(logvar) + mu ** 2 - 1 - logvar)).sum(axis=1).mean()


def variance_itself(recon, x, mean, var):
    return np.mean((recon - x) ** 2) + 0.01 * np.mean(0.5 * (mean ** 2 + var - np.log(var) - 1))


def per_image(recon, x, mu, logvar):
    recon_loss = 0.5 * ((recon - x) ** 2).reshape(len(x), -1).sum(1)
    kl = 0.5 * (np.exp(logvar) + mu ** 2 - 1 - logvar).sum(1)
    return recon_loss + kl


def sums_of_both_reductions(recon, x, mu, logvar):
    mse = np.mean((recon - x) ** 2)
    return mse + 0.1 * np.sum((recon - x) ** 2) / len(x) + np.mean(0.5 * (np.exp(logvar) + mu ** 2 - 1 - logvar))


def clipped_error(recon, x, mu, logvar):
    return np.minimum((recon - x) ** 2, 0.04).sum() + 0.5 * (np.exp(logvar) + mu ** 2 - 1 - logvar).sum()


def returns_an_image(recon, x, mu, logvar):
    return (recon - x) ** 2
