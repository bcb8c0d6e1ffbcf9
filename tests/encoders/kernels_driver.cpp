// Calls every function of kernels.cpp on the same made-up numbers, and prints what they write as raw float32.

#include <cstdint>
#include <cstdio>
#include <vector>

typedef std::vector<float> Floats;
typedef std::vector<uint16_t> Halves;  // bfloat16

#define DECLARED(name, T)                                                                                              \
    void spatial_##name(const T*, const float*, const float*, const float*, T*, int64_t, int64_t, int64_t, int64_t,    \
                        int64_t, int);                                                                                 \
    void spatial_backward_##name(const T*, const T*, const float*, const float*, T*, int64_t, int64_t, int64_t,        \
                                 int64_t, int64_t, int);                                                               \
    void temporal_##name(const T*, const float*, const float*, T*, T*, float*, int64_t, int64_t, int64_t, int64_t,     \
                         int64_t, int);                                                                                \
    void temporal_backward_##name(T*, const float*, const float*, const T*, const T*, const float*, int64_t, int64_t,  \
                                  int64_t, int64_t, int);                                                              \
    void products_##name(const T*, const T*, float*, int64_t, int64_t, int64_t, int64_t, int);

extern "C" {
DECLARED(float32, float)
DECLARED(bfloat16, uint16_t)
void displaced_float32(const float*, const float*, float*, int64_t, int64_t, int64_t, int64_t, int);
void displaced_backward_float32(const float*, const float*, const float*, float*, float*, int64_t, int64_t, int64_t,
                                int64_t, int);
}

static uint32_t state = 1;

static Floats drawn(const size_t count) {  // -4..4, exact in bfloat16
    Floats x(count);
    for (float& value : x) {
        state = state * 1664525u + 1013904223u;
        value = (int)(state >> 24) / 32.0f - 4.0f;
    }
    return x;
}

static void convert(const Floats& from, Floats& to) { to = from; }

static void convert(const Floats& from, Halves& to) {
    to.clear();
    for (const float value : from) to.push_back(reinterpret_cast<const uint32_t&>(value) >> 16);
}

static void print(const Floats& x) { fwrite(x.data(), sizeof(float), x.size(), stdout); }

static void print(const Halves& x) {
    Floats y;
    for (const uint32_t bits : x) {
        const uint32_t word = bits << 16;
        y.push_back(reinterpret_cast<const float&>(word));
    }
    print(y);
}

#define RUN(name, Array)                                                                                               \
    {                                                                                                                  \
        constexpr int64_t E = 64, H = 9, W = 7, F = 3, stride = 2, h = 5, w = 4, parts = 2;                            \
        Array x, of_y, z, y(F* h* w* E), of_x(F* H* W* E), active(F* H* W* E), steepness(F* H* W* E);                  \
        convert(drawn(F* H* W* E), x), convert(drawn(F* h* w* E), of_y), convert(drawn(F* H* W* E), z);                \
        const Floats bias = drawn(E), nine = drawn(9 * E), five = drawn(5 * E), scale = drawn(E), shift = drawn(E);    \
        Floats totals(parts* E), sums(parts* E);                                                                       \
        spatial_##name(x.data(), bias.data(), nine.data(), bias.data(), y.data(), F, H, W, E, stride, 1);              \
        spatial_backward_##name(of_y.data(), x.data(), bias.data(), nine.data(), of_x.data(), F, H, W, E, stride, 1);  \
        temporal_##name(x.data(), five.data(), bias.data(), active.data(), steepness.data(), totals.data(), 1, F,      \
                        H * W, E, parts, 1);                                                                           \
        products_##name(x.data(), z.data(), sums.data(), 1, F * H * W, E, parts, 1);                                   \
        temporal_backward_##name(z.data(), scale.data(), shift.data(), steepness.data(), x.data(), five.data(), 1, F,  \
                                 H * W, E, 1);                                                                         \
        print(y), print(of_x), print(active), print(steepness), print(totals), print(sums), print(z);                  \
    }

int main() {
    RUN(float32, Floats)
    constexpr int64_t frames = 40, H = 12, W = 16, side = 2;
    const Floats movie = drawn(frames * H * W), of_seen = drawn(frames * H * W), shift = drawn(frames * 2);
    Floats seen(movie.size()), of_movie(movie.size()), of_shift(shift.size());
    displaced_float32(movie.data(), shift.data(), seen.data(), frames, H, W, side, 1);
    displaced_backward_float32(of_seen.data(), movie.data(), shift.data(), of_movie.data(), of_shift.data(), frames, H,
                               W, side, 1);
    print(seen), print(of_movie), print(of_shift);
    RUN(bfloat16, Halves)
}
