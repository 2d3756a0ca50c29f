"""The report of the task "speed": tables, and the marks that are to be reached."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import report
from benchmarks.records import Row

BATCHES = {
    "16x65x4": "ERing",
    "16x100x6": "BasicMotions",
    "16x51x24": "NATOPS",
    "16x315x3": "UWaveGestureLibrary",
    "8x512x7": "long pieces",
    "64x128x6": "a large batch",
}
# Of the network of a detector, ours or PyOD's.
DETECTOR_WIDTHS = (128, 512)
# Of causal encoding: steps before each that its window has; how many steps of a series
# are measured where all would take long; and time points pushed to a stream together.
CONTEXT = 200
MEASURED_STEPS = {"windows": 500, "stream": 200}
PUSHED_TOGETHER = 10_000
BESIDE_ENCODER = ("losses", "optimiser", "averaging")
PIECES = ("data", "encoder", *BESIDE_ENCODER, "rest")


@dataclass(frozen=True)
class Mark:
    """What is to be reached at every size: a ratio of at most a limit."""

    work: str
    method: str
    reference: str
    limit: float


MARKS = (
    Mark("step", "ours", "plain", 0.7),
    Mark("step", "ours-bfloat16", "plain", 0.5),
    Mark("step-ts2vec", "ours", "pypots", 1.0),
    Mark("step-ts2vec", "ours-bfloat16", "pypots", 1 / 1.5),
    Mark("student", "half-hidden", "all-visible", 2 / 3),
    *(
        Mark(f"{work}-width-{width}", "ours", "pyod", 0.5)
        for work in ("fit", "score")
        for width in DETECTOR_WIDTHS
    ),
)
LARGEST_SHARE_BESIDE_ENCODER = 0.2


@dataclass(frozen=True)
class Table:
    """A section of the report: a work at all sizes, one column a cell."""

    title: str
    work: str
    text: str
    columns: Mapping[str, "Cell"]


class Figures:
    """Rows by work, size and method."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._found = {(row["work"], row["size"], row["method"]): row for row in rows}

    def sizes(self, work: str) -> list[str]:
        """Return the sizes of a work."""
        return report.in_order([r for r in self.rows if r["work"] == work], "size")

    def get(self, work: str, size: str, method: str, column: str) -> float:
        """Return a figure, NaN where it is missing."""
        row = self._found.get((work, size, method), {})
        return float(row.get(column) or "nan")

    def ratio(self, work: str, size: str, method: str, other: str) -> float:
        """Return the time of a method over that of another.

        The rows hold ratios to the reference of a work, that of the reference is 1.
        """
        own, others = (self.get(work, size, name, "ratio") for name in (method, other))
        return own / others

    def share_beside_encoder(self, size: str) -> float:
        """Return the share of losses, optimiser and averaging in a step."""
        return sum(self.get("shares", size, name, "ratio") for name in BESIDE_ENCODER)


Cell = Callable[[Figures, str, str], str]


def markdown(rows: list[Row]) -> str:
    """Return the report on these rows."""
    done = [row for row in rows if not row["error"]]
    figures = Figures(done)
    parts = [
        "# Speed",
        INTRODUCTION,
        _marks(figures),
        *(_section(figures, table) for table in TABLES),
        _memory(figures),
        report.provenance(done),
        report.notes(rows, ("work", "size", "method"), label="method"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(figures: Figures, table: "Table") -> str:
    sizes = figures.sizes(table.work)
    if not sizes:
        return ""
    lines = [["size", *table.columns]]
    for size in sizes:
        cells = [cell(figures, table.work, size) for cell in table.columns.values()]
        lines.append([_named(size), *cells])
    parts = [f"## {table.title}", table.text, report.grid(lines)]
    return "\n\n".join(part for part in parts if part)


def _named(size: str) -> str:
    return f"{size} ({BATCHES[size]})" if size in BATCHES else size


def _marks(figures: Figures) -> str:
    lines = [line for mark in MARKS for line in _mark(figures, mark)]
    shares = {
        size: figures.share_beside_encoder(size) for size in figures.sizes("shares")
    }
    about = "losses, optimiser and averaging / step"
    lines += _verdict(about, shares, LARGEST_SHARE_BESIDE_ENCODER)
    head = "## Marks\n\nWhat was aimed at, and whether it was reached:\n"
    return "\n".join([head, *lines]) if lines else ""


def _mark(figures: Figures, mark: Mark) -> list[str]:
    ratios = {
        size: figures.ratio(mark.work, size, mark.method, mark.reference)
        for size in figures.sizes(mark.work)
    }
    about = f"{mark.work}: {mark.method} / {mark.reference}"
    return _verdict(about, ratios, mark.limit)


def _verdict(about: str, ratios: Mapping[str, float], limit: float) -> list[str]:
    """Return a line that says at how many sizes a ratio is within its limit."""
    if not ratios:
        return []
    n_reached = sum(value <= limit for value in ratios.values())
    worst = max(ratios, key=lambda size: ratios[size])
    word = "reached" if n_reached == len(ratios) else "NOT reached"
    return [
        f"- {about} at most {limit:.2f}: {word}, at {n_reached} of {len(ratios)} "
        f"sizes; the largest is {ratios[worst]:.2f} at {worst}"
    ]


def _memory(figures: Figures) -> str:
    """Return sizes x methods of all works whose memory was measured."""
    lines = [["work", "size", "method", "MiB"]]
    for row in figures.rows:
        if row["work"].startswith("memory-"):
            work = row["work"].removeprefix("memory-")
            megabytes = f"{float(row['working_memory_mb']):.0f}"
            lines.append([work, row["size"], row["method"], megabytes])
    if len(lines) == 1:
        return ""
    return f"## Memory\n\n{MEMORY_TEXT}\n\n{report.grid(lines)}"


def milliseconds(method: str) -> Cell:
    """Return a cell: median, and range over the rounds."""

    def cell(figures: Figures, work: str, size: str) -> str:
        median, fastest, slowest = (
            figures.get(work, size, method, f"{prefix}milliseconds")
            for prefix in ("", "fastest_", "slowest_")
        )
        return _shown(f"{median:.1f} ({fastest:.1f} to {slowest:.1f})")

    return cell


def ratio(method: str, other: str) -> Cell:
    """Return a cell: the times of one method over those of another."""
    return lambda figures, work, size: _shown(
        f"{figures.ratio(work, size, method, other):.2f}"
    )


def share_of_peak(method: str, product: str) -> Cell:
    """Return a cell: operations a second as a share of those of a matrix product."""

    def cell(figures: Figures, work: str, size: str) -> str:
        own, peak = (
            figures.get(work, size, name, "gflop_per_second")
            for name in (method, product)
        )
        return _shown(f"{100 * own / peak:.0f} %")

    return cell


def rate(method: str) -> Cell:
    """Return a cell: GFLOP/s."""
    return lambda figures, work, size: _shown(
        f"{figures.get(work, size, method, 'gflop_per_second'):.0f}"
    )


def series_per_second(method: str) -> Cell:
    """Return a cell: series a second."""

    def cell(figures: Figures, work: str, size: str) -> str:
        spent = figures.get(work, size, method, "milliseconds") / 1e3
        return _shown(f"{int(size.split('x')[0]) / spent:.3g}")

    return cell


def microseconds_a_time_point(method: str) -> Cell:
    """Return a cell: microseconds a time point, and range over the rounds."""

    def cell(figures: Figures, work: str, size: str) -> str:
        n_timepoints = int(size.split("x")[1])
        median, fastest, slowest = (
            1e3
            * figures.get(work, size, method, f"{prefix}milliseconds")
            / n_timepoints
            for prefix in ("", "fastest_", "slowest_")
        )
        return _shown(f"{median:,.1f} ({fastest:,.1f} to {slowest:,.1f})")

    return cell


def time_points_per_second(method: str) -> Cell:
    """Return a cell: time points a second."""

    def cell(figures: Figures, work: str, size: str) -> str:
        spent = figures.get(work, size, method, "milliseconds") / 1e3
        return _shown(f"{int(size.split('x')[1]) / spent:,.0f}")

    return cell


def share(piece: str) -> Cell:
    """Return a cell: the share of a piece in the whole step."""
    return lambda figures, work, size: _shown(
        f"{100 * figures.get(work, size, piece, 'ratio'):.0f} %"
    )


def _shown(text: str) -> str:
    return "" if "nan" in text else text


INTRODUCTION = (
    "Medians over rounds in which all methods take turns; ratios are medians of the "
    "ratios within a round, below 1 where the first is faster. Sizes are batch or "
    "panel x time points x channels; series are noise in the shapes of the sets named. "
    "`plain` is the method as its equations read (benchmarks/plain.py), at equal "
    "widths, with the same crops. TS2Vec is the estimator with `time_embedding=None`, "
    "64 hidden channels and 320 latents beside PyPOTS's at the same widths. PyPOTS "
    "encodes the whole series once more in each training step and throws the result "
    "away; `lean` is its loop without that. It averages no weights. oneDNN keeps all "
    "of the code that it generates for shapes (`ONEDNN_PRIMITIVE_CACHE_CAPACITY`), so "
    "that methods which take turns do not slow one another down."
)
MEMORY_TEXT = (
    "By how much one round raises the peak memory of a process of its own, once "
    "libraries and data are loaded."
)
CAUSAL_TEXT = (
    f"Each time point from its window, itself and {CONTEXT} before: microseconds a "
    "time point (range over the rounds)."
)
TABLES = (
    Table(
        "Training step",
        "step",
        "Milliseconds (range over the rounds).",
        {
            "plain": milliseconds("plain"),
            "ours": milliseconds("ours"),
            "bfloat16": milliseconds("ours-bfloat16"),
            "ours / plain": ratio("ours", "plain"),
            "bfloat16 / plain": ratio("ours-bfloat16", "plain"),
        },
    ),
    Table(
        "Training step as TS2Vec",
        "step-ts2vec",
        "Milliseconds (range over the rounds).",
        {
            "PyPOTS": milliseconds("pypots"),
            "lean": milliseconds("pypots-lean"),
            "ours": milliseconds("ours"),
            "bfloat16": milliseconds("ours-bfloat16"),
            "ours / PyPOTS": ratio("ours", "pypots"),
            "ours / lean": ratio("ours", "pypots-lean"),
            "bfloat16 / PyPOTS": ratio("ours-bfloat16", "pypots"),
            "bfloat16 / lean": ratio("ours-bfloat16", "pypots-lean"),
        },
    ),
    Table(
        "Share of the peak",
        "step",
        "The peak is that of a product of two matrices of 2048 x 2048, in turn with "
        "the steps. A step counts as the operations of the plain encoder with all taps "
        "of its convolutions, whoever takes it and whatever else it does.",
        {
            "peak float32, GFLOP/s": rate("product"),
            "peak bfloat16": rate("product-bfloat16"),
            "plain": share_of_peak("plain", "product"),
            "ours": share_of_peak("ours", "product"),
            "ours in bfloat16, of its peak": share_of_peak(
                "ours-bfloat16", "product-bfloat16"
            ),
        },
    ),
    Table(
        "Where our step goes",
        "shares",
        "Shares of the milliseconds of a whole step. The rest is the training loop and "
        "the history; it is what the pieces, timed one by one, leave of the whole.",
        {
            "step": milliseconds("step"),
            **{piece: share(piece) for piece in PIECES},
        },
    ),
    *(
        Table(
            title,
            work,
            f"{text}, with `token_mask_ratio` 0 and 0.5. Milliseconds (range over the "
            "rounds).",
            {
                "all visible": milliseconds("all-visible"),
                "half hidden": milliseconds("half-hidden"),
                "half hidden / all visible": ratio("half-hidden", "all-visible"),
            },
        )
        for title, work, text in (
            ("DMAE's student", "student", "Both passes of the student alone"),
            ("DMAE's step", "step-dmae", "Whole steps, with heads, loss and optimiser"),
        )
    ),
    *(
        Table(
            f"`{name}`",
            name,
            "Series a second.",
            {
                "plain": series_per_second("plain"),
                "ours": series_per_second("ours"),
                "ours / plain, time": ratio("ours", "plain"),
            },
        )
        for name in ("encode", "transform")
    ),
    *(
        Table(
            f"`{name}` as TS2Vec",
            f"{name}-ts2vec",
            "Series a second.",
            {
                "PyPOTS": series_per_second("pypots"),
                "ours": series_per_second("ours"),
                "ours / PyPOTS, time": ratio("ours", "pypots"),
            },
        )
        for name in ("encode", "transform")
    ),
    Table(
        "Causal encoding",
        "causal-encoding",
        f"{CAUSAL_TEXT} `TRepTransformer` with its defaults, untrained. `windows` is "
        "the same network over each window whole, in batches of windows, measured on "
        f"the last {MEASURED_STEPS['windows']} time points; `ours` is `encode_causal`; "
        "`causal network` is one of `causal=True`, which sees all time points before "
        "in one pass (`context=None`); `stream` gets the time points one by one, "
        f"measured on {MEASURED_STEPS['stream']} of them.",
        {
            "windows": microseconds_a_time_point("windows"),
            "ours": microseconds_a_time_point("ours"),
            "causal network": microseconds_a_time_point("causal-network"),
            "stream": microseconds_a_time_point("stream"),
            "windows / ours": ratio("windows", "ours"),
            "stream / windows": ratio("stream", "windows"),
            "ours / causal network": ratio("ours", "causal-network"),
        },
    ),
    Table(
        "DMAE's causal encoding",
        "causal-encoding-dmae",
        f"{CAUSAL_TEXT} `DMAETransformer` with its defaults, untrained: `ours`, "
        "`encode_causal`, encodes each window whole. `encode` represents all time "
        "points of a window together, from later ones too.",
        {
            "encode": microseconds_a_time_point("encode"),
            "ours": microseconds_a_time_point("ours"),
            "stream": microseconds_a_time_point("stream"),
            "ours / encode": ratio("ours", "encode"),
        },
    ),
    Table(
        "Causal encoding of a long series",
        "causal-encoding-long",
        "`TRepTransformer` as above, time points a second. `ours` is `encode_causal`, "
        "which returns 512 bytes a time point; `stream` gets "
        f"{PUSHED_TOGETHER:,} time points at a time, whose representations are thrown "
        "away. Their memory is below.",
        {
            "ours": time_points_per_second("ours"),
            "stream": time_points_per_second("stream"),
        },
    ),
    *(
        Table(
            f"{title}, {width} wide",
            f"{work}-width-{width}",
            "`AMADDetector` beside PyOD's AnomalyTransformer, both with windows of 100 "
            "time points, 10 from one to the next, 3 layers of 8 heads, batches of 32. "
            "Milliseconds (range over the rounds).",
            {
                "PyOD": milliseconds("pyod"),
                "ours": milliseconds("ours"),
                "ours / PyOD": ratio("ours", "pyod"),
            },
        )
        for work, title in (
            ("fit", "Training a detector for an epoch"),
            ("score", "Scores of a detector"),
        )
        for width in DETECTOR_WIDTHS
    ),
    Table(
        "Scores of a long series",
        "score-stream",
        "`AMADDetector` with its defaults; its memory is below.",
        {"ours": milliseconds("ours")},
    ),
    Table(
        "Scores of a long series by the nearest normal",
        "score-stream-nearest",
        "`RepresentationDetector` with its defaults, remembering 3,000 windows; its "
        "memory is below.",
        {"ours": milliseconds("ours")},
    ),
    Table(
        "VUS-PR",
        "vus-pr",
        "Of noise with ten segments of anomalies.",
        {"ours": milliseconds("ours")},
    ),
    Table(
        "Import",
        "import",
        "`import sklearn.base`, and `from sklearn_tsrep import TRepTransformer`, which "
        "loads no torch, each in a fresh interpreter. Milliseconds (range over the "
        "rounds).",
        {
            "scikit-learn": milliseconds("scikit-learn"),
            "ours": milliseconds("ours"),
            "ours / scikit-learn": ratio("ours", "scikit-learn"),
        },
    ),
)
