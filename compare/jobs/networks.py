"""The networks that are compared, as lists of layers: each peer makes its own layers of them. bench/networks.cpp has
the same for Weft; a test and the report compare the counts of parameters. An image is [channels, height, width]."""


def conv(inputs, outputs, kernel, stride=1, pad=0, groups=1, bias=True):
    return ("conv", inputs, outputs, kernel, stride, pad, groups, bias)


def up(inputs, outputs):
    """A transposed convolution, 4 x 4, stride 2, one pixel cut off on each side: twice the size."""
    return ("up", inputs, outputs, 4, 2, 1)


def norm(channels):
    return ("norm", channels)


def linear(inputs, outputs):
    return ("linear", inputs, outputs)


RELU, SIGMOID, FLATTEN, MEAN = ("relu",), ("sigmoid",), ("flatten",), ("mean",)
POOL = ("pool",)  # the largest of each 2 x 2


def same(inputs, outputs, stride=1):
    """3 x 3 with same padding, BatchNorm."""
    return [conv(inputs, outputs, 3, stride, 1, bias=False), norm(outputs)]


def residual(inputs, outputs):
    """relu(layers(x) + shortcut(x)); where the size halves, the shortcut keeps every second pixel and pads channels."""
    layers = same(inputs, outputs, 1 if inputs == outputs else 2) + [RELU] + same(outputs, outputs)
    return ("residual", inputs, outputs, layers)


def separable(inputs, outputs, stride=1):
    return [conv(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), norm(inputs), RELU,
            conv(inputs, outputs, 1, bias=False), norm(outputs), RELU]


NETWORKS = {
    "tutorial-cnn": [conv(3, 32, 3), RELU, POOL, conv(32, 64, 3), RELU, POOL, conv(64, 64, 3), RELU,
                     FLATTEN, linear(64 * 4 * 4, 64), RELU, linear(64, 10)],
    "mlp": [FLATTEN, linear(28 * 28, 128), RELU, linear(128, 10)],
    "resnet20": [*same(3, 16), RELU, *[residual(16, 16)] * 3, residual(16, 32), *[residual(32, 32)] * 2,
                 residual(32, 64), *[residual(64, 64)] * 2, MEAN, linear(64, 10)],
    "vgg": [*same(3, 32), RELU, *same(32, 32), RELU, POOL, *same(32, 64), RELU, *same(64, 64), RELU, POOL,
            *same(64, 128), RELU, *same(128, 128), RELU, POOL, FLATTEN, linear(128 * 4 * 4, 128), RELU,
            linear(128, 10)],
    "mobilenet": [*same(3, 32), RELU, *separable(32, 64), *separable(64, 128, 2), *separable(128, 128),
                  *separable(128, 256, 2), *separable(256, 256), MEAN, linear(256, 10)],
    "autoencoder": [conv(3, 32, 4, 2, 1), RELU, conv(32, 64, 4, 2, 1), RELU, conv(64, 128, 4, 2, 1), RELU,
                    up(128, 64), RELU, up(64, 32), RELU, up(32, 3), SIGMOID],
}


def parameters(layers):
    """How many numbers a network trains."""
    total = 0
    for kind, *a in layers:
        if kind == "conv":
            inputs, outputs, kernel, _, _, groups, bias = a
            total += inputs // groups * outputs * kernel * kernel + outputs * bias
        elif kind == "up":
            total += a[0] * a[1] * a[2] * a[2] + a[1]
        elif kind == "linear":
            total += a[0] * a[1] + a[1]
        elif kind == "norm":
            total += 2 * a[0]
        elif kind == "residual":
            total += parameters(a[2])
    return total
