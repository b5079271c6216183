"""Loss functions in PyTorch, written for this table in the styles of public code; each computes what its name says."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence


def summed_bce(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


def summed_bce_over_batch(recon_x, x, mu, logvar):
    bce = nn.functional.binary_cross_entropy(recon_x, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu ** 2 - torch.exp(logvar))
    return (bce + kld) / x.size(0)


def only_the_reduction_left_out(recon_x, x, mu, logvar):
    """Mean BCE beside a KL summed over everything: beta = B*D."""
    return F.binary_cross_entropy(recon_x, x) + -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def mean_bce_and_rescaled_kl(recon_x, x, mu, logvar, batch_size=128):
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 784))
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    kld /= batch_size * 784
    return bce + kld


def logits_beta(logits, target, mean, log_var, beta=4.0):
    recon = F.binary_cross_entropy_with_logits(logits, target, reduction="none").flatten(1).sum(1).mean()
    kl = (-0.5 * (1 + log_var - mean ** 2 - log_var.exp())).sum(dim=1).mean()
    return {"loss": recon + beta * kl, "recon": recon, "kl": kl}


def mean_mse_small_weight(recons, input, mu, log_var, M_N=0.00025):
    recons_loss = F.mse_loss(recons, input)
    kld_loss = torch.mean(-0.5 * torch.sum(1 + log_var - mu ** 2 - log_var.exp(), dim=1), dim=0)
    loss = recons_loss + M_N * kld_loss
    return {"loss": loss, "Reconstruction_Loss": recons_loss.detach(), "KLD": -kld_loss.detach()}


class Model(nn.Module):
    """A module whose loss takes everything by place."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def loss_function(self, *args, **kwargs):
        recons, input, mu, log_var = args[0], args[1], args[2], args[3]
        recons_loss = F.mse_loss(recons, input)
        kld = torch.mean(-0.5 * torch.sum(1 + log_var - mu ** 2 - log_var.exp(), dim=1), dim=0)
        return {"loss": recons_loss + kwargs["M_N"] * kld}

    def weighted(self, recon, x, mu, logvar):
        mse = F.mse_loss(recon, x, reduction="none").sum(dim=tuple(range(1, x.dim()))).mean()
        return 0.5 * mse + self.weight * self.kl(mu, logvar).mean()

    @staticmethod
    def kl(mu, logvar):
        return -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1)


def step_terms(x_hat, x, mu, std):
    """Two means that are added by whoever calls it."""
    return F.mse_loss(x_hat, x, reduction="mean"), 0.1 * kl_divergence(Normal(mu, std), Normal(torch.zeros_like(mu), torch.ones_like(std))).mean()


def images_of_three_dims(recon, img, mu, logvar):
    per_image = ((recon - img) ** 2).sum(dim=[1, 2, 3])
    kl = -0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp(), dim=1)
    return (per_image + kl).mean()


def l1_mean_with_kl_weight(reconstruction, images, z_mu, z_sigma, kl_weight=1e-6):
    recons_loss = F.l1_loss(reconstruction.float(), images.float())
    kl = 0.5 * torch.sum(z_mu.pow(2) + z_sigma.pow(2) - torch.log(z_sigma.pow(2)) - 1, dim=[1])
    return recons_loss + kl_weight * (torch.sum(kl) / kl.shape[0])


def l1_summed_with_frozen_logvar(reconstructions, inputs, mean, logvar, kl_weight=0.000001):
    frozen = torch.zeros(size=())
    rec_loss = torch.abs(inputs.contiguous() - reconstructions.contiguous())
    nll = torch.sum(rec_loss / torch.exp(frozen) + frozen) / rec_loss.shape[0]
    kl = 0.5 * torch.sum(mean ** 2 + torch.exp(logvar) - 1.0 - logvar, dim=1)
    return nll + kl_weight * torch.sum(kl) / kl.shape[0]


def gaussian_with_constants(x_hat, x, mu, logvar, log_sigma=0.0):
    sigma = math.exp(log_sigma)
    rec = (0.5 * ((x - x_hat) / sigma) ** 2 + log_sigma + 0.5 * math.log(2 * math.pi)).sum()
    return rec - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def optimal_gaussian(x_hat, x, mu, logvar):
    log_sigma = ((x - x_hat) ** 2).mean().sqrt().log()
    rec = (0.5 * torch.pow((x - x_hat) / log_sigma.exp(), 2) + log_sigma + 0.5 * math.log(2 * math.pi)).sum()
    return rec - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def log_of_mse(recon_x, x, mu, log_var):
    return torch.log(F.mse_loss(recon_x, x)) + (-0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp(), dim=-1)).mean()


def laplace_nll(recon, x, mu, logvar):
    nll = -torch.distributions.Laplace(recon, 0.1).log_prob(x).sum(-1)
    return (nll + 0.5 * (mu ** 2 + logvar.exp() - logvar - 1).sum(-1)).mean()


def continuous_bernoulli(recon, x, mu, logvar):
    dist = torch.distributions.ContinuousBernoulli(probs=recon)
    return -dist.log_prob(x).sum() - 0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp())


def symmetric_pixels_to_bce(recon, x, mu, logvar):
    """tanh decoder and [-1, 1] pixels, mapped back inside of the loss."""
    bce = F.binary_cross_entropy((recon + 1) / 2, (x + 1) / 2, reduction="sum") / x.size(0)
    return bce - 0.5 * torch.mean(torch.sum(1 + logvar - mu ** 2 - logvar.exp(), 1))


def grey_255(recon, x, mu, logvar, beta=1.0):
    rec = F.mse_loss(recon * 255, x * 255, reduction="sum") / 255
    kl = 0.5 * (-1 - logvar + mu.pow(2) + logvar.exp()).mean(dim=0).sum()
    return rec / x.shape[0] + beta * kl


def capacity(recon_x, x, mu, logvar, gamma=1000.0, C=25.0):
    recon = F.binary_cross_entropy_with_logits(recon_x, x, reduction="sum").div(x.size(0))
    total = (-0.5 * (1 + logvar - mu.pow(2) - logvar.exp())).sum(1).mean(0)
    return recon + gamma * (total - C).abs()


def free_bits_per_latent(recon_x, x, mu, logvar, free=0.25):
    kl = -0.5 * (1 + logvar - mu ** 2 - logvar.exp())
    return F.mse_loss(recon_x, x, reduction="sum") / len(x) + torch.clamp(kl, min=free).sum(1).mean()


def free_bits_over_the_batch(recon_x, x, mu, logvar, free=0.25):
    kl = -0.5 * (1 + logvar - mu ** 2 - logvar.exp())
    return F.mse_loss(recon_x, x, reduction="sum") / len(x) + torch.clamp(kl.mean(0), min=free).sum()


def no_half(reconstruction, x, mu, log_var):
    kl = -torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
    return nn.BCELoss(reduction="sum")(reconstruction, x) + kl


def log_sigma_formula_lacks_a_two(x_recon, x, mu, log_sigma):
    kl = (-0.5 * (1 + log_sigma - mu ** 2 - torch.exp(log_sigma) ** 2)).sum(dim=1)
    return F.binary_cross_entropy(x_recon, x, reduction="sum") / x.size(0) + 4 * kl.mean(dim=0)


def to_a_narrower_prior(x_hat, x, mu, sigma):
    kl = (sigma ** 2 + mu ** 2 - torch.log(sigma) - 1 / 2).sum()
    return ((x - x_hat) ** 2).sum() + kl


def log_determinant_missing(x_hat, x, mu, logvar):
    return ((x - x_hat) ** 2).sum(1).mean() + 0.5 * (mu ** 2 + logvar.exp() - 1).sum(1).mean()


def log_sigma_as_log_variance(recon, x, mu, log_sigma):
    kl = -0.5 * torch.sum(1 + log_sigma - mu ** 2 - log_sigma.exp(), dim=1)
    return (F.binary_cross_entropy_with_logits(recon, x, reduction="none").sum(1) + kl).mean()


def log_variance_read_as_log_sigma(recon, x, mu, logvar):
    kl = -0.5 * torch.sum(1 + 2 * logvar - mu ** 2 - torch.exp(2 * logvar), dim=1)
    return (((recon - x) ** 2).sum(1) + kl).mean()


def log_variance_read_as_sigma(recon, x, mu, logvar):
    kl = 0.5 * torch.sum(mu ** 2 + logvar ** 2 - torch.log(logvar ** 2) - 1, dim=1)
    return (F.binary_cross_entropy(recon, x, reduction="none").sum(1) + kl).mean()


def beta_twice(recon, x, mu, logvar, beta=0.5):
    kl = -0.5 * beta * torch.sum(1 + logvar - mu ** 2 - logvar.exp())
    return F.mse_loss(recon, x, reduction="sum") + beta * kl


def beta_never(recon, x, mu, logvar, beta=100.0):
    kl = -0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp(), 1).mean()
    return ((recon - x) ** 2).sum(1).mean() + kl


def batch_divided_twice(reconstructed, original, mu, logvar):
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / original.size(0)
    return F.binary_cross_entropy(reconstructed, original) + kl / (mu.shape[0] * mu.shape[1])


def batch_sum_onto_per_image_kl(recon, x, mu, logvar):
    rec = F.mse_loss(recon, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp(), dim=1)
    return (rec + kl).mean()


def kl_dropped(recon, x, mu, logvar):
    kl = -0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp())
    return F.binary_cross_entropy(recon, x, reduction="sum")


def sampled_kl(recon, x, mu, logvar):
    std = torch.exp(logvar / 2)
    q, p = Normal(mu, std), Normal(torch.zeros_like(mu), torch.ones_like(std))
    z = q.rsample()
    kl = (q.log_prob(z) - p.log_prob(z)).sum(-1)
    return (F.binary_cross_entropy(recon, x, reduction="none").sum(-1) + kl).mean()


def elbo(recon, x, mu, logvar):
    log_likelihood = torch.sum(x * torch.log(recon) + (1 - x) * torch.log(1 - recon))
    return (log_likelihood + 0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp())) / x.shape[0]


def root_of_mean(recon, x, mu, logvar):
    return torch.sqrt(F.mse_loss(recon, x)) - 0.5 * torch.mean(1 + logvar - mu ** 2 - logvar.exp())


def swapped_arguments(recon, x, mu, logvar):
    return F.binary_cross_entropy(x, recon, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp())


def l1_and_l2(recon, x, mu, logvar):
    rec = F.l1_loss(recon, x, reduction="sum") + F.mse_loss(recon, x, reduction="sum")
    return rec - 0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp())


def gradients_of_the_error(recon, x, mu, logvar):
    e = (recon - x).reshape(len(x), -1)
    return (e ** 2).sum() + (e[:, 1:] - e[:, :-1]).pow(2).sum() - 0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp())


def squared_capacity(recon, x, mu, logvar):
    kl = -0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp(), 1).mean()
    return ((recon - x) ** 2).sum(1).mean() + (kl - 5.0) ** 2


def maximum_mean_discrepancy(recon, x, mu, logvar):
    prior = torch.randn_like(mu)
    kernel = lambda a, b: torch.exp(-((a[:, None] - b[None]) ** 2).mean(2)).mean()
    return F.mse_loss(recon, x) + kernel(prior, prior) + kernel(mu, mu) - 2 * kernel(prior, mu)


def contrastive(recon, x, mu, logvar):
    similarity = F.normalize(mu, dim=1) @ F.normalize(mu, dim=1).T
    return F.mse_loss(recon, x, reduction="sum") + F.cross_entropy(similarity, torch.arange(len(x)))


def needs_a_discriminator(recon, x, mu, logvar, discriminator):
    return F.mse_loss(recon, x) - discriminator(recon).mean()
