#include <cstring>

#include <weft/base/random.h>
#include <weft/data/dataset.h>
#include <weft/tensor/tensor_impl.h>

namespace weft::data {

namespace detail {
void append(std::vector<Tensor>& to, const Tensor& t) { to.push_back(t); }
void append(std::vector<Tensor>& to, const std::vector<Tensor>& t) { to.insert(to.end(), t.begin(), t.end()); }
void append(std::vector<Tensor>& to, const Image& image) { to.push_back(to_tensor(image)); }
}  // namespace detail


namespace {
Tensor scalar_of(const void* value, DType dtype) {
  Tensor t = allocate_tensor({Shape{}, dtype}, cpu);
  std::memcpy(view_of(t).data, value, size_of(dtype));
  return t;
}

/// Row-major data on the host, off the tape.
Tensor host_rows(const Tensor& t, const char* what) {
  check(t.defined(), what, ": a tensor is undefined");
  Tensor host = t.detach();
  if (!is_host(host.device())) host = host.to(cpu);
  return host.contiguous();
}
}  // namespace

Tensor detail::number(double v) {
  const auto f = static_cast<float>(v);
  return scalar_of(&f, DType::f32);
}
Tensor detail::number(std::int64_t v) { return scalar_of(&v, DType::i64); }

Batch Batch::to(Device device) const {
  Batch b = *this;
  for (auto* list : {&b.inputs, &b.labels})
    for (Tensor& t : *list) t = t.to(device);
  if (b.weights.defined()) b.weights = b.weights.to(device);
  return b;
}

const detail::DatasetModel& Dataset::model() const {
  check(static_cast<bool>(model_), "Dataset: it is empty (default-constructed); give it a data set first");
  return *model_;
}
std::int64_t Dataset::size() const {
  check(!is_stream(), "Dataset: a stream has no size; take(stream, n) reads its first n examples");
  return model().size();
}
Sample Dataset::get(std::int64_t i) const {
  const std::int64_t n = size();
  check(i >= 0 && i < n, "Dataset: example ", i, " of ", n);
  return model().get(i);
}
bool Dataset::image(std::int64_t i, ImageView& view, Image& scratch) const { return model().image(i, view, scratch); }
bool Dataset::gather(std::span<const std::int64_t> indices, Batch& batch) const {
  return model().gather(indices, batch);
}
std::vector<std::string> Dataset::class_names() const { return model().class_names(); }
bool Dataset::is_stream() const { return model().size() < 0; }
std::function<std::optional<Sample>()> Dataset::start() const {
  auto next = model().start();
  check(static_cast<bool>(next), "Dataset: it is no stream; read it with get(i)");
  return next;
}

// --- tensors in memory ------------------------------------------------------------------------------------------

TensorDataset::TensorDataset(const Tensor& x, const Tensor& y, const Tensor& weights)
    : TensorDataset(std::vector<Tensor>{x}, y.defined() ? std::vector<Tensor>{y} : std::vector<Tensor>{}, weights) {}

TensorDataset::TensorDataset(std::vector<Tensor> inputs, std::vector<Tensor> labels, const Tensor& weights)
    : inputs_(std::move(inputs)), labels_(std::move(labels)) {
  check(!inputs_.empty(), "TensorDataset: no input");
  if (weights.defined()) weights_ = host_rows(weights, "TensorDataset");
  for (auto* list : {&inputs_, &labels_})
    for (Tensor& t : *list) {
      t = host_rows(t, "TensorDataset");
      check(t.rank() >= 1, "TensorDataset: received a tensor of rank 0; expected examples along the first axis");
      check(t.size(0) == inputs_[0].size(0), "TensorDataset: a tensor of shape ", t.shape(),
            " beside one of shape ", inputs_[0].shape(),
            "; expected the same number of examples along the first axis");
    }
  check(!weights_.defined() || weights_.shape() == Shape{inputs_[0].size(0)}, "TensorDataset: weights of shape ",
        weights_.defined() ? to_string(weights_.shape()) : "", "; expected [", inputs_[0].size(0),
        "], one for each example");
}

std::int64_t TensorDataset::size() const { return inputs_[0].size(0); }

namespace {
Shape with_rows(const Shape& shape, std::int64_t rows) {
  Shape s = shape;
  s[0] = rows;
  return s;
}
Tensor gather_rows(const Tensor& t, std::span<const std::int64_t> indices) {
  const TensorView& from = elements_of(t);
  Tensor out = allocate_tensor({with_rows(from.shape, static_cast<std::int64_t>(indices.size())), from.dtype}, cpu);
  const auto rows = static_cast<std::size_t>(std::max<std::int64_t>(from.shape[0], 1));
  const std::size_t bytes = static_cast<std::size_t>(t.numel()) / rows * size_of(from.dtype);
  auto* to = view_of(out).as<unsigned char>();
  for (std::size_t i = 0; i < indices.size(); ++i)
    std::memcpy(to + i * bytes, from.as<unsigned char>() + static_cast<std::size_t>(indices[i]) * bytes, bytes);
  return out;
}
Tensor row(const Tensor& t, std::int64_t i) {
  const TensorView& from = elements_of(t);
  Shape shape = from.shape;
  shape.erase(0);
  const std::size_t bytes = static_cast<std::size_t>(shape.numel()) * size_of(from.dtype);
  return alias(t, TensorView::of(from.as<unsigned char>() + static_cast<std::size_t>(i) * bytes, from.dtype, shape));
}
}  // namespace

Sample TensorDataset::get(std::int64_t i) const {
  check(i >= 0 && i < size(), "TensorDataset: example ", i, " of ", size());
  Sample s;
  for (const Tensor& t : inputs_) s.inputs.push_back(row(t, i));
  for (const Tensor& t : labels_) s.labels.push_back(row(t, i));
  if (weights_.defined()) s.weight = row(weights_, i);
  return s;
}

bool TensorDataset::gather(std::span<const std::int64_t> indices, Batch& batch) const {
  for (std::int64_t i : indices) check(i >= 0 && i < size(), "TensorDataset: example ", i, " of ", size());
  for (const Tensor& t : inputs_) batch.inputs.push_back(gather_rows(t, indices));
  for (const Tensor& t : labels_) batch.labels.push_back(gather_rows(t, indices));
  if (weights_.defined()) batch.weights = gather_rows(weights_, indices);
  return true;
}

// --- stacking ---------------------------------------------------------------------------------------------------

namespace {
/// "example 17 (number 3 of its batch)".
std::string example(std::size_t i, std::span<const std::int64_t> indices) {
  if (indices.empty()) return cat("example ", i, " of the batch");
  return cat("example ", indices[i], " (number ", i, " of its batch)");
}

Tensor stack(std::span<const Sample> samples, std::span<const std::int64_t> indices, const char* what,
             std::size_t which, const Tensor& (*pick)(const Sample&, std::size_t)) {
  const Tensor& first = pick(samples[0], which);
  Shape shape = first.shape();
  shape.insert(0, static_cast<std::int64_t>(samples.size()));
  Tensor out = allocate_tensor({shape, first.dtype()}, cpu);
  const std::size_t bytes = static_cast<std::size_t>(first.numel()) * size_of(first.dtype());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Tensor& t = pick(samples[i], which);
    check(t.shape() == first.shape() && t.dtype() == first.dtype(), "collate: ", what, " ", which, " of ",
          example(i, indices), " is ", t.meta(), ", that of the first ", first.meta(),
          "; make them equal (data::Resize for images) or give the Loader a collate function");
    t.copy_to(view_of(out).as<unsigned char>() + i * bytes, t.dtype());
  }
  return out;
}
}  // namespace

Batch collate(std::span<const Sample> samples, std::span<const std::int64_t> indices) {
  check(!samples.empty(), "collate: no example");
  const Sample& first = samples[0];
  for (std::size_t i = 0; i < samples.size(); ++i)
    check(samples[i].inputs.size() == first.inputs.size() && samples[i].labels.size() == first.labels.size() &&
              samples[i].weight.defined() == first.weight.defined(),
          "collate: ", example(i, indices), " has ", samples[i].inputs.size(), " inputs and ",
          samples[i].labels.size(), " labels, the first ", first.inputs.size(), " and ", first.labels.size());
  Batch b;
  for (std::size_t k = 0; k < first.inputs.size(); ++k)
    b.inputs.push_back(stack(samples, indices, "input", k,
                             [](const Sample& s, std::size_t i) -> const Tensor& { return s.inputs[i]; }));
  for (std::size_t k = 0; k < first.labels.size(); ++k)
    b.labels.push_back(stack(samples, indices, "label", k,
                             [](const Sample& s, std::size_t i) -> const Tensor& { return s.labels[i]; }));
  if (first.weight.defined())
    b.weights = stack(samples, indices, "weight", 0,
                      [](const Sample& s, std::size_t) -> const Tensor& { return s.weight; });
  return b;
}

}  // namespace weft::data
