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
typedef uint16_t Halves __attribute__((vector_size(32)));

constexpr int LANES = 16, PARTS = 2, CHANNELS = LANES * PARTS;
constexpr int64_t BAND = 16;  // rows of a frame that one thread computes one after the other

struct Wide {
    Vector part[PARTS];
};

struct Bfloat16 {
    uint16_t bits;
};

#define EACH_PART _Pragma("GCC unroll 2") for (int i = 0; i < PARTS; i++)

inline Wide load(const float* from) {
    Wide x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

inline Wide load(const Bfloat16* from) {
    Wide x;
    EACH_PART {
        Halves bits;
        std::memcpy(&bits, from + i * LANES, sizeof bits);
        x.part[i] = (Vector)(__builtin_convertvector(bits, Words) << 16);
    }
    return x;
}

inline void store(float* to, const Wide& x) { std::memcpy(to, &x, sizeof x); }

inline void store(Bfloat16* to, const Wide& x) {
    EACH_PART {
        const Words bits = (Words)x.part[i];
        // Round to nearest, ties to even.
        const Halves rounded = __builtin_convertvector((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, Halves);
        std::memcpy(to + i * LANES, &rounded, sizeof rounded);
    }
}

// 1 / (1 + exp(-x)), relative error below 3e-7 for float and 2e-4 for bfloat16 (whose own is 4e-3).
template <class T>
inline Vector sigmoid(const Vector x) {
    constexpr bool exact = sizeof(T) == 4;
    Vector y = x * -1.44269504f;  // exp(-x) = 2^y
    y = y < 125.0f ? y : Vector{} + 125.0f;
    y = y > -125.0f ? y : Vector{} - 125.0f;
    const Vector shifted = y + 12582912.0f;  // 1.5 * 2^23: rounds y to an integer, which the last bits then hold
    const Vector f = y - (shifted - 12582912.0f);
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
    const Vector d = 1.0f + (Vector)((Words)power + ((Words)shifted << 23));
    Vector r = (Vector)(0x7ef311c7u - (Words)d);  // 1 / d within 12 %
    Vector e = 1.0f - d * r;
    r += r * (e + e * e);  // leaves the third power of the error
    e = 1.0f - d * r;
    return exact ? r + r * (e + e * e) : r + r * e;
}

template <class T>
inline Wide silu(const Wide& x) {
    Wide y;
    EACH_PART y.part[i] = x.part[i] * sigmoid<T>(x.part[i]);
    return y;
}

// Derivative of silu.
template <class T>
inline Wide slope(const Wide& x) {
    Wide y;
    EACH_PART {
        const Vector s = sigmoid<T>(x.part[i]);
        y.part[i] = s + x.part[i] * s * (1.0f - s);
    }
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

// Three rows, three columns.
inline Wide convolve(const Wide* const rows[3], const int64_t column, const Wide weight[9], Wide total) {
    _Pragma("GCC unroll 3") for (int row = 0; row < 3; row++) {
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
        std::vector<Wide> memory(4 * (W + 2), Wide{});  // the last three rows, and one of zeros
        Wide* const zeros = memory.data() + 3 * (W + 2);
#pragma omp for schedule(static)
        for (int64_t item = 0; item < frames * bands * blocks; item++) {
            const int64_t block = item % blocks, band = item / blocks % bands, frame = item / blocks / bands;
            const T* const from = x + frame * H * W * E + block * CHANNELS;
            T* const to = y + frame * h * w * E + block * CHANNELS;
            const Wide b = load(bias + block * CHANNELS), xb = load(x_bias + block * CHANNELS);
            Wide taps[9];
            for (int k = 0; k < 9; k++) taps[k] = load(weight + k * E + block * CHANNELS);
            const int64_t first = band * BAND, end = first + BAND < h ? first + BAND : h;
            int64_t next = first * stride > 0 ? first * stride - 1 : 0;
            for (int64_t row = first; row < end; row++) {
                for (; next <= row * stride + 1 && next < H; next++) {
                    Wide* const kept = memory.data() + next % 3 * (W + 2) + 1;
                    for (int64_t column = 0; column < W; column++)
                        kept[column] = silu<T>(sum(load(from + (next * W + column) * E), xb));
                }
                const Wide* rows[3];
                for (int k = 0; k < 3; k++) {
                    const int64_t source = row * stride + k - 1;
                    rows[k] = source < 0 || source >= H ? zeros : memory.data() + source % 3 * (W + 2);
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
        std::vector<Wide> memory(4 * (W + 2), Wide{});
        Wide* const zeros = memory.data() + 3 * (W + 2);
#pragma omp for schedule(static)
        for (int64_t item = 0; item < frames * bands * blocks; item++) {
            const int64_t block = item % blocks, band = item / blocks % bands, frame = item / blocks / bands;
            const T* const from = of_y + frame * h * w * E + block * CHANNELS;
            T* const to = x + frame * H * W * E + block * CHANNELS;
            const Wide xb = load(x_bias + block * CHANNELS), none{};
            Wide taps[9];
            for (int k = 0; k < 9; k++) taps[k] = load(weight + (8 - k) * E + block * CHANNELS);
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
                    rows[k] = given ? memory.data() + source / stride % 3 * (W + 2) : zeros;
                }
                for (int64_t column = 0; column < W; column++) {
                    T* const at = to + (row * W + column) * E;
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
#pragma omp for schedule(static)
        for (int64_t item = 0; item < stacks * parts; item++) {
            const int64_t stack = item / parts, part = item % parts;
            float* const total = totals + item * E;
            std::memset(total, 0, E * sizeof *total);
            for (int64_t pixel = pixels * part / parts; pixel < pixels * (part + 1) / parts; pixel++) {
                for (int64_t block = 0; block < blocks; block++) {
                    const int64_t start = (stack * frames * pixels + pixel) * E + block * CHANNELS;
                    for (int64_t t = 0; t < frames; t++) kept[t + 2] = silu<T>(load(x + start + t * pixels * E));
                    Wide taps[5];
                    for (int k = 0; k < 5; k++) taps[k] = load(weight + k * E + block * CHANNELS);
                    const Wide b = load(bias + block * CHANNELS);
                    Wide added = load(total + block * CHANNELS);
                    for (int64_t t = 0; t < frames; t++) {
                        Wide y = b, a, s;
                        _Pragma("GCC unroll 5") for (int k = 0; k < 5; k++) add_product(y, kept[t + k], taps[k]);
                        EACH_PART {
                            const Vector g = sigmoid<T>(y.part[i]);
                            a.part[i] = y.part[i] * g;
                            s.part[i] = g + a.part[i] * (1.0f - g);
                        }
                        store(active + start + t * pixels * E, a);
                        store(steepness + start + t * pixels * E, s);
                        added = sum(added, a);
                    }
                    store(total + block * CHANNELS, added);
                }
            }
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
#pragma omp for schedule(static)
        for (int64_t item = 0; item < stacks * pixels; item++) {
            const int64_t stack = item / pixels, pixel = item % pixels;
            for (int64_t block = 0; block < blocks; block++) {
                const int64_t start = (stack * frames * pixels + pixel) * E + block * CHANNELS;
                const Wide gate = load(scale + stack * E + block * CHANNELS);
                const Wide mean = load(shift + stack * E + block * CHANNELS);
                for (int64_t t = 0; t < frames; t++) {
                    const int64_t at = start + t * pixels * E;
                    Wide of_active = mean;
                    add_product(of_active, gate, load(z + at));
                    kept[t + 2] = product(of_active, load(steepness + at));
                }
                Wide taps[5];
                for (int k = 0; k < 5; k++) taps[k] = load(weight + (4 - k) * E + block * CHANNELS);
                for (int64_t t = 0; t < frames; t++) {
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
        float* const total = totals + item * E;
        std::memset(total, 0, E * sizeof *total);
        for (int64_t position = positions * part / parts; position < positions * (part + 1) / parts; position++) {
            const int64_t start = (stack * positions + position) * E;
            for (int64_t e = 0; e < E; e += CHANNELS) {
                Wide added = load(total + e);
                add_product(added, load(x + start + e), load(y + start + e));
                store(total + e, added);
            }
        }
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
