"""Loss functions in TensorFlow and Keras, written for this table in the styles of public code."""

import numpy as np
import tensorflow as tf
from tensorflow import keras


def keras_mean_bce_and_summed_kl(x, x_decoded_mean, z_mean, z_log_var):
    xent_loss = keras.losses.binary_crossentropy(x, x_decoded_mean)
    kl_loss = -0.5 * tf.reduce_sum(1 + z_log_var - tf.square(z_mean) - tf.exp(z_log_var), axis=-1)
    return tf.reduce_mean(xent_loss + kl_loss)


def keras_mean_bce_and_mean_kl(x, x_decoded_mean, z_mean, z_log_var):
    xent_loss = keras.losses.binary_crossentropy(x, x_decoded_mean)
    kl_loss = -0.5 * tf.reduce_mean(1 + z_log_var - tf.square(z_mean) - tf.exp(z_log_var), axis=-1)
    return xent_loss + kl_loss


def keras_original_dim(inputs, outputs, z_mean, z_log_var, original_dim=784):
    reconstruction_loss = keras.losses.mse(inputs, outputs) * original_dim
    kl_loss = 1 + z_log_var - tf.square(z_mean) - tf.exp(z_log_var)
    kl_loss = tf.reduce_sum(kl_loss, axis=-1) * -0.5
    return tf.reduce_mean(reconstruction_loss + kl_loss)


def keras_images(data, reconstruction, z_mean, z_log_var):
    reconstruction_loss = tf.reduce_mean(
        tf.reduce_sum(keras.losses.binary_crossentropy(data, reconstruction), axis=(1, 2)))
    kl_loss = -0.5 * (1 + z_log_var - tf.square(z_mean) - tf.exp(z_log_var))
    kl_loss = tf.reduce_mean(tf.reduce_sum(kl_loss, axis=1))
    return {"loss": reconstruction_loss + kl_loss, "reconstruction_loss": reconstruction_loss, "kl_loss": kl_loss}


def keras_images_mean_kl(data, reconstruction, z_mean, z_log_var):
    reconstruction_loss = tf.reduce_mean(keras.losses.binary_crossentropy(data, reconstruction)) * 28 * 28
    kl_loss = -0.5 * tf.reduce_mean(1 + z_log_var - tf.square(z_mean) - tf.exp(z_log_var))
    return reconstruction_loss + kl_loss


def by_hand_with_epsilon(x, y, mu, sigma):
    marginal = tf.reduce_sum(x * tf.math.log(y) + (1 - x) * tf.math.log(1 - y), 1)
    kl = 0.5 * tf.reduce_sum(tf.square(mu) + tf.square(sigma) - tf.math.log(1e-8 + tf.square(sigma)) - 1, 1)
    elbo = tf.reduce_mean(marginal) - tf.reduce_mean(kl)
    return -elbo


def log_normal_pdf(sample, mean, logvar, raxis=1):
    log2pi = tf.cast(tf.math.log(2.0 * np.pi), sample.dtype)
    return tf.reduce_sum(-0.5 * ((sample - mean) ** 2.0 * tf.exp(-logvar) + logvar + log2pi), axis=raxis)


def sampled_through_a_model(model, x):
    mean, logvar = model.encode(x)
    z = model.reparameterize(mean, logvar)
    x_logit = model.decode(z)
    cross_ent = tf.nn.sigmoid_cross_entropy_with_logits(logits=x_logit, labels=x)
    logpx_z = -tf.reduce_sum(cross_ent, axis=[1, 2, 3])
    logpz = log_normal_pdf(z, tf.zeros_like(z), tf.zeros_like(z))
    logqz_x = log_normal_pdf(z, mean, logvar)
    return -tf.reduce_mean(logpx_z + logpz - logqz_x)


def batch_sum_beside_batch_mean(x, logits, mean, stddev):
    """The remedy against collapse that makes beta 1/B."""
    recon = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits))
    kl = 0.5 * tf.reduce_sum(tf.square(mean) + tf.square(stddev) - tf.math.log(tf.square(stddev)) - 1, 1)
    return recon + tf.reduce_mean(kl)


def free_nats_on_the_total(y, x, mu, logvar, kl_tolerance=0.5):
    r_loss = tf.reduce_mean(tf.reduce_sum(tf.square(x - y), axis=1))
    kl_loss = -0.5 * tf.reduce_sum(1 + logvar - tf.square(mu) - tf.exp(logvar), axis=1)
    kl_loss = tf.maximum(kl_loss, kl_tolerance * tf.cast(tf.shape(mu)[1], kl_loss.dtype))
    return r_loss + tf.reduce_mean(kl_loss)


def half_exponent_and_beta(target, y_pred, mu, log_var, beta=5.0):
    recon = tf.reduce_mean(keras.losses.binary_crossentropy(target, y_pred)) * 784
    kl = -0.5 * (1 + log_var - tf.square(mu) - tf.exp(0.5 * log_var))
    return recon + beta * tf.reduce_mean(kl)


class Trainer(keras.Model):
    """A model whose loss is a method and whose weight is an attribute."""

    def vae_loss(self, x, x_hat, mu, log_var):
        mse = tf.reduce_mean(tf.square(x - x_hat))
        kl = -0.5 * tf.reduce_sum(1 + log_var - tf.square(mu) - tf.exp(log_var), axis=1)
        return mse + self.kl_weight * tf.reduce_mean(kl)
