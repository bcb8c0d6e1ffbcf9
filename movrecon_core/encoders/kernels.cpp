// Depth-wise layers of the frozen DwiseNeuro and the silus around them, forward and backward, on CPUs.
//
// Arrays hold channels last, in float or bfloat16; weights and sums are float. The number of channels is a multiple of
// CHANNELS, which are worked on together, so that they stay in vector registers. No result depends on `threads`.

#include <cstdint>
#include <cstring>
#include <vector>

namespace {

typedef float Vector __attribute__((vector_size(64)));
typedef uint32_t Words __attribute__((vector_size(64)));

constexpr int LANES = 16, CHANNELS = 2 * LANES;
// How far ahead memory is asked for, which processors do not foresee at these strides: columns, and blocks of channels.
constexpr int64_t COLUMNS_AHEAD = 16, BLOCKS_AHEAD = 8;
constexpr int64_t BAND = 32;  // rows of a frame that one thread computes one after the other

struct Bfloat16 {
    uint16_t bits;
};

// A block of channels; of bfloat16 the even ones, then the odd ones, which saves shuffles.
struct Wide {
    Vector part[2];
};

#define EACH_PART _Pragma("GCC unroll 2") for (int i = 0; i < 2; i++)

inline Wide load(const float* from) {
    Wide x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

inline Wide load(const Bfloat16* from) {
    Words pairs;
    std::memcpy(&pairs, from, sizeof pairs);
    return {{(Vector)(pairs << 16), (Vector)(pairs & 0xffff0000u)}};
}

inline void store(float* to, const Wide& x) { std::memcpy(to, &x, sizeof x); }

// Rounds to nearest; ties, which are rare, away from 0.
inline void store(Bfloat16* to, const Wide& x) {
    const Words even = (Words)x.part[0] + 0x8000u, odd = (Words)x.part[1] + 0x8000u;
    const Words pairs = (even >> 16) | (odd & 0xffff0000u);
    std::memcpy(to, &pairs, sizeof pairs);
}

// Where in a Wide of type T a channel lies.
template <class T>
constexpr int place(const int channel) {
    return sizeof(T) == 4 ? channel : channel % 2 * LANES + channel / 2;
}

// Weights or sums, which are float, beside activations of type T.
template <class T>
Wide load_floats(const float* from) {
    float x[CHANNELS];
    for (int channel = 0; channel < CHANNELS; channel++) x[place<T>(channel)] = from[channel];
    return load(x);
}

template <class T>
std::vector<Wide> all_floats(const float* from, const int64_t count) {
    std::vector<Wide> x;
    for (int64_t at = 0; at < count; at += CHANNELS) x.push_back(load_floats<T>(from + at));
    return x;
}

template <class T>
void store_floats(float* to, const std::vector<Wide>& sums) {
    for (const Wide& sum : sums) {
        float x[CHANNELS];
        store(x, sum);
        for (int channel = 0; channel < CHANNELS; channel++) *to++ = x[place<T>(channel)];
    }
}

// 1 / (1 + exp(-x)), relative error below 3e-7 for float and 1e-4 for bfloat16 (whose own is 4e-3).
template <class T>
inline Wide sigmoid(const Wide& x) {
    constexpr bool exact = sizeof(T) == 4;
    constexpr float scale = -1.44269504f, round = 12582912.0f, limit = 42.0f;
    Wide d;
    EACH_PART {
        Vector y = x.part[i] < limit ? x.part[i] : Vector{} + limit;
        y = y > -limit ? y : Vector{} - limit;
        const Vector shifted = y * scale + round;  // 1.5 * 2^23 rounds to an integer, which the last bits then hold
        const Vector f = y * scale - (shifted - round);
        Vector power;  // 2^f, -0.5 <= f <= 0.5
        if constexpr (exact) {
            power = f * 1.5343403e-4f + 1.3400016e-3f;
            power = power * f + 9.6185002e-3f;
            power = power * f + 5.5503285e-2f;
            power = power * f + 2.4022647e-1f;
            power = power * f + 6.9314721e-1f;
            power = power * f + 1.0f;
        } else {
            power = f * 5.517167e-2f + 2.426111e-1f;
            power = power * f + 6.932610e-1f;
            power = power * f + 9.999281e-1f;
        }
        d.part[i] = 1.0f + (Vector)((Words)power + ((Words)shifted << 23));
    }
    const Vector both = d.part[0] * d.part[1];  // one reciprocal for two
    Vector r = (Vector)(0x7ef311c7u - (Words)both);  // within 12 %
    Vector e = 1.0f - both * r;
    r += r * (e + e * e);  // leaves the third power of the error
    e = 1.0f - both * r;
    r += exact ? r * (e + e * e) : r * e;
    return {{r * d.part[1], r * d.part[0]}};
}

template <class T>
inline Wide silu(const Wide& x) {
    Wide y = sigmoid<T>(x);
    EACH_PART y.part[i] *= x.part[i];
    return y;
}

// Derivative of silu.
template <class T>
inline Wide slope(const Wide& x) {
    Wide y = sigmoid<T>(x);
    EACH_PART y.part[i] += x.part[i] * y.part[i] * (1.0f - y.part[i]);
    return y;
}

inline Wide sum(const Wide& x, const Wide& y) {
    Wide z;
    EACH_PART z.part[i] = x.part[i] + y.part[i];
    return z;
}

inline Wide product(const Wide& x, const Wide& y) {
    Wide z;
    EACH_PART z.part[i] = x.part[i] * y.part[i];
    return z;
}

inline void add_product(Wide& z, const Wide& x, const Wide& y) { EACH_PART z.part[i] += x.part[i] * y.part[i]; }

// Three rows, of which null ones are zeros, and three columns.
inline Wide convolve(const Wide* const rows[3], const int64_t column, const Wide weight[9], Wide total) {
    _Pragma("GCC unroll 3") for (int row = 0; row < 3; row++) {
        if (!rows[row]) continue;
        _Pragma("GCC unroll 3") for (int k = 0; k < 3; k++) {
            add_product(total, rows[row][column + k], weight[row * 3 + k]);
        }
    }
    return total;
}

// y (frames, h, w, E) = depth-wise 3x3 of silu(x + x_bias) + bias; x (frames, H, W, E), weight (9, E).
template <class T>
void spatial(const T* x, const float* x_bias, const float* weight, const float* bias, T* y, const int64_t frames,
             const int64_t H, const int64_t W, const int64_t E, const int64_t stride, const int threads) {
    const int64_t h = (H - 1) / stride + 1, w = (W - 1) / stride + 1, blocks = E / CHANNELS, bands = (h - 1) / BAND + 1;
#pragma omp parallel num_threads(threads)
    {
        std::vector<Wide> memory(3 * (W + 2), Wide{});  // the last three rows, between zeros
#pragma omp for schedule(static)
        for (int64_t item = 0; item < frames * bands * blocks; item++) {
            const int64_t block = item % blocks, band = item / blocks % bands, frame = item / blocks / bands;
            const T* const from = x + frame * H * W * E + block * CHANNELS;
            T* const to = y + frame * h * w * E + block * CHANNELS;
            const Wide b = load_floats<T>(bias + block * CHANNELS), xb = load_floats<T>(x_bias + block * CHANNELS);
            Wide taps[9];
            for (int k = 0; k < 9; k++) taps[k] = load_floats<T>(weight + k * E + block * CHANNELS);
            const int64_t first = band * BAND, end = first + BAND < h ? first + BAND : h;
            int64_t next = first * stride > 0 ? first * stride - 1 : 0;
            for (int64_t row = first; row < end; row++) {
                for (; next <= row * stride + 1 && next < H; next++) {
                    Wide* const kept = memory.data() + next % 3 * (W + 2) + 1;
                    for (int64_t column = 0; column < W; column++) {
                        const T* const at = from + (next * W + column) * E;
                        __builtin_prefetch(at + COLUMNS_AHEAD * E);
                        kept[column] = silu<T>(sum(load(at), xb));
                    }
                }
                const Wide* rows[3];
                for (int k = 0; k < 3; k++) {
                    const int64_t source = row * stride + k - 1;
                    rows[k] = source < 0 || source >= H ? nullptr : memory.data() + source % 3 * (W + 2);
                }
                for (int64_t column = 0; column < w; column++)
                    store(to + (row * w + column) * E, convolve(rows, column * stride, taps, b));
            }
        }
    }
}

// Gradient of x from that of y, as `spatial` calls them, written over x.
template <class T>
void spatial_backward(const T* of_y, const float* x_bias, const float* weight, T* x, const int64_t frames,
                      const int64_t H, const int64_t W, const int64_t E, const int64_t stride, const int threads) {
    const int64_t h = (H - 1) / stride + 1, w = (W - 1) / stride + 1, blocks = E / CHANNELS, bands = (H - 1) / BAND + 1;
#pragma omp parallel num_threads(threads)
    {
        // Rows of the gradient with zeros between what a stride skipped.
        std::vector<Wide> memory(3 * (W + 2), Wide{});
#pragma omp for schedule(static)
        for (int64_t item = 0; item < frames * bands * blocks; item++) {
            const int64_t block = item % blocks, band = item / blocks % bands, frame = item / blocks / bands;
            const T* const from = of_y + frame * h * w * E + block * CHANNELS;
            T* const to = x + frame * H * W * E + block * CHANNELS;
            const Wide xb = load_floats<T>(x_bias + block * CHANNELS), none{};
            Wide taps[9];
            for (int k = 0; k < 9; k++) taps[k] = load_floats<T>(weight + (8 - k) * E + block * CHANNELS);
            const int64_t first = band * BAND, end = first + BAND < H ? first + BAND : H;
            int64_t next = first > 0 ? (first - 1 + stride - 1) / stride : 0;
            for (int64_t row = first; row < end; row++) {
                for (; next * stride <= row + 1 && next < h; next++) {
                    Wide* const kept = memory.data() + next % 3 * (W + 2) + 1;
                    for (int64_t column = 0; column < w; column++)
                        kept[column * stride] = load(from + (next * w + column) * E);
                }
                const Wide* rows[3];
                for (int k = 0; k < 3; k++) {
                    const int64_t source = row + k - 1;
                    const bool given = source >= 0 && source < H && source % stride == 0;
                    rows[k] = given ? memory.data() + source / stride % 3 * (W + 2) : nullptr;
                }
                for (int64_t column = 0; column < W; column++) {
                    T* const at = to + (row * W + column) * E;
                    __builtin_prefetch(at + COLUMNS_AHEAD * E, 1);
                    store(at, product(convolve(rows, column, taps, none), slope<T>(sum(load(at), xb))));
                }
            }
        }
    }
}

// Over the frames of x (stacks, frames, pixels, E), weight (5, E): with y = depth-wise five frames of silu(x) + bias,
// active = silu(y), steepness = silu'(y), and totals (stacks, parts, E) = sums of active, over frames and the pixels
// of each part.
template <class T>
void temporal(const T* x, const float* weight, const float* bias, T* active, T* steepness, float* totals,
              const int64_t stacks, const int64_t frames, const int64_t pixels, const int64_t E, const int64_t parts,
              const int threads) {
    const int64_t blocks = E / CHANNELS;
#pragma omp parallel num_threads(threads)
    {
        std::vector<Wide> kept(frames + 4, Wide{});  // two zeros before and after
        const std::vector<Wide> weights = all_floats<T>(weight, 5 * E), biases = all_floats<T>(bias, E);
#pragma omp for schedule(static)
        for (int64_t item = 0; item < stacks * parts; item++) {
            const int64_t stack = item / parts, part = item % parts;
            std::vector<Wide> sums(blocks, Wide{});
            for (int64_t pixel = pixels * part / parts; pixel < pixels * (part + 1) / parts; pixel++) {
                for (int64_t block = 0; block < blocks; block++) {
                    const int64_t start = (stack * frames * pixels + pixel) * E + block * CHANNELS;
                    for (int64_t t = 0; t < frames; t++) {
                        __builtin_prefetch(x + start + t * pixels * E + BLOCKS_AHEAD * CHANNELS);
                        kept[t + 2] = silu<T>(load(x + start + t * pixels * E));
                    }
                    Wide taps[5];
                    for (int k = 0; k < 5; k++) taps[k] = weights[k * blocks + block];
                    Wide total = sums[block];
                    for (int64_t t = 0; t < frames; t++) {
                        Wide y = biases[block], a, s;
                        _Pragma("GCC unroll 5") for (int k = 0; k < 5; k++) add_product(y, kept[t + k], taps[k]);
                        const Wide g = sigmoid<T>(y);
                        EACH_PART {
                            a.part[i] = y.part[i] * g.part[i];
                            s.part[i] = g.part[i] + a.part[i] * (1.0f - g.part[i]);
                        }
                        store(active + start + t * pixels * E, a);
                        store(steepness + start + t * pixels * E, s);
                        total = sum(total, a);
                    }
                    sums[block] = total;
                }
            }
            store_floats<T>(totals + item * E, sums);
        }
    }
}

// Gradient of x from that of active = scale * z + shift (scale and shift (stacks, E)), as `temporal` calls them,
// written over z.
template <class T>
void temporal_backward(T* z, const float* scale, const float* shift, const T* steepness, const T* x,
                       const float* weight, const int64_t stacks, const int64_t frames, const int64_t pixels,
                       const int64_t E, const int threads) {
    const int64_t blocks = E / CHANNELS;
#pragma omp parallel num_threads(threads)
    {
        std::vector<Wide> kept(frames + 4, Wide{});
        const std::vector<Wide> weights = all_floats<T>(weight, 5 * E);
        const std::vector<Wide> scales = all_floats<T>(scale, stacks * E), shifts = all_floats<T>(shift, stacks * E);
#pragma omp for schedule(static)
        for (int64_t item = 0; item < stacks * pixels; item++) {
            const int64_t stack = item / pixels, pixel = item % pixels;
            for (int64_t block = 0; block < blocks; block++) {
                const int64_t start = (stack * frames * pixels + pixel) * E + block * CHANNELS;
                const Wide gate = scales[stack * blocks + block];
                const Wide mean = shifts[stack * blocks + block];
                Wide taps[5];
                for (int k = 0; k < 5; k++) taps[k] = weights[(4 - k) * blocks + block];
                // What is written over was read two frames before: it is still in the cache.
                for (int64_t t = -2; t < frames; t++) {
                    if (const int64_t at = start + (t + 2) * pixels * E; t + 2 < frames) {
                        __builtin_prefetch(z + at + BLOCKS_AHEAD * CHANNELS, 1);
                        __builtin_prefetch(steepness + at + BLOCKS_AHEAD * CHANNELS);
                        __builtin_prefetch(x + at + BLOCKS_AHEAD * CHANNELS);
                        Wide of_active = mean;
                        add_product(of_active, gate, load(z + at));
                        kept[t + 4] = product(of_active, load(steepness + at));
                    }
                    if (t < 0) continue;
                    const int64_t at = start + t * pixels * E;
                    Wide of_silu{};
                    _Pragma("GCC unroll 5") for (int k = 0; k < 5; k++) add_product(of_silu, kept[t + k], taps[k]);
                    store(z + at, product(of_silu, slope<T>(load(x + at))));
                }
            }
        }
    }
}

// totals (stacks, parts, E) = sums of x * y, both (stacks, positions, E), over the positions of each part.
template <class T>
void products(const T* x, const T* y, float* totals, const int64_t stacks, const int64_t positions, const int64_t E,
              const int64_t parts, const int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t item = 0; item < stacks * parts; item++) {
        const int64_t stack = item / parts, part = item % parts;
        std::vector<Wide> sums(E / CHANNELS, Wide{});
        for (int64_t position = positions * part / parts; position < positions * (part + 1) / parts; position++) {
            const int64_t start = (stack * positions + position) * E;
            for (int64_t block = 0; block < E / CHANNELS; block++) {
                const int64_t at = start + block * CHANNELS;
                add_product(sums[block], load(x + at), load(y + at));
            }
        }
        store_floats<T>(totals + item * E, sums);
    }
}

}  // namespace

#define EXPORTED(name, T)                                                                                             \
    void spatial_##name(const T* x, const float* x_bias, const float* weight, const float* bias, T* y, int64_t frames, \
                        int64_t H, int64_t W, int64_t E, int64_t stride, int threads) {                               \
        spatial(x, x_bias, weight, bias, y, frames, H, W, E, stride, threads);                                        \
    }                                                                                                                 \
    void spatial_backward_##name(const T* of_y, const float* x_bias, const float* weight, T* x, int64_t frames,       \
                                 int64_t H, int64_t W, int64_t E, int64_t stride, int threads) {                      \
        spatial_backward(of_y, x_bias, weight, x, frames, H, W, E, stride, threads);                                  \
    }                                                                                                                 \
    void temporal_##name(const T* x, const float* weight, const float* bias, T* active, T* steepness, float* totals,  \
                         int64_t stacks, int64_t frames, int64_t pixels, int64_t E, int64_t parts, int threads) {     \
        temporal(x, weight, bias, active, steepness, totals, stacks, frames, pixels, E, parts, threads);              \
    }                                                                                                                 \
    void temporal_backward_##name(T* z, const float* scale, const float* shift, const T* steepness, const T* x,       \
                                  const float* weight, int64_t stacks, int64_t frames, int64_t pixels, int64_t E,     \
                                  int threads) {                                                                      \
        temporal_backward(z, scale, shift, steepness, x, weight, stacks, frames, pixels, E, threads);                 \
    }                                                                                                                 \
    void products_##name(const T* x, const T* y, float* totals, int64_t stacks, int64_t positions, int64_t E,         \
                         int64_t parts, int threads) {                                                                \
        products(x, y, totals, stacks, positions, E, parts, threads);                                                 \
    }

extern "C" {
EXPORTED(float32, float)
EXPORTED(bfloat16, Bfloat16)
}
