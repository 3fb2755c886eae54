// Ctrl-C while training: asks for a clean end; a second one ends the process as usual.
#pragma once

namespace weft::nn {

/// Catches SIGINT while it lives (the outermost one), and restores what was there before.
class InterruptScope {
 public:
  InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
  ~InterruptScope();
  /// True after Ctrl-C.
  static bool requested();
};

}  // namespace weft::nn
