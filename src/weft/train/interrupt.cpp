#include <weft/train/interrupt.h>

#include <csignal>

#include <atomic>

namespace weft::nn {

namespace {
std::atomic<int> depth{0};
volatile std::sig_atomic_t caught = 0;
struct sigaction before;

void on_interrupt(int) {
  caught = 1;
  sigaction(SIGINT, &before, nullptr);  // the next one is the host's
}
}  // namespace

InterruptScope::InterruptScope() {
  if (depth.fetch_add(1) > 0) return;
  caught = 0;
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &before);
}

InterruptScope::~InterruptScope() {
  if (depth.fetch_sub(1) == 1 && !caught) sigaction(SIGINT, &before, nullptr);
}

bool InterruptScope::requested() { return caught != 0; }

}  // namespace weft::nn
