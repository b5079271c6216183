"""The default model of vae-bench in PyTorch, for scripts/bench_peers.sh to time.

Eager, with the fused Adam: on a processor the fastest of eager, fused and torch.compile for this model. Prints
`epoch,seconds,loss` for each epoch. The loss is the average of R + K over the epoch, in nats an image, which shows that
all peers learn the same thing.

    torch_vae.py --data MNIST_DIR [--epochs 10] [--threads N] [--seed 1]
"""

import time

import torch
from torch import nn
from torch.nn import functional

from flags import arguments
from mnist import train_images

BATCH = 128

args = arguments(__doc__)

if args.threads:
    torch.set_num_threads(args.threads)
torch.manual_seed(args.seed)
images = torch.from_numpy(train_images(args.data))


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(784, 400)
        self.mean = nn.Linear(400, 20)
        self.logvar = nn.Linear(400, 20)
        self.hidden = nn.Linear(20, 400)
        self.decoder = nn.Linear(400, 784)

    def summed_loss(self, x):
        h = functional.relu(self.encoder(x))
        mean, logvar = self.mean(h), self.logvar(h)
        z = mean + (logvar / 2).exp() * torch.randn_like(mean)
        logits = self.decoder(functional.relu(self.hidden(z)))
        recon = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = (mean.square() + logvar.exp() - 1 - logvar).sum() / 2
        return recon + kl


vae = Vae()
adam = torch.optim.Adam(vae.parameters(), lr=1e-3, fused=True)
for epoch in range(1, args.epochs + 1):
    start = time.perf_counter()
    total = 0.0
    for rows in torch.randperm(len(images)).split(BATCH):
        adam.zero_grad()
        loss = vae.summed_loss(images[rows])
        loss.backward()
        adam.step()
        total += loss.item()
    print(f"{epoch},{time.perf_counter() - start:.6f},{total / len(images):.4f}", flush=True)
