// Random masks: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). It has no state:
// four words come from a counter and a key, so a mask is the same whatever was drawn before, in whatever order.
#pragma once
#include "lanes.h"

// Ten rounds for LANES counters at a time, word w of lane l in c[w][l]
INLINE void philox(uint32_t c[4][LANES], uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
    SIMD for (int l = 0; l < LANES; l++) {
      uint64_t p0 = (uint64_t)0xD2511F53u * c[0][l], p1 = (uint64_t)0xCD9E8D57u * c[2][l];
      c[0][l] = (uint32_t)(p1 >> 32) ^ c[1][l] ^ k0, c[1][l] = (uint32_t)p1;
      c[2][l] = (uint32_t)(p0 >> 32) ^ c[3][l] ^ k1, c[3][l] = (uint32_t)p0;
    }
}

// For `units` numbers of each of LANES examples, the first of which is `first`: 0 with this rate, else 1 / (1 - rate).
// Unit u of example n has word u mod 4 of the counter (n, u / 4, step, layer).
static void masks(int64_t units, uint32_t first, uint32_t step, uint32_t layer, uint64_t key, double rate,
                  float *mask) {
  uint32_t below = (uint32_t)(rate * 4294967296.0);
  float scale = (float)(1.0 / (1.0 - rate));
  for (int64_t u = 0; u < units; u += 4) {
    uint32_t c[4][LANES];
    for (int l = 0; l < LANES; l++) {
      c[0][l] = first + (uint32_t)l, c[1][l] = (uint32_t)(u / 4);
      c[2][l] = step, c[3][l] = layer;
    }
    philox(c, (uint32_t)key, (uint32_t)(key >> 32));
    for (int w = 0; w < 4 && u + w < units; w++)
      SIMD for (int l = 0; l < LANES; l++) mask[(u + w) * LANES + l] = c[w][l] < below ? 0.0f : scale;
  }
}
