#!/usr/bin/env python3
"""TensorFlow's job: Keras, compile and fit. Forms: fit (the defaults); jit (jit_compile, 50 steps an execution)."""
import os

import job

CHUNK = 50  # steps_per_execution of the form jit


def block(x, kind, *a):
    """The layer's output for x, with Keras's order of axes: [height, width, channels]."""
    from keras import layers
    if kind == "conv":
        inputs, outputs, kernel, stride, pad, groups, bias = a
        x = layers.ZeroPadding2D(pad)(x) if pad else x
        if groups > 1:
            return layers.DepthwiseConv2D(kernel, stride, use_bias=bias)(x)
        return layers.Conv2D(outputs, kernel, stride, use_bias=bias)(x)
    if kind == "residual":
        return residual(x, *a)
    return {"up": lambda i, o, kernel, stride, pad: layers.Conv2DTranspose(o, kernel, stride, padding="same"),
            "norm": lambda c: layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
            "linear": lambda i, o: layers.Dense(o), "flatten": layers.Flatten, "pool": layers.MaxPooling2D,
            "relu": layers.ReLU, "sigmoid": lambda: layers.Activation("sigmoid"),
            "mean": layers.GlobalAveragePooling2D}[kind](*a)(x)


def residual(x, inputs, outputs, inner):
    from keras import layers, ops
    y = x
    for l in inner:
        y = block(y, *l)
    if inputs != outputs:
        extra = (outputs - inputs) // 2
        x = ops.pad(x[:, ::2, ::2, :], ((0, 0), (0, 0), (0, 0), (extra, outputs - inputs - extra)))
    return layers.ReLU()(layers.Add()([y, x]))


def to_keras(layer, arrays):
    """Weft's arrays [out, in, height, width] in Keras's order of axes."""
    first = arrays[0]
    if first.ndim == 4:
        kernel = first.transpose(2, 3, 0, 1) if "depthwise" in layer.name else first.transpose(2, 3, 1, 0)
        return [kernel, *arrays[1:]]
    if first.ndim == 2:
        rows = first.T
        channels, height, width = getattr(layer, "image", (1, 1, rows.shape[0]))
        rows = rows.reshape(channels, height, width, -1).transpose(1, 2, 0, 3).reshape(rows.shape)
        return [rows, *arrays[1:]]
    return arrays


class Keras:
    def __init__(self, exercise):
        os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["CUDA_VISIBLE_DEVICES"] = "2", "-1"
        import keras
        import tensorflow as tf
        tf.config.threading.set_intra_op_parallelism_threads(exercise.threads)
        tf.config.threading.set_inter_op_parallelism_threads(exercise.threads)
        self.tf, self.keras, self.exercise = tf, keras, exercise
        self.version = f"{tf.__version__}, Keras {keras.__version__}"
        channels, height, width = exercise.images.shape[1:]
        x = inputs = keras.Input((height, width, channels))
        flattened = None
        for l in exercise.network:
            if l[0] == "flatten":
                flattened = (x.shape[3], x.shape[1], x.shape[2])
            x = block(x, *l)
            if l[0] == "linear" and flattened:  # Weft flattens [channels, height, width]
                x._keras_history.operation.image, flattened = flattened, None
        self.net = keras.Model(inputs, x)
        rest = list(exercise.weights)
        for layer in self.net.layers:
            count = len(layer.weights)
            if count:
                layer.set_weights(to_keras(layer, [rest.pop(0) for _ in range(count)]))
        assert not rest
        fast = exercise.form == "jit"
        self.chunk = CHUNK if fast else 1
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if exercise.autoencoder:
            loss = keras.losses.MeanSquaredError()
        self.net.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, jit_compile=fast,
                         steps_per_execution=self.chunk)

    def batches(self, indices):
        tf, exercise = self.tf, self.exercise
        with tf.device("CPU"):
            images, labels = tf.constant(exercise.images), tf.constant(exercise.labels)

        def batch(index):
            x = tf.transpose(tf.cast(tf.gather(images, index), tf.float32) / 255, (0, 2, 3, 1))
            return (x, x) if exercise.autoencoder else (x, tf.gather(labels, index))

        return tf.data.Dataset.from_tensor_slices(indices).map(batch).prefetch(2)

    def train(self, indices, tick):
        chunk, total, done = self.chunk, 0.0, 0

        class Ticks(self.keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs):
                nonlocal total, done
                steps = min(batch + 1, len(indices)) - done
                if steps <= 0:
                    return
                done += steps
                mean = logs["loss"]  # of all steps so far
                tick((mean * done - total) / steps, steps)
                total = mean * done

        self.net.fit(self.batches(indices), epochs=1, verbose=0, callbacks=[Ticks()])

    def predict(self, images):
        return self.net.predict_on_batch(images.transpose(0, 2, 3, 1))

    def weights(self):
        return [v.numpy() for v in self.net.trainable_variables]


if __name__ == "__main__":
    job.run(Keras)
