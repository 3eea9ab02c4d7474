/* A product of matrices by MBM multipliers, simulated product by product and case by case: what the
   compiled loops of sw/approx/fast.py are compared with. The bits are those of sw/approx/product.py. */

#include <math.h>
#include <stdint.h>
#include <string.h>

static float value(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t pattern(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Carry and fraction of the product of two fractions, by MBM's datapath. */
static uint32_t minimally_biased(uint32_t x, uint32_t y, int bits)
{
    uint32_t one = 1u << bits, total = (x | 1) + (y | 1), carry = total >> bits;
    uint32_t correction = 655360u >> carry >> (23 - bits);
    total = (total & (one - 1)) + correction;
    if (carry && total >= one)
        total -= correction;
    if (!carry && total >= one) {
        carry = 1;
        total = (total - one) >> 1;
    }
    return carry << bits | total;
}

/* As above, from a table where there is one. */
static float multiply(float a, float b, int bits, const uint16_t *table)
{
    uint32_t p = pattern(a), q = pattern(b), sign = (p ^ q) & 0x80000000u;
    int32_t e = p >> 23 & 255, f = q >> 23 & 255;
    uint32_t x = (p & 0x7fffff) >> (23 - bits), y = (q & 0x7fffff) >> (23 - bits), code;
    if (isnan(a) || isnan(b))
        return value(0x7fc00000);
    if (e == 255 || f == 255)
        return value(e == 0 || f == 0 ? 0x7fc00000 : sign | 0x7f800000);
    if (e == 0 || f == 0)
        return value(sign);
    code = table ? table[x << bits | y] : minimally_biased(x, y, bits);
    e += f - 127 + (int32_t)(code >> bits);
    if (e <= 0)
        return value(sign);
    if (e >= 255)
        return value(sign | 0x7f800000);
    return value(sign | (uint32_t)e << 23 | (code & ((1u << bits) - 1)) << (23 - bits));
}

void gemm(const float *a, const float *b, float *result, int m, int k, int n, int bits,
          const uint16_t *table)
{
    for (int i = 0; i < m; i++) {
        float *total = result + i * n;
        for (int j = 0; j < n; j++)
            total[j] = 0;
        for (int l = 0; l < k; l++)
            for (int j = 0; j < n; j++) {
                total[j] += multiply(a[i * k + l], b[l * n + j], bits, table);
                if (fabsf(total[j]) < 0x1p-126f)
                    total[j] = copysignf(0, total[j]);
            }
        for (int j = 0; j < n; j++)
            if (isnan(total[j]))
                total[j] = value(0x7fc00000);
    }
}
