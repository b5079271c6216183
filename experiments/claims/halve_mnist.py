"""Writes MNIST at half its height and width: halve_mnist.py MNIST_DIR OUT_DIR. Averages of 2 x 2 pixels, IDX files."""
import gzip
import pathlib
import struct
import sys

source, out = map(pathlib.Path, sys.argv[1:])
out.mkdir(parents=True, exist_ok=True)


def read(name):
    path = source / name
    return path.read_bytes() if path.exists() else gzip.decompress((source / f"{name}.gz").read_bytes())


for split in ("train", "t10k"):
    (out / f"{split}-labels-idx1-ubyte").write_bytes(read(f"{split}-labels-idx1-ubyte"))
    data = read(f"{split}-images-idx3-ubyte")
    _, count, height, width = struct.unpack(">4I", data[:16])
    pixels = data[16:]
    halved = bytearray()
    for start in range(0, len(pixels), 2 * width):
        upper, lower = pixels[start:start + width], pixels[start + width:start + 2 * width]
        for i in range(0, width, 2):
            halved.append((upper[i] + upper[i + 1] + lower[i] + lower[i + 1] + 2) // 4)
    header = struct.pack(">4I", 2051, count, height // 2, width // 2)
    (out / f"{split}-images-idx3-ubyte").write_bytes(header + bytes(halved))
