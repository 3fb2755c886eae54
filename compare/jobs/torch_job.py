#!/usr/bin/env python3
"""PyTorch's job. Forms: eager; channels_last (with the fused Adam); compile (torch.compile of forward and loss);
autocast (bf16, in channels_last with the fused Adam)."""
import contextlib

import job


def layer(kind, *a):
    from torch import nn
    if kind == "conv":
        inputs, outputs, kernel, stride, pad, groups, bias = a
        return nn.Conv2d(inputs, outputs, kernel, stride, pad, groups=groups, bias=bias)
    if kind == "residual":
        return residual(*a)
    return {"up": nn.ConvTranspose2d, "norm": nn.BatchNorm2d, "linear": nn.Linear, "relu": nn.ReLU,
            "sigmoid": nn.Sigmoid, "flatten": nn.Flatten, "pool": lambda: nn.MaxPool2d(2),
            "mean": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())}[kind](*a)


def residual(inputs, outputs, layers):
    from torch import nn

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(*[layer(*l) for l in layers])

        def forward(self, x):
            y = self.layers(x)
            if inputs != outputs:
                extra = (outputs - inputs) // 2
                x = nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, extra, outputs - inputs - extra))
            return nn.functional.relu(y + x)

    return Residual()


class Torch:
    def __init__(self, exercise):
        import torch
        torch.set_num_threads(exercise.threads)
        self.torch, self.exercise, self.version = torch, exercise, torch.__version__
        self.net = torch.nn.Sequential(*[layer(*l) for l in exercise.network])
        names = [n for n in self.net.state_dict() if not n.endswith("num_batches_tracked")]
        values = dict(zip(names, map(torch.from_numpy, exercise.weights), strict=True))
        self.net.load_state_dict(values, strict=False)
        fast = exercise.form in ("channels_last", "autocast")
        self.half = exercise.form == "autocast"
        self.layout = torch.channels_last if fast and exercise.images.shape[1] > 1 else torch.contiguous_format
        self.net.to(memory_format=self.layout)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3, fused=fast)
        self.loss = torch.compile(self.loss_of) if exercise.form == "compile" else self.loss_of
        self.forward = torch.compile(self.net) if exercise.form == "compile" else self.net

    def casting(self):
        return self.torch.autocast("cpu", dtype=self.torch.bfloat16) if self.half else contextlib.nullcontext()

    def loss_of(self, x, y):
        functional = self.torch.nn.functional
        with self.casting():
            y_hat = self.net(x)
        if self.exercise.autoencoder:
            return functional.mse_loss(y_hat.float(), x)
        return functional.cross_entropy(y_hat.float(), y)

    def train(self, indices, tick):
        images, labels = map(self.torch.from_numpy, (self.exercise.images, self.exercise.labels))
        self.net.train()
        for index in self.torch.from_numpy(indices):
            x = (images[index].float() / 255).contiguous(memory_format=self.layout)
            self.optimizer.zero_grad()
            loss = self.loss(x, labels[index])
            loss.backward()
            self.optimizer.step()
            tick(loss.detach())

    def predict(self, images):
        self.net.eval()
        with self.torch.inference_mode(), self.casting():
            return self.forward(self.torch.from_numpy(images).contiguous(memory_format=self.layout)).float().numpy()

    def weights(self):
        return [p.detach().numpy() for p in self.net.parameters()]


if __name__ == "__main__":
    job.run(Torch)
