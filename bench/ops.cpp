// Every operator on the cases of its own struct (OpInfo::domain), grown to useful sizes along the axes that the struct
// declares (OpInfo::axes). Google Benchmark's arguments; WEFT_THREADS sets the threads. Names are op/NAME/SHAPES.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <set>
#include <utility>

#include <weft/base/thread_pool.h>

#include "support/operator_inputs.h"

using namespace weft;

namespace {

constexpr std::int64_t enough_elements = 1 << 18, enough_macs = 1 << 25;

DType dtype_of(const OpInfo& info) {
  return info.types == Types::integral ? i64 : info.types == Types::boolean ? boolean : f32;
}

std::vector<Meta> metas_of(const OpInfo& info, const OpCase& c) {
  std::vector<Meta> metas;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const Sample& s = c.inputs[i];
    const InputKind kind = testing::kind_of(info, i);
    metas.push_back({s.shape, s.dtype                       ? *s.dtype
                              : kind == InputKind::index   ? i64
                              : kind == InputKind::boolean ? boolean
                                                           : dtype_of(info)});
  }
  return metas;
}

/// True where the case is as large as a measurement wants it, or cannot be at all.
bool large(const OpInfo& info, const OpCase& c) {
  const std::vector<Meta> in = metas_of(info, c);
  const Metas out = info.infer(c.attrs.get(), in);
  std::int64_t elements = 0;
  for (const Meta& m : in) elements = std::max(elements, m.shape.numel());
  for (const Meta& m : out) elements = std::max(elements, m.shape.numel());
  return elements >= enough_elements || (info.macs && info.macs(c.attrs.get(), in, out) >= enough_macs);
}

/// An axis of an input.
struct Place {
  std::size_t input;
  int axis;
};

/// The sets of axes that may grow together: those that run along the same output axis; one that is summed from each
/// input; an axis of the first input that the struct calls mixed (an image's rows), alone or with those of the others.
std::vector<std::vector<Place>> growing_axes(const OpInfo& info, const OpCase& c) {
  if (!info.axes) return {};
  const Axes axes = info.axes(c.attrs.get(), metas_of(info, c));
  std::vector<std::vector<Place>> parallel(max_rank), also_mixed(max_rank), mixed;
  std::vector<Place> summed;
  for (std::size_t i = 0; i < axes.inputs.size(); ++i) {
    bool has_sum = false;
    for (int a = 0; a < static_cast<int>(axes.inputs[i].size()); ++a) {
      const int along = axes.inputs[i][static_cast<std::size_t>(a)];
      if (along >= 0) parallel[static_cast<std::size_t>(along)].push_back({i, a});
      else if (along == Axes::mixed && i == 0) mixed.push_back({{i, a}});
      else if (along == Axes::mixed) also_mixed[static_cast<std::size_t>(a)].push_back({i, a});
      else if (along != Axes::mixed && !std::exchange(has_sum, true)) summed.push_back({i, a});
    }
  }
  std::vector<std::vector<Place>> sets;
  for (auto& places : parallel) {
    // An axis of size 1 beside a longer one is there to be broadcast, and stays.
    const auto length = [&](const Place& p) { return c.inputs[p.input].shape[p.axis]; };
    const bool longer = std::any_of(places.begin(), places.end(), [&](const Place& p) { return length(p) > 1; });
    if (longer) std::erase_if(places, [&](const Place& p) { return length(p) == 1; });
    if (!places.empty()) sets.push_back(places);
  }
  if (!summed.empty()) sets.push_back(summed);
  for (std::vector<Place>& places : mixed) {
    sets.push_back(places);
    const auto& others = also_mixed[static_cast<std::size_t>(places[0].axis)];
    if (others.empty()) continue;
    places.insert(places.end(), others.begin(), others.end());
    sets.push_back(places);
  }
  return sets;
}

/// The case with these axes twice as long; nothing where the operator does not take that.
std::optional<OpCase> doubled(const OpInfo& info, OpCase c, const std::vector<Place>& places) {
  for (const Place& p : places) c.inputs[p.input].shape[p.axis] *= 2;
  for (Sample& s : c.inputs)
    for (std::size_t i = 0; !s.values.empty() && static_cast<std::int64_t>(s.values.size()) < s.shape.numel(); ++i)
      s.values.push_back(s.values[i]);
  try {
    info.infer(c.attrs.get(), metas_of(info, c));
  } catch (const Error&) {
    return {};
  }
  return c;
}

OpCase grown(const OpInfo& info, OpCase c) {
  if (c.inputs.empty()) {  // it makes a tensor of the size that its attribute says
    for (const auto& [name, value] : info.get(c.attrs.get()))
      if (name == "shape") info.set(c.attrs.get(), {{name, std::vector<std::int64_t>{enough_elements}}});
    return c;
  }
  std::vector<std::vector<Place>> sets = growing_axes(info, c);
  while (!sets.empty())
    for (std::size_t i = 0; i < sets.size();) {
      if (large(info, c)) return c;
      if (auto larger = doubled(info, c, sets[i])) {
        c = std::move(*larger);
        ++i;
      } else {
        sets.erase(sets.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  return c;
}

void measure(benchmark::State& state, const OpInfo& info, const OpCase& c) try {
  const std::vector<Tensor> inputs = testing::inputs_of(info, c, dtype_of(info));
  const std::vector<Tensor> out = testing::apply_case(info, c, inputs, cpu);
  for (auto _ : state) benchmark::DoNotOptimize(testing::apply_case(info, c, inputs, cpu));
  if (out.empty()) return;
  state.SetItemsProcessed(state.iterations() * out[0].numel());
  std::vector<Meta> in, results;
  for (const Tensor& t : inputs) in.push_back(t.meta());
  for (const Tensor& t : out) results.push_back(t.meta());
  if (!info.macs) return;
  const auto flops = 2.0 * static_cast<double>(info.macs(c.attrs.get(), in, results));
  state.counters["FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
} catch (const Error& e) {
  state.SkipWithError(e.what());
}

std::string name_of(const OpInfo& info, const OpCase& c) {
  std::string name = "op/" + info.name;
  for (const Sample& s : c.inputs) name += (&s == c.inputs.data() ? "/" : ",") + to_string(s.shape);
  return name;
}

}  // namespace

int main(int argc, char** argv) {
  std::set<std::string> names;  // cases that differ in attributes alone are numbered
  for (const OpInfo* info : all_ops()) {
    if (!info->domain) continue;
    for (const OpCase& c : info->domain(*info)) {
      const auto empty = [](const Sample& s) { return s.shape.numel() == 0; };
      if (std::any_of(c.inputs.begin(), c.inputs.end(), empty)) continue;
      const OpCase large = grown(*info, c);
      const std::string plain = name_of(*info, large);
      std::string name = plain;
      for (int i = 2; !names.insert(name).second; ++i) name = plain + "#" + std::to_string(i);
      const auto run = [info, large](benchmark::State& state) { measure(state, *info, large); };
      benchmark::RegisterBenchmark(name.c_str(), run)
          ->Unit(benchmark::kMicrosecond)
          ->UseRealTime();
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("weft threads", std::to_string(num_threads()));
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
