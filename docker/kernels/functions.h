// exp, log, sigmoid, tanh of one float, from polynomials: loops over them run in vectors, as nothing here branches.
// Largest errors against float64, over all floats of the stated range, in units in the last place (tests/lib/kernels):
// exp 1.1, log 2.0, sigmoid 2.8, tanh 1.5.
#pragma once
#include "lanes.h"

// e^x = 2^k e^r with |r| <= ln(2) / 2. Results below 2^-126 are 0, above the largest float infinite.
INLINE float exp_(float x) {
  float in = x < -87.33654f ? -87.33654f : x > 88.72283f ? 88.72283f : x;
  float shifted = madd(in, 1.44269504f, 12582912.0f);  // 1.5 * 2^23: the last bits are x / ln(2), rounded
  uint32_t k = bits(shifted) - 0x4b400000u;
  float whole = shifted - 12582912.0f;
  float r = madd(whole, -0.693145752f, in);  // ln(2) in two parts, the first with zeros at its end
  r = madd(whole, -1.42860677e-6f, r);
  float p = 1.0f / 5040;
  p = madd(p, r, 1.0f / 720);
  p = madd(p, r, 1.0f / 120);
  p = madd(p, r, 1.0f / 24);
  p = madd(p, r, 1.0f / 6);
  p = madd(p, r, 0.5f);
  p = madd(p, r, 1.0f);
  p = madd(p, r, 1.0f);
  float y = number(bits(p) + (k << 23));
  y = x < -87.33654f ? 0.0f : y;
  y = x > 88.72283f ? number(0x7f800000) : y;
  return x != x ? x : y;
}

// log(x) = e ln(2) + log(m) with m in [2/3, 4/3), and log(m) = 2 atanh(s), s = (m - 1) / (m + 1).
INLINE float log_(float x) {
  float in = x < 1.17549435e-38f ? x * 8388608.0f : x;  // a denormal number, times 2^23
  float extra = x < 1.17549435e-38f ? -23.0f : 0.0f;
  int32_t e = (int32_t)(bits(in) - 0x3f2aaaabu) >> 23;
  float m = number(bits(in) - ((uint32_t)e << 23)) - 1.0f;
  float s = m / (m + 2.0f), t = s * s;
  float p = 2.0f / 11;
  p = madd(p, t, 2.0f / 9);
  p = madd(p, t, 2.0f / 7);
  p = madd(p, t, 2.0f / 5);
  p = madd(p, t, 2.0f / 3);
  p = p * t;
  float lower = madd(s, p, s + s);
  float y = madd((float)e + extra, 0.693147181f, lower);
  y = x == 0 ? number(0xff800000) : x < 0 ? number(0x7fc00000) : y;
  return x != x ? x : x == number(0x7f800000) ? x : y;
}

INLINE float sigmoid_(float x) {
  float e = exp_(-__builtin_fabsf(x)), s = 1.0f / (1.0f + e);
  return x < 0 ? e * s : s;
}

INLINE float tanh_(float x) {
  float size = __builtin_fabsf(x), z = x * x;
  float p = -5.70498872745e-3f;  // for |x| < 0.625 the polynomial of Moshier's Cephes library (tanhf), odd in x
  p = madd(p, z, 2.06390887954e-2f);
  p = madd(p, z, -5.37397155531e-2f);
  p = madd(p, z, 1.33314422036e-1f);
  p = madd(p, z, -3.33332819422e-1f);
  float near = madd(p * z, size, size);
  float far = 1.0f - 2.0f / (exp_(size + size) + 1.0f);
  return x != x ? x : __builtin_copysignf(size < 0.625f ? near : far, x);
}
