"""Metrics: values that carry their counts (`reduce`), where they go (`sinks`), what a person sees (`live`).

`keys` names what the live view and the report look for. Nothing here imports torch, a tracker or rich until
it is used.
"""

from rlhf.metrics.live import LiveView, open_live_view
from rlhf.metrics.reduce import Max, Mean, Metric, MetricBag, Min, Ratio, Sum
from rlhf.metrics.sinks import JsonlSink, Sink, SinkGroup, TrackerError, open_sinks, read_metrics

__all__ = [
    "JsonlSink",
    "LiveView",
    "Max",
    "Mean",
    "Metric",
    "MetricBag",
    "Min",
    "Ratio",
    "Sink",
    "SinkGroup",
    "Sum",
    "TrackerError",
    "open_live_view",
    "open_sinks",
    "read_metrics",
]
