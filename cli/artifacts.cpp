#include "artifacts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <optional>
#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include <weft/base/format.h>
#include <weft/base/thread_pool.h>
#include <weft/base/view.h>
#include <weft/io/safetensors.h>
#include <weft/io/model_json.h>
#include <weft/io/saved_model.h>
#include <weft/kernels/cpu_info.h>
#include <weft/nn/losses.h>
#include <weft/nn/summary.h>
#include <weft/ops/ops.h>
#include <weft/train/image_preprocessing.h>
#include <weft/train/report.h>

namespace weft::cli {

namespace {

double peak_rss_mb() {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// The median without the first ten steps.
double ms_per_step(std::vector<double> seconds) {
  if (seconds.size() > 10) seconds.erase(seconds.begin(), seconds.begin() + 10);
  if (seconds.empty()) return 0;
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle * 1e3;
}

/// Fills in everything that follows from the outputs on the test set.
void judge(const Tensor& logits, const data::ImageDataset& test, nn::ReportData& report, Outcome& outcome) {
  const std::int64_t n = test.size(), classes = logits.size(1);
  outcome.test_loss = nn::cross_entropy(logits.to(cpu), test.targets()).item();
  const std::vector<double> p = softmax(logits.to(cpu), 1).to_vector<double>();
  report.confusion.assign(static_cast<std::size_t>(classes),
                          std::vector<std::int64_t>(static_cast<std::size_t>(classes)));
  std::vector<std::pair<double, std::int64_t>> wrong;
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto row = p.begin() + i * classes;
    const std::int64_t predicted = std::max_element(row, row + classes) - row, label = test.label(i);
    ++report.confusion[static_cast<std::size_t>(label)][static_cast<std::size_t>(predicted)];
    if (predicted == label) ++right;
    else wrong.emplace_back(row[predicted], i);
  }
  outcome.test_accuracy = static_cast<double>(right) / static_cast<double>(n);
  const auto shown = std::min<std::size_t>(wrong.size(), 24);
  std::partial_sort(wrong.begin(), wrong.begin() + static_cast<std::ptrdiff_t>(shown), wrong.end(), std::greater<>());
  const Shape& shape = test.image_shape();
  for (std::size_t k = 0; k < shown; ++k) {
    const auto [confidence, i] = wrong[k];
    const auto row = p.begin() + i * classes;
    const auto pixels =
        test.pixels().subspan(static_cast<std::size_t>(i * shape.numel()), static_cast<std::size_t>(shape.numel()));
    report.wrong.push_back({{pixels.begin(), pixels.end()},
                            static_cast<int>(shape[0]),
                            static_cast<int>(shape[1]),
                            static_cast<int>(shape[2]),
                            test.label(i),
                            std::max_element(row, row + classes) - row,
                            confidence,
                            "test image " + std::to_string(i)});
  }
}

/// The last epoch's value; NaN where no epoch has ended.
double last(const nn::History& history, const char* name) {
  return history.logs.empty() ? NAN : history.logs.back()[name];
}

void describe(nn::ReportData& report, const Settings& settings, const Outcome& outcome) {
  report.title = settings.training.model + " on " + data_name(settings);
  if (outcome.interrupted)
    report.results = {{"interrupted", format("after %lld steps", static_cast<long long>(outcome.steps))}};
  else
    report.results = {{"test accuracy", format("%.2f %%", 100 * outcome.test_accuracy)},
                      {"test loss", format("%.4f", outcome.test_loss)}};
  if (!outcome.history.logs.empty()) {
    report.results.emplace_back("training accuracy", format("%.2f %%", 100 * last(outcome.history, "accuracy")));
    report.results.emplace_back("training loss", format("%.4f", last(outcome.history, "loss")));
  }
  report.results.emplace_back("training time", format("%.1f s", outcome.train_seconds));
  report.results.emplace_back("time a step", format("%.2f ms", ms_per_step(outcome.step_seconds)));
  report.settings = to_list(settings);
  const std::time_t now = std::time(nullptr);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", std::localtime(&now));
  report.environment = libraries();
  report.environment.insert(report.environment.end(), {{"date", date},
                                                       {"processor", cpu_name() + " (" + cpu_features() + ")"},
                                                       {"threads", std::to_string(num_threads())},
                                                       {"device", to_string(outcome.device)},
                                                       {"steps", std::to_string(outcome.steps)},
                                                       {"peak memory", format("%.0f MB", peak_rss_mb())},
                                                       {"weights (SHA-256)", outcome.weights_sha256}});
}

/// Writes model.safetensors, model.json and, where an epoch has ended, history.csv.
void write_model(nn::Model& model, const Settings& settings, const data::ImageDataset& dataset,
                 const data::LoaderOptions& test_loader, const Outcome& outcome) {
  const Shape image = dataset.image_shape();
  Shape batch = image;
  batch.insert(0, 1);
  SavedModel saved =
      capture_model(model.module_ref(), [&](const std::vector<Tensor>& x) { return model.layer().call_all(x); },
                    {{.meta = {batch, f32}}});
  saved.description->name = settings.training.model;
  saved.description->class_names = dataset.class_names();
  nn::ImagePreprocessing::of(image, test_loader.transform).describe(saved);
  save_model(outcome.folder, saved);
  if (!outcome.history.logs.empty()) outcome.history.write_csv(outcome.folder + "/history.csv");
}

}  // namespace

void write_artifacts(nn::Model& model, const Settings& settings, const data::TrainTest& data,
                     const data::LoaderOptions& test_loader, Outcome& outcome) {
  std::optional<optim::AverageScope> averages;  // they are what is tested and kept
  if (settings.training.ema > 0) averages.emplace(model.optimizer());
  nn::ReportData report;
  if (!outcome.interrupted) {
    nn::PredictOptions predict;
    predict.batch_size = test_batch_size(settings);
    predict.loader = test_loader;
    judge(model.predict(data.test, predict), data.test, report, outcome);
  }
  outcome.weights_sha256 = weights_sha256(nn::state_dict(model.module_ref()));
  const Shape image = data.test.image_shape();
  write_model(model, settings, data.test, test_loader, outcome);
  report.summary = to_string(nn::summary(model.layer(), std::vector<Meta>{{image, f32}}));
  report.class_names = data.test.class_names();
  report.history = outcome.history;
  describe(report, settings, outcome);
  nn::write_report(outcome.folder + "/report.html", report);
}

void print_outcome(const Outcome& o, const Settings& s, const RunOptions& run) {
  if (o.interrupted)
    std::printf("Interrupted after %lld steps; the model is kept in %s.\nGo on with: weft train --resume %s\n",
                static_cast<long long>(o.steps), o.folder.c_str(), o.folder.c_str());
  else if (run.verbose != 0)
    std::printf("Test accuracy %.2f %%, test loss %.4f; %lld steps in %.1f s (%.2f ms a step)\n"
                "Report: %s/report.html\n",
                100 * o.test_accuracy, printable(o.test_loss), static_cast<long long>(o.steps), o.train_seconds,
                ms_per_step(o.step_seconds), o.folder.c_str());
  if (!run.json) return;
  nlohmann::ordered_json j;
  j["train_loss"] = last(o.history, "loss");  // JSON has no NaN: what is not known is null
  j["train_accuracy"] = last(o.history, "accuracy");
  j["test_loss"] = o.test_loss;
  j["test_accuracy"] = o.test_accuracy;
  j["interrupted"] = o.interrupted;
  j["epochs"] = o.history.epoch.size();
  j["steps"] = o.steps;
  j["seconds"] = o.seconds;
  j["ms_per_step"] = ms_per_step(o.step_seconds);
  j["peak_rss_mb"] = peak_rss_mb();
  j["threads"] = num_threads();
  j["device"] = to_string(o.device);
  j["seed"] = s.seed;
  j["weights_sha256"] = o.weights_sha256;
  j["out"] = o.folder;
  std::printf("%s\n", j.dump().c_str());
}

}  // namespace weft::cli
