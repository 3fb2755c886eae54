// Trains the tutorial CNN from exported weights in an exported order, so that a peer can do the identical job.
// Usage: parity OUT DATA_DIR [f32|f64] [steps] [seed] [torch|keras]: writes OUT/init.safetensors, OUT/order.npy and OUT/losses.npy,
// and prints the mean loss of the last epoch and the accuracy on the test set.
// bench/parity.py repeats it in PyTorch and Keras and compares the losses.
#include <cstdio>
#include <string>

#include <weft/nn/zoo.h>
#include <weft/weft.h>

using namespace weft;

int main(int argc, char** argv) try {
  check(argc >= 3, "usage: parity OUT DATA_DIR [f32|f64] [steps] [seed] [torch|keras]");
  const std::string out = argv[1];
  const DType dtype = parse_dtype(argc > 3 ? argv[3] : "f32");
  const std::int64_t steps = argc > 4 ? std::stoll(argv[4]) : 200, batch = 32;
  const std::uint64_t seed = argc > 5 ? std::stoull(argv[5]) : 0;
  const data::ImageDataset train = data::cifar10({.data_dir = argv[2]});
  const Tensor images = train.images(), labels = train.targets();

  manual_seed(seed);
  nn::Sequential net = nn::zoo::tutorial_cnn();
  net(zeros({1, 3, 32, 32}));  // sizes are found, weights drawn
  save_weights(out + "/init.safetensors", net);
  if (dtype == f64) net.to(f64);
  const bool keras = argc > 6 && std::string(argv[6]) == "keras";  // whose Adam: they differ in eps
  optim::Optimizer opt{net, keras ? optim::keras::adam(1e-3) : optim::Adam{.lr = 1e-3}};

  std::vector<std::int64_t> order;
  const std::int64_t per_epoch = train.size() / batch;
  for (std::int64_t epoch = 0; epoch * per_epoch < steps; ++epoch) {
    const auto p = data::permutation(train.size(), seed, epoch);
    order.insert(order.end(), p.begin(), p.begin() + per_epoch * batch);
  }
  order.resize(static_cast<std::size_t>(steps * batch));
  save_npy(out + "/order.npy", tensor_of(order, {steps, batch}));

  std::vector<double> losses;
  for (std::int64_t s = 0; s < steps; ++s) {
    const Tensor index = tensor_of(std::vector<std::int64_t>(order.begin() + s * batch, order.begin() + (s + 1) * batch), {batch});
    const Tensor x = cast(take(images, index, 0), dtype) / 255.0, y = take(labels, index, 0);
    const Tensor loss = nn::cross_entropy(net(x), y);
    opt.step(grad(loss, net));
    losses.push_back(loss.item());
  }
  save_npy(out + "/losses.npy", tensor_of(losses, {steps}));
  const std::int64_t last = std::min(steps, per_epoch);
  double sum = 0;
  for (std::int64_t s = steps - last; s < steps; ++s) sum += losses[static_cast<std::size_t>(s)];
  const data::ImageDataset test = data::cifar10({.train = false, .data_dir = argv[2]});
  NoGrad off;
  metrics::Accuracy accuracy;
  for (auto [x, y] : data::Loader{test, {.batch_size = 500}}) accuracy.update(net(cast(x, dtype)), y);
  std::printf("weft seed %llu: %lld steps, mean loss of the last %lld %.4f, test accuracy %.4f; first loss %.9f\n",
              static_cast<unsigned long long>(seed), static_cast<long long>(steps), static_cast<long long>(last),
              sum / static_cast<double>(last), accuracy.result(), losses.front());
  return 0;
} catch (const Error& e) {
  std::fprintf(stderr, "parity: %s\n", e.what());
  return 2;
}
