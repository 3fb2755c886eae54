"""Prints the lines of nn_figures.h: what PyTorch (and TensorFlow, for padding "same") computes for the cases of nn_ops_test.cpp.

Run once with PyTorch 2.x, once with TensorFlow:
    python nn_figures.py
    python nn_figures.py tensorflow
Every array is fill(shape, seed), so no input needs to be written down; a result is recorded as its dot product with
fill(its shape, 99), and so are the gradients of that number for each input.
"""
import math
import sys


def values(shape, seed):
    n = math.prod(shape)
    return [((i * 7919 + seed * 104729) % 2003) / 1000.0 - 1.0 for i in range(n)]


def torch_cases():
    import torch
    import torch.nn.functional as F

    def fill(shape, seed, grad=True):
        return torch.tensor(values(shape, seed), dtype=torch.float64).reshape(shape).requires_grad_(grad)

    def record(name, y, inputs):
        loss = (y * fill(y.shape, 99, False)).sum()
        grads = torch.autograd.grad(loss, inputs)
        figures = [loss.item()] + [(g * fill(g.shape, 99, False)).sum().item() for g in grads]
        print('    {"%s", {%s}, {%s}},' % (name, ", ".join(map(str, y.shape)), ", ".join(f"{v:.15g}" for v in figures)))

    def conv(name, f, x, w, bias, **kw):
        x, w, b = fill(x, 1), fill(w, 2), fill((bias,), 3)
        record(name, f(x, w, b, **kw), (x, w, b))

    conv("conv1d", F.conv1d, (2, 3, 11), (4, 3, 3), 4, stride=2, padding=1, dilation=2)
    conv("conv2d", F.conv2d, (3, 4, 9, 8), (6, 4, 3, 3), 6)
    conv("conv2d strided", F.conv2d, (2, 4, 9, 8), (6, 2, 3, 2), 6, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
    conv("conv2d depthwise", F.conv2d, (2, 16, 7, 7), (16, 1, 3, 3), 16, padding=1, groups=16)
    conv("conv3d", F.conv3d, (2, 2, 5, 6, 4), (3, 2, 2, 3, 3), 3, stride=(1, 2, 1), padding=1)
    conv("conv_transpose1d", F.conv_transpose1d, (2, 3, 5), (3, 4, 4), 4, stride=2, padding=1)
    conv("conv_transpose2d", F.conv_transpose2d, (2, 4, 5, 4), (4, 3, 3, 2), 6, stride=(2, 3), padding=(1, 0),
         output_padding=(1, 2), groups=2)
    conv("conv_transpose2d dilated", F.conv_transpose2d, (2, 3, 5, 4), (3, 2, 3, 3), 2, stride=2, padding=1, dilation=2)

    def unary(name, f, shape):
        x = fill(shape, 1)
        record(name, f(x), (x,))

    unary("max_pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), (2, 3, 9))
    unary("max_pool2d", lambda x: F.max_pool2d(x, 2), (2, 3, 9, 12))
    unary("max_pool2d padded", lambda x: F.max_pool2d(x, (3, 2), (2, 1), (1, 0)), (2, 3, 8, 7))
    unary("max_pool2d dilated", lambda x: F.max_pool2d(x, 2, 1, 0, 2), (2, 3, 6, 7))
    unary("max_pool2d ceil", lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True), (2, 3, 8, 7))
    unary("max_pool3d", lambda x: F.max_pool3d(x, 2), (2, 3, 4, 5, 6))
    unary("avg_pool1d", lambda x: F.avg_pool1d(x, 4, 2), (2, 3, 9))
    unary("avg_pool2d", lambda x: F.avg_pool2d(x, 3, 2, 1), (2, 3, 8, 7))
    unary("avg_pool2d uncounted", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), (2, 3, 8, 7))
    unary("avg_pool2d ceil", lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), (2, 3, 8, 10))
    unary("avg_pool3d", lambda x: F.avg_pool3d(x, 2), (2, 3, 4, 5, 6))
    unary("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 4), (2, 3, 10))
    unary("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 5)), (2, 3, 7, 10))
    unary("adaptive_avg_pool2d even", lambda x: F.adaptive_avg_pool2d(x, 2), (2, 3, 6, 4))
    unary("softmax", lambda x: F.softmax(x, 1), (3, 5, 4))
    unary("log_softmax", lambda x: F.log_softmax(x, -1), (3, 5, 40))
    unary("nearest", lambda x: F.interpolate(x, size=(7, 5)), (2, 3, 4, 6))
    unary("nearest scaled", lambda x: F.interpolate(x, scale_factor=2), (2, 3, 4, 6))
    unary("bilinear", lambda x: F.interpolate(x, size=(7, 5), mode="bilinear"), (2, 3, 4, 6))
    unary("bilinear scaled", lambda x: F.interpolate(x, scale_factor=2.5, mode="bilinear"), (2, 3, 4, 6))
    unary("bilinear corners", lambda x: F.interpolate(x, size=(7, 5), mode="bilinear", align_corners=True), (2, 3, 4, 6))
    unary("trilinear", lambda x: F.interpolate(x, size=(4, 7, 5), mode="trilinear"), (1, 2, 3, 4, 6))
    unary("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), (2, 8, 3, 4))
    unary("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), (2, 3, 4, 6))

    def norm(name, f, shape, affine):
        x, w, b = fill(shape, 1), fill(affine, 2), fill(affine, 3)
        record(name, f(x, w, b), (x, w, b))

    norm("batch_norm train", lambda x, w, b: F.batch_norm(x, None, None, w, b, True, eps=1e-3), (5, 3, 4, 2), (3,))
    norm("batch_norm flat", lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (7, 4), (4,))
    mean, var = fill((3,), 4, False), fill((3,), 5, False).abs() + 0.5
    norm("batch_norm eval", lambda x, w, b: F.batch_norm(x, mean, var, w, b, False), (5, 3, 4, 2), (3,))
    norm("layer_norm", lambda x, w, b: F.layer_norm(x, (4, 6), w, b), (2, 3, 4, 6), (4, 6))
    norm("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), (3, 6, 4, 2), (6,))
    norm("instance_norm", lambda x, w, b: F.instance_norm(x, weight=w, bias=b), (3, 6, 4, 5), (6,))
    norm("rms_norm", lambda x, w, b: F.rms_norm(x, (37,), w, 1e-6) + 0 * b, (5, 37), (37,))

    def entropy(name, shape, labels, **kw):
        z = fill(shape, 1)
        record(name, F.cross_entropy(z, torch.tensor(labels), reduction="none", **kw), (z,))

    entropy("cross_entropy", (4, 5), [0, 4, 2, 2])
    entropy("cross_entropy smooth", (4, 5), [0, 4, -100, 2], label_smoothing=0.2)
    entropy("cross_entropy weighted", (4, 5), [0, 4, 1, 2], weight=fill((5,), 6, False).abs(), label_smoothing=0.1, ignore_index=1)
    entropy("cross_entropy pixels", (2, 3, 2, 2), [[[0, 1], [2, 1]], [[1, 0], [0, 2]]])

    w = fill((6, 3), 2)
    record("embedding", F.embedding(torch.tensor([[1, 5, 0], [5, 2, 2]]), w, padding_idx=2), (w,))


def tensorflow_cases():
    """Padding "same": (name, x [N, C, spatial], weight [O, C, k…], stride)."""
    import tensorflow as tf

    def fill(shape, seed):
        return tf.reshape(tf.constant(values(shape, seed), dtype=tf.float64), shape)

    for name, x, w, stride in (("same 2", (2, 3, 8, 7), (4, 3, 3, 2), 2), ("same 3", (2, 3, 10, 6), (4, 3, 4, 5), 3)):
        x, w = fill(x, 1), fill(w, 2)
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = tf.nn.conv2d(tf.transpose(x, (0, 2, 3, 1)), tf.transpose(w, (2, 3, 1, 0)), stride, "SAME")
            y = tf.transpose(y, (0, 3, 1, 2))
            loss = tf.reduce_sum(y * fill(y.shape, 99))
        figures = [loss] + [tf.reduce_sum(g * fill(g.shape, 99)) for g in tape.gradient(loss, [x, w])]
        print('    {"%s", {%s}, {%s}},' % (name, ", ".join(map(str, y.shape)), ", ".join(f"{float(v):.15g}" for v in figures)))
    x = fill((2, 3, 8, 7), 1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.transpose(tf.nn.avg_pool2d(tf.transpose(x, (0, 2, 3, 1)), 3, 2, "SAME"), (0, 3, 1, 2))
        loss = tf.reduce_sum(y * fill(y.shape, 99))
    g = tape.gradient(loss, x)
    print('    {"same avg_pool", {%s}, {%.15g, %.15g}},' % (", ".join(map(str, y.shape)), float(loss), float(tf.reduce_sum(g * fill(g.shape, 99)))))


if len(sys.argv) > 1:
    tensorflow_cases()
else:
    torch_cases()
