"""Numbers as people read them: shares that add up to 100, and no 0 % or 100 % for what is undecided."""

from collections.abc import Sequence

_LEAST = 0.005  # rounds to 1 %


def whole_percentages(chances: Sequence[float]) -> tuple[int, ...]:
    """Whole percentages that add up to 100, by the largest remainder; of equal remainders the first gains."""
    total = sum(chances)
    exact = [chance / total * 100 for chance in chances]
    floors = [int(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for i in order[: 100 - sum(floors)]:
        floors[i] += 1
    return tuple(floors)


def percent(chance: float, *, is_decided: bool = False) -> str:
    """A chance as a person reads it; what is undecided is never 0 % or 100 %."""
    if is_decided:
        return "yes" if chance > 0.5 else "no"  # noqa: PLR2004 - decided is 0 or 1
    if chance < _LEAST:
        return "<1 %"
    if chance > 1 - _LEAST:
        return ">99 %"
    return f"{chance * 100:.0f} %"


def number(value: float, digits: int = 2) -> str:
    """A number with a fixed number of digits behind the point, and a real minus sign."""
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.removeprefix("-")
    return with_minus(text)


def with_minus(text: str) -> str:
    """A number's text with a real minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")
