#!/usr/bin/env python3
"""ONNX Runtime's job, inference alone: the network with its weights as an ONNX graph. Form: session."""
import numpy as np

import job


class Session:
    def __init__(self, exercise):
        import onnxruntime
        self.version = onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = exercise.threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model(exercise), options, providers=["CPUExecutionProvider"])

    def predict(self, images):
        return self.session.run(None, {"x": images})[0]


class Graph:
    """Collects nodes and the numbers they read."""

    def __init__(self, weights):
        self.nodes, self.numbers, self.rest = [], [], list(weights)

    def constant(self, value):
        import onnx
        name = f"w{len(self.numbers)}"
        self.numbers.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def take(self, n):
        return [self.constant(self.rest.pop(0)) for _ in range(n)]

    def add(self, kind, inputs, **attributes):
        import onnx
        out = f"t{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(kind, inputs, [out], **attributes))
        return out

    def layers(self, x, layers):
        for kind, *a in layers:
            if kind == "conv":
                _, _, kernel, stride, pad, groups, bias = a
                x = self.add("Conv", [x, *self.take(1 + bias)], strides=[stride] * 2, pads=[pad] * 4, group=groups)
            elif kind == "up":
                x = self.add("ConvTranspose", [x, *self.take(2)], strides=[2, 2], pads=[1] * 4)
            elif kind == "norm":
                x = self.add("BatchNormalization", [x, *self.take(4)], epsilon=1e-5)
            elif kind == "linear":
                x = self.add("Gemm", [x, *self.take(2)], transB=1)
            elif kind == "pool":
                x = self.add("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
            elif kind == "mean":
                x = self.add("Flatten", [self.add("GlobalAveragePool", [x])])
            elif kind == "residual":
                inputs, outputs, inner = a
                y, shortcut = self.layers(x, inner), x
                if inputs != outputs:
                    extra = (outputs - inputs) // 2
                    numbers = [np.array(v, np.int64) for v in ([0, 0], [32767, 32767], [2, 3], [2, 2])]
                    shortcut = self.add("Slice", [x, *map(self.constant, numbers)])
                    pads = np.array([0, extra, 0, 0, 0, outputs - inputs - extra, 0, 0], np.int64)
                    shortcut = self.add("Pad", [shortcut, self.constant(pads)])
                x = self.add("Relu", [self.add("Add", [y, shortcut])])
            else:
                x = self.add({"relu": "Relu", "sigmoid": "Sigmoid", "flatten": "Flatten"}[kind], [x])
        return x


def model(exercise):
    from onnx import TensorProto, helper
    graph = Graph(exercise.weights)
    out = graph.layers("x", exercise.network)
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    whole = helper.make_graph(graph.nodes, "net", [value("x", ["n", *exercise.images.shape[1:]])], [value(out, None)],
                              graph.numbers)
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


if __name__ == "__main__":
    job.run(Session)
