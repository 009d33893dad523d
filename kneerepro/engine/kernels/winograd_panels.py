"""C++ for panels: the numbers of neighbouring channels that fit into a line of
the processor's cache, and products of matrices that consist of them.

The rows of such a matrix are a line apart for any number of channels, so the
compiler knows where the next row is.
"""

#: Expects the type Real.
PANELS = """
#if defined(__AVX512F__)
enum { BYTES = 64 };
#elif defined(__AVX__)
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif
enum {
    LINE = 64,
    WIDTH = LINE / sizeof(Real),  // elements of a panel
    VECTORS = LINE / BYTES,       // registers that hold a panel
    // The rows and columns of a product, in panels, for which there are enough
    // registers.
    ROWS = BYTES > 32 ? 8 : BYTES > 16 ? 6 : 3,
    COLUMNS = BYTES > 32 ? 2 : 1,
    BLOCK = BYTES > 32 ? WIDTH : 4
};
typedef Real Vector
    __attribute__((vector_size(BYTES), aligned(sizeof(Real)), may_alias));
typedef Real Number __attribute__((may_alias));

struct Panel {
    Vector vectors[VECTORS];
    Panel operator+(const Panel &other) const {
        Panel result;
        for (int i = 0; i < VECTORS; ++i)
            result.vectors[i] = vectors[i] + other.vectors[i];
        return result;
    }
    Panel operator-(const Panel &other) const {
        Panel result;
        for (int i = 0; i < VECTORS; ++i)
            result.vectors[i] = vectors[i] - other.vectors[i];
        return result;
    }
    Panel operator*(Real factor) const {
        Panel result;
        for (int i = 0; i < VECTORS; ++i)
            result.vectors[i] = vectors[i] * factor;
        return result;
    }
};
// Compilers may copy a panel in two halves with memcpy. Reading it as a whole
// then has to wait until both are written.
static inline Panel load(const Real *x) {
    Panel result;
    for (int i = 0; i < VECTORS; ++i) result.vectors[i] = ((Vector *) x)[i];
    return result;
}
static inline void store(Real *x, const Panel &value) {
    for (int i = 0; i < VECTORS; ++i) ((Vector *) x)[i] = value.vectors[i];
}
// The first numbers of a panel, or all of them; the others are 0.
static inline Panel load(const Real *x, int64_t count) {
    if (count >= WIDTH) return load(x);
    Real result[WIDTH] = {};
    memcpy(result, x, count * sizeof(Real));
    return load(result);
}
static inline void store(Real *x, const Panel &value, int64_t count) {
    if (count >= WIDTH) return store(x, value);
    Real numbers[WIDTH];
    store(numbers, value);
    memcpy(x, numbers, count * sizeof(Real));
}
static Real *allocate(int64_t count) {
    void *result = 0;
    if (posix_memalign(&result, LINE, (count + WIDTH) * sizeof(Real))) abort();
    return (Real *) result;
}

template <int rows, int columns>
static inline void multiply_one(const Real *x, const Real *y, int64_t column,
                                Vector *sums) {
    #pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
        #pragma GCC unroll 16
        for (int j = 0; j < columns; ++j)
            #pragma GCC unroll 16
            for (int k = 0; k < VECTORS; ++k)
                sums[(i * columns + j) * VECTORS + k] += x[i * WIDTH]
                    * ((Vector *) (y + j * column))[k];
}
// Multiplies some matrices, from `row` on, by the `depth` panels of as many
// others, and writes or adds the sum of the products. The panels of a row are
// `plane` apart. The others have one or more columns, `column` apart, and
// those of the result are `plane` apart.
template <bool add, int rows, int columns>
static inline void multiply_rows(const Real *const *matrices, int64_t row,
                                 const Real *const *others, int count,
                                 int64_t plane, int64_t column, int64_t depth,
                                 Real *result) {
    Vector sums[rows * columns * VECTORS];
    #pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
        #pragma GCC unroll 16
        for (int j = 0; j < columns; ++j)
            #pragma GCC unroll 16
            for (int k = 0; k < VECTORS; ++k)
                sums[(i * columns + j) * VECTORS + k] = add
                    ? ((Vector *) (result + j * plane + i * WIDTH))[k]
                    : Vector();
    for (int matrix = 0; matrix < count; ++matrix) {
        const Real *x = matrices[matrix] + row * WIDTH, *y = others[matrix];
        int64_t left = depth;
        for (; left >= WIDTH; left -= WIDTH, x += plane) {
            #pragma GCC unroll 16
            for (int k = 0; k < WIDTH; ++k)
                multiply_one<rows, columns>(x + k, y + k * WIDTH, column,
                                            sums);
            y += WIDTH * WIDTH;
        }
        for (int k = 0; k < left; ++k)
            multiply_one<rows, columns>(x + k, y + k * WIDTH, column, sums);
    }
    #pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
        #pragma GCC unroll 16
        for (int j = 0; j < columns; ++j)
            #pragma GCC unroll 16
            for (int k = 0; k < VECTORS; ++k)
                ((Vector *) (result + j * plane + i * WIDTH))[k] =
                    sums[(i * columns + j) * VECTORS + k];
}
// The same for any number of rows, which may write a few rows more.
template <bool add, int columns>
static void multiply(const Real *const *matrices, const Real *const *others,
                     int count, int64_t plane, int64_t column, int64_t depth,
                     int64_t rows, Real *result) {
    enum { MANY = ROWS * COLUMNS / columns };
    int64_t row = 0;
    for (; row + MANY <= rows; row += MANY)
        multiply_rows<add, MANY, columns>(matrices, row, others, count, plane,
                                          column, depth, result + row * WIDTH);
    for (; row < rows; row += ROWS)
        multiply_rows<add, ROWS, columns>(matrices, row, others, count, plane,
                                          column, depth, result + row * WIDTH);
}
// Writes or adds the product of two matrices of one panel each, the first
// transposed.
template <bool add>
static inline void multiply_transposed(const Real *x, const Real *y,
                                       int64_t rows, Real *result) {
    for (int first = 0; first < WIDTH; first += BLOCK) {
        Vector sums[BLOCK * VECTORS];
        Vector *const target = (Vector *) (result + first * WIDTH);
        #pragma GCC unroll 16
        for (int i = 0; i < BLOCK * VECTORS; ++i)
            sums[i] = add ? target[i] : Vector();
        for (int64_t t = 0; t < rows * WIDTH; t += WIDTH)
            #pragma GCC unroll 16
            for (int i = 0; i < BLOCK; ++i)
                #pragma GCC unroll 16
                for (int j = 0; j < VECTORS; ++j)
                    sums[i * VECTORS + j] += x[t + first + i]
                        * ((Vector *) (y + t))[j];
        #pragma GCC unroll 16
        for (int i = 0; i < BLOCK * VECTORS; ++i) target[i] = sums[i];
    }
}
"""
