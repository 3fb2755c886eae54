// Every operator of the table on every implementation: one test body, a parameter for each operator.
#include "support/operator_cases.h"

#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu_info.h>

namespace weft::testing {
namespace {

class OperatorSuite : public ::testing::TestWithParam<Operator> {
 protected:
  const OpInfo& info() const { return *GetParam().info; }
  std::string label(std::size_t i, DType t) const {
    return info().name + " case " + std::to_string(i) + " in " + std::string(name_of(t));
  }
  /// f32 where the operator computes in it, else i64 or bool.
  DType plain() const {
    return info().types == Types::integral ? i64 : info().types == Types::boolean ? boolean : f32;
  }
};

TEST(OperatorTable, IsCompletelyDescribed) {
  ASSERT_GT(all_ops().size(), 100u);
  for (const OpInfo* op : all_ops()) {
    EXPECT_FALSE(op->name.empty());
    EXPECT_FALSE(op->doc.empty()) << op->name;
    EXPECT_FALSE(op->family.empty()) << op->name;
    EXPECT_FALSE(op->signature.outputs.empty()) << op->name;
    EXPECT_FALSE(kernels_of(*op, DeviceType::ref).empty()) << op->name << " has no reference kernel";
    EXPECT_FALSE(kernels_of(*op, DeviceType::cpu).empty()) << op->name << " has no kernel on cpu";
    EXPECT_EQ(op->differentiable, op->vjp != nullptr) << op->name << ": add_vjps is missing for its list";
    if (op->name == "transfer") continue;
    ASSERT_TRUE(op->domain) << op->name;
    EXPECT_FALSE(op->domain(*op).empty()) << op->name;
  }
}

TEST_P(OperatorSuite, EveryImplementationMatchesTheReference) {
  const auto cases = cases_of(info());
  std::vector<std::string> tried;
  for (DType t : dtypes_of(info()))
    for (std::size_t i = 0; i < cases.size(); ++i) {
      SCOPED_TRACE(label(i, t));
      const auto inputs = inputs_of(info(), cases[i], t);
      const auto want = apply_case(info(), cases[i], inputs, ref());
      expect_close(apply_case(info(), cases[i], inputs, cpu), want, cases[i].tolerance, "as dispatched");
      std::vector<Tensor> got;
      for (const Kernel& k : kernels_of(info(), DeviceType::cpu))
        if (run_kernel(info(), cases[i], k, inputs, got)) {
          if (k.precision == Precision::bf16) {
            // Tiles of Winograd's are rounded after their transform: not the same bf16 as the reference's, and where two
            // elements of a window are nearly equal not the same place. bf16_products_test.cpp is stricter.
            const Tensor rounded = reference_in_bf16(info(), cases[i], inputs)[0];
            EXPECT_LE(largest(got[0] - rounded), 1e-2 * largest(rounded)) << k.name;
          } else {
            expect_close(got, want, cases[i].tolerance, k.name);
          }
          tried.push_back(k.name);
        }
      if (HasFatalFailure()) return;
    }
  for (const Kernel& k : kernels_of(info(), DeviceType::cpu)) {
    if (k.precision == Precision::bf16 && !bf16_products()) continue;
    EXPECT_NE(std::find(tried.begin(), tried.end(), k.name), tried.end()) << k.name << " takes no case of the domain";
  }
}

TEST_P(OperatorSuite, AttributesSurviveTheirText) {
  for (const OpCase& c : info().domain(info())) {
    const AttrMap values = info().get(c.attrs.get());
    const Attrs again = info().make(values);
    EXPECT_EQ(to_string(info().get(again.get())), to_string(values));
  }
  EXPECT_THROW(info().make({{"no_such_attribute", std::int64_t{1}}}), Error);
}

TEST_P(OperatorSuite, TakesStridedInputs) {
  const auto cases = cases_of(info());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(label(i, plain()));
    const auto inputs = inputs_of(info(), cases[i], plain());
    const auto want = apply_case(info(), cases[i], inputs, cpu);
    for (auto restore : {&stored_transposed, &stored_backwards}) {
      std::vector<Tensor> strided;
      for (const Tensor& t : inputs) strided.push_back(restore(t));
      expect_close(apply_case(info(), cases[i], strided, cpu), want, cases[i].tolerance, "strided");
      std::vector<Tensor> got;
      for (const Kernel& k : kernels_of(info(), DeviceType::cpu))
        if (k.precision == Precision::f32 && run_kernel(info(), cases[i], k, strided, got))
          expect_close(got, want, cases[i].tolerance, k.name + ", strided");
    }
    if (info().name == "nonzero") continue;  // its attribute counts the elements, which the next lines change
    // Stride 0: the first slice of each input repeated along axis 0.
    std::vector<Tensor> expanded, packed;
    for (const Tensor& t : inputs) {
      const bool wide = t.rank() > 0 && t.size(0) > 0;
      expanded.push_back(wide ? broadcast_to(slice(t, 0, 0, 1), t.shape()) : t);
      packed.push_back(expanded.back().contiguous());
    }
    expect_close(apply_case(info(), cases[i], expanded, cpu), apply_case(info(), cases[i], packed, cpu),
                 cases[i].tolerance, "expanded");
    if (HasFatalFailure()) return;
  }
}

using BroadcastingSuite = OperatorSuite;
TEST_P(BroadcastingSuite, GivesWhatExpandedInputsGive) {
  const auto cases = info().domain(info());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto inputs = inputs_of(info(), cases[i], plain());
    const auto got = apply_case(info(), cases[i], inputs, cpu);
    std::vector<Tensor> wide;
    for (const Tensor& t : inputs) wide.push_back(broadcast_to(t, got[0].shape()).contiguous());
    expect_same_bits(got, apply_case(info(), cases[i], wide, cpu), label(i, plain()));
  }
}

TEST_P(OperatorSuite, GivesTheSameBitsForAnyNumberOfThreads) {
  auto cases = cases_of(info());
  if (info().elementwise) {
    OpCase large = cases[0];
    for (Sample& s : large.inputs) s.shape = {37, 5003};
    cases.push_back(large);
  }
  const int before = num_threads();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto inputs = inputs_of(info(), cases[i], plain());
    set_num_threads(1);
    const auto want = apply_case(info(), cases[i], inputs, cpu);
    for (int n : {2, 3, 7}) {
      set_num_threads(n);
      expect_same_bits(apply_case(info(), cases[i], inputs, cpu), want,
                       label(i, plain()) + " on " + std::to_string(n) + " threads");
    }
  }
  set_num_threads(before);
}

INSTANTIATE_TEST_SUITE_P(All, OperatorSuite, ::testing::ValuesIn(operators()), operator_name);

std::vector<Operator> broadcasting() {
  std::vector<Operator> list;
  for (const Operator& op : operators())
    if (op->elementwise && op->signature.inputs.size() > 1) list.push_back(op);
  return list;
}
INSTANTIATE_TEST_SUITE_P(All, BroadcastingSuite, ::testing::ValuesIn(broadcasting()), operator_name);

/// Large reductions and products: where implementations cut work into pieces.
TEST(LargeOperators, GiveTheSameBitsForAnyNumberOfThreads) {
  Generator g(5);
  const Tensor x = randn({301, 1027}, {}, &g), w = randn({1027, 93}, {}, &g);
  const auto all = [&] {
    return std::vector<Tensor>{sum(x),
                               sum(x, {0}),
                               sum(x, {1}),
                               max(x, {0}),
                               prod(x * 0.01 + 1.0, {1}),
                               cumsum(x, 0),
                               matmul(x, w),
                               argmax(x, 1),
                               mean(transpose(x), {0}),
                               logsumexp(x, {1}),
                               sort(x, 0).values};
  };
  const int before = num_threads();
  set_num_threads(1);
  const auto want = all();
  for (int n : {2, 3, 7}) {
    set_num_threads(n);
    expect_same_bits(all(), want, std::to_string(n) + " threads");
  }
  set_num_threads(before);
}

TEST(LargeOperators, MatchTheReferenceDevice) {
  Generator g(5);
  const Tensor x = randn({61, 517}, {.device = cpu}, &g), w = randn({517, 33}, {.device = cpu}, &g);
  const Tensor rx = x.to(ref()), rw = w.to(ref());
  const auto check_close = [](const Tensor& a, const Tensor& b) { expect_close({a}, {b.to(cpu)}, 20, "large"); };
  check_close(sum(x), sum(rx));
  check_close(sum(x, {0}), sum(rx, {0}));
  check_close(sum(x, {1}), sum(rx, {1}));
  check_close(max(x, {0}), max(rx, {0}));
  check_close(min(x, {1}), min(rx, {1}));
  check_close(matmul(x, w), matmul(rx, rw));
  check_close(matmul(w, x, true, true), matmul(rw, rx, true, true));
}

}  // namespace
}  // namespace weft::testing
