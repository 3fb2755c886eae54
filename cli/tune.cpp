// weft tune, and what `weft train --tune` does before it trains.
#include "tune.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>

#include "commands.h"
#include <weft/base/files.h>
#include <weft/base/format.h>
#include <weft/base/version.h>
#include <weft/io/json_values.h>
#include <weft/kernels/cpu_info.h>
#include <weft/base/names.h>
#include <weft/nn/zoo.h>
#include <weft/tensor/state.h>

namespace weft::cli {

namespace {

using Json = weft::detail::Json;
using Clock = std::chrono::steady_clock;

constexpr int schema = 1;
/// A change is kept where it makes the plan this much faster: less is noise.
constexpr double worth = 0.97;

/// What a file must say to be of this machine and version.
Json origin() {
  return {{"schema", schema}, {"weft", version()}, {"instruction_set", cpu_features()}, {"onednn", onednn_version()}};
}

std::string text_of(const Json& v) { return v.is_string() ? v.get<std::string>() : v.dump(); }

Tuning parse_tuning(const std::string& text) {
  const Json j = weft::detail::parse_json(text);
  check(j.is_object(), "received ", j.dump().substr(0, 100), "; expected an object");
  const Json here = origin();
  for (const auto& [key, value] : here.items()) {
    check(j.contains(key), "'", key, "' is missing");
    check(j[key] == value, "it is of another machine or version: its ", key, " is '", text_of(j[key]).substr(0, 100), "', here '", text_of(value), "'");
  }
  check(j.contains("measured") && j["measured"].is_array() && j.contains("kernels") && j["kernels"].is_object(),
        "expected a list 'measured' and an object 'kernels'");
  Tuning t;
  for (const Json& title : j["measured"]) {
    check(title.is_string(), "'measured' holds ", title.dump().substr(0, 100), "; expected texts");
    t.measured.push_back(title);
  }
  for (const auto& [key, kernel] : j["kernels"].items()) {
    check(kernel.is_string(), "'kernels' holds ", kernel.dump().substr(0, 100), "; expected the name of a kernel");
    t.kernels[key] = kernel;
  }
  return t;
}

/// The runs of a measurement: three that are timed, but one where it is no better than `best`.
Enough timed_against(double best) {
  return [best](const PlanReport& r) { return r.timed >= 3 || total_seconds(r) > 1.1 * best; };
}

/// Steps of the same key: what they take together, and what else might.
struct Candidate {
  std::string key, kernel;
  double seconds = 0;
  std::vector<std::string> others;
};

std::vector<Candidate> candidates_of(const PlanReport& plan) {
  std::vector<Candidate> list;
  for (const PlanStep& s : plan.steps) {
    if (s.others.empty() || s.key.empty()) continue;
    auto at = std::find_if(list.begin(), list.end(), [&](const Candidate& c) { return c.key == s.key; });
    if (at == list.end()) at = list.insert(at, {s.key, s.kernel, 0, s.others});
    at->seconds += s.seconds;
  }
  std::stable_sort(list.begin(), list.end(), [](const Candidate& a, const Candidate& b) { return a.seconds > b.seconds; });
  return list;
}

/// True where the plan computes the key's steps by that kernel: what declines the case is not tried.
bool takes(const PlanReport& plan, const std::string& key, const std::string& kernel) {
  bool found = false;
  for (const PlanStep& s : plan.steps)
    if (s.key == key) {
      if (s.kernel != kernel) return false;
      found = true;
    }
  return kernel == not_fused ? !found : found;
}

class Tuner {
 public:
  Tuner(Tuning& tuning, const Measure& measure, double seconds)
      : tuning_(tuning), measure_(measure), end_(Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}

  Tuned run() {
    const PlannedModel start = measured(timed_against(1e9));
    result_.before = result_.after = total_seconds(start.plan);
    for (const Candidate& c : candidates_of(start.plan)) {
      if (c.seconds < (1 - worth) * result_.after) break;  // could not be worth it
      std::string kernel = c.kernel;
      for (const std::string& other : c.others)
        if (Clock::now() < end_ && try_out(c.key, kernel, other)) kernel = other;
    }
    if (std::find(tuning_.measured.begin(), tuning_.measured.end(), start.title) == tuning_.measured.end())
      tuning_.measured.push_back(start.title);
    return result_;
  }

 private:
  PlannedModel measured(const Enough& enough) {
    set_kernel_choices(tuning_.kernels);
    return measure_(enough);
  }

  bool try_out(const std::string& key, const std::string& kernel, const std::string& other) {
    const KernelChoices before = tuning_.kernels;
    tuning_.kernels[key] = other;
    const PlannedModel m = measured(timed_against(result_.after));
    const bool possible = takes(m.plan, key, other);
    result_.tried += possible;
    const double seconds = total_seconds(m.plan);
    if (possible && seconds < worth * result_.after && confirmed(before, seconds)) {
      result_.after = seconds;
      result_.changes.push_back({key, kernel, other});
      return true;
    }
    tuning_.kernels = before;
    set_kernel_choices(before);
    return false;
  }

  /// The plan as it was is measured once more: the machine may only have been busy at the first time.
  bool confirmed(const KernelChoices& before, double seconds) {
    const KernelChoices after = std::exchange(tuning_.kernels, before);
    result_.after = std::min(result_.after, total_seconds(measured(timed_against(1e9)).plan));
    if (result_.changes.empty()) result_.before = result_.after;
    tuning_.kernels = after;
    set_kernel_choices(after);
    return seconds < worth * result_.after;
  }

  Tuning& tuning_;
  const Measure& measure_;
  Clock::time_point end_;
  Tuned result_;
};

}  // namespace

Tuning load_tuning(const std::string& path) {
  if (!file_exists(path)) return {};
  try {
    return parse_tuning(read_file(path));
  } catch (const Error& e) {
    std::fprintf(stderr, "weft: %s is passed over and written anew: %s; the default kernels are used, whose results may differ in the last bits\n", path.c_str(), e.message().c_str());
    return {};
  }
}

void save_tuning(const std::string& path, const Tuning& tuning) {
  Json j = origin();
  j["measured"] = tuning.measured;
  j["kernels"] = tuning.kernels;
  write_file_atomically(path, weft::detail::dump_json(j, 2) + "\n");
}

Tuned tune_plan(Tuning& tuning, const Measure& measure, double seconds) { return Tuner(tuning, measure, seconds).run(); }

Tuned tune_training(Tuning& tuning, const std::string& model, const PlanInput& input, std::int64_t classes, double seconds) {
  const RandomStream stream = default_generator().state();
  const nn::Layer net = nn::zoo::make(model, classes);
  const Measure measure = [&](const Enough& enough) { return plan_training(model, net, input, classes, enough); };
  const Tuned tuned = tune_plan(tuning, measure, seconds);
  default_generator().set_state(stream);
  return tuned;
}

namespace {

struct TuneFlags {
  std::string model = "tutorial-cnn", out = "weft-tune.json";
  std::vector<std::int64_t> input = {3, 32, 32};
  std::int64_t classes = 10, batch = 32;
  std::string precision = "f32";
  double seconds = 60;
  bool json = false;
};

void tune(const TuneFlags& f) {
  for (std::int64_t n : f.input) check(n > 0, "--input: received ", n, "; expected sizes above 0");
  check(f.batch >= 1, "--batch: received ", f.batch, "; expected 1 or more");
  check(f.seconds >= 0, "--seconds: received ", f.seconds, "; expected 0 or more");
  const PlanInput input{Shape(std::span<const std::int64_t>(f.input)), f.batch, parse_precision(f.precision)};
  Tuning tuning = load_tuning(f.out);
  save_tuning(f.out, tuning);  // a folder that cannot be written to is an error before the measuring, not after
  const Tuned t = tune_training(tuning, f.model, input, f.classes, f.seconds);
  save_tuning(f.out, tuning);
  const std::string title = training_title(f.model, input);
  if (f.json) {
    Json changes = Json::array();
    for (const auto& c : t.changes) changes.push_back({{"key", c.key}, {"from", c.from}, {"to", c.to}});
    const Json line{{"title", title}, {"before", t.before}, {"after", t.after}, {"tried", t.tried}, {"changes", changes}, {"file", f.out}};
    std::printf("%s\n", line.dump().c_str());
    return;
  }
  std::printf("%s: %.3f ms before, %.3f ms after; %d other kernels tried, %zu kept\n", title.c_str(), t.before * 1e3, t.after * 1e3,
              t.tried, t.changes.size());
  for (const auto& c : t.changes) std::printf("  %s instead of %s for %s\n", c.to.c_str(), c.from.c_str(), c.key.c_str());
  if (t.changes.empty()) std::printf("The default kernels are the fastest found; %s says that they were measured.\n", f.out.c_str());
  else std::printf("Kept in %s; `weft train --tune %s` uses it.\n", f.out.c_str(), f.out.c_str());
}

}  // namespace

void add_tune(CLI::App& app) {
  auto f = std::make_shared<TuneFlags>();
  CLI::App* c = app.add_subcommand("tune", "Measure which kernels make a network's training step fastest on this machine");
  c->add_option("model", f->model, joined(nn::zoo::names()));
  c->add_option("--batch", f->batch, "Examples at once, as in --batch-size of train");
  c->add_option("--precision", f->precision, "f32 or bf16, as in train");
  c->add_option("--input", f->input, "Sizes of one input: channels height width")->expected(1, 7);
  c->add_option("--classes", f->classes, "Number of classes");
  c->add_option("--seconds", f->seconds, "Try no other kernel after so long");
  c->add_option("--out", f->out, "File to keep what is found; what it holds of other networks stays");
  c->add_flag("--json", f->json, "Print one line of JSON");
  c->callback([f] { tune(*f); });
}

}  // namespace weft::cli
