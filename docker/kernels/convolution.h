// Convolution 5 x 5, activation and 2 x 2 pooling of a block of examples: arrays are (channels, rows, columns, LANES).
// `modern`: ReLU and the largest of four; else sigmoid and their mean. A picture of size S gives S - 4 sums a row and
// P = S / 2 - 2 pooled outputs.
#pragma once
#include "functions.h"

enum { NONE = 4 };  // the winner of a pool whose ReLU is 0

// The four sums of a pool of m maps: s[q][0..3], the upper two first. w (m, C, 5, 5), x at the pool's first input
INLINE void pool_sums(const int m, int64_t C, int64_t S, const float *w, const float *x, float s[MAPS][4][WIDTH]) {
  UNROLL for (int q = 0; q < m; q++)
    UNROLL for (int p = 0; p < 4; p++) SIMD for (int l = 0; l < WIDTH; l++) s[q][p][l] = 0;
  for (int64_t c = 0; c < C; c++)
    for (int i = 0; i < 5; i++)
      UNROLL for (int j = 0; j < 5; j++) {
        const float *at = x + ((c * S + i) * S + j) * LANES;
        UNROLL for (int q = 0; q < m; q++) {
          float k = w[(q * C + c) * 25 + i * 5 + j];
          UNROLL for (int p = 0; p < 4; p++) {
            const float *place = at + (p / 2 * S + p % 2) * LANES;
            SIMD for (int l = 0; l < WIDTH; l++) s[q][p][l] = madd(k, place[l], s[q][p][l]);
          }
        }
      }
}

// y and winner (m, P, P, LANES) at this pool; the bias comes after the largest: it is the same for all four
INLINE void largest(const int m, int64_t places, const float *b, float s[MAPS][4][WIDTH], float *y, uint8_t *winner) {
  for (int q = 0; q < m; q++)
    SIMD for (int l = 0; l < WIDTH; l++) {
      float s0 = s[q][0][l], s1 = s[q][1][l], s2 = s[q][2][l], s3 = s[q][3][l];
      float upper = s0 >= s1 ? s0 : s1, lower = s2 >= s3 ? s2 : s3;
      int32_t first = s0 >= s1 ? 0 : 1, second = s2 >= s3 ? 2 : 3, best = upper >= lower ? first : second;
      float z = (upper >= lower ? upper : lower) + b[q];
      y[q * places * LANES + l] = z > 0 ? z : z != z ? z : 0.0f;
      winner[q * places * LANES + l] = (uint8_t)(z > 0 ? best : NONE);
    }
  for (int q = 0; q < m; q++)  // comparisons lose a NaN. Together with the loop above this would not run in vectors
    for (int p = 0; p < 4; p++)
      SIMD for (int l = 0; l < WIDTH; l++) {
        float *to = y + q * places * LANES + l, x = s[q][p][l];
        *to = x != x ? x : *to;
      }
}

// y (m, P, P, LANES) at this pool, and its four sigmoids (m, P, P, 4, LANES)
INLINE void mean(const int m, int64_t places, const float *b, float s[MAPS][4][WIDTH], float *y, float *four) {
  for (int q = 0; q < m; q++) {
    float *to = four + q * places * 4 * LANES;
    for (int p = 0; p < 4; p++) SIMD for (int l = 0; l < WIDTH; l++) to[p * LANES + l] = sigmoid_(s[q][p][l] + b[q]);
    SIMD for (int l = 0; l < WIDTH; l++)
      y[q * places * LANES + l] = ((to[l] + to[LANES + l]) + (to[2 * LANES + l] + to[3 * LANES + l])) * 0.25f;
  }
}

// kept: what the way back needs, the winners or the four sigmoids
static void convolution(int64_t C, int64_t S, int64_t O, int modern, const float *w, const float *b, const float *x,
                        float *y, void *kept) {
  int64_t P = S / 2 - 2, places = P * P;
  for (int64_t r = 0; r < P; r++)
    for (int64_t c = 0; c < P; c++)
      for (int h = 0; h < LANES; h += WIDTH) {
        const float *at = x + (2 * r * S + 2 * c) * LANES + h;
        int64_t to = r * P + c;
#define TILE(m, o) {                                                                                          \
        float s[MAPS][4][WIDTH];                                                                              \
        pool_sums(m, C, S, w + (o) * C * 25, at, s);                                                          \
        int64_t first = (o) * places + to;                                                                    \
        if (modern) largest(m, places, b + (o), s, y + first * LANES + h, (uint8_t *)kept + first * LANES + h); \
        else mean(m, places, b + (o), s, y + first * LANES + h, (float *)kept + first * 4 * LANES + h);       \
      }
        TILES(O, MAPS, TILE);
#undef TILE
      }
}

// The derivatives of the sums, dy (O, Q, Q + 2, LANES) with Q = 2 P, from those of the pooled outputs, g (O, P, P,
// LANES). The first and the last column of dy are zeros, which this leaves as they are.
static void unpool(int64_t O, int64_t P, int modern, const float *g, const void *kept, float *dy) {
  int64_t Q = 2 * P;
  for (int64_t o = 0; o < O; o++)
    for (int64_t r = 0; r < P; r++)
      for (int64_t c = 0; c < P; c++) {
        int64_t from = (o * P + r) * P + c;
        for (int p = 0; p < 4; p++) {
          float *to = dy + ((o * Q + 2 * r + p / 2) * (Q + 2) + 2 * c + p % 2 + 1) * LANES;
          const float *back = g + from * LANES;
          if (modern) {
            const uint8_t *winner = (const uint8_t *)kept + from * LANES;
            SIMD for (int l = 0; l < LANES; l++) to[l] = winner[l] == p ? back[l] : 0.0f;
          } else {
            const float *s = (const float *)kept + (from * 4 + p) * LANES;
            SIMD for (int l = 0; l < LANES; l++) to[l] = (back[l] * 0.25f) * (s[l] * (1.0f - s[l]));
          }
        }
      }
}

// Lanes of dw (O, C, 5, 5, LANES) and db (O, LANES) += those of this block
INLINE void kernel_tile(const int m, int64_t C, int64_t S, const float *x, const float *dy, float *dw) {
  int64_t Q = S - 4;
  float sum[GRADIENTS][5][WIDTH];
  UNROLL for (int q = 0; q < m; q++)
    UNROLL for (int j = 0; j < 5; j++) memcpy(sum[q][j], dw + (q * C * 25 + j) * LANES, sizeof sum[q][j]);
  for (int64_t r = 0; r < Q; r++)
    for (int64_t c = 0; c < Q; c++)
      UNROLL for (int j = 0; j < 5; j++) {
        const float *in = x + (r * S + c + j) * LANES;
        UNROLL for (int q = 0; q < m; q++) {
          const float *d = dy + ((q * Q + r) * (Q + 2) + c + 1) * LANES;
          SIMD for (int l = 0; l < WIDTH; l++) sum[q][j][l] = madd(d[l], in[l], sum[q][j][l]);
        }
      }
  UNROLL for (int q = 0; q < m; q++)
    UNROLL for (int j = 0; j < 5; j++) memcpy(dw + (q * C * 25 + j) * LANES, sum[q][j], sizeof sum[q][j]);
}
static void kernel_gradient(int64_t C, int64_t S, int64_t O, const float *x, const float *dy, float *dw, float *db) {
  int64_t Q = S - 4;
#define TILE(m, o)                                                                                     \
  for (int64_t c = 0; c < C; c++)                                                                      \
    for (int i = 0; i < 5; i++)                                                                        \
      for (int h = 0; h < LANES; h += WIDTH)                                                           \
        kernel_tile(m, C, S, x + (c * S + i) * S * LANES + h, dy + (o) * Q * (Q + 2) * LANES + h,      \
                    dw + (((o) * C + c) * 25 + i * 5) * LANES + h)
  TILES(O, GRADIENTS, TILE);
#undef TILE
  for (int64_t o = 0; o < O; o++)
    for (int64_t k = 0; k < Q * (Q + 2); k++)
      SIMD for (int l = 0; l < LANES; l++) db[o * LANES + l] += dy[(o * Q * (Q + 2) + k) * LANES + l];
}

// dx (C, S, S, LANES): for each input the sums over o, i, j of w[o][c][i][j] dy[o][row - i][column - j], in this order.
// Two columns at a time, which share their range of j but for one j each, where dy has its column of zeros.
INLINE void input_tile(const int m, int64_t C, int64_t S, int64_t O, int64_t row, int64_t column, const float *w,
                       const float *dy, float *dx) {
  int64_t Q = S - 4, top = row - Q + 1 > 0 ? row - Q + 1 : 0, bottom = row < 4 ? row : 4;
  int64_t left = column - Q + 1 > 0 ? column - Q + 1 : 0, right = column < 4 ? column + 1 : 4;
  float sum[6][2][WIDTH];
  UNROLL for (int q = 0; q < m; q++)
    UNROLL for (int t = 0; t < 2; t++) SIMD for (int l = 0; l < WIDTH; l++) sum[q][t][l] = 0;
  for (int64_t o = 0; o < O; o++)
    for (int64_t i = top; i <= bottom; i++)
      for (int64_t j = left; j <= right; j++) {
        const float *d = dy + ((o * Q + row - i) * (Q + 2) + column - j + 1) * LANES, *k = w + (o * C * 5 + i) * 5 + j;
        UNROLL for (int q = 0; q < m; q++) {
          float factor = k[q * 25];
          UNROLL for (int t = 0; t < 2; t++)
            SIMD for (int l = 0; l < WIDTH; l++) sum[q][t][l] = madd(factor, d[t * LANES + l], sum[q][t][l]);
        }
      }
  UNROLL for (int q = 0; q < m; q++)
    UNROLL for (int t = 0; t < 2; t++)
      memcpy(dx + ((q * S + row) * S + column + t) * LANES, sum[q][t], sizeof sum[q][t]);
}
static void input_gradient(int64_t C, int64_t S, int64_t O, const float *w, const float *dy, float *dx) {
  for (int64_t row = 0; row < S; row++)
    for (int64_t column = 0; column < S; column += 2)
      for (int h = 0; h < LANES; h += WIDTH) {
#define TILE(m, c) input_tile(m, C, S, O, row, column, w + (c) * 25, dy + h, dx + (c) * S * S * LANES + h)
        TILES(C, 6, TILE);
#undef TILE
      }
}
