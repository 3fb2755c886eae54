#!/usr/bin/env python3
"""Repeats bench/parity (with its last argument naming the peer) in a peer from the same weights and order, and compares the losses step by step.

parity.py torch|keras OUT DATA_DIR [f32|f64]   (needs numpy, safetensors and torch, or tensorflow and keras)
DATA_DIR holds cifar-10-batches-bin/. Prints the largest relative difference over the first 20 and over all steps.
"""
import os
import sys

import numpy as np
from safetensors.numpy import load_file

peer, out, data_dir = sys.argv[1:4]
dtype = np.float64 if len(sys.argv) > 4 and sys.argv[4] == "f64" else np.float32
folder = os.path.join(data_dir, "cifar-10-batches-bin")
order, expected = np.load(f"{out}/order.npy"), np.load(f"{out}/losses.npy")
weights = load_file(f"{out}/init.safetensors")
paths = ["0", "3", "6", "9", "11"]  # the layers with weights in nn::zoo::tutorial_cnn


def read(names):
    rows = np.concatenate([np.fromfile(os.path.join(folder, n), np.uint8).reshape(-1, 3073) for n in names])
    return rows[:, 0].astype(np.int64), rows[:, 1:].reshape(-1, 3, 32, 32)


labels, images = read([f"data_batch_{i}.bin" for i in range(1, 6)])
test_labels, test_images = read(["test_batch.bin"])


def test_batches():
    for i in range(0, len(test_images), 500):
        yield test_images[i:i + 500].astype(dtype) / dtype(255)


def print_accuracy(logits):
    print(f"{peer}: test accuracy {(logits.argmax(1) == test_labels).mean():.4f}")


def torch_losses():
    import torch
    from torch import nn
    torch.set_num_threads(2)
    net = nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 10))
    net.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    net.to(torch.float64 if dtype == np.float64 else torch.float32)
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    for index in order:
        x, y = torch.from_numpy(images[index].astype(dtype) / dtype(255)), torch.from_numpy(labels[index])
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        yield loss.item()
    with torch.no_grad():
        print_accuracy(np.concatenate([net(torch.from_numpy(x)).numpy() for x in test_batches()]))


def keras_losses():
    import keras
    from keras import layers
    keras.backend.set_floatx("float64" if dtype == np.float64 else "float32")
    net = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
                            layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu"),
                            layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10)])
    for layer, path in zip([l for l in net.layers if l.weights], paths):
        w = weights[path + ".weight"].astype(dtype)
        if w.ndim == 4:
            w = w.transpose(2, 3, 1, 0)
        elif path == "9":  # Keras flattens [H, W, C]
            w = w.reshape(64, 64, 4, 4).transpose(2, 3, 1, 0).reshape(1024, 64)
        else:
            w = w.T
        layer.set_weights([w, weights[path + ".bias"].astype(dtype)])
    net.compile(optimizer=keras.optimizers.Adam(1e-3), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for index in order:
        net.reset_metrics()  # otherwise train_on_batch returns the mean of all losses so far
        yield float(net.train_on_batch(images[index].transpose(0, 2, 3, 1).astype(dtype) / dtype(255), labels[index]))
    print_accuracy(np.concatenate([net(x.transpose(0, 2, 3, 1)).numpy() for x in test_batches()]))


losses = []
for i, loss in enumerate({"torch": torch_losses, "keras": keras_losses}[peer]()):
    losses.append(loss)
losses = np.array(losses)
last = min(len(losses), len(images) // order.shape[1])
print(f"{peer}: {len(losses)} steps, mean loss of the last {last} {losses[-last:].mean():.4f}")
relative = np.abs(losses - expected) / np.abs(losses)
print(f"{peer} {np.dtype(dtype).name}: {len(losses)} losses, largest relative difference {relative[:20].max():.3e} over the first 20, "
      f"{relative[:200].max():.3e} over the first 200; first {losses[0]:.9f} / {expected[0]:.9f}")
