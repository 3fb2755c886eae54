// weft evaluate, weft predict, weft summary: a run's folder is all they need.
#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "common.h"
#include "plan.h"
#include "run.h"
#include <weft/base/files.h>
#include <weft/base/format.h>
#include <weft/base/thread_pool.h>
#include <weft/data/loader.h>
#include <weft/graph/compile.h>
#include <weft/io/model_json.h>
#include <weft/io/saved_model.h>
#include <weft/ir/op.h>
#include <weft/nn/summary.h>
#include <weft/nn/zoo.h>
#include <weft/train/image_preprocessing.h>

namespace weft::cli {

namespace {

/// A run's model, and what it does to an image before.
struct Classifier {
  SavedModel model;
  nn::ImagePreprocessing prepare;
  const std::vector<std::string>& names() const { return model.description->class_names; }
};

/// Throws Error where model.json is no classifier of images.
Classifier load_classifier(const std::string& folder) {
  Classifier c{load_model(folder), {}};
  try {
    c.prepare = nn::ImagePreprocessing::of(c.model);
    const std::vector<Meta> outputs = infer(c.model.description->graph, 1);
    check(outputs.size() == 1 && outputs[0].shape.rank() == 2, "model.json: the model gives ",
          outputs.empty() ? "nothing" : to_string(outputs[0].shape), "; expected a number for each class");
    check(c.names().empty() || static_cast<std::int64_t>(c.names().size()) == outputs[0].shape[1],
          "model.json: 'classes' holds ", c.names().size(), " names; the model tells ", outputs[0].shape[1],
          " classes apart");
  } catch (const Error& e) {
    fail(folder, "/", e.message());
  }
  return c;
}

/// The precision asked for, else that of the run's training.
Precision precision_of(const std::string& asked, const std::string& folder) {
  if (!asked.empty()) return parse_precision(asked);
  return file_exists(folder + "/config.json") ? parse_precision(load_settings(folder).training.precision) : Precision::f32;
}

struct EvaluateFlags {
  std::string run, data, data_dir, precision;
  std::int64_t batch_size = 250;
  int threads = 0;
  bool skip_corrupt = false, json = false;
};

void evaluate(const EvaluateFlags& f) {
  check(f.threads >= 0, "--threads: received ", f.threads, "; expected 1 or more (0: all processors)");
  check(f.batch_size >= 1, "--batch-size: received ", f.batch_size, "; expected 1 or more");
  if (f.threads) set_num_threads(f.threads);
  const Classifier c = load_classifier(f.run);
  const SavedModel& model = c.model;
  Settings settings;
  if (f.data.empty()) settings = load_settings(f.run);
  else settings.data = f.data;
  if (!f.data_dir.empty()) settings.data_dir = f.data_dir;
  settings.image_size = cat(c.prepare.height, "x", c.prepare.width);
  settings.skip_corrupt |= f.skip_corrupt;
  const data::TrainTest parts = open_data(settings, c.prepare.channels);
  check(parts.test.class_names().size() == c.names().size(), "evaluate: ", settings.data, " has ",
        parts.test.class_names().size(), " classes, the model ", c.names().size());
  const Score s = score(std::cref(model), data::Loader(parts.test, {.batch_size = f.batch_size, .seed = 0,
                                                                    .transform = c.prepare.pipeline()}),
                        nn::CrossEntropy{}, false, precision_of(f.precision, f.run));
  if (f.json) {
    const nlohmann::ordered_json line{
        {"data", settings.data}, {"examples", s.examples}, {"loss", s.loss}, {"accuracy", s.accuracy}};
    std::printf("%s\n", line.dump().c_str());
    return;
  }
  std::printf("%s on %s: %lld test images, loss %.4f, accuracy %.2f %%\n", model.description->name.c_str(),
              settings.data.c_str(), static_cast<long long>(s.examples), printable(s.loss), 100 * s.accuracy);
}

struct PredictFlags {
  std::string run, precision;
  std::vector<std::string> images;
  int top = 3;
  bool json = false;
};

void predict(const PredictFlags& f) {
  check(f.top >= 1, "--top: received ", f.top, "; expected 1 or more");
  const Classifier c = load_classifier(f.run);
  const auto& names = c.names();
  // All files are read before anything is printed: a bad one leaves no half answer.
  std::vector<Tensor> inputs;
  for (const std::string& path : f.images) inputs.push_back(c.prepare(data::read_image(path, c.prepare.channels)));
  auto planned = weft::compile([&](const Tensor& x) { return softmax(c.model(x), 1); }, {.precision = precision_of(f.precision, f.run)});
  auto all = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<float> p = planned(inputs[i]).to_vector<float>();
    std::vector<std::size_t> order(p.size());
    for (std::size_t k = 0; k < p.size(); ++k) order[k] = k;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
    order.resize(std::min<std::size_t>(order.size(), static_cast<std::size_t>(f.top)));
    auto line = nlohmann::ordered_json::array();
    if (!f.json) std::printf("%s:", f.images[i].c_str());
    for (std::size_t k : order) {
      const std::string name = k < names.size() ? names[k] : std::to_string(k);
      if (f.json) line.push_back({{"class", name}, {"probability", p[k]}});
      else std::printf("  %s %.1f %%", name.c_str(), 100.0 * p[k]);
    }
    if (f.json) all.push_back({{"image", f.images[i]}, {"top", line}});
    else std::printf("\n");
  }
  if (f.json) std::printf("%s\n", all.dump().c_str());
}

struct SummaryFlags {
  std::string model = "tutorial-cnn";
  std::vector<std::int64_t> input = {3, 32, 32};
  std::int64_t classes = 10;
  std::int64_t batch = 32;
  bool plan = false, inference = false, json = false;
  std::string svg, precision;
};

/// What a run's folder holds is the network as it predicts: its forward pass is planned.
PlannedModel plan_of(const SummaryFlags& f, const Shape& sizes) {
  PlanInput input{sizes, f.batch, precision_of(f.precision, f.model)};
  if (file_exists(f.model + "/model.json")) {
    const SavedModel model = load_model(f.model);
    const auto& inputs = model.description->graph.inputs;
    check(inputs.size() == 1 && inputs[0].batched && inputs[0].meta.dtype == f32, "--plan: ", f.model, ": the model takes ", inputs.size(),
          " inputs; expected one batch of f32");
    const Dims& whole = inputs[0].meta.shape;
    input.sizes = Shape(std::span<const std::int64_t>(whole.begin() + 1, whole.end()));
    return plan_inference(f.model, model, input);
  }
  manual_seed(0);
  nn::Layer net = nn::zoo::make(f.model, f.classes);
  if (!f.inference) return plan_training(f.model, net, input, f.classes);
  nn::set_training(net.module_ref(), false);
  return plan_inference(f.model, net, input);
}

void summarize_plan(const SummaryFlags& f, const Shape& input) {
  check(f.svg.empty() || f.svg.ends_with(".svg"), "--svg: received '", f.svg, "'; expected a name that ends in .svg");
  const PlannedModel m = plan_of(f, input);
  if (!f.svg.empty()) write_file_atomically(f.svg, plan_svg(m));
  std::printf("%s", (f.json ? plan_json(m) : plan_table(m)).c_str());
  if (!f.svg.empty() && !f.json) std::printf("Picture: %s\n", f.svg.c_str());
}

void summarize_run(const std::string& folder) {
  const SavedModel model = load_model(folder);
  std::printf("%s (captured, %zu operations)\n", model.description->name.c_str(), model.description->graph.nodes.size());
  std::int64_t total = 0;
  for (const auto& [name, t] : model.weights) {
    std::printf("  %-40s %s\n", name.c_str(), to_string(t.meta()).c_str());
    total += t.numel();
  }
  std::printf("%lld numbers in the weights\n", static_cast<long long>(total));
  for (const GraphNode& node : model.description->graph.nodes) {
    const std::string attributes = to_string(node.op->get(node.attrs.get()));
    std::printf("  %s%s%s\n", node.op->name.c_str(), attributes.empty() ? "" : "  ", attributes.c_str());
  }
}

void summarize(const SummaryFlags& f) {
  for (std::int64_t n : f.input) check(n > 0, "--input: received ", n, "; expected sizes above 0");
  check(f.batch >= 1, "--batch: received ", f.batch, "; expected 1 or more");
  const Shape input{std::span<const std::int64_t>(f.input)};
  if (f.plan || !f.svg.empty()) return summarize_plan(f, input);
  check(!f.json && !f.inference && f.precision.empty(), f.json ? "--json" : f.inference ? "--inference" : "--precision", " goes with --plan");
  if (file_exists(f.model + "/model.json")) return summarize_run(f.model);
  const std::vector<Meta> inputs{{input, f32}};
  std::printf("%s", to_string(nn::summary(nn::zoo::make(f.model, f.classes), inputs)).c_str());
}

}  // namespace

void add_evaluate(CLI::App& app) {
  auto f = std::make_shared<EvaluateFlags>();
  CLI::App* c = app.add_subcommand("evaluate", "Loss and accuracy of a trained run on its test set, or on other data");
  c->add_option("run", f->run, "Folder of the run")->required();
  c->add_option("--data", f->data, "Other data set or image folder");
  c->add_option("--data-dir", f->data_dir, "A local copy of the data set's files");
  c->add_flag("--skip-corrupt", f->skip_corrupt, "Leave out images of a folder that cannot be decoded");
  c->add_option("--batch-size", f->batch_size, "Examples at once");
  c->add_option("--threads", f->threads, "Threads (0: all processors)");
  c->add_option("--precision", f->precision, "f32 or bf16 (default: that of the training)");
  c->add_flag("--json", f->json, "Print one line of JSON");
  c->callback([f] { evaluate(*f); });
}

void add_predict(CLI::App& app) {
  auto f = std::make_shared<PredictFlags>();
  CLI::App* c = app.add_subcommand("predict", "Classify JPEG or PNG images with a trained run");
  c->add_option("run", f->run, "Folder of the run")->required();
  c->add_option("images", f->images, "Image files of any size")->required();
  c->add_option("--top", f->top, "How many classes to print");
  c->add_option("--precision", f->precision, "f32 or bf16 (default: that of the training)");
  c->add_flag("--json", f->json, "Print JSON");
  c->callback([f] { predict(*f); });
}

void add_summary(CLI::App& app) {
  auto f = std::make_shared<SummaryFlags>();
  CLI::App* c = app.add_subcommand("summary", "Layers, shapes, parameters and multiply-adds of a network or a run");
  c->add_option("model", f->model, "tutorial-cnn, mlp, resnet20, small-resnet, or the folder of a run");
  c->add_option("--input", f->input, "Sizes of one input: channels height width")->expected(1, 7);
  c->add_option("--classes", f->classes, "Number of classes");
  c->add_flag("--plan", f->plan, "The planned training step instead: what fused, kernels, places in memory, times");
  c->add_flag("--inference", f->inference, "With --plan: the forward pass alone");
  c->add_option("--batch", f->batch, "With --plan: examples at once");
  c->add_option("--precision", f->precision, "With --plan: f32 or bf16 (default: that of the run's training)");
  c->add_option("--svg", f->svg, "With --plan: also write a picture of the arena and the times to this file");
  c->add_flag("--json", f->json, "With --plan: print JSON");
  c->callback([f] { summarize(*f); });
}

}  // namespace weft::cli
