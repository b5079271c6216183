"""MNIST's training images for the peers."""

import gzip
import pathlib

import numpy as np


def train_images(folder):
    """Rows of 784 greys in [0, 1], from the IDX file, packed or not."""
    path = pathlib.Path(folder) / "train-images-idx3-ubyte"
    packed = path.with_name(path.name + ".gz")
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    return np.frombuffer(data, np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255
