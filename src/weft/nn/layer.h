// Layer: any module or callable Tensor -> Tensor, held by value.
#pragma once

#include <weft/base/box.h>
#include <weft/nn/module.h>

namespace weft::nn {

/// A layer of any class. Copying clones it (new parameters of equal value); moving keeps its identity.
class Layer {
 public:
  Layer() = default;
  /// A module, or any callable on one or more tensors (or on std::vector<Tensor>) that returns a Tensor.
  template <class M>
    requires(!std::is_same_v<std::decay_t<M>, Layer> && std::is_copy_constructible_v<std::decay_t<M>>)
  Layer(M&& layer) : self_(new Model<std::decay_t<M>>(std::forward<M>(layer))) {}
  /// Shares the parameters of a module of the caller's: `nn::Model model{std::ref(net)}` trains `net`.
  template <IsModule M> Layer(std::reference_wrapper<M> module) : Layer(share(module.get())) {}

  explicit operator bool() const { return static_cast<bool>(self_); }
  /// Applies it; throws Error where it takes another number of inputs.
  Tensor operator()(const Tensor& x) const { return call({&x, 1}); }
  /// Applies it to several tensors; throws Error where it returns several.
  Tensor call(std::span<const Tensor> inputs) const;
  /// All outputs of a layer that returns several (a std::vector<Tensor>, or Functional).
  std::vector<Tensor> call_all(std::span<const Tensor> inputs) const { return self_->call_all(inputs); }
  /// The module inside.
  ModuleRef module_ref() const { return self_->ref(); }
  /// The layer inside, or null where it is of another class.
  template <class M> M* get() const {
    auto* model = dynamic_cast<Model<M>*>(self_.get());
    return model ? &model->layer : nullptr;
  }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual Concept* clone() const = 0;
    virtual std::vector<Tensor> call_all(std::span<const Tensor> inputs) = 0;
    virtual ModuleRef ref() = 0;
  };
  template <class M> struct Model;  ///< a layer of class M
  Box<Concept> self_;
};

namespace detail {

[[noreturn]] void wrong_arity(std::string_view name, std::size_t given);

inline std::vector<Tensor> as_list(Tensor t) { return {std::move(t)}; }
inline std::vector<Tensor> as_list(std::vector<Tensor> v) { return v; }
template <class T> std::vector<Tensor> as_list(T results) {  // std::array, std::pair, std::tuple
  return std::apply([](auto&... t) { return std::vector<Tensor>{std::move(t)...}; }, results);
}

/// Calls f with as many tensors as it takes.
template <class F> std::vector<Tensor> call_with(F& f, std::span<const Tensor> in, std::string_view name) {
  if constexpr (requires { f.outputs(std::vector<Tensor>()); f.output_count(); })
    if (f.output_count() != 1) return f.outputs({in.begin(), in.end()});
  if constexpr (std::is_invocable_v<F&, const Tensor&>)
    if (in.size() == 1) return as_list(f(in[0]));
  if constexpr (std::is_invocable_v<F&, const Tensor&, const Tensor&>)
    if (in.size() == 2) return as_list(f(in[0], in[1]));
  if constexpr (std::is_invocable_v<F&, const Tensor&, const Tensor&, const Tensor&>)
    if (in.size() == 3) return as_list(f(in[0], in[1], in[2]));
  if constexpr (std::is_invocable_v<F&, const std::vector<Tensor>&>)
    return as_list(f(std::vector<Tensor>(in.begin(), in.end())));
  wrong_arity(name, in.size());
}

/// A callable as a module, so that it has a place in paths and summaries.
template <class F> struct CallableModule : Module<CallableModule<F>> {
  F f;
  explicit CallableModule(F fn) : f(std::move(fn)) {}
  void visit_fields(FieldVisitor&) {}
  template <class... A>
    requires std::is_invocable_v<F&, A...>
  Tensor forward(A&&... a) {
    return f(std::forward<A>(a)...);
  }
};

}  // namespace detail

namespace detail {
/// Records a call of `layer` in a functional graph; its output has the shape that a traced forward gives.
Tensor record_call(Layer layer, const std::vector<Tensor>& inputs);

template <class M> Tensor add_to_graph(M& m, const std::vector<Tensor>& inputs) {
  return record_call(Layer(share(m)), inputs);
}
}  // namespace detail

/// A layer of class M.
template <class M> struct Layer::Model final : Concept {
  using Held = std::conditional_t<IsModule<M>, M, detail::CallableModule<M>>;
  static constexpr ModuleType callable{"Lambda", [](void*, FieldVisitor&) {}};
  Held layer;
  template <class U> explicit Model(U&& l) : layer(std::forward<U>(l)) {
    if constexpr (IsModule<M> && std::is_lvalue_reference_v<U>) detail::keep_ties(l, layer);
  }
  Concept* clone() const override {
    return new Model(layer);
  }
  std::vector<Tensor> call_all(std::span<const Tensor> inputs) override {
    return detail::call_with(layer, inputs, ref().type_name());
  }
  ModuleRef ref() override {
    if constexpr (IsModule<M>) return ModuleRef(layer);
    else return ModuleRef(&layer, callable);
  }
};

/// Layers called one after another. Takes layers, callables and other containers; parameters are "0.weight", …; a layer
/// given as a pair {"name", layer} is known by that name.
class Sequential : public Module<Sequential> {
 public:
  Sequential() = default;
  /// The layers, in order.
  template <class... L>
    requires(sizeof...(L) > 0 && !(sizeof...(L) == 1 && (std::is_same_v<std::remove_cvref_t<L>, Sequential> && ...)))
  Sequential(L&&... layers) {
    (add(std::forward<L>(layers)), ...);
  }
  /// Appends a layer.
  Sequential& add(Layer layer);
  /// Appends a layer under a name; throws Error for one with a dot or taken.
  Sequential& add(std::pair<std::string, Layer> named);
  Tensor forward(const Tensor& x) const;
  /// Number of layers.
  std::size_t size() const { return layers_.size(); }
  /// Layer i; throws Error beyond the end.
  Layer& operator[](std::size_t i);
  /// Name of layer i.
  const std::string& name(std::size_t i) const { return names_[i]; }
  /// Shows the layers.
  void visit_fields(FieldVisitor& v);

 private:
  std::vector<Layer> layers_;
  std::vector<std::string> names_;
};

/// A function as a layer: `nn::Lambda{[](const Tensor& x) { return x * 2.0; }}`. Containers take plain callables too.
class Lambda : public Module<Lambda> {
 public:
  /// Of that function.
  template <class F>
    requires(!std::is_same_v<std::decay_t<F>, Lambda> && std::is_invocable_r_v<Tensor, std::decay_t<F>&, const Tensor&>)
  Lambda(F&& f) : f_(std::forward<F>(f)) {}
  using fields = Fields<>;
  Tensor forward(const Tensor& x) const { return f_(x); }

 private:
  std::function<Tensor(const Tensor&)> f_;
};

/// Returns its input.
struct Identity : Module<Identity> {
  Tensor forward(const Tensor& x) const { return x; }
};

}  // namespace weft::nn
