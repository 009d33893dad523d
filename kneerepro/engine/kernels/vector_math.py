"""Exponential functions in C++ of which a processor computes several at a
time.

They have no branches and call nothing, so a compiler can turn a loop over them
into instructions for vectors. Their errors are at most two and a half units in
the last place. Infinities and NaN give what the C library's functions give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

_LOG_2 = Fraction(Decimal(2).ln(Context(prec=60)))


@dataclass(frozen=True)
class _Type:
    """A type of numbers.

    Attributes
    ----------
    name, whole : str
        Its name in C++, and that of the integers of the same size.
    suffix : str
        The end of the names of C's functions for it.
    bits : int
        The digits of its fraction.
    bias : int
        What its exponents are stored with.
    highest, lowest : int
        Beyond these, exp(x) is infinite or 0.
    saturated : int
        From here on, (exp(x) - 1) / (exp(x) + 1) is 1.
    terms : int
        The number of terms after which the power series of exp(x) adds nothing
        to the last place, for x between -log(2) / 2 and log(2) / 2.
    """

    name: str
    whole: str
    suffix: str
    bits: int
    bias: int
    highest: int
    lowest: int
    saturated: int
    terms: int

    def number(self, value: float | Fraction) -> str:
        """A number of this type in C++."""
        return f'({self.name}) {float(value)!r}'

    def series(self) -> str:
        """exp(r) - 1 = r + r^2 (1/2 + r (1/6 + ...)), from the last term."""
        value, *others = (
            self.number(Fraction(1, math.factorial(n)))
            for n in range(self.terms, 1, -1)
        )
        for term in others:
            value = f'multiply_add({value}, r, {term})'
        return f'multiply_add(r * r, {value}, r)'

    def functions(self) -> str:
        """All functions of numbers of this type."""
        # The products of log(2)'s first digits and whole numbers are exact.
        digits = 2 ** (self.bits // 2)
        first = Fraction(round(_LOG_2 * digits), digits)
        return _FUNCTIONS.format(
            T=self.name,
            whole=self.whole,
            suffix=self.suffix,
            bits=self.bits,
            bias=self.bias,
            # After adding this, the last bits are those of a whole number.
            shift=self.number(3 * 2 ** (self.bits - 1)),
            inverse=self.number(1 / _LOG_2),
            first=self.number(-first),
            rest=self.number(first - _LOG_2),
            series=self.series(),
            highest=self.highest,
            lowest=self.lowest,
            saturated=self.saturated,
        )


_FUNCTIONS = """
static inline {T} multiply_add({T} a, {T} b, {T} c) {{
#ifdef __FMA__
    return __builtin_fma{suffix}(a, b, c);
#else
    return a * b + c;
#endif
}}
static inline {T} nearest_whole({T} x) {{
    return (x + {shift}) - {shift};
}}
static inline {T} power_of_two({T} n) {{
    const {T} shifted = n + {shift};
    {whole} digits;
    memcpy(&digits, &shifted, sizeof digits);
    digits = (digits + {bias}) << {bits};
    {T} power;
    memcpy(&power, &digits, sizeof power);
    return power;
}}
// exp(x) = 2^n (1 + the result)
static inline {T} exp_rest({T} x, {T} *n) {{
    *n = nearest_whole(x * {inverse});
    const {T} r = multiply_add(*n, {rest}, multiply_add(*n, {first}, x));
    return {series};
}}
static inline {T} vector_exp({T} x) {{
    x = x > {highest} ? {highest} : x;
    x = x < {lowest} ? {lowest} : x;
    {T} n;
    const {T} rest = exp_rest(x, &n);
    // 2^n may be too large or too small for a number where the result is not.
    const {T} half = nearest_whole(n * ({T}) 0.5);
    return (1 + rest) * power_of_two(half) * power_of_two(n - half);
}}
static inline {T} vector_sigmoid({T} x) {{
    return 1 / (1 + vector_exp(-x));
}}
static inline {T} vector_tanh({T} x) {{
    {T} twice = 2 * __builtin_fabs{suffix}(x);
    twice = twice > {saturated} ? {saturated} : twice;
    {T} n;
    const {T} rest = exp_rest(twice, &n), power = power_of_two(n);
    const {T} less_1 = multiply_add(rest, power, power - 1);
    return __builtin_copysign{suffix}(less_1 / (less_1 + 2), x);
}}
"""

#: The functions ``vector_exp``, ``vector_sigmoid`` and ``vector_tanh`` of
#: float and of double.
VECTOR_MATH = '#include <stdint.h>\n#include <string.h>\n' + ''.join(
    kind.functions()
    for kind in (
        _Type('float', 'uint32_t', 'f', 23, 127, 89, -104, 20, 8),
        _Type('double', 'uint64_t', '', 52, 1023, 710, -746, 40, 14),
    )
)
