// Weft's job, on the command line that every peer's takes (compare/jobs/job.py), with one line of JSON at the end.
// Forms: fit (compile and fit), compiled (own loop with weft::compile), bf16 (the same with products in bf16), eager (own
// loop).
// `weft_job --task prepare --dir DIR [--data NAME] [--data-dir DIR] [--seeds N] [--epochs N]` writes what all jobs
// read: images and labels as bytes, initial weights, the order of the images.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>

#include <nlohmann/json.hpp>
#include <sys/time.h>

#include <weft/weft.h>

#include "networks.h"

using namespace weft;
using nlohmann::json;

namespace {

/// --name value …
struct Arguments {
  std::map<std::string, std::string> given;
  Arguments(int argc, char** argv) {
    for (int i = 1; i < argc; i += 2) {
      const std::string name = argv[i];
      check(name.starts_with("--") && i + 1 < argc, "received '", name, "'; expected --name value");
      given[name.substr(2)] = argv[i + 1];
    }
  }
  std::string text(const std::string& name, const std::string& otherwise) const {
    const auto at = given.find(name);
    return at == given.end() ? otherwise : at->second;
  }
  double number(const std::string& name, double otherwise) const {
    const auto at = given.find(name);
    if (at == given.end()) return otherwise;
    char* end = nullptr;
    const double value = std::strtod(at->second.c_str(), &end);
    check(end && *end == 0 && !at->second.empty(), "--", name, ": received '", at->second, "'; expected a number");
    return value;
  }
  std::int64_t whole(const std::string& name, std::int64_t otherwise) const {
    return static_cast<std::int64_t>(number(name, static_cast<double>(otherwise)));
  }
};

double now() {
  timeval t;
  gettimeofday(&t, nullptr);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  const std::size_t n = v.size();
  return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

void write_bytes(const std::string& path, const void* bytes, std::size_t size) {
  std::ofstream out(path, std::ios::binary);
  out.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  check(out.good(), path, " cannot be written");
}

std::vector<std::uint8_t> read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  check(in.good(), path, " cannot be read; run --task prepare first");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(in.tellg()));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

// ---- prepare ----

void write_part(const std::string& dir, const std::string& part, const data::ImageDataset& set) {
  check(set.image_shape() == Shape{3, 32, 32}, "images are ", to_string(set.image_shape()), "; expected [3, 32, 32]");
  write_bytes(dir + "/" + part + "-images.u8", set.pixels().data(), set.pixels().size());
  const std::vector<std::uint8_t> labels(set.labels().begin(), set.labels().end());
  write_bytes(dir + "/" + part + "-labels.u8", labels.data(), labels.size());
}

/// CIFAR-10 where it is there or can be fetched, else the drawn data set.
std::pair<std::string, data::TrainTest> open_data(const std::string& name, const std::string& dir) {
  if (name != "auto") return {name, data::open(name, {.data_dir = dir})};
  try {
    return {"cifar10", data::open("cifar10", {.data_dir = dir})};
  } catch (const Error& e) {
    if (!dir.empty()) throw;
    std::fprintf(stderr, "no CIFAR-10 (%s): shapes10 instead\n", e.what());
    return {"shapes10", data::open("shapes10")};
  }
}

json prepare(const Arguments& a) {
  const std::string dir = a.text("dir", "");
  auto [name, sets] = open_data(a.text("data", "auto"), a.text("data-dir", ""));
  write_part(dir, "train", sets.train);
  write_part(dir, "test", sets.test);
  json counts;
  for (std::int64_t seed = 0; seed < a.whole("seeds", 1); ++seed) {
    const std::string number = std::to_string(seed);
    std::vector<std::int64_t> order;
    const std::int64_t n = sets.train.size(), epochs = a.whole("epochs", 1);
    for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
      const auto p = data::permutation(n, static_cast<std::uint64_t>(seed), epoch);
      order.insert(order.end(), p.begin(), p.end());
    }
    save_npy(dir + "/order-" + number + ".npy", tensor_of(order, {epochs, n}));
    for (const bench::Network& network : bench::networks()) {
      manual_seed(static_cast<std::uint64_t>(seed));
      const nn::Layer net = network.make();
      save_npz(dir + "/" + std::string(network.name) + "-" + number + ".npz", nn::state_dict(net.module_ref()));
      counts[std::string(network.name)] = network.parameters;
    }
  }
  return {{"data", name}, {"train", sets.train.size()}, {"test", sets.test.size()}, {"parameters", counts}};
}

// ---- the job ----

data::ImageDataset read_part(const std::string& dir, const std::string& part, const bench::Network& network) {
  std::vector<std::uint8_t> pixels = read_bytes(dir + "/" + part + "-images.u8");
  const std::vector<std::uint8_t> bytes = read_bytes(dir + "/" + part + "-labels.u8");
  if (network.input == Shape{1, 28, 28}) {  // the middle of the red channel
    std::vector<std::uint8_t> middle(bytes.size() * 28 * 28);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      for (std::size_t row = 0; row < 28; ++row)
        std::copy_n(pixels.begin() + static_cast<std::ptrdiff_t>(i * 3072 + (row + 2) * 32 + 2), 28,
                    middle.begin() + static_cast<std::ptrdiff_t>((i * 28 + row) * 28));
    pixels = std::move(middle);
  }
  std::vector<std::string> classes;
  for (int i = 0; i < 10; ++i) classes.push_back(std::to_string(i));
  return {part, network.input, std::move(pixels), {bytes.begin(), bytes.end()}, classes};
}

/// Takes losses and times, as Clock in job.py.
class Clock {
 public:
  Clock(double started, std::int64_t skip) : started_(started), skip_(skip) {}
  double since() const { return now() - started_; }
  /// After a step; `loss` reads its loss.
  template <class Loss> void tick(Loss&& loss) {
    const std::int64_t before = done_++;
    if (done_ / window == before / window && before && done_ != 100) return;
    loss();
    if (before == 0) first_ = since();
    if (done_ == 100) hundredth_ = since();
    if (done_ >= skip_) marks_.emplace_back(done_, now());
  }
  std::int64_t done() const { return done_; }
  json report() const {
    std::vector<double> times;
    for (std::size_t i = 1; i < marks_.size(); ++i) {
      const auto [before, then] = marks_[i - 1];
      times.push_back((marks_[i].second - then) / static_cast<double>(marks_[i].first - before));
    }
    return {{"first_step_s", first_},
            {"hundred_steps_s", done_ >= 100 ? json(hundredth_) : json()},
            {"step_ms", times.empty() ? json() : json(median(times) * 1e3)}};
  }

 private:
  static constexpr std::int64_t window = 10;
  double started_;
  std::int64_t skip_, done_ = 0;
  double first_ = 0, hundredth_ = 0;
  std::vector<std::pair<std::int64_t, double>> marks_;
};

struct Job {
  const bench::Network& network;
  std::string form, dir;
  std::int64_t batch, steps, epochs;  ///< steps: in all, or an epoch; 0: all of the epoch
  data::ImageDataset train, test;
  nn::Layer net;
  Tensor order;
  Clock clock;

  explicit Job(const Arguments& a)
      : network(bench::network(a.text("network", "tutorial-cnn"))), form(a.text("form", "")), dir(a.text("dir", "")),
        batch(a.whole("batch", 32)), steps(a.whole("steps", 0)), epochs(a.whole("epochs", 10)),
        train(read_part(dir, "train", network)), test(read_part(dir, "test", network)), net(network.build()),
        clock(a.number("started", now()), a.whole("skip", 100)) {
    const std::string seed = std::to_string(a.whole("seed", 0));
    check(form == "fit" || form == "compiled" || form == "bf16" || form == "eager", "--form: received '", form,
          "'; expected fit, compiled, bf16 or eager");
    net = network.make();
    nn::load_state_dict(net.module_ref(), load_npz(dir + "/" + std::string(network.name) + "-" + seed + ".npz"));
    order = load_npy(dir + "/order-" + seed + ".npy");
  }

  bool planned() const { return form != "eager"; }
  PlanOptions plan() const { return {.precision = form == "bf16" ? Precision::bf16 : Precision::f32}; }

  data::LoaderOptions loading() const {
    const auto numbers = [order = order, keep = steps * batch](std::uint64_t, std::int64_t epoch) {
      const auto all = order[epoch].to_vector<std::int64_t>();
      const auto size = static_cast<std::int64_t>(all.size());
      return std::vector<std::int64_t>(all.begin(), all.begin() + (keep ? std::min(keep, size) : size));
    };
    return {.batch_size = batch, .drop_last = true, .sampler = numbers};
  }
};

/// Training by `fit`; `done(epoch, logs)` after each epoch, `step(logs)` after each step where it is wanted.
struct Hooks : nn::Callback {
  std::function<void(const nn::Logs&)> step, epoch;
  void on_train_batch_end(nn::Model&, std::int64_t, const nn::Logs& logs) override {
    if (step) step(logs);
  }
  void on_epoch_end(nn::Model&, int, const nn::Logs& logs) override { epoch(logs); }
  bool wants_batches() const override { return static_cast<bool>(step); }
};

nn::Model by_fit(Job& job, Hooks hooks, bool validate) {
  check(!job.network.autoencoder, "the form fit has no job for the autoencoder; expected compiled or eager");
  nn::Model model{job.net};
  nn::load_state_dict(model.module_ref(), nn::state_dict(job.net.module_ref()));
  model.compile({.optimizer = optim::Adam{.lr = 1e-3}, .loss = nn::CrossEntropy{}, .metrics = {metrics::Accuracy{}}});
  model.fit(job.train, {.batch_size = job.batch,
                        .epochs = static_cast<int>(validate ? job.epochs : 1),
                        .verbose = 0,
                        .callbacks = {hooks},
                        .validation_data = validate ? nn::OptionalDataset(&job.test) : nn::OptionalDataset(),
                        .shuffle = false,
                        .validation_batch_size = 100,
                        .loader = job.loading()});
  return model;
}

/// A loop of one's own over `epochs` epochs; after(losses) at the end of each.
template <class After> void by_hand(Job& job, std::int64_t epochs, After&& after) {
  optim::Optimizer opt{job.net.module_ref(), optim::Adam{.lr = 1e-3}};
  const auto step = [&](const Tensor& x, const Tensor& y) {
    const Tensor loss = job.network.loss(job.net(x), x, y);
    opt.step(nn::grad(loss, job.net.module_ref()));
    return loss.detach();
  };
  auto compiled = weft::compile(step, job.plan());
  data::Loader loader{job.train, job.loading()};
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    nn::set_training(job.net.module_ref(), true);
    std::vector<Tensor> losses;
    for (auto [x, y] : loader) {
      losses.push_back(job.planned() ? compiled(x, y) : step(x, y));
      job.clock.tick([&] { losses.back().item(); });
    }
    std::vector<double> values;
    for (const Tensor& loss : losses) values.push_back(loss.item());
    after(values);
  }
}

double accuracy(Job& job) {
  const nn::ModeScope still(job.net.module_ref(), false);
  const NoGrad off;
  metrics::Accuracy accuracy;
  for (auto [x, y] : data::Loader{job.test, {.batch_size = 100}}) accuracy.update(job.net(x), y);
  return accuracy.result();
}

json do_steps(Job& job) {
  std::vector<double> losses;
  std::string hash;
  if (job.form == "fit") {
    double total = 0;
    Hooks hooks;
    hooks.step = [&](const nn::Logs& logs) {
      const double before = total;  // logs hold the mean of all steps so far
      total = logs["loss"] * static_cast<double>(job.clock.done() + 1);
      losses.push_back(total - before);
      job.clock.tick([] {});
    };
    hooks.epoch = [](const nn::Logs&) {};
    hash = weights_sha256(nn::state_dict(by_fit(job, hooks, false).module_ref()));
  } else {
    by_hand(job, 1, [&](const std::vector<double>& values) { losses = values; });
    hash = weights_sha256(nn::state_dict(job.net.module_ref()));
  }
  if (losses.size() > 20) losses.resize(20);
  json result = job.clock.report();
  result["losses"] = losses;
  result["weights_sha256"] = hash;
  return result;
}

json do_train(Job& job) {
  json epochs = json::array();
  const auto note = [&](double loss, double accuracy) {
    epochs.push_back({{"loss", loss}, {"accuracy", accuracy}, {"seconds", job.clock.since()}});
  };
  if (job.form == "fit") {
    Hooks hooks;
    hooks.epoch = [&](const nn::Logs& logs) { note(logs["loss"], logs["val_accuracy"]); };
    by_fit(job, hooks, true);
  } else {
    by_hand(job, job.epochs, [&](const std::vector<double>& losses) {
      double sum = 0;
      for (const double v : losses) sum += v;
      note(sum / static_cast<double>(losses.size()), accuracy(job));
    });
  }
  return {{"epochs", epochs}, {"train_s", job.clock.since()}};
}

json do_infer(Job& job) {
  check(job.form != "fit", "the form fit has no inference; expected compiled or eager");
  const Tensor x = cast(slice(job.test.images(), 0, 0, 1), f32) / 255.0;
  const nn::ModeScope still(job.net.module_ref(), false);
  const NoGrad off;
  const auto forward = [&](const Tensor& input) { return job.net(input); };
  auto compiled = weft::compile(forward, job.plan());
  const auto predict = [&] { return job.planned() ? compiled(x) : forward(x); };
  std::vector<double> outputs;
  for (int i = 0; i < 20; ++i) outputs = predict().to_vector<double>();
  std::vector<double> times;
  for (std::int64_t i = 0; i < (job.steps ? job.steps : 1000); ++i) {
    const double start = now();
    predict();
    times.push_back(now() - start);
  }
  return {{"infer_us", median(times) * 1e6}, {"outputs", outputs}};
}

}  // namespace

int main(int argc, char** argv) try {
  const Arguments a(argc, argv);
  check(a.given.contains("dir"), "received no --dir; expected the folder of the exercise");
  const std::string task = a.text("task", "");
  json result;
  if (task == "prepare") {
    result = prepare(a);
  } else {
    check(task == "steps" || task == "train" || task == "infer", "--task: received '", task,
          "'; expected prepare, steps, train or infer");
    set_num_threads(static_cast<int>(a.whole("threads", 2)));
    Job job(a);
    result = task == "steps" ? do_steps(job) : task == "train" ? do_train(job) : do_infer(job);
    result["parameters"] = job.network.parameters;
  }
  result["version"] = version();
  std::printf("%s\n", result.dump().c_str());
  return 0;
} catch (const Error& e) {
  std::fprintf(stderr, "weft_job: %s\n", e.what());
  return 2;
}
