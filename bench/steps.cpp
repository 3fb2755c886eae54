// Training steps of the networks of networks.h, eager and by weft::compile in f32 and in bf16: forward, loss, gradients, Adam. Google
// Benchmark's arguments; WEFT_THREADS sets the threads. Names are step/NETWORK/BATCH/MODE.
#include <benchmark/benchmark.h>

#include <cstdio>

#include <weft/weft.h>

#include "networks.h"

using namespace weft;

namespace {

template <class Step>
void run(benchmark::State& state, const bench::Network& network, std::int64_t batch, Step&& step) {
  Shape shape = network.input;
  shape.insert(0, batch);
  const Tensor x = rand(shape), y = randint(0, 10, {batch});
  for (int i = 0; i < 3; ++i) step(x, y).item();  // plans are made, memory is found
  for (auto _ : state) benchmark::DoNotOptimize(step(x, y).item());
  state.SetItemsProcessed(state.iterations() * batch);
}

void measure(benchmark::State& state, const bench::Network& network, std::int64_t batch, const std::string& mode) {
  manual_seed(0);
  nn::Layer net = network.make();
  nn::set_training(net.module_ref(), true);
  optim::Optimizer opt{net.module_ref(), optim::Adam{.lr = 1e-3}};
  const auto step = [&](const Tensor& x, const Tensor& y) {
    const Tensor loss = network.loss(net(x), x, y);
    opt.step(nn::grad(loss, net.module_ref()));
    return loss;
  };
  const Precision precision = mode == "bf16" ? Precision::bf16 : Precision::f32;
  if (mode != "eager") run(state, network, batch, weft::compile(step, {.precision = precision}));
  else run(state, network, batch, step);
}

void add(const bench::Network& network, std::int64_t batch) {
  for (const std::string mode : {"eager", "compiled", "bf16"}) {
    const std::string name = "step/" + std::string(network.name) + "/" + std::to_string(batch) + "/" + mode;
    const auto run = [&network, batch, mode](benchmark::State& state) { measure(state, network, batch, mode); };
    benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond)->UseRealTime();
  }
}

}  // namespace

int main(int argc, char** argv) try {
  for (const bench::Network& network : bench::networks()) {
    network.make();  // has it the parameters that it states?
    add(network, network.batch);
    if (network.name == "tutorial-cnn") add(network, 128);
    benchmark::AddCustomContext("parameters of " + std::string(network.name), std::to_string(network.parameters));
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("weft threads", std::to_string(num_threads()));
  benchmark::RunSpecifiedBenchmarks();
  return 0;
} catch (const Error& e) {
  std::fprintf(stderr, "bench_steps: %s\n", e.what());
  return 2;
}
