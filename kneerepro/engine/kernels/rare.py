"""Ops that Theano's own Python code carries out on the host.

They are rare, or work on small tensors, or on values that only the host has.
"""

from theano.compile.ops import FromFunctionOp
from theano.printing import Print
from theano.sandbox.multinomial import (
    ChoiceFromUniform,
    MultinomialFromUniform,
)
from theano.sandbox.rng_mrg import DotModulo
from theano.tensor.basic import (
    ARange,
    Choose,
    Default,
    Eye,
    PermuteRowElements,
    ScalarFromTensor,
    TensorFromScalar,
    Tri,
)
from theano.tensor.extra_ops import (
    Bartlett,
    FillDiagonal,
    FillDiagonalOffset,
    RavelMultiIndex,
    SearchsortedOp,
    Unique,
    UnravelIndex,
)
from theano.tensor.nlinalg import (
    SVD,
    AllocDiag,
    Eig,
    Eigh,
    EighGrad,
    MatrixPinv,
    QRFull,
    QRIncomplete,
    TensorInv,
    TensorSolve,
    lstsq,
)
from theano.tensor.nnet.abstract_conv import BaseAbstractConv
from theano.tensor.nnet.blocksparse import SparseBlockGemv, SparseBlockOuter
from theano.tensor.nnet.bn import (
    AbstractBatchNormInference,
    AbstractBatchNormTrain,
    AbstractBatchNormTrainGrad,
)
from theano.tensor.nnet.neighbours import Images2Neibs
from theano.tensor.raw_random import RandomFunction
from theano.tensor.slinalg import (
    Cholesky,
    CholeskyGrad,
    Eigvalsh,
    EigvalshGrad,
    Expm,
    ExpmGrad,
    Solve,
)
from theano.typed_list.basic import (
    Append,
    Count,
    Extend,
    GetItem,
    Index,
    Insert,
    Length,
    MakeList,
    Remove,
    Reverse,
)

from ..dispatch import register_on_host

# Tensors made from a few numbers.
register_on_host(
    ARange, Eye, Tri, Bartlett, ScalarFromTensor, TensorFromScalar
)
# Values that are not tensors: random states and lists.
register_on_host(
    RandomFunction,
    MakeList,
    GetItem,
    Append,
    Extend,
    Insert,
    Remove,
    Reverse,
    Index,
    Count,
    Length,
)
# Small matrices.
register_on_host(
    DotModulo,
    Cholesky,
    CholeskyGrad,
    Eigvalsh,
    EigvalshGrad,
    Solve,
    Expm,
    ExpmGrad,
    SVD,
    AllocDiag,
    Eig,
    Eigh,
    EighGrad,
    MatrixPinv,
    QRFull,
    QRIncomplete,
    TensorInv,
    TensorSolve,
    lstsq,
)
# Operations that are rare in training.
register_on_host(
    Choose,
    Default,
    PermuteRowElements,
    FillDiagonal,
    FillDiagonalOffset,
    RavelMultiIndex,
    UnravelIndex,
    SearchsortedOp,
    Unique,
    SparseBlockGemv,
    SparseBlockOuter,
    Images2Neibs,
    ChoiceFromUniform,
    MultinomialFromUniform,
)
register_on_host(BaseAbstractConv, when=lambda node: node.op.unshared)
# The optimised graph replaces these by elementwise operations.
register_on_host(
    AbstractBatchNormInference,
    AbstractBatchNormTrain,
    AbstractBatchNormTrainGrad,
)
# Python functions of the user, from theano.as_op and theano.printing.Print.
register_on_host(FromFunctionOp, Print)
