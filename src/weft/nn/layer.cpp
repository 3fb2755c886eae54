#include <weft/nn/layer.h>

namespace weft::nn {

void detail::wrong_arity(std::string_view name, std::size_t given) {
  fail(name, " was called with ", given, given == 1 ? " tensor" : " tensors", ", which its forward does not take");
}

Tensor Layer::call(std::span<const Tensor> inputs) const {
  std::vector<Tensor> all = call_all(inputs);
  check(all.size() == 1, module_ref().type_name(), " has ", all.size(), " outputs; expected one here");
  return std::move(all[0]);
}

Sequential& Sequential::add(Layer layer) {
  names_.push_back(std::to_string(layers_.size()));
  layers_.push_back(std::move(layer));
  return *this;
}

Sequential& Sequential::add(std::pair<std::string, Layer> named) {
  check(!named.first.empty() && named.first.find('.') == named.first.npos, "Sequential: layer name '", named.first,
        "'; expected a name without dots");
  for (const auto& name : names_) check(name != named.first, "Sequential: two layers named '", name, "'");
  names_.push_back(std::move(named.first));
  layers_.push_back(std::move(named.second));
  return *this;
}

Tensor Sequential::forward(const Tensor& x) const {
  Tensor y = x;
  for (const Layer& layer : layers_) y = layer(y);
  return y;
}

Layer& Sequential::operator[](std::size_t i) {
  check(i < layers_.size(), "Sequential: layer ", i, " of ", layers_.size());
  return layers_[i];
}

void Sequential::visit_fields(FieldVisitor& v) {
  for (std::size_t i = 0; i < layers_.size(); ++i) nn::detail::visit_field(names_[i], layers_[i], v);
}

}  // namespace weft::nn
