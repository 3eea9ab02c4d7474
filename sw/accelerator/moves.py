"""Operations that move whole matrices between the scratchpad and external memory."""

from .operations import External, Matrix, Operation, Window

__all__ = ["dma"]


def dma(name: str, comment: str, matrix: Matrix, external: External) -> Operation:
    """Return a load of a whole matrix, or a store; outside, too, its rows lie close."""
    distance = matrix.stride * 4
    return Operation(
        name=f"dma.{name}",
        comment=comment,
        windows={0: Window(tensor=matrix.tensor)},
        fields={"rows": matrix.rows, "words": matrix.words, "distance": distance},
        external=external,
    )
