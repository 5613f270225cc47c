// One step of an array of parameters p with gradient g, in torch's formulas.
#pragma once
#include "lanes.h"

enum { DESCENT, MOMENTUM, ADAM };
typedef struct {
  int32_t kind, unused;
  double rate, beta1, beta2, epsilon;  // beta1: momentum's factor; Adam's for the first moment
  double decay;                        // of the weights, apart from the gradient (AdamW); 0 for none
  double power1, power2;               // beta1^t and beta2^t of the last step, 1 before the first
} Optimizer;

// p -= rate v, with v = momentum v + g; without momentum v = g
static void descend(const Optimizer *o, int64_t n, float *p, const float *g, float *v) {
  float rate = (float)o->rate, factor = (float)o->beta1;
  if (o->kind == DESCENT) {
    SIMD for (int64_t i = 0; i < n; i++) p[i] = madd(-rate, g[i], p[i]);
    return;
  }
  SIMD for (int64_t i = 0; i < n; i++) {
    v[i] = madd(factor, v[i], g[i]);
    p[i] = madd(-rate, v[i], p[i]);
  }
}

// Kingma & Ba 2015, "Adam", algorithm 1; epsilon is added after the correction. The decay is that of Loshchilov &
// Hutter 2019, "Decoupled weight decay regularization", algorithm 2, times the rate
static void adam(const Optimizer *o, int64_t n, float *p, const float *g, float *m, float *v) {
  float step = (float)(o->rate / (1 - o->power1)), root = (float)__builtin_sqrt(1 - o->power2);
  float new1 = (float)(1 - o->beta1), new2 = (float)(1 - o->beta2), old2 = (float)o->beta2;
  float epsilon = (float)o->epsilon, stays = (float)(1 - o->rate * o->decay);
  SIMD for (int64_t i = 0; i < n; i++) {
    float square = g[i] * g[i], kept = old2 * v[i];
    m[i] = madd(new1, g[i] - m[i], m[i]);
    v[i] = madd(new2, square, kept);
    float smaller = p[i] * stays;
    p[i] = smaller - step * m[i] / (__builtin_sqrtf(v[i]) / root + epsilon);
  }
}
