"""An event file as TensorBoard's own protocol buffers and record writer make it, read again by its EventAccumulator.

Made with tensorboard 2.20.0 (PyPI): python generate.py
"""
import io
import pathlib

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

here = pathlib.Path(__file__).parent
began = 1700000000.25
steps = [
    (0, [("loss", 1.5), ("epoch", 0.0)]),
    (1, [("loss", 0.1), ("dev.nDCG@10", 0.33333334), ("epoch", 0.5)]),
    (200, [("learningRate.größe", 1e-05), ("epoch", 3.25)]),
    (70000, [("loss", -0.0), ("epoch", 1000.0)]),
]

events = [Event(wall_time=began, file_version="brain.Event:2")]
for step, scalars in steps:
    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars]
    events.append(Event(wall_time=began, step=step, summary=Summary(value=values)))

path = here / "events.out.tfevents.1700000000.reference"
with open(path, "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
    writer.flush()

read = EventAccumulator(str(path))
read.Reload()
print({tag: [(each.step, each.value) for each in read.Scalars(tag)] for tag in read.Tags()["scalars"]})
