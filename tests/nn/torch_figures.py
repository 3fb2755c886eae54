#!/usr/bin/env python3
"""Writes torch_figures.h: what PyTorch's layers and losses give for inputs that both sides make by one formula.

Run with a Python that has PyTorch: python3 torch_figures.py > torch_figures.h
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def wave(shape, phase):
    n = 1
    for s in shape:
        n *= s
    return torch.sin(0.7 * torch.arange(n, dtype=torch.float64) + phase).reshape(shape)


def numbers(t):
    return "{" + ", ".join(f"{v:.9g}" for v in t.detach().reshape(-1).tolist()) + "}"


def emit(name, y, *grads):
    print(f"inline const Figures {name}{{{numbers(y)},\n  {{{', '.join(numbers(g) for g in grads)}}}}};")


def layer(name, module, shape, positive=False):
    x = wave(shape, 0.0).requires_grad_()
    for k, p in enumerate(module.parameters()):
        p.data = wave(p.shape, 1.0 + k)
    y = module(x)
    (y * wave(y.shape, 3.0)).sum().backward()
    emit(name, y, x.grad, *[p.grad for p in module.parameters()])


def loss(name, f, shape, prepare=lambda x: x):
    x = prepare(wave(shape, 0.5)).detach().requires_grad_()
    y = f(x)
    y.backward()
    emit(name, y, x.grad)


print("// What PyTorch " + torch.__version__.split("+")[0] + " gives in double precision; written by torch_figures.py, which says for what.")
print("#pragma once\n\n#include <vector>\n")
print("namespace figures {\n")
print("/// A result, and the gradients of sum(result * wave(shape, 3)) for the input and for each parameter (losses: of the loss).")
print("struct Figures {\n  std::vector<double> y;\n  std::vector<std::vector<double>> gradients;\n};\n")

layer("linear", nn.Linear(3, 2), (4, 3))
layer("linear_rank3", nn.Linear(3, 2, bias=False), (2, 2, 3))
layer("conv1d", nn.Conv1d(2, 3, 3, stride=2, padding=1), (2, 2, 5))
layer("conv2d", nn.Conv2d(2, 2, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)), (1, 2, 5, 4))
layer("conv2d_groups_same", nn.Conv2d(4, 2, 3, padding="same", groups=2), (1, 4, 3, 3))
layer("conv2d_reflect", nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), (1, 1, 3, 4))
layer("conv3d", nn.Conv3d(1, 2, 2), (1, 1, 3, 2, 3))
layer("conv_transpose1d", nn.ConvTranspose1d(2, 2, 3, stride=2, padding=1, output_padding=1), (1, 2, 3))
layer("conv_transpose2d", nn.ConvTranspose2d(2, 4, 2, stride=2, groups=2), (1, 2, 2, 2))
layer("depthwise", nn.Conv2d(2, 4, 3, padding=1, groups=2), (1, 2, 3, 3))
layer("prelu", nn.PReLU(2), (1, 2, 3))
layer("layer_norm", nn.LayerNorm(4), (3, 4))
layer("layer_norm_2", nn.LayerNorm((2, 3)), (2, 2, 3))
layer("group_norm", nn.GroupNorm(2, 4), (2, 4, 3))
layer("instance_norm", nn.InstanceNorm2d(2, affine=True), (2, 2, 2, 3))
layer("rms_norm", nn.RMSNorm(4), (3, 4))
layer("max_pool2d", nn.MaxPool2d(3, stride=2, padding=1), (1, 1, 5, 4))
layer("max_pool1d", nn.MaxPool1d(2), (1, 2, 5))
layer("avg_pool2d", nn.AvgPool2d(2, stride=2, padding=1, ceil_mode=True, count_include_pad=False), (1, 1, 4, 4))
layer("adaptive_avg_pool2d", nn.AdaptiveAvgPool2d((2, 3)), (1, 1, 3, 5))
layer("upsample", nn.Upsample(scale_factor=2, mode="bilinear"), (1, 1, 2, 3))
layer("pixel_shuffle", nn.PixelShuffle(2), (1, 4, 1, 2))

bn = nn.BatchNorm2d(2)
layer("batch_norm", bn, (2, 2, 1, 3))
emit("batch_norm_running", torch.cat([bn.running_mean, bn.running_var]))
bn.eval()
emit("batch_norm_eval", bn(wave((2, 2, 1, 3), 0.0)))


class Apply(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(4 * x)


for name, f in {
    "relu": F.relu, "leaky_relu": F.leaky_relu, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1), "elu": F.elu, "selu": F.selu, "relu6": F.relu6,
    "hardswish": F.hardswish, "hardsigmoid": F.hardsigmoid, "hardtanh": F.hardtanh,
    "softplus": lambda x: F.softplus(x, beta=2), "mish": F.mish, "glu": F.glu,
}.items():
    layer("act_" + name, Apply(f), (2, 4))

labels = torch.tensor([2, 0, 1])
masks = torch.tensor([[0, 2], [-100, 1]])
weight = torch.tensor([0.5, 2.0, 1.5])
soft = torch.softmax(wave((3, 3), 2.0), 1)
t = wave((3, 2), 2.0)
binary = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
sign = 2 * binary - 1
sig = torch.sigmoid
lsm = lambda x: F.log_softmax(x, 1)

loss("cross_entropy", lambda x: F.cross_entropy(x, labels), (3, 3))
loss("cross_entropy_options", lambda x: F.cross_entropy(x, torch.tensor([2, -1, 1]), weight=weight, ignore_index=-1, label_smoothing=0.1), (3, 3))
loss("cross_entropy_sum", lambda x: F.cross_entropy(x, labels, reduction="sum"), (3, 3))
loss("cross_entropy_pixels", lambda x: F.cross_entropy(x, masks), (2, 3, 2))
loss("cross_entropy_soft", lambda x: F.cross_entropy(x, soft, weight=weight, label_smoothing=0.2), (3, 3))
loss("nll_loss", lambda x: F.nll_loss(x, torch.tensor([2, -100, 1]), weight=weight), (3, 3))
loss("bce", lambda x: F.binary_cross_entropy(x, binary), (3, 2), sig)
loss("bce_logits", lambda x: F.binary_cross_entropy_with_logits(x, binary), (3, 2))
loss("bce_logits_options", lambda x: F.binary_cross_entropy_with_logits(x, binary, weight=torch.tensor([1.0, 2.0]), pos_weight=torch.tensor([3.0, 0.5])), (3, 2))
loss("mse", lambda x: F.mse_loss(x, t), (3, 2))
loss("l1", lambda x: F.l1_loss(x, t), (3, 2))
loss("huber", lambda x: F.huber_loss(x, t, delta=0.7), (3, 2))
loss("smooth_l1", lambda x: F.smooth_l1_loss(x, t, beta=0.7), (3, 2))
loss("kl_div", lambda x: F.kl_div(x, soft, reduction="batchmean"), (3, 3), lsm)
loss("kl_div_log", lambda x: F.kl_div(x, torch.log(soft), reduction="sum", log_target=True), (3, 3), lsm)
loss("cosine_embedding", lambda x: F.cosine_embedding_loss(x, t, torch.tensor([1, -1, -1]), margin=0.1), (3, 2))
loss("hinge_embedding", lambda x: F.hinge_embedding_loss(x, sign), (3, 2))
loss("multi_margin", lambda x: F.multi_margin_loss(x, labels, p=2), (3, 3))
loss("margin_ranking", lambda x: F.margin_ranking_loss(x, t, sign, margin=0.3), (3, 2))
loss("triplet", lambda x: F.triplet_margin_loss(x, t, wave((3, 2), 4.0), swap=True), (3, 2))


def focal(x):  # torchvision.ops.sigmoid_focal_loss
    p = torch.sigmoid(x)
    ce = F.binary_cross_entropy_with_logits(x, binary, reduction="none")
    p_t = p * binary + (1 - p) * (1 - binary)
    return ((0.25 * binary + 0.75 * (1 - binary)) * ce * (1 - p_t) ** 2).mean()


loss("focal", focal, (3, 2))
print("\n}  // namespace figures")
