// A network of layers in a chain and its training. It works on the weights where the caller keeps them.
#pragma once
#include <stdlib.h>
#include "convolution.h"
#include "dense.h"
#include "loss.h"
#include "optimizers.h"
#include "random.h"

enum { DENSE, RELU, SIGMOID, TANH, DROPOUT, CONVOLUTION };
typedef struct {
  int32_t kind, modern;                  // modern: of a convolution
  int64_t inputs, outputs;               // numbers an example
  int64_t channels, size, maps, border;  // of a convolution: size with its border of zeros, which the first layer has
  double rate;                           // of dropout
  float *weight, *bias;                  // dense (outputs, inputs), convolution (maps, channels, 5, 5)
} Layer;

typedef struct {  // of a layer, each for all blocks of a batch
  float *y, *mask;                   // outputs; of dropout
  void *kept;                        // of a convolution
  float *dw, *db, *m[2], *v[2];      // gradients, and the optimizer's moments of weight and bias
} Part;

typedef struct {
  int32_t layers, unused;
  int64_t batch, blocks;
  uint64_t key;                      // of dropout's masks
  uint32_t step;
  Layer *layer;
  Part *part;
  float *x, *rows, *turned, *back[2], *dy, *lanes;  // rows: of a dense first layer, x with the example first
  int64_t *place;                    // 0 to batch - 1, and on
  void **memory;
  int64_t pieces;
} Network;

static void *piece(Network *net, int64_t bytes) {  // zeros
  void *p = aligned_alloc(64, (size_t)(bytes + 64) / 64 * 64 + 64);
  if (!p) return 0;
  memset(p, 0, (size_t)bytes);
  return net->memory[net->pieces++] = p;
}
static int64_t rounded(int64_t n) { return (n + LANES - 1) / LANES * LANES; }
static int64_t weights_of(const Layer *l) {
  return l->kind == CONVOLUTION ? l->maps * l->channels * 25 : l->outputs * l->inputs;
}
static int64_t biases_of(const Layer *l) { return l->kind == CONVOLUTION ? l->maps : l->outputs; }
static int has_weights(const Layer *l) { return l->kind == DENSE || l->kind == CONVOLUTION; }

void network_free(Network *net) {
  if (!net) return;
  for (int64_t i = 0; i < net->pieces; i++) free(net->memory[i]);
  free(net->memory), free(net);
}

// For batches of at most `batch`, with dropout's masks from `key`. Null without memory for it.
Network *network_new(const Layer *layers, int32_t n, int64_t batch, uint64_t key) {
  Network *net = n > 0 && batch > 0 ? calloc(1, sizeof *net) : 0;
  if (!net) return 0;
  net->layers = n, net->batch = batch, net->blocks = rounded(batch) / LANES, net->key = key;
  int64_t floats = net->blocks * LANES * 4, widest = 0, wide = 0, sums = 0, lanes = 0;
  int whole = (net->memory = calloc((size_t)n * 8 + 16, sizeof(void *))) != 0;
#define PIECE(p, bytes) (whole = whole && (p = piece(net, bytes)))
  PIECE(net->layer, n * (int64_t)sizeof(Layer)), PIECE(net->part, n * (int64_t)sizeof(Part));
  for (int i = 0; i < n && whole; i++) {
    const Layer *l = &layers[i];
    Part *part = &net->part[i];
    net->layer[i] = *l;
    int64_t sizes[2] = {weights_of(l) * 4, biases_of(l) * 4};
    PIECE(part->y, l->outputs * floats);
    if (l->kind == DROPOUT) PIECE(part->mask, l->outputs * floats);
    if (l->kind == CONVOLUTION) PIECE(part->kept, l->outputs * floats / 4 * (l->modern ? 1 : 16));
    if (has_weights(l)) {
      PIECE(part->dw, sizes[0]), PIECE(part->db, sizes[1]);
      for (int k = 0; k < 2; k++) PIECE(part->m[k], sizes[k]), PIECE(part->v[k], sizes[k]);
    }
    widest = l->outputs > widest ? l->outputs : widest;
    widest = l->inputs > widest ? l->inputs : widest;
    if (l->kind == DENSE && rounded(l->inputs) > wide) wide = rounded(l->inputs);
    if (l->kind == CONVOLUTION) {
      int64_t Q = l->size - 4, own = l->maps * Q * (Q + 2), all = weights_of(l) + l->maps;
      sums = own > sums ? own : sums, lanes = all > lanes ? all : lanes;
    }
  }
  PIECE(net->x, widest * floats), PIECE(net->turned, wide * floats), PIECE(net->place, batch * 8);
  PIECE(net->rows, rounded(layers->inputs) * floats);
  PIECE(net->back[0], widest * floats), PIECE(net->back[1], widest * floats);
  PIECE(net->dy, sums * LANES * 4), PIECE(net->lanes, lanes * LANES * 4);
#undef PIECE
  if (whole) return net;
  network_free(net);
  return 0;
}

// The examples of a batch as the first layer takes them; the last block is filled up with its last example
static void gather(Network *net, const float *data, const int64_t *order, int64_t n) {
  const Layer *first = net->layer;
  int64_t S = first->size, B = first->border, C = first->channels, width = rounded(first->inputs), side = S - 2 * B;
  int64_t inputs = first->kind == CONVOLUTION ? C * side * side : first->inputs;
  for (int64_t b = 0; b < rounded(n); b += LANES) {
    const float *from[LANES];
    float *to = net->x + b * first->inputs;
    for (int64_t l = 0; l < LANES; l++) from[l] = data + order[b + l < n ? b + l : n - 1] * inputs;
    if (first->kind == CONVOLUTION) {
      for (int64_t row = 0; row < C * side; row++)
        for (int64_t k = 0; k < side; k++)
          for (int l = 0; l < LANES; l++)
            to[((row / side * S + row % side + B) * S + B + k) * LANES + l] = from[l][row * side + k];
      continue;
    }
    for (int64_t k = 0; k < inputs; k++)
      for (int l = 0; l < LANES; l++) to[k * LANES + l] = from[l][k];
    for (int64_t l = 0; l < LANES && first->kind == DENSE; l++)
      memcpy(net->rows + (b + l) * width, from[l], (size_t)inputs * 4);
  }
}

static void forward(Network *net, int64_t n, int training) {
  int64_t blocks = rounded(n) / LANES;
  const float *x = net->x;
  for (int i = 0; i < net->layers; i++) {
    const Layer *l = &net->layer[i];
    Part *p = &net->part[i];
    int64_t all = l->outputs * LANES * blocks;
    float *y = p->y;
    if (l->kind == DENSE) dense(l->outputs, l->inputs, blocks, l->weight, l->bias, x, y);
    else if (l->kind == RELU)
      SIMD for (int64_t k = 0; k < all; k++) y[k] = x[k] > 0 ? x[k] : x[k] != x[k] ? x[k] : 0.0f;
    else if (l->kind == SIGMOID) SIMD for (int64_t k = 0; k < all; k++) y[k] = sigmoid_(x[k]);
    else if (l->kind == TANH) SIMD for (int64_t k = 0; k < all; k++) y[k] = tanh_(x[k]);
    else if (l->kind == DROPOUT && training) {
      for (int64_t b = 0; b < blocks; b++)
        masks(l->outputs, (uint32_t)(b * LANES), net->step, (uint32_t)i, net->key, l->rate,
              p->mask + b * l->outputs * LANES);
      const float *mask = p->mask;
      SIMD for (int64_t k = 0; k < all; k++) y[k] = madd(x[k], mask[k], 0.0f);  // never -0
    } else if (l->kind == DROPOUT) memcpy(y, x, (size_t)all * 4);
    else
      for (int64_t b = 0; b < blocks; b++)
        convolution(l->channels, l->size, l->maps, l->modern, l->weight, l->bias, x + b * l->inputs * LANES,
                    y + b * l->outputs * LANES, (char *)p->kept + b * l->outputs * LANES * (l->modern ? 1 : 16));
    x = y;
  }
}

// From the derivatives of the last outputs, in back[0], those of all weights
static void backward(Network *net, int64_t n) {
  int64_t blocks = rounded(n) / LANES;
  float *dy = net->back[0], *dx = net->back[1];
  for (int i = net->layers - 1; i >= 0; i--) {
    const Layer *l = &net->layer[i];
    Part *p = &net->part[i];
    const float *x = i ? net->part[i - 1].y : net->x, *y = p->y, *mask = p->mask;
    int64_t all = l->outputs * LANES * blocks;
    if (l->kind == DENSE) {
      if (i) turn(l->inputs, blocks, x, net->turned);
      dense_gradient(l->outputs, l->inputs, n, dy, i ? net->turned : net->rows, p->dw);
      row_sums(l->outputs, blocks, dy, p->db);
      if (i) dense_back(l->outputs, l->inputs, blocks, l->weight, dy, dx);
    } else if (l->kind == RELU) SIMD for (int64_t k = 0; k < all; k++) dx[k] = y[k] > 0 ? dy[k] : y[k] != y[k] ? y[k] : 0.0f;
    else if (l->kind == SIGMOID) SIMD for (int64_t k = 0; k < all; k++) dx[k] = dy[k] * (y[k] * (1.0f - y[k]));
    else if (l->kind == TANH) SIMD for (int64_t k = 0; k < all; k++) dx[k] = dy[k] * madd(-y[k], y[k], 1.0f);
    else if (l->kind == DROPOUT) SIMD for (int64_t k = 0; k < all; k++) dx[k] = madd(dy[k], mask[k], 0.0f);
    else {
      int64_t weights = weights_of(l), Q = l->size - 4;
      float *db = net->lanes + weights * LANES;
      memset(net->lanes, 0, (size_t)(weights + l->maps) * LANES * 4);
      memset(net->dy, 0, (size_t)(l->maps * Q * (Q + 2)) * LANES * 4);
      for (int64_t b = 0; b < blocks; b++) {
        const float *from = x + b * l->inputs * LANES;
        unpool(l->maps, Q / 2, l->modern, dy + b * l->outputs * LANES,
               (char *)p->kept + b * l->outputs * LANES * (l->modern ? 1 : 16), net->dy);
        kernel_gradient(l->channels, l->size, l->maps, from, net->dy, net->lanes, db);
        if (i) input_gradient(l->channels, l->size, l->maps, l->weight, net->dy, dx + b * l->inputs * LANES);
      }
      for (int64_t k = 0; k < weights; k++) p->dw[k] = tree(net->lanes + k * LANES);
      for (int64_t k = 0; k < l->maps; k++) p->db[k] = tree(db + k * LANES);
    }
    float *swap = dy;
    dy = dx, dx = swap;
  }
}

static void update(Network *net, Optimizer *o) {
  o->power1 *= o->beta1, o->power2 *= o->beta2;
  for (int i = 0; i < net->layers; i++) {
    const Layer *l = &net->layer[i];
    Part *p = &net->part[i];
    if (!has_weights(l)) continue;
    float *values[2] = {l->weight, l->bias}, *gradients[2] = {p->dw, p->db};
    int64_t sizes[2] = {weights_of(l), biases_of(l)};
    for (int k = 0; k < 2; k++)
      if (o->kind == ADAM) adam(o, sizes[k], values[k], gradients[k], p->m[k], p->v[k]);
      else descend(o, sizes[k], values[k], gradients[k], p->m[k]);
  }
}

// Train on the n examples of `order`, `batch` at a time, the last ones fewer. losses: the mean of each step, before it.
// optimizer: null for the gradients alone. data: (examples, inputs), labels: (examples,)
void network_train(Network *net, const float *data, const int32_t *labels, const int64_t *order, int64_t n,
                   Optimizer *optimizer, float *losses) {
  Fence fence = enter();
  int64_t classes = net->layer[net->layers - 1].outputs;
  for (int64_t done = 0; done < n; done += net->batch, order += net->batch) {
    int64_t size = n - done < net->batch ? n - done : net->batch;
    gather(net, data, order, size);
    forward(net, size, 1);
    const float *z = net->part[net->layers - 1].y;
    float sum[LANES] = {0}, each[LANES];
    for (int64_t b = 0; b * LANES < size; b++) {
      int32_t label[LANES], real = (int32_t)(size - b * LANES < LANES ? size - b * LANES : LANES);
      for (int l = 0; l < LANES; l++) label[l] = labels[order[b * LANES + (l < real ? l : real - 1)]];
      int64_t at = b * classes * LANES;
      cross_entropy(classes, real, z + at, label, 1.0f / (float)size, each, net->back[0] + at);
      SIMD for (int l = 0; l < LANES; l++) sum[l] = sum[l] + each[l];
    }
    *losses++ = canonical(tree(sum) / (float)size);
    backward(net, size);
    if (optimizer) update(net, optimizer);
    net->step++;
  }
  for (int i = 0; i < net->layers; i++) {
    const Layer *l = &net->layer[i];
    if (!has_weights(l)) continue;
    for (int64_t k = 0; k < weights_of(l); k++) l->weight[k] = canonical(l->weight[k]);
    for (int64_t k = 0; k < biases_of(l); k++) l->bias[k] = canonical(l->bias[k]);
  }
  leave(fence);
}

// The outputs for n examples, (n, outputs): without dropout
void network_outputs(Network *net, const float *data, int64_t n, float *outputs) {
  Fence fence = enter();
  int64_t width = net->layer[net->layers - 1].outputs;
  const float *z = net->part[net->layers - 1].y;
  for (int64_t done = 0; done < n; done += net->batch) {
    int64_t size = n - done < net->batch ? n - done : net->batch;
    for (int64_t e = 0; e < size; e++) net->place[e] = done + e;
    gather(net, data, net->place, size);
    forward(net, size, 0);
    for (int64_t e = 0; e < size; e++)
      for (int64_t k = 0; k < width; k++)
        outputs[(done + e) * width + k] = canonical(z[(e / LANES * width + k) * LANES + e % LANES]);
  }
  leave(fence);
}

// The gradients of layer i's weight (which: 0) or bias (1) of the last step; its moments: 2, 3 (first), 4, 5 (second)
float *network_array(Network *net, int32_t i, int32_t which) {
  Part *p = &net->part[i];
  float *arrays[6] = {p->dw, p->db, p->m[0], p->m[1], p->v[0], p->v[1]};
  return arrays[which];
}
