// Metrics by name.
#include <weft/metrics/metrics.h>

namespace weft::metrics {

namespace {

template <class M> Metric make_default() { return M{}; }

struct Named {
  const char* name;
  Metric (*make)();
};
constexpr Named known[] = {
    {"accuracy", make_default<Accuracy>},
    {"binary_accuracy", make_default<BinaryAccuracy>},
    {"categorical_accuracy", make_default<CategoricalAccuracy>},
    {"sparse_categorical_accuracy", make_default<SparseCategoricalAccuracy>},
    {"precision", make_default<Precision>},
    {"recall", make_default<Recall>},
    {"f1", make_default<F1>},
    {"auc", make_default<AUC>},
    {"mse", make_default<MSE>},
    {"mae", make_default<MAE>},
    {"rmse", make_default<RMSE>},
    {"r2", make_default<R2>},
    {"cosine_similarity", make_default<CosineSimilarity>},
    {"mean_iou", make_default<MeanIoU>},
};

/// k of "top_k_accuracy" with a number for k, else 0.
std::int64_t top_k(std::string_view name) {
  const std::string_view head = "top_", tail = "_accuracy";
  if (name.size() <= head.size() + tail.size() || name.size() > head.size() + tail.size() + 6) return 0;
  if (name.substr(0, head.size()) != head || name.substr(name.size() - tail.size()) != tail) return 0;
  std::int64_t k = 0;
  for (char c : name.substr(head.size(), name.size() - head.size() - tail.size())) {
    if (c < '0' || c > '9') return 0;
    k = k * 10 + (c - '0');
  }
  return k;
}

}  // namespace

Metric make(std::string_view name) {
  if (name == "acc") return Accuracy{};
  if (const std::int64_t k = top_k(name)) return TopK{{.k = k}};
  std::vector<std::string> names{"top_5_accuracy"};
  for (const Named& n : known) {
    if (name == n.name) return n.make();
    names.push_back(n.name);
  }
  std::string all;
  for (const auto& n : names) all += (all.empty() ? "" : ", ") + n;
  fail("metric: received '", name, "'; expected one of ", all, suggestion(name, names));
}

Metric::Metric(const char* name) : Metric(make(name)) {}

}  // namespace weft::metrics
