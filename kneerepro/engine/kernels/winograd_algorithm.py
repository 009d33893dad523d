"""C++ for minimal filtering: convolutions with fewer products, on the CPU.

:mod:`kneerepro.engine.kernels.winograd_axis` describes the algorithm. A tile
is two neighbouring outputs along each axis (two of each phase in a transposed
convolution), and a value is a sum of the elements that a tile depends on. Some
rows of tiles are worked on at a time, so many that their values stay in the
processor's cache. The values at one point of the algorithm for all these tiles
are a matrix, which is multiplied by that of the filters.
"""

#: Expects :data:`kneerepro.engine.kernels.winograd_panels.PANELS`; CACHE,
#: about the bytes of values to have in memory at a time; and a type for each
#: axis, as :mod:`kneerepro.engine.kernels.winograd_code` writes it.
ALGORITHM = """
// The sizes of a convolution, and the first elements of the images that the
// first tile depends on, which may be outside.
struct Sizes {
    int64_t images, channels, filters, in[3], out[3], start[3], threads;
};

// Sums along three axes, one after the other. The first is in a loop: there
// are not enough registers for all values of a volume's tile, and the compiler
// takes half the time.
template <typename F, typename G, typename H, typename X>
static inline void sum(const X *x, X *result) {
    enum { INNER = G::out * H::out };
    X z[F::in * INNER];
    #pragma GCC unroll 1
    for (int i = 0; i < F::in; ++i) {
        X y[G::in * H::out];
        #pragma GCC unroll 16
        for (int j = 0; j < G::in; ++j)
            H::sum(x + (i * G::in + j) * H::in, 1, y + j * H::out, 1);
        #pragma GCC unroll 16
        for (int k = 0; k < H::out; ++k)
            G::sum(y + k, H::out, z + i * INNER + k, H::out);
    }
    #pragma GCC unroll 16
    for (int i = 0; i < INNER; ++i) F::sum(z + i, INNER, result + i, INNER);
}

template <typename A, typename B, typename C> struct Winograd {
    enum {
        SPANS = A::Images::in * B::Images::in,
        LINES = A::Images::out * B::Images::out,
        VALUES = LINES * C::Images::out,
        TAPS = A::Filters::in * B::Filters::in * C::Filters::in,
        POINTS = A::Points::in * B::Points::in * C::Points::in,
        OUTPUTS = A::Points::out * B::Points::out * C::Points::out,
        SQUARE = WIDTH * WIDTH,
        // Channels, and values of each, that are multiplied at a time: so many
        // that the filters' values for them stay in the first cache.
        DEPTH = 256, MATRICES = 8
    };
    Sizes sizes;
    int64_t tiles[3];             // along each axis
    int64_t rows;                 // of tiles, in all images
    int64_t block, room;          // rows and tiles to work on at a time
    int64_t panels, filter_panels;
    int64_t width;                // of a line of images with the padding
    // How far it is in memory to the next value of a tile, the next point, the
    // next value of a filter, and the next value of the filters' gradient.
    int64_t next_value, next_point, next_filter, next_gradient;
    int by_point[VALUES], first_of[POINTS + 1];  // values, sorted by point

    // For as many threads that share the rows. It runs once for each call, and
    // in one function of its own it takes the compiler less time.
    __attribute__((noinline, cold))
    Winograd(const Sizes &sizes, int64_t threads): sizes(sizes) {
        const int out[] = {A::Points::out, B::Points::out, C::Points::out};
        for (int i = 0; i < 3; ++i)
            tiles[i] = 1 + (sizes.out[i] - 1) / out[i];
        rows = sizes.images * tiles[0] * tiles[1];
        panels = 1 + (sizes.channels - 1) / WIDTH;
        filter_panels = 1 + (sizes.filters - 1) / WIDTH;
        width = ((tiles[2] - 1) * C::STEP + C::Images::in) * sizes.channels;
        // If the filters' values do not fit into a cache, more tiles share the
        // time that it takes to read them.
        const int64_t filters = VALUES * sizes.channels * filter_panels * LINE;
        const int64_t fitting = CACHE / LINE
            / (VALUES * panels + POINTS * filter_panels);
        const int64_t sharing = least(256, filters / 16384);
        block = (fitting > sharing ? fitting : sharing) / tiles[2];
        block = least(block > 1 ? block : 1, 1 + (rows - 1) / threads);
        room = (block * tiles[2] + ROWS - 1) / ROWS * ROWS;
        // Odd numbers of lines, or else the cache would have only a few places
        // for all the values.
        next_value = (panels * room | 1) * WIDTH;
        next_point = (filter_panels * room | 1) * WIDTH;
        next_filter = (filter_panels * sizes.channels | 1) * WIDTH;
        next_gradient = (filter_panels * panels * WIDTH | 1) * WIDTH;
        int found = 0;
        for (int point = 0; point < POINTS; ++point) {
            first_of[point] = found;
            for (int i = 0; i < VALUES; ++i)
                if (point_of(i) == point) by_point[found++] = i;
        }
        first_of[POINTS] = found;
    }
    static int point_of(int value) {
        const int i = value / (B::Images::out * C::Images::out);
        const int j = value / C::Images::out % B::Images::out;
        const int k = value % C::Images::out;
        return (A::point(i) * B::Points::in + B::point(j)) * C::Points::in
            + C::point(k);
    }
    struct Place { int64_t image, plane, row; };
    Place place(int64_t row) const {
        const int64_t planes = row / tiles[1];
        const Place result = {
            planes / tiles[0], planes % tiles[0], row % tiles[1]};
        return result;
    }

    // The memory of all threads is allocated by the first, which keeps what it
    // frees for the next call.
    struct Memory {
        const int64_t length, lines, values, points;
        Real *const zeros;
        Memory(const Winograd &w):
            length(w.sizes.in[2] * w.sizes.channels), lines(LINES * w.width),
            values(VALUES * w.next_value), points(POINTS * w.next_point),
            zeros(allocate(length + w.sizes.threads
                           * (lines + values + points))) {
            memset(zeros, 0, length * sizeof(Real));
        }
        ~Memory() { free(zeros); }
    };
    // That of one thread: what is outside the images; sums of their rows; and
    // the values of tiles, and what belongs to their points.
    struct Buffers {
        Real *zeros, *lines, *values, *points;
        Buffers(const Memory &memory) {
            zeros = memory.zeros;
            lines = zeros + memory.length
                + thread() * (memory.lines + memory.values + memory.points);
            values = lines + memory.lines;
            points = values + memory.values;
            memset(lines, 0, memory.lines * sizeof(Real));
        }
    };

    // The values of a row of tiles, which is written from tile `first` on.
    void transform_images(const Real *images, int64_t row,
                          const Buffers &buffers, int64_t first) const {
        const int64_t channels = sizes.channels;
        const int64_t left = sizes.start[2] > 0 ? sizes.start[2] : 0;
        const int64_t right = least(sizes.in[2],
                                    sizes.start[2] + width / channels);
        const Real *in[SPANS];
        find_rows(images, place(row), left, buffers.zeros, in);
        Real *const inner = buffers.lines + (left - sizes.start[2]) * channels;
        const int64_t length = (right - left) * channels;
        int64_t i = 0;
        for (; i + WIDTH <= length; i += WIDTH) sum_rows<Panel>(in, i, inner);
        for (; i < length; ++i) sum_rows<Number>(in, i, inner);
        for (int64_t panel = 0; panel < panels; ++panel)
            for (int line = 0; line < LINES; ++line)
                sum_columns(
                    buffers.lines + line * width + panel * WIDTH,
                    channels - panel * WIDTH,
                    buffers.values + line * C::Images::out * next_value
                    + (panel * room + first) * WIDTH);
    }
    // The rows of the images that a row of tiles depends on, from `left` on.
    void find_rows(const Real *images, const Place &at, int64_t left,
                   const Real *zeros, const Real **result) const {
        for (int i = 0; i < SPANS; ++i) {
            const int64_t z = at.plane * A::STEP + sizes.start[0]
                + i / B::Images::in;
            const int64_t y = at.row * B::STEP + sizes.start[1]
                + i % B::Images::in;
            const bool inside = z >= 0 && z < sizes.in[0]
                && y >= 0 && y < sizes.in[1];
            const int64_t first = left + sizes.in[2]
                * ((at.image * sizes.in[0] + z) * sizes.in[1] + y);
            result[i] = inside ? images + first * sizes.channels : zeros;
        }
    }
    template <typename X>
    void sum_rows(const Real *const *rows, int64_t place, Real *lines) const {
        struct Single {
            enum { in = 1, out = 1 };
            static void sum(const X *x, int, X *y, int) { *y = *x; }
        };
        X x[SPANS], y[LINES];
        #pragma GCC unroll 64
        for (int i = 0; i < SPANS; ++i) x[i] = *(const X *) (rows[i] + place);
        sum<typename A::Images, typename B::Images, Single>(x, y);
        #pragma GCC unroll 64
        for (int i = 0; i < LINES; ++i)
            *(X *) (lines + i * width + place) = y[i];
    }
    void sum_columns(const Real *line, int64_t count, Real *values) const {
        const int64_t step = C::STEP * sizes.channels;
        for (int64_t t = 0; t < tiles[2]; ++t, line += step, values += WIDTH) {
            Panel x[C::Images::in], y[C::Images::out];
            #pragma GCC unroll 16
            for (int i = 0; i < C::Images::in; ++i)
                x[i] = load(line + i * sizes.channels, count);
            C::Images::sum(x, 1, y, 1);
            #pragma GCC unroll 16
            for (int i = 0; i < C::Images::out; ++i)
                store(values + i * next_value, y[i]);
        }
    }

    // The filters' values: for each panel of filters and each channel a panel.
    Real *transform_filters(const Real *filters,
                            const int64_t *strides) const {
        const int64_t scratch = TAPS * SQUARE;
        Real *const result = allocate(VALUES * next_filter
                                      + sizes.threads * scratch);
        divide(filter_panels * panels, sizes.threads,
               [&](int64_t begin, int64_t end) {
            Real *const taps = result + VALUES * next_filter
                + thread() * scratch;
            for (int64_t unit = begin; unit < end; ++unit) {
                const int64_t filter = unit / panels * WIDTH;
                const int64_t channel = unit % panels * WIDTH;
                const int64_t count = least(WIDTH, sizes.channels - channel);
                read_filters(
                    filters + filter * strides[0] + channel * strides[1],
                    strides, least(WIDTH, sizes.filters - filter), count,
                    taps);
                Real *const target = result
                    + unit / panels * sizes.channels * WIDTH + channel * WIDTH;
                for (int64_t i = 0; i < count * WIDTH; i += WIDTH)
                    transform_filter(taps + i, target + i);
            }
        });
        return result;
    }
    // Some filters and channels: for each element and each channel, those of
    // all filters. They are read in the order in which they are in memory.
    void read_filters(const Real *filters, const int64_t *strides,
                      int64_t count, int64_t channels, Real *taps) const {
        for (int i = 0; i < TAPS; ++i, taps += SQUARE) {
            const int rest = i % (B::Filters::in * C::Filters::in);
            const Real *const x = filters
                + i / (B::Filters::in * C::Filters::in) * strides[2]
                + rest / C::Filters::in * strides[3]
                + rest % C::Filters::in * strides[4];
            if (strides[0] == 1)
                for (int64_t c = 0; c < channels; ++c)
                    store(taps + c * WIDTH, load(x + c * strides[1], count));
            else
                for (int64_t f = 0; f < WIDTH; ++f)
                    for (int64_t c = 0; c < channels; ++c)
                        taps[c * WIDTH + f] = f < count
                            ? x[f * strides[0] + c * strides[1]] : 0;
        }
    }
    void transform_filter(const Real *taps, Real *values) const {
        Panel x[TAPS], y[VALUES];
        for (int i = 0; i < TAPS; ++i) x[i] = load(taps + i * SQUARE);
        sum<typename A::Filters, typename B::Filters,
            typename C::Filters>(x, y);
        for (int i = 0; i < VALUES; ++i) store(values + i * next_filter, y[i]);
    }

    // The products at the points, for some tiles.
    void multiply_values(const Real *filters, int64_t count,
                         const Buffers &buffers) const {
        for (int point = 0; point < POINTS; ++point) {
            const Real *y = filters;
            Real *result = buffers.points + point * next_point;
            int64_t left = filter_panels;
            for (; left >= COLUMNS; left -= COLUMNS) {
                multiply_point<COLUMNS>(y, buffers.values, count, point,
                                        result);
                y += COLUMNS * sizes.channels * WIDTH;
                result += COLUMNS * room * WIDTH;
            }
            if (left)
                multiply_point<1>(y, buffers.values, count, point, result);
        }
    }
    template <int columns>
    void multiply_point(const Real *filters, const Real *images,
                        int64_t count, int point, Real *result) const {
        const int64_t depth = least(DEPTH / columns, sizes.channels);
        const int most = least(DEPTH / columns / depth, MATRICES);
        const int begin = first_of[point], end = first_of[point + 1];
        for (int i = begin; i < end; i += most)
            for (int64_t k = 0; k < sizes.channels; k += depth) {
                const int matrices = least(most, end - i);
                const Real *x[MATRICES], *y[MATRICES];
                for (int j = 0; j < matrices; ++j) {
                    x[j] = images + by_point[i + j] * next_value + k * room;
                    y[j] = filters + by_point[i + j] * next_filter + k * WIDTH;
                }
                const int64_t channels = least(depth, sizes.channels - k);
                (i > begin || k ? multiply<true, columns>
                                : multiply<false, columns>)(
                    x, y, matrices, room * WIDTH, sizes.channels * WIDTH,
                    channels, count, result);
            }
    }

    // The outputs of a row of tiles.
    void write_outputs(const Buffers &buffers, int64_t first, const Real *bias,
                       int64_t row, Real *result) const {
        const Place at = place(row);
        for (int64_t panel = 0; panel < filter_panels; ++panel) {
            const int64_t count = sizes.filters - panel * WIDTH;
            const Panel shift = bias ? load(bias + panel * WIDTH, count)
                                     : Panel();
            for (int64_t t = 0; t < tiles[2]; ++t) {
                const Real *const source = buffers.points
                    + (panel * room + first + t) * WIDTH;
                Panel x[POINTS], y[OUTPUTS];
                #pragma GCC unroll 16
                for (int i = 0; i < POINTS; ++i)
                    x[i] = load(source + i * next_point);
                sum<typename A::Points, typename B::Points,
                    typename C::Points>(x, y);
                for (int i = 0; i < OUTPUTS; ++i) {
                    Real *const target = output(
                        result, at, t, i, panel * WIDTH);
                    if (target) store(target, y[i] + shift, count);
                }
            }
        }
    }
    // Where an output of a tile is; null if it is outside.
    template <typename T>
    T *output(T *outputs, const Place &at, int64_t tile, int i,
              int64_t filter) const {
        const int rest = i % (B::Points::out * C::Points::out);
        const int64_t z = at.plane * A::Points::out
            + i / (B::Points::out * C::Points::out);
        const int64_t y = at.row * B::Points::out + rest / C::Points::out;
        const int64_t x = tile * C::Points::out + rest % C::Points::out;
        if (z >= sizes.out[0] || y >= sizes.out[1] || x >= sizes.out[2])
            return 0;
        return outputs + (((at.image * sizes.out[0] + z) * sizes.out[1] + y)
                          * sizes.out[2] + x) * sizes.filters + filter;
    }

    void convolve(const Real *images, const Real *filters,
                  const int64_t *strides, const Real *bias,
                  Real *result) const {
        Real *const values = transform_filters(filters, strides);
        const Memory memory(*this);
        divide(1 + (rows - 1) / block, sizes.threads,
               [&](int64_t begin, int64_t end) {
            const Buffers buffers(memory);
            const int64_t last = least(end * block, rows);
            for (int64_t row = begin * block; row < last; row += block) {
                const int64_t count = least(block, last - row);
                for (int64_t i = 0; i < count; ++i)
                    transform_images(images, row + i, buffers, i * tiles[2]);
                multiply_values(values, count * tiles[2], buffers);
                for (int64_t i = 0; i < count; ++i)
                    write_outputs(buffers, i * tiles[2], bias, row + i,
                                  result);
            }
        });
        free(values);
    }

    // The gradient with respect to the products at the points, for a row of
    // tiles and some panels of filters.
    void transform_gradients(const Real *gradients, int64_t row,
                             const Buffers &buffers, int64_t first,
                             int64_t first_panel, int64_t last_panel) const {
        const Place at = place(row);
        for (int64_t panel = first_panel; panel < last_panel; ++panel)
            for (int64_t t = 0; t < tiles[2]; ++t) {
                Panel x[OUTPUTS], y[POINTS];
                #pragma GCC unroll 16
                for (int i = 0; i < OUTPUTS; ++i) {
                    const Real *const source = output(
                        gradients, at, t, i, panel * WIDTH);
                    x[i] = source ? load(source, sizes.filters - panel * WIDTH)
                                  : Panel();
                }
                sum<typename A::Outputs, typename B::Outputs,
                    typename C::Outputs>(x, y);
                Real *const target = buffers.points
                    + (panel * room + first + t) * WIDTH;
                #pragma GCC unroll 16
                for (int i = 0; i < POINTS; ++i)
                    store(target + i * next_point, y[i]);
            }
    }
    // The gradient with respect to the filters, with their channels last in
    // memory. Parts of the tiles have sums of their own. How many parts there
    // are depends on the sizes alone, so the result does not depend on the
    // number of threads.
    void find_gradient(const Real *images, const Real *gradients,
                       Real *result) const {
        const int64_t size = VALUES * next_gradient;
        const int64_t blocks = 1 + (rows - 1) / block;
        int64_t parts = least(least(16, blocks), 1 + rows * tiles[2] / 256);
        parts = least(parts, 1 + (int64_t) (1 << 22) / size);
        // Threads that find no part of the tiles share the filters.
        const int64_t shares = least(1 + (sizes.threads - 1) / parts,
                                     filter_panels);
        Real *const sums = allocate(parts * size);
        const Memory memory(*this);
        divide(parts * shares, sizes.threads, [&](int64_t begin, int64_t end) {
            const Buffers buffers(memory);
            for (int64_t unit = begin; unit < end; ++unit) {
                const int64_t part = unit / shares, share = unit % shares;
                add_part(images, gradients, buffers,
                         blocks * part / parts * block,
                         least(blocks * (part + 1) / parts * block, rows),
                         filter_panels * share / shares,
                         filter_panels * (share + 1) / shares,
                         sums + part * size);
            }
        });
        divide(sizes.filters * panels, sizes.threads,
               [&](int64_t begin, int64_t end) {
            for (int64_t unit = begin; unit < end; ++unit)
                write_gradient(sums, parts, unit / panels, unit % panels,
                               result);
        });
        free(sums);
    }
    void add_part(const Real *images, const Real *gradients,
                  const Buffers &buffers, int64_t begin, int64_t end,
                  int64_t first_panel, int64_t last_panel, Real *sums) const {
        for (int64_t row = begin; row < end; row += block) {
            const int64_t count = least(block, end - row);
            for (int64_t i = 0; i < count; ++i) {
                transform_images(images, row + i, buffers, i * tiles[2]);
                transform_gradients(gradients, row + i, buffers, i * tiles[2],
                                    first_panel, last_panel);
            }
            for (int i = 0; i < VALUES; ++i)
                for (int64_t k = first_panel; k < last_panel; ++k)
                    for (int64_t panel = 0; panel < panels; ++panel) {
                        const Real *const x = buffers.points
                            + point_of(i) * next_point + k * room * WIDTH;
                        const Real *const y = buffers.values + i * next_value
                            + panel * room * WIDTH;
                        Real *const target = sums + i * next_gradient
                            + (k * panels + panel) * SQUARE;
                        const int64_t tiles = count * this->tiles[2];
                        if (row > begin)
                            multiply_transposed<true>(x, y, tiles, target);
                        else
                            multiply_transposed<false>(x, y, tiles, target);
                    }
        }
    }
    // That of one filter and a panel of channels.
    void write_gradient(const Real *sums, int64_t parts, int64_t filter,
                        int64_t panel, Real *result) const {
        const Real *const source = sums
            + (filter / WIDTH * panels + panel) * SQUARE
            + filter % WIDTH * WIDTH;
        Panel x[VALUES], y[TAPS];
        for (int i = 0; i < VALUES; ++i) {
            x[i] = load(source + i * next_gradient);
            for (int64_t part = 1; part < parts; ++part)
                x[i] = x[i] + load(
                    source + (part * VALUES + i) * next_gradient);
        }
        sum<typename A::Gradients, typename B::Gradients,
            typename C::Gradients>(x, y);
        for (int i = 0; i < TAPS; ++i)
            store(result + (filter * TAPS + i) * sizes.channels
                  + panel * WIDTH, y[i], sizes.channels - panel * WIDTH);
    }
};
"""
