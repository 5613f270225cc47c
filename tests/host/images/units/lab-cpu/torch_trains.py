"""PyTorch learns a separable problem on CPU, and gives the gradient that calculus gives."""

import torch

torch.manual_seed(0)
x = torch.randn(256, 1, 8, 8)
y = (x.mean(dim=(1, 2, 3)) > 0).long()
model = torch.nn.Sequential(
    torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(36, 2)
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=64, num_workers=1)
for _ in range(30):
    for batch, labels in loader:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(batch), labels).backward()
        optimizer.step()
accuracy = (model(x).argmax(1) == y).double().mean().item()
assert accuracy > 0.9, accuracy

w = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
(w**3).sum().backward()
assert w.grad is not None
assert torch.equal(w.grad, 3 * w.detach() ** 2)
assert not torch.cuda.is_available()
torch.testing.assert_close(torch.linalg.inv(torch.eye(3) * 2), torch.eye(3) / 2)
