// Trains networks on numbers made of integers and prints the hash of all bits of each: for processors without Python,
// such as emulated ones. Compiled with docker/kernels/kernels.c.
#include <stdio.h>
#include "network.h"

static uint64_t state;
static uint32_t draw(void) { return (uint32_t)((state = state * 6364136223846793005u + 1442695040888963407u) >> 33); }
static void fill(float *p, int64_t n, float size) {
  for (int64_t i = 0; i < n; i++) p[i] = (float)((int32_t)(draw() & 0xffffff) - 0x800000) * (1.0f / 0x800000) * size;
}
static uint64_t hashed(uint64_t h, const void *p, int64_t n) {  // FNV-1a
  for (int64_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)p)[i]) * 1099511628211u;
  return h;
}

enum { EXAMPLES = 60, EPOCHS = 2, BATCH = 23 };
static void train(const char *name, Layer *layers, int n, int64_t inputs, Optimizer o) {
  state = 1;
  uint64_t h = 14695981039346656037u;
  float *data = malloc(EXAMPLES * (size_t)inputs * 4), losses[EXAMPLES];
  float *outputs = malloc(EXAMPLES * (size_t)layers[n - 1].outputs * 4);
  int32_t labels[EXAMPLES];
  int64_t order[EXAMPLES];
  fill(data, EXAMPLES * inputs, 1.0f);
  for (int i = 0; i < EXAMPLES; i++) {
    labels[i] = (int32_t)(draw() % layers[n - 1].outputs);
    order[i] = draw() % EXAMPLES;
  }
  for (int i = 0; i < n; i++)
    if (has_weights(&layers[i])) {
      layers[i].weight = malloc((size_t)weights_of(&layers[i]) * 4);
      layers[i].bias = malloc((size_t)biases_of(&layers[i]) * 4);
      fill(layers[i].weight, weights_of(&layers[i]), 0.2f), fill(layers[i].bias, biases_of(&layers[i]), 0.1f);
    }
  Network *net = network_new(layers, n, BATCH, 0x0123456789abcdef);
  if (!net) abort();
  for (int e = 0; e < EPOCHS; e++) {
    network_train(net, data, labels, order, EXAMPLES, &o, losses);
    h = hashed(h, losses, (EXAMPLES + BATCH - 1) / BATCH * 4);
  }
  network_outputs(net, data, EXAMPLES, outputs);
  h = hashed(h, outputs, EXAMPLES * layers[n - 1].outputs * 4);
  for (int i = 0; i < n; i++)
    if (has_weights(&layers[i])) {
      h = hashed(h, layers[i].weight, weights_of(&layers[i]) * 4);
      h = hashed(h, layers[i].bias, biases_of(&layers[i]) * 4);
      free(layers[i].weight), free(layers[i].bias);
    }
  printf("%s %016llx\n", name, (unsigned long long)h);
  network_free(net), free(data), free(outputs);
}

int main(void) {
  Optimizer adam_ = {.kind = ADAM, .rate = 1e-2, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
  adam_.power1 = adam_.power2 = 1;
  Optimizer momentum = {.kind = MOMENTUM, .rate = 0.1, .beta1 = 0.9, .power1 = 1, .power2 = 1};
  Optimizer descent = {.kind = DESCENT, .rate = 0.1, .power1 = 1, .power2 = 1};
  for (int modern = 0; modern < 2; modern++) {
    int32_t between = modern ? RELU : SIGMOID;
    Layer lenet[] = {
      {.kind = CONVOLUTION, .modern = modern, .inputs = 1024, .outputs = 1176, .channels = 1, .size = 32, .maps = 6},
      {.kind = CONVOLUTION, .modern = modern, .inputs = 1176, .outputs = 400, .channels = 6, .size = 14, .maps = 16},
      {.kind = DENSE, .inputs = 400, .outputs = 120}, {.kind = between, .inputs = 120, .outputs = 120},
      {.kind = DENSE, .inputs = 120, .outputs = 84}, {.kind = between, .inputs = 84, .outputs = 84},
      {.kind = DENSE, .inputs = 84, .outputs = 10},
    };
    lenet[0].border = 2;
    train(modern ? "modern" : "original", lenet, 7, 784, modern ? adam_ : descent);
  }
  Layer dense[] = {
    {.kind = DENSE, .inputs = 33, .outputs = 37}, {.kind = TANH, .inputs = 37, .outputs = 37},
    {.kind = DROPOUT, .inputs = 37, .outputs = 37, .rate = 0.4}, {.kind = DENSE, .inputs = 37, .outputs = 19},
    {.kind = RELU, .inputs = 19, .outputs = 19}, {.kind = DENSE, .inputs = 19, .outputs = 3},
  };
  train("dense", dense, 6, 33, momentum);
}
