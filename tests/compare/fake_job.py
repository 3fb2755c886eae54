#!/usr/bin/env python3
"""A job that computes nothing: it prints figures that follow from its first argument, the milliseconds of a step."""
import json
import os
import sys

step_ms = float(sys.argv[1])
given = dict(zip(sys.argv[2::2], sys.argv[3::2]))
task, form, threads = given["--task"], given.get("--form"), int(given.get("--threads", 1))
if form == "broken":
    sys.exit("fake: this form never works")
if task == "prepare":
    with open(os.path.join(given["--dir"], "train-images.u8"), "wb") as f:
        f.write(bytes(2_000_000))
    print(json.dumps({"data": "pretended", "parameters": {"tutorial-cnn": 122570, "mlp": 101770}}))
    sys.exit()
batch = int(given.get("--batch", 1))
losses = [2.0 + (0.001 if form == "slow" else 0), 1.0]
results = {
    "steps": {"step_ms": step_ms * batch / 32, "first_step_s": 0.25, "hundred_steps_s": 0.25 + step_ms / 10,
              "losses": losses, "weights_sha256": "same" if step_ms < 5 else f"of {threads} threads"},
    "train": {"epochs": [{"loss": 1.5, "accuracy": 0.5, "seconds": 10 * step_ms},
                         {"loss": 0.625, "accuracy": 0.6875, "seconds": 20 * step_ms}],
              "train_s": 20 * step_ms},
    "infer": {"infer_us": 100 * step_ms},
}
print("a line of chatter before the result")
parameters = {"mlp": 101770}.get(given["--network"], 122570)
print(json.dumps(results[task] | {"version": f"fake {step_ms}", "parameters": parameters}))
