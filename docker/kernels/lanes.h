// The rules that make the bits, on every processor and with every compiler:
//
// - Every product that is added is one fma, written as `madd`. Contraction is off, so there is no other.
// - Every sum has one order, written out in a loop. Vectors only carry elements that never meet side by side: examples
//   of a batch, or outputs of a layer. How many fit into a register changes the speed and nothing else.
// - Sums over examples: example n goes to lane n mod 16, in order; the sixteen lanes meet in one fixed `tree`.
//   Sums over anything else: in order, one after the other.
// - Numbers are rounded to nearest and small ones kept (no flush to zero), whatever a library has set before the call.
#pragma once
#ifdef __FAST_MATH__
#error "-ffast-math lets the compiler choose the order of sums"
#endif
#include <fenv.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 16 };
// Floats in a register, and rows of a product or maps of a convolution that are computed side by side, so that their
// sums stay in registers: 16 of them with AVX2, 32 with AVX-512 and on ARM.
#if defined __AVX512F__
enum { WIDTH = 16, ROWS = 12, MAPS = 6, GRADIENTS = 4 };
#elif defined __AVX__
enum { WIDTH = 8, ROWS = 6, MAPS = 2, GRADIENTS = 2 };
#else
enum { WIDTH = 4, ROWS = 6, MAPS = 6, GRADIENTS = 4 };
#endif

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 12")
#define SIMD _Pragma("omp simd")
// Runs TILE(m, i) for `count` things, m at a time and m known to the compiler: LARGEST as long as there are as many
#define TILES(count, LARGEST, TILE)                      \
  do {                                                   \
    int64_t i_ = 0;                                      \
    for (; i_ + LARGEST <= (count); i_ += LARGEST) TILE(LARGEST, i_); \
    for (; i_ + 4 <= (count); i_ += 4) TILE(4, i_);      \
    for (; i_ + 2 <= (count); i_ += 2) TILE(2, i_);      \
    for (; i_ < (count); i_++) TILE(1, i_);              \
  } while (0)

INLINE float madd(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

INLINE float tree(const float *lanes) {  // halves onto halves: 8 + 8, 4 + 4, 2 + 2, 1 + 1
  float t[LANES];
  memcpy(t, lanes, sizeof t);
  for (int half = LANES / 2; half; half /= 2)
    for (int l = 0; l < half; l++) t[l] = t[l] + t[l + half];
  return t[0];
}

INLINE uint32_t bits(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
INLINE float number(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }
INLINE float canonical(float x) { return x != x ? number(0x7fc00000) : x; }  // x86 and ARM make NaNs of other signs

typedef struct { fenv_t outside; } Fence;
INLINE Fence enter(void) {
  Fence fence;
  fegetenv(&fence.outside);
  fesetenv(FE_DFL_ENV);
  return fence;
}
INLINE void leave(Fence fence) { fesetenv(&fence.outside); }
