"""The largest or smallest elements along an axis."""

from __future__ import annotations

import torch
from theano.tensor.sort import TopKOp

from ..dispatch import register
from ..values import computable, torch_dtype


@register(TopKOp, host=[1], fresh=True)
def _build_top_k(op, node):
    index_dtype = torch_dtype(op.idx_dtype)

    def top_k(x, k):
        count, size = abs(int(k)), x.shape[op.axis]
        if not 0 < count <= size:
            raise ValueError(
                f'topk was asked for {int(k)} elements along axis {op.axis} '
                f'of a tensor of shape {tuple(x.shape)}: the number must be '
                f'from 1 to {size}, or from -1 to -{size} for the smallest'
            )
        values, places = torch.topk(
            computable(x), count, op.axis, largest=int(k) > 0, sorted=False
        )
        results = []
        if op.return_values:
            results.append(values.to(x.dtype))
        if op.return_indices:
            results.append(places.to(index_dtype))
        return tuple(results) if len(results) > 1 else results[0]

    return top_k
