#!/bin/sh
# ranx 0.3.21: a run saved as .lz4 is packed twice.
#
# Run.save("run.lz4") writes an LZ4 frame whose content is another LZ4 frame, and in that CBOR (ranx/io.py opens the file with
# lz4.frame.open and writes lz4.frame.compress(cbor2.dumps(run)) to it). So `lz4 -d run.lz4` gives a file that is LZ4 again, and
# programs that unpack once and look for CBOR or JSON find neither. The second packing makes the file larger, not smaller.
# Expected: one frame, as `load_lz4` of other tools and the lz4 command take it.
# To our users: rankdag refuses LZ4 and names Run.from_file("run.lz4").save("run.json"), not `lz4 -d` alone.
#
# Output seen:
#   first unpacking:  04224d18 (LZ4 again)
#   second unpacking: a1627131 (CBOR: a map of one, the text q1)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet ranx==0.3.21 lz4==4.4.5 cbor2==6.3.0 orjson==3.13.0
venv/bin/python - <<'PY'
import lz4.frame
from ranx import Run

Run({"q1": {"d1": 2.5}}).save("run.lz4")
once = lz4.frame.decompress(open("run.lz4", "rb").read())
twice = lz4.frame.decompress(once)
print("first unpacking: ", once[:4].hex(), "(LZ4 again)" if once[:4].hex() == "04224d18" else "(no LZ4)")
print("second unpacking:", twice[:4].hex())
raise SystemExit(0 if once[:4].hex() == "04224d18" and twice[:4].hex() == "a1627131" else 1)
PY
