// A planned training step that is computed again asks the system for no memory.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include <weft/graph/trace.h>
#include <weft/nn/nn.h>
#include <weft/nn/zoo.h>
#include <weft/optim/optim.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {
std::atomic<bool> counting = false;
std::atomic<std::int64_t> allocations = 0;
void count() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}
}  // namespace

// In the place of glibc's: operator new, libdnnl and the caching allocator come here too.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t n) { return count(), __libc_malloc(n); }
void* calloc(std::size_t n, std::size_t size) { return count(), __libc_calloc(n, size); }
void* realloc(void* p, std::size_t n) { return count(), __libc_realloc(p, n); }
void* aligned_alloc(std::size_t alignment, std::size_t n) { return count(), __libc_memalign(alignment, n); }
int posix_memalign(void** p, std::size_t alignment, std::size_t n) {
  count();
  *p = __libc_memalign(alignment, n);
  return *p ? 0 : 12;
}
}

namespace weft {
namespace {

/// Memory for what a plan takes from outside: zeros.
struct Outside {
  explicit Outside(const Program& p) {
    for (const ProgramBuffer& b : p.buffers)
      memory.push_back(b.kind == BufferKind::intermediate ? nullptr : std::calloc(static_cast<std::size_t>(b.bytes) + 64, 1));
  }
  ~Outside() {
    for (void* p : memory) std::free(p);
  }
  std::vector<void*> memory;
};

/// Trains on one batch, so that there is a plan, and computes that a hundred times more.
void expect_no_allocations(nn::Sequential net, const Tensor& x) {
  net.train();
  const Tensor y = zeros({x.size(0)}, {.dtype = i64});
  optim::Optimizer opt(net, optim::Adam{});
  PlanList list;
  for (int i = 0; i < 2; ++i) {
    Trace trace(list);
    opt.step(nn::grad(nn::cross_entropy(net(x), y), net));
    trace.finish();
  }
  Plan& plan = *list.plans.front();
  if (plan.describe().find("onednn") != std::string::npos)
    GTEST_SKIP() << "oneDNN allocates at each execution: its arguments are maps; run with WEFT_ONEDNN=off";
  Outside outside(plan.recorded());
  // Warm is who has had all threads at work at once: the allocator keeps what they took.
  std::int64_t asked = 1;
  for (int round = 0; round < 10 && asked; ++round) {
    allocations = 0;
    counting = true;
    for (int i = 0; i < 100; ++i) plan.run(outside.memory);
    counting = false;
    asked = allocations;
  }
  EXPECT_EQ(asked, 0);
}

TEST(Replay, OfTheTutorialNetworkAsksForNoMemory) { expect_no_allocations(nn::zoo::tutorial_cnn(), randn({4, 3, 32, 32})); }

TEST(Replay, OfAllButConvolutionsAsksForNoMemory) {
  expect_no_allocations({nn::MaxPool2d{2}, nn::BatchNorm2d{{.features = 3}}, nn::GELU{}, nn::AvgPool2d{2}, nn::Dropout{0.5}, nn::Flatten{},
                         nn::Linear{{.out = 20}}, nn::LayerNorm{20}, nn::ReLU{}, nn::Linear{{.out = 10}}},
                        randn({4, 3, 32, 32}));
}

}  // namespace
}  // namespace weft

#endif
