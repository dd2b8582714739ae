"""INVESTMENT_STAGES, the built-in vocabulary: pre-seed to series-c+.

Only this vocabulary lives here. Its forms were checked against written forms of public funding data; "Series B+",
"Pre-Series A" and bare letters stay unknown on purpose, because people mean different things by them.
"""

from __future__ import annotations

from stagenorm.core.vocabulary import Term, Vocabulary

INVESTMENT_STAGES = Vocabulary(
    "investment-stages",
    [
        Term("pre-seed", "Pre-Seed", aliases=("preseed",)),
        Term("seed", "Seed"),
        Term("series-a", "Series A", aliases=("seriesa",)),
        Term("series-b", "Series B", aliases=("seriesb",)),
        Term("series-c", "Series C", aliases=("seriesc",)),
        Term("series-c+", "Series C+", aliases=("seriesc+",)),
    ],
    suffixes=("round", "funding", "funding round", "financing"),
)
