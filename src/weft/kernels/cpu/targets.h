// The instruction sets that Weft's own kernels are compiled for. Every file that includes Highway includes this first:
// the set must be the same everywhere, because Highway's index of the chosen target depends on it.
#pragma once

// Kept on x86: plain code (the baseline), AVX2 and AVX-512 (AVX3). Each further target costs seconds of compile time.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
