"""What every peer's job shares: the command line, the data and weights that Weft exported, the clock, the line of JSON.

A job is `make(exercise)`, which returns an object with
  train(indices, tick)   a step for each row of `indices` (numbers of images); tick(loss) after each step, where loss is
                         anything that float() reads; tick(loss, n) after n steps with their mean loss
  predict(images)        the outputs for float32 images [n, c, h, w], as a NumPy array
  weights()              the trained numbers, a list of NumPy arrays
  version                of the framework
"""
import argparse
import hashlib
import json
import os
import statistics
import sys
import time

import numpy as np

from networks import NETWORKS, parameters

WINDOW = 10  # steps between two looks at the clock


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--task", choices=["steps", "train", "infer"], required=True)
    p.add_argument("--form", required=True, help="the form of the framework: its default or a faster one")
    p.add_argument("--dir", required=True, help="what `weft_job prepare` wrote")
    p.add_argument("--network", default="tutorial-cnn", choices=list(NETWORKS))
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=0, help="which weights and order")
    p.add_argument("--steps", type=int, default=0, help="task steps: in all; task train: an epoch (0: all of it)")
    p.add_argument("--skip", type=int, default=100, help="of task steps: steps before the timed ones")
    p.add_argument("--epochs", type=int, default=10)
    p.add_argument("--started", type=float, default=time.time(), help="when the process was started (Unix time)")
    return p.parse_args()


class Exercise:
    """The data, weights and order of a job."""

    def __init__(self, args):
        self.form, self.threads, self.network = args.form, args.threads, NETWORKS[args.network]
        self.autoencoder = args.network == "autoencoder"
        self.folder, self.batch = args.dir, args.batch
        self.images, self.labels = self._part("train", args.network)
        self.test_images, self.test_labels = self._part("test", args.network)
        npz = np.load(f"{args.dir}/{args.network}-{args.seed}.npz")
        self.weights = [npz[name] for name in npz.files]
        order = np.load(f"{args.dir}/order-{args.seed}.npy")
        steps = order.shape[1] // args.batch
        self.order = order[:, :steps * args.batch].reshape(len(order), steps, args.batch)

    def _part(self, part, network):
        images = np.fromfile(f"{self.folder}/{part}-images.u8", np.uint8).reshape(-1, 3, 32, 32)
        labels = np.fromfile(f"{self.folder}/{part}-labels.u8", np.uint8).astype(np.int64)
        if network == "mlp":  # 28 x 28 numbers: the middle of the red channel
            images = np.ascontiguousarray(images[:, :1, 2:30, 2:30])
        return images, labels

    def as_float(self, images):
        return images.astype(np.float32) / np.float32(255)


class Clock:
    """Takes losses and times; reads a loss (and so waits for it) only now and then, as a user's loop would."""

    def __init__(self, started, skip):
        self.started, self.skip = started, skip
        self.losses, self.counts, self.done = [], [], 0
        self.first = self.hundredth = None
        self.marks = []  # (steps, time)

    def since(self):
        return time.time() - self.started

    def tick(self, loss, steps=1):
        before = self.done
        self.losses.append(loss)
        self.counts.append(steps)
        self.done += steps
        if self.done // WINDOW == before // WINDOW and before and self.done != 100:
            return
        float(loss)
        if self.first is None:
            self.first = self.since()
        if self.hundredth is None and self.done >= 100:
            self.hundredth = self.since()
        if self.done >= self.skip:
            self.marks.append((self.done, time.perf_counter()))

    def take_losses(self):
        """The losses so far and, weighted by their steps, their mean."""
        values = [float(loss) for loss in self.losses]
        mean = sum(v * n for v, n in zip(values, self.counts)) / max(1, sum(self.counts))
        self.losses, self.counts = [], []
        return values, mean

    def step_ms(self):
        pairs = zip(self.marks, self.marks[1:])
        times = [(t1 - t0) / (n1 - n0) * 1e3 for (n0, t0), (n1, t1) in pairs]
        return statistics.median(times) if times else None


def hash_of(arrays):
    digest = hashlib.sha256()
    for a in arrays:
        digest.update(np.ascontiguousarray(a).tobytes())
    return digest.hexdigest()


def accuracy(job, exercise, batch=100):
    right = 0
    for i in range(0, len(exercise.test_images), batch):
        outputs = job.predict(exercise.as_float(exercise.test_images[i:i + batch]))
        right += int((outputs.argmax(1) == exercise.test_labels[i:i + batch]).sum())
    return right / len(exercise.test_labels)


def do_steps(args, exercise, job):
    clock = Clock(args.started, args.skip)
    job.train(exercise.order[0][:args.steps], clock.tick)
    losses, _ = clock.take_losses()
    return {"first_step_s": clock.first, "hundred_steps_s": clock.hundredth, "step_ms": clock.step_ms(),
            "losses": losses[:20] if len(losses) == args.steps else [], "weights_sha256": hash_of(job.weights())}


def do_train(args, exercise, job):
    clock, epochs = Clock(args.started, 0), []
    for epoch in range(args.epochs):
        order = exercise.order[epoch]
        job.train(order[:args.steps] if args.steps else order, clock.tick)
        _, loss = clock.take_losses()
        epochs.append({"loss": loss, "accuracy": accuracy(job, exercise), "seconds": clock.since()})
    return {"epochs": epochs, "train_s": clock.since()}


def do_infer(args, exercise, job):
    one = exercise.as_float(exercise.test_images[:1])
    for _ in range(20):
        outputs = job.predict(one)
    times = []
    for _ in range(args.steps or 1000):
        start = time.perf_counter()
        job.predict(one)
        times.append(time.perf_counter() - start)
    return {"infer_us": statistics.median(times) * 1e6, "outputs": [float(v) for v in np.ravel(outputs)]}


def run(make):
    args = arguments()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    exercise = Exercise(args)
    job = make(exercise)
    result = {"steps": do_steps, "train": do_train, "infer": do_infer}[args.task](args, exercise, job)
    result |= {"version": job.version, "parameters": parameters(exercise.network)}
    print(json.dumps(result))
    sys.stdout.flush()
