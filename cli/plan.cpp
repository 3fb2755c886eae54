#include "plan.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include <weft/base/format.h>
#include <weft/base/names.h>
#include <weft/base/view.h>
#include <weft/graph/compile.h>
#include <weft/nn/losses.h>
#include <weft/nn/module.h>
#include <weft/ops/ops.h>
#include <weft/optim/optim.h>

namespace weft::cli {

namespace {

/// Five times, or for two seconds and once.
Enough five_times() {
  using Clock = std::chrono::steady_clock;
  return [start = Clock::now()](const PlanReport& r) { return r.timed >= 5 || Clock::now() - start > std::chrono::seconds(2); };
}

/// Calls until kernels have been timed often enough: every 16th run of a plan is timed.
template <class F> PlanReport run_timed(F&& step, const std::function<PlanReport()>& report, const Enough& enough) {
  for (;;) {
    for (int i = 0; i < 16; ++i) step();
    PlanReport r = report();
    check(!r.steps.empty(), "there is no plan: the network computes nothing, or reads an element in the middle");
    if (r.timed >= 1 && enough(r)) return r;
  }
}

Tensor random_images(const PlanInput& input) {
  Shape shape{input.batch};
  for (std::int64_t n : input.sizes) shape.push_back(n);
  return randn(shape);
}

std::string title_of(const std::string& name, const char* what, const PlanInput& input) {
  const bool rounded = input.precision != Precision::f32;
  return cat(name, ", ", what, ", batch ", input.batch, " of f32", to_string(input.sizes), rounded ? ", " : "",
             rounded ? name_of(input.precision) : "");
}

std::string share_of(double seconds, double total) { return total > 0 ? format("%.1f %%", 100 * seconds / total) : "-"; }

std::string place_of(const PlanOutput& o) {
  if (o.bytes == 0) return "";
  if (o.offset < 0) return "held outside";
  return grouped(o.offset) + " + " + grouped(o.bytes) + (o.in_place ? ", in place" : "");
}

using Row = std::vector<std::string>;

/// Columns as wide as what is in them; those of `right` flush right.
std::string aligned(const std::vector<Row>& rows, const std::vector<bool>& right) {
  std::vector<std::size_t> widths(right.size());
  for (const Row& r : rows)
    for (std::size_t i = 0; i < r.size(); ++i) widths[i] = std::max(widths[i], r[i].size());
  std::string text;
  for (const Row& r : rows) {
    std::string line;
    for (std::size_t i = 0; i < r.size(); ++i) {
      const std::string gap(widths[i] - r[i].size(), ' ');
      line += (i ? "  " : "") + (right[i] ? gap + r[i] : r[i] + gap);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace

double total_seconds(const PlanReport& plan) {
  double total = 0;
  for (const PlanStep& s : plan.steps) total += s.seconds;
  return total;
}

std::string training_title(const std::string& name, const PlanInput& input) { return title_of(name, "a training step", input); }

PlannedModel plan_training(const std::string& name, nn::Layer net, const PlanInput& input, std::int64_t classes, const Enough& enough) {
  const Tensor x = random_images(input), y = randint(0, classes, {input.batch});
  nn::set_training(net.module_ref(), true);
  optim::Optimizer opt{net.module_ref(), optim::Adam{}};
  auto step = compile([&] {
    const Tensor loss = nn::cross_entropy(net(x), y);
    opt.step(nn::grad(loss, net.module_ref()));
    return loss.detach();
  }, {.precision = input.precision});
  return {training_title(name, input), input.batch, true,
          run_timed(step, [&] { return step.report(); }, enough ? enough : five_times())};
}

PlannedModel plan_inference(const std::string& name, const std::function<Tensor(const Tensor&)>& net, const PlanInput& input) {
  const Tensor x = random_images(input);
  auto step = compile([&] {
    NoGrad off;
    return net(x);
  }, {.precision = input.precision});
  return {title_of(name, "forward", input), input.batch, false, run_timed(step, [&] { return step.report(); }, five_times())};
}

std::vector<KernelTotal> kernel_totals(const PlanReport& plan) {
  std::vector<KernelTotal> totals;
  for (const PlanStep& s : plan.steps) {
    auto at = std::find_if(totals.begin(), totals.end(), [&](const KernelTotal& t) { return t.kernel == s.kernel; });
    if (at == totals.end()) at = totals.insert(at, {s.kernel});
    ++at->steps;
    at->seconds += s.seconds;
  }
  std::stable_sort(totals.begin(), totals.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return totals;
}

std::string plan_table(const PlannedModel& m) {
  const PlanReport& plan = m.plan;
  const double total = total_seconds(plan);
  std::vector<Row> rows{{"step", "operator", "output", "place in the arena", "kernel", "us", "share"}};
  std::int64_t separate = 0;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const PlanStep& s = plan.steps[i];
    rows.push_back({std::to_string(i), s.op, "", "", s.kernel, format("%.1f", s.seconds * 1e6), share_of(s.seconds, total)});
    if (!s.fused.empty()) rows.back()[1] += " = " + joined(s.fused);
    bool first = true;
    for (const PlanOutput& o : s.outputs) {
      if (o.bytes == 0 && s.outputs.size() > 1) continue;  // an output that this case does not use
      if (!std::exchange(first, false)) rows.push_back({"", "", "", "", "", "", ""});
      rows.back()[2] = to_string(Meta{o.shape, o.dtype});
      rows.back()[3] = place_of(o);
      if (o.offset >= 0) separate += o.bytes;
    }
  }
  std::string text = cat(m.title, ": ", plan.asked, " operators in ", plan.steps.size(), " steps, ", format("%.3f ms", total * 1e3), "\n\n") +
                     aligned(rows, {true, false, false, false, false, true, true});
  text += cat("\narena: ", grouped(static_cast<std::int64_t>(plan.arena_bytes)), " bytes for ", grouped(separate), " bytes of intermediate values");
  if (plan.constant_bytes) text += cat("; constants: ", grouped(static_cast<std::int64_t>(plan.constant_bytes)), " bytes");
  rows = {{"kernel", "steps", "us", "share"}};
  for (const KernelTotal& t : kernel_totals(plan))
    rows.push_back({t.kernel, std::to_string(t.steps), format("%.1f", t.seconds * 1e6), share_of(t.seconds, total)});
  return text + "\n\n" + aligned(rows, {false, true, true, true}) +
         cat("\nTimes are each step's least of ", plan.timed, " runs.\n");
}

std::string plan_json(const PlannedModel& m) {
  using Json = nlohmann::ordered_json;
  Json steps = Json::array(), kernels = Json::array();
  for (const PlanStep& s : m.plan.steps) {
    Json outputs = Json::array();
    for (const PlanOutput& o : s.outputs)
      outputs.push_back({{"shape", std::vector<std::int64_t>(o.shape.begin(), o.shape.end())},
                         {"dtype", name_of(o.dtype)},
                         {"bytes", o.bytes},
                         {"offset", o.offset < 0 ? Json() : Json(o.offset)},
                         {"last_step", o.last_step},
                         {"in_place", o.in_place}});
    steps.push_back({{"operator", s.op}, {"fused", s.fused}, {"kernel", s.kernel}, {"key", s.key},
                     {"others", s.others}, {"outputs", outputs}, {"seconds", s.seconds}});
  }
  for (const KernelTotal& t : kernel_totals(m.plan)) kernels.push_back({{"kernel", t.kernel}, {"steps", t.steps}, {"seconds", t.seconds}});
  return Json{{"title", m.title},
              {"batch", m.batch},
              {"training", m.training},
              {"operators", m.plan.asked},
              {"arena_bytes", m.plan.arena_bytes},
              {"constant_bytes", m.plan.constant_bytes},
              {"seconds", total_seconds(m.plan)},
              {"timed_runs", m.plan.timed},
              {"steps", steps},
              {"kernels", kernels}}
             .dump() + "\n";
}

}  // namespace weft::cli
