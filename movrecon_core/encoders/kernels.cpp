// On CPUs, forward and backward: depth-wise layers of the frozen DwiseNeuro and the silus around them; frames displaced
// by eye movements.
//
// Arrays hold channels last, in float or bfloat16; weights and sums are float. The number of channels is a multiple of
// CHANNELS, which are worked on together, so that they stay in vector registers. No result depends on `threads`.

#include <cstdint>
#include <vector>

namespace {

// As wide as a register: AVX-512, AVX, or what every processor has (NEON, SSE).
#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
typedef float Vector __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t Words __attribute__((vector_size(VECTOR_BYTES)));
// The same anywhere in memory, whatever it is an array of; compilers copy it by single instructions, unlike memcpy's.
typedef float LooseVector __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef uint32_t LooseWords __attribute__((vector_size(VECTOR_BYTES), aligned(2), may_alias));

constexpr int LANES = VECTOR_BYTES / 4, CHANNELS = 2 * LANES;
constexpr int TOGETHER = 4;  // columns
// How far ahead memory is asked for, which processors do not foresee at these strides: columns, and channels.
constexpr int64_t COLUMNS_AHEAD = 16, CHANNELS_AHEAD = 256;
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
    const LooseVector* const at = reinterpret_cast<const LooseVector*>(from);
    return {{at[0], at[1]}};
}

inline Wide load(const Bfloat16* from) {
    const Words pairs = *reinterpret_cast<const LooseWords*>(from);
    return {{(Vector)(pairs << 16), (Vector)(pairs & 0xffff0000u)}};
}

inline void store(float* to, const Wide& x) {
    LooseVector* const at = reinterpret_cast<LooseVector*>(to);
    EACH_PART at[i] = x.part[i];
}

// Rounds to nearest; ties, which are rare, away from 0.
inline void store(Bfloat16* to, const Wide& x) {
    const Words even = (Words)x.part[0] + 0x8000u, odd = (Words)x.part[1] + 0x8000u;
    *reinterpret_cast<LooseWords*>(to) = (even >> 16) | (odd & 0xffff0000u);
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

// Adds to TOGETHER sums, `step` columns apart: three rows, of which null ones are zeros, and three columns. Several at
// once, as where registers are few each weight has to be read again.
inline void convolve(const Wide* const rows[3], const int64_t column, const int64_t step, const Wide weight[9],
                     Wide totals[TOGETHER]) {
    _Pragma("GCC unroll 3") for (int row = 0; row < 3; row++) {
        if (!rows[row]) continue;
        _Pragma("GCC unroll 3") for (int k = 0; k < 3; k++) {
            const Wide tap = weight[row * 3 + k];
            _Pragma("GCC unroll 4") for (int n = 0; n < TOGETHER; n++) {
                add_product(totals[n], rows[row][column + n * step + k], tap);
            }
        }
    }
}

// y (frames, h, w, E) = depth-wise 3x3 of silu(x + x_bias) + bias; x (frames, H, W, E), weight (9, E).
template <class T>
void spatial(const T* x, const float* x_bias, const float* weight, const float* bias, T* y, const int64_t frames,
             const int64_t H, const int64_t W, const int64_t E, const int64_t stride, const int threads) {
    const int64_t h = (H - 1) / stride + 1, w = (W - 1) / stride + 1, blocks = E / CHANNELS, bands = (h - 1) / BAND + 1;
#pragma omp parallel num_threads(threads)
    {
        // The last three rows, between zeros; columns are computed some at a time, up to so many beyond the last.
        const int64_t length = (W + 1) / stride * stride + 2 + TOGETHER * stride;
        std::vector<Wide> memory(3 * length, Wide{});
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
                    Wide* const kept = memory.data() + next % 3 * length + 1;
                    for (int64_t column = 0; column < W; column++) {
                        const T* const at = from + (next * W + column) * E;
                        __builtin_prefetch(at + COLUMNS_AHEAD * E);
                        kept[column] = silu<T>(sum(load(at), xb));
                    }
                }
                const Wide* rows[3];
                for (int k = 0; k < 3; k++) {
                    const int64_t source = row * stride + k - 1;
                    rows[k] = source < 0 || source >= H ? nullptr : memory.data() + source % 3 * length;
                }
                for (int64_t column = 0; column < w; column += TOGETHER) {
                    Wide totals[TOGETHER];
                    for (Wide& total : totals) total = b;
                    convolve(rows, column * stride, stride, taps, totals);
                    for (int n = 0; n < TOGETHER && column + n < w; n++)
                        store(to + (row * w + column + n) * E, totals[n]);
                }
            }
        }
    }
}

// Gradient of x from that of y, as `spatial` calls them; it may be written over x.
template <class T>
void spatial_backward(const T* of_y, const T* x, const float* x_bias, const float* weight, T* of_x,
                      const int64_t frames, const int64_t H, const int64_t W, const int64_t E, const int64_t stride,
                      const int threads) {
    const int64_t h = (H - 1) / stride + 1, w = (W - 1) / stride + 1, blocks = E / CHANNELS, bands = (H - 1) / BAND + 1;
#pragma omp parallel num_threads(threads)
    {
        // Rows of the gradient with zeros between what a stride skipped.
        const int64_t length = W + 2 + TOGETHER;
        std::vector<Wide> memory(3 * length, Wide{});
#pragma omp for schedule(static)
        for (int64_t item = 0; item < frames * bands * blocks; item++) {
            const int64_t block = item % blocks, band = item / blocks % bands, frame = item / blocks / bands;
            const T* const from = of_y + frame * h * w * E + block * CHANNELS;
            const int64_t start = frame * H * W * E + block * CHANNELS;
            const Wide xb = load_floats<T>(x_bias + block * CHANNELS);
            Wide taps[9];
            for (int k = 0; k < 9; k++) taps[k] = load_floats<T>(weight + (8 - k) * E + block * CHANNELS);
            const int64_t first = band * BAND, end = first + BAND < H ? first + BAND : H;
            int64_t next = first > 0 ? (first - 1 + stride - 1) / stride : 0;
            for (int64_t row = first; row < end; row++) {
                for (; next * stride <= row + 1 && next < h; next++) {
                    Wide* const kept = memory.data() + next % 3 * length + 1;
                    for (int64_t column = 0; column < w; column++)
                        kept[column * stride] = load(from + (next * w + column) * E);
                }
                const Wide* rows[3];
                for (int k = 0; k < 3; k++) {
                    const int64_t source = row + k - 1;
                    const bool given = source >= 0 && source < H && source % stride == 0;
                    rows[k] = given ? memory.data() + source / stride % 3 * length : nullptr;
                }
                for (int64_t column = 0; column < W; column += TOGETHER) {
                    Wide totals[TOGETHER] = {};
                    convolve(rows, column, 1, taps, totals);
                    for (int n = 0; n < TOGETHER && column + n < W; n++) {
                        const int64_t at = start + (row * W + column + n) * E;
                        __builtin_prefetch(x + at + COLUMNS_AHEAD * E);
                        store(of_x + at, product(totals[n], slope<T>(sum(load(x + at), xb))));
                    }
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
                        __builtin_prefetch(x + start + t * pixels * E + CHANNELS_AHEAD);
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
                        __builtin_prefetch(z + at + CHANNELS_AHEAD, 1);
                        __builtin_prefetch(steepness + at + CHANNELS_AHEAD);
                        __builtin_prefetch(x + at + CHANNELS_AHEAD);
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

// Where the pixels of one axis of a displaced frame lie: between which two pixels, how far, and whether inside.
struct Places {
    std::vector<int64_t> low, high;
    std::vector<float> share, inside;

    Places(const int64_t size, const float shift) : low(size), high(size), share(size), inside(size) {
        const float last = size - 1;
        for (int64_t i = 0; i < size; i++) {
            const float wanted = i + shift, place = wanted < 0 ? 0 : wanted > last ? last : wanted;
            low[i] = place;
            high[i] = low[i] + 1 < size ? low[i] + 1 : low[i];
            share[i] = place - low[i];
            inside[i] = 0 < wanted && wanted < last;
        }
    }
};

// Where pixel (row, column) lies in a frame of blocks of side x side pixels, columns of blocks before rows.
inline int64_t in_blocks(const int64_t row, const int64_t column, const int64_t H, const int64_t side) {
    return ((column / side * (H / side) + row / side) * side + row % side) * side + column % side;
}

// seen (frames, H * W in blocks) = movie (frames, H, W) at each pixel plus shift (frames, 2), x and y in pixels:
// linear between pixels; beyond an edge the edge goes on.
void displaced(const float* movie, const float* shift, float* seen, const int64_t frames, const int64_t H,
               const int64_t W, const int64_t side, const int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t frame = 0; frame < frames; frame++) {
        const Places columns(W, shift[2 * frame]), rows(H, shift[2 * frame + 1]);
        std::vector<float> line(W);
        for (int64_t r = 0; r < H; r++) {
            const float *low = movie + (frame * H + rows.low[r]) * W, *high = movie + (frame * H + rows.high[r]) * W;
            for (int64_t c = 0; c < W; c++) line[c] = low[c] + rows.share[r] * (high[c] - low[c]);
            for (int64_t c = 0; c < W; c++) {
                const float left = line[columns.low[c]], right = line[columns.high[c]];
                seen[frame * H * W + in_blocks(r, c, H, side)] = left + columns.share[c] * (right - left);
            }
        }
    }
}

// of_movie and of_shift = gradients of `displaced`'s, from that of what is seen.
void displaced_backward(const float* of_seen, const float* movie, const float* shift, float* of_movie,
                        float* of_shift, const int64_t frames, const int64_t H, const int64_t W, const int64_t side,
                        const int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t frame = 0; frame < frames; frame++) {
        const Places columns(W, shift[2 * frame]), rows(H, shift[2 * frame + 1]);
        std::vector<float> line(W), of_line(W);
        float* const of_frame = of_movie + frame * H * W;
        for (int64_t i = 0; i < H * W; i++) of_frame[i] = 0;
        float of_x = 0, of_y = 0;
        for (int64_t r = 0; r < H; r++) {
            const float *low = movie + (frame * H + rows.low[r]) * W, *high = movie + (frame * H + rows.high[r]) * W;
            for (int64_t c = 0; c < W; c++) line[c] = low[c] + rows.share[r] * (high[c] - low[c]), of_line[c] = 0;
            for (int64_t c = 0; c < W; c++) {
                const float of_pixel = of_seen[frame * H * W + in_blocks(r, c, H, side)];
                of_x += columns.inside[c] * of_pixel * (line[columns.high[c]] - line[columns.low[c]]);
                of_line[columns.low[c]] += (1 - columns.share[c]) * of_pixel;
                of_line[columns.high[c]] += columns.share[c] * of_pixel;
            }
            float *of_low = of_frame + rows.low[r] * W, *of_high = of_frame + rows.high[r] * W;
            for (int64_t c = 0; c < W; c++) {
                of_y += rows.inside[r] * of_line[c] * (high[c] - low[c]);
                of_low[c] += (1 - rows.share[r]) * of_line[c];
                of_high[c] += rows.share[r] * of_line[c];
            }
        }
        of_shift[2 * frame] = of_x, of_shift[2 * frame + 1] = of_y;
    }
}

}  // namespace

#define EXPORTED(name, T)                                                                                             \
    void spatial_##name(const T* x, const float* x_bias, const float* weight, const float* bias, T* y, int64_t frames, \
                        int64_t H, int64_t W, int64_t E, int64_t stride, int threads) {                               \
        spatial(x, x_bias, weight, bias, y, frames, H, W, E, stride, threads);                                        \
    }                                                                                                                 \
    void spatial_backward_##name(const T* of_y, const T* x, const float* x_bias, const float* weight, T* of_x,        \
                                 int64_t frames, int64_t H, int64_t W, int64_t E, int64_t stride, int threads) {      \
        spatial_backward(of_y, x, x_bias, weight, of_x, frames, H, W, E, stride, threads);                            \
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

void displaced_float32(const float* movie, const float* shift, float* seen, int64_t frames, int64_t H, int64_t W,
                       int64_t side, int threads) {
    displaced(movie, shift, seen, frames, H, W, side, threads);
}
void displaced_backward_float32(const float* of_seen, const float* movie, const float* shift, float* of_movie,
                                float* of_shift, int64_t frames, int64_t H, int64_t W, int64_t side, int threads) {
    displaced_backward(of_seen, movie, shift, of_movie, of_shift, frames, H, W, side, threads);
}
}
