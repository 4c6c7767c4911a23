"""What a model of texts reads, in words."""

from dl_runner.spec import Fields, Kind, Tokens


def tokens_in_words(kind: Kind) -> str | None:
    """How many tokens an example has, and of how many different ones; None for what holds none."""
    if isinstance(kind, Tokens):
        return (
            f"{'up to ' if kind.pad is not None else ''}{kind.length:,} tokens, of {kind.vocabulary:,} different ones"
        )
    fields = kind.fields if isinstance(kind, Fields) else ()
    told = [f"{name}: {words}" for name, inner in fields if (words := tokens_in_words(inner))]
    return "; ".join(told) or None
