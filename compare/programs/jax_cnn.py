"""The tutorial CNN as a user of JAX writes it, with Flax for the layers and Optax for Adam."""
import jax
import numpy as np
import optax
from flax import nnx
from torchvision import datasets


class Net(nnx.Module):
    def __init__(self, rngs):
        self.conv1 = nnx.Conv(3, 32, (3, 3), padding="VALID", rngs=rngs)
        self.conv2 = nnx.Conv(32, 64, (3, 3), padding="VALID", rngs=rngs)
        self.conv3 = nnx.Conv(64, 64, (3, 3), padding="VALID", rngs=rngs)
        self.dense = nnx.Linear(64 * 4 * 4, 64, rngs=rngs)
        self.head = nnx.Linear(64, 10, rngs=rngs)

    def __call__(self, x):
        x = nnx.max_pool(nnx.relu(self.conv1(x)), (2, 2), (2, 2))
        x = nnx.max_pool(nnx.relu(self.conv2(x)), (2, 2), (2, 2))
        x = nnx.relu(self.conv3(x)).reshape(x.shape[0], -1)
        return self.head(nnx.relu(self.dense(x)))


def load(train):
    data = datasets.CIFAR10("data", train=train, download=True)
    return data.data.astype(np.float32) / 255, np.array(data.targets)


@nnx.jit
def step(net, optimizer, x, y):
    def loss_of(net):
        return optax.softmax_cross_entropy_with_integer_labels(net(x), y).mean()
    loss, gradients = nnx.value_and_grad(loss_of)(net)
    optimizer.update(net, gradients)
    return loss


forward = nnx.jit(lambda net, x: net(x).argmax(1))
train_x, train_y = load(True)
test_x, test_y = load(False)
net = Net(nnx.Rngs(0))
optimizer = nnx.Optimizer(net, optax.adam(1e-3), wrt=nnx.Param)
random = np.random.default_rng(0)
for epoch in range(10):
    order = random.permutation(len(train_x))
    for i in range(0, len(order) - 31, 32):
        index = order[i:i + 32]
        step(net, optimizer, train_x[index], train_y[index])
    right = sum(int((forward(net, test_x[i:i + 250]) == test_y[i:i + 250]).sum()) for i in range(0, len(test_x), 250))
    print(f"epoch {epoch + 1}: test accuracy {right / len(test_x):.4f}")
np.savez("jax-cnn.npz", *jax.tree.leaves(nnx.state(net)))
