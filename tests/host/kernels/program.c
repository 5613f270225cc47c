// Trains networks on numbers made of integers and prints the hash of all bits of each: for processors without Python,
// such as emulated ones. Compiled together with docker/kernels/kernels.c.
#define SOURCE ""
#include <stdio.h>
#include "kernels.c"

static uint64_t state;
static uint32_t draw(void) { return (uint32_t)((state = state * 6364136223846793005u + 1442695040888963407u) >> 33); }
static void fill(float *p, int64_t n, float size) {
  for (int64_t i = 0; i < n; i++) p[i] = (float)((int32_t)(draw() & 0xffffff) - 0x800000) * (1.0f / 0x800000) * size;
}

static const uint64_t START = 14695981039346656037u;
static uint64_t hashed(uint64_t h, const void *p, int64_t n) {  // FNV-1a
  for (int64_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)p)[i]) * 1099511628211u;
  return h;
}
static void print(const char *name, uint64_t h) { printf("%s %016llx\n", name, (unsigned long long)h); }

// The hash of a training of two epochs: losses, outputs, weights. odd: a number of the first example
static uint64_t train(uint64_t h, const Layer *chain, int n, int64_t inputs, Optimizer o, int examples, int batch,
                      float odd) {
  state = 1;
  Layer layers[8];
  memcpy(layers, chain, (size_t)n * sizeof(Layer));
  int64_t classes = layers[n - 1].outputs, *order = malloc((size_t)examples * 8);
  float *data = malloc((size_t)(examples * inputs) * 4), *losses = malloc((size_t)examples * 4);
  float *outputs = malloc((size_t)(examples * classes) * 4);
  int32_t *labels = malloc((size_t)examples * 4);
  fill(data, examples * inputs, 1.0f);
  data[1] = odd == 0 ? data[1] : odd;
  for (int i = 0; i < examples; i++) {
    labels[i] = (int32_t)(draw() % classes);
    order[i] = draw() % examples;
  }
  for (int i = 0; i < n; i++)
    if (has_weights(&layers[i])) {
      layers[i].weight = malloc((size_t)weights_of(&layers[i]) * 4);
      layers[i].bias = malloc((size_t)biases_of(&layers[i]) * 4);
      fill(layers[i].weight, weights_of(&layers[i]), 0.2f), fill(layers[i].bias, biases_of(&layers[i]), 0.1f);
    }
  Network *net = network_new(layers, n, batch, 0x0123456789abcdef);
  if (!net) abort();
  for (int e = 0; e < 2; e++) {
    network_train(net, data, labels, order, examples, &o, losses);
    h = hashed(h, losses, (examples + batch - 1) / batch * 4);
  }
  network_outputs(net, data, examples, outputs);
  h = hashed(h, outputs, examples * classes * 4);
  for (int i = 0; i < n; i++)
    if (has_weights(&layers[i])) {
      h = hashed(h, layers[i].weight, weights_of(&layers[i]) * 4);
      h = hashed(h, layers[i].bias, biases_of(&layers[i]) * 4);
      free(layers[i].weight), free(layers[i].bias);
    }
  network_free(net), free(data), free(losses), free(outputs), free(labels), free(order);
  return h;
}

// The hash of all that kernels.c has besides networks, for n numbers
static uint64_t functions(uint64_t h, int n) {
  state = 1;
  float *x = malloc((size_t)n * 12 + 4), *y = malloc((size_t)n * (size_t)(n + 64) * 4 + 4), sum;
  int64_t *labels = malloc((size_t)n * 8 + 8);
  fill(x, 3 * n, 150.0f);
  if (n > 2) x[0] = number(0x7fc00000), x[1] = number(0x7f800000), x[2] = 1e-45f;
  void (*each[4])(int64_t, const float *, float *) = {kernels_exp, kernels_log, kernels_sigmoid, kernels_tanh};
  for (int k = 0; k < 4; k++) each[k](3 * n, x, y), h = hashed(h, y, 3 * n * 4);
  kernels_product(n, 3, n, x, x, y), h = hashed(h, y, n * n * 4);
  for (int i = 0; i < n; i++) labels[i] = i % 3;
  kernels_cross_entropy(n, 3, x, labels, y), h = hashed(h, y, n * 4);
  kernels_mask(n, 32, 11, 3, 5, 0.3, y), h = hashed(h, y, n * LANES * 4);
  sum = kernels_sum(3 * n, x), h = hashed(h, &sum, 4);
  free(x), free(y), free(labels);
  return h;
}

int main(void) {
  Optimizer adam_ = {.kind = ADAM, .rate = 1e-2, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
  adam_.power1 = adam_.power2 = 1;
  Optimizer momentum = {.kind = MOMENTUM, .rate = 0.1, .beta1 = 0.9, .power1 = 1, .power2 = 1};
  Optimizer descent = {.kind = DESCENT, .rate = 0.1, .power1 = 1, .power2 = 1};
  uint64_t sizes = START, odd = START, all = START;
  const float odds[2] = {number(0x7fc00000), number(0x7f800000)};
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
    Optimizer o = modern ? adam_ : descent;
    print(modern ? "modern" : "original", train(START, lenet, 7, 784, o, 60, 23, 0));
    sizes = train(train(sizes, lenet, 7, 784, o, 1, 1, 0), lenet, 7, 784, o, 23, 7, 0);
    for (int k = 0; k < 2; k++) odd = train(odd, lenet, 7, 784, o, 20, 16, odds[k]);
  }
  Layer dense[] = {
    {.kind = DENSE, .inputs = 33, .outputs = 37}, {.kind = TANH, .inputs = 37, .outputs = 37},
    {.kind = DROPOUT, .inputs = 37, .outputs = 37, .rate = 0.4}, {.kind = DENSE, .inputs = 37, .outputs = 19},
    {.kind = RELU, .inputs = 19, .outputs = 19}, {.kind = DENSE, .inputs = 19, .outputs = 3},
  };
  print("dense", train(START, dense, 6, 33, momentum, 60, 23, 0));
  sizes = train(train(sizes, dense, 6, 33, momentum, 1, 1, 0), dense, 6, 33, momentum, 40, 16, 0);
  for (int k = 0; k < 2; k++) odd = train(odd, dense, 6, 33, momentum, 20, 16, odds[k]);
  print("sizes", sizes), print("odd", odd);
  for (int n = 0; n < 20; n += n < 2 ? 1 : 15) all = functions(all, n);
  print("functions", all);
}
