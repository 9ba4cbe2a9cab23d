/* The GHK recursion of choicekit/numerics/ghk.py in C, for benchmarks/ghk_kernel.py to race against.

   The same arithmetic in the same order: the polynomials of special.py, the scrambled Sobol points of
   draws.py made chunk by chunk, the recursion, its adjoint and the Cholesky factor's. Loops run over
   the points of a chunk and are written so that gcc vectorises them. The names are those of the
   Python sources; change one, change the other: the benchmark stops where the two disagree.

   Axes: C cases, J alternatives, D = J - 1 utility differences. All choice sets are complete.  */

#include <math.h>
#include <stdint.h>
#include <string.h>

#define CHUNK_BITS 8
#define CHUNK (1 << CHUNK_BITS)
#define MOST 16 /* alternatives */
#define BITS 32
#define INVERSE_SQRT_2_PI 0.3989422804014327

typedef double row[CHUNK] __attribute__((aligned(64)));

/* ---- special.py ------------------------------------------------------------------------------ */

static inline int64_t bits_of(double x) { int64_t i; memcpy(&i, &x, 8); return i; }
static inline double float_of(int64_t i) { double x; memcpy(&x, &i, 8); return x; }

static inline double exp_(double x)
{
    const double round = 6755399441055744.0 + 1023.0;
    x = x > -709.1 ? x : -709.1;
    x = x < 709.4 ? x : 709.4;
    double shifted = x * 1.4426950408889634 + round;
    double k = shifted - round;
    double r = x - k * 0.6931471803691238;
    r = r - k * 1.9082149292705877e-10;
    double z = r * r;
    double even = 2.7620088445409746e-07;
    even = even * z + 2.4801521295954376e-05;
    even = even * z + 0.0013888888917213717;
    even = even * z + 0.04166666666662413;
    even = even * z + 0.5;
    double odd = 2.510038549551032e-08;
    odd = odd * z + 2.7557268459997064e-06;
    odd = odd * z + 0.00019841269863053618;
    odd = odd * z + 0.008333333333330062;
    odd = odd * z + 0.16666666666666669;
    double p = (odd * r + even) * z + r;
    double scale = float_of((int64_t)((uint64_t)bits_of(shifted) << 52));
    return scale * p + scale;
}

static inline double log_(double x)
{
    int64_t shifted = bits_of(x) + (0x3FF0000000000000LL - 0x3FE6A09E667F3BCDLL);
    int64_t exponent = (int64_t)((uint64_t)shifted >> 52);
    double k = float_of(exponent | 0x4330000000000000LL) - (4503599627370496.0 + 1023.0);
    double f = float_of((shifted & 0x000FFFFFFFFFFFFFLL) + 0x3FE6A09E667F3BCDLL) - 1.0;
    double s = f / (2.0 + f);
    double z = s * s;
    double p = 0.14616721179861816;
    p = p * z + 0.15331699633543858;
    p = p * z + 0.18182889786191042;
    p = p * z + 0.2222221112572281;
    p = p * z + 0.28571428626031065;
    p = p * z + 0.3999999999989938;
    p = p * z + 0.666666666666667;
    return k * 0.6931471803691238 + (f - (s * (f - z * p) - k * 1.9082149292705877e-10));
}

static inline double mills_(double x)
{
    double inverse = 1.0 / (x + 5.0);
    double t = (x - 5.0) * inverse;
    double z = t * t;
    double even = 1.2912874213654849e-08;
    even = even * z - 1.4573727205857554e-07;
    even = even * z + 1.0573006226025633e-06;
    even = even * z - 6.9179805616112204e-06;
    even = even * z + 4.180171633069977e-05;
    even = even * z - 0.00014882918529688415;
    even = even * z - 0.001999962677058995;
    even = even * z + 0.052125502482600936;
    even = even * z + 0.4136447157294455;
    even = even * z + 1.2415470615739104;
    even = even * z + 1.9280810471531578;
    double odd = -5.9226128658589914e-09;
    odd = odd * z + 7.476919614349497e-08;
    odd = odd * z - 8.10888036367098e-07;
    odd = odd * z + 9.956429010606643e-06;
    odd = odd * z - 0.0001247270507920554;
    odd = odd * z + 0.0013658565999337816;
    odd = odd * z - 0.007503282358809736;
    odd = odd * z - 0.17325473413322579;
    odd = odd * z - 0.7859110755444265;
    odd = odd * z - 1.6678665951889888;
    return (odd * t + even) * inverse;
}

static inline double normal_tail_quantile_(double logq)
{
    double s = sqrt(-2.0 * logq);
    double n = 12.134864931082573;
    n = n * s + 181808.14828287426;
    n = n * s + 471934929.91918594;
    n = n * s + 364599919452.3446;
    n = n * s + 105201173899389.55;
    n = n * s + 1.2790071113774416e16;
    n = n * s + 7.020055526064616e17;
    n = n * s + 1.8107518426655236e19;
    n = n * s + 2.259480662462948e20;
    n = n * s + 1.426606680049691e21;
    n = n * s + 4.945477011296777e21;
    n = n * s + 9.56120755204447e21;
    n = n * s + 8.308905873027021e21;
    n = n * s + 2.4857005132214693e21;
    n = n * s + 1.5647288004700055e20;
    double d = s + 18755.24797647693;
    d = d * s + 57073253.44772508;
    d = d * s + 50733529559.9934;
    d = d * s + 16769262299279.94;
    d = d * s + 2343755977680311.5;
    d = d * s + 1.4937352509828346e17;
    d = d * s + 4.5474044734550804e18;
    d = d * s + 6.8386363116075024e19;
    d = d * s + 5.2951233614932364e20;
    d = d * s + 2.2629334898117014e21;
    d = d * s + 5.626348116439457e21;
    d = d * s + 7.449987730692306e21;
    d = d * s + 4.4401173397323676e21;
    d = d * s + 9.341973925695438e20;
    d = d * s + 4.050299642084667e19;
    return s - n / d;
}

static inline double signed_log_tail_(double u, double ratio, double exponent, double upper)
{
    double p = u * ratio;
    int lower = p <= 0.5;
    double q = (1.0 - u) + u * upper;
    double logq = log_(lower ? p : q) + exponent;
    return lower ? logq : -logq;
}

static inline double normal_quantile_(double z)
{
    double x = normal_tail_quantile_(-fabs(z));
    return z < 0.0 ? -x : x;
}

/* ---- draws.py -------------------------------------------------------------------------------- */

static inline uint64_t mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

static void scramble_case(uint64_t key, uint64_t seed, const uint32_t *directions, int stride,
                          int n_dimensions, int n_bits, uint32_t (*out)[BITS], uint32_t *shift)
{
    const uint64_t step = 0x9E3779B97F4A7C15ULL;
    uint64_t state = mix64(key ^ mix64(seed + step));
    uint32_t columns[BITS];
    for (int d = 0; d < n_dimensions; d++) {
        for (int b = 0; b < n_bits; b++) {
            state += step;
            uint32_t word = (uint32_t)(mix64(state) >> 32), top = 0x80000000u >> b;
            columns[b] = (word & (top - 1)) | top;
        }
        state += step;
        shift[d] = (uint32_t)(mix64(state) >> 32);
        for (int k = 0; k < n_bits; k++) {
            uint32_t number = directions[d * stride + k], mixed = 0;
            for (int b = 0; b <= k; b++)
                if ((number >> (31 - b)) & 1)
                    mixed ^= columns[b];
            out[d][k] = mixed;
        }
    }
}

static void sobol_chunk(uint32_t (*scrambled)[BITS], const uint32_t *shift, int n_dimensions,
                        int n_bits, int chunk, uint32_t *restrict words, row *restrict u)
{
    int low = n_bits < CHUNK_BITS ? n_bits : CHUNK_BITS;
    for (int d = 0; d < n_dimensions; d++) {
        uint32_t start = shift[d];
        for (int b = low; b < n_bits; b++)
            if ((chunk >> (b - low)) & 1)
                start ^= scrambled[d][b];
        words[0] = start;
        for (int b = 0; b < low; b++) {
            uint32_t flip = scrambled[d][b];
            int size = 1 << b;
            for (int i = 0; i < size; i++)
                words[size + i] = words[i] ^ flip;
        }
        for (int i = 0; i < 1 << low; i++)
            u[d][i] = ((double)words[i] + 0.5) * 0x1p-32;
    }
}

/* ---- linear_algebra.py ----------------------------------------------------------------------- */

typedef double square[MOST][MOST];

static void difference_covariance(const double *omega, int J, int i, const int32_t *order, int D,
                                  square out)
{
    for (int d = 0; d < D; d++)
        for (int k = 0; k <= d; k++) {
            int p = order[d], q = order[k];
            double value = omega[p * J + q] - omega[p * J + i] - omega[i * J + q] + omega[i * J + i];
            out[d][k] = out[k][d] = value;
        }
}

static void cholesky(square a, int n)
{
    for (int j = 0; j < n; j++) {
        double diagonal = a[j][j], pivot = diagonal;
        for (int k = 0; k < j; k++)
            pivot -= a[j][k] * a[j][k];
        double least = 1e-13 * (diagonal > 1e-290 ? diagonal : 1e-290);
        pivot = sqrt(pivot > least ? pivot : least);
        a[j][j] = pivot;
        for (int i = j + 1; i < n; i++) {
            double value = a[i][j];
            for (int k = 0; k < j; k++)
                value -= a[i][k] * a[j][k];
            a[i][j] = value / pivot;
        }
    }
}

static void adjoint_cholesky(square t, int n, square g)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double value = 0.0;
            for (int m = i; m < n; m++)
                value += t[m][i] * g[m][j];
            g[j][i] = value * 0.5;
        }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            g[i][j] = g[j][i];
    for (int j = 0; j < n; j++)
        for (int i = n - 1; i >= 0; i--) {
            double value = g[i][j];
            for (int m = i + 1; m < n; m++)
                value -= t[m][i] * g[m][j];
            g[i][j] = value / t[i][i];
        }
    for (int i = 0; i < n; i++)
        for (int j = n - 1; j >= 0; j--) {
            double value = g[i][j];
            for (int m = j + 1; m < n; m++)
                value -= g[i][m] * t[m][j];
            g[i][j] = value / t[j][j];
        }
}

/* ---- ghk.py ---------------------------------------------------------------------------------- */

typedef struct {
    row u[MOST], e[MOST], a[MOST], ratio[MOST], density[MOST], ebar[MOST];
    row product, exponent, power, upper, bar, weight;
} scratch;

static double forward(const double *b, square t, int D, int n, scratch *restrict s)
{
    double *restrict product = s->product, *restrict exponent = s->exponent;
    double *restrict power = s->power, *restrict upper = s->upper;
    for (int r = 0; r < n; r++) {
        product[r] = 1.0;
        exponent[r] = 0.0;
    }
    for (int d = 0; d < D; d++) {
        double inverse = 1.0 / t[d][d], start = b[d] * inverse;
        double *restrict ad = s->a[d], *restrict pd = s->ratio[d], *restrict hd = s->density[d];
        for (int r = 0; r < n; r++)
            ad[r] = start;
        for (int k = 0; k < d; k++) {
            double c = t[d][k] * inverse;
            const double *restrict ek = s->e[k];
            for (int r = 0; r < n; r++)
                ad[r] -= c * ek[r];
        }
        for (int r = 0; r < n; r++) { /* normal_parts_ */
            double x = ad[r], squared = -0.5 * (x * x), bell = exp_(squared);
            double low = mills_(fabs(x)) * INVERSE_SQRT_2_PI, tail = low * bell, body = 1.0 - tail;
            int negative = x < 0.0;
            pd[r] = negative ? low : body;
            power[r] = negative ? squared : 0.0;
            upper[r] = negative ? body : tail;
            hd[r] = negative ? INVERSE_SQRT_2_PI : INVERSE_SQRT_2_PI * bell;
        }
        for (int r = 0; r < n; r++) {
            product[r] *= pd[r];
            exponent[r] += power[r];
        }
        if (d + 1 < D) {
            double *restrict ed = s->e[d];
            const double *restrict ud = s->u[d];
            for (int r = 0; r < n; r++)
                ed[r] = signed_log_tail_(ud[r], pd[r], power[r], upper[r]);
            for (int r = 0; r < n; r++)
                ed[r] = normal_quantile_(ed[r]);
        }
    }
    double top = exponent[0];
    for (int r = 1; r < n; r++)
        top = top > exponent[r] ? top : exponent[r];
    return top;
}

static double dot(const double *restrict x, const double *restrict y, int n)
{
    double total = 0.0;
#pragma omp simd reduction(+ : total)
    for (int r = 0; r < n; r++)
        total += x[r] * y[r];
    return total;
}

static double sum(const double *restrict x, int n)
{
    double total = 0.0;
#pragma omp simd reduction(+ : total)
    for (int r = 0; r < n; r++)
        total += x[r];
    return total;
}

static void backward(square t, int D, int n, scratch *restrict s, double *g_b, square g_t)
{
    double *restrict bar = s->bar;
    for (int d = 0; d < D - 1; d++)
        memset(s->ebar[d], 0, sizeof(double) * n);
    for (int d = D - 1; d >= 0; d--) {
        double inverse = 1.0 / t[d][d];
        const double *restrict ad = s->a[d], *restrict pd = s->ratio[d];
        const double *restrict hd = s->density[d], *restrict weight = s->weight;
        for (int r = 0; r < n; r++)
            bar[r] = weight[r] * hd[r] / pd[r];
        if (d + 1 < D) {
            const double *restrict ed = s->e[d], *restrict ud = s->u[d], *restrict eb = s->ebar[d];
            for (int r = 0; r < n; r++)
                bar[r] += eb[r] * ud[r] * exp_(0.5 * (ed[r] - ad[r]) * (ed[r] + ad[r]));
        }
        g_b[d] += inverse * sum(bar, n);
        g_t[d][d] -= inverse * dot(bar, ad, n);
        for (int k = 0; k < d; k++) {
            double *restrict eb = s->ebar[k];
            g_t[d][k] -= inverse * dot(bar, s->e[k], n);
            double c = t[d][k] * inverse;
            for (int r = 0; r < n; r++)
                eb[r] -= c * bar[r];
        }
    }
}

static double points(scratch *restrict s, double top, int n)
{
    double *restrict weight = s->weight;
    const double *restrict product = s->product, *restrict exponent = s->exponent;
    for (int r = 0; r < n; r++)
        weight[r] = exp_(exponent[r] - top);
    for (int r = 0; r < n; r++)
        weight[r] *= product[r];
    return sum(weight, n);
}

static void scale(double *g_b, square g_t, int D, double factor)
{
    for (int d = 0; d < D; d++) {
        g_b[d] *= factor;
        for (int k = 0; k <= d; k++)
            g_t[d][k] *= factor;
    }
}

static inline int place(int p, int q)
{
    int high = p > q ? p : q, low = p > q ? q : p;
    return high * (high + 1) / 2 + low;
}

static void write_gradient(int i, const int32_t *order, int J, const double *g_b, square g_sigma,
                           double *dv, double *domega)
{
    int D = J - 1;
    memset(dv, 0, sizeof(double) * J);
    memset(domega, 0, sizeof(double) * J * (J + 1) / 2);
    for (int d = 0; d < D; d++) {
        int k = order[d];
        double total = 0.0;
        dv[k] = -g_b[d];
        dv[i] += g_b[d];
        for (int m = 0; m < D; m++) {
            total += g_sigma[d][m];
            domega[place(k, order[m])] += g_sigma[d][m];
        }
        domega[place(k, i)] -= 2.0 * total;
        domega[place(i, i)] += total;
    }
}

/* Log-probabilities (C,) and gradients (C,J), (C,J(J+1)/2) of C cases; J > 2. `stride` is the length
   of a row of `directions`. The arguments are those of ghk_range, without rules and extra.  */
void ghk_cases(int C, int J, const double *v, const int32_t *chosen, const int32_t *order,
               const double *omega, const uint32_t *directions, int stride, const uint64_t *keys,
               uint64_t seed, int n_bits, double *logp, double *dv, double *domega)
{
    int D = J - 1, n_points = 1 << n_bits;
    static __thread scratch s;
    static __thread uint32_t words[CHUNK] __attribute__((aligned(64)));
    uint32_t scrambled[MOST][BITS], shift[MOST];
    square t, g_t;
    double b[MOST], g_b[MOST];
    for (int c = 0; c < C; c++) {
        const int32_t *own = order + (size_t)c * D;
        int i = chosen[c];
        for (int d = 0; d < D; d++)
            b[d] = v[(size_t)c * J + i] - v[(size_t)c * J + own[d]];
        difference_covariance(omega, J, i, own, D, t);
        cholesky(t, D);
        memset(g_b, 0, sizeof g_b);
        memset(g_t, 0, sizeof g_t);
        scramble_case(keys[c], seed, directions, stride, D - 1, n_bits, scrambled, shift);
        double top = -1e308, total = 0.0;
        for (int done = 0, chunk = 0; done < n_points; chunk++) {
            int n = n_points - done < CHUNK ? n_points - done : CHUNK;
            sobol_chunk(scrambled, shift, D - 1, n_bits, chunk, words, s.u);
            double highest = forward(b, t, D, n, &s);
            if (highest > top) {
                double factor = chunk ? exp(top - highest) : 0.0;
                total *= factor;
                scale(g_b, g_t, D, factor);
                top = highest;
            }
            total += points(&s, top, n);
            backward(t, D, n, &s, g_b, g_t);
            done += n;
        }
        logp[c] = top + log(total / n_points);
        scale(g_b, g_t, D, 1.0 / total);
        adjoint_cholesky(t, D, g_t);
        write_gradient(i, own, J, g_b, g_t, dv + (size_t)c * J, domega + (size_t)c * J * (J + 1) / 2);
    }
}
