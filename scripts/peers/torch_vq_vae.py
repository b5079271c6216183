"""The default VQ-VAE of vae-bench in PyTorch, for scripts/bench_vq_peers.sh to time.

Eager, with the fused Adam, as torch_vae.py. The search for the nearest entry is one product. Prints `epoch,seconds,loss` for each
epoch. The loss is the average of R + N ln K over the epoch, in nats per image, which shows that both learn the same thing.

    torch_vq_vae.py --data MNIST_DIR [--epochs 10] [--threads N] [--seed 1]
"""

import math
import time

import torch
from torch import nn
from torch.nn import functional

from flags import arguments
from mnist import train_images

BATCH = 128
CODES, DIM, ENTRIES = 10, 16, 64

args = arguments(__doc__)

if args.threads:
    torch.set_num_threads(args.threads)
torch.manual_seed(args.seed)
images = torch.from_numpy(train_images(args.data))


class VqVae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, CODES * DIM))
        self.decoder = nn.Sequential(nn.Linear(CODES * DIM, 400), nn.ReLU(), nn.Linear(400, 784))
        self.entries = nn.Parameter(torch.empty(ENTRIES, DIM).uniform_(-1 / ENTRIES, 1 / ENTRIES))

    def summed_losses(self, x):
        z = self.encoder(x).view(-1, DIM)
        with torch.no_grad():
            nearest = (self.entries.square().sum(1) - 2 * z @ self.entries.t()).argmin(1)
        e = self.entries[nearest]
        codebook = functional.mse_loss(e, z.detach(), reduction="sum")
        commitment = functional.mse_loss(z, e.detach(), reduction="sum")
        logits = self.decoder((z + (e - z).detach()).view(len(x), CODES * DIM))
        recon = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return recon, codebook + 0.25 * commitment


model = VqVae()
adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
for epoch in range(1, args.epochs + 1):
    start = time.perf_counter()
    total = 0.0
    for rows in torch.randperm(len(images)).split(BATCH):
        adam.zero_grad()
        recon, gap = model.summed_losses(images[rows])
        ((recon + gap) / len(rows)).backward()
        adam.step()
        total += recon.item()
    bound = total / len(images) + CODES * math.log(ENTRIES)
    print(f"{epoch},{time.perf_counter() - start:.6f},{bound:.4f}", flush=True)
