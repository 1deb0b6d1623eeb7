#!/bin/sh
# onnxruntime 1.32.0 (and 1.30): with the session option session.x64quantprecision, a weight of 8 bits that two products share is an error.
#
# Where an x64 processor has no dot products of 8-bit numbers, sums of signed ones overflow in 16 bits; that option is onnxruntime's own
# remedy: it turns signed weights into unsigned ones, for which its sums are exact. But a weight that is of two MatMulInteger nodes is turned for
# the first, under a name made of its own, and for the second again, under the same name: the session does not open. Without the option, or with the
# same numbers under two names, the same model opens. Expected: that one turned weight serves both, or is made once for each.
# To our users: ALBERT's layers share all of their weights, and T5's decoder its table with the head; such a model in 8 bits opens on a machine
# with VNNI, where nobody sets the option, and fails on an older one that needs it for correct sums. rankdag gives each use of a shared weight a name
# of its own, over the same bytes of its file.
# My guess was that initialisers that are used twice are the usual thing, and open.
#
# Output seen:
#   option 0, a weight each: opens
#   option 0, one weight for both: opens
#   option 1, a weight each: opens
#   option 1, one weight for both: FAIL, AddInitializerWithOrtValue
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet numpy==2.3.4 onnx==1.23.2 onnxruntime==1.32.0
cat > look.py <<'PY'
import numpy
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

weight = numpy.random.default_rng(0).integers(-127, 128, (64, 64), dtype=numpy.int8)


def model(names):
    constants = [numpy_helper.from_array(weight, name) for name in sorted(set(names))]
    constants.append(numpy_helper.from_array(numpy.array(128, numpy.uint8), "zero"))
    nodes = [helper.make_node("MatMulInteger", [x, name, "zero"], [f"{x}_out"]) for x, name in zip("ab", names)]
    inputs = [helper.make_tensor_value_info(x, TensorProto.UINT8, [8, 64]) for x in "ab"]
    outputs = [helper.make_tensor_value_info(f"{x}_out", TensorProto.INT32, [8, 64]) for x in "ab"]
    graph = helper.make_graph(nodes, "products", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString()


for option in ("0", "1"):
    for what, names in (("a weight each", ("w", "v")), ("one weight for both", ("w", "w"))):
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 4
        settings.add_session_config_entry("session.x64quantprecision", option)
        try:
            onnxruntime.InferenceSession(model(names), settings, providers=["CPUExecutionProvider"])
            seen = "opens"
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail as error:
            seen = "FAIL" + (", AddInitializerWithOrtValue" if "AddInitializerWithOrtValue" in str(error) else "")
        print(f"option {option}, {what}: {seen}")
PY
python/bin/python look.py > seen.txt
cat > expected.txt <<'TXT'
option 0, a weight each: opens
option 0, one weight for both: opens
option 1, a weight each: opens
option 1, one weight for both: FAIL, AddInitializerWithOrtValue
TXT
cat seen.txt
diff expected.txt seen.txt
