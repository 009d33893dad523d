"""PyTorch's functions for scalar Ops, and which Ops are exact on integers."""

from __future__ import annotations

import theano.scalar.basic as scalar
import theano.scalar.basic_scipy as special
import torch
from theano.tensor.nnet.nnet import ScalarSoftsign
from theano.tensor.nnet.sigm import ScalarSigmoid


def _sign(x):
    # The sign of NaN is NaN; torch.sign would say 0.
    return torch.where(x != x, x, torch.sign(x))


def _hyperbolic(function, x):
    # PyTorch's functions overflow where exp(x) does: log(2) too early.
    half = torch.exp(torch.abs(x) / 2)
    large = half * (0.5 * half)
    if function is torch.sinh:
        large = torch.where(x < 0, -large, large)
    return torch.where(torch.abs(x) > 80, large, function(x))


#: Functions of tensors that all have the type of the result.
ARITHMETIC = {
    scalar.Sub: torch.sub,
    scalar.TrueDiv: torch.true_divide,
    scalar.IntDiv: lambda x, y: torch.div(x, y, rounding_mode='floor'),
    scalar.Mod: torch.remainder,
    scalar.Pow: torch.pow,
    scalar.Maximum: torch.maximum,
    scalar.Minimum: torch.minimum,
    scalar.ArcTan2: torch.atan2,
    scalar.OR: torch.bitwise_or,
    scalar.AND: torch.bitwise_and,
    scalar.XOR: torch.bitwise_xor,
    scalar.Abs: torch.abs,
    scalar.Sgn: _sign,
    scalar.Ceil: torch.ceil,
    scalar.Floor: torch.floor,
    scalar.Trunc: torch.trunc,
    scalar.RoundHalfToEven: torch.round,
    scalar.Neg: torch.neg,
    scalar.Inv: torch.reciprocal,
    scalar.Log: torch.log,
    scalar.Log2: torch.log2,
    scalar.Log10: torch.log10,
    scalar.Log1p: torch.log1p,
    scalar.Exp: torch.exp,
    scalar.Exp2: torch.exp2,
    scalar.Expm1: torch.expm1,
    scalar.Sqr: torch.square,
    scalar.Sqrt: torch.sqrt,
    scalar.Deg2Rad: torch.deg2rad,
    scalar.Rad2Deg: torch.rad2deg,
    scalar.Cos: torch.cos,
    scalar.ArcCos: torch.acos,
    scalar.Sin: torch.sin,
    scalar.ArcSin: torch.asin,
    scalar.Tan: torch.tan,
    scalar.ArcTan: torch.atan,
    scalar.ArcCosh: torch.acosh,
    scalar.Cosh: lambda x: _hyperbolic(torch.cosh, x),
    scalar.Sinh: lambda x: _hyperbolic(torch.sinh, x),
    scalar.ArcSinh: torch.asinh,
    scalar.Tanh: torch.tanh,
    scalar.ArcTanh: torch.atanh,
    scalar.Identity: torch.clone,
    scalar.Conj: torch.clone,
    scalar.Real: torch.clone,
    ScalarSigmoid: torch.sigmoid,
    ScalarSoftsign: lambda x: x / (1 + torch.abs(x)),
    special.Erf: torch.erf,
    special.Erfc: torch.erfc,
    special.Erfinv: torch.erfinv,
    special.Erfcx: torch.special.erfcx,
    special.GammaLn: torch.lgamma,
    special.Psi: torch.digamma,
    special.I0: torch.special.i0,
    special.I1: torch.special.i1,
    special.TriGamma: lambda x: torch.polygamma(1, x),
    special.GammaInc: torch.special.gammainc,
    special.GammaIncC: torch.special.gammaincc,
}

#: Functions of tensors that have a common type, with a Boolean result.
COMPARISONS = {
    scalar.LT: torch.lt,
    scalar.GT: torch.gt,
    scalar.LE: torch.le,
    scalar.GE: torch.ge,
    scalar.EQ: torch.eq,
    scalar.NEQ: torch.ne,
    scalar.IsNan: torch.isnan,
    scalar.IsInf: torch.isinf,
}

#: Functions that take integers to integers.
EXACT = (
    scalar.Add,
    scalar.Mul,
    scalar.Sub,
    scalar.IntDiv,
    scalar.Mod,
    scalar.Pow,
    scalar.Maximum,
    scalar.Minimum,
    scalar.OR,
    scalar.AND,
    scalar.XOR,
    scalar.Abs,
    scalar.Sgn,
    scalar.Neg,
    scalar.Sqr,
    scalar.Ceil,
    scalar.Floor,
    scalar.Trunc,
    scalar.RoundHalfToEven,
    scalar.Identity,
    scalar.Conj,
    scalar.Real,
)

#: Functions of which a processor computes several at a time.
CHEAP = (
    scalar.Abs,
    scalar.Add,
    scalar.Cast,
    scalar.Identity,
    scalar.Inv,
    scalar.Maximum,
    scalar.Minimum,
    scalar.Mul,
    scalar.Neg,
    scalar.Second,
    scalar.Sqr,
    scalar.Sqrt,
    scalar.Sub,
    scalar.TrueDiv,
)
