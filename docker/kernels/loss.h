// Softmax and cross-entropy of a block of LANES examples: z, dz (classes, LANES).
#pragma once
#include "functions.h"

// each[l] = log(sum of e^z) - z of the label; dz = (softmax - 1 at the label) * share, and 0 for examples from n on
static void cross_entropy(int64_t classes, int n, const float *z, const int32_t *label, float share, float *each,
                          float *dz) {
  float top[LANES], sum[LANES] = {0}, own[LANES] = {0};
  memcpy(top, z, sizeof top);
  for (int64_t j = 1; j < classes; j++)
    SIMD for (int l = 0; l < LANES; l++) { float v = z[j * LANES + l]; top[l] = v > top[l] || v != v ? v : top[l]; }
  for (int64_t j = 0; j < classes; j++)
    SIMD for (int l = 0; l < LANES; l++) {
      float v = z[j * LANES + l] - top[l], e = exp_(v);
      own[l] = label[l] == j ? v : own[l];
      dz[j * LANES + l] = e;
      sum[l] = sum[l] + e;
    }
  for (int64_t j = 0; j < classes; j++)
    SIMD for (int l = 0; l < LANES; l++) {
      float p = dz[j * LANES + l] / sum[l];
      p = label[l] == j ? p - 1.0f : p;
      dz[j * LANES + l] = l < n ? p * share : 0.0f;
    }
  SIMD for (int l = 0; l < LANES; l++) each[l] = l < n ? log_(sum[l]) - own[l] : 0.0f;
}
