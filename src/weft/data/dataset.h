// Data sets: anything with size() and get(i). `Dataset` holds any of them.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <weft/data/image.h>
#include <weft/tensor/state.h>
#include <weft/tensor/tensor.h>

namespace weft::data {

/// One example: inputs and labels without batch axis, and perhaps its weight in the loss (rank 0).
struct Sample {
  std::vector<Tensor> inputs, /**< one for most models */ labels;  ///< none, one or more
  Tensor weight = {};  ///< rank 0, or undefined: 1
};

/// Examples stacked along a new first axis. `auto [x, y] = batch` names the first input and the first label.
struct Batch {
  std::vector<Tensor> inputs, /**< [N, …] each */ labels;  ///< [N, …] each
  Tensor weights = {};  ///< [N] sample weights, or undefined

  /// The first input; undefined where there is none.
  Tensor x() const { return inputs.empty() ? Tensor() : inputs[0]; }
  /// The first label; undefined where there is none.
  Tensor y() const { return labels.empty() ? Tensor() : labels[0]; }
  /// Number of examples.
  std::int64_t size() const { return inputs.empty() ? (labels.empty() ? 0 : labels[0].size(0)) : inputs[0].size(0); }
  /// This batch on another device.
  Batch to(Device device) const;
};
/// The parts of a structured binding: x, then y.
template <std::size_t I> Tensor get(const Batch& batch) {
  static_assert(I < 2);
  return I == 0 ? batch.x() : batch.y();
}

/// Borrowed 8-bit pixels of one example, [C, H, W], and its class.
struct ImageView {
  const std::uint8_t* pixels = nullptr;  ///< channels * height * width bytes
  int channels = 0, /**< 3: RGB, 1: gray */ height = 0, /**< rows */ width = 0;  ///< columns
  std::int64_t label = 0;  ///< its class
  bool labelled = true;    ///< false: it has no class
  friend bool operator==(const ImageView&, const ImageView&) = default;
};

/// What a data set must have. get(i) may return a Sample, an input alone, or a pair or tuple (input, label) or
/// (input, label, weight), where inputs and labels are a Tensor, a number, an Image or a vector of tensors. A Loader's
/// transform takes an Image that comes alone or with a whole number, or a Tensor u8 [C, H, W]. It is
/// called from several threads at once where a Loader has workers, so it must not change the data set.
template <class D>
concept DatasetLike = requires(const D& d, std::int64_t i) {
  { d.size() } -> std::convertible_to<std::int64_t>;
  d.get(i);
};

namespace detail {
void append(std::vector<Tensor>& to, const Tensor& t);
void append(std::vector<Tensor>& to, const std::vector<Tensor>& t);
void append(std::vector<Tensor>& to, const Image& image);
/// A rank-0 tensor on the host: f32 for floating numbers, i64 for integers.
Tensor number(double v);
Tensor number(std::int64_t v);
template <class T>
requires std::is_arithmetic_v<T>
void append(std::vector<Tensor>& to, T v) {
  if constexpr (std::is_floating_point_v<T>) to.push_back(number(static_cast<double>(v)));
  else to.push_back(number(static_cast<std::int64_t>(v)));
}

template <class T> Sample to_sample(T&& v) {
  using V = std::remove_cvref_t<T>;
  if constexpr (std::is_same_v<V, Sample>) {
    return std::forward<T>(v);
  } else {
    Sample s;
    if constexpr (requires { std::tuple_size<V>::value; }) {
      constexpr std::size_t n = std::tuple_size_v<V>;
      static_assert(n >= 1 && n <= 3, "get(i) returns a tuple (input, label) or (input, label, weight)");
      append(s.inputs, std::get<0>(v));
      if constexpr (n > 1) append(s.labels, std::get<1>(v));
      if constexpr (n > 2) {
        std::vector<Tensor> w;
        append(w, std::get<2>(v));
        s.weight = w[0];
      }
    } else {
      append(s.inputs, v);
    }
    return s;
  }
}

/// What a get(i) returns that gives an Image alone, or with a whole number as its label.
template <class V> constexpr bool is_image_example = std::is_same_v<V, Image>;
template <class L> constexpr bool is_image_example<std::pair<Image, L>> = std::is_integral_v<L>;
template <class L> constexpr bool is_image_example<std::tuple<Image, L>> = std::is_integral_v<L>;
/// The pixels of such an example, which move into `scratch`.
template <class V> ImageView to_view(V example, Image& scratch) {
  ImageView view;
  if constexpr (std::is_same_v<V, Image>) {
    scratch = std::move(example);
    view.labelled = false;
  } else {
    scratch = std::move(std::get<0>(example));
    view.label = static_cast<std::int64_t>(std::get<1>(example));
  }
  view.pixels = scratch.pixels.data();
  view.channels = scratch.channels, view.height = scratch.height, view.width = scratch.width;
  return view;
}

/// The interface behind Dataset.
struct DatasetModel {
  virtual ~DatasetModel() = default;
  virtual std::int64_t size() const = 0;
  virtual Sample get(std::int64_t i) const = 0;
  /// Fast path of image data sets: the pixels as they are stored, or decoded into `scratch`.
  virtual bool image(std::int64_t, ImageView&, Image&) const { return false; }
  /// Fast path of data in memory: a whole batch at once.
  virtual bool gather(std::span<const std::int64_t>, Batch&) const { return false; }
  virtual std::vector<std::string> class_names() const { return {}; }
  /// Not null for a stream: starts reading it from its beginning.
  virtual std::function<std::optional<Sample>()> start() const { return {}; }
};

template <class D> struct HeldDataset final : DatasetModel {
  D d;
  explicit HeldDataset(D value) : d(std::move(value)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(d.size()); }
  Sample get(std::int64_t i) const override { return to_sample(d.get(i)); }
  bool image(std::int64_t i, ImageView& view, Image& scratch) const override {
    if constexpr (requires {
                    { d.image(i, view, scratch) } -> std::same_as<bool>;
                  })
      return d.image(i, view, scratch);
    else if constexpr (is_image_example<std::remove_cvref_t<decltype(d.get(i))>>) {
      view = to_view(d.get(i), scratch);
      return true;
    } else return DatasetModel::image(i, view, scratch);
  }
  bool gather(std::span<const std::int64_t> indices, Batch& batch) const override {
    if constexpr (requires {
                    { d.gather(indices, batch) } -> std::same_as<bool>;
                  })
      return d.gather(indices, batch);
    else return DatasetModel::gather(indices, batch);
  }
  std::vector<std::string> class_names() const override {
    if constexpr (requires { d.class_names(); }) return d.class_names();
    else return {};
  }
};
}  // namespace detail

/// Any data set, as a value: copies share it. Made from a type with size() and get(i) (copied in; `std::ref(mine)`
/// borrows it instead), from stream(), or by subset(), map() and the like.
class Dataset {
 public:
  Dataset() = default;
  template <class D>
  requires(DatasetLike<D> && !std::derived_from<D, Dataset>) Dataset(D d)
      : model_(std::make_shared<detail::HeldDataset<D>>(std::move(d))) {}  ///< copies it in
  template <DatasetLike D> Dataset(std::reference_wrapper<D> d) : Dataset(Borrowed<D>{&d.get()}) {}  ///< borrows it
  explicit Dataset(std::shared_ptr<const detail::DatasetModel> model) : model_(std::move(model)) {}

  explicit operator bool() const { return static_cast<bool>(model_); }
  /// Number of examples; throws Error for a stream, whose length is not known.
  std::int64_t size() const;
  /// Example i; throws Error outside 0..size()-1.
  Sample get(std::int64_t i) const;
  /// The 8-bit pixels of example i, where the examples are images; they stay valid while `scratch` does.
  bool image(std::int64_t i, ImageView& view, Image& scratch) const;
  /// A batch of these examples at once, where the data set can (tensors in memory).
  bool gather(std::span<const std::int64_t> indices, Batch& batch) const;
  /// Names of the classes by label; empty where they have none.
  std::vector<std::string> class_names() const;
  /// True where the examples can only be read in order.
  bool is_stream() const;
  /// Starts reading a stream from its beginning.
  std::function<std::optional<Sample>()> start() const;

 private:
  template <class D> struct Borrowed {
    const D* d;
    std::int64_t size() const { return static_cast<std::int64_t>(d->size()); }
    auto get(std::int64_t i) const { return d->get(i); }
    // The fast paths too: a borrowed image data set must still give its 8-bit pixels to a Loader's transform.
    bool image(std::int64_t i, ImageView& view, Image& scratch) const
    requires requires {
      { d->image(i, view, scratch) } -> std::same_as<bool>;
    }
    {
      return d->image(i, view, scratch);
    }
    bool gather(std::span<const std::int64_t> indices, Batch& batch) const
    requires requires {
      { d->gather(indices, batch) } -> std::same_as<bool>;
    }
    {
      return d->gather(indices, batch);
    }
    std::vector<std::string> class_names() const
    requires requires { d->class_names(); }
    {
      return d->class_names();
    }
  };
  const detail::DatasetModel& model() const;
  std::shared_ptr<const detail::DatasetModel> model_;
};

/// Arrays in memory: example i is row i of every tensor. `TensorDataset{x, y}`, or `{{x1, x2}, {y1, y2}, weights}`.
class TensorDataset {
 public:
  explicit TensorDataset(const Tensor& x, const Tensor& y = {}, const Tensor& weights = {});  ///< one input
  TensorDataset(std::vector<Tensor> inputs, std::vector<Tensor> labels, const Tensor& weights = {});  ///< some of each
  std::int64_t size() const;  ///< number of rows
  Sample get(std::int64_t i) const;  ///< row i of each tensor
  bool gather(std::span<const std::int64_t> indices, Batch& batch) const;  ///< all at once; see Dataset::gather

 private:
  std::vector<Tensor> inputs_, labels_;
  Tensor weights_;
};

/// n examples made by get(i), which is called from several threads at once where a Loader has workers.
template <class F> Dataset from_function(std::int64_t n, F get) {
  struct Made {
    std::int64_t n;
    F f;
    std::int64_t size() const { return n; }
    auto get(std::int64_t i) const { return f(i); }
  };
  return Made{n, std::move(get)};
}

namespace detail {
Dataset make_stream(std::function<std::function<std::optional<Sample>()>()> start);
}
/// Examples that are read in order and whose number is not known: `start()` is called at the beginning of each epoch
/// and returns a generator, a function that returns std::optional of an example and an empty one at the end.
template <class F> Dataset stream(F start) {
  return detail::make_stream([start = std::move(start)]() -> std::function<std::optional<Sample>()> {
    return [next = start()]() mutable -> std::optional<Sample> {
      auto example = next();
      if (!example) return std::nullopt;
      return detail::to_sample(*std::move(example));
    };
  });
}

/// The examples `indices` of a data set, in that order.
Dataset subset(const Dataset& dataset, std::vector<std::int64_t> indices);
/// The first n examples (fewer where there are fewer; works on streams).
Dataset take(const Dataset& dataset, std::int64_t n);
/// All but the first n examples (works on streams).
Dataset skip(const Dataset& dataset, std::int64_t n);
/// The data set n times over.
Dataset repeat(const Dataset& dataset, std::int64_t n);
/// Every count-th example from `index` on: one worker's share of `count`.
Dataset shard(const Dataset& dataset, std::int64_t index, std::int64_t count);
/// One data set after the other.
Dataset concatenate(std::vector<Dataset> datasets);
/// Each example passed through f(Sample) -> Sample (works on streams).
Dataset map(const Dataset& dataset, std::function<Sample(Sample)> f);
/// The examples for which keep(Sample) holds; it is asked once, now (for a stream: while reading).
Dataset filter(const Dataset& dataset, const std::function<bool(const Sample&)>& keep);
/// A stream read in a random order: each example is drawn from a buffer of the next `buffer` ones.
Dataset shuffle_buffer(const Dataset& stream, std::int64_t buffer, std::uint64_t seed = 0);

/// The parts of split(): {train, validation}.
struct Split {
  Dataset train, /**< the first examples */ validation;  ///< the last
};
/// Splits off the LAST `fraction` of the examples, before any shuffling (Keras's validation_split). 0 < fraction < 1;
/// throws Error where a part would be empty.
Split split(const Dataset& dataset, double fraction);

/// Stacks examples along a new first axis; throws Error naming the example whose shapes differ from the first one's.
/// `indices` are their places in the data set, for that error.
Batch collate(std::span<const Sample> samples, std::span<const std::int64_t> indices = {});

}  // namespace weft::data

template <> struct std::tuple_size<weft::data::Batch> : std::integral_constant<std::size_t, 2> {};
template <std::size_t I> struct std::tuple_element<I, weft::data::Batch> { using type = weft::Tensor; };
