#include <weft/metrics/host.h>
#include <weft/metrics/metric.h>
#include <weft/ops/create.h>

namespace weft::metrics {

void Totals::reset() { totals_.assign(fixed_, 0.0); }

Tensor Totals::state() const {
  return tensor_of(totals_, {static_cast<std::int64_t>(totals_.size())}, {.device = cpu});
}

void Totals::load_state(const Tensor& state) {
  check(state.rank() == 1 && (fixed_ == 0 || state.numel() == static_cast<std::int64_t>(fixed_)), name_,
        ": received a state of shape ", state.shape(), "; expected ",
        fixed_ ? cat("[", fixed_, "]") : "a vector");
  totals_ = state.to_vector<double>();
}

void Totals::merge(const Totals& other) {
  if (totals_.empty()) totals_.resize(other.totals_.size());
  check(other.totals_.empty() || totals_.size() == other.totals_.size(), name_, ": merge received ",
        other.totals_.size(), " totals; expected ", totals_.size(), " (the same number of classes or outputs)");
  for (std::size_t i = 0; i < other.totals_.size(); ++i) totals_[i] += other.totals_[i];
}

namespace {

ScoreLayout layout_of(const Shape& shape, int axis) {
  ScoreLayout l;
  l.classes = shape[axis];
  for (int i = 0; i < axis; ++i) l.outer *= shape[i];
  for (int i = axis + 1; i < shape.rank(); ++i) l.inner *= shape[i];
  return l;
}

}  // namespace

Pairing pair_up(const std::string& metric, const Tensor& prediction, const Tensor& target, int axis) {
  const Shape &p = prediction.shape(), &t = target.shape();
  const auto misfit = [&]() {
    fail(metric, ": received predictions ", to_string(p), " and targets ", to_string(t),
         "; expected class scores [N, C] with labels [N] or one-hot targets [N, C], or predictions and targets of one "
         "shape");
  };
  const auto elements = [&] { return Pairing{Match::elements, {p.numel(), 1, 1}}; };
  if (p == t && p.rank() < 2) return elements();
  if (p.rank() == 1 && t.rank() == 2 && t[1] == 1 && t[0] == p[0]) return elements();
  if (p.rank() < 2) misfit();
  const int a = normalize_axis(axis, p.rank());
  const ScoreLayout layout = layout_of(p, a);
  if (p == t) return layout.classes == 1 ? elements() : Pairing{Match::one_hot, layout};
  Shape without = p, single = p;
  without.erase(a);
  single[a] = 1;
  if (t != without && t != single) misfit();
  return layout.classes == 1 ? elements() : Pairing{Match::labels, layout};
}

}  // namespace weft::metrics
