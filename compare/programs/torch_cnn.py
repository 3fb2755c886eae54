"""The tutorial CNN as a user of PyTorch writes it: what examples/own_loop.cpp is for Weft."""
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.dense = nn.Linear(64 * 4 * 4, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.conv3(x)).flatten(1)
        return self.head(F.relu(self.dense(x)))


torch.manual_seed(0)
train = datasets.CIFAR10("data", train=True, download=True, transform=transforms.ToTensor())
test = datasets.CIFAR10("data", train=False, download=True, transform=transforms.ToTensor())
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
loader = DataLoader(train, batch_size=32, shuffle=True)
for epoch in range(10):
    net.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
    net.eval()
    right = 0
    with torch.no_grad():
        for x, y in DataLoader(test, batch_size=250):
            right += (net(x).argmax(1) == y).sum().item()
    print(f"epoch {epoch + 1}: test accuracy {right / len(test):.4f}")
torch.save(net.state_dict(), "own-loop.pt")
