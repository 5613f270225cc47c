// Matrix products. Examples stand in blocks of LANES: an array of `units` numbers an example is (blocks, units, LANES).
#pragma once
#include "lanes.h"

// y[r][l] = start[r] + a[r][0] x[0][l] + a[r][1] x[1][l] + …, in this order: one chain of fmas for each output.
// a[r][k] stands at a + r * row + k * step, x[k] and y[r] at multiples of `from` and `to`. `count` numbers k come in
// pieces of `piece`, between which a and x go on by a_next and x_next.
typedef struct {
  const float *a, *x, *start;
  int64_t row, step, from, to, count, piece, a_next, x_next;
} Product;

INLINE void product_tile(const int m, const Product p, int64_t r, float *y, const int columns) {
  float sum[ROWS][LANES];
  UNROLL for (int q = 0; q < m; q++) {
    float s = p.start ? p.start[r + q] : 0.0f;
    SIMD for (int l = 0; l < LANES; l++) sum[q][l] = s;
  }
  const float *a = p.a + r * p.row, *x = p.x;
  for (int64_t done = 0; done < p.count; done += p.piece, a += p.a_next, x += p.x_next) {
    int64_t length = p.count - done < p.piece ? p.count - done : p.piece;
    for (int64_t k = 0; k < length; k++) {
      UNROLL for (int q = 0; q < m; q++) {
        float factor = a[q * p.row + k * p.step];
        SIMD for (int l = 0; l < LANES; l++) sum[q][l] = madd(factor, x[k * p.from + l], sum[q][l]);
      }
    }
  }
  UNROLL for (int q = 0; q < m; q++) {
    float row[LANES];  // a copy: `sum` itself, handed on, would not stay in registers
    SIMD for (int l = 0; l < LANES; l++) row[l] = sum[q][l];
    memcpy(y + (r + q) * p.to, row, (size_t)columns * sizeof(float));
  }
}

// The product for `groups` of LANES columns, whose x and y stand x_group and y_group apart: all of them with some rows
// of a, which stay in the nearest cache, then with the next rows
static void product(int64_t rows, Product p, float *y, int columns, int64_t groups, int64_t x_group, int64_t y_group) {
#define TILE(m, r)                                           \
  for (int64_t g = 0; g < groups; g++) {                     \
    Product own = p;                                         \
    own.x += g * x_group;                                    \
    product_tile(m, own, r, y + g * y_group, columns);       \
  }
  TILES(rows, ROWS, TILE);
#undef TILE
}

// y = W x + b for each block: W (rows, inputs), x (blocks, inputs, LANES), y (blocks, rows, LANES)
static void dense(int64_t rows, int64_t inputs, int64_t blocks, const float *w, const float *b, const float *x,
                  float *y) {
  Product p = {w, x, b, inputs, 1, LANES, LANES, inputs, inputs, 0, 0};
  product(rows, p, y, LANES, blocks, inputs * LANES, rows * LANES);
}

// dx = W^T dy for each block
static void dense_back(int64_t rows, int64_t inputs, int64_t blocks, const float *w, const float *dy, float *dx) {
  Product p = {w, dy, 0, 1, inputs, LANES, LANES, rows, rows, 0, 0};
  product(inputs, p, dx, LANES, blocks, rows * LANES, inputs * LANES);
}

// dW = dy x^T over n examples, one after the other. turned: (blocks, LANES, width), x with the example before the
// input, where width is the inputs, rounded up to a multiple of LANES
static void dense_gradient(int64_t rows, int64_t inputs, int64_t n, const float *dy, const float *turned, float *dw) {
  int64_t width = (inputs + LANES - 1) / LANES * LANES, whole = inputs / LANES, rest = inputs % LANES;
  Product p = {dy, turned, 0, LANES, 1, width, inputs, n, LANES, rows * LANES, LANES * width};
  product(rows, p, dw, LANES, whole, LANES, LANES);
  p.x += whole * LANES;
  if (rest) product(rows, p, dw + whole * LANES, (int)rest, 1, 0, 0);
}

static void turn(int64_t inputs, int64_t blocks, const float *x, float *turned) {
  int64_t width = (inputs + LANES - 1) / LANES * LANES;
  for (int64_t i = 0; i < blocks; i++)
    for (int64_t first = 0; first < inputs; first += LANES)
      for (int64_t l = 0; l < LANES; l++)
        for (int64_t k = first; k < inputs && k < first + LANES; k++)
          turned[(i * LANES + l) * width + k] = x[(i * inputs + k) * LANES + l];
}

// db[r] = sum of dy[r] over all examples: by lanes, then their tree
static void row_sums(int64_t rows, int64_t blocks, const float *dy, float *db) {
  for (int64_t r = 0; r < rows; r++) {
    float lanes[LANES] = {0};
    for (int64_t i = 0; i < blocks; i++)
      SIMD for (int l = 0; l < LANES; l++) lanes[l] += dy[(i * rows + r) * LANES + l];
    db[r] = tree(lanes);
  }
}
