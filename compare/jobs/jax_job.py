#!/usr/bin/env python3
"""JAX's job: the whole step (forward, loss, gradients, Adam) in one jit. Forms: jit; donate (channels last, buffers
donated)."""
import os

import numpy as np

import job


class Jax:
    def __init__(self, exercise):
        os.environ["JAX_PLATFORMS"] = "cpu"
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < exercise.threads:
            raise SystemExit(f"{exercise.threads} threads on {len(allowed)} processors: JAX has a thread a processor")
        os.sched_setaffinity(0, allowed[:exercise.threads])
        import jax
        self.jax, self.exercise, self.version = jax, exercise, jax.__version__
        fast = exercise.form == "donate"
        self.axes = ("NHWC", "OIHW", "NHWC") if fast else ("NCHW", "OIHW", "NCHW")
        self.spatial = (1, 2) if fast else (2, 3)
        # Numbers that are trained, and the running statistics of BatchNorm, in the order of the layers.
        self.state = [jax.numpy.asarray(w) for w in exercise.weights]
        self.trained = trained(exercise.network)
        zeros = [jax.numpy.zeros_like(w) for w in self.state]
        self.slots = (zeros, [z.copy() for z in zeros], jax.numpy.zeros((), "int32"))
        self.step = jax.jit(self.update, donate_argnums=(0, 1) if fast else ())
        self.forward = jax.jit(lambda state, x: self.apply(self.exercise.network, x, list(state), False, []))

    def apply(self, layers, x, rest, training, moved):
        """The output; takes its numbers from the front of `rest`, and adds new running statistics to `moved`."""
        jnp, lax, nn = self.jax.numpy, self.jax.lax, self.jax.nn
        per_channel = lambda v: v if self.axes[0] == "NHWC" or x.ndim == 2 else v[:, None, None]
        for kind, *a in layers:
            if kind == "conv":
                _, _, _, stride, pad, groups, bias = a
                x = lax.conv_general_dilated(x, rest.pop(0), (stride, stride), [(pad, pad)] * 2,
                                             dimension_numbers=self.axes, feature_group_count=groups)
                x = x + per_channel(rest.pop(0)) if bias else x
            elif kind == "up":  # 4 x 4, stride 2: the gradient of a convolution, so the kernel is turned round
                kernel = jnp.flip(rest.pop(0), (2, 3)).swapaxes(0, 1)
                x = lax.conv_general_dilated(x, kernel, (1, 1), [(2, 2)] * 2, lhs_dilation=(2, 2),
                                             dimension_numbers=self.axes)
                x = x + per_channel(rest.pop(0))
            elif kind == "norm":
                scale, shift, mean, var = (rest.pop(0) for _ in range(4))
                if training:
                    over = (0, *self.spatial)
                    n = x.size // scale.size
                    batch_mean, batch_var = x.mean(over), x.var(over)
                    moved.append(0.9 * mean + 0.1 * batch_mean)
                    moved.append(0.9 * var + 0.1 * batch_var * n / (n - 1))
                    mean, var = batch_mean, batch_var
                x = (x - per_channel(mean)) * per_channel(scale * lax.rsqrt(var + 1e-5)) + per_channel(shift)
            elif kind == "pool":
                window = (1, 2, 2, 1) if self.axes[0] == "NHWC" else (1, 1, 2, 2)
                x = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
            elif kind == "residual":
                inputs, outputs, inner = a
                y = self.apply(inner, x, rest, training, moved)
                if inputs != outputs:
                    extra, channel = (outputs - inputs) // 2, self.axes[0].index("C")
                    widths = [(0, 0)] * 4
                    widths[channel] = (extra, outputs - inputs - extra)
                    x = x[:, ::2, ::2, :] if channel == 3 else x[:, :, ::2, ::2]
                    x = jnp.pad(x, widths)
                x = nn.relu(y + x)
            elif kind == "flatten":
                x = (x.transpose(0, 3, 1, 2) if self.axes[0] == "NHWC" else x).reshape(x.shape[0], -1)
            elif kind == "mean":
                x = x.mean(self.spatial)
            elif kind == "linear":
                x = x @ rest.pop(0).T + rest.pop(0)
            else:
                x = {"relu": nn.relu, "sigmoid": nn.sigmoid}[kind](x)
        return x

    def loss(self, trained, state, x, y):
        numbers = iter(trained)
        moved = []
        rest = [next(numbers) if t else s for s, t in zip(state, self.trained)]
        out = self.apply(self.exercise.network, x, rest, True, moved)
        if self.exercise.autoencoder:
            return ((out - x) ** 2).mean(), moved
        picked = self.jax.numpy.take_along_axis(self.jax.nn.log_softmax(out), y[:, None], 1)
        return -picked.mean(), moved

    def update(self, state, slots, images, labels):
        """One step of Adam (Kingma and Ba 2014): the new state, the new slots, the loss."""
        jnp = self.jax.numpy
        x, y = self.image_layout(images.astype("float32") / 255), labels
        trained = [s for s, t in zip(state, self.trained) if t]
        (loss, moved), gradients = self.jax.value_and_grad(self.loss, has_aux=True)(trained, state, x, y)
        first, second, count = slots
        count = count + 1
        gradients, moved, new = iter(gradients), iter(moved), ([], [], [])
        for w, m, v, t in zip(state, first, second, self.trained):
            if t:
                g = next(gradients)
                m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
                w = w - 1e-3 * (m / (1 - 0.9**count)) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8)
            else:
                w = next(moved)
            for to, value in zip(new, (w, m, v)):
                to.append(value)
        return new[0], (new[1], new[2], count), loss

    def image_layout(self, x):
        return x.transpose(0, 2, 3, 1) if self.axes[0] == "NHWC" else x

    def train(self, indices, tick):
        images, labels = self.exercise.images, self.exercise.labels.astype(np.int32)
        for index in indices:
            self.state, self.slots, loss = self.step(self.state, self.slots, images[index], labels[index])
            tick(loss)

    def predict(self, images):
        return np.asarray(self.forward(self.state, self.image_layout(images)))

    def weights(self):
        return [np.asarray(s) for s, t in zip(self.state, self.trained) if t]


def trained(layers):
    """For each array of a network: is it trained (else a running statistic)?"""
    flags = []
    for kind, *a in layers:
        if kind == "conv":
            flags += [True] * (1 + a[6])
        elif kind in ("up", "linear"):
            flags += [True, True]
        elif kind == "norm":
            flags += [True, True, False, False]
        elif kind == "residual":
            flags += trained(a[2])
    return flags


if __name__ == "__main__":
    job.run(Jax)
