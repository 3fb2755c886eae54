#include <gtest/gtest.h>

#include <map>

#include <weft/nn/functional.h>
#include <weft/nn/layer.h>

namespace weft::nn {
namespace {

Tensor fill_normal(const Shape& shape, DType dtype, RandomStream stream) {
  std::vector<float> v;
  for (std::int64_t i = 0; i < shape.numel(); ++i) v.push_back(static_cast<float>(stream.normal(static_cast<std::uint64_t>(i))));
  return tensor_of(v, shape, {.dtype = dtype});
}

/// y = x w, with a deferred input size.
class Affine : public Module<Affine> {
 public:
  explicit Affine(std::int64_t out) : out_(out), weight_(Parameter::deferred(fill_normal)) {}
  Tensor forward(const Tensor& x) const {
    weight_.resolve({x.size(-1), out_});
    return matmul(x, weight_);
  }
  Mode mode;

 private:
  std::int64_t out_;
  Parameter weight_;

 public:
  using fields = Fields<&Affine::weight_, &Affine::mode>;
};

struct Block : Module<Block> {
  Affine inner{3};
  Tensor forward(const Tensor& x) { return inner(x); }
};

struct Net : Module<Net> {
  Affine first{3};
  std::vector<Block> blocks = std::vector<Block>(2);
  std::map<std::string, Affine> heads;
  Buffer counter{zeros({1})};
  Tensor forward(Tensor x) {
    x = first(x);
    for (auto& b : blocks) x = b(x);
    return x;
  }
};

TEST(Module, NamesParametersAfterItsMembers) {
  Net net;
  net.heads.emplace("left", Affine{2});
  std::vector<std::string> names;
  for (auto& [name, p] : net.named_parameters()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"first.weight", "blocks.0.inner.weight", "blocks.1.inner.weight", "heads.left.weight"}));
}

TEST(Module, DrawsTheSameValuesWhateverTheOrder) {
  manual_seed(7);
  Net a;
  a(ones({1, 5}));
  manual_seed(7);
  Net b;
  b.blocks[1](ones({1, 3}));  // called alone first: then it is a root of its own, with its own paths
  Net c;
  manual_seed(7);
  c(ones({2, 5}));
  EXPECT_EQ(a.state_dict()[2].second.to_vector<float>(), c.state_dict()[2].second.to_vector<float>());
}

TEST(Module, CopiesCloneAndShareShares) {
  Net a;
  a(ones({1, 5}));
  Net copy = a, tied = share(a);
  a.parameters()[0].assign(zeros({5, 3}));
  EXPECT_EQ(tied.parameters()[0].tensor().sum().item(), 0);
  EXPECT_NE(copy.parameters()[0].tensor().to_vector<float>()[0], 0);
}

TEST(Module, ErrorsNameThePathToTheModule) {
  Net net;
  net(ones({1, 5}));
  net.blocks[1].inner = Affine{4};
  net.blocks[1](ones({1, 7}));
  try {
    net(ones({1, 5}));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.module_path(), "Net.blocks[1].inner") << e.what();
  }
}

TEST(Module, ReportsATrainableParameterThatNoFieldReaches) {
  struct Hidden : Module<Hidden> {
    std::function<Tensor(const Tensor&)> f = [p = Parameter(ones({2}))](const Tensor& x) { return x * p; };
    Tensor forward(const Tensor& x) { return f(x); }
  } net;
  Affine known{2};
  Tensor loss = net(known(ones({1, 3}))).sum();
  EXPECT_THROW(grad(loss, known), Error);
}

TEST(Module, FreezesByPatternAndKeepsModes) {
  Net net;
  net(ones({1, 5}));
  net.freeze("blocks.*");
  Gradients g = grad(net(ones({1, 5})).sum(), net);
  EXPECT_EQ(g.parameters.size(), 1u);
  net.eval();
  EXPECT_FALSE(net.blocks[0].inner.mode.training);
  EXPECT_THROW(net.freeze("nothing.*"), Error);
}

TEST(Module, LoadingAMisfitChangesNothing) {
  Net net;
  net(ones({1, 5}));
  const auto before = net.state_dict();
  auto bad = before;
  bad[0].second = zeros({5, 3});
  bad[1].second = zeros({9});
  EXPECT_THROW(net.load_state_dict(bad), Error);
  EXPECT_EQ(net.state_dict()[0].second.to_vector<float>(), before[0].second.to_vector<float>());
}

TEST(Module, GivesIntermediateOutputs) {
  Net net;
  Tensor y;
  auto out = intermediate_outputs(net, {"first", "blocks.1"}, [&] { y = net(ones({1, 5})); });
  EXPECT_EQ(out[1].to_vector<float>(), y.to_vector<float>());
}

TEST(Sequential, TakesLayersAndCallables) {
  Sequential net{Affine{4}, [](const Tensor& x) { return relu(x); }, Sequential{Affine{2}}};
  EXPECT_EQ(net(ones({3, 5})).shape(), (Shape{3, 2}));
  EXPECT_EQ(named_parameters(net)[1].first, "2.0.weight");
  Sequential copy = net;
  EXPECT_FALSE(parameters(copy)[0] == parameters(net)[0]);
}

TEST(Sequential, TakesFunctionsByName) {
  Sequential net{Affine{4}, relu, Lambda{[](const Tensor& x) { return x * 2.0; }}};
  const Tensor y = net(full({2, 5}, 0.5));
  EXPECT_EQ(y.shape(), (Shape{2, 4}));
  EXPECT_GE(y.min().item(), 0);
}

TEST(Lambda, IsALayerByItself) {
  Lambda twice{[](const Tensor& x) { return x * 2.0; }};
  Lambda copy = twice;
  EXPECT_EQ(copy(ones({2})).to_vector<float>(), (std::vector<float>{2, 2}));
  const Layer held = twice;
  EXPECT_EQ(held(ones({2})).to_vector<float>(), (std::vector<float>{2, 2}));
}

TEST(Layer, BorrowsAModuleByReference) {
  Affine mine{4};
  const Layer held{std::ref(mine)};
  held(ones({1, 2}));
  EXPECT_TRUE(parameters(held.module_ref())[0] == parameters(mine)[0]);
}

struct Tied : Module<Tied> {
  Affine a{4}, b = share(a);
  Tensor forward(const Tensor& x) { return a(x) + b(x); }
};

TEST(Layer, KeepsTiesOfWhatItCopies) {
  Tied mine;
  mine(ones({1, 2}));
  EXPECT_EQ(parameters(Layer(mine).module_ref()).size(), 1u);
  EXPECT_EQ(parameters(Layer(Layer(mine)).module_ref()).size(), 1u);
}

struct Numbered : Module<Numbered> {
  std::map<int, Affine> heads;
  std::pair<Tensor, Tensor> forward(const Tensor& x) { return {heads.at(3)(x), x}; }
};

TEST(Module, NamesMembersOfMapsWithWholeNumbersAndReturnsPairs) {
  Numbered net;
  net.heads.emplace(3, Affine{2});
  EXPECT_EQ(Layer(net).call_all(std::vector{ones({1, 5})}).size(), 2u);
  net(ones({1, 5}));
  EXPECT_EQ(named_parameters(net)[0].first, "heads.3.weight");
}

TEST(Module, ModeScopePutsBackWhatEachModeWas) {
  Sequential net{Affine{4}, Affine{2}};
  net.train();
  net[1].get<Affine>()->mode.training = false;
  {
    const ModeScope off(net, false);
    EXPECT_FALSE(net[0].get<Affine>()->mode.training);
  }
  EXPECT_TRUE(net[0].get<Affine>()->mode.training);
  EXPECT_FALSE(net[1].get<Affine>()->mode.training);
}

TEST(Functional, RecordsLayersAndOperations) {
  Affine shared{3}, head{2};
  Tensor a = input({5}), b = input({5});
  Functional model({a, b}, {head(relu(shared(a)) + shared(b))});
  Tensor x = randn({4, 5}), z = randn({4, 5});
  Tensor expected = head(relu(shared(x)) + shared(z));
  EXPECT_EQ(model(x, z).to_vector<float>(), expected.to_vector<float>());
  EXPECT_EQ(named_parameters(model).size(), 2u);
  EXPECT_TRUE(parameters(model)[0] == parameters(shared)[0]);
}

}  // namespace
}  // namespace weft::nn
