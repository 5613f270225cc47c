// The functions that other programs call. See lanes.h for the rules, docs/portable.md for why.
#include "network.h"

const char *kernels_sha256(void) { return SOURCE; }  // of the sources: build.sh passes it
int32_t kernels_width(void) { return WIDTH; }

#define ELEMENTWISE(name)                                                   \
  void kernels_##name(int64_t n, const float *x, float *y) {                \
    Fence fence = enter();                                                  \
    SIMD for (int64_t i = 0; i < n; i++) y[i] = canonical(name##_(x[i]));   \
    leave(fence);                                                           \
  }
ELEMENTWISE(exp)
ELEMENTWISE(log)
ELEMENTWISE(sigmoid)
ELEMENTWISE(tanh)

// y (rows, columns) = a (rows, count) x (count, columns)
void kernels_product(int64_t rows, int64_t count, int64_t columns, const float *a, const float *x, float *y) {
  Fence fence = enter();
  for (int64_t c = 0; c < columns; c += LANES) {
    int width = columns - c < LANES ? (int)(columns - c) : LANES;
    float *block = calloc((size_t)(count + 1) * LANES, 4);  // columns that are not there are zeros
    if (!block) abort();
    for (int64_t k = 0; k < count; k++) memcpy(block + k * LANES, x + k * columns + c, (size_t)width * 4);
    Product p = {a, block, 0, count, 1, LANES, columns, count, count ? count : 1, 0, 0};
    product(rows, p, y + c, width, 1, 0, 0);
    free(block);
  }
  for (int64_t i = 0; i < rows * columns; i++) y[i] = canonical(y[i]);
  leave(fence);
}

// The sum of n numbers as of examples: sixteen lanes and their tree
float kernels_sum(int64_t n, const float *x) {
  Fence fence = enter();
  float lanes[LANES] = {0};
  for (int64_t i = 0; i < n; i++) lanes[i % LANES] += x[i];
  float sum = canonical(tree(lanes));
  leave(fence);
  return sum;
}

// each[i] = the cross-entropy of logits (n, classes) for its label
void kernels_cross_entropy(int64_t n, int64_t classes, const float *logits, const int64_t *labels, float *each) {
  Fence fence = enter();
  float *z = calloc((size_t)(classes + 1) * LANES * 2, 4), *dz = z + (classes + 1) * LANES, lanes[LANES];
  if (!z) abort();
  for (int64_t b = 0; b < n; b += LANES) {
    int32_t label[LANES] = {0};
    int size = n - b < LANES ? (int)(n - b) : LANES;
    for (int l = 0; l < size; l++) {
      label[l] = (int32_t)labels[b + l];
      for (int64_t j = 0; j < classes; j++) z[j * LANES + l] = logits[(b + l) * classes + j];
    }
    cross_entropy(classes, size, z, label, 1.0f, lanes, dz);
    for (int l = 0; l < size; l++) each[b + l] = canonical(lanes[l]);
  }
  free(z);
  leave(fence);
}

// The mask of dropout for LANES examples from `first`: (units, LANES)
void kernels_mask(int64_t units, uint32_t first, uint32_t step, uint32_t layer, uint64_t key, double rate,
                  float *mask) {
  masks(units, first, step, layer, key, rate, mask);
}
